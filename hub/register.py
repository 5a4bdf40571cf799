"""A counter's readings, cleaned: what was consumed from each to the next, and between which bounds that lies.

The register only grows, until it is reset, replaced, rolls over or is misread. Many series are worked on at once: their
readings stand one series after the other, ordered by time, and ``starts`` (length series + 1) says where each begins. Whatever
is decided about a reading or a step depends on readings near it only (``NEAR`` of them on each side, ``CONTEXT`` at most), never
on which part of a history somebody asked for.

What is done about each oddity:

- **Misread** (falls and comes back in one jump, or rises and comes back; up to ``RUN`` readings): left out, unless the run was
  told in Wh among kWh, a thousandfold: then it is put right. If two readings changed places both are left out. A fall that
  could as well be a reset counts as one.
- **Reset or replacement** (a fall that stays): what the register shows afterwards counts, if the meter has consumed as fast
  nearby; else nothing does. Either way the bounds of that step are 0 and what the meter's rating allows, or infinity.
- **Roll-over**: what was left to the end of the register, and what it shows since. Known where ``rolls_at`` is configured; taken
  for one near 10^4 … 10^9, 2^32 and 2^32 thousandths, with the bounds of a reset.
- **A rise faster than the rating** (without one: twenty times faster than anything near it and over 100 units an hour, or over
  10,000): a replacement nobody has entered, or a change of unit. It does not count; the bounds are those of a reset.
- **A gap** longer than three times the usual step (at least an hour, at most three days): the register tells what was consumed
  over the whole of it, but nothing is known at a moment inside.
"""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hub.model import Quality
from hub.ports import Floats, Ints

Flags = npt.NDArray[np.bool_]

HOUR = 3_600_000
LONGEST_GAP = 3 * 86_400_000
"""ms; a moment further from its readings than this is never interpolated."""
CONTEXT = 3 * 86_400_000
NEAR = 8
RUN = 10
_USUAL = 4  # steps on each side that tell the usual length
_IN_ONE_JUMP = 0.9
_FAR_FASTER = 20.0
_FAST = 100.0 / HOUR  # a flat's three phases of 100 A are 69 kW; 100 m3/h are a street's water main
_TOO_FAST = 10_000.0 / HOUR  # 10 MW, the vocabulary's largest power
_CLOSE = 1 + 1e-9
_ROLLS = (*(10.0**digits for digits in range(4, 10)), 2.0**32, 2.0**32 / 1000)
_NEAR_THE_END = 0.99
_SPARE = 0.01  # of a configured register: what may be counted over its end


class Limits(Struct, frozen=True):
    """What is known of a meter. ``max_rate``: register units an hour; ``rolls_at``: the value at which it starts again at 0."""

    max_rate: float | None = None
    rolls_at: float | None = None


UNKNOWN = Limits()


class Steps(Struct, frozen=True, eq=False):
    """Knots of cleaned registers and the step into each from the knot before; the first of a series has a step of nothing.

    ``value``, ``low``, ``high`` [knots] float64, in the register's unit, finite; ``unbounded`` counts steps whose ``high`` is
    infinite and stands as 0. ``covered``, ``estimated`` [knots] int64: ms of the step's time that readings cover, and that were
    shared out by interpolation. ``joined``: a moment inside the step may be interpolated.
    ``odd``: anything that is not a plain rise."""

    starts: Ints
    time: Ints
    register: Floats
    value: Floats
    low: Floats
    high: Floats
    unbounded: Ints
    covered: Ints
    estimated: Ints
    joined: Flags
    odd: Flags


def steps(starts: Ints, time: Ints, value: Floats, quality: Ints, limits: dict[int, Limits] | None = None) -> Steps:
    """``limits`` by series number, for those of which something is known."""
    limits = limits or {}
    good = np.isfinite(value) & ((quality & int(Quality.OUT_OF_RANGE)) == 0)
    starts, time, value = _only(starts, good, time, value)
    dropped = np.zeros(len(value), np.bool_)
    doubted = np.zeros(len(value), np.bool_)
    value = _without_misreadings(starts, time, value, dropped, doubted, limits)
    touched, doubted = _touched(dropped)[~dropped], doubted[~dropped]
    starts, time, value = _only(starts, ~dropped, time, value)
    count = len(time)
    rise, length = np.zeros(count), np.zeros(count, np.int64)
    rise[1:], length[1:] = np.diff(value), np.diff(time)
    first = starts[:-1][starts[:-1] < starts[1:]]
    rise[first], length[first] = 0.0, 0
    joined = length <= HOUR
    _long_steps(starts, time, length, joined)
    low, high, unbounded = np.where(doubted, np.minimum(rise, 0.0), rise), rise.copy(), np.zeros(count, np.int64)
    odd = touched | doubted
    for series, at in _suspects(starts, rise, length, limits):
        meter = limits.get(series, UNKNOWN)
        known, counted = _unknown_step(starts, time, value, series, at, meter)
        if counted == rise[at]:
            continue
        odd[at] = True
        rise[at] = counted if counted is not None else 0.0
        joined[at] &= counted is not None
        if known:
            low[at] = high[at] = rise[at]
        else:
            most = None if meter.max_rate is None else max(meter.max_rate / HOUR * float(length[at]), rise[at])
            low[at], high[at], unbounded[at] = 0.0, most or 0.0, most is None
    covered = np.where(joined, length, 0)
    joined[first] = False
    return Steps(starts, time, value, rise, low, high, unbounded, covered, np.zeros(count, np.int64), joined, odd)


def _only(starts: Ints, keep: Flags, time: Ints, value: Floats) -> tuple[Ints, Ints, Floats]:
    if keep.all():
        return starts, time, value
    kept = np.concatenate([[0], np.cumsum(keep)])
    return kept[starts], time[keep], value[keep]


def _touched(dropped: Flags) -> Flags:
    """The readings whose step spans one that was left out."""
    return np.concatenate([[False], dropped[:-1]])[: len(dropped)]


# --- misread ----------------------------------------------------------------------------------------------------------


def _without_misreadings(
    starts: Ints, time: Ints, value: Floats, dropped: Flags, doubted: Flags, limits: dict[int, Limits]
) -> Floats:
    """Marks what is to be left out, and the steps that may belong to a misread run or not; the values, those told in
    thousandths put right."""
    falls = np.flatnonzero(np.diff(value) < 0) + 1
    if not len(falls):
        return value
    series = np.searchsorted(starts, falls, "right") - 1
    inside = falls > starts[series]
    right = value
    for number, at in zip(series[inside].tolist(), falls[inside].tolist(), strict=True):
        for begin, end, before, after, sure in _misread(starts, time, value, number, at, limits.get(number, UNKNOWN)):
            if not sure:
                doubted[begin : after + 1] = True
                continue
            for scale in (1e-3, 1e3):
                scaled = value[begin:end] * scale
                line = np.concatenate([[value[before]], scaled, [value[after]]])
                if value[before] > 0 and (np.diff(line) >= 0).all():
                    right = right.copy() if right is value else right
                    right[begin:end] = scaled
                    break
            else:
                dropped[begin:end] = True
    return right


def _misread(
    starts: Ints, time: Ints, value: Floats, series: int, at: int, meter: Limits
) -> list[tuple[int, int, int, int, bool]]:
    """The runs that a fall shows to be wrong: begin, end, the right readings before and after, and whether it is sure."""
    first, last = int(starts[series]), int(starts[series + 1])
    before, fallen = value[at - 1], value[at]
    low = high = None
    for base in range(at - 2, max(first, at - 1 - RUN) - 1, -1):
        if time[at] - time[base] > CONTEXT:
            break
        if value[base] <= fallen:
            one_jump = value[base + 1] - value[base] >= _IN_ONE_JUMP * (before - value[base])
            high = (base + 1, at, base, at) if one_jump and value[base] > 0 else None
            break
    for back in range(at + 1, min(last, at + 1 + RUN)):
        if time[back] - time[at - 1] > CONTEXT:
            break
        if value[back] >= before:
            if value[back] - value[back - 1] >= _IN_ONE_JUMP * (before - fallen):
                low = (at, back, at - 1, back)
            break
    runs = [run for run in (high, low) if run]
    most = _FAR_FASTER * _fastest(
        starts, time, value, series, min((run[2] for run in runs), default=at), max((run[3] for run in runs), default=at)
    )
    allowed = max(most, _FAST) * _CLOSE
    if meter.max_rate is not None:
        most = allowed = meter.max_rate / HOUR * _CLOSE
    runs = [
        run
        for run in runs
        if value[run[3]] - value[run[2]] - _digit(value[run[2]], value[run[3]]) <= allowed * float(time[run[3]] - time[run[2]])
    ]
    # a fall that could be a reset, and counting up to here
    return [(*run, value[run[1]] > most * float(time[run[1]] - time[run[1] - 1])) for run in runs]


# --- steps ------------------------------------------------------------------------------------------------------------


def _long_steps(starts: Ints, time: Ints, length: Ints, joined: Flags) -> None:
    """Joins those that are not longer than three times the usual."""
    long = np.flatnonzero(~joined & (length <= LONGEST_GAP))
    if not len(long):
        return
    series = np.searchsorted(starts, long, "right") - 1
    around = [shift for shift in range(-_USUAL, _USUAL + 1) if shift]
    near = long[:, None] + np.array(around)
    inside = (near > starts[series][:, None]) & (near < starts[series + 1][:, None])
    near = np.clip(near, 0, len(time) - 1)
    away = np.abs(time[near] - time[long][:, None])
    lengths = np.where(inside & (away <= CONTEXT + LONGEST_GAP), length[near].astype(np.float64), np.nan)
    known = ~np.isnan(lengths).all(axis=1)
    usual = np.zeros(len(long))
    usual[known] = np.nanmedian(lengths[known], axis=1)
    joined[long] = length[long] <= 3 * usual


def suspicious(rise: Floats, length: Ints) -> Flags:
    """The steps (units, ms) that are looked at twice even where nothing is known of the meter."""
    with np.errstate(invalid="ignore"):
        return ~((rise >= 0) & (rise <= _FAST * np.maximum(length, 1)))


def _suspects(starts: Ints, rise: Floats, length: Ints, limits: dict[int, Limits]) -> Iterator[tuple[int, int]]:
    """Series and knot of every step that may not be what it looks like."""
    doubtful = suspicious(rise, length)
    for series, meter in limits.items():
        if meter.max_rate is not None:
            mine = slice(int(starts[series]), int(starts[series + 1]))
            doubtful[mine] |= rise[mine] > meter.max_rate / HOUR * length[mine] * _CLOSE
    found = np.flatnonzero(doubtful)
    return zip((np.searchsorted(starts, found, "right") - 1).tolist(), found.tolist(), strict=True)


def _unknown_step(starts: Ints, time: Ints, value: Floats, series: int, at: int, meter: Limits) -> tuple[bool, float | None]:
    """Whether the step is known, and what of it counts; None for nothing."""
    rise = float(value[at] - value[at - 1])
    length = float(time[at] - time[at - 1])
    if rise >= 0:
        beyond = rise - _digit(value[at - 1], value[at])  # the last digit may be due for long, and turn at any time
        if meter.max_rate is not None:
            plausible = beyond <= meter.max_rate / HOUR * length * _CLOSE
        else:
            near = _rates(starts, time, value, series, at - 1, at)
            fast = len(near) >= 3 and beyond > _FAR_FASTER * max(near) * length
            plausible = not fast and beyond <= _TOO_FAST * max(length, 1.0)
        return plausible, rise if plausible else None
    fastest = _fastest(starts, time, value, series, at - 1, at)
    if meter.rolls_at is not None:
        since = meter.rolls_at + rise
        slack = max(_FAR_FASTER * fastest * length, _SPARE * meter.rolls_at)
        room = slack if meter.max_rate is None else meter.max_rate / HOUR * length
        if value[at - 1] <= meter.rolls_at and since <= room * _CLOSE:
            return True, since
    for end in _ROLLS:
        since = end + rise
        if _NEAR_THE_END * end <= value[at - 1] < end and since <= 3 * fastest * length * _CLOSE:
            return False, since
    shown = float(value[at])
    return False, shown if 0 <= shown <= fastest * length * _CLOSE else None


def _digit(*values: float) -> float:
    """What the last digit of a register is worth that shows these; 1 at most."""
    exponents = [Decimal(repr(float(value))).normalize().as_tuple().exponent for value in values]
    return float(10.0 ** min(0, *(exponent for exponent in exponents if isinstance(exponent, int))))


def _fastest(starts: Ints, time: Ints, value: Floats, series: int, before: int, after: int) -> float:
    return max(_rates(starts, time, value, series, before, after), default=0.0)


def _rates(starts: Ints, time: Ints, value: Floats, series: int, before: int, after: int) -> list[float]:
    """Units per ms of the rises near the readings ``before`` and ``after``, not of what lies between them."""
    first, last = int(starts[series]), int(starts[series + 1])
    found = []
    for begin, end in ((max(first, before - NEAR), before), (after, min(last - 1, after + NEAR))):
        for at in range(begin, end):
            length, rise = time[at + 1] - time[at], value[at + 1] - value[at]
            near = abs(time[at] - time[before]) <= CONTEXT and abs(time[at + 1] - time[after]) <= CONTEXT
            if near and length > 0 and rise >= 0 and rise <= _TOO_FAST * length:
                found.append(float(rise / length))
    return found
