"""What was consumed and what it cost: electricity, solar, water, gas and heat, from the meters' registers."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from hub.model import Device
from hub.moments import local_iso
from hub.ports import Directory, Ints
from hub.quantities import Vocabulary
from hub.reports.cost import Bill, Cost
from hub.reports.figures import Figures, figures, money
from hub.reports.measured import Measured, Readings, measure
from hub.reports.meters import Meter, grouped, meters
from hub.reports.period import EVERY, Every, Words, intervals, parse_period
from hub.reports.setup import Energy
from hub.reports.table import report_table
from hub.reports.tariffs import Tariff
from hub.said import sentence

__all__ = ["Readings", "Words", "energy_report", "parse_period", "report_table"]

NOTHING = Energy()


def energy_report(
    store: Readings,
    devices: Mapping[str, Device],
    places: Directory,
    site: str,
    zone: ZoneInfo,
    start: int,
    end: int,
    by: str = "device",
    every: str = "day",
    energy: Energy = NOTHING,
) -> dict[str, Any]:
    """The report as JSON values: ``site``, ``time_zone``, ``from``, ``to``, ``revision`` and ``rows``, one for each group,
    interval and quantity. Only accepted devices count, each with its factor. Raises ValueError for an unknown word.

    ``value`` is None where nothing is known, never zero for it; a group's is the sum of what is known of its meters, and its
    ``completeness`` and ``estimated`` are their means. The truth lies between ``low`` and ``high`` (None: no bound). A
    device's unnamed channel is its whole; without one its channels are added up. What lies behind a main meter is part of it:
    a row whose ``part`` is "rest" is what the main meter counted and its parts did not, one with "whole" is repeated in its
    parts; the others add up to ``totals``. ``cost`` is in ``currency``, None where the energy is unknown or has no tariff;
    ``lines`` say how it came about. ``revision`` changes when a figure does, such as after late readings.
    """
    if every not in EVERY:
        raise ValueError(sentence("report_every", every=every, known=", ".join(EVERY)))
    spans = list(intervals(start, end, _every(every), zone))
    edges: Ints = np.array([low for low, _ in spans] + [end], np.int64)
    found = meters(store, devices, places, energy.duties)
    parts = grouped(found, by, site)
    measured = measure(store, found, edges)
    costs = _costs(store, found, measured, edges, zone, energy.tariffs)
    whole = measured if len(spans) == 1 else measure(store, found, edges[[0, -1]])
    units = Vocabulary()
    unit = {part.quantity: units[part.quantity].unit for part in parts}
    named = [(number, local_iso(low, zone), local_iso(high, zone)) for number, (low, high) in enumerate(spans)]
    told, priced = Figures(measured), bool(energy.tariffs)
    rows = [
        {
            "group": part.group,
            "name": part.name,
            "name_en": part.name_en,
            "start": begin,
            "end": until,
            "quantity": part.quantity,
            "unit": unit[part.quantity],
            **told.row(part, number),
            **(money(part, costs, number, energy.tariffs) if priced else {"cost": None}),
            "part": part.part,
        }
        for part in parts
        for number, begin, until in named
    ]
    totals = [
        {
            "quantity": part.quantity,
            "unit": units[part.quantity].unit,
            **figures(part, whole, 0),
            **_summed([money(part, costs, number, energy.tariffs) for number in range(len(spans)) if priced]),
        }
        for part in grouped(found, "community", site)
    ]
    used = sorted({energy.tariffs[number].id for cost in costs for one in cost for number in one.tariffs})
    return {
        "site": site,
        "time_zone": zone.key,
        "from": local_iso(start, zone),
        "to": local_iso(end, zone),
        "revision": revision(rows),
        "by": by,
        "every": every,
        "totals": totals,
        "tariffs": [_told(tariff) for tariff in energy.tariffs if tariff.id in used],
        "rows": rows,
    }


def revision(rows: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(msgspec.json.encode(rows, order="sorted")).hexdigest()[:12]


def _summed(spans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The cost of all intervals together."""
    known = [span for span in spans if span["cost"] is not None]
    if not known:
        return {"cost": None}

    def bound(key: str) -> float | None:
        amounts = [span.get(key) for span in spans]
        return None if None in amounts else round(sum(amount for amount in amounts if amount is not None), 2)

    return {
        "cost": round(sum(span["cost"] for span in known), 2),
        "currency": known[0]["currency"],
        "cost_low": bound("cost_low"),
        "cost_high": bound("cost_high"),
        "cost_completeness": round(sum(span["cost_completeness"] for span in known) / len(spans), 6),
        "tiers_known": min(span["tiers_known"] for span in known),
        "lines": _lines_added([line for span in known for line in span["lines"]]),
    }


def _lines_added(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, float | None], dict[str, Any]] = {}
    for line in lines:
        entry = sums.setdefault((line["name"], line["price"]), {**line, "used": 0.0, "amount": 0.0})
        entry["used"] = round(entry["used"] + line["used"], 6)
        entry["amount"] = round(entry["amount"] + line["amount"], 6)
    return list(sums.values())


def _costs(
    store: Readings, found: Sequence[Meter], measured: Measured, edges: Ints, zone: ZoneInfo, tariffs: Sequence[Tariff]
) -> list[list[Cost]]:
    """Meters that have the same tariffs are priced together."""
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, meter in enumerate(found):
        alike[tuple(place for place, tariff in enumerate(tariffs) if applies(tariff, meter))].append(number)
    costs: list[list[Cost]] = [[Cost()] * (len(edges) - 1) for _ in found]
    for places, numbers in alike.items():
        if not places:
            continue
        bill = Bill([tariffs[place] for place in places], edges, zone)
        for number, priced in zip(
            numbers, bill.costs(store, [found[number] for number in numbers], measured.rows(numbers)), strict=True
        ):
            for cost in priced:
                cost.tariffs = frozenset(places[version] for version in cost.tariffs)
            costs[number] = priced
    return costs


def applies(tariff: Tariff, meter: Meter) -> bool:
    return (
        tariff.quantity == meter.quantity
        and fnmatchcase(meter.device.id, tariff.device)
        and (tariff.space == "*" or any(fnmatchcase(space.id, tariff.space) for space in meter.path))
    )


def _told(tariff: Tariff) -> dict[str, Any]:
    return {
        "id": tariff.id,
        "name": dict(tariff.name),
        "quantity": tariff.quantity,
        "currency": tariff.currency,
        "valid_from": tariff.valid_from.isoformat(),
        "valid_to": tariff.valid_to.isoformat() if tariff.valid_to else None,
        "source": tariff.source,
        "example": tariff.example,
    }


def _every(word: str) -> Every:
    return next(every for every in EVERY if every == word)
