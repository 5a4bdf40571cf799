"""The readings a report needs of each series: those of its time, and enough around it to judge and to bound by."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

import numpy as np

from hub.model import Series
from hub.ports import Rows
from hub.register import LONGEST_GAP

DAY = 86_400_000
MARGIN = 3 * LONGEST_GAP
"""ms on both sides that tell all there is to tell about the edges, but for a reading yet further away."""
ENOUGH = 20
"""readings: more than any decision in ``hub.register`` looks at on one side."""
_EVER = 2**62
_FURTHER, _LONG = 4, 1000 * DAY
_AT_ONCE = 500  # series


class Readings(Protocol):
    """What a report needs of a store. One that has ``rows_of`` is asked for many series at once."""

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]: ...

    def rows(self, series: Series, start: int, end: int) -> Rows: ...


Many = Callable[[Sequence[Series], int, int], list[Rows]]


def fetch(store: Readings, series: Sequence[Series], start: int, end: int, told: Collection[Series] = ()) -> Iterator[Rows]:
    """Of each series, in that order; some hundred are held at once: a month of 10,000 meters is 1.2 GB. ``told``: those of which
    people have said something, which what comes later may bound even where nothing else is known of the time."""
    many: Many = getattr(store, "rows_of", None) or (lambda names, low, high: [store.rows(name, low, high) for name in names])
    for first in range(0, len(series), _AT_ONCE):
        yield from _some(many, series[first : first + _AT_ONCE], start, end, told)


def _some(many: Many, series: Sequence[Series], start: int, end: int, told: Collection[Series]) -> list[Rows]:
    found = many(series, start - DAY, end + DAY)
    few = [n for n, rows in enumerate(found) if (rows.time <= start).sum() < ENOUGH]
    for number, more in zip(few, _asked(many, series, few, start - MARGIN, start - DAY), strict=True):
        found[number] = _together(more, found[number])
    none = [n for n in few if not (found[n].time <= start).any()]
    for number, more in _further(many, series, none, start, -1):
        found[number] = _together(_part(more, slice(-ENOUGH, None)), found[number])
    few = [n for n, rows in enumerate(found) if (rows.time >= end).sum() < ENOUGH]
    for number, more in zip(few, _asked(many, series, few, end + DAY, end + MARGIN), strict=True):
        found[number] = _together(found[number], more)
    # Of a time before a meter's first reading nothing later tells; else last year would be all readings since.
    some = [n for n in few if len(found[n].time) or series[n] in told]
    none = [n for n in some if not (found[n].time >= end).any()]
    for number, more in _further(many, series, none, end, 1):
        found[number] = _together(found[number], _part(more, slice(0, ENOUGH)))
    return found


def _further(many: Many, series: Sequence[Series], numbers: Sequence[int], moment: int, way: int) -> Iterator[tuple[int, Rows]]:
    """Of each series the readings nearest to the moment, before (``way`` -1) or after it, beyond the margin: ``ENOUGH`` of them
    if there are. Further and further away, for a register's whole history may be years."""
    near, left = MARGIN, list(numbers)
    got: dict[int, Rows] = {}
    while left and near < _EVER:
        far = near * _FURTHER if near < _LONG else _EVER
        span = (max(moment - far, -_EVER), moment - near) if way < 0 else (moment + near, min(moment + far, _EVER))
        for number, more in zip(left, _asked(many, series, left, *span), strict=True):
            before = got.get(number)
            got[number] = more if before is None else _together(more, before) if way < 0 else _together(before, more)
        left, near = [number for number in left if len(got[number].time) < ENOUGH], far
    yield from got.items()


def _asked(many: Many, series: Sequence[Series], numbers: Sequence[int], start: int, end: int) -> list[Rows]:
    return many([series[number] for number in numbers], start, end) if numbers else []


def _together(before: Rows, after: Rows) -> Rows:
    if not len(before.time) or not len(after.time):
        return before if len(before.time) else after
    return Rows(
        before.series,
        np.concatenate([before.time, after.time]),
        np.concatenate([before.seq, after.seq]),
        np.concatenate([before.received_at, after.received_at]),
        np.concatenate([before.value, after.value]),
        np.concatenate([before.quality, after.quality]),
    )


def _part(rows: Rows, some: slice) -> Rows:
    return Rows(rows.series, rows.time[some], rows.seq[some], rows.received_at[some], rows.value[some], rows.quality[some])
