"""What must hold for every stream of readings, however it is cut, repeated, shuffled or interrupted."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model import Alert, Reading
from tests.support.scenarios import START, Player

LEVELS = st.lists(st.booleans(), min_size=1, max_size=30)  # over the limit or not, one reading a second
ABOVE = {"kind": "above", "quantity": "bench.level", "threshold": 500}


def player(**rule: Any) -> Player:
    return Player({"rule": ABOVE | rule}, {})


def reading(second: int, over: bool) -> Reading:
    return Reading("bench:1", "bench.level", 900.0 if over else 100.0, START + second * 1000)


def feed(hub: Player, given: Reading) -> list[Alert]:
    """The player itself refuses a revision that is skipped or repeated, and a change of what has been closed."""
    changed = list(hub.engine.step(given, hub.wall, hub.now))
    hub.commit(changed)
    return changed


@pytest.mark.promise(10)
@given(LEVELS, st.randoms(use_true_random=False), st.integers(0, 30))
@settings(deadline=None)
def test_the_newest_reading_decides_in_whatever_order_they_come(levels: list[bool], random: Any, repeated: int) -> None:
    stream = [reading(second, over) for second, over in enumerate(levels)]
    stream += random.choices(stream, k=repeated)
    random.shuffle(stream)
    hub = player()
    hub.go_to(60_000)
    for one in stream:
        feed(hub, one)
    assert bool(hub.engine.open_alerts()) == levels[-1]
    assert bool(hub.disk) == any(levels), "a breach was never told, or told without one"


@given(LEVELS)
@settings(deadline=None)
def test_in_order_every_episode_is_one_alert(levels: list[bool]) -> None:
    hub = player()
    for second, over in enumerate(levels):
        hub.go_to(second * 1000)
        feed(hub, reading(second, over))
        feed(hub, reading(second, over))
    begins = [second for second, over in enumerate(levels) if over and (second == 0 or not levels[second - 1])]
    assert sorted(alert.at for alert in hub.disk.values()) == [START + second * 1000 for second in begins]


@pytest.mark.promise(3)
@pytest.mark.promise(4)
@pytest.mark.promise(10)
@given(LEVELS, st.data())
@settings(deadline=None)
def test_killed_and_redelivered_it_tells_the_same_alerts(levels: list[bool], data: Any) -> None:
    """At each kill the last readings come again, as from a broker to which they were not confirmed."""
    calm, hub = player(), player()
    for second, over in enumerate(levels):
        calm.go_to(second * 1000)
        feed(calm, reading(second, over))
        hub.go_to(second * 1000)
        feed(hub, reading(second, over))
        if data.draw(st.integers(0, 4)) == 0:
            if data.draw(st.booleans()):
                hub.beat()
            hub.restart(0, forgetting=data.draw(st.booleans()))
            for again in range(max(0, second - data.draw(st.integers(0, 5))), second + 1):
                feed(hub, reading(again, levels[again]))
    assert {id: alert.state for id, alert in hub.disk.items()} == {id: alert.state for id, alert in calm.disk.items()}


@pytest.mark.promise(15)
@given(LEVELS, st.lists(st.integers(1, 3_600), min_size=1, max_size=10))
@settings(deadline=None, max_examples=30)
def test_time_alone_ends_nothing(levels: list[bool], pauses: list[int]) -> None:
    hub = player()
    for second, over in enumerate(levels):
        hub.go_to(second * 1000)
        feed(hub, reading(second, over))
    before = [alert.id for alert in hub.engine.open_alerts()]
    for pause in pauses:
        hub.wall += pause * 1_000_000  # and the wall clock jumps about
        hub.go_to(hub.elapsed + pause * 1000)
    assert [alert.id for alert in hub.engine.open_alerts()] == before


@given(LEVELS, st.integers(1, 10), st.integers(0, 10))
@settings(deadline=None)
def test_what_is_told_as_firing_has_held_that_long(levels: list[bool], hold: int, clear: int) -> None:
    hub = player(hold_for=f"{hold}s", clear_for=f"{clear}s")
    for second, over in enumerate(levels):
        hub.go_to(second * 1000)
        feed(hub, reading(second, over))
        for alert in hub.engine.open_alerts():
            breached_since = second
            while over and breached_since and levels[breached_since - 1]:
                breached_since -= 1
            if over and second - breached_since >= hold:
                assert alert.state == "firing"
            if alert.state == "firing" and alert.raised_at == hub.wall:
                assert all(levels[max(0, second - hold) : second]), "raised although it has not held"
