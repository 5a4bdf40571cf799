"""Zigbee devices through Zigbee2MQTT."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from msgspec import Struct
from pydantic import Field

from adapters.decoding import Moment, epoch_ms, iso_ms, number, parse, parse_object, shown
from adapters.zigbee2mqtt_fields import (
    ALARMS,
    BATTERY_VOLTAGE,
    CALLS_FOR_HELP,
    FAULT_PROPERTIES,
    FIRE_PROPERTIES,
    Meaning,
    first_phase,
    meaning,
    scale,
)
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_IEEE = re.compile(r"0x[0-9a-f]{16}")
_BY_ARRIVAL = frozenset({"motion", "switch.on"})
_LIST_BYTES = 3_900_000
_LIST_KEYS = 200_000
_LIST_DEPTH = 16
_NAMES_WAITING = 1000


class Known(Struct, array_like=True):
    """What the bridge's list told about a device: its id, whether it runs on a battery or belongs to a fire detector, and
    the units it declares for the properties we read ("" where it declares none)."""

    id: str
    battery: bool = False
    fire: bool = False
    units: dict[str, str] = {}


class Zigbee2Mqtt:
    """Zigbee detectors, plugs, meters and sensors of any maker, as Zigbee2MQTT publishes them (versions 1.17 to 2.x).

    Topics, under the base topic (``zigbee2mqtt`` unless set):

        bridge/devices            retained: every device's IEEE address, name, vendor, model and ``exposes``
        bridge/groups             retained: names of groups; their states are echoes and are passed over
        bridge/state              {"state": "online"} or the bare word: whether Zigbee2MQTT itself runs; told of the coordinator
        <friendly name>           the device's whole state, as JSON; the name may contain slashes
        <friendly name>/availability    {"state": "online"} or the bare word
        …/set, …/get, other bridge/…    commands and administration: passed over

    Devices are ``zigbee:<IEEE address>``. A friendly name is only a label: the list, kept over restarts, leads from it to
    the address. Before the list was seen, a name that is an address itself is used, then the payload's
    ``device.ieeeAddr``. If nothing tells the address the message is not lost: its readings go to ``zigbee-name:<name>``,
    flagged ``decode_partial``.

    Values: ``adapters/zigbee2mqtt_fields.py`` is the table. Units are those the device declares in ``exposes``; a property whose
    declared unit cannot be turned into ours is left out, and so is an ``illuminance`` without a unit (the raw value of
    old versions). null is no measurement. ``voltage`` is the battery's, in mV, for a device that runs on one or sends
    ``battery``; else the mains', in V. Where nothing declares the unit, a battery voltage over 100 is read as mV, less as
    V (``unit_assumed``). ``contact`` is true when closed. ``power``, ``current`` and ``voltage`` are phase A when there is a
    ``…_phase_b``. Suffixes of endpoints (``state_l2``, ``power_left``) are the channel. ``state`` counts for ON and OFF only.
    ``trouble`` (bit 6 of the IAS zone status), ``fault`` and ``fault_alarm`` are ``fire.fault`` for a smoke, gas or CO
    detector, else ``device.fault``, and flag what comes with them ``device_fault``; ``test`` flags the alarms ``test_mode``.
    ``action`` emergency, sos or panic, ``sos`` true: ``safety.sos``. ``fall_down_status`` fall: ``safety.fall``.

    Time: ``last_seen`` (option ``advanced.last_seen``; off unless set) is when Zigbee2MQTT heard the device, so it is
    the network's time. ISO_8601 and epoch have milliseconds and are used as they are; with ISO_8601_local, whole seconds,
    two messages of one second could not be told apart, so it is used only when more than 5 s old. ``motion`` and
    ``switch.on`` always go by arrival: Zigbee2MQTT itself clears and sets them, without hearing the device.

    Pitfalls: every message repeats the cached state, so an ``sos`` left true repeats with the next battery report (prefer
    devices with ``action``). A message without ``last_seen`` that Zigbee2MQTT repeats after its own restart looks new.
    ``advanced.output`` must be json or attribute_and_json: single attributes are passed over. No depth over 8 in states.

    Sources: zigbee2mqtt.io, "MQTT Topics and Messages", "Exposes", "Device availability"; zigbee-herdsman-converters,
    src/lib/exposes.ts (names, units, truth values); Zigbee Cluster Library 8.2.2.2.1.3 (IAS zone status bits).
    """

    kind: ClassVar[str] = "zigbee2mqtt"

    class Settings(AdapterSettings):
        base: str = Field(
            "zigbee2mqtt", pattern=r"^[^/+#$]+(/[^/+#]+)*$", description="Zigbee2MQTT's base topic (its mqtt.base_topic)"
        )

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.topics: tuple[str, ...] = (f"{settings.base}/#",)
        self.lane: Lane = settings.lane
        self._prefix = f"{settings.base}/"
        self._site = site
        self._devices: dict[str, Known] = {}
        self._groups: frozenset[str] = frozenset()
        self._coordinator = ""
        self._waiting: dict[str, bool] = {}  # availability of names the list has not told yet; "" is the bridge itself

    def decode(self, message: Message) -> Sequence[Decoded]:
        if not message.topic.startswith(self._prefix):
            return ()
        name = message.topic[len(self._prefix) :]
        if name.startswith("bridge/"):
            return self._bridge(name.removeprefix("bridge/"), message.payload)
        if name in self._groups or name.endswith(("/set", "/get")) or "/set/" in name or "/get/" in name:
            return ()
        known = self._devices.get(name)
        if known is None and name.endswith("/availability"):
            return self._availability(name.removesuffix("/availability"), message.payload)
        if known is None and not message.payload.startswith(b"{") and self._is_attribute(name):
            return ()
        return self._state(name, known, message)

    def snapshot(self) -> Any:
        return {
            "devices": {name: [known.id, known.battery, known.fire, known.units] for name, known in self._devices.items()},
            "groups": sorted(self._groups),
            "coordinator": self._coordinator,
        }

    def restore(self, state: Any) -> None:
        self._devices = {name: Known(*told) for name, told in state["devices"].items()}
        self._groups = frozenset(state["groups"])
        self._coordinator = state["coordinator"]

    # --- what the bridge tells ------------------------------------------------------------------------------------------

    def _bridge(self, about: str, payload: bytes) -> Sequence[Decoded]:
        if about == "devices":
            return self._list(_entries(payload, "bridge/devices"))
        if about == "groups":
            entries = _entries(payload, "bridge/groups")
            self._groups = frozenset(entry["friendly_name"] for entry in entries if type(entry.get("friendly_name")) is str)
        if about == "state":
            return self._told_online(self._coordinator, "", _online(payload))
        return ()

    def _list(self, entries: list[dict[str, Any]]) -> list[Decoded]:
        devices: dict[str, Known] = {}
        told: list[Decoded] = []
        for entry in entries:
            name, ieee = entry.get("friendly_name"), entry.get("ieee_address")
            if type(name) is not str or type(ieee) is not str or not _IEEE.fullmatch(ieee.lower()):
                continue  # nothing to know it by
            id = f"zigbee:{ieee.lower()}"
            if entry.get("type") == "Coordinator":
                self._coordinator = id
                told.append(DeviceInfo(id, name="Zigbee2MQTT", online=self._waiting.pop("", None)))
                continue
            definition = entry.get("definition")
            exposes = list(_features(definition.get("exposes"))) if type(definition) is dict else []
            devices[name] = _known(id, entry.get("power_source"), exposes)
            told.append(_info(devices[name], name, entry, exposes, self._waiting.pop(name, None)))
        self._devices = devices
        return told

    def _availability(self, name: str, payload: bytes) -> Sequence[Decoded]:
        if name in self._groups:
            return ()
        known = self._devices.get(name)
        id = known.id if known else f"zigbee:{name}" if _IEEE.fullmatch(name) else ""
        return self._told_online(id, name, _online(payload))

    def _told_online(self, id: str, name: str, online: bool) -> Sequence[Decoded]:
        if id:
            return (DeviceInfo(id, online=online),)
        if name not in self._waiting and len(self._waiting) >= _NAMES_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[name] = online
        return ()

    def _is_attribute(self, name: str) -> bool:
        """``<known name>/temperature`` of advanced.output attribute."""
        while "/" in name:
            name = name.rpartition("/")[0]
            if name in self._devices:
                return True
        return False

    # --- a device's state -----------------------------------------------------------------------------------------------

    def _state(self, name: str, known: Known | None, message: Message) -> list[Decoded]:
        body = parse_object(message.payload)
        id = _identity(name, known, body)
        device = Known(id) if known is None else known
        quality = 0 if id.startswith("zigbee:") else Quality.DECODE_PARTIAL.value
        seen, odd = self._last_seen(body.get("last_seen"), message.received_at)
        quality |= odd
        fire = device.fire or not FIRE_PROPERTIES.isdisjoint(body)
        fault = [value for key in FAULT_PROPERTIES if type(value := body.get(key)) is bool]
        if any(fault):
            quality |= Quality.DEVICE_FAULT.value
        testing = Quality.TEST_MODE.value if body.get("test") is True else 0
        found: list[Decoded] = []

        def add(quantity: str, value: float, channel: str = "", flags: int = 0) -> None:
            if testing and quantity in ALARMS:
                flags |= testing
            time = None if quantity in _BY_ARRIVAL else seen
            found.append(Reading(id, quantity, value, None, channel, 0, quality | flags, time))

        for key, value in body.items():
            if value is None:
                continue
            meant = self._meaning(key, body, device, fire)
            if meant is not None:
                measured = self._value(key, value, meant, device, id)
                if measured is not None:
                    add(meant.quantity, measured[0], meant.channel, measured[1])
        if fault:
            add("fire.fault" if fire else "device.fault", float(any(fault)))
        action = body.get("action")
        if body.get("sos") is True or (type(action) is str and action in CALLS_FOR_HELP):
            add("safety.sos", 1.0)
        if body.get("fall_down_status") == "fall":
            add("safety.fall", 1.0)
        if quality & Quality.DECODE_PARTIAL:
            found.append(DeviceInfo(id, name=name))
        return found

    def _meaning(self, key: str, body: dict[str, Any], device: Known, fire: bool) -> Meaning | None:
        if key == "voltage" and (device.battery or "battery" in body or "battery_low" in body):
            return BATTERY_VOLTAGE
        if key == "test" and not fire:
            return None
        if f"{key}_phase_b" in body or f"{key}_phase_b" in device.units:
            return first_phase(key) or meaning(key)
        return meaning(key)

    def _value(self, key: str, value: Any, meant: Meaning, device: Known, id: str) -> tuple[float, int] | None:
        """The value in the quantity's unit, and flags; None for what is no measurement."""
        if meant.shape == "switch":
            return (float(value == "ON"), 0) if value in ("ON", "OFF") else None
        if meant.shape != "number":
            if type(value) is not bool:
                raise Malformed(Reason.UNKNOWN_VALUE, f"{key} is {shown(value)}, expected true or false", id)
            return float(value != (meant.shape == "inverted")), 0
        try:
            given = number(value, key)
        except Malformed as refusal:
            raise Malformed(refusal.reason, refusal.detail, id) from None
        declared = device.units.get(key)
        flags = 0
        if declared == "" and meant.quantity == "light.illuminance":
            return None
        if not declared and meant is BATTERY_VOLTAGE:
            declared = "mV" if given > 100 else "V"
            flags = Quality.UNIT_ASSUMED.value
        known_scale = scale(declared or meant.unit, self._site.vocabulary[meant.quantity].unit)
        return (given * known_scale[0] + known_scale[1], flags) if known_scale else None

    def _last_seen(self, given: Any, received_at: int) -> Moment:
        if type(given) is str:
            moment, flags = iso_ms(given, self._site.zone, "last_seen")
            if moment is not None and moment % 1000 == 0 and "." not in given and received_at - moment <= 5000:
                return None, 0
            return moment, flags
        return epoch_ms(given, "ms", "last_seen")


def _identity(name: str, known: Known | None, body: dict[str, Any]) -> str:
    device = body.get("device")  # with option include_device_information
    told = device.get("ieeeAddr") if type(device) is dict else None
    if type(told) is str and _IEEE.fullmatch(told.lower()):
        if _IEEE.fullmatch(name) and name != told.lower():
            raise Malformed(Reason.ID_MISMATCH, f"topic says {name}, the payload {told}", f"zigbee:{name}")
        return f"zigbee:{told.lower()}"
    if known is not None:
        return known.id
    return f"zigbee:{name}" if _IEEE.fullmatch(name) else f"zigbee-name:{name}"


def _online(payload: bytes) -> bool:
    word = parse_object(payload).get("state") if payload.startswith(b"{") else payload.decode("utf-8", "replace")
    if word not in ("online", "offline"):
        raise Malformed(Reason.UNKNOWN_VALUE, f"availability is {shown(word)}, expected online or offline")
    return word == "online"


def _entries(payload: bytes, what: str) -> list[dict[str, Any]]:
    found = parse(payload, _LIST_DEPTH, _LIST_BYTES, _LIST_KEYS, nul=True)
    if type(found) is not list:
        raise Malformed(Reason.WRONG_SHAPE, f"{what} is {shown(found)}, expected an array")
    return [entry for entry in found if type(entry) is dict]


def _features(exposes: Any) -> Iterator[dict[str, Any]]:
    """The properties of a definition, those of a switch, light or thermostat among them."""
    for entry in exposes if type(exposes) is list else ():
        if type(entry) is not dict:
            continue
        if "features" in entry and entry.get("type") != "composite":
            yield from _features(entry["features"])
        elif type(entry.get("property")) is str:
            yield entry


def _known(id: str, power_source: Any, exposes: list[dict[str, Any]]) -> Known:
    names = {entry["property"] for entry in exposes}
    units = {entry["property"]: str(entry.get("unit") or "") for entry in exposes if meaning(entry["property"])}
    battery = power_source == "Battery" or not names.isdisjoint({"battery", "battery_low"})
    return Known(id, battery, not names.isdisjoint(FIRE_PROPERTIES), units)


def _info(known: Known, name: str, entry: dict[str, Any], exposes: list[dict[str, Any]], online: bool | None) -> DeviceInfo:
    told = entry.get("definition")
    definition = told if type(told) is dict else {}
    measured = {
        BATTERY_VOLTAGE.quantity if key == "voltage" and known.battery else meant.quantity
        for key in known.units
        if (meant := meaning(key)) and not (key == "test" and not known.fire)
    }
    if any(word in CALLS_FOR_HELP for feature in exposes if feature["property"] == "action" for word in _words(feature)):
        measured.add("safety.sos")
    return DeviceInfo(
        known.id,
        name=name,
        vendor=_text(definition.get("vendor")),
        model=_text(definition.get("model")),
        firmware=_text(entry.get("software_build_id")),
        online=online,
        quantities=tuple(sorted(measured)),
    )


def _words(feature: dict[str, Any]) -> list[Any]:
    values = feature.get("values")
    return [value for value in values if type(value) is str] if type(values) is list else []


def _text(given: Any) -> str | None:
    """Zigbee devices pad their texts with U+0000."""
    return given.rstrip("\x00") or None if type(given) is str else None
