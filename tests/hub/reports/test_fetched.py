"""How much a report reads: of some hundred meters at once, and not all of a history for what is far from it."""

import tracemalloc
from zoneinfo import ZoneInfo

import numpy as np

from hub.model import Device, Series
from hub.ports import Rows
from hub.reports.intervals import consumption
from hub.reports.meters import Meter
from hub.reports.peaks import demands, night_flows
from hub.reports.setup import Duty
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


class Since(Even):
    """Began on a day, and counts what is read of it."""

    def __init__(self, day: int, until: int = 2000) -> None:
        self.began, self.ended, self.read, self.times = day * DAY, until * DAY, 0, 0

    def rows(self, series: Series, start: int, end: int) -> Rows:
        found = super().rows(series, max(start, self.began), max(self.began, min(end, self.ended)))
        self.read += len(found.time)
        self.times += 1
        return found


METER = Series("m", IMPORT)


def asked(store: Since, first: int, last: int, manual: list[tuple[int, float]] | None = None) -> tuple[float, float, float]:
    edges = np.array([first * DAY, last * DAY], np.int64)
    found = consumption(store, [METER], edges, manual={METER: manual} if manual else None)
    return float(found.value[0, 0]), float(found.low[0, 0]), float(found.high[0, 0])


def test_last_year_of_a_young_hub_reads_nothing_of_this_year() -> None:
    store = Since(1200)
    value, low, high = asked(store, 1000, 1030)
    assert np.isnan(value)
    assert (low, high, store.read) == (0.0, np.inf, 0)


def test_after_a_long_silence_what_is_read_is_as_long_as_the_silence_not_as_the_history() -> None:
    """It fell silent at 12,000 kWh, 50 days before; its history is of 1,000."""
    store = Since(0, until=1000)
    value, low, high = asked(store, 1050, 1080)
    assert (np.isnan(value), low, high) == (True, 0.0, np.inf)
    assert store.read <= 150 * 24


def test_a_number_read_by_hand_is_bounded_by_the_first_reading_after_it() -> None:
    """On day 1020 somebody read 12,000 kWh; on day 1100 the register said 1100 * 12 = 13,200: never more than 1,200 between."""
    assert asked(Since(1100), 1010, 1030, [(1020 * DAY, 12_000.0)])[1:] == (0.0, np.inf)
    assert asked(Since(1100), 1025, 1030, [(1020 * DAY, 12_000.0)])[1:] == (0.0, 1_200.0)


UTC = ZoneInfo("UTC")


def test_peaks_of_groups_and_of_the_whole_read_each_meter_once() -> None:
    store = Since(0)
    some = [Meter(Device(name, accepted=True), IMPORT, (Series(name, IMPORT),), Duty(), ()) for name in ("a", "b")]
    whole, first, second = demands(store, some, [[0, 1], [0], [1]], 1000 * DAY, 1007 * DAY, UTC)
    assert [each["peak"] for each in (whole, first, second)] == [1.0, 0.5, 0.5]
    assert store.times == 2


def test_the_nights_of_a_month_are_read_at_once() -> None:
    store = Since(0)
    tap = Meter(Device("tap", accepted=True), "water.volume.total", (Series("tap", "water.volume.total"),), Duty(), ())
    [(_, found)] = night_flows(store, [tap], 1000 * DAY, 1030 * DAY, UTC)
    assert found == {"minimum": 0.5, "nights": 30, "leak": True}
    assert store.times == 1
