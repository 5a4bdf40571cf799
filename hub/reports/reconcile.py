"""A utility's bill beside the meters: where the difference is.

    billed = sub-meters + their gaps + unmetered + the main meter's gaps + losses

Gaps are what meters did not report: at best what their other readings make likely, and bounded by their registers. What is
then still missing behind the main meter was used where no sub-meter is; what is missing before it are losses of lines and
transformer, or one of the two meters is wrong.
"""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from hub.model import Device
from hub.ports import Directory
from hub.reports.measured import Measured, Readings, measure
from hub.reports.meters import IMPORT, meters
from hub.reports.setup import Energy


def reconcile(billed: float, all: Measured, mains: Sequence[int], subs: Sequence[int]) -> dict[str, Any]:
    """``all``: one interval. ``mains``, ``subs``: places of the main meters and of those behind them. In the meters' unit;
    ``low`` and ``high`` bound a figure, None for no bound. The values of ``lines`` add up to ``billed``."""
    main, subbed = _sum(all, mains), _sum(all, subs)
    if main is None:
        raise ValueError("nothing is known of the main meter in that time, so there is nothing to compare the bill with")
    subbed = subbed or (0.0, 0.0, 0.0, 0.0)
    main_gap, sub_gap = _gap(main), _gap(subbed)
    before, behind = billed - main[0], main[0] - subbed[0]
    # a gap behind the main meter is no larger than what is missing there
    room = max(behind + max(main[2] - main[0], 0.0), 0.0)
    sub_gap = (min(sub_gap[0], room), min(sub_gap[1], room), min(sub_gap[2], room))
    lines = [
        ("sub_meters", (subbed[0], subbed[0], subbed[0])),
        ("sub_gaps", sub_gap),
        ("unmetered", (behind - sub_gap[0], behind - sub_gap[2], behind - sub_gap[1])),
        ("main_gaps", main_gap),
        ("losses", (before - main_gap[0], before - main_gap[2], before - main_gap[1])),
    ]
    return {
        "billed": round(billed, 6),
        "main": {"value": round(main[0], 6), "low": _bound(main[1]), "high": _bound(main[2]), "completeness": round(main[3], 6)},
        "difference": round(before, 6),
        "difference_share": round(before / billed, 6) if billed else None,
        "explained": bool(main[1] - 1e-9 <= billed <= main[2] + 1e-9),
        "lines": [
            {"line": name, "value": round(value, 6), "low": _bound(low), "high": _bound(high)}
            for name, (value, low, high) in lines
        ],
    }


def _sum(all: Measured, chosen: Sequence[int]) -> tuple[float, float, float, float] | None:
    """Value, low, high, completeness of what is known of several meters."""
    numbers = list(chosen)
    if not numbers or not np.isfinite(all.value[numbers]).any():
        return None
    value, low, high = (getattr(all, name)[numbers, 0] for name in ("value", "low", "high"))
    return float(np.nansum(value)), float(low.sum()), float(high.sum()), float(all.completeness[numbers, 0].mean())


def _gap(found: tuple[float, float, float, float]) -> tuple[float, float, float]:
    """What is missing: likely, at least, at most. Where the register tells the whole, nothing is."""
    value, low, high, completeness = found
    least, most = low - value, high - value
    if most <= 1e-9:
        return 0.0, min(least, 0.0), 0.0
    likely = value * (1 - completeness) / completeness if completeness > 0 else 0.0
    return min(max(likely, least), most), least, most


def _bound(value: float) -> float | None:
    return round(value, 6) if isfinite(value) and value not in (inf, -inf) else None


def bill_beside_meters(
    store: Readings,
    devices: Mapping[str, Device],
    places: Directory,
    energy: Energy,
    start: int,
    end: int,
    billed: float,
    named: Sequence[str] = (),
    quantity: str = IMPORT,
) -> dict[str, Any]:
    """``named``: the main meters the bill is for; all topmost ones if left out. Raises ValueError."""
    found = meters(store, devices, places, energy.duties, (quantity,))
    unknown = [id for id in named if all(meter.device.id != id for meter in found)]
    if unknown:
        raise ValueError(f"{unknown[0]} is no accepted meter that counts {quantity}")
    mains = [n for n, meter in enumerate(found) if (meter.device.id in named if named else meter.inside < 0 and meter.main)]
    if not mains:
        raise ValueError('which one is the main meter? Name it with --meter, or write role = "main" at its [[device]]')
    subs = [n for n, meter in enumerate(found) if meter.inside in mains and n not in mains]
    return reconcile(billed, measure(store, found, np.array([start, end], np.int64)), mains, subs)
