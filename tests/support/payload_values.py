"""What the public payloads mean, told a second time: by the vectors' own ``expected``, and by the fields' documentation.

Written from the documents, not from the adapters: each function gives (quantity, channel, value) for one vector. Channel
None: whatever it is. Used by ``tests/support/payloads.py``.
"""

from typing import Any

from tests.support.payload_case import Stated

# --- Zigbee2MQTT: zigbee2mqtt.io, "Exposes"; a device's page --------------------------------------------------------------

_Z2M = {
    "temperature": "air.temperature",
    "humidity": "air.humidity",
    "pressure": "air.pressure",
    "co2": "air.co2",
    "illuminance": "light.illuminance",
    "battery": "device.battery",
    "linkquality": "device.linkquality",
    "power": "power.active",
    "current": "current",
    "energy": "energy.active.import.total",
    "smoke_density": "fire.smoke.level",
}
_Z2M_STATES = {
    "occupancy": "motion",
    "smoke": "fire.smoke",
    "tamper": "device.tamper",
    "battery_low": "device.battery.low",
    "water_leak": "water.leak",
}


def zigbee2mqtt(body: dict[str, Any], units: dict[str, str]) -> list[Stated]:
    """All that a state message says. ``units``: what the device's ``exposes`` declare for its properties."""
    found = []
    for key, value in body.items():
        if key in _Z2M:
            fahrenheit = units.get(key) == "°F"
            found.append(Stated(_Z2M[key], "", (value - 32) / 1.8 if fahrenheit else value))
        elif key in _Z2M_STATES:
            found.append(Stated(_Z2M_STATES[key], "", value))
        elif key == "contact":
            found.append(Stated("door.open", "", not value))  # true: closed
        elif key == "voltage":
            battery = "battery" in body
            found.append(Stated("device.battery.voltage" if battery else "voltage", "", value / 1000 if battery else value))
        elif key.split("_")[0] == "state" and value in ("ON", "OFF"):
            found.append(Stated("switch.on", key.removeprefix("state").removeprefix("_"), value == "ON"))
        elif key == "trouble":
            found.append(Stated("fire.fault", "", value))  # in the vectors only a smoke detector has it
    return found


# --- Theengs: decoder.theengs.io, device pages ----------------------------------------------------------------------------


def theengs(body: dict[str, Any]) -> list[Stated]:
    """All that a decoded advertisement says about people, rooms and energy, without ``rssi``."""
    kind = body["type"]
    if "cipher" in body:
        return []
    room = kind not in {"BBQ", "TIRE", "UNIQ", "ENRG"}
    wanted = {
        "bpm": "health.heart_rate",
        "act_bpm": "health.heart_rate",
        "steps": "health.steps.total",
        "batt": "device.battery",
        "volt": "device.battery.voltage",
        "co2": "air.co2",
        "pm25": "air.pm25",
        "lux": "light.illuminance",
        "lowbatt": "device.battery.low",
        **({"tempc": "air.temperature", "hum": "air.humidity", "pres": "air.pressure"} if room else {}),
        **({"open": "door.open", "motion": "motion"} if kind == "CTMO" else {}),
    }
    found = [Stated(quantity, "", body[key]) for key, quantity in wanted.items() if key in body]
    if "contact" in body:
        found.append(Stated("door.open", "", body["contact"] != "closed"))
    if body.get("weighing_mode") == "person":
        found.append(Stated("health.weight", "", body["weight"] * {"kg": 1, "lb": 0.45359237}[body["unit"]]))
    if body.get("sumu") == "kWh":
        found.append(Stated("energy.active.import.total", "", body["sum"]))
    if body.get("avgu") == "kW":
        found.append(Stated("power.active", "", body["avg"] * 1000))
    return found


# --- Tasmota: tasmota.github.io/docs, "Energy Monitoring" and "Commands" --------------------------------------------------

_ENERGY = {
    "Total": "energy.active.import.total",
    "Power": "power.active",
    "ApparentPower": "power.apparent",
    "ReactivePower": "power.reactive",
    "Factor": "power.factor",
    "Voltage": "voltage",
    "Current": "current",
    "Frequency": "frequency",
    "ExportActive": "energy.active.export.total",
}


def tasmota(body: dict[str, Any]) -> list[Stated]:
    """The meter's fields, room sensors and relays of a SENSOR, STATE, STATUS or RESULT message; there may be more."""
    body = body.get("StatusSNS", body)
    fahrenheit = body.get("TempUnit") == "F"
    found = []
    for key, value in body.get("ENERGY", {}).items():
        if key in _ENERGY:
            values = list(enumerate(value, 1)) if isinstance(value, list) else [("", value)]
            found += [Stated(_ENERGY[key], str(channel), one) for channel, one in values]
    for name, sensor in body.items():
        if not isinstance(sensor, dict) or name in ("ENERGY", "ANALOG", "ESP32", "MPU6050"):
            continue
        channel = sensor.get("Id", name)
        if isinstance(sensor.get("Temperature"), int | float):
            celsius = (sensor["Temperature"] - 32) / 1.8 if fahrenheit else sensor["Temperature"]
            found.append(Stated("air.temperature", channel, celsius))
        if isinstance(sensor.get("Humidity"), int | float):
            found.append(Stated("air.humidity", channel, sensor["Humidity"]))
    for number in ("", "1", "2", "3", "4", "5"):
        if body.get(f"POWER{number}") in ("ON", "OFF"):
            found.append(Stated("switch.on", number, body[f"POWER{number}"] == "ON"))
    if isinstance(body.get("UptimeSec"), int):
        found.append(Stated("device.uptime", "", body["UptimeSec"]))
    return found


# --- Shelly Gen2+: shelly-api-docs.shelly.cloud, component status ---------------------------------------------------------


def shelly(params: dict[str, Any]) -> list[Stated]:
    """Meters, relays, covers and the room of a status, by component; there may be more."""
    found = []
    for key, status in params.items():
        kind, _, channel = key.partition(":")
        if not isinstance(status, dict):
            continue
        table = {
            "switch": {"apower": "power.active", "voltage": "voltage", "current": "current", "output": "switch.on"},
            "cover": {"apower": "power.active", "voltage": "voltage", "current": "current"},
            "em1": {"act_power": "power.active", "voltage": "voltage", "current": "current"},
            "em": {
                "total_act_power": "power.active",
                **{f"{phase}_act_power": f"power.active.l{n}" for n, phase in enumerate("abc", 1)},
                **{f"{phase}_voltage": f"voltage.l{n}" for n, phase in enumerate("abc", 1)},
                **{f"{phase}_current": f"current.l{n}" for n, phase in enumerate("abc", 1)},
            },
            "humidity": {"rh": "air.humidity"},
            "sys": {"uptime": "device.uptime"},
        }.get(kind, {})
        found += [Stated(quantity, channel, status[field]) for field, quantity in table.items() if status.get(field) is not None]
        returned = status.get("ret_aenergy", {}).get("total", 0)
        if "aenergy" in status:
            found.append(Stated("energy.active.import.total", channel, (status["aenergy"]["total"] - returned) / 1000))
        for field, quantity in (("total_act", "import"), ("total_act_ret", "export")):
            wh = status.get(field, status.get(f"{field}_energy"))
            if kind in ("emdata", "em1data") and wh is not None:
                found.append(Stated(f"energy.active.{quantity}.total", channel, wh / 1000))
    return found
