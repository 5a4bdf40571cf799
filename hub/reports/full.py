"""A whole report: what was used and what it cost, and all that is worked out from it; what PDF, XLSX and the page show."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hub.model import Device
from hub.moments import local_iso
from hub.ports import Directory, Ints
from hub.reports.balance import balance
from hub.reports.compared import compared
from hub.reports.energy import energy_report
from hub.reports.measured import Measured, Readings, measure
from hub.reports.meters import IMPORT, Meter, grouped, meters
from hub.reports.peaks import demands, night_flows
from hub.reports.period import intervals
from hub.reports.setup import Energy
from hub.reports.split import Unshared, split
from hub.reports.words import FULL

STEPS = ("consumption", "balance", "demand", "comparison", "nights", "split")
"""What a progress bar counts."""
GROUPS = 40
"""Groups with a peak demand of their own; a report of more flats than that shows the community's only."""
_WATERS = ("water.volume.total", "gas.volume.total")
_LINE = 93
"""Days that a chart of days shows; a longer period is shown by months."""


def full_report(
    store: Readings,
    devices: Mapping[str, Device],
    places: Directory,
    site: str,
    zone: ZoneInfo,
    start: int,
    end: int,
    by: str = "community",
    every: str = "total",
    energy: Energy = Energy(),
    done: Callable[[str], None] = lambda step: None,
    now: int | None = None,
) -> dict[str, Any]:
    """``energy_report`` and, beside its keys: ``balance`` (see there; its ``series`` by day, or by month), ``demand`` of the
    community and ``demands`` of the groups, ``compare`` with the period before and a year before, ``nights`` (least flow of
    water and gas), ``gaps`` of meters, ``split`` between parties, and ``facts``: what a reader must know to judge the figures.

    ``done`` is told the name of each of STEPS. ``now``: of a period that is not over, only what is past is compared."""
    report = energy_report(store, devices, places, site, zone, start, end, by, every, energy)
    done("consumption")
    all = meters(store, devices, places, energy.duties)
    spans = list(intervals(start, end, "day" if end - start <= _LINE * 86_400_000 else "month", zone))
    edges: Ints = np.array([low for low, _ in spans] + [end], np.int64)
    if all:
        whole = measure(store, all, edges[[0, -1]])
        flows = balance(all, whole, edges[[0, -1]], zone, energy.emissions)
        by_span = measure(store, all, edges)
        flows["series"] = balance(all, by_span, edges, zone, energy.emissions)["series"]
        report["gaps"] = gaps(all, by_span, edges, zone)
        report["balance"] = flows
    done("balance")
    report |= _demands(store, all, by, site, start, end, zone)
    done("demand")
    until = end if now is None or not start < now < end else now
    report["compare"] = compared(store, all, site, start, until, zone) if all else {"rows": []}
    done("comparison")
    waters = [meter for meter in all if meter.quantity in _WATERS]
    report["nights"] = [
        {"device": meter.device.id, "name": meter.device.name, "quantity": meter.quantity, **found}
        for meter, found in night_flows(store, waters, start, end, zone)
    ]
    done("nights")
    report["split"] = _split(store, all, report, start, end, energy)
    done("split")
    report["facts"] = _facts(all, report)
    return report


def gaps(all: Sequence[Meter], measured: Measured, edges: Ints, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Each meter's runs of intervals that are not wholly known, with the share that is known of them, the longest first."""
    rows = []
    for number, meter in enumerate(all):
        lacking = np.flatnonzero(measured.completeness[number] < FULL)
        place = next((space for space in meter.path if space.kind == "building"), None) or next(iter(meter.path), None)
        for run in np.split(lacking, np.flatnonzero(np.diff(lacking) > 1) + 1) if len(lacking) else []:
            first, last = int(run[0]), int(run[-1]) + 1
            lengths = np.diff(edges)[first:last]
            known = float((measured.completeness[number, first:last] * lengths).sum() / lengths.sum())
            rows.append(
                {
                    "device": meter.device.id,
                    "name": meter.device.name,
                    "quantity": meter.quantity,
                    "place": place.name if place else "",
                    "place_en": place.name_en if place else "",
                    "start": local_iso(int(edges[first]), zone),
                    "end": local_iso(int(edges[last]), zone),
                    "known": round(known, 6),
                    "missing_ms": round((1 - known) * float(lengths.sum())),
                }
            )
    return sorted(rows, key=lambda row: -row["missing_ms"])


def _demands(store: Readings, all: Sequence[Meter], by: str, site: str, start: int, end: int, zone: ZoneInfo) -> dict[str, Any]:
    tops = [number for number, meter in enumerate(all) if meter.quantity == IMPORT and meter.inside < 0]
    parts = [part for part in grouped(all, by, site) if part.quantity == IMPORT and part.part == "group"]
    if by == "community" or len(parts) > GROUPS:
        parts = []
    whole, *found = demands(store, all, [tops, *(part.plus for part in parts)], start, end, zone)
    named = [{"group": part.group, "name": part.name, "name_en": part.name_en} for part in parts]
    for each in found:
        each.pop("profile", None)
    return {"demand": whole, "demands": [name | each for name, each in zip(named, found, strict=True)]}


def _split(
    store: Readings, all: Sequence[Meter], report: Mapping[str, Any], start: int, end: int, energy: Energy
) -> list[dict[str, Any]]:
    """For every quantity with main meters, a cost, and parties behind them."""
    found = []
    whole = measure(store, all, np.array([start, end], np.int64)) if all else None
    for total in report["totals"]:
        quantity, cost = total["quantity"], total["cost"]
        leaves = [n for n, m in enumerate(all) if m.quantity == quantity and m.duty.party and not m.main]
        if whole is None or cost is None or not leaves or total["value"] is None:
            continue
        used: dict[str, float | None] = defaultdict(float)
        for number in leaves:
            value, party = float(whole.value[number, 0]), all[number].duty.party
            before = used[party]
            used[party] = None if np.isnan(value) or before is None else before + value
        entry: dict[str, Any] = {"quantity": quantity, "whole": total["value"], "amount": cost, "rest": energy.rest}
        try:
            entry["rows"] = split(Decimal(repr(cost)), total["value"], used, energy.rest)
            for bound in ("low", "high"):  # of a cost that is only known within bounds everybody's part is too
                entry[f"amount_{bound}"] = most = total[f"cost_{bound}"]
                parts = [] if most is None else split(Decimal(repr(most)), total["value"], used, energy.rest)
                for number, row in enumerate(entry["rows"]):
                    row[f"amount_{bound}"] = parts[number]["amount"] if parts else None
        except Unshared as problem:
            entry |= {"rows": [], "problem": str(problem), "problem_zh": problem.zh}
        found.append(entry)
    return found


def _facts(all: Sequence[Meter], report: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader must know: how many meters, which are main meters, which have no place, what is only an example."""
    factors = report.get("balance", {}).get("co2", {}).get("rows", [])
    examples = {tariff["id"] for tariff in report["tariffs"] if tariff["example"]}
    return {
        "meters": len({meter.device.id for meter in all}),
        "main_meters": sorted({meter.device.id for meter in all if meter.main}),
        "without_place": sorted({meter.device.id for meter in all if not meter.path})[:20],
        "examples": sorted(examples | {row["quantity"] for row in factors if row["example"]}),
    }
