"""Who pays what of a main meter's cost, by the sub-meters.

The cost is shared by energy, at the mean price of the bill, in whole cents: each party's exact share is cut to the cent, and
the cents left over go one by one to the largest remainders (Hare-Niemeyer), so the parts are the whole. What the main meter
counted and no sub-meter is a line of its own, or is shared by use or equally, as the configuration says.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Literal

from hub.reports.cost import CENT, kwh

_REST = "\N{REPLACEMENT CHARACTER}"
"""Stands for what no sub-meter counted; no party is called so."""


class Unshared(Exception):
    """Why a cost is not shared, in English; ``zh``: in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


def split(
    amount: Decimal, whole: float, used: Mapping[str, float | None], rest: Literal["own", "by_use", "equal"]
) -> list[dict[str, Any]]:
    """Rows ``party``, ``part`` ("party", "rest", or "shared": a rest that is in the parties' amounts), ``used``, ``share`` and
    ``amount``; the amounts add up to ``amount`` exactly, and what was used to ``whole``.

    ``whole`` and ``used`` in kWh or m3. A party whose meters are unknown (None) gets nothing, and then the rest stays a line of
    its own, for it holds what they used. Raises Unshared where the sub-meters count more than the main meter, or it nothing."""
    known = {party: kwh(value) for party, value in used.items() if value is not None}
    total = kwh(whole)
    left = total - sum(known.values(), Decimal(0))
    if left < 0:
        en = f"the sub-meters counted {-left} more than the main meter: look for one that is no part of it"
        raise Unshared(en, f"分表合计比总表多 {-left}：请检查是否有不属于该总表的分表")
    if total == 0:
        raise Unshared("the main meter counted nothing, so there is nothing to share by", "总表未计得用量，无法分摊")
    if rest == "own" or len(known) < len(used) or not known:
        weights = {**known, _REST: left} if left else dict(known)
    elif rest == "equal":
        weights = {party: value + left / len(known) for party, value in known.items()}
    else:
        use = sum(known.values(), Decimal(0))
        weights = {party: value * total / use for party, value in known.items()} if use else {_REST: left}
    amounts = shared(amount, weights)
    among: dict[str, Any] = {"party": "", "part": "shared", "used": float(left), "share": None, "amount": None}
    rows = [
        {
            "party": "" if party == _REST else party,
            "part": "rest" if party == _REST else "party",
            "used": float(left) if party == _REST else float(known[party]) if party in known else None,
            "share": float(round(weights[party] / total, 6)) if party in weights else None,
            "amount": float(amounts[party]) if party in amounts else None,
        }
        for party in [*sorted(used), *([_REST] if _REST in weights else [])]
    ]
    return rows if not left or _REST in weights else [*rows, among]


def shared(amount: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The amount in parts that add up to it, in proportion to the weights; a remainder's tie goes to the first name."""
    whole = sum(weights.values(), Decimal(0))
    if whole == 0:
        return dict.fromkeys(weights, Decimal("0.00"))
    exact = {name: amount * weight / whole for name, weight in weights.items()}
    cut = {name: share.quantize(CENT, rounding=ROUND_FLOOR) for name, share in exact.items()}
    over = int((amount - sum(cut.values(), Decimal(0))) / CENT)
    order: Sequence[str] = sorted(weights, key=lambda name: (cut[name] - exact[name], name))
    return {name: cut[name] + (CENT if order.index(name) < over else 0) for name in weights}
