"""Counters with a few days in doubt: readings for these days, roll-ups for the rest.

A day is steady when it and its neighbours are plain and untouched since they were rolled up. The other days, and those that an
edge cuts where the register was not read, form runs; each is read with a steady day on either side, which is more than any
decision in ``hub.register`` looks at. Between runs the register's differences are what was counted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from msgspec import Struct

from hub.model import Series
from hub.ports import Floats, Ints, Rows
from hub.register import Flags, Limits, Steps, steps

DAY = 86_400_000
OUTSIDE = 5
"""Days on both sides of the edges that must be known."""

Run = tuple[int, int]


class Calendar(Struct, frozen=True, eq=False):
    """``plain`` [series, days] from the day ``first`` on; ``register`` [series, edges], NaN where it was not read; ``fastest``
    [series, days] units an hour."""

    first: int
    plain: Flags
    register: Floats
    fastest: Floats


class RolledUp(Protocol):
    def calendar(self, series: Sequence[Series], edges: Ints, outside: int) -> Calendar: ...

    def rows_of(self, series: Sequence[Series], start: int, end: int) -> list[Rows]: ...


def spliced(store: RolledUp, series: Sequence[Series], edges: Ints, limits: Mapping[Series, Limits]) -> list[Steps | None]:
    """Each series' steps, with knots at the edges at least; None for one that only its readings tell about."""
    days = store.calendar(series, edges, OUTSIDE)
    wanted: dict[Run, list[int]] = defaultdict(list)
    runs: list[list[Run] | None] = []
    for row, name in enumerate(series):
        rate = limits[name].max_rate if name in limits else None
        plain = days.plain[row] if rate is None else days.plain[row] & (days.fastest[row] <= rate)
        mine = _runs(plain, np.isnan(days.register[row]), edges, days.first)
        runs.append(mine)
        for run in mine or ():
            wanted[run].append(row)
    read: dict[tuple[int, Run], Steps] = {}
    for run, rows in wanted.items():
        for row, told in zip(rows, _read(store, [series[row] for row in rows], run, limits), strict=True):
            if told is not None:
                read[row, run] = told
    made: list[Steps | None] = []
    for row, needed in enumerate(runs):
        if needed is None or any((row, run) not in read for run in needed):
            made.append(None)
        else:
            made.append(_joined(edges, days.register[row], [read[row, run] for run in needed]))
    return made


def _runs(plain: Flags, unread: Flags, edges: Ints, first: int) -> list[Run] | None:
    """Days (since 1970) that must be read, first and last of each run; None if it takes all, or what is around is in doubt."""
    steady = plain.copy()
    steady[1:] &= plain[:-1]
    steady[:-1] &= plain[1:]
    steady[[0, -1]] = False  # nobody knows what lies beyond
    steady[np.unique(edges[unread] // DAY) - first] = False
    low, high = int(edges[0] // DAY - first), int(edges[-1] // DAY - first)
    doubtful = np.flatnonzero(~steady[low : high + 1]) + low
    if len(doubtful) == high - low + 1 and high - low > 1:
        return None
    found: list[Run] = []
    for day in doubtful.tolist():
        if found and day <= found[-1][1] + 2:  # one steady day between two runs is context for both, so no gain
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    for place, (begin, end) in enumerate(found):
        while begin > 0 and not steady[begin - 1]:
            begin -= 1
        while end < len(steady) - 1 and not steady[end + 1]:
            end += 1
        if begin < 1 or end > len(steady) - 2:
            return None
        found[place] = (begin, end)
    return [(begin + first, end + first) for begin, end in found]


def _read(store: RolledUp, names: Sequence[Series], run: Run, limits: Mapping[Series, Limits]) -> list[Steps | None]:
    """From the last reading before the run to the first after it."""
    found: list[Steps | None] = []
    begin, end = run[0] * DAY, (run[1] + 1) * DAY
    for name, rows in zip(names, store.rows_of(names, begin - DAY, end + DAY), strict=True):
        whole = steps(np.array([0, len(rows.time)]), rows.time, rows.value, rows.quality, {0: limits.get(name, Limits())})
        first = int(np.searchsorted(whole.time, begin, "left")) - 1
        last = int(np.searchsorted(whole.time, end, "left"))
        found.append(None if first < 0 or last >= len(whole.time) else _slice(whole, first, last + 1))
    return found


def _slice(whole: Steps, first: int, last: int) -> Steps:
    columns = [getattr(whole, name)[first:last] for name in Steps.__struct_fields__[1:]]
    return Steps(np.array([0, last - first]), *columns)


def _joined(edges: Ints, register: Floats, runs: Sequence[Steps]) -> Steps:
    """Knots at the edges between the runs, and the readings of the runs."""
    pieces: list[Steps] = []
    begin = -(2**62)
    for end, run in [*((int(run.time[0]), run) for run in runs), (2**62, None)]:
        between = (edges > begin) & (edges < end)
        if between.any():
            pieces.append(_plain(edges[between], register[between]))
        if run is not None:
            pieces.append(run)
            begin = int(run.time[-1])
    columns = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in Steps.__struct_fields__[1:]}
    at = 0
    for before, after in pairwise(pieces):
        at += len(before.time)
        for name in ("value", "low", "high"):
            columns[name][at] = after.register[0] - before.register[-1]
        columns["unbounded"][at] = columns["estimated"][at] = 0
        columns["covered"][at], columns["joined"][at] = after.time[0] - before.time[-1], True
    return Steps(np.array([0, len(columns["time"])]), **columns)


def _plain(time: Ints, register: Floats) -> Steps:
    count = len(time)
    rise, length = np.diff(register, prepend=register[:1]), np.diff(time, prepend=time[:1])
    none = np.zeros(count, np.int64)
    return Steps(
        np.array([0, count]), time, register, rise, rise.copy(), rise.copy(), none, length, none.copy(),
        np.ones(count, np.bool_), np.zeros(count, np.bool_),
    )  # fmt: skip
