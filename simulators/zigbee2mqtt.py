"""Zigbee2MQTT: state on ``zigbee2mqtt/<friendly name>``, availability beside it, the list of devices on
``zigbee2mqtt/bridge/devices``; the last two are retained.

Topics and payloads: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html. Properties of each model: its page
under https://www.zigbee2mqtt.io/devices/. ``last_seen`` is ``ISO_8601`` as in the ``advanced`` settings.
A button's ``action`` stands only in the message of the press itself.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from simulators.building import Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode, iso

BASE = "zigbee2mqtt"

# kind -> (model id in the device, description, properties)
_MODELS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "smoke": (
        "SMSZB-120",
        "Smoke detector with siren",
        ("smoke", "battery_low", "test", "fault", "temperature", "battery", "voltage_battery"),
    ),
    "co": ("COSensor-EM", "Smart carbon monoxide sensor", ("carbon_monoxide", "battery_low", "battery")),
    "plug": ("TS011F", "Smart plug (with power monitoring)", ("state", "power", "current", "voltage", "energy")),
    "climate": ("TH01", "Temperature and humidity sensor", ("temperature", "humidity", "battery", "voltage_battery")),
    "contact": ("DS01", "Contact sensor", ("contact", "battery_low", "battery", "voltage_battery")),
    "sos": ("TS0215A", "SOS button", ("battery", "voltage_battery", "action")),
    "radar": ("TS0601", "Human presence sensor with fall function", ("presence", "fall_down_status")),
}

# property -> what `exposes` says of it; access 1: it is published
_EXPOSES: dict[str, dict[str, Any]] = {
    "smoke": {"type": "binary", "value_on": True, "value_off": False},
    "carbon_monoxide": {"type": "binary", "value_on": True, "value_off": False},
    "battery_low": {"type": "binary", "value_on": True, "value_off": False},
    "test": {"type": "binary", "value_on": True, "value_off": False},
    "fault": {"type": "binary", "value_on": True, "value_off": False},
    "presence": {"type": "binary", "value_on": True, "value_off": False},
    "contact": {"type": "binary", "value_on": False, "value_off": True},
    "temperature": {"type": "numeric", "unit": "°C"},
    "humidity": {"type": "numeric", "unit": "%"},
    "battery": {"type": "numeric", "unit": "%", "value_min": 0, "value_max": 100},
    "voltage_battery": {"type": "numeric", "unit": "mV"},
    "voltage": {"type": "numeric", "unit": "V"},
    "power": {"type": "numeric", "unit": "W"},
    "current": {"type": "numeric", "unit": "A"},
    "energy": {"type": "numeric", "unit": "kWh"},
    "action": {"type": "enum", "values": ["emergency"]},
    "fall_down_status": {"type": "enum", "values": ["none", "maybe_fall", "fall"]},
    "linkquality": {"type": "numeric", "unit": "lqi", "value_min": 0, "value_max": 255},
}


class Zigbee2Mqtt:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._things = things
        self._pressed: set[str] = set()

    def hello(self, at: int) -> list[Publication]:
        said = [
            Publication(f"{BASE}/bridge/state", encode({"state": "online"}), True),
            Publication(f"{BASE}/bridge/devices", encode([_COORDINATOR, *map(_entry, self._things)]), True),
        ]
        return said + [_availability(thing, "online") for thing in self._things]

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        state = _state(thing, truth)
        if thing.kind == "sos":
            state |= self._action(thing, truth)
        state["last_seen"] = iso(at)
        state["linkquality"] = _linkquality(thing, at)
        return [Publication(f"{BASE}/{thing.address}", encode(state))]

    def lost(self, thing: Thing) -> list[Publication]:
        return [_availability(thing, "offline")]

    def goodbye(self) -> list[Publication]:
        return [Publication(f"{BASE}/bridge/state", encode({"state": "offline"}), True)]

    def _action(self, thing: Thing, truth: Truth) -> dict[str, Any]:
        if not truth["safety.sos"]:
            self._pressed.discard(thing.id)
        elif thing.id not in self._pressed:
            self._pressed.add(thing.id)
            return {"action": "emergency"}
        return {}


def _state(thing: Thing, truth: Truth) -> dict[str, Any]:
    state: dict[str, Any] = {}
    if "device.battery" in truth:
        state["battery"] = round(truth["device.battery"])
    match thing.kind:
        case "smoke":
            state["smoke"] = bool(truth["fire.smoke"])
            state["battery_low"] = bool(truth["device.battery.low"])
            state["test"] = bool(truth["fire.test"])
            state["fault"] = bool(truth["fire.fault"])
            state["temperature"] = round(truth["air.temperature"], 2)
            state["voltage"] = 3000
        case "co":
            state["carbon_monoxide"] = bool(truth["fire.co"])
            state["battery_low"] = bool(truth["device.battery.low"])
        case "plug":
            state["state"] = "ON" if truth["switch.on"] else "OFF"
            state["power"] = round(truth["power.active"])
            state["current"] = round(truth["current"], 2)
            state["voltage"] = round(truth["voltage"])
            state["energy"] = round(truth["energy.active.import.total"], 2)
        case "climate":
            state["temperature"] = round(truth["air.temperature"], 2)
            state["humidity"] = round(truth["air.humidity"], 2)
            state["voltage"] = 2900
        case "contact":
            state["contact"] = not truth["door.open"]
            state["battery_low"] = bool(truth["device.battery.low"])
            state["voltage"] = 3000
        case "sos":
            state["voltage"] = 3000
        case "radar":
            state["presence"] = bool(truth["motion"])
            state["fall_down_status"] = "fall" if truth["safety.fall"] else "none"
    return state


def _entry(thing: Thing) -> dict[str, Any]:
    """One element of ``bridge/devices``."""
    model_id, description, properties = _MODELS[thing.kind]
    mains = thing.kind in ("plug", "radar")
    return {
        "date_code": "20230105",
        "definition": {
            "description": description,
            "exposes": [_expose(name) for name in (*properties, "linkquality")],
            "model": thing.model,
            "options": [],
            "source": "native",
            "supports_ota": False,
            "vendor": thing.vendor,
        },
        "disabled": False,
        "endpoints": {"1": {"bindings": [], "clusters": {"input": [], "output": []}, "configured_reportings": [], "scenes": []}},
        "friendly_name": thing.address,
        "ieee_address": thing.id.removeprefix("zigbee:"),
        "interview_completed": True,
        "interview_state": "SUCCESSFUL",
        "interviewing": False,
        "manufacturer": thing.vendor,
        "model_id": model_id,
        "network_address": Random(thing.id).randrange(1, 0xFFF8),
        "power_source": "Mains (single phase)" if mains else "Battery",
        "supported": True,
        "type": "Router" if mains else "EndDevice",
    }


def _expose(name: str) -> dict[str, Any]:
    if name == "state":
        feature = {"access": 7, "label": "State", "name": "state", "property": "state", "type": "binary"}
        feature |= {"value_off": "OFF", "value_on": "ON", "value_toggle": "TOGGLE"}
        return {"features": [feature], "type": "switch"}
    known = name.removesuffix("_battery")
    return {"access": 1, "label": known.replace("_", " ").capitalize(), "name": known, "property": known, **_EXPOSES[name]}


def _availability(thing: Thing, state: str) -> Publication:
    return Publication(f"{BASE}/{thing.address}/availability", encode({"state": state}), True)


def _linkquality(thing: Thing, at: int) -> int:
    return Random(f"{thing.id}/{at // 60_000}").randint(70, 210)


_COORDINATOR: dict[str, Any] = {
    "definition": None,
    "disabled": False,
    "endpoints": {},
    "friendly_name": "Coordinator",
    "ieee_address": "0x00124b0029e1b7c3",
    "interview_completed": True,
    "interview_state": "SUCCESSFUL",
    "interviewing": False,
    "network_address": 0,
    "supported": True,
    "type": "Coordinator",
}
