"""The figures of a report's rows: what meters counted and cost, added up for whom the row is about."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from hub.ports import Floats
from hub.reports.cost import Cost
from hub.reports.measured import Measured
from hub.reports.meters import EXPORT, Part
from hub.reports.tariffs import Tariff


class Figures:
    """Value, bounds and shares of rows. A row of one meter, and there may be many thousands, is looked up, not added up."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._columns = [rounded(getattr(measured, name)) for name in ("value", "low", "high", "completeness", "estimated")]

    def row(self, part: Part, number: int) -> dict[str, Any]:
        """Of one interval."""
        if part.minus or len(part.plus) != 1:
            return figures(part, self._measured, number)
        [meter] = part.plus
        value, low, high, completeness, estimated = (column[meter][number] for column in self._columns)
        known = isfinite(value)
        return {
            "value": value if known else None,
            "low": low if isfinite(low) else None,
            "high": high if isfinite(high) else None,
            "completeness": completeness,
            "estimated": estimated if known else 0.0,
        }


def rounded(values: Floats) -> list[list[float]]:
    """As ``round(value, 6)`` of each, many at a time."""
    scaled = np.where(np.isfinite(values), values, 0.0) * 1e6
    whole = np.rint(scaled)
    sure = (np.abs(scaled) < 1e12) & (np.abs(np.abs(scaled - whole) - 0.5) > 0.01)
    found = np.where(np.isfinite(values), whole / 1e6, values)
    for place in zip(*np.nonzero(~sure), strict=True):  # a half, almost: only decimals tell
        found[place] = round(float(values[place]), 6)
    cells: list[list[float]] = found.tolist()
    return cells


def figures(part: Part, measured: Measured, number: int) -> dict[str, Any]:
    """Value, bounds and shares of a row in one interval; its unknown meters leave the bounds open, not the value."""
    plus, minus = list(part.plus), list(part.minus)
    all = plus + minus
    value, low, high = (getattr(measured, field)[:, number] for field in ("value", "low", "high"))
    known = np.isfinite(value)
    completeness = float(measured.completeness[all, number].mean())
    row: dict[str, Any] = {"value": None, "low": None, "high": None, "completeness": round(completeness, 6), "estimated": 0.0}
    least = float(low[plus].sum() - high[minus].sum())
    most = float(high[plus].sum() - low[minus].sum())
    row["low"], row["high"] = _finite(least), _finite(most)
    if not known[plus].any():
        return row
    row["value"] = round(float(_known(value[plus]) - _known(value[minus])), 6)
    if part.least_zero and row["low"] is not None and row["value"] >= 0:
        row["low"] = max(0.0, row["low"])
    row["estimated"] = round(float(measured.estimated[all, number][known[all]].mean()), 6)
    return row


def _known(values: Floats) -> float:
    return float(np.nansum(values))


def _finite(value: float) -> float | None:
    return round(value, 6) if isfinite(value) else None


def money(part: Part, costs: Sequence[Sequence[Cost]], number: int, tariffs: Sequence[Tariff]) -> dict[str, Any]:
    """Cost, bounds and lines of a row in one interval."""
    if not part.minus and len(part.plus) == 1:
        return _bill(costs[part.plus[0]][number], part.quantity, tariffs)
    plus = [costs[meter][number] for meter in part.plus]
    minus = [costs[meter][number] for meter in part.minus]
    known = [cost.value for cost in plus if cost.value is not None]
    row: dict[str, Any] = {"cost": None}
    if not known:
        return row
    row["cost"] = float(sum(known) - sum(cost.value for cost in minus if cost.value is not None))
    row["currency"] = tariffs[min(number for cost in plus for number in cost.tariffs)].currency
    row["cost_low"] = _sum([cost.low for cost in plus], [cost.high for cost in minus])
    if part.least_zero and row["cost_low"] is not None and row["cost"] >= 0 and _priced_alike([*plus, *minus], tariffs):
        row["cost_low"] = max(0.0, row["cost_low"])
    row["cost_high"] = _sum([cost.high for cost in plus], [cost.low for cost in minus])
    row["cost_completeness"] = round(sum(cost.completeness for cost in plus) / len(plus), 6)
    row["tiers_known"] = round(min(cost.tiers_known for cost in plus), 6)
    if not minus:
        sign = -1 if part.quantity == EXPORT else 1
        lines: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for cost in plus:
            for key, line in cost.lines.items():
                lines[key][0] += line.used
                lines[key][1] += line.amount
        row["lines"] = [_line(name, price, used, sign * amount) for (name, price), (used, amount) in lines.items()]
    return row


def _priced_alike(costs: Sequence[Cost], tariffs: Sequence[Tariff]) -> bool:
    """Whether the same prices hold for all of them, by energy alone: then what is used more costs more, for tiers grow dearer."""
    applied = frozenset(number for cost in costs for number in cost.tariffs)
    fixed = any(tariffs[number].standing_price or tariffs[number].demand_price for number in applied)
    return not fixed and all(cost.tariffs == applied for cost in costs)


def _sum(plus: Sequence[Decimal | None], minus: Sequence[Decimal | None]) -> float | None:
    if any(amount is None for amount in (*plus, *minus)):
        return None
    return float(sum(a for a in plus if a is not None) - sum(a for a in minus if a is not None))


def _bill(cost: Cost, quantity: str, tariffs: Sequence[Tariff]) -> dict[str, Any]:
    """The same of one meter."""
    if cost.value is None:
        return {"cost": None}
    sign = -1 if quantity == EXPORT else 1
    return {
        "cost": float(cost.value),
        "currency": tariffs[min(cost.tariffs)].currency,
        "cost_low": None if cost.low is None else float(cost.low),
        "cost_high": None if cost.high is None else float(cost.high),
        "cost_completeness": round(cost.completeness, 6),
        "tiers_known": round(cost.tiers_known, 6),
        "lines": [_line(name, price, line.used, sign * line.amount) for (name, price), line in cost.lines.items()],
    }


def _line(name: str, price: str, used: Decimal, amount: Decimal) -> dict[str, Any]:
    return {"name": name, "price": float(price) if price else None, "used": float(used), "amount": float(round(amount, 6))}
