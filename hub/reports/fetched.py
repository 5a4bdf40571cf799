"""The readings a report needs of each series: those of its time, and enough around it to judge and to bound by."""

from collections.abc import Callable, Iterator, Sequence
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
_AT_ONCE = 500  # series


class Readings(Protocol):
    """What a report needs of a store. One that has ``rows_of`` is asked for many series at once."""

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]: ...

    def rows(self, series: Series, start: int, end: int) -> Rows: ...


Many = Callable[[Sequence[Series], int, int], list[Rows]]


def fetch(store: Readings, series: Sequence[Series], start: int, end: int) -> Iterator[Rows]:
    """Of each series, in that order; some hundred are held at once: a month of 10,000 meters is 1.2 GB."""
    many: Many = getattr(store, "rows_of", None) or (lambda names, low, high: [store.rows(name, low, high) for name in names])
    for first in range(0, len(series), _AT_ONCE):
        yield from _some(many, series[first : first + _AT_ONCE], start, end)


def _some(many: Many, series: Sequence[Series], start: int, end: int) -> list[Rows]:
    found = many(series, start - DAY, end + DAY)
    few = [n for n, rows in enumerate(found) if (rows.time <= start).sum() < ENOUGH]
    for number, more in zip(few, _asked(many, series, few, start - MARGIN, start - DAY), strict=True):
        found[number] = _together(more, found[number])
    none = [n for n in few if not (found[n].time <= start).any()]
    for number, more in zip(none, _asked(many, series, none, -_EVER, start - MARGIN), strict=True):
        found[number] = _together(_part(more, slice(-ENOUGH, None)), found[number])
    few = [n for n, rows in enumerate(found) if (rows.time >= end).sum() < ENOUGH]
    for number, more in zip(few, _asked(many, series, few, end + DAY, end + MARGIN), strict=True):
        found[number] = _together(found[number], more)
    none = [n for n in few if not (found[n].time >= end).any()]
    for number, more in zip(none, _asked(many, series, none, end + MARGIN, _EVER), strict=True):
        found[number] = _together(found[number], _part(more, slice(0, ENOUGH)))
    return found


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
