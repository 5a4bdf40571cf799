"""What Zigbee2MQTT's properties mean: the table behind ``adapters/zigbee2mqtt.py``.

Names, units and truth values are the presets of zigbee-herdsman-converters (src/lib/exposes.ts): what most of its 4,000
device definitions are made of. A device's own ``exposes`` overrules the unit given here.

Properties of an endpoint or phase carry a suffix: ``state_l1``, ``power_left``, ``current_phase_b``, ``voltage_a``.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from hub.quantities import UnknownWord, conversion

Shape = Literal["number", "flag", "inverted", "switch"]


class Meaning(NamedTuple):
    """One property: where it is stored, the unit Zigbee2MQTT gives it in ("" for states) and how it is read.

    number    a JSON number in ``unit``
    flag      true is 1, false is 0
    inverted  true is 0, false is 1
    switch    "ON" is 1, "OFF" is 0; other words belong to covers, locks and valves and are no measurement
    """

    quantity: str
    unit: str = ""
    shape: Shape = "number"
    channel: str = ""


_PROPERTIES: dict[str, Meaning] = {
    # fire
    "smoke": Meaning("fire.smoke", shape="flag"),
    "carbon_monoxide": Meaning("fire.co", shape="flag"),
    "gas": Meaning("fire.gas", shape="flag"),
    "co": Meaning("fire.co.level", "ppm"),
    "smoke_density": Meaning("fire.smoke.level", "1"),
    "test": Meaning("fire.test", shape="flag"),
    "water_leak": Meaning("water.leak", shape="flag"),
    # energy: plugs, meters
    "power": Meaning("power.active", "W"),
    "power_apparent": Meaning("power.apparent", "VA"),
    "power_reactive": Meaning("power.reactive", "VAr"),
    "power_factor": Meaning("power.factor", "1"),
    "voltage": Meaning("voltage", "V"),
    "current": Meaning("current", "A"),
    "ac_frequency": Meaning("frequency", "Hz"),
    "energy": Meaning("energy.active.import.total", "kWh"),
    "produced_energy": Meaning("energy.active.export.total", "kWh"),
    "energy_produced": Meaning("energy.active.export.total", "kWh"),
    "state": Meaning("switch.on", shape="switch"),
    # the room
    "temperature": Meaning("air.temperature", "°C"),
    "local_temperature": Meaning("air.temperature", "°C", channel="thermostat"),
    "humidity": Meaning("air.humidity", "%"),
    "pressure": Meaning("air.pressure", "hPa"),
    "co2": Meaning("air.co2", "ppm"),
    "pm25": Meaning("air.pm25", "µg/m³"),
    "illuminance": Meaning("light.illuminance", "lx"),
    "illuminance_lux": Meaning("light.illuminance", "lx"),
    "contact": Meaning("door.open", shape="inverted"),
    "occupancy": Meaning("motion", shape="flag"),
    "presence": Meaning("motion", shape="flag", channel="presence"),
    # the device
    "battery": Meaning("device.battery", "%"),
    "battery_low": Meaning("device.battery.low", shape="flag"),
    "tamper": Meaning("device.tamper", shape="flag"),
    "linkquality": Meaning("device.linkquality", "lqi"),
    "device_temperature": Meaning("device.temperature", "°C"),
}

BATTERY_VOLTAGE = Meaning("device.battery.voltage", "mV")
FIRE_PROPERTIES = frozenset({"smoke", "carbon_monoxide", "gas", "co"})
ALARMS = frozenset({"fire.smoke", "fire.co", "fire.gas"})
"""What a press of the test button also sets; the test and a fault are real."""
FAULT_PROPERTIES = frozenset({"trouble", "fault", "fault_alarm"})
CALLS_FOR_HELP = frozenset({"emergency", "sos", "panic"})

_PHASES = {"a": "l1", "b": "l2", "c": "l3"}
_PHASED = frozenset({"power", "voltage", "current"})
_SUFFIX = re.compile(
    r"(.+?)_(phase_[abc]|[abc]|(?:l|ep)?\d{1,2}|(?:(?:top|center|bottom)_)?(?:left|right)|top|center|bottom|wall|usb|main|front|back)"
)


@lru_cache(maxsize=4096)
def meaning(name: str) -> Meaning | None:
    """What a property is; None for those that are no measurement of ours. A suffix becomes the channel, or the quantity
    of that phase where there is one."""
    found = _PROPERTIES.get(name)
    if found is not None:
        return found
    split = _SUFFIX.fullmatch(name)
    if split is None:
        return None
    base, suffix = split[1], split[2]
    found = _PROPERTIES.get(base)
    if found is None:
        return None
    phase = _PHASES.get(suffix.removeprefix("phase_"))
    if phase and base in _PHASED:
        return found._replace(quantity=f"{found.quantity}.{phase}")
    return found._replace(channel=phase or suffix)


def first_phase(name: str) -> Meaning | None:
    """``power`` and the like of a device that also sends ``power_phase_b``: phase A (Zigbee Cluster Library 4.9.2)."""
    found = _PROPERTIES.get(name) if name in _PHASED else None
    return found._replace(quantity=f"{found.quantity}.l1") if found else None


_SPELLINGS = {"lqi": "1", "VAR": "VAr", "kVAR": "kVAr"}


@lru_cache(maxsize=4096)
def scale(unit: str, canonical: str) -> tuple[float, float] | None:
    """Factor and offset from a unit as Zigbee2MQTT spells it; None for one that does not fit the quantity."""
    try:
        return conversion(_SPELLINGS.get(unit, unit), canonical)
    except (UnknownWord, ValueError):
        return None
