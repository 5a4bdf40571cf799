"""How a cost is written: one that is only known within bounds is never printed as if it were certain.

Exact: "¥51.65". Within bounds that lie close together, as of readings shortly before and after midnight: "≈ ¥51.65". Further
apart: "¥166.78–259.78". Without an upper bound: "≥ ¥166.78". Where meters are missing: "¥51.65 + unknown".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hub.reports.words import FULL, Language, amount, share, word

CLOSE = 0.01
"""Bounds that lie no further apart than this share of the amount are only said to be bounds, by a sign."""
_CENT = 0.005


def cost_words(row: Mapping[str, Any], language: Language, currency: str = "") -> str:
    """Of a row with ``cost`` and, where it has bounds, ``cost_low`` and ``cost_high`` (None: no bound)."""
    sign = str(row.get("currency") or currency)
    if row["cost"] is None or "cost_low" not in row:
        return amount(row["cost"], sign)
    return bounded(row["cost"], row["cost_low"], row["cost_high"], sign, language)


def bounded(value: float | None, low: float | None, high: float | None, currency: str, language: Language) -> str:
    if value is None:
        return amount(None, currency)
    if low is None or high is None:
        if low is not None:
            return f"≥ {amount(low, currency)}"
        known = amount(value, currency)
        return f"{known} + {word('unknown', language)}" if high is None else f"≤ {amount(high, currency)}"
    if high - low < _CENT:
        return amount(value, currency)
    if high - low <= CLOSE * abs(value):
        return f"≈ {amount(value, currency)}"
    if low < 0:
        return f"{amount(low, currency)} – {amount(high, currency)}"
    return f"{amount(low, currency)}–{high:,.2f}"


def exact(row: Mapping[str, Any]) -> bool:
    low, high = row.get("cost_low"), row.get("cost_high")
    return low is not None and high is not None and high - low <= max(_CENT, CLOSE * abs(row["cost"]))


def together(totals: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The cost of all quantities, as a row; None where nothing has a cost."""
    costs = [total for total in totals if total["cost"] is not None]
    if not costs:
        return None

    def bound(key: str) -> float | None:
        found = [cost.get(key) for cost in costs]
        return None if None in found else round(sum(each for each in found if each is not None), 2)

    return {
        "cost": round(sum(cost["cost"] for cost in costs), 2),
        "currency": costs[0]["currency"],
        "cost_low": bound("cost_low"),
        "cost_high": bound("cost_high"),
        "cost_completeness": min(cost["cost_completeness"] for cost in costs),
        "tiers_known": min(cost.get("tiers_known", 1.0) for cost in costs),
    }


def cost_mark(row: Mapping[str, Any], language: Language) -> str:
    """How sure a cost is: what is least known of it."""
    if row["cost_completeness"] >= FULL and row.get("tiers_known", 1.0) < FULL:
        circle = "◐" if row["tiers_known"] > 0 else "○"
        return f"{circle} {word('earlier_use', language)} {share(row['tiers_known'])}"
    if row["cost_completeness"] >= FULL and not exact(row):
        return f"◐ {word('within_bounds', language)}"
    circle = "●" if row["cost_completeness"] >= FULL else "◐" if row["cost_completeness"] > 0 else "○"
    return f"{circle} {word('completeness', language)} {share(row['cost_completeness'])}"


def tier_words(report: Mapping[str, Any], language: Language) -> list[tuple[str, str]]:
    """For every quantity whose tiers' month or year is not wholly known: its name, and what that means for its cost."""
    found = []
    for total in report["totals"]:
        if total["cost"] is not None and total.get("tiers_known", 1) < FULL:
            low, high = total["cost_low"], total["cost_high"]
            said = word("tiers_known", language).format(
                share=share(total["tiers_known"]),
                low=word("no_bound_below", language) if low is None else amount(low, total["currency"]),
                high=word("no_bound", language) if high is None else amount(high, total["currency"]),
            )
            found.append((total["quantity"], said))
    return found
