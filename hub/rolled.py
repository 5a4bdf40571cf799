"""What roll-ups know of counters: their days, and the readings around moments; and on which days that is all there is to know.

A day is plain when nothing on it is odd: every step that ends in it rises, no faster than what ``hub.register`` ever looks at
twice, from a reading of that day or the day before. A plain day is steady when its neighbours are plain too, and far enough
beyond them where readings are few, so that no decision of ``hub.register`` about it can come out otherwise than "a plain rise".
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hub.ports import Floats, Ints
from hub.register import HOUR, Flags

Numbers = npt.NDArray[np.int32]
DAY = 86_400_000
ENOUGH = 20
"""readings: more than any decision in ``hub.register`` looks at on one side."""
AROUND = 5
"""days that hold all that such a decision looks at, with one reading a day at least."""
OUTSIDE = 2 * AROUND + 2
"""days on both sides of the edges that must be known, to find a steady one around those that are not."""
_Numbers = TypeVar("_Numbers", Ints, Flags)
_USUAL = 3  # times the usual step: a longer one is a gap


class Moments(Struct, frozen=True, eq=False):
    """[series, moments] each. ``since``: ms from the last reading up to the moment, -1 where that is not known; ``step``: ms from
    it to the first reading at or after the moment, 0 where one is at the moment itself; ``before`` and ``after``: what they
    showed."""

    since: Numbers
    step: Numbers
    before: Floats
    after: Floats

    def rows(self, numbers: Ints) -> "Moments":
        return Moments(self.since[numbers], self.step[numbers], self.before[numbers], self.after[numbers])


class Days(Struct, frozen=True, eq=False):
    """[series, days] from the day ``first`` (since 1970) on. ``plain``: and untouched since it was rolled up; ``sparse``: fewer
    readings than ``ENOUGH``, or a step over an hour, whose day's ``shortest`` and ``longest`` step (ms) are known; ``fastest``:
    units an hour, rounded up."""

    first: int
    plain: Flags
    sparse: Flags
    shortest: Numbers
    longest: Numbers
    fastest: npt.NDArray[np.float32]


class Known(Struct, frozen=True, eq=False):
    days: Days
    edges: Moments


def steady(days: Days, rates: Floats) -> Flags:
    """[series, days], never the outermost ones. ``rates``: each meter's most, units an hour, or infinity."""
    plain = days.plain.copy()
    limited = np.flatnonzero(np.isfinite(rates))
    plain[limited] &= days.fastest[limited] <= rates[limited, None]
    found = _all_around(plain, 1)
    some = np.flatnonzero(days.sparse.any(axis=1))
    if len(some):
        sparse, far = days.sparse[some], _all_around(plain[some], AROUND)
        least = np.where(sparse, days.shortest[some], HOUR).astype(np.int64)
        longest = np.where(sparse, days.longest[some], 0).astype(np.int64)
        least, longest = -_most_around(-least, AROUND), _most_around(longest, 1)
        found[some] &= ~_most_around(sparse, 1) | (far & ((longest <= HOUR) | (longest <= _USUAL * least)))
    return found


def _all_around(flags: Flags, reach: int) -> Flags:
    """Whether a day and so many on either side have it."""
    found: Flags = ~_most_around(~flags, reach)
    found[:, :reach] = found[:, found.shape[1] - reach :] = False
    return found


def _most_around(values: _Numbers, reach: int) -> _Numbers:
    most = values.copy()
    for shift in range(1, reach + 1):
        np.maximum(most[:, shift:], values[:, :-shift], out=most[:, shift:])
        np.maximum(most[:, :-shift], values[:, shift:], out=most[:, :-shift])
    return most
