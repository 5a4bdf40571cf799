"""Roll-ups: the same figures as from the readings, without the readings; in doubt where something late or odd is."""

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hub.model import Batch, Now, Reading, Series
from hub.ports import Ints, Retention, Rows
from hub.quantities import Vocabulary
from hub.register import Limits
from hub.reports.intervals import Intervals, consumption
from hub.stores.memory import MemoryStore
from hub.stores.parquet import ParquetStore
from tests.support.readings import DAY, HOUR, MINUTE, T0

IMPORT = "energy.active.import.total"
LATER = T0 + 400 * DAY
METER = Series("meter", IMPORT)
Point = tuple[int, float]


def batch(series: Series, points: list[Point]) -> Batch:
    made = Batch()
    for at, value in points:
        made.readings.append(Reading(series.device, series.quantity, value, at, series.channel))
        made.received_at.append(at)
    return made


def quarters(days: int, start: int = T0, register: float = 1000.0) -> list[Point]:
    """A reading every quarter of an hour, a quarter of a unit each: one an hour."""
    return [(start + number * 15 * MINUTE, register + number / 4) for number in range(days * 96)]


class Spied(ParquetStore):
    """``read``: days of readings of one series that were asked for; ``readings``: how many there were, asked of several."""

    read = 0.0
    readings = 0

    def rows(self, series: Series, start: int, end: int) -> Rows:
        self.read += (end - start) / DAY
        return super().rows(series, start, end)

    def rows_of(self, series: Sequence[Series], start: int, end: int) -> list[Rows]:
        self.read += len(series) * (end - start) / DAY
        found = super().rows_of(series, start, end)
        self.readings += sum(len(rows.time) for rows in found)
        return found


def open_store(folder: Path, bucket: int = 60) -> Spied:
    return Spied(folder, Vocabulary(), Retention(), clock=lambda: LATER, bucket=bucket)


def settle(store: ParquetStore) -> None:
    store.maintain(Now(LATER, 0), seal_all=True)
    store.maintain(Now(LATER, 0))


def edges(first: int, last: int, every: int = DAY) -> Ints:
    return np.arange(T0 + first * DAY, T0 + last * DAY + 1, every)


def same(one: Intervals, other: Intervals) -> None:
    for name in ("value", "low", "high", "completeness", "estimated"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("step", [DAY, HOUR])
def test_closed_days_are_answered_without_the_readings(tmp_path: Path, step: int) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(METER, quarters(40)))
    settle(store)
    found = consumption(store, [METER], edges(5, 30, step))
    assert store.read == 0
    assert found.value.tolist() == [[step / HOUR] * (25 * DAY // step)]
    assert (found.low == found.value).all()
    assert (found.high == found.value).all()
    assert (found.completeness == 1).all()
    assert not found.estimated.any()
    store.close()


def test_edges_that_no_bucket_has_are_read(tmp_path: Path) -> None:
    """18:30 UTC is midnight in Kolkata."""
    for bucket, read in ((60, True), (30, False)):
        store = open_store(tmp_path / str(bucket), bucket)
        store.append("rest", batch(METER, quarters(20)))
        settle(store)
        found = consumption(store, [METER], edges(5, 10) + 30 * MINUTE)
        assert bool(store.read) == read
        assert found.value.tolist() == [[24.0] * 5]
        store.close()


def test_a_late_reading_counts_at_once_and_is_rolled_up_later(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    whole = quarters(40)
    lost = whole.pop(10 * 96 + 50)
    other = Series("other", IMPORT)
    store.append("rest", batch(METER, whole))
    store.append("rest", batch(other, quarters(40)))
    settle(store)
    month = edges(5, 30, HOUR)
    # 30 minutes between two readings are no gap, but at 12:30 the register was not read
    late = (lost[0], lost[1] + 0.125)
    corrected = MemoryStore(Vocabulary(), Retention())
    corrected.append("rest", batch(METER, [*whole, late]))
    for state in ("journal", "part", "merged"):
        if state == "journal":
            store.append("rest", batch(METER, [late]))
        elif state == "part":
            store.maintain(Now(LATER, 0), seal_all=True)
        else:
            store.maintain(Now(LATER + 2 * DAY, 0))
            store.maintain(Now(LATER + 2 * DAY, 0))
        store.read = 0
        same(consumption(store, [METER], month), consumption(corrected, [METER], month))
        assert store.read == (0 if state == "merged" else 5), (
            state
        )  # its day, a day on either side, and one more to judge them by
        store.read = 0
        consumption(store, [other], month)
        assert store.read == 0
    store.close()


def test_a_roll_up_that_is_lost_or_of_an_older_form_is_made_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(METER, quarters(40)))
    settle(store)
    made = sorted((tmp_path / "rollup").rglob("*.parquet"))
    assert made
    made[0].unlink()
    for path in made[1:]:
        path.rename(path.with_name(path.name.replace(".2.", ".")))
    month = edges(5, 30)
    assert consumption(store, [METER], month).value.tolist() == [[24.0] * 25]
    assert store.read >= 25
    store.read = 0
    store.maintain(Now(LATER, 0))
    assert sorted((tmp_path / "rollup").rglob("*.parquet")) == made
    assert consumption(store, [METER], month).value.tolist() == [[24.0] * 25]
    assert store.read == 0
    store.close()


def messy(seed: int, days: int = 34) -> list[Point]:
    """Four weeks of a meter to which things happen now and then. Its timer has an offset and wavers; some are read every few
    minutes, some four times a day or once, some change between the two; registers count whole Wh, or are what float32 made
    of them."""
    chance = random.Random(seed)
    steps = [chance.choice([5 * MINUTE, 15 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR, DAY])] * 2
    steps[1] = chance.choice([steps[0], steps[0], 15 * MINUTE, 6 * HOUR])
    jitter, offset = chance.choice([0, 1, 4_000, MINUTE, MINUTE]), chance.choice([0, 1, chance.randrange(steps[0])])
    digits, calm = chance.choice([3, 3, 6, None]), chance.choice([1, 10, 10, 1000])
    register, points, skip, at = chance.choice([0.0, 500.0, 70_000.0]), [], 0, T0 + offset
    while at < T0 + days * DAY:
        step = steps[(at - T0) // (11 * DAY) % 2]
        register += chance.choice([0.0, 0.125, 0.25, 1.0]) * step / HOUR * (chance.random() if digits is not None else 1)
        event = chance.random() * calm
        if event < 0.001:
            register = chance.choice([0.0, 12.0, 90_000.0])
        skip = skip - 1 if skip else chance.choice([1, 3, 20, 120]) if chance.random() > 1 - 0.001 / calm else 0
        shown = 0.0 if 0.001 < event < 0.0015 else register * 1000 if 0.0015 < event < 0.002 else register
        if not skip:
            exact = float(np.float32(shown)) if digits is None else round(shown, digits)
            points.append((at + (chance.randrange(-jitter, jitter) if jitter > 1 else 0), exact))
        at += step
    return points


def test_with_and_without_roll_ups_the_figures_are_the_same(tmp_path: Path) -> None:
    store, memory = open_store(tmp_path), MemoryStore(Vocabulary(), Retention())
    names = [Series(f"meter:{seed:02}", IMPORT) for seed in range(64)]
    for seed, name in enumerate(names):
        points = messy(seed)
        late = points[-300::7] if seed % 3 else []
        on_time = [point for point in points if point not in set(late)]
        for target in (store, memory):
            target.append("rest", batch(name, on_time))
            target.append("rest", batch(name, late))
    settle(store)
    rated = {name: Limits(max_rate=chance) for name, chance in zip(names[::4], [0.5, 1.0, 4.0, 40.0] * 4, strict=True)}
    for grid in (edges(2, 30), edges(0, 34, 7 * HOUR), edges(13, 17, HOUR), edges(6, 9)[[0, -1]]):
        store.read = 0
        same(consumption(store, names, grid, limits=rated), consumption(memory, names, grid, limits=rated))
    store.close()


@pytest.mark.parametrize("every", [15 * MINUTE, 6 * HOUR, DAY])
@pytest.mark.parametrize("step", [HOUR, DAY])
def test_meters_that_nobody_reads_on_the_hour_need_no_readings(tmp_path: Path, every: int, step: int) -> None:
    """Two units an hour and a timer that is 7 s late and wavers by up to 5: each edge is a share of the step around it."""
    store, memory = open_store(tmp_path), MemoryStore(Vocabulary(), Retention())
    chance = random.Random(1)
    times = [T0 + number * every + 7_000 + chance.randrange(-5_000, 5_000) for number in range(40 * DAY // every)]
    for target in (store, memory):
        target.append("rest", batch(METER, [(at, 1000 + 2 * (at - T0) / HOUR) for at in times]))
    settle(store)
    grid = edges(8, 30, step)
    found = consumption(store, [METER], grid)
    assert store.read == 0
    np.testing.assert_allclose(found.value, 2 * step / HOUR, rtol=1e-9)
    for number, (begin, end) in enumerate(pairwise(grid.tolist())):
        inside = [at for at in times if begin <= at <= end]
        around = [max(at for at in times if at <= begin), min(at for at in times if at >= end)]
        least = 2 * (inside[-1] - inside[0]) / HOUR if inside else 0.0
        np.testing.assert_allclose(found.low[0, number], least, atol=1e-9)
        np.testing.assert_allclose(found.high[0, number], 2 * (around[1] - around[0]) / HOUR, rtol=1e-9)
        shared = step - (inside[-1] - inside[0]) if inside else step
        np.testing.assert_allclose(found.estimated[0, number], shared / step, rtol=1e-9)
    assert (found.completeness == 1).all()
    same(found, consumption(memory, [METER], grid))
    store.close()


def test_one_odd_day_does_not_have_the_year_read(tmp_path: Path) -> None:
    store, memory = open_store(tmp_path), MemoryStore(Vocabulary(), Retention())
    names = [Series(f"meter:{number}", IMPORT) for number in range(3)]
    reset = [(at, value - 1000 if at >= T0 + 60 * DAY + HOUR else value) for at, value in quarters(200)]
    gap = [point for point in quarters(200) if not T0 + 90 * DAY < point[0] < T0 + 92 * DAY]
    misread = [(at, 0.0 if at == T0 + 30 * DAY else value) for at, value in quarters(200)]
    for name, points in zip(names, (reset, gap, misread), strict=True):
        for target in (store, memory):
            target.append("rest", batch(name, points))
    settle(store)
    for grid in (edges(5, 190, DAY), edges(5, 190, 37 * DAY)):
        store.read = 0
        same(consumption(store, names, grid), consumption(memory, names, grid))
        assert store.read <= 5 + 7 + 6  # the days themselves, their neighbours, and one more on either side
    store.close()


def test_a_report_up_to_now_or_from_before_the_first_reading_reads_only_its_ends(tmp_path: Path) -> None:
    store, memory = open_store(tmp_path), MemoryStore(Vocabulary(), Retention())
    for target in (store, memory):
        target.append("rest", batch(METER, [(at + 7_000, value) for at, value in quarters(40)]))
    settle(store)
    for grid in (edges(5, 41), edges(5, 60), edges(-2, 30), edges(10, 40)[[0, -1]]):
        store.readings = 0
        same(consumption(store, [METER], grid), consumption(memory, [METER], grid))
        assert 0 < store.readings <= 4 * 96
    store.close()


def test_days_add_up_to_the_month(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    names = [Series(f"meter:{seed}", IMPORT) for seed in range(4)]
    for number, name in enumerate(names):
        store.append("rest", batch(name, quarters(40, register=1e5 * number)))
    settle(store)
    days = consumption(store, names, edges(5, 30)).value
    month = consumption(store, names, edges(5, 30)[[0, -1]]).value
    hours = consumption(store, names, edges(5, 30, HOUR)).value
    np.testing.assert_allclose(days.sum(axis=1), month[:, 0], rtol=1e-12)
    np.testing.assert_allclose(hours.sum(axis=1), month[:, 0], rtol=1e-12)
    assert all(later > earlier for earlier, later in pairwise(edges(5, 30).tolist()))
    store.close()
