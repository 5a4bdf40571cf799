"""What counters counted between moments: a value, its bounds, and how much of it is known.

``consumption`` is what every report stands on. It asks the store for readings (or, where there are roll-ups, for these), puts
in what people have said about the meters, and cuts at the edges.
"""

from collections.abc import Callable, Mapping, Sequence, Set

import numpy as np
from msgspec import Struct

from hub.model import Series
from hub.ports import Floats, Ints
from hub.register import HOUR, UNKNOWN, Flags, Limits, Steps
from hub.reports.around import between
from hub.reports.fetched import Readings, fetch
from hub.reports.installed import Installed, Register, history
from hub.reports.spliced import spliced
from hub.rolled import DAY, Known, steady

__all__ = ["Intervals", "Readings", "Said", "consumption", "cut", "from_rows"]


class Intervals(Struct, frozen=True, eq=False):
    """[series, edges - 1] each. May share memory with each other: to be read only.

    ``value``: what is known, NaN where nothing is; in the register's unit, times the factor of ``Installed`` where one is given.
    ``low``, ``high``: what it was lies between them, whatever is missing; ``high`` is infinite where the register does not tell
    (outside its first and last reading, at a reset) and no ``max_rate`` does. Equal to ``value`` where nothing is missing.
    ``completeness``: share of the time between readings that are close enough together, 0 to 1. A register goes on counting in
    a gap: what lies whole within an interval is in its value.
    ``estimated``: share of the time that was shared out by interpolation, 0 to 1.

    Parts add up to the whole where all of them are known; the whole's bounds lie within the sums of the parts' bounds."""

    value: Floats
    low: Floats
    high: Floats
    completeness: Floats
    estimated: Floats


def consumption(
    store: Readings,
    series: Sequence[Series],
    edges: Ints,
    *,
    manual: Mapping[Series, Sequence[tuple[int, float]]] | None = None,
    replaced: Mapping[Series, Sequence[Installed]] | None = None,
    limits: Mapping[Series, Limits] | None = None,
) -> Intervals:
    """``edges``: ms UTC, ascending, at least two; any zone's quarter hours, days, months. ``manual``: what somebody read off the
    meter, at a moment (ms UTC). ``replaced``: the meters that stood there, in order of ``since``. ``limits``: ratings.

    Raises ValueError for edges that are not ascending."""
    edges = np.asarray(edges, np.int64)
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError("edges are at least two, ascending")
    said = Said(manual or {}, replaced or {}, limits or {})
    ask: Callable[[Sequence[Series], Ints], Known] | None = getattr(store, "known", None)
    return from_rows(store, series, edges, said) if ask is None or not series else _rolled(store, ask, series, edges, said)


def _rolled(
    store: Readings, ask: Callable[[Sequence[Series], Ints], Known], series: Sequence[Series], edges: Ints, said: "Said"
) -> Intervals:
    """From roll-ups but for the days in doubt; of what people have said something about, from the readings."""
    known = ask(series, edges)
    days, around = known.days, known.edges
    rates = np.full(len(series), np.inf)
    noted = np.zeros(len(series), np.bool_)
    for number, name in enumerate(series) if said.limits or said.manual or said.replaced else ():
        rate = said.limits.get(name, UNKNOWN).max_rate
        rates[number] = np.inf if rate is None else rate
        noted[number] = said.about(name).said
    sure = steady(days, rates)
    low, high = int(edges[0]) // DAY - days.first, int(edges[-1]) // DAY - days.first
    plain = sure[:, low : high + 1].all(axis=1) & (around.since >= 0).all(axis=1) & ~noted
    if plain.all():
        return Intervals(*between(around, edges, rates / HOUR))
    here, rest = np.flatnonzero(plain), np.flatnonzero(~plain)
    whole = Intervals(*(np.empty((len(series), len(edges) - 1)) for _ in range(5)))
    _put(whole, here, Intervals(*between(around.rows(here), edges, rates[here] / HOUR)))
    apart = np.flatnonzero(~plain & ~noted)
    names = [series[number] for number in apart.tolist()]
    made = dict(zip(names, spliced(store, names, edges, said.limits, sure[apart], days.first, around.rows(apart)), strict=True))
    unmade = [series[number] for number in rest.tolist() if made.get(series[number]) is None]
    read = fetch(store, unmade, int(edges[0]), int(edges[-1]), said.named)  # in the order in which they are asked for
    for number in rest.tolist():
        about = said.about(series[number])
        found = made.get(series[number]) or history(next(read), about)
        _put(whole, np.array([number]), cut(found, edges, [about.max_rate(edges)]))
    return whole


def _put(whole: Intervals, rows: Ints, part: Intervals) -> None:
    for column, values in zip(_columns(whole), _columns(part), strict=True):
        column[rows] = values


def _stacked(parts: Sequence[Intervals]) -> Intervals:
    return Intervals(*(np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)))


class Said(Struct, frozen=True):
    """What people have said about meters, by series."""

    manual: Mapping[Series, Sequence[tuple[int, float]]]
    replaced: Mapping[Series, Sequence[Installed]]
    limits: Mapping[Series, Limits]

    @property
    def named(self) -> Set[Series]:
        return self.manual.keys() | self.replaced.keys()

    def about(self, series: Series) -> Register:
        return Register(
            tuple(self.manual.get(series, ())), tuple(self.replaced.get(series, ())), self.limits.get(series, Limits())
        )


def from_rows(store: Readings, series: Sequence[Series], edges: Ints, said: Said) -> Intervals:
    """From the readings themselves."""
    parts = []
    for name, rows in zip(series, fetch(store, series, int(edges[0]), int(edges[-1]), said.named), strict=True):
        about = said.about(name)
        parts.append(cut(history(rows, about), edges, [about.max_rate(edges)]))
    if not parts:
        none = np.empty((0, len(edges) - 1))
        return Intervals(none, none, none, none, none)
    return _stacked(parts)


def _columns(found: Intervals) -> tuple[Floats, ...]:
    return found.value, found.low, found.high, found.completeness, found.estimated


def cut(found: Steps, edges: Ints, rates: Sequence[float | None]) -> Intervals:
    """``rates``: the most each series' meter can count, units per ms, where it is known."""
    starts = found.starts
    number = len(starts) - 1
    shape = (number, len(edges) - 1)
    value, low = np.full(shape, np.nan), np.zeros(shape)
    high, completeness, estimated = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    for row in range(number):
        mine = slice(int(starts[row]), int(starts[row + 1]))
        if mine.start == mine.stop:
            continue
        one = _Curve(found, mine)
        value[row], low[row], high[row], completeness[row], estimated[row] = one.between(edges, rates[row])
    for row, rate in enumerate(rates):
        if rate is not None and starts[row] == starts[row + 1]:
            high[row] = rate * np.diff(edges)
    return Intervals(value, low, high, completeness, estimated)


class _Curve:
    """One series, added up."""

    def __init__(self, found: Steps, mine: slice) -> None:
        self.time = found.time[mine]
        self.value = _added(found, found.value, mine)
        self.low = _added(found, found.low, mine)
        self.high = _added(found, found.high, mine)
        self.unbounded = _if_any(found.unbounded[mine])
        self.covered = np.cumsum(found.covered[mine])
        self.shared = _if_any(found.estimated[mine])
        self.joined = found.joined[mine]

    def between(self, edges: Ints, rate: float | None) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        time, last = self.time, len(self.time) - 1
        right = np.searchsorted(time, edges, "left")  # the first reading at or after each edge
        left = np.searchsorted(time, edges, "right") - 1  # the last one up to it
        known, value, covered = self._at(edges, left, right)
        begin, end = edges[:-1], edges[1:]
        inside = right[:-1] <= left[1:]
        first, final = np.minimum(right[:-1], last), np.maximum(left[1:], 0)
        begins, ends = time[first], time[final]
        begun = np.where(known[:-1], begin, begins)
        ended = np.where(known[1:], end, ends)
        sure = (inside | (known[:-1] & known[1:])) & (begun < ended)
        used = np.where(known[1:], value[1:], self.value[final]) - np.where(known[:-1], value[:-1], self.value[first])
        used = np.where(sure, used, np.nan)
        length = end - begin
        completeness = np.clip(np.diff(covered) / length, 0.0, 1.0)
        outside = np.where(inside, (begins - begun) + (ended - ends), length)
        if self.shared is not None:
            outside += np.where(inside, self.shared[final] - self.shared[first], 0)
        estimated = np.where(sure, np.minimum(outside, length) / length, 0.0)
        low = np.where(inside, np.maximum(self.low[final] - self.low[first], 0.0), 0.0)
        high = self._most(edges, left, right, inside, first, final, np.inf if rate is None else rate)
        low = np.where(sure & (low > used), used, low)  # a rounding
        return used, low, np.maximum(high, np.where(sure, used, low)), completeness, estimated

    def _most(self, edges: Ints, left: Ints, right: Ints, inside: Flags, first: Ints, final: Ints, rate: float) -> Floats:
        """What may have been consumed at most: between the readings inside, and in the steps cut by an edge."""
        time, last = self.time, len(self.time) - 1
        left, right = left[:-1], right[1:]  # the readings around it
        before, after = np.maximum(left, 0), np.minimum(right, last)
        began, ends = left >= 0, right <= last

        def between(low: Ints, high: Ints, known: Flags) -> Floats:
            if self.unbounded is not None:
                known = known & (self.unbounded[high] == self.unbounded[low])
            return np.where(known, self.high[high] - self.high[low], np.inf)

        start, rest, around = between(before, first, began), between(final, after, ends), between(before, after, began & ends)
        if np.isfinite(rate):

            def within(length: Ints) -> Floats:
                return np.where(length > 0, rate * np.maximum(length, 1), 0.0)

            start = np.minimum(start, within(time[first] - edges[:-1]))
            rest = np.minimum(rest, within(edges[1:] - time[final]))
            around = np.minimum(around, rate * np.diff(edges))
        return np.where(inside, between(first, np.maximum(first, final), inside) + start + rest, around)

    def _at(self, moment: Ints, left: Ints, right: Ints) -> tuple[Flags, Floats, Floats]:
        """Whether the register is known at each moment, what had been counted up to it, and the ms covered."""
        time, last = self.time, len(self.time) - 1
        exact = left >= right
        within = (right > 0) & (right <= last) & ~exact
        here = np.minimum(right, last)
        there = np.maximum(here - 1, 0)
        joined = within & self.joined[here]
        length = np.where(joined, time[here] - time[there], 1)
        share = np.where(joined, (moment - time[there]) / length, 0.0)
        value, covered = self.value[here], self.covered[here].astype(np.float64)
        value = np.where(exact, value, self.value[there] + share * (value - self.value[there]))
        covered = np.where(exact | (right > last), covered, self.covered[there] + share * (covered - self.covered[there]))
        return exact | joined, value, covered


def _if_any(column: Ints) -> Ints | None:
    """Added up; None where there is nothing, as almost always."""
    return np.cumsum(column) if column.any() else None


def _added(found: Steps, column: Floats, mine: slice) -> Floats:
    """Added up; where nothing is odd the register's own values, which no adding has rounded."""
    register = found.register[mine]
    plain = np.diff(register, prepend=register[:1])
    if np.array_equal(plain, column[mine]):
        return register
    return np.cumsum(column[mine])
