"""OBIS codes of electricity meters (IEC 62056-6-1, group A = 1), and what they are in our words. Not an adapter itself.

A code is A-B:C.D.E*F. Values come in under "C.D.E", each with its unit; ``readings`` makes of them:

    1.8.0, 2.8.0            energy.active.import.total, …export.total. Without a total: the tariffs 1.8.1, 1.8.2 … as channels
    3.8.0                   energy.reactive.import.total (its tariffs likewise)
    16.7.0                  power.active, signed, import is positive. Else 1.7.0 less 2.7.0 (a 2.7.0 of 0 alone says
                            nothing); else 15.7.0, the magnitude of both directions, of a meter that does not count 2.8
    36 56 76.7.0            power.active.l1 l2 l3, signed; else 21 41 61.7.0 less 22 42 62.7.0
    3.7.0 less 4.7.0        power.reactive · 9.7.0 power.apparent · 13.7.0 power.factor · 14.7.0 frequency
    31 51 71.7.0            current.l1 … · 32 52 72.7.0 voltage.l1 … · 11.7.0 current · 12.7.0 voltage
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from hub.model import Reason
from hub.ports import Malformed
from hub.quantities import conversion

_DIRECT = {
    "9.7.0": ("power.apparent", "V.A"),
    "11.7.0": ("current", "A"),
    "12.7.0": ("voltage", "V"),
    "13.7.0": ("power.factor", "1"),
    "14.7.0": ("frequency", "Hz"),
    **{f"{31 + 20 * n}.7.0": (f"current.l{n + 1}", "A") for n in range(3)},
    **{f"{32 + 20 * n}.7.0": (f"voltage.l{n + 1}", "V") for n in range(3)},
}
_TOTALS = {
    "1.8.0": ("energy.active.import.total", "kW.h"),
    "2.8.0": ("energy.active.export.total", "kW.h"),
    "3.8.0": ("energy.reactive.import.total", "kvar.h"),
}
_TARIFFS = {total: [(str(n), f"{total[:-1]}{n}") for n in range(1, 10)] for total in _TOTALS}
# quantity, unit, the signed code, and those for import and export
_POWERS = (
    ("power.active", "W", "16.7.0", "1.7.0", "2.7.0"),
    ("power.reactive", "var", "", "3.7.0", "4.7.0"),
    *((f"power.active.l{n + 1}", "W", f"{36 + 20 * n}.7.0", f"{21 + 20 * n}.7.0", f"{22 + 20 * n}.7.0") for n in range(3)),
)
_UNITS = {
    "kwh": "kWh",
    "wh": "Wh",
    "mwh": "MWh",
    "kw": "kW",
    "w": "W",
    "v": "V",
    "a": "A",
    "ma": "mA",
    "hz": "Hz",
    "kvarh": "kvarh",
    "varh": "varh",
    "kvar": "kvar",
    "var": "var",
    "kva": "kVA",
    "va": "VA",
    "m3": "m3",
    "gj": "GJ",
    "mj": "MJ",
}


class Found(NamedTuple):
    quantity: str
    channel: str
    value: float


Values = Mapping[str, tuple[float, str]]


def converted(value: float, unit: str, canonical: str, what: str) -> float:
    """In the canonical unit; units are spelled with whatever capitals meters use. No unit: already in it."""
    if not unit:
        return value
    try:
        factor, per, offset = _factors(unit, canonical)
    except ValueError as error:
        raise Malformed(Reason.WRONG_UNIT, f"{what}: {error}") from None
    return (value / per if per else value * factor) + offset


@lru_cache(maxsize=256)
def _factors(unit: str, canonical: str) -> tuple[float, int, float]:
    """Factor, what it divides by where that is a whole number (4426 / 1000, not 4426 * 0.001), offset."""
    factor, offset = conversion(_UNITS.get(unit.lower(), unit), canonical)
    per = round(1 / factor) if factor < 1 else 0
    return factor, per if per and abs(per * factor - 1) < 1e-12 else 0, offset


def readings(values: Values) -> Iterator[Found]:
    """What the values mean. Raises Malformed, wrong_unit."""

    def given(code: str, unit: str) -> float | None:
        return converted(*values[code], unit, code) if code in values else None

    for register, (quantity, unit) in _TOTALS.items():
        total = given(register, unit)
        if total is not None:
            yield Found(quantity, "", total)
            continue
        for tariff, code in _TARIFFS[register]:
            if code in values:
                yield Found(quantity, tariff, converted(*values[code], unit, code))
    for quantity, unit, signed, imported, exported in _POWERS:
        value = given(signed, unit)
        if value is None and (imported in values or exported in values):
            value = (given(imported, unit) or 0.0) - (given(exported, unit) or 0.0)
            if value == 0 and imported not in values:
                value = None  # nothing is exported: of the import nobody spoke
        if value is None and quantity == "power.active" and not any(code.startswith("2.8.") for code in values):
            value = given("15.7.0", unit)
        if value is not None:
            yield Found(quantity, "", value + 0.0)
    for code in values:
        direct = _DIRECT.get(code)
        if direct:
            yield Found(direct[0], "", converted(*values[code], direct[1], code) + 0.0)
