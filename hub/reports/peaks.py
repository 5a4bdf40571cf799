"""Power from energy, a quarter hour at a time: the highest demand, the base load, the shape of a day, the leak at night.

Demand is the mean power of a quarter hour that begins at :00, :15, :30 or :45 (UTC, which is so in every zone of today); only
quarter hours that are known in full count. The base load is what 95 % of the quarter hours exceed. The load factor is the mean
over the highest. A meter read less often than every quarter hour has its peaks flattened: ``estimated`` says so.
"""

from collections.abc import Sequence
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
_BASE = 0.05
NIGHT = (2, 5)
"""Local hours between which nobody is expected to draw water."""
QUIET_NIGHTS = 3
"""A leak is suspected after so many nights of which none came to rest."""


def quarters(start: int, end: int) -> Ints:
    """The edges of the whole quarter hours inside a period."""
    return np.arange(-(-start // QUARTER) * QUARTER, end // QUARTER * QUARTER + 1, QUARTER, dtype=np.int64)


def load(store: Readings, meters: Sequence[Meter], edges: Ints) -> tuple[Floats, Floats]:
    """The power of all meters together, in units per hour (kW for kWh), nan where not every one is known in full; and the
    share of each interval that is interpolated."""
    hours = np.diff(edges) / 3_600_000
    total, estimated = np.zeros(len(hours)), np.zeros(len(hours))
    step = max(1, QUARTERS_AT_ONCE // max(1, len(hours)))
    for first in range(0, len(meters), step):
        found = measure(store, meters[first : first + step], edges)
        known = np.where(found.completeness >= _FULL, found.value, np.nan)
        total += known.sum(axis=0)
        estimated = np.maximum(estimated, found.estimated.max(axis=0))
    return total / hours, estimated


def monthly_peaks(
    store: Readings, meters: Sequence[Meter], start: int, end: int, zone: ZoneInfo
) -> list[list[tuple[int, float]]]:
    """For every meter and calendar month the period touches: when its highest quarter hour began, and its kW."""
    first = day_start(local(start, zone).date().replace(day=1), zone)
    found: list[list[tuple[int, float]]] = [[] for _ in meters]
    after = day_start((local(end - 1, zone).date().replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    for low, high in intervals(first, after, "month", zone):
        edges = quarters(low, high)
        for row, meter in enumerate(meters):
            power, _ = load(store, [meter], edges)
            if np.isfinite(power).any():
                at = int(np.nanargmax(power))
                found[row].append((int(edges[at]), float(power[at])))
    return found


def demand(store: Readings, meters: Sequence[Meter], start: int, end: int, zone: ZoneInfo) -> dict[str, Any]:
    """``peak`` kW and ``peak_at``, ``base`` kW, ``mean`` kW, ``load_factor``, ``completeness`` and ``estimated`` shares, and
    ``profile``: mean kW of each quarter hour of the local day, for workdays and weekends. None where nothing is known."""
    edges = quarters(start, end)
    if len(edges) < 2 or not meters:
        return {"peak": None, "peak_at": None, "base": None, "mean": None, "load_factor": None, "completeness": 0.0}
    power, estimated = load(store, meters, edges)
    known = np.isfinite(power)
    if not known.any():
        return {"peak": None, "peak_at": None, "base": None, "mean": None, "load_factor": None, "completeness": 0.0}
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


def night_flow(store: Readings, meter: Meter, start: int, end: int, zone: ZoneInfo) -> dict[str, Any] | None:
    """The least that flowed in an hour of each night, in units per hour: ``minimum`` over the nights known in full, how many
    ``nights`` these are, and ``leak``: True where none of at least three came to rest. None where no night is known."""
    lowest: list[float] = []
    for first, last in intervals(start, end, "day", zone):
        day = local(first, zone).date()
        hours = [h for h in intervals(first, last, "hour", zone) if NIGHT[0] <= local(h[0], zone).hour < NIGHT[1]]
        if not hours or local(hours[0][0], zone).date() != day:
            continue
        flow, _ = load(store, [meter], np.array([low for low, _ in hours] + [hours[-1][1]], np.int64))
        if np.isfinite(flow).all():
            lowest.append(float(flow.min()))
    if not lowest:
        return None
    least = min(lowest)
    return {"minimum": round(least, 6), "nights": len(lowest), "leak": least > 0 and len(lowest) >= QUIET_NIGHTS}
