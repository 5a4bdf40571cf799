"""Trees of topics with one bare value each: evcc, OpenDTU, DSMR-reader and Smart Gateways. See ``Scalars``."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from adapters.plain import plain_number, plain_text, plain_word
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_KWH = 1.0  # as ours; what comes in Wh would be 0.001


class Value(NamedTuple):
    """What a topic's number is; ``factor`` turns it into our unit. ``part``: 1 first half of a difference, -1 the second."""

    quantity: str
    factor: float = 1.0
    channel: str = ""
    part: int = 0


# Below the prefix; {n} is the index there. A loadpoint's topics stand below loadpoints/{n}/.
_EVCC_SITE = {
    "gridPower": Value("power.active"),
    "grid/power": Value("power.active"),
    "grid/energy": Value("energy.active.import.total", _KWH),
    "grid/currents/1": Value("current.l1"),
    "grid/currents/2": Value("current.l2"),
    "grid/currents/3": Value("current.l3"),
    "homePower": Value("power.active", 1.0, "home"),
    "pvPower": Value("power.pv"),
    "batterySoc": Value("battery.soc"),
    "battery/soc": Value("battery.soc"),
    "pv/{n}/power": Value("power.pv", 1.0, "{n}"),
    "pv/{n}/energy": Value("energy.pv.total", _KWH, "{n}"),
    "battery/{n}/soc": Value("battery.soc", 1.0, "{n}"),
}
_EVCC_LOADPOINT = {
    "chargePower": Value("charger.power"),
    "chargeTotalImport": Value("charger.energy.total", _KWH),
    "vehicleSoc": Value("battery.soc", 1.0, "vehicle"),
    **{f"chargeCurrents/{phase}": Value(f"current.l{phase}") for phase in (1, 2, 3)},
    **{f"chargeVoltages/{phase}": Value(f"voltage.l{phase}") for phase in (1, 2, 3)},
}
_EVCC_STATES = {"connected": "charger.connected", "enabled": "switch.on"}
_BOOLEAN = {"true": 1.0, "false": 0.0}
_NOTHING = {b"", b"nil", b"null", b"none", b"-"}

_OPENDTU = {
    "0/power": Value("power.pv"),
    "0/yieldtotal": Value("energy.pv.total", _KWH),
    "0/voltage": Value("voltage"),
    "0/current": Value("current"),
    "0/frequency": Value("frequency"),
    "0/reactivepower": Value("power.reactive"),
    "0/temperature": Value("device.temperature"),
    "radio/rssi": Value("device.rssi"),
}
_OPENDTU_OWN = {
    "rssi": Value("device.rssi"),
    "uptime": Value("device.uptime"),
    "temperature": Value("device.temperature"),
}

_DSMR = {
    "electricity_delivered_1": Value("energy.active.import.total", _KWH, "1"),
    "electricity_delivered_2": Value("energy.active.import.total", _KWH, "2"),
    "electricity_returned_1": Value("energy.active.export.total", _KWH, "1"),
    "electricity_returned_2": Value("energy.active.export.total", _KWH, "2"),
    "electricity_currently_delivered": Value("power.active", 1000.0, part=1),
    "electricity_currently_returned": Value("power.active", 1000.0, part=-1),
    "extra_device_delivered": Value("gas.volume.total"),
    **{f"phase_currently_delivered_l{n}": Value(f"power.active.l{n}", 1000.0, part=1) for n in (1, 2, 3)},
    **{f"phase_currently_returned_l{n}": Value(f"power.active.l{n}", 1000.0, part=-1) for n in (1, 2, 3)},
    **{f"phase_voltage_l{n}": Value(f"voltage.l{n}") for n in (1, 2, 3)},
    **{f"phase_power_current_l{n}": Value(f"current.l{n}") for n in (1, 2, 3)},
}
_SERIAL = re.compile("[0-9A-Fa-f]{8,16}")
_ONLINE = {"online": 1.0, "offline": 0.0}
_REMEMBERED = 1000


class Scalars:
    """Systems that publish every value on a topic of its own. Their tables are in this file.

    evcc (https://docs.evcc.io), solar charging; ``evcc`` is its root topic, "" for none:
      evcc/site/…            device evcc:site. gridPower, grid/power W (positive: import), grid/energy kWh, grid/currents/<n> A,
                             homePower W (channel home), pvPower W, pv/<n>/power W, pv/<n>/energy kWh, batterySoc,
                             battery/soc, battery/<n>/soc %. Battery power has no quantity of ours
      evcc/loadpoints/<n>/…  device evcc:<n>, the charging point. chargePower W, chargeTotalImport, chargeCurrents/<n> A,
                             chargeVoltages/<n> V, vehicleSoc % (channel vehicle), connected and enabled true or false, title
      evcc/status            online or offline, retained, last will
      Traps: chargedEnergy and sessionEnergy are Wh of one session, chargeTotalImport is the meter's kWh (the page "MQTT API"
      says Wh; evcc's meters and the API's own examples are kWh). Durations were nanoseconds and are seconds in newer
      versions: left out. nil, null, none, - and "" are no value. Topics that end in /set are for writing.
    OpenDTU (https://www.opendtu.solar), Hoymiles inverters; ``opendtu`` is its base topic, "" for none:
      solar/<serial>/0/…     device opendtu:<serial>. power W (AC), yieldtotal kWh, voltage V, current A, frequency Hz,
                             reactivepower var, temperature (inside), radio/rssi dBm, status/reachable, name
      solar/dtu/…            device opendtu:dtu. rssi dBm, uptime s, temperature, status online or offline
      Traps: yieldday is Wh and begins anew every day: left out. yieldtotal is 0 until the inverter has been heard: left out.
      The inputs 1-6 are parts of the whole (DC), and left out. powerfactor is said to be in percent, and is not.
    DSMR-reader (https://dsmr-reader.readthedocs.io) and Smart Gateways' P1 reader; ``dsmr`` is the root, "" for none:
      dsmr/reading/…         device dsmr:reading. electricity_delivered_1, _2 and …returned… kWh (channels 1 low, 2 normal);
                             …currently_delivered, …returned kW, of phases too: one power.active, import less export, given
                             when the returned one arrives, which is sent after it; phase_voltage_l<n> V,
                             phase_power_current_l<n> A, extra_device_delivered m3 of gas. Whole telegrams: the dsmr adapter.
    With a root of your own the device says so: evcc:garage/1 for evcc = "garage".
    Time: none, arrival; retained values are the last known. All other topics of the trees are passed over.

    Sources: docs.evcc.io, MQTT API and API state; OpenDTU-docs, MQTT topics; dsmr-reader, MQTT "split topics"; eddie aiida
    docs, Smart Gateways.
    """

    kind = "scalars"

    class Settings(AdapterSettings):
        evcc: str = Field("evcc", description="root topic of evcc; empty for none")
        opendtu: str = Field("solar", description="base topic of OpenDTU; empty for none")
        dsmr: str = Field("dsmr", description="root topic of DSMR-reader or a Smart Gateways reader; empty for none")

        @field_validator("evcc", "opendtu", "dsmr")
        @classmethod
        def _is_plain(cls, root: str) -> str:
            if re.search(r"[#+{}]", root) or root != root.strip("/"):
                raise ValueError(f'"{root}" is a topic without #, +, braces, or / at its ends')
            return root

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._roots = {"evcc": settings.evcc, "opendtu": settings.opendtu, "dsmr": settings.dsmr}
        filters = {
            "evcc": ("site/#", "loadpoints/#", "status"),
            "opendtu": ("+/+/+", "+/name", "dtu/+"),
            "dsmr": ("reading/+",),
        }
        self.topics = tuple(f"{root}/{end}" for system, root in self._roots.items() if root for end in filters[system])
        self._halves: dict[str, float] = {}  # the first halves of differences

    def decode(self, message: Message) -> Sequence[Decoded]:
        for system, root in self._roots.items():
            if root and message.topic.startswith(f"{root}/"):
                levels = message.topic[len(root) + 1 :].split("/")
                prefix = f"{system}:" if root == self.Settings.model_fields[system].default else f"{system}:{root}/"
                return self._system(system, prefix, levels, message.payload)
        raise Malformed(Reason.BAD_TOPIC, f"not below {', '.join(root for root in self._roots.values() if root)}")

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """The next pair of values makes the first difference."""

    def _system(self, system: str, prefix: str, levels: list[str], payload: bytes) -> Sequence[Decoded]:
        if system == "evcc":
            return self._evcc(prefix, levels, payload)
        if system == "opendtu":
            return self._opendtu(prefix, levels, payload)
        return self._number(f"{prefix}reading", _DSMR.get(levels[-1]) if len(levels) == 2 else None, "", payload)

    def _evcc(self, prefix: str, levels: list[str], payload: bytes) -> Sequence[Decoded]:
        if levels == ["status"]:
            return (_online(f"{prefix}site", payload, _ONLINE),)
        if payload.strip() in _NOTHING or len(levels) < 2:
            return ()
        if levels[0] == "site":
            path, index = _indexed(levels[1:])
            return self._number(f"{prefix}site", _EVCC_SITE.get(path) or _EVCC_SITE.get("/".join(levels[1:])), index, payload)
        if levels[0] != "loadpoints" or len(levels) < 3 or not levels[1].isdecimal():
            return ()
        device, path = f"{prefix}{levels[1]}", "/".join(levels[2:])
        if path == "title":
            return (DeviceInfo(device, name=_label(payload, device), vendor="evcc"),)
        if path in _EVCC_STATES:
            return (Reading(device, _EVCC_STATES[path], _named(device, plain_word, payload, path, _BOOLEAN)),)
        return self._number(device, _EVCC_LOADPOINT.get(path), "", payload)

    def _opendtu(self, prefix: str, levels: list[str], payload: bytes) -> Sequence[Decoded]:
        own = levels[0] == "dtu"
        if not own and not _SERIAL.fullmatch(levels[0]):
            return ()  # sums of all inverters: ac, dc
        device, path = f"{prefix}{levels[0]}", "/".join(levels[1:])
        if own and path == "status":
            return (_online(device, payload, _ONLINE),)
        if path == "status/reachable":
            return (_online(device, payload, {"1": 1.0, "0": 0.0}),)
        if path == "name":
            return (DeviceInfo(device, name=_label(payload, device), vendor="Hoymiles"),)
        found = self._number(device, (_OPENDTU_OWN if own else _OPENDTU).get(path), "", payload)
        return () if path == "0/yieldtotal" and found and found[0].value == 0 else found

    def _number(self, device: str, meant: Value | None, index: str, payload: bytes) -> Sequence[Reading]:
        if meant is None:
            return ()
        value = _named(device, plain_number, payload, meant.quantity) * meant.factor
        if meant.part:
            key = f"{device} {meant.quantity}"
            if meant.part > 0:
                if len(self._halves) >= _REMEMBERED:
                    self._halves.clear()
                self._halves[key] = value
                return ()
            if key not in self._halves:
                return ()
            value = self._halves[key] - value
        return (Reading(device, meant.quantity, value + 0.0, channel=meant.channel.replace("{n}", index)),)


def _indexed(levels: list[str]) -> tuple[str, str]:
    """The path with its first index as {n}, and the index."""
    for position, level in enumerate(levels):
        if level.isdecimal() and len(level) < 4:
            return "/".join([*levels[:position], "{n}", *levels[position + 1 :]]), level
    return "/".join(levels), ""


def _named(device: str, read: Any, payload: bytes, *more: Any) -> float:
    try:
        value: float = read(payload, *more)
    except Malformed as refusal:
        refusal.device = device
        raise
    return value


def _online(device: str, payload: bytes, words: dict[str, float]) -> DeviceInfo:
    return DeviceInfo(device, online=_named(device, plain_word, payload, "status", words) == 1.0)


def _label(payload: bytes, device: str) -> str:
    try:
        return plain_text(payload, 256)
    except Malformed as refusal:
        refusal.device = device
        raise
