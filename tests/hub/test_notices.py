"""Who is told, and why."""

from msgspec.structs import replace

from hub.model import Alert, Person
from hub.notices import Receiver, Roster, body

ALERT = Alert(
    id="a1", rule="smoke", severity="critical", state="firing", device="d:1", quantity="fire.smoke", value=1.0, unit="1",
    at=1_791_169_445_678, raised_at=1_791_169_445_700, place={"zh": "3幢2单元502 厨房", "en": "Building 3"},
)  # fmt: skip
LI = Person("li", "李管家", ("page", "webhook:desk"))


def told(roster: Roster, before: Alert | None, alert: Alert) -> list[tuple[str, str, str]]:
    return [(notice.notifier, notice.person, notice.why) for notice in roster.plan(before, alert, 0)]


def test_every_change_goes_to_mqtt_and_a_first_one_to_people() -> None:
    roster = Roster((LI,), (Receiver("webhook:desk"), Receiver("webhook:log")))
    expected = [("mqtt", "", "change"), ("webhook:log", "", "first"), ("webhook:desk", "li", "first")]
    assert told(roster, None, ALERT) == expected


def test_pending_is_published_and_nobody_is_woken() -> None:
    assert told(Roster((LI,), (Receiver("webhook:desk"),)), None, replace(ALERT, state="pending")) == [("mqtt", "", "change")]


def test_acknowledged_and_resolved_are_told_once_each() -> None:
    roster = Roster((), (Receiver("w"),))
    known = replace(ALERT, revision=2, acknowledged_by="li")
    assert told(roster, ALERT, known)[1] == ("w", "", "acknowledged")
    assert len(told(roster, known, replace(known, revision=3, silent=True))) == 1
    assert told(roster, known, replace(known, revision=4, state="resolved"))[1] == ("w", "", "resolved")
    assert len(told(roster, None, replace(ALERT, state="resolved", raised_at=None))) == 1, "never raised, never told"


def test_a_receiver_may_ask_for_the_severe_only() -> None:
    roster = Roster((), (Receiver("w", "warning"),))
    assert len(told(roster, None, replace(ALERT, severity="info"))) == 1
    assert len(told(roster, None, replace(ALERT, severity="warning"))) == 2


def test_a_notice_has_one_identity_however_often_it_is_planned() -> None:
    roster = Roster((LI,), (Receiver("webhook:desk"),))
    ids = [notice.id for _ in range(2) for notice in roster.plan(None, ALERT, 0)]
    assert len(set(ids)) == 2
    assert len(ids) == 4


def test_the_body_is_what_the_contract_says() -> None:
    said = body(ALERT)
    assert said["at"] == "2026-10-05T03:04:05.678Z"
    assert said["place"] == "3幢2单元502 厨房"
    assert said["acknowledged_by"] is None
    names = "id rule severity state acknowledged_by device place quantity value unit at received_at raised_at summary"
    assert set(names.split()) <= set(said)
