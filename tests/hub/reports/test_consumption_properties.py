"""A true consumption is cut into readings, some of them lost, late, doubled, misread, the meter reset or replaced: the report's
bounds always hold the truth, are the truth where nothing is missing, and parts add up to the whole.

What no register can tell is left out of the histories: a reset that the register has outgrown by the next reading, and a
replacement that looks like consumption at a rate the meter's rating allows and that nobody entered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hub.model import Batch, Reading, Series
from hub.ports import Ints, Retention
from hub.quantities import Vocabulary
from hub.register import Limits
from hub.reports.installed import Installed
from hub.reports.intervals import Intervals, consumption
from hub.stores.memory import MemoryStore

METER = Series("meter", "energy.active.import.total")
T0 = 1_772_409_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
RATE = 4.0  # kWh/h, the rating


@dataclass
class History:
    """``true``: time and what had been consumed since the beginning. ``told``: what the register said, in order of arrival."""

    true: list[tuple[int, float]]
    told: list[tuple[int, float]]
    kept: list[int]  # times of readings that say what the register showed
    manual: list[tuple[int, float]] = field(default_factory=list)
    meters: list[Installed] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)  # where the register does not tell

    def truth(self, moment: int) -> float:
        return float(np.interp(moment, [at for at, _ in self.true], [used for _, used in self.true]))

    def report(self, edges: Sequence[int], rated: bool = True) -> Intervals:
        store = MemoryStore(Vocabulary(), Retention())
        batch = Batch()
        for at, value in self.told:
            batch.readings.append(Reading(METER.device, METER.quantity, value, at))
            batch.received_at.append(at)
        store.append("rest", batch)
        limits = {METER: Limits(max_rate=RATE)} if rated else {}
        grid: Ints = np.array(edges, np.int64)
        return consumption(store, [METER], grid, manual={METER: self.manual}, replaced={METER: self.meters}, limits=limits)


@st.composite
def curves(draw: st.DrawFn, most: int = 30) -> list[tuple[int, float]]:
    """Moments and what had been consumed, at no more than the rating; in 64ths, which doubles hold exactly."""
    count = draw(st.integers(3, most))
    true = [(T0, 0.0)]
    for _ in range(count):
        minutes = draw(st.sampled_from([1, 15, 15, 15, 15, 60, 300, 1440, 6000]))
        share = draw(st.integers(0, 64))
        at, used = true[-1]
        true.append((at + minutes * MINUTE, used + float(int(RATE * minutes / 60 * share)) / 64))
    return true


@st.composite
def whole(draw: st.DrawFn, start: float = 5000.0) -> History:
    """Late and doubled readings only."""
    true = draw(curves())
    told = [(at, start + used) for at, used in true]
    told += draw(st.lists(st.sampled_from(told), max_size=5))
    return History(true, draw(st.permutations(told)), [at for at, _ in true])


@st.composite
def holed(draw: st.DrawFn) -> History:
    """Readings lost as well."""
    found = draw(whole())
    lost = draw(st.sets(st.sampled_from(found.kept), max_size=len(found.kept) - 1))
    return History(
        found.true, [(at, value) for at, value in found.told if at not in lost], [at for at in found.kept if at not in lost]
    )


@st.composite
def broken(draw: st.DrawFn) -> History:
    """The register starts anew up to three times: replaced, as somebody entered, and once reset or replaced as nobody did."""
    true = draw(curves())
    at = sorted(draw(st.sets(st.integers(1, len(true) - 1), min_size=1, max_size=3)))
    register, offset = 5000.0, 0.0
    told: list[tuple[int, float]] = []
    meters = [Installed(0, "first")]
    gaps: list[tuple[int, int]] = []
    unseen = False
    for number, (moment, used) in enumerate(true):
        if number in at:
            before, base = true[number - 1]
            # somewhere between the two readings, when this much had been consumed
            share = draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
            changed = before + 1000 + int(share * (moment - before - 1000))
            gone = base + (used - base) * (changed - before) / (moment - before)
            hidden = not unseen and draw(st.booleans())  # one of them: several may look like a misread register
            kind = draw(st.sampled_from(("reset", "used", "higher") if hidden else ("entered", "half entered")))
            unseen |= hidden
            fresh = {"reset": 0.0, "used": 140.0, "higher": 90_000.0, "entered": 70.0, "half entered": 12.0}[kind]
            old = register + (gone - offset)
            if kind.endswith("entered"):
                ended = old if kind == "entered" else None
                meters[-1] = Installed(meters[-1].since, meters[-1].serial, meters[-1].start, ended)
                meters.append(Installed(changed, str(number), fresh))
            if kind != "entered":
                gaps.append((before, moment))
            register, offset = fresh, gone
            if kind in ("reset", "used", "higher"):
                shown = register + used - offset
                rise = shown - told[-1][1]
                assume(rise < 0 or rise > RATE * (moment - before) / HOUR * 1.01)
        told.append((moment, register + used - offset))
    return History(true, draw(st.permutations(told)), [moment for moment, _ in true], [], meters[1:] and meters, gaps)


@st.composite
def misread(draw: st.DrawFn) -> History:
    """Some readings show zero, or ten or a thousand times too much, or two neighbours changed places; never the outermost."""
    found = draw(whole())
    told = dict(found.told)
    kept = list(found.kept)
    at = 1
    while at + 2 < len(kept):
        if draw(st.integers(0, 4)) == 0:
            one, two = kept[at], kept[at + 1]
            near = kept[at + 2] - kept[at - 1] <= 72 * HOUR  # what belongs together is looked for within three days
            kind = draw(st.sampled_from(["zero", "ten", "thousand", "swapped"] if near else ["right"]))
            if kind == "swapped":
                told[one], told[two] = told[two], told[one]
            elif kind != "right":
                told[one] *= {"zero": 0.0, "ten": 10.0, "thousand": 1000.0}[kind]
            at += 3
        at += 1
    return History(found.true, list(told.items()), [])


def holds(found: Intervals, history: History, edges: Sequence[int]) -> None:
    for number, (begin, end) in enumerate(pairwise(edges)):
        truth = history.truth(end) - history.truth(begin)
        low, high = float(found.low[0, number]), float(found.high[0, number])
        assert low - 1e-6 <= truth <= high + 1e-6, (number, low, truth, high)
        value = float(found.value[0, number])
        assert np.isnan(value) or low - 1e-9 <= value <= high + 1e-9
        assert 0 <= found.completeness[0, number] <= 1
        assert 0 <= found.estimated[0, number] <= 1


def grids(history: History) -> st.SearchStrategy[list[int]]:
    """Edges at readings, between them, and outside."""
    times = [at for at, _ in history.true]
    anywhere = st.integers(times[0] - 2 * HOUR, times[-1] + 2 * HOUR)
    return st.sets(st.one_of(anywhere, st.sampled_from(times)), min_size=2, max_size=8).map(sorted)


LEAN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@LEAN
@given(st.data(), st.one_of(whole(), holed(), broken(), misread()))
def test_the_truth_lies_between_the_bounds(data: st.DataObject, history: History) -> None:
    edges = data.draw(grids(history))
    # a meter may count faster within a reading's step than on average, but never faster than its rating
    holds(history.report(edges), history, edges)


@LEAN
@given(st.data(), st.one_of(whole(), holed()))
def test_the_truth_lies_between_the_bounds_of_a_meter_nobody_rated(data: st.DataObject, history: History) -> None:
    edges = data.draw(grids(history))
    holds(history.report(edges, rated=False), history, edges)


@LEAN
@given(st.data(), st.one_of(whole(), holed(), broken()))
def test_where_nothing_is_missing_the_bounds_are_the_truth(data: st.DataObject, history: History) -> None:
    assume(len(history.kept) >= 2)
    begin, end = sorted(data.draw(st.sets(st.sampled_from(history.kept), min_size=2, max_size=2)))
    assume(not any(before < end and after > begin for before, after in history.broken))
    found = history.report([begin, end])
    truth = history.truth(end) - history.truth(begin)
    for figure in (found.value, found.low, found.high):
        assert abs(float(figure[0, 0]) - truth) <= 1e-9 * max(1.0, truth)
    assert found.estimated[0, 0] == 0


@LEAN
@given(st.data(), st.one_of(whole(), holed(), broken(), misread()))
def test_parts_add_up_to_the_whole(data: st.DataObject, history: History) -> None:
    edges = data.draw(grids(history))
    parts, total = history.report(edges), history.report([edges[0], edges[-1]])
    assert parts.low.sum() <= total.low[0, 0] + 1e-6
    assert total.high[0, 0] <= parts.high.sum() + 1e-6
    if not np.isnan(parts.value).any() and (parts.completeness == 1).all():
        assert abs(float(parts.value.sum() - total.value[0, 0])) <= 1e-6
    known = np.nansum(parts.value)
    assert known <= 1e-6 or known <= total.value[0, 0] + 1e-6  # what is missing is never more than is there
