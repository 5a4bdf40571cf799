"""Power from energy, a quarter hour at a time: the highest demand, the base load, the shape of a day, the leak at night.

Demand is the mean power of a quarter hour that begins at :00, :15, :30 or :45 (UTC, which is so in every zone of today); only
quarter hours that are known in full count. The base load is what 95 % of the quarter hours exceed. The load factor is the mean
over the highest. A meter read less often than every quarter hour has its peaks flattened: ``estimated`` says so.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hub.moments import local_iso
from hub.ports import Floats, Ints
from hub.reports.measured import Readings, measure
from hub.reports.meters import Meter
from hub.reports.period import day_start, intervals, local

QUARTER = 900_000
QUARTERS_AT_ONCE = 2_000_000
"""Meters times quarter hours that are held in memory at once."""
_FULL = 1 - 1e-9
_NOTHING = {"peak": None, "peak_at": None, "base": None, "mean": None, "load_factor": None, "completeness": 0.0}
_BASE = 0.05
NIGHT = (2, 5)
"""Local hours between which nobody is expected to draw water."""
QUIET_NIGHTS = 3
"""A leak is suspected after so many nights of which none came to rest."""


def quarters(start: int, end: int) -> Ints:
    """The edges of the whole quarter hours inside a period."""
    return np.arange(-(-start // QUARTER) * QUARTER, end // QUARTER * QUARTER + 1, QUARTER, dtype=np.int64)


def powers(store: Readings, meters: Sequence[Meter], edges: Ints) -> Iterator[tuple[int, Floats, Floats]]:
    """Some meters after the other: the first one's number, and of each the power in units per hour (kW for kWh), nan where an
    interval is not known in full; and the share of each that is interpolated."""
    hours = np.diff(edges) / 3_600_000
    step = max(1, QUARTERS_AT_ONCE // max(1, len(hours)))
    for first in range(0, len(meters), step):
        found = measure(store, meters[first : first + step], edges)
        yield first, np.where(found.completeness >= _FULL, found.value, np.nan) / hours, found.estimated


def monthly_peaks(
    store: Readings, meters: Sequence[Meter], start: int, end: int, zone: ZoneInfo
) -> list[list[tuple[int, float]]]:
    """For every meter and calendar month the period touches: when its highest quarter hour began, and its kW."""
    first = day_start(local(start, zone).date().replace(day=1), zone)
    found: list[list[tuple[int, float]]] = [[] for _ in meters]
    after = day_start((local(end - 1, zone).date().replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    for low, high in intervals(first, after, "month", zone):
        edges = quarters(low, high)
        for number, some, _ in powers(store, meters, edges):
            for row, power in enumerate(some, number):
                if np.isfinite(power).any():
                    at = int(np.nanargmax(power))
                    found[row].append((int(edges[at]), float(power[at])))
    return found


def demands(
    store: Readings, meters: Sequence[Meter], groups: Sequence[Sequence[int]], start: int, end: int, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Of each group, numbers of meters that are added: ``peak`` kW and ``peak_at``, ``base`` kW, ``mean`` kW, ``load_factor``,
    ``completeness`` and ``estimated`` shares, and ``profile``: mean kW of each quarter hour of the local day, for workdays and
    weekends. None where nothing is known. The readings of a meter in several groups are read once."""
    edges = quarters(start, end)
    if len(edges) < 2:
        return [dict(_NOTHING) for _ in groups]
    needed = sorted({number for group in groups for number in group})
    shape = (len(groups), len(edges) - 1)
    total, estimated = np.zeros(shape), np.zeros(shape)
    for first, power, shared in powers(store, [meters[number] for number in needed], edges):
        row = {number: place for place, number in enumerate(needed[first : first + len(power)])}
        for each, group in enumerate(groups):
            here = [row[number] for number in group if number in row]
            if here:
                total[each] += power[here].sum(axis=0)
                estimated[each] = np.maximum(estimated[each], shared[here].max(axis=0))
    return [
        _demand(power, shared, edges, zone) if group else dict(_NOTHING)
        for group, power, shared in zip(groups, total, estimated, strict=True)
    ]


def _demand(power: Floats, estimated: Floats, edges: Ints, zone: ZoneInfo) -> dict[str, Any]:
    known = np.isfinite(power)
    if not known.any():
        return dict(_NOTHING)
    at = int(np.nanargmax(power))
    peak, mean = float(power[at]), float(power[known].mean())
    return {
        "peak": round(peak, 3),
        "peak_at": local_iso(int(edges[at]), zone),
        "base": round(float(np.quantile(power[known], _BASE)), 3),
        "mean": round(mean, 3),
        "load_factor": round(mean / peak, 4) if peak > 0 else None,
        "completeness": round(float(known.mean()), 6),
        "estimated": round(float(estimated[known].mean()), 6),
        "profile": _profile(power, edges, zone),
    }


def _profile(power: Floats, edges: Ints, zone: ZoneInfo) -> dict[str, list[float | None]]:
    """96 means; None for a quarter hour of which nothing is known."""
    moments = [local(at, zone) for at in edges[:-1].tolist()]
    slot = np.array([moment.hour * 4 + moment.minute // 15 for moment in moments])
    weekend = np.array([moment.weekday() >= 5 for moment in moments])
    known = np.isfinite(power)
    shapes: dict[str, list[float | None]] = {}
    for name, chosen in (("workday", known & ~weekend), ("weekend", known & weekend)):
        count = np.bincount(slot[chosen], minlength=96)
        total = np.bincount(slot[chosen], power[chosen], minlength=96)
        shapes[name] = [round(float(t / c), 3) if c else None for t, c in zip(total.tolist(), count.tolist(), strict=True)]
    return shapes


def night_flows(
    store: Readings, meters: Sequence[Meter], start: int, end: int, zone: ZoneInfo
) -> Iterator[tuple[Meter, dict[str, Any]]]:
    """The least that flowed in an hour of each night, in units per hour: ``minimum`` over the nights known in full, how many
    ``nights`` these are, and ``leak``: True where none of at least three came to rest. Only of meters with such a night."""
    nights = [hours for first, last in intervals(start, end, "day", zone) if (hours := _night(first, last, zone))]
    if not nights:
        return
    edges: Ints = np.unique(np.array([edge for night in nights for edge in night], np.int64))
    begins = [int(np.searchsorted(edges, night[0])) for night in nights]
    for number, some, _ in powers(store, meters, edges):
        for meter, flow in zip(meters[number:], some, strict=False):
            each = [flow[begin : begin + len(night) - 1] for begin, night in zip(begins, nights, strict=True)]
            lowest = [float(night.min()) for night in each if np.isfinite(night).all()]
            if lowest:
                least = min(lowest)
                leak = least > 0 and len(lowest) >= QUIET_NIGHTS
                yield meter, {"minimum": round(least, 6), "nights": len(lowest), "leak": leak}


def _night(first: int, last: int, zone: ZoneInfo) -> list[int]:
    """The edges of its hours, of a day from ``first`` to ``last``; none where the period begins later."""
    hours = [hour for hour in intervals(first, last, "hour", zone) if NIGHT[0] <= local(hour[0], zone).hour < NIGHT[1]]
    if not hours or local(hours[0][0], zone).date() != local(first, zone).date():
        return []
    return [low for low, _ in hours] + [hours[-1][1]]
