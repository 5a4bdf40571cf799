"""The engine beside its stories: what people do, rules that fail, bounds, words."""

from typing import Any

import msgspec
import pytest

from hub.directory import Places
from hub.model import Alert, Device, DeviceInfo, Now, Reading, Space
from rules import build, saving
from rules import subjects as subjects_module
from rules.engine import AlreadyClosed, Engine, NeedsReason, UnknownAlert
from tests.support.scenarios import START, VOCABULARY

PLACES = Places(
    [
        Space("yunqi", "云栖社区", "community"),
        Space("3", "3幢", "building", "yunqi"),
        Space("3-2-502-kitchen", "2单元502 厨房", "room", "3"),
    ],
    [Device("zigbee:1", space="3-2-502-kitchen", accepted=True), Device("zigbee:2", name="<b>lobby</b>")],
)
SMOKE = {"id": "smoke", "quantity": "fire.smoke", "severity": "critical", "name": {"en": "Smoke", "zh": "有烟雾"}}


def now(second: float) -> Now:
    return Now(START + round(second * 1000), 5_000 + second)


def engine(*rules: tuple[str, dict[str, Any]], places: Places = PLACES) -> Engine:
    return Engine([build(kind, table, VOCABULARY) for kind, table in rules], places, VOCABULARY)


def step(of: Engine, second: float, value: float, quantity: str = "fire.smoke", device: str = "zigbee:1") -> list[Alert]:
    at = now(second)
    return list(of.step(Reading(device, quantity, value, at.wall), at.wall, at))


def test_an_alert_says_what_and_where_in_words_of_both_languages() -> None:
    (alert,) = step(engine(("state", SMOKE)), 0, 1)
    assert alert.summary == {"en": "Smoke in 3幢, 2单元502 厨房", "zh": "3幢2单元502 厨房 有烟雾"}
    assert alert.space == "3-2-502-kitchen"
    assert (alert.value, alert.at, alert.raised_at, alert.revision) == (1, START, START, 1)


def test_a_level_shows_its_value_and_an_unplaced_device_its_name_as_it_is() -> None:
    of = engine(("above", {"id": "hot", "quantity": "air.temperature", "threshold": 30}))
    (alert,) = step(of, 0, 31.25, "air.temperature", "zigbee:2")
    assert alert.summary == {
        "en": "Temperature above 30 °C (31.25 °C) in <b>lobby</b>",
        "zh": "<b>lobby</b> 温度高于 30 °C（31.25 °C）",
    }
    assert (alert.threshold, alert.unit) == (30, "Cel")


def test_an_unknown_device_raises_alerts_too() -> None:
    (alert,) = step(engine(("state", SMOKE)), 0, 1, device="zigbee:0xfeed")
    assert alert.place == {"en": "zigbee:0xfeed", "zh": "zigbee:0xfeed"}


def test_the_id_follows_from_the_rule_the_subject_and_the_reading() -> None:
    (first,) = step(engine(("state", SMOKE)), 0, 1)
    (again,) = step(engine(("state", SMOKE)), 0, 1)
    (later,) = step(engine(("state", SMOKE)), 1, 1)
    assert first.id == again.id != later.id
    assert len(first.id) == 20


def test_people_acknowledge_and_close() -> None:
    of = engine(("state", SMOKE))
    (alert,) = step(of, 0, 1)
    acknowledged = of.acknowledge(alert.id, "li", "on my way", now(1))
    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_at, acknowledged.revision) == ("li", START + 1000, 2)
    assert of.acknowledge(alert.id, "wang", "me too", now(2)) == acknowledged, "the first to answer stands"
    with pytest.raises(NeedsReason):
        of.resolve(alert.id, "li", "  ", now(3))
    assert of.open_alerts() == [acknowledged]
    closed = of.resolve(alert.id, "li", "burnt toast", now(4))
    assert (closed.state, closed.resolved_by, closed.reason, closed.revision) == ("resolved", "li", "burnt toast", 3)
    assert of.open_alerts() == []
    with pytest.raises(AlreadyClosed):
        of.resolve(alert.id, "li", "again", now(5))
    with pytest.raises(AlreadyClosed):
        of.acknowledge(alert.id, "li", "", now(5))
    with pytest.raises(UnknownAlert):
        of.acknowledge("nonsense", "li", "", now(5))


def test_a_rule_that_raises_stops_only_itself_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    bad = build("above", {"id": "bad", "quantity": "bench.level", "threshold": 1})
    good = build("above", {"id": "good", "quantity": "bench.level", "threshold": 500})
    of = Engine([bad, good], PLACES, VOCABULARY)
    assert [alert.rule for alert in step(of, 0, 400, "bench.level")] == ["bad"]

    def broken(reading: Reading, firing: bool, memory: Any) -> bool:
        raise ZeroDivisionError("division by zero")

    of._series[("zigbee:1", "bench.level", "")].watches[0].judge = broken
    assert [alert.rule for alert in step(of, 1, 510, "bench.level")] == ["good"]
    assert of.failed == {"bad": 'rule "bad" was stopped: ZeroDivisionError: division by zero'}
    assert {alert.rule for alert in of.open_alerts()} == {"bad", "good"}, "its open alert stays open"
    assert [alert.rule for alert in step(of, 2, 100, "bench.level")] == ["good"]
    (left,) = of.open_alerts()
    assert of.resolve(left.id, "li", "", now(3)).state == "resolved"


def test_an_alert_whose_rule_is_gone_is_left_to_people() -> None:
    before = engine(("state", SMOKE))
    alerts = step(before, 0, 1)
    after = engine()
    after.restore(None, alerts, START, now(10))
    assert after.open_alerts() == alerts
    assert step(after, 11, 0) == []
    assert after.acknowledge(alerts[0].id, "li", "", now(12)).revision == 2
    assert after.resolve(alerts[0].id, "li", "rule removed", now(13)).revision == 3


def test_a_disabled_rule_sees_nothing() -> None:
    assert step(engine(("state", SMOKE | {"enabled": False})), 0, 1) == []


def test_scopes_by_device_and_by_space_and_what_lies_inside_it() -> None:
    of = engine(
        ("state", SMOKE | {"id": "one", "device": "zigbee:1"}),
        ("state", SMOKE | {"id": "kind", "device": "zigbee:*"}),
        ("state", SMOKE | {"id": "building", "space": "3"}),
        ("state", SMOKE | {"id": "rooms", "space": "*-kitchen"}),
        ("state", SMOKE | {"id": "elsewhere", "space": "4"}),
    )
    assert [alert.rule for alert in step(of, 0, 1)] == ["one", "kind", "building", "rooms"]
    assert [alert.rule for alert in step(of, 0, 1, device="zigbee:2")] == ["kind"]


def test_scopes_by_channel_vendor_model_and_tag() -> None:
    places = Places(PLACES.spaces.values(), [Device("zigbee:1", tags=("kitchen", "smoke"), vendor="Acme", model="S1")])
    of = engine(
        ("state", SMOKE | {"id": "nameless", "channel": ""}),
        ("state", SMOKE | {"id": "left", "channel": "l*"}),
        ("state", SMOKE | {"id": "acme", "vendor": "Acme"}),
        ("state", SMOKE | {"id": "s1", "model": "S[12]"}),
        ("state", SMOKE | {"id": "tagged", "tag": "smo*", "device": "zigbee:1"}),
        ("state", SMOKE | {"id": "other", "tag": "hall"}),
        places=places,
    )
    assert [alert.rule for alert in step(of, 0, 1)] == ["nameless", "acme", "s1", "tagged"]
    at = now(1)
    left = of.step(Reading("zigbee:1", "fire.smoke", 1, at.wall, "left"), at.wall, at)
    assert [alert.rule for alert in left] == ["left", "acme", "s1", "tagged"]
    assert step(of, 0, 1, device="zigbee:2")[0].rule == "nameless"


def test_what_a_device_tells_about_itself_counts_from_its_next_reading_on() -> None:
    places = Places([], [Device("zigbee:1")])
    of = engine(("state", SMOKE), ("state", SMOKE | {"id": "s1", "model": "S1"}), places=places)
    assert [alert.rule for alert in step(of, 0, 1)] == ["smoke"]
    places.told(DeviceInfo("zigbee:1", vendor="Acme", model="S1"), START)
    of.device_changed("zigbee:1")
    assert [alert.rule for alert in step(of, 1, 1)] == ["s1"], "the other one stays as it is"


def test_a_limit_from_the_devices_own_profile() -> None:
    limit = {"id": "over", "quantity": "power.active", "threshold": {"profile": "rated_power", "times": 1.1}}
    places = Places(
        [], [Device("a:1", profile={"rated_power": 3500.0}), Device("a:2", profile={"rated_power": 60.0}), Device("a:3")]
    )
    of = engine(("above", limit), places=places)
    assert step(of, 0, 3850, "power.active", "a:1") == []
    (alert,) = step(of, 1, 3851, "power.active", "a:1")
    assert alert.threshold == pytest.approx(3850)
    assert alert.summary["en"] == "Power above 3850 W (3851 W) in a:1"
    assert len(step(of, 1, 67, "power.active", "a:2")) == 1
    assert step(of, 1, 1e6, "power.active", "a:3") == [], "nobody knows what is too much for it"
    places.upsert_devices([Device("a:3", profile={"rated_power": 10.0}), Device("a:1", profile={})])
    of.directory_changed()
    assert len(step(of, 2, 1e6, "power.active", "a:3")) == 1
    assert step(of, 2, 0, "power.active", "a:1") == [], "an alert that was raised does not end because its limit is gone"
    assert len(of.open_alerts()) == 3


def test_editing_one_rule_leaves_the_others_state_alone() -> None:
    hot = ("above", {"id": "hot", "quantity": "air.temperature", "threshold": 30, "hold_for": "10min"})
    rising = ("rate", {"id": "rising", "quantity": "air.temperature", "threshold": 8, "per": "1min"})
    mean = ("window", {"id": "mean", "quantity": "air.temperature", "over": "1min", "threshold": 25})
    before = engine(hot, rising, mean)
    alerts = [alert for second in (0, 20, 40) for alert in step(before, second, 31, "air.temperature")]
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot()))
    edited = ("stuck", {"id": "rising", "quantity": "air.temperature", "same_for": "1h"})  # of another kind even
    after = engine(hot, edited, mean)
    after.restore(state, alerts, now(40).wall, now(45))
    assert [(alert.rule, alert.state) for alert in step(after, 60, 31, "air.temperature")] == [("mean", "firing")]
    assert [(alert.rule, alert.state) for alert in after.tick(now(600))] == [("hot", "firing")]
    assert not after.failed


def test_strangers_are_bounded_and_still_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects_module, "STRANGERS", 100)
    of = engine(("state", SMOKE))
    (alert,) = step(of, 0, 1, device="stranger:first")
    for n in range(500):
        step(of, 1, 0, device=f"stranger:{n}")
    assert len(of._series) <= 100
    assert of.forgotten >= 400
    assert of.open_alerts() == [alert], "one with an open alert is not forgotten"
    assert [one.state for one in step(of, 2, 0, device="stranger:first")] == ["resolved"]
    assert [one.state for one in step(of, 3, 1, device="stranger:0")] == ["firing"], "whom it forgot it judges again"


def test_the_snapshot_is_plain_values_and_leaves_old_episodes_behind() -> None:
    of = engine(("state", SMOKE), ("rate", {"id": "rate", "quantity": "air.*", "threshold": 5}))
    step(of, 0, 1)
    step(of, 1, 0)
    step(of, 1, 20, "air.temperature")
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(of.snapshot()))
    assert state == msgspec.json.decode(msgspec.json.encode(of.snapshot()))
    assert {entry[0] for entry in state["watches"]} == {"smoke", "rate"}
    of.tick(now(saving.REMEMBERED / 1000 + 10))
    assert {entry[0] for entry in of.snapshot()["watches"]} == {"rate"}


def test_an_event_repeated_fast_is_not_a_revision_each_time() -> None:
    of = engine(("state", SMOKE | {"quantity": "safety.sos"}))
    changed = sum(len(step(of, second / 100, 1, "safety.sos")) for second in range(500))
    assert changed <= 5, "at most one a second"


def test_words_for_a_quantity_the_vocabulary_does_not_have() -> None:
    rule = build("above", {"id": "odd", "quantity": "acme.*", "threshold": 1})
    of = Engine([rule], PLACES, VOCABULARY)
    (alert,) = step(of, 0, 2, "acme.flux")
    assert alert.summary["en"] == "Acme.flux above 1 (2) in 3幢, 2单元502 厨房"
