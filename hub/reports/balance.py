"""Where a community's energy came from and went: grid, sun, battery, heat pumps, cars; carbon dioxide; the zero-carbon share.

With I taken from the grid, E fed into it, P the solar yield, C put into batteries and D taken out of them:

    used = I + P + D - C - E          self-consumption = (P - E) / P          autarky = (used - I) / used

A sum is of the meters that are known, with its completeness, as in a report's rows. What is fed in counts as solar. The
zero-carbon share (零碳能源利用比例) is, of all energy used on the site, the part that is solar or, by the factor table,
zero-carbon:

    ((P - E) + z_grid I + z_heat H) / (used + H + 10.81 kWh/m3 G)      H heat and G gas from outside

No binding definition of that share was found, so reports print this one. Gas counts 38.93 MJ/m3 (GB/T 2589). What is fed in is
not taken off the carbon dioxide. A ratio that its meters contradict, or that lacks one of them, is None.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from hub.moments import local_iso
from hub.ports import Floats, Ints
from hub.reports.measured import Measured
from hub.reports.meters import EXPORT, IMPORT, PV, Meter
from hub.reports.setup import Emission

GAS, HEAT = "gas.volume.total", "heat.energy.total"
_SLACK = 0.1
"""kWh that meters may differ by for being read at different moments."""
GAS_KWH = 10.81
"""kWh per m3."""


class Flow(Struct, frozen=True, eq=False):
    """What is known of a sum of meters in every interval, nan where nothing is; its completeness is the meters' mean. ``plus``
    and ``minus``: their numbers; ``known``: whether every one of them is, in every interval."""

    value: Floats
    completeness: Floats
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    known: bool

    @property
    def meters(self) -> int:
        return len(self.plus) + len(self.minus)


def flow(measured: Measured, plus: Sequence[int], minus: Sequence[int] = ()) -> Flow:
    added, taken = list(plus), list(minus)
    all = added + taken
    if not all:
        nothing = np.zeros(measured.value.shape[1])
        return Flow(nothing, nothing + 1, (), (), True)
    known = np.isfinite(measured.value)
    value = np.nansum(measured.value[added], axis=0) - np.nansum(measured.value[taken], axis=0)
    return Flow(
        np.where(known[added].any(axis=0), value, np.nan),
        measured.completeness[all].mean(axis=0),
        tuple(plus),
        tuple(minus),
        bool(known[all].all()),
    )


class Flows(Struct, frozen=True, eq=False):
    grid: Flow
    fed_in: Flow
    solar: Flow
    charged: Flow
    discharged: Flow
    heat: Flow
    gas: Flow

    def used(self, measured: Measured) -> Flow:
        return flow(measured, self.grid.plus + self.solar.plus + self.discharged.plus, self.charged.plus + self.fed_in.plus)


def flows(all: Sequence[Meter], measured: Measured) -> Flows:
    def chosen(quantity: str, *, battery: bool = False, top: bool = True) -> Flow:
        return flow(
            measured,
            [
                number
                for number, meter in enumerate(all)
                if meter.quantity == quantity and (meter.duty.role == "battery") == battery and (meter.inside < 0 or not top)
            ],
        )

    return Flows(
        grid=chosen(IMPORT),
        fed_in=chosen(EXPORT),
        solar=chosen(PV),
        charged=chosen(IMPORT, battery=True, top=False),
        discharged=chosen(EXPORT, battery=True, top=False),
        heat=_from_outside(all, measured),
        gas=chosen(GAS),
    )


def _from_outside(all: Sequence[Meter], measured: Measured) -> Flow:
    """Heat that was bought: not what the site's own heat pumps make."""
    numbers = [
        number
        for number, meter in enumerate(all)
        if meter.quantity == HEAT and meter.inside < 0 and meter.duty.role != "heat_pump"
    ]
    return flow(measured, numbers)


def balance(
    all: Sequence[Meter], measured: Measured, edges: Ints, zone: ZoneInfo, emissions: Sequence[Emission]
) -> dict[str, Any]:
    """``measured``: one interval, or several that are added. JSON values: ``flows`` in kWh (gas in m3) with their completeness,
    ``impossible`` (more is fed in than is made: a role is missing, so what was used is unknown),
    ``self_consumption``, ``autarky``, ``zero_carbon`` as shares, ``battery`` with its efficiency, ``heat_pumps`` with what they
    gave for a kWh, ``charged_cars``, ``co2`` in kg by source, and ``series``: the flows of every interval."""
    found = flows(all, measured)
    whole = {name: _total(getattr(found, name)) for name in Flows.__struct_fields__}
    used = found.used(measured)
    total = _total(used)
    grid, fed_in, solar = (whole[name]["value"] for name in ("grid", "fed_in", "solar"))
    has_main = any(meter.main and meter.quantity == IMPORT for meter in all)
    impossible = _impossible(whole, found)
    if impossible or (found.solar.meters and not has_main):  # nobody counts what is fed in
        total["value"] = None
    knows = has_main and used.known and not impossible
    bought = found.heat.known and found.gas.known
    return {
        "flows": {**whole, "used": total},
        "impossible": impossible,
        "self_consumption": _share(solar - fed_in, solar) if knows and solar else None,
        "autarky": _share(total["value"] - grid, total["value"]) if knows else None,
        "zero_carbon": _zero_carbon(whole, total["value"], emissions)
        if bought and used.known and total["value"] is not None and (knows or not found.solar.meters)
        else None,
        "battery": _battery(whole) if found.charged.known and found.discharged.known else None,
        "heat_pumps": _heat_pumps(all, measured),
        "charged_cars": _total(flow(measured, _cars(all))),
        "co2": _co2(whole, emissions),
        "series": {
            "start": [local_iso(at, zone) for at in edges[:-1].tolist()],
            **{name: _numbers(getattr(found, name).value) for name in ("grid", "fed_in", "solar")},
            "used": [None] * len(used.value) if impossible else _numbers(used.value),
            "completeness": _numbers(used.completeness),
        },
    }


def _impossible(whole: Mapping[str, Mapping[str, Any]], found: Flows) -> bool:
    """More is fed in than was made and taken out of batteries: some meter lacks its role. What is not known excuses nothing
    where nothing that makes electricity is known at all."""
    fed_in, made = whole["fed_in"]["value"] or 0.0, sum(whole[name]["value"] or 0.0 for name in ("solar", "discharged"))
    if fed_in <= made + max(_SLACK, 0.01 * fed_in):
        return False
    return not (found.solar.meters + found.discharged.meters) or (found.solar.known and found.discharged.known)


def _zero_carbon(whole: Mapping[str, Mapping[str, Any]], used: float, emissions: Sequence[Emission]) -> float | None:
    share = {emission.quantity: emission.zero_carbon for emission in emissions}
    heat, gas = whole["heat"]["value"], whole["gas"]["value"]
    zero = whole["solar"]["value"] - whole["fed_in"]["value"]
    zero += share.get(IMPORT, 0.0) * whole["grid"]["value"] + share.get(HEAT, 0.0) * heat
    return _share(zero, used + heat + GAS_KWH * gas)


def _battery(whole: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    charged, discharged = whole["charged"]["value"], whole["discharged"]["value"]
    if not whole["charged"]["meters"]:
        return None
    return {
        "charged": charged,
        "discharged": discharged,
        "kept_or_lost": round(charged - discharged, 6),
        "efficiency": _share(discharged, charged),
    }


def _heat_pumps(all: Sequence[Meter], measured: Measured) -> dict[str, Any] | None:
    pumps = [number for number, meter in enumerate(all) if meter.duty.role == "heat_pump"]
    electric = [number for number in pumps if all[number].quantity == IMPORT]
    if not electric:
        return None
    taken = flow(measured, electric)
    given = flow(measured, [number for number in pumps if all[number].quantity == HEAT])
    used, heat = _total(taken), _total(given)
    known = given.meters and given.known and taken.known and used["value"]
    return {
        "electricity": used,
        "heat": heat["value"] if given.meters else None,
        "heat_completeness": heat["completeness"],
        "factor": round(heat["value"] / used["value"], 3) if known else None,
    }


def _cars(all: Sequence[Meter]) -> list[int]:
    """A charger's own register, else that of a meter in front of it."""
    chargers = [number for number, meter in enumerate(all) if meter.quantity == "charger.energy.total"]
    own = {all[number].device.id for number in chargers}
    before = [n for n, m in enumerate(all) if m.duty.role == "ev" and m.quantity == IMPORT and m.device.id not in own]
    return chargers + before


def _co2(whole: Mapping[str, Mapping[str, Any]], emissions: Sequence[Emission]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for emission in emissions:
        name = {IMPORT: "grid", GAS: "gas", HEAT: "heat"}.get(emission.quantity)
        if name is None or not whole[name]["meters"]:
            continue
        value = whole[name]["value"]
        rows.append(
            {
                "quantity": emission.quantity,
                "kg": None if value is None else round(value * emission.kg_per_unit, 3),
                "completeness": whole[name]["completeness"],
                "kg_per_unit": emission.kg_per_unit,
                "year": emission.year,
                "source": emission.source,
                "example": emission.example,
            }
        )
    known = [row["kg"] for row in rows if row["kg"] is not None]
    least = min((row["completeness"] for row in rows), default=1.0)
    return {"kg": round(sum(known), 3) if known else None, "completeness": least, "rows": rows}


def _total(one: Flow) -> dict[str, Any]:
    """What is known over all intervals; None where nothing is."""
    known = np.isfinite(one.value).any()
    return {
        "value": _number(float(np.nansum(one.value))) if known else None,
        "completeness": round(float(one.completeness.mean()), 6),
        "meters": one.meters,
    }


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _numbers(values: Floats) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _share(part: float, whole: float) -> float | None:
    share = part / whole if whole > 0 else None
    return round(min(max(share, 0.0), 1.0), 6) if share is not None and -1e-6 <= share <= 1 + 1e-6 else None
