"""What must hold for the kinds that remember more than the last reading, however a stream is repeated or interrupted."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model import Alert, Reading
from tests.support.scenarios import START, Player

SECONDS = 10
STREAM = st.lists(st.integers(0, 3), min_size=1, max_size=30)  # a reading every 10 s
KINDS: dict[str, dict[str, Any]] = {
    "stuck": {"same_for": "30s"},
    "count": {"above": 1, "times": 2, "within": "40s"},
    "count of": {"above": 1, "times": 2, "of": 4, "within": "2min", "clear": 1},
    "count changes": {"above": 1, "times": 2, "within": "2min", "changes": True},
    "window mean": {"of": "mean", "over": "30s", "threshold": 1.5, "clear": 1},
    "window max": {"of": "max", "over": "30s", "threshold": 2},
    "window min": {"of": "min", "over": "30s", "threshold": 1, "side": "below"},
    "window sum": {"of": "sum", "over": "30s", "threshold": 4},
    "rate": {"threshold": 2, "per": "10s", "clear": 1},
    "budget": {"threshold": 10},
}


def player(kind: str, **rule: Any) -> Player:
    return Player({"rule": {"kind": kind.split()[0], "quantity": "bench.level", **KINDS[kind], **rule}}, {})


def reading(number: int, value: int) -> Reading:
    return Reading("bench:1", "bench.level", float(value), START + number * SECONDS * 1000)


def feed(hub: Player, given: Reading) -> list[Alert]:
    """The player itself refuses a revision that is skipped or repeated, and a change of what has been closed."""
    changed = list(hub.engine.step(given, hub.wall, hub.now))
    hub.commit(changed)
    return changed


def told(hub: Player) -> dict[str, str]:
    return {id: alert.state for id, alert in hub.disk.items()}


def calm(kind: str, values: list[int], **rule: Any) -> Player:
    hub = player(kind, **rule)
    for number, value in enumerate(values):
        hub.go_to(number * SECONDS * 1000)
        feed(hub, reading(number, value))
    return hub


@pytest.mark.parametrize("kind", KINDS)
@given(STREAM, st.data())
@settings(deadline=None, max_examples=40)
def test_repeated_and_late_readings_double_nothing(kind: str, values: list[int], data: Any) -> None:
    """Each reading may come again, at once or later, in any order among the newer ones: the alerts stay the same."""
    hub = player(kind)
    for number, value in enumerate(values):
        hub.go_to(number * SECONDS * 1000)
        feed(hub, reading(number, value))
        again = data.draw(st.lists(st.integers(0, number), max_size=3))
        for old in again:
            feed(hub, reading(old, values[old]))
    assert told(hub) == told(calm(kind, values))


@pytest.mark.parametrize("kind", KINDS)
@given(STREAM, st.data())
@settings(deadline=None, max_examples=40)
def test_killed_and_redelivered_they_tell_the_same_alerts(kind: str, values: list[int], data: Any) -> None:
    """Of what was not in the last snapshot a part is in the store, the rest comes again, as from a broker to which it was not
    confirmed."""
    hub = player(kind)
    hub.beat()
    confirmed = 0
    for number, value in enumerate(values):
        hub._pass(number * SECONDS * 1000 - hub.elapsed)
        hub.commit(hub.engine.tick(hub.now))
        feed(hub, reading(number, value))
        for durable in range(confirmed, number + 1 if data.draw(st.booleans()) else confirmed):
            hub.store(reading(durable, values[durable]))
            confirmed = durable + 1
        if confirmed == number + 1 and data.draw(st.booleans()):
            hub.beat()
        if data.draw(st.integers(0, 4)) == 0:
            hub.restart(0, forgetting=False)
            for again in range(confirmed, number + 1):
                feed(hub, reading(again, values[again]))
    assert told(hub) == told(calm(kind, values))


@pytest.mark.parametrize("kind", KINDS)
@given(STREAM, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_in_any_order_one_alert_is_open_at_most(kind: str, values: list[int], random: Any) -> None:
    stream = [reading(number, value) for number, value in enumerate(values)]
    stream += random.choices(stream, k=5)
    random.shuffle(stream)
    hub = player(kind)
    hub.go_to(1000)
    for one in stream:
        feed(hub, one)
        assert len(hub.engine.open_alerts()) <= 1
    opened = [alert.at for alert in hub.disk.values()]
    assert len(opened) == len(set(opened)), "the same reading has raised two alerts"


@pytest.mark.parametrize("kind", KINDS)
@given(STREAM, st.lists(st.integers(1, 3_600), min_size=1, max_size=5))
@settings(deadline=None, max_examples=15)
def test_time_alone_ends_nothing(kind: str, values: list[int], pauses: list[int]) -> None:
    hub = calm(kind, values, during={"hours": "00:00-24:00"})
    before = [alert.id for alert in hub.engine.open_alerts()]
    for pause in pauses:
        hub.wall += pause * 1_000_000  # and the wall clock jumps about
        hub._pass(pause * 1000)
        hub.commit(hub.engine.tick(hub.now))
    assert [alert.id for alert in hub.engine.open_alerts()] == before
