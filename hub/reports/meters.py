"""Which registers count, for whom, and which are part of which.

A main meter measures the whole supply of a space; every meter of the same quantity that lies in that space is part of it and
is not added to it again. What a main meter counted and none of its parts did is the rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from hub.model import Device, Series, Space
from hub.ports import Directory
from hub.reports.setup import Duty, Role
from hub.said import sentence

IMPORT, EXPORT, PV = "energy.active.import.total", "energy.active.export.total", "energy.pv.total"
COUNTERS = (
    IMPORT, EXPORT, PV, "charger.energy.total",
    "water.volume.total", "gas.volume.total", "heat.energy.total", "cooling.energy.total",
)  # fmt: skip
LEVELS = {"building": "building", "unit": "entrance", "entrance": "entrance", "room": "flat", "flat": "flat"}
"""What people group by, and the kind of space that is."""
BY = ("device", "meter", "space", "community", *LEVELS, "tenant", "party")


class Listed(Protocol):
    def series(self, device: str = "*", quantity: str = "*") -> list[Series]: ...


class Meter(Struct, frozen=True):
    """The registers of one device and quantity: its whole, or its channels that are added up. ``path``: the spaces whose
    supply it measures, outermost first. ``inside``: the place in the list of the main meter right above it, or -1."""

    device: Device
    quantity: str
    series: tuple[Series, ...]
    duty: Duty
    path: tuple[Space, ...]
    inside: int = -1

    @property
    def main(self) -> bool:
        return self.duty.role == "main"


def meters(
    store: Listed,
    devices: Mapping[str, Device],
    places: Directory,
    duties: Mapping[str, Duty],
    quantities: Iterable[str] = COUNTERS,
) -> list[Meter]:
    """Every accepted device's registers, in order of quantity and device."""
    found: dict[tuple[str, str], Meter] = {}
    listed: dict[str, dict[str, list[Series]]] = {quantity: defaultdict(list) for quantity in quantities}
    for series in store.series():
        if series.quantity in listed:
            listed[series.quantity][series.device].append(series)
    for quantity, channels in listed.items():
        for id, registers in channels.items():
            device = devices.get(id)
            if device is None or not device.accepted:
                continue
            whole = [series for series in registers if not series.channel] or registers
            duty = duties.get(id, _duty(device))
            found[quantity, id] = Meter(device, quantity, tuple(whole), duty, _measured(duty, device, places))
    return _nested(_solar(found))


def _duty(device: Device) -> Duty:
    """Of a meter accepted on the page: its tags may say that it is a main meter, or what a roof feeds in."""
    tagged: tuple[Role, ...] = ("main", "pv_feed_in")
    return Duty(next((role for role in tagged if role in device.tags), "sub"))


def _measured(duty: Duty, device: Device, places: Directory) -> tuple[Space, ...]:
    find = getattr(places, "space_path", None) if duty.measures else None
    return tuple(find(duty.measures) if find else places.path(device.id))


def _solar(found: dict[tuple[str, str], Meter]) -> list[Meter]:
    """What a solar meter counts is yield, whichever of its registers does; where all of it is fed in, it is both."""
    for (what, id), meter in list(found.items()):
        if what == EXPORT and meter.duty.role == "pv_feed_in":
            found.setdefault((PV, id), replace(meter, quantity=PV))
    for quantity in (EXPORT, IMPORT):
        for (what, id), meter in list(found.items()):
            if what == quantity and meter.duty.role == "pv" and (PV, id) not in found:
                del found[what, id]
                found[PV, id] = replace(meter, quantity=PV)
    return [found[key] for key in sorted(found)]


def _nested(flat: list[Meter]) -> list[Meter]:
    mains: dict[tuple[str, str], int] = {}
    for number, meter in enumerate(flat):
        if meter.main and meter.path:
            mains.setdefault((meter.quantity, meter.path[-1].id), number)
    nested = []
    for number, meter in enumerate(flat):
        above = [mains.get((meter.quantity, space.id), -1) for space in meter.path]
        if meter.main:  # several main meters of one space are feeders beside each other
            above = above[:-1]
        inside = next((each for each in reversed(above) if each not in (-1, number)), -1)
        nested.append(replace(meter, inside=inside))
    return nested


class Part(Struct, frozen=True):
    """A row of a report: the meters that are added and those that are taken off. ``part``: "group", or "whole" for a main
    meter whose parts have rows of their own, or "rest" for what it counted beyond them."""

    group: str
    name: str
    quantity: str
    plus: tuple[int, ...]
    minus: tuple[int, ...] = ()
    part: str = "group"
    name_en: str = ""
    least_zero: bool = False


def grouped(all: Sequence[Meter], by: str, site: str) -> list[Part]:
    """The rows. Those that are a "group" or a "rest" add up to what the topmost meters counted. Raises ValueError."""
    if by not in BY:
        raise ValueError(sentence("report_by", by=by, known=", ".join(BY)))
    if by == "community":
        tops: dict[str, list[int]] = defaultdict(list)
        for number, meter in enumerate(all):
            if meter.inside < 0:
                tops[meter.quantity].append(number)
        return [Part(site, site, quantity, tuple(numbers)) for quantity, numbers in sorted(tops.items())]
    under: dict[int, list[int]] = defaultdict(list)
    for number, meter in enumerate(all):
        under[meter.inside].append(number)
    each_meter = by in ("device", "meter")
    keys = [_key(meter, by) for meter in all]
    spans = [bool(under[number]) and (each_meter or _spans(number, keys, under)) for number in range(len(all))]
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    names: dict[str, tuple[str, str]] = {}
    rests: list[Part] = []
    for number, meter in enumerate(all):
        group, *name = keys[number]
        names[group] = name[0], name[1]
        if spans[number]:  # its parts have rows of their own, and it has what they leave over
            if each_meter:
                rests.append(Part(group, name[0], meter.quantity, (number,), (), "whole", name[1]))
            none_made = meter.quantity not in (IMPORT, EXPORT) or not _makes(all, meter)
            rests.append(Part(group, name[0], meter.quantity, (number,), tuple(under[number]), "rest", name[1], none_made))
        elif meter.inside < 0 or spans[meter.inside]:
            groups[group, meter.quantity].append(number)
    rows = [
        Part(group, names[group][0], quantity, tuple(numbers), name_en=names[group][1])
        for (group, quantity), numbers in sorted(groups.items())
    ]
    return sorted(rows + rests, key=lambda row: (row.part == "rest", row.group, row.quantity))


def _makes(all: Sequence[Meter], main: Meter) -> bool:
    """Whether anything in the space of a main meter gives electricity."""
    return any(meter.quantity in (EXPORT, PV) and main.path[-1] in meter.path for meter in all if main.path)


def _spans(number: int, keys: Sequence[tuple[str, str, str]], under: Mapping[int, list[int]]) -> bool:
    """Whether anything below it, however deep, belongs to another group."""
    below = list(under[number])
    while below:
        child = below.pop()
        if keys[child][0] != keys[number][0]:
            return True
        below += under[child]
    return False


def _key(meter: Meter, by: str) -> tuple[str, str, str]:
    """The group's id, name and English name; "" where nobody has said."""
    if by in ("device", "meter"):
        return meter.device.id, meter.device.name, ""
    if by in ("party", "tenant"):
        return meter.duty.party, meter.duty.party, ""
    if by == "space":
        space = meter.path[-1] if meter.path else None
        return (space.id, space.name, space.name_en) if space else (meter.device.space, "", "")
    space = next((space for space in reversed(meter.path) if space.kind == LEVELS[by]), None)
    return (space.id, space.name, space.name_en) if space else ("", "", "")
