"""The rows of a roll-up: for each counter and plain UTC day its steps, and the readings around every bucket's edge.

Columns: series (int32), day (int32, since 1970), readings (int32), shortest and longest (int32, ms: of the steps that end on
it), fastest (float, units an hour, of these steps), digits (int8); and for the edge at each minute of the day that begins a
bucket, here 06:00: at0360 (int64), what the last reading up to the edge showed, in 10^-digits of a unit; since0360 (int32), ms
from that reading to the edge; step0360 (int32), ms from it to the first reading at or after the edge: 0 if that is the same, -1
if the day has none; rise0360 (int64), what was counted over that step. With ``digits`` -1 the numbers are the bits of float64.

Whole numbers of small steps take half the room of what registers show (measured: 223 bytes a meter and day instead of 361).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hub.model import Quality
from hub.ports import Floats, Ints
from hub.register import HOUR, suspicious
from hub.rolled import DAY

CounterRows = tuple[Ints, Ints, Floats, Ints]
"""Series, time, value, quality; in order of series and time."""
Columns = dict[str, npt.NDArray[Any]]
_DIGITS = (3, 6)
_BITS = -1
_EXACT = 2.0**53


def minutes_of(bucket: int) -> list[int]:
    """Of a day, at which a bucket of so many minutes begins."""
    return list(range(0, 24 * 60, bucket))


def plain_days(rows: CounterRows, start: int, bucket: int) -> Columns:
    """Of the days since ``start``; what lies before it is only stepped from."""
    series, time, value, quality = rows
    day, count = time // DAY, len(series)
    same = np.zeros(count, np.bool_)
    same[1:] = series[1:] == series[:-1]
    length, rise = np.zeros(count, np.int64), np.zeros(count)
    length[1:], rise[1:] = np.diff(time), np.diff(value)
    begins = ~same
    begins[1:] |= day[1:] != day[:-1]
    plain = same & np.isfinite(value) & ((quality & int(Quality.OUT_OF_RANGE)) == 0) & ~suspicious(rise, length)
    plain &= (length > 0) | (rise == 0)
    plain[1:] &= day[1:] - day[:-1] <= 1
    first = np.flatnonzero(begins)
    readings = np.diff(np.append(first, count))
    whole = time[first] >= start
    if len(first):
        whole &= np.logical_and.reduceat(plain, first)
    kept, many = first[whole], readings[whole]
    length[~same] = 0
    found: Columns = {"series": series[kept], "day": day[kept], "readings": many}
    for name, values, reduce in (
        ("shortest", length, np.minimum), ("longest", length, np.maximum),
        ("fastest", rise / np.maximum(length, 1) * HOUR, np.maximum),
    ):  # fmt: skip
        found[name] = reduce.reduceat(values, first)[whole] if len(first) else values
    found["fastest"] = np.nextafter(found["fastest"].astype(np.float32), np.float32(np.inf))
    row = np.repeat(np.where(whole, np.cumsum(whole) - 1, -1), readings)
    inside = row >= 0
    return found | _edges(time, value, kept, many, row[inside], (time - day * DAY)[inside], bucket)


def _edges(time: Ints, value: Floats, first: Ints, readings: Ints, row: Ints, within: Ints, bucket: int) -> Columns:
    """``first`` and ``readings`` of each row's day; ``row`` and ``within`` (ms of the day) of their readings."""
    minutes, step, days = minutes_of(bucket), bucket * 60_000, len(first)
    place = row * len(minutes) + within // step
    in_bucket = np.bincount(place, minlength=days * len(minutes)).reshape(days, len(minutes))
    on_edge = np.bincount(place[within % step == 0], minlength=days * len(minutes)).reshape(days, len(minutes))
    until = np.cumsum(in_bucket, axis=1) - in_bucket
    before = first[:, None] + until + on_edge - 1
    some = until < readings[:, None]
    after = np.where(some, first[:, None] + until, before)
    exact = some & (on_edge > 0)
    after[exact] = before[exact]
    edge = (time[first] // DAY * DAY)[:, None] + np.arange(len(minutes)) * step
    digits, at, rise = encoded(value[before], value[after])
    length = np.where(some, time[after] - time[before], -1)
    found: Columns = {"digits": digits}
    for number, minute in enumerate(minutes):
        for name, values in (("at", at), ("since", edge - time[before]), ("step", length), ("rise", rise)):
            found[f"{name}{minute:04}"] = values[:, number]
    return found


def encoded(before: Floats, after: Floats) -> tuple[Ints, Ints, Ints]:
    """``digits`` of each row, and its numbers: exactly what the registers showed."""
    digits = np.full(len(before), _BITS, np.int64)
    at, then = before.view(np.int64).copy(), after.view(np.int64).copy()
    for number in _DIGITS:
        whole = np.round(before * 10.0**number), np.round(after * 10.0**number)
        exact = digits == _BITS
        for scaled, values in zip(whole, (before, after), strict=True):
            exact &= ((scaled / 10.0**number == values) & (np.abs(scaled) < _EXACT)).all(axis=1)
        digits[exact], at[exact], then[exact] = number, whole[0][exact].astype(np.int64), whole[1][exact].astype(np.int64)
    return digits, at, then - at


def decoded(digits: Ints, at: Ints, rise: Ints) -> tuple[Floats, Floats]:
    """What the registers showed before and after an edge."""
    scale = 10.0 ** np.maximum(digits, 0)
    then = at + rise
    before, after = at / scale, then / scale
    bits = np.flatnonzero(digits == _BITS)
    if len(bits):
        before[bits], after[bits] = at[bits].view(np.float64), then[bits].view(np.float64)
    return before, after
