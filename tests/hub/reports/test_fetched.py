"""A report of many meters holds the readings of some hundred at once, not of all."""

import tracemalloc

import numpy as np

from hub.model import Series
from hub.ports import Rows
from hub.reports.intervals import consumption
from tests.hub.reports.helpers import HOUR, IMPORT

DAY = 24 * HOUR


class Even:
    """Every meter counts 0.5 an hour, for ever."""

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]:
        return []

    def rows(self, series: Series, start: int, end: int) -> Rows:
        time = np.arange(-(-start // HOUR) * HOUR, end, HOUR, dtype=np.int64)
        return Rows(series, time, time.copy(), time.copy(), time / HOUR * 0.5, np.zeros(len(time), np.int64))


def test_the_readings_of_all_meters_are_never_held_together() -> None:
    meters = [Series(f"m{number}", IMPORT) for number in range(2000)]
    start, end = 1000 * DAY, 1007 * DAY
    tracemalloc.start()
    found = consumption(Even(), meters, np.array([start, end], np.int64))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.value == 84.0).all()  # 7 * 24 * 0.5
    all_of_them = len(meters) * 9 * 24 * 5 * 8  # nine days' hours, five columns of 8 bytes: 17 MB
    assert most < all_of_them / 2
