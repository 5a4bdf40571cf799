"""From a meter's register to what was consumed between two moments.

The register is a counter: it only grows, until it is reset, replaced, or misread. What is done about each:

- A glitch (one or a few readings that fall and come back in one jump to where they were, or one reading far above its
  neighbours) is left out.
- A fall that stays is a reset: counting goes on from the new value. What the register shows after it was consumed since the
  reset, and is counted, when that much could have been consumed since the reading before, at the highest rate this meter
  shows in the readings at hand; otherwise (a meter replaced by a used one) it is not, and the time between is not covered.
- At an edge between two readings the register is interpolated, and the time to the nearest reading inside counts as estimated,
  unless the two are further apart than the longest gap (three times the usual step, at least an hour, at most three days).
  Then nothing is known at that edge: what lies between the readings inside is given, with a completeness below 1.
"""

import numpy as np
from msgspec import Struct

from hub.model import Quality
from hub.ports import Floats, Ints, Rows

LONGEST_GAP = 3 * 86_400_000
"""ms; readings this far outside an interval are needed for its edges."""
_SHORTEST_GAP = 3_600_000
_GLITCH = 10  # readings
_RETURNS = 0.9  # of the fall, in one jump


class Consumed(Struct, frozen=True):
    """``value`` in the register's unit, None where nothing is known; the shares, of the interval's time, from 0 to 1."""

    value: float | None
    completeness: float
    estimated: float


class Register:
    """The readings of one counter, ordered by time, cleaned and added up."""

    def __init__(self, rows: Rows) -> None:
        good = np.isfinite(rows.value) & ((rows.quality & int(Quality.OUT_OF_RANGE)) == 0)
        time, value = _without_glitches(rows.time[good], rows.value[good])
        step, length = np.diff(value), np.diff(time)
        self._time = time
        gap = min(max(_SHORTEST_GAP, 3 * float(np.median(length))), LONGEST_GAP) if len(length) else _SHORTEST_GAP
        fall = step < 0
        rises = (step > 0) & (length > 0)
        fastest = float(np.max(step[rises] / length[rises])) if rises.any() else 0.0
        since_reset = value[1:]
        plausible = since_reset <= fastest * length * (1 + 1e-9)
        step = np.where(fall, np.where(plausible, since_reset, 0.0), step)
        self._covered = (length <= gap) & (~fall | plausible)  # between a reading and the next
        self._total = np.concatenate([np.zeros(min(len(value), 1)), np.cumsum(step)])

    def between(self, start: int, end: int) -> Consumed:
        time = self._time
        if not len(time):
            return Consumed(None, 0.0, 0.0)
        overlap = np.minimum(time[1:], end) - np.maximum(time[:-1], start)
        completeness = float(np.sum(np.clip(overlap, 0, None)[self._covered])) / (end - start)
        first = int(np.searchsorted(time, start, "left"))  # the first reading at or after the start
        last = int(np.searchsorted(time, end, "right")) - 1  # the last one up to the end
        low, high = self._at(start), self._at(end)
        inside = first <= last
        if not inside and (low is None or high is None):
            return Consumed(None, completeness, 0.0)
        begin = start if low is not None else int(time[first])
        finish = end if high is not None else int(time[last])
        if begin >= finish:  # one reading tells nothing
            return Consumed(None, completeness, 0.0)
        value = (float(self._total[last]) if high is None else high) - (float(self._total[first]) if low is None else low)
        estimated = (int(time[first]) - begin) + (finish - int(time[last])) if inside else end - start
        return Consumed(value, completeness, estimated / (end - start))

    def _at(self, moment: int) -> float | None:
        """The sum up to a moment at or between readings; None where the gap around it is not covered."""
        time = self._time
        after = int(np.searchsorted(time, moment, "left"))
        if after < len(time) and time[after] == moment:
            return float(self._total[after])
        if after == 0 or after == len(time) or not self._covered[after - 1]:
            return None
        return float(np.interp(moment, time[after - 1 : after + 1], self._total[after - 1 : after + 1]))


def _without_glitches(time: Ints, value: Floats) -> tuple[Ints, Floats]:
    keep = np.ones(len(value), np.bool_)
    for at in (np.flatnonzero(np.diff(value) < 0) + 1).tolist():
        if not (keep[at] and keep[at - 1]):
            continue
        before, fallen = value[at - 1], value[at]
        if at >= 2 and keep[at - 2] and 0 < value[at - 2] <= fallen and before - value[at - 2] > 10 * (fallen - value[at - 2]):
            keep[at - 1] = False  # one reading far above its neighbours
            continue
        for back in range(at + 1, min(at + 1 + _GLITCH, len(value))):
            if value[back] >= before and value[back] - value[back - 1] >= _RETURNS * (before - fallen):
                keep[at:back] = False
                break
    return time[keep], value[keep]
