"""Counters with a few days in doubt: readings for these days, roll-ups for the rest.

The days that are not steady, and those that an edge cuts at a moment no roll-up knows, form runs; each is read with what is
needed around it. Between runs what was counted follows from the readings around the edges. A run that reaches back to before a
meter's first readings, or on to now, is open at that end: there the report's own edge bounds what is read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from hub.model import Series
from hub.ports import Floats, Ints
from hub.register import Flags, Limits, Steps, steps
from hub.reports.fetched import Readings, fetch
from hub.rolled import DAY, Moments

Run = tuple[int, int]
_BEFORE, _AFTER = -(2**62), 2**62


def spliced(
    store: Readings,
    series: Sequence[Series],
    edges: Ints,
    limits: Mapping[Series, Limits],
    steady: Flags,
    first: int,
    around: Moments,
) -> list[Steps | None]:
    """Each series' steps, with knots around the edges at least; None for one that only its readings tell about. ``steady``
    [series, days] from the day ``first`` on."""
    wanted: dict[Run, list[int]] = defaultdict(list)
    runs: list[list[Run] | None] = []
    for row in range(len(series)):
        mine = _runs(steady[row], around.since[row] < 0, edges, first)
        runs.append(mine)
        for run in mine or ():
            wanted[run].append(row)
    read: dict[tuple[int, Run], Steps] = {}
    for run, rows in wanted.items():
        for row, told in zip(rows, _read(store, [series[row] for row in rows], run, edges, limits), strict=True):
            if told is not None:
                read[row, run] = told
    made: list[Steps | None] = []
    for row, needed in enumerate(runs):
        if needed is None or any((row, run) not in read for run in needed):
            made.append(None)
        else:
            time, register = _knots(edges, around, row)
            made.append(_joined(time, register, [read[row, run] for run in needed]))
    return made


def _runs(steady: Flags, unread: Flags, edges: Ints, first: int) -> list[Run] | None:
    """Days (since 1970) that must be read, first and last of each run; None if it takes all."""
    steady = steady.copy()
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
        opens, stays = begin < 1, end > len(steady) - 2
        if opens and stays:
            return None
        found[place] = (_BEFORE if opens else begin + first, _AFTER if stays else end + first)
    return found


def _read(store: Readings, names: Sequence[Series], run: Run, edges: Ints, limits: Mapping[Series, Limits]) -> list[Steps | None]:
    """From the last reading before the run to the first after it."""
    found: list[Steps | None] = []
    begin = int(edges[0]) if run[0] == _BEFORE else run[0] * DAY
    end = int(edges[-1]) if run[1] == _AFTER else (run[1] + 1) * DAY
    for name, rows in zip(names, fetch(store, names, begin, end), strict=True):
        whole = steps(np.array([0, len(rows.time)]), rows.time, rows.value, rows.quality, {0: limits.get(name, Limits())})
        first = 0 if run[0] == _BEFORE else int(np.searchsorted(whole.time, begin, "left")) - 1
        last = len(whole.time) - 1 if run[1] == _AFTER else int(np.searchsorted(whole.time, end, "left"))
        found.append(None if first < 0 or not first <= last < len(whole.time) else _slice(whole, first, last + 1))
    return found


def _slice(whole: Steps, first: int, last: int) -> Steps:
    columns = [getattr(whole, name)[first:last] for name in Steps.__struct_fields__[1:]]
    return Steps(np.array([0, last - first]), *columns)


def _knots(edges: Ints, around: Moments, row: int) -> tuple[Ints, Floats]:
    """The readings around the edges, in order of time."""
    here = around.since[row] >= 0
    before = edges[here] - around.since[row, here]
    time, first = np.unique(np.concatenate([before, before + around.step[row, here]]), return_index=True)
    return time, np.concatenate([around.before[row, here], around.after[row, here]])[first]


def _joined(time: Ints, register: Floats, runs: Sequence[Steps]) -> Steps:
    """The readings around the edges between the runs, and those of the runs."""
    pieces: list[Steps] = []
    begin = -(2**62)
    for end, run in [*((int(run.time[0]), run) for run in runs), (2**62, None)]:
        between = (time > begin) & (time < end)
        if between.any():
            pieces.append(_plain(time[between], register[between]))
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
