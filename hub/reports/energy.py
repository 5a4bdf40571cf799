"""What was consumed: electricity, solar, water, gas and heat, from the meters' registers."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

from hub.model import Device, Series
from hub.moments import local_iso
from hub.ports import Directory, Rows
from hub.quantities import Vocabulary
from hub.reports.consumption import LONGEST_GAP, Consumed, Register
from hub.reports.period import EVERY, Every, Words, intervals, parse_period

__all__ = ["Words", "energy_report", "parse_period", "report_table"]

By = Literal["device", "space", "community"]
BY: tuple[By, ...] = get_args(By)
COUNTERS = (
    "energy.active.import.total", "energy.active.export.total", "energy.pv.total",
    "water.volume.total", "gas.volume.total", "heat.energy.total",
)  # fmt: skip


class Readings(Protocol):
    """What a report needs of a store."""

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]: ...

    def rows(self, series: Series, start: int, end: int) -> Rows: ...


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
) -> dict[str, Any]:
    """The report as JSON values: ``site``, ``time_zone``, ``from``, ``to``, ``revision`` and ``rows``, one for each group,
    interval and quantity. Only accepted devices count, each with its factor. Raises ValueError for an unknown word.

    ``value`` is None where nothing is known, never zero for it; a group's is the sum of what is known of its meters, and its
    ``completeness`` and ``estimated`` are their means. A device's unnamed channel is its whole; without one its channels are
    added up. ``revision`` changes when a figure does, such as after late readings. ``cost`` is None: no tariff is applied.
    """
    if by not in BY:
        raise ValueError(f'"{by}" is not a way to group; use {", ".join(BY)}')
    if every not in EVERY:
        raise ValueError(f'"{every}" is not an interval; use {", ".join(EVERY)}')
    spans = list(intervals(start, end, _every(every), zone))
    members: dict[tuple[str, str], list[list[Consumed]]] = defaultdict(list)
    names: dict[str, str] = {}
    for device, quantity, meters in _meters(store, devices):
        group, names[group] = _group(by, device, places, site)
        for meter in meters:
            register = Register(store.rows(meter, start - LONGEST_GAP, end + LONGEST_GAP))
            members[group, quantity].append([_times(device.factor, register.between(*span)) for span in spans])
    units = Vocabulary()
    rows: list[dict[str, Any]] = []
    for (group, quantity), meters_spans in sorted(members.items()):
        for (low, high), parts in zip(spans, zip(*meters_spans, strict=True), strict=True):
            consumed = _together(parts)
            rows.append(
                {
                    "group": group,
                    "name": names[group],
                    "start": local_iso(low, zone),
                    "end": local_iso(high, zone),
                    "quantity": quantity,
                    "value": None if consumed.value is None else round(consumed.value, 6),
                    "unit": units[quantity].unit,
                    "completeness": round(consumed.completeness, 6),
                    "estimated": round(consumed.estimated, 6),
                    "cost": None,
                }
            )
    return {
        "site": site,
        "time_zone": zone.key,
        "from": local_iso(start, zone),
        "to": local_iso(end, zone),
        "revision": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12],
        "rows": rows,
    }


def report_table(report: Mapping[str, Any]) -> str:
    """The same, as a table to read: "-" where nothing is known."""
    head = ["", "from", "to", "", "value", "unit", "complete", "estimated"]
    words = {quantity.name: quantity.en for quantity in Vocabulary()}
    lines = [head]
    for row in report["rows"]:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        shares = [f"{row[share]:.1%}" for share in ("completeness", "estimated")]
        unit = row["unit"].replace("kW.h", "kWh").replace("m3", "m³")
        what = words.get(row["quantity"], row["quantity"])
        lines.append([row["name"] or row["group"] or "(no place)", row["start"], row["end"], what, value, unit, *shares])
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    right = {4, 6, 7}
    return "\n".join(
        "  ".join(_padded(cell, widths[column], column in right) for column, cell in enumerate(line)).rstrip() for line in lines
    )


def _every(word: str) -> Every:
    return next(every for every in EVERY if every == word)


def _meters(store: Readings, devices: Mapping[str, Device]) -> Iterable[tuple[Device, str, list[Series]]]:
    for quantity in COUNTERS:
        channels: dict[str, list[Series]] = defaultdict(list)
        for series in store.series(quantity=quantity):
            channels[series.device].append(series)
        for id, found in channels.items():
            device = devices.get(id)
            if device is not None and device.accepted:
                yield device, quantity, [series for series in found if not series.channel] or found


def _group(by: str, device: Device, places: Directory, site: str) -> tuple[str, str]:
    """The group's id and name. A device nobody has put anywhere is in the space ""."""
    if by == "device":
        return device.id, device.name
    if by == "community":
        return site, site
    path = places.path(device.id)
    return device.space, path[-1].name if path else ""


def _times(factor: float, consumed: Consumed) -> Consumed:
    if consumed.value is None:
        return consumed
    return Consumed(consumed.value * factor, consumed.completeness, consumed.estimated)


def _together(parts: Sequence[Consumed]) -> Consumed:
    known = [part for part in parts if part.value is not None]
    completeness = sum(part.completeness for part in parts) / len(parts)
    if not known:
        return Consumed(None, completeness, 0.0)
    return Consumed(
        sum(part.value for part in known if part.value is not None),
        completeness,
        sum(part.estimated for part in known) / len(known),
    )


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank
