"""The lifecycle by itself: a table of what each verdict makes of each state."""

import pytest
from msgspec.structs import replace

from hub.model import Alert, AlertState, Now
from hub.ports import RuleSettings
from rules import lifecycle

NOW = Now(1_790_000_000_000, 50.0)
NEW = Alert(id="a", rule="r", severity="warning", state="pending", device="d", revision=0)
RULE = RuleSettings(id="r", quantity="*", hold_for=60_000, clear_for=30_000)


@pytest.mark.parametrize(
    ("state", "verdict", "held", "after"),
    [
        ("pending", True, 59_999, None),
        ("pending", True, 60_000, "firing"),
        ("pending", None, 60_000, None),
        ("pending", False, 0, "resolved"),
        ("firing", True, 90_000, None),
        ("firing", None, 90_000, None),
        ("firing", False, 29_999, None),
        ("firing", False, 30_000, "resolved"),
        ("resolved", True, 90_000, None),
        ("resolved", False, 90_000, None),
    ],
)
def test_what_a_verdict_makes_of_a_state(state: AlertState, verdict: bool | None, held: int, after: AlertState | None) -> None:
    alert = replace(NEW, state=state, revision=3)
    changed = lifecycle.advance(alert, verdict, RULE, held, NOW)
    if after is None:
        assert changed is None
    else:
        assert changed is not None
        assert (changed.state, changed.revision) == (after, 4)


def test_a_new_one_is_pending_or_with_nothing_to_hold_firing_at_once() -> None:
    pending = lifecycle.advance(NEW, True, RULE, 0, NOW)
    firing = lifecycle.advance(NEW, True, RuleSettings(id="r", quantity="*"), 0, NOW)
    assert pending == replace(NEW, revision=1)
    assert firing == replace(NEW, state="firing", raised_at=NOW.wall, revision=1)


def test_one_that_has_not_held_is_closed_without_having_been_raised() -> None:
    dropped = lifecycle.advance(replace(NEW, revision=1), False, RULE, 0, NOW)
    assert dropped is not None
    assert (dropped.state, dropped.raised_at, dropped.resolved_by) == ("resolved", None, "evidence")


def test_no_evidence_closes_an_event() -> None:
    assert lifecycle.advance(replace(NEW, state="firing", event=True), False, RULE, 10**9, NOW) is None


def test_the_identity_tells_every_part_from_every_other() -> None:
    given = [("r", "d", "q", "", 1, 0), ("r", "d", "q", "", 0, 1), ("r", "dq", "", "", 1, 0), ("rd", "", "q", "", 1, 0)]
    assert len({lifecycle.identity(*one) for one in given}) == len(given)
    assert lifecycle.identity("r", "\ud800", "q", "", 1, 0), "a lone surrogate is a name like any other"
