"""What the fields of LoRaWAN codecs and converters mean, by maker and model: told from their documentation, not from our
decoders. A field is (quantity, channel, factor or words), or None where it is no quantity of ours though its name sounds like
one. See ``tests/support/payload_lora.py``.
"""

import re
from typing import Any, NamedTuple

from tests.support.payload_case import Stated

Field = tuple[str, str, float | dict[str, float]] | None

_ON = {"on": 1.0, "off": 0.0}
_ALARM = {"alarm": 1.0, "no alarm": 0.0, "normal": 0.0, "pushed": 1.0}
_LEAK = {"leak": 1.0, "noleak": 0.0, "no leak": 0.0, "normal": 0.0}
_OPEN = {"open": 1.0, "opened": 1.0, "close": 0.0, "closed": 0.0}
_MOTION = {"trigger": 1.0, "triggered": 1.0, "idle": 0.0, "normal": 0.0}


def _same(quantity: str, *names: str, channel: str = "", factor: float = 1) -> dict[str, Field]:
    return dict.fromkeys(names, (quantity, channel, factor))


_CLIMATE = {
    **_same("air.temperature", "temperature"),
    **_same("air.humidity", "humidity"),
    **_same("device.battery", "battery"),
}
_AIR = _CLIMATE | {
    **_same("air.co2", "co2"),
    **_same("air.pressure", "pressure"),
    **_same("air.pm25", "pm2_5"),
    "pir": ("motion", "", _MOTION),
}
_NETVOX_BATTERY = _same("device.battery.voltage", "Volt", "battery_voltage", "battery_volt")
_NETVOX = _NETVOX_BATTERY | {
    **_same("air.temperature", "Temp", "Temperature", "temperature"),
    **_same("air.humidity", "Humi", "Humidity", "humidity"),
    **_same("air.pm25", "PM2_5", "PM25", "pm2_5"),
    **_same("air.co2", "CO2", "co2"),
    **_same("light.illuminance", "Illuminance"),
    **_same("motion", "Occupy"),
    **_same("device.tamper", "DisassembledAlarm"),
    "FireAlarm": ("fire.smoke", "", _ALARM),
    "HighTempAlarm": ("fire.heat", "", _ALARM),
    "COAlarm": ("fire.co", "", _ALARM),
    "WaterLeak": ("water.leak", "", _LEAK),
    "WaterLeak_1": ("water.leak", "1", _LEAK),
    "WaterLeak_2": ("water.leak", "2", _LEAK),
    "water_leak": ("water.leak", "", _LEAK),
    "LowVolt": ("device.battery.low", "", 1),
}
_PLACEPOD_FIELDS = {
    **_same("parking.occupied", "presence_21", "presence_55"),
    **_same("device.temperature", "temperature_2"),
    **_same("device.battery.voltage", "analog_input_3"),
}
_EM = {
    **{
        f"activeEnergyImport{phase}T{n}": ("energy.active.import.total", f"T{n}", 0.001)
        for phase in ("L1", "L123")
        for n in (1, 2)
    },
    **{
        f"activeEnergyExport{phase}T{n}": ("energy.active.export.total", f"T{n}", 0.001)
        for phase in ("L1", "L123")
        for n in (1, 2)
    },
    **{
        f"reactiveEnergyImport{phase}T{n}": ("energy.reactive.import.total", f"T{n}", 0.001)
        for phase in ("L1", "L123")
        for n in (1, 2)
    },
    **_same("frequency", "frequency"),
}
_EM_ONE = _EM | {
    **_same("voltage", "voltageL1N"),
    **_same("current", "currentL1", factor=0.001),
    **_same("power.active", "activePowerL1"),
    **_same("power.reactive", "reactivePowerL1", factor=1000),
    **_same("power.apparent", "apparentPowerL1", factor=1000),
    **_same("power.factor", "powerFactorL1"),
    "relayStatus": ("switch.on", "", {"open": 0.0, "closed": 1.0}),
}
_EM_THREE = _EM | {
    **{f"voltageL{n}N": (f"voltage.l{n}", "", 1.0) for n in (1, 2, 3)},
    **{f"currentL{n}": (f"current.l{n}", "", 0.001) for n in (1, 2, 3)},
    **{f"activePowerL{n}": (f"power.active.l{n}", "", 1.0) for n in (1, 2, 3)},
    **{f"powerFactorL{n}": ("power.factor", f"l{n}", 1.0) for n in (1, 2, 3)},
    **_same("power.active", "activePowerL123"),
    **_same("power.reactive", "totalSystemReactivePower", factor=1000),
    **_same("power.apparent", "totalSystemApparentPower", factor=1000),
}
_NWAVE = {
    **_same("parking.occupied", "occupied"),
    **_same("device.temperature", "temperature"),
    **_same("device.battery.voltage", "battery_voltage"),
    "battery_health": ("device.battery.low", "", {"normal": 0.0, "low": 1.0, "critical": 1.0}),
}
_SOCKET = {
    **_same("voltage", "voltage"),
    **_same("current", "current", factor=0.001),
    **_same("power.active", "active_power"),
    **_same("power.factor", "power_factor", factor=0.01),
    **_same("energy.active.import.total", "power_consumption", factor=0.001),
    "socket_status": ("switch.on", "", _ON),
}
_CT_FAULT = {"read failed": 1.0}

# Pattern over "<maker> <model>" in small letters -> what its fields mean; the first that fits counts.
MODELS: tuple[tuple[str, dict[str, Field]], ...] = (
    (r"bosch", {**_same("parking.occupied", "occupied"), **_same("device.temperature", "temperature")}),
    (
        r"sd.?1001",
        {
            **_same("device.battery", "batteryLevelInPercentage"),
            "lowBatteryAlarm": ("device.battery.low", "", _ALARM),
            "faultAlarm": ("fire.fault", "", _ALARM),
            "smokeAlarm": ("fire.smoke", "", _ALARM),
            "interconnectAlarm": ("fire.smoke", "interconnect", _ALARM),
            "testButtonPressed": ("fire.test", "", _ALARM),
        },
    ),
    (r"em2101", _EM_ONE),
    (r"em4301", _EM_THREE),
    (r"nwave", _NWAVE),
    (r"placepod", _PLACEPOD_FIELDS),
    (
        r"abeeway",
        {**_same("device.battery", "batteryLevel", "header.batteryLevel"), **_same("safety.sos", "sosFlag", "header.sos")},
    ),
    (
        r"elsys",
        {
            **_same("air.temperature", "temperature"),
            **_same("air.humidity", "humidity"),
            **_same("light.illuminance", "light"),
            **_same("air.co2", "co2"),
            **_same("air.pressure", "pressure"),
            **_same("device.battery.voltage", "vdd", factor=0.001),
            **{name: ("motion", "", {"0": 0.0, **{str(count): 1.0 for count in range(1, 256)}}) for name in ("motion", "pir")},
        },
    ),
    (r"netvox r718n1$", _NETVOX_BATTERY | _same("current", "Current", factor=0.001)),
    (r"netvox r718n3$", _NETVOX | {f"Current{n}": (f"current.l{n}", "", 0.001) for n in (1, 2, 3)}),
    (
        r"netvox r8(09|16)",
        {
            "OnOff": ("switch.on", "", _ON),
            **_same("energy.active.import.total", "Energy", factor=0.001),
            **_same("voltage", "Vol"),
            **_same("current", "Current", factor=0.001),
            **_same("power.active", "Power"),
        },
    ),
    (r"netvox (rb02i|r312a)$", _NETVOX_BATTERY | _same("safety.sos", "Alarm")),
    (
        r"netvox r718(b|b2|c[a-z]|c[a-z]2)$",
        _NETVOX_BATTERY | {name: ("air.temperature", f"probe{n}", 1) for name, n in (("Temp", 1), ("Temp1", 1), ("Temp2", 2))},
    ),
    (r"netvox r718(x|pa22|ea|eb|e)$", _NETVOX_BATTERY | {"Temp": None}),  # of a level or a vibration sensor
    (r"netvox r718ka2?$", _NETVOX_BATTERY | {"current": None, "Current": None}),  # a loop of 4 to 20 mA
    (r"netvox", _NETVOX),
    (
        r"milesight ct10",
        {
            **_same("current", "current"),
            **_same("device.temperature", "temperature"),
            "current_sensor_status": ("device.fault", "", _CT_FAULT),
            "alarm": ("device.fault", "", _CT_FAULT),
        },
    ),
    (
        r"milesight ct3",
        {
            **{f"current_chn{n}": ("current", str(n), 1.0) for n in (1, 2, 3)},
            **{f"current_chn{n}_sensor_status": ("device.fault", str(n), _CT_FAULT) for n in (1, 2, 3)},
            **_same("device.temperature", "temperature"),
        },
    ),
    (r"milesight ws5[12]", _SOCKET),
    (r"milesight gs101", {"state": ("fire.gas", "", _ALARM), "gas_status": ("fire.gas", "", _ALARM)}),
    (
        r"milesight gs524n",
        {
            **_CLIMATE,
            **_same("fire.smoke.level", "concentration"),
            "event": ("fire.test", "", {"testing alarm with normal battery": 1.0, "testing alarm with low battery": 1.0}),
        },
    ),
    (
        r"milesight (ts|em500-pt100)",
        {
            **_same("device.battery", "battery"),
            **_same("air.temperature", "temperature", "temperature_chn1", channel="probe1"),
            **_same("air.temperature", "temperature_chn2", channel="probe2"),
            **{f"magnet_chn{n}": ("door.open", str(n), _OPEN) for n in (1, 2)},
        },
    ),
    (r"milesight at101", {**_same("device.battery", "battery"), **_same("device.temperature", "temperature")}),
    (r"milesight am10", _AIR | _same("light.illuminance", "illumination")),
    (r"milesight (am3|em500-co2|ws202)", _AIR),
    (r"milesight em500-lgt", _same("device.battery", "battery") | _same("light.illuminance", "illumination", "illuminance")),
    (r"milesight em500-smt", _same("device.battery", "battery") | {"temperature": None, "humidity": None}),  # soil, not air
    (
        r"milesight (em3|em4|gs301|ws30[13])",
        _CLIMATE
        | {
            "leakage_status": ("water.leak", "", _LEAK),
            "magnet_status": ("door.open", "", _OPEN),
            "tamper_status": ("device.tamper", "", {"installed": 0.0, "uninstalled": 1.0}),
        },
    ),
    (r"milesight wt201", {}),  # its sample is many messages in one, its values those of the last
    (r"milesight", _same("device.battery", "battery")),
)

# Names, without capitals and signs, under which makers state quantities that we know.
KNOWN = frozenset(
    [
        "temperature",
        "temp",
        "temperaturec",
        "tempc",
        "tempcds18b20",
        "tempcsht",
        "tempcds",
        "airtemperature",
        "ambienttemperature",
        "temp1",
        "temp2",
        "tempnow",
        "temperatureboard",
        "onboardtemperature",
        "mcutemperature",
        "ictemperature",
        "humidity",
        "humi",
        "hum",
        "rh",
        "humsht",
        "relativehumidity",
        "airhumidity",
        "humnow",
        "ambienthumidity",
        "co2",
        "co2concentration",
        "barometricpressure",
        "illuminance",
        "lux",
        "light",
        "illumination",
        "pm25",
        "pm2_5",
        "battery",
        "batt",
        "batterylevel",
        "batlevel",
        "batteryvoltage",
        "batteryvolt",
        "battvoltage",
        "battvoltage",
        "batv",
        "bat",
        "volt",
        "vbat",
        "vdd",
        "vbatt",
        "batterycapacity",
        "rembattcapacity",
        "voltage",
        "vol",
        "current",
        "current1",
        "current2",
        "current3",
        "power",
        "energy",
        "activepower",
        "powerfactor",
        "frequency",
        "occupied",
        "occupancy",
        "parkingstatus",
        "motion",
        "pir",
        "leak",
        "waterleak",
        "leakagestatus",
        "tamper",
        "tamperstatus",
        "magnetstatus",
        "firealarm",
        "hightempalarm",
        "coalarm",
        "smokealarm",
        "sos",
        "sosflag",
        "steps",
        "stepcount",
        "rssi",
        "snr",
        "lorarssi",
        "lorasnr",
        "uptime",
    ]
)


class Meaning(NamedTuple):
    """What a source's values mean: those to compare, those it has wrong and why, and how many more it states."""

    stated: list[Stated]
    disputed: list[tuple[Stated, str]]
    untold: int


def meaning(model: str, told: dict[str, Any], earlier: bool) -> Meaning:
    """Of the values of one moment. ``earlier``: they were stored and sent later."""
    fields = next((fields for pattern, fields in MODELS if re.search(pattern, model.lower())), {})
    found = Meaning([], [], sum(key not in fields and _known(key, value) for key, value in told.items()))
    for name, field in fields.items():
        value = _value(told.get(name), field[2], told, name) if field else None
        if field is None or value is None:
            continue
        stated = Stated(field[0], field[1], value, _rounding(model, field[0], field[2]))
        if why := _disputed(model, stated, earlier):
            found.disputed.append((stated, why))
        else:
            found.stated.append(stated)
    return found


def _known(key: str, value: Any) -> bool:
    """Whether a value is one of a quantity that we know, by its name."""
    plain = re.sub("[^a-z0-9]", "", key.rpartition(".")[2].lower())
    return plain in KNOWN and value not in (None, "NoSensor", "") and not isinstance(value, list | dict)


def _rounding(model: str, quantity: str, means: float | dict[str, float]) -> float:
    """How far off a converter's rounding leaves a value: two decimals of kvar and kVA, whole per cents for one model."""
    if isinstance(means, dict):
        return 0.0
    return 0.5 if (model, quantity) == ("Milesight EM300-DI", "air.humidity") else 0.005 * means if means >= 1000 else 0.0


def _value(given: Any, means: float | dict[str, float], told: dict[str, Any], name: str) -> float | None:
    if isinstance(given, list) and given:
        given = given[0]
    if isinstance(means, dict):
        return means.get(str(given).lower())
    if isinstance(given, str):  # "2.3(low battery)"; "NoSensor" and "CHARGING" are no numbers
        number = re.match(r"-?[0-9.]+", given)
        given = float(number[0]) if number else None
    if given is None or isinstance(given, list | dict):
        return None
    multiplier = told.get(name.replace("Current", "Multiplier"), told.get("Multiplier1", 1)) if name.startswith("Current") else 1
    value = float(given) * means * multiplier
    return _sensible(name, value)


def _sensible(name: str, value: float) -> float | None:
    """None for what is no measurement though it stands there: a battery of 0 V that is mains, of more than 100 %, no call."""
    if name in ("Volt", "battery_voltage", "battery_volt") and value == 0:
        return None
    if "atteryLevel" in name and not 0 < value <= 100:
        return None
    if name in ("sosFlag", "header.sos", "Alarm") and value == 0:
        return None
    return value


def _disputed(model: str, stated: Stated, earlier: bool) -> str:
    """Why the source is wrong, from the maker's own documentation; "" where it is not."""
    if earlier and re.search("milesight am3", model.lower()):
        return "the converter's sample has its stored values most significant byte first; the maker's decoder reads least first"
    nwave = model.lower().startswith("nwave") and stated.quantity == "device.battery.voltage" and stated.value < 2.5
    low = model.lower().startswith("nwave") and stated.quantity == "device.battery.low" and stated.value == 1
    if nwave:
        return "Nwave: 2500 mV + 4 mV x an unsigned byte cannot be under 2.5 V; the converter reads it as signed"
    return "reckoned by the converter from the voltage it reads as signed" if low else ""
