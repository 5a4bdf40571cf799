"""Home Assistant's MQTT discovery: abbreviations, templates, and what device classes mean. For ``homeassistant.py``.

Sources: home-assistant.io/integrations/mqtt (abbreviations, ``~``, shared keys of a device), its pages sensor, binary_sensor
and switch (device classes, units), developers.home-assistant.io/docs/core/entity/sensor.
"""

import re
from typing import Any

from msgspec import Struct

from adapters.decoding import an_object, shown
from hub.model import Quality, Reason
from hub.ports import Malformed
from hub.quantities import Quantity, Vocabulary, conversion

_LONG = {
    "dev": "device",
    "dev_cla": "device_class",
    "unit_of_meas": "unit_of_measurement",
    "stat_cla": "state_class",
    "stat_t": "state_topic",
    "val_tpl": "value_template",
    "pl_on": "payload_on",
    "pl_off": "payload_off",
    "stat_on": "state_on",
    "stat_off": "state_off",
    "avty": "availability",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "avty_mode": "availability_mode",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "uniq_id": "unique_id",
    "cmps": "components",
    "p": "platform",
    "t": "topic",
}
_LONG_DEVICE = {"ids": "identifiers", "cns": "connections", "mf": "manufacturer", "mdl": "model", "sw": "sw_version"}

# device_class of a sensor -> quantity. Energy, gas and water are registers.
_SENSORS = {
    "apparent_power": "power.apparent",
    "atmospheric_pressure": "air.pressure",
    "battery": "device.battery",
    "carbon_dioxide": "air.co2",
    "carbon_monoxide": "fire.co.level",
    "current": "current",
    "energy": "energy.active.import.total",
    "frequency": "frequency",
    "gas": "gas.volume.total",
    "humidity": "air.humidity",
    "illuminance": "light.illuminance",
    "pm25": "air.pm25",
    "power": "power.active",
    "power_factor": "power.factor",
    "pressure": "air.pressure",
    "reactive_power": "power.reactive",
    "signal_strength": "device.rssi",
    "temperature": "air.temperature",
    "voltage": "voltage",
    "water": "water.volume.total",
}
_BINARY = {
    "battery": "device.battery.low",
    "carbon_monoxide": "fire.co",
    "door": "door.open",
    "garage_door": "door.open",
    "gas": "fire.gas",
    "heat": "fire.heat",
    "moisture": "water.leak",
    "motion": "motion",
    "occupancy": "motion",
    "opening": "door.open",
    "presence": "motion",
    "problem": "device.fault",
    "smoke": "fire.smoke",
    "tamper": "device.tamper",
    "window": "door.open",
}
_EXPORT = re.compile("export|return|produc|feed|sold|inject|consumption_out|total_out")
_A_PERIOD = re.compile("today|yesterday|daily|hourly|weekly|monthly|yearly|last_|this_|previous")
_AIR_PRESSURE = ("hPa", "mbar", "")
_NOTHING = {"", "unknown", "unavailable", "none", "null", "nan"}

_TEMPLATE = re.compile(
    r"\{\{-?\s*(value_json|value)((?:\.\w+|\[\s*(?:'[^']*'|\"[^\"]*\"|\d{1,4})\s*\])*)"
    r"((?:\s*\|\s*(?:float|int|round|default|is_defined)(?:\([^()|]*\))?)*)\s*-?\}\}"
)
_STEP = re.compile(r"\.(\w+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")

Path = tuple[str | int, ...]


class Entity(Struct, array_like=True):
    """What one discovered entity says on its state topic. ``path`` None: the payload is the bare value."""

    topic: str
    device: str
    quantity: str
    channel: str
    path: Path | None
    factor: float = 1.0
    offset: float = 0.0
    flags: int = 0
    on: str | None = None  # of a state: the words for 1 and 0
    off: str | None = None


class Presence(Struct, array_like=True, frozen=True):
    """A topic that says whether a device is there; ``mode``: latest, all or any of its topics."""

    topic: str
    device: str
    path: Path | None
    here: str
    away: str
    mode: str


class NotPlain(Exception):
    """A template that would need Jinja, or a unit nobody knows: what it is, in words."""


def long(body: dict[str, Any]) -> dict[str, Any]:
    """The keys written out; ``~`` replaced at the beginning or end of topics."""
    base = body.get("~")
    found: dict[str, Any] = {}
    for key, value in body.items():
        key = _LONG.get(key, key)
        if type(base) is str and type(value) is str and key.endswith("topic"):
            value = base + value[1:] if value.startswith("~") else value[:-1] + base if value.endswith("~") else value
        found[key] = value
    return found


def long_device(body: dict[str, Any]) -> dict[str, Any]:
    device = body.get("device")
    return {} if device is None else {_LONG_DEVICE.get(key, key): value for key, value in an_object(device, "device").items()}


def path_of(template: object) -> Path | None:
    """Where a template finds its value: None for the bare payload. Raises NotPlain for anything that needs Jinja."""
    if template is None:
        return None
    match = _TEMPLATE.fullmatch(template.strip()) if type(template) is str else None
    if not match or (match[1] == "value" and match[2]):
        raise NotPlain(f"template {shown(template)} is not value_json.path with | float, int, round, default")
    if match[1] == "value":
        return None
    steps = _STEP.findall(match[2])
    return tuple(int(number) if number else name or quoted or double for name, quoted, double, number in steps)


def found(body: Any, path: Path) -> Any:
    """What stands at the path; None where nothing does."""
    for step in path:
        if type(body) is dict and type(step) is str:
            body = body.get(step)
        elif type(body) is list and type(step) is int and step < len(body):
            body = body[step]
        else:
            return None
    return body


def word(value: Any) -> str:
    """A value as Jinja writes it."""
    return str(value) if isinstance(value, str | bool | int | float) else ""


def nothing(value: Any) -> bool:
    """Whether it is one of the words for "no value"."""
    return value is None or (type(value) is str and value.strip().lower() in _NOTHING)


def entity(platform: str, name: str, body: dict[str, Any], device: str, vocabulary: Vocabulary) -> Entity | None:
    """The entity, or None where it is nothing we measure. Raises NotPlain where it is, in a way we do not read."""
    topic, kind = body.get("state_topic"), body.get("device_class")
    if type(topic) is not str or not topic or not (kind is None or type(kind) is str):
        return None
    channel = "" if name == kind else name
    if platform == "switch" or (platform == "binary_sensor" and kind in _BINARY):
        quantity = "switch.on" if platform == "switch" else _BINARY[kind or ""]
        on, off = body.get("payload_on", "ON"), body.get("payload_off", "OFF")
        if platform == "switch":
            on, off = body.get("state_on", on), body.get("state_off", off)
        path = path_of(body.get("value_template"))
        return Entity(topic, device, quantity, channel, path, on=word(on), off=word(off))
    if platform != "sensor":
        return None
    quantity, unit = _measured(kind, name, body)
    if quantity == "":
        return None
    factor, offset, flags = _conversion(unit, vocabulary[quantity])
    return Entity(topic, device, quantity, channel, path_of(body.get("value_template")), factor, offset, flags)


def _measured(kind: str | None, name: str, body: dict[str, Any]) -> tuple[str, str]:
    """Quantity and unit of a sensor; "" for nothing of ours."""
    unit = body.get("unit_of_measurement") or ""
    if type(unit) is not str:
        raise Malformed(Reason.WRONG_TYPE, f"unit_of_measurement is {shown(unit)}, expected a text")
    if kind is None:
        return ("device.linkquality" if unit == "lqi" else ""), "1"
    quantity = _SENSORS.get(kind, "")
    if kind == "energy":
        if _A_PERIOD.search(name.lower()) or body.get("state_class") == "measurement":
            return "", ""
        if _EXPORT.search(name.lower()):
            quantity = "energy.active.export.total"
    if kind == "pressure" and unit not in _AIR_PRESSURE:
        return "", ""
    return quantity, unit.replace("\u03bc", "\u00b5")  # Greek mu, which newer versions write, for the micro sign


def _conversion(unit: str, quantity: Quantity) -> tuple[float, float, int]:
    if quantity.name == "power.factor":
        return (0.01 if unit == "%" else 1.0), 0.0, 0
    if not unit:
        return 1.0, 0.0, Quality.UNIT_ASSUMED.value
    try:
        factor, offset = conversion(unit, quantity.unit)
    except ValueError as error:
        raise NotPlain(str(error)) from None
    return factor, offset, 0
