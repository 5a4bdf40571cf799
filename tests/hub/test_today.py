"""What the store tells of the bays before the hub was started."""

import pytest

from hub.model import Batch, Reading
from hub.stores.memory import MemoryStore
from hub.today import FIVE_MINUTES, parked
from tests.support.readings import DAY, HOUR, MINUTE, T0
from tests.support.walks import RETENTION, VOCABULARY

MIDNIGHT = T0 // DAY * DAY
STARTED = MIDNIGHT + 10 * HOUR


def bay(device: str, minute: int, taken: int, later: int = 0) -> tuple[Reading, int]:
    """Said so many minutes after midnight, heard as much ``later``."""
    time = MIDNIGHT + minute * MINUTE
    return Reading(device, "parking.occupied", float(taken), time, quality=0), time + later * MINUTE


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore(VOCABULARY, RETENTION, lambda: STARTED + HOUR)
    said = Batch()
    for reading, arrival in (
        bay("east", 8 * 60 + 50, 0),
        bay("east", 9 * 60 + 30, 1),
        bay("east", 9 * 60 + 50, 0),
        bay("east", 9 * 60 + 55, 1, later=6),  # after the start: the running hub counts it
        bay("west", -60, 1),  # the evening before
        bay("west", 9 * 60 + 10, 0),
    ):
        said.readings.append(reading)
        said.received_at.append(arrival)
    made.append("rest", said)
    return made


def test_cars_of_the_last_hour_before_the_start(store: MemoryStore) -> None:
    found = parked(store, MIDNIGHT, STARTED).turned
    assert found == [
        (MIDNIGHT + (9 * 60 + 10) * MINUTE, False),
        (MIDNIGHT + (9 * 60 + 30) * MINUTE, True),
        (MIDNIGHT + (9 * 60 + 50) * MINUTE, False),
    ]


def test_how_many_bays_were_taken_since_midnight(store: MemoryStore) -> None:
    """West alone until it leaves at 9:10, then east from 9:30 to 9:50."""
    found = dict(parked(store, MIDNIGHT, STARTED).taken)
    assert sorted(found) == list(range(MIDNIGHT, STARTED, FIVE_MINUTES))
    taken = [(at - MIDNIGHT) // MINUTE for at, number in sorted(found.items()) if number == 1]
    assert taken == [*range(0, 9 * 60 + 10, 5), *range(9 * 60 + 30, 9 * 60 + 50, 5)]
    assert {*found.values()} == {0, 1}


def test_before_anything_was_heard_nothing_is_known(store: MemoryStore) -> None:
    assert parked(store, MIDNIGHT - 2 * HOUR, STARTED).taken[0][0] == MIDNIGHT - HOUR
    assert parked(MemoryStore(VOCABULARY, RETENTION), MIDNIGHT, STARTED).taken == []
