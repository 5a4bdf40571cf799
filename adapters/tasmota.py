"""Tasmota: plugs, meters and sensors with that firmware. See ``Tasmota``."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, an_object, epoch_ms, iso_ms, number, parse_object, shown, text
from adapters.tic import LABELS
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

# ENERGY: field -> quantity; W, VA, var, V, A, Hz, kWh as documented, which are our own units.
_ENERGY = {
    "Total": "energy.active.import.total",
    "ExportActive": "energy.active.export.total",
    "Power": "power.active",
    "ApparentPower": "power.apparent",
    "ReactivePower": "power.reactive",
    "Factor": "power.factor",
    "Voltage": "voltage",
    "Current": "current",
    "Frequency": "frequency",
}
_PHASED = {"Power", "Voltage", "Current"}
_REGISTERS = {"Total", "ExportActive"}

# A meter read by a script names its own fields; these are the documentation's names, in lower case.
_SCRIPTED = {
    "total_in": "energy.active.import.total",
    "e_in": "energy.active.import.total",
    "total_kwh": "energy.active.import.total",
    "total_out": "energy.active.export.total",
    "e_out": "energy.active.export.total",
    "power_curr": "power.active",
    "power_actual": "power.active",
    "curr_w": "power.active",
    "hz": "frequency",
    "freq": "frequency",
    "frequency": "frequency",
    "frequenz": "frequency",
    **{f"{word}{n}": f"power.active.l{n}" for n in (1, 2, 3) for word in ("power_l", "power_p")},
    **{f"{word}{n}": f"voltage.l{n}" for n in (1, 2, 3) for word in ("voltage_l", "volt_l", "volt_p")},
    **{f"{word}{n}": f"current.l{n}" for n in (1, 2, 3) for word in ("current_l", "curr_l", "curr_p")},
}

_SENSORS = {
    "Temperature": "air.temperature",
    "Humidity": "air.humidity",
    "Pressure": "air.pressure",
    "Illuminance": "light.illuminance",
    "CarbonDioxide": "air.co2",
    "PM2.5": "air.pm25",
    "Battery": "device.battery",
}
_RELAY = {"ON": 1, "OFF": 0, "1": 1, "0": 0}  # StateText1 and StateText2 are often set to 0 and 1
_INSIDE_THE_CASE = {"ANALOG", "ESP32", "MPU6050", "MPU6886", "DS3231", "AXP192"}
_TEMPERATURE_UNITS = {"C": (1.0, 0.0), "F": (5 / 9, -160 / 9)}
_PRESSURE_UNITS = {"hPa": 1.0, "mmHg": 1.33322387415, "inHg": 33.86389}


class Tasmota:
    """Tasmota (https://tasmota.github.io/docs): smart plugs, energy meters, temperature sensors.

    Topics (FullTopic ``%prefix%/%topic%/`` unless changed in the device, then also in ``full_topic``):
      tele/<topic>/SENSOR   measurements, every TelePeriod (300 s)
      tele/<topic>/STATE    relays, Wi-Fi, uptime
      tele/<topic>/LWT      Online or Offline, retained
      stat/<topic>/RESULT   the answer to a command: relays at once
      stat/<topic>/STATUS8, STATUS10 (as SENSOR), STATUS11 (as STATE)
      tasmota/discovery/<mac>/config   name, module, firmware, retained (SetOption19 0)
    Device: tasmota:<topic>. The topic is the device's address; by default it ends in the MAC's last six digits.

    Time: ``Time`` is local to the device and has no zone unless its timezone setting shows one: then taken as the site's
    (tz_assumed). ``Epoch``, where there is one, is seconds UTC and goes first. RESULT has none.

    ENERGY: Total and ExportActive kWh, Power W, ApparentPower VA, ReactivePower var, Factor, Voltage V, Current A,
    Frequency Hz. A device with several channels sends arrays: with an array of voltages they are phases (power.active.l1
    …, and power.active and the totals as their sum); with one voltage they are loads of their own, channels 1, 2 …
    Today, Yesterday, Period and TotalTariff repeat parts of Total and are left out.
    TIC (Linky): registers in Wh, one channel for each tariff of a legacy meter. Beside them ENERGY.Total, which Tasmota
    counts itself, is left out.
    Meters read by a script (SML, OBIS, Modbus) send labels their owner chose: those of the documentation are known
    (Total_in, Total_out, Power_curr, power_l1, Volt_p1, …) in their documented units (unit_assumed). A register of 0 is
    what the script sends before the meter has spoken, and is left out.

    Sensors: Temperature in TempUnit (C or F), Humidity %, Pressure in PressureUnit (hPa, mmHg, inHg), Illuminance lx,
    CarbonDioxide ppm, PM2.5 ug/m3, Battery %. The channel is the sensor's name, or its Id where it has one (several
    DS18B20 change their numbers when one is added). ANALOG and ESP32 measure the inside of the case:
    device.temperature. null means the sensor did not answer.
    STATE: POWER, POWER1 … ON or OFF (channel 1 …), Wifi.Signal dBm; Wifi.RSSI is a percentage and is left out.

    Sources: docs/MQTT, docs/Commands, docs/Energy-Monitoring, docs/Teleinfo, docs/Smart-Meter-Interface,
    tasmota/discovery: arendst/Tasmota issue 9267.
    """

    kind = "tasmota"

    class Settings(AdapterSettings):
        full_topic: str = Field("%prefix%/%topic%/", description="the devices' FullTopic, with %prefix% and %topic%")

        @field_validator("full_topic")
        @classmethod
        def _has_both(cls, full_topic: str) -> str:
            if full_topic.count("%prefix%") != 1 or full_topic.count("%topic%") != 1:
                raise ValueError(f'"{full_topic}" must hold %prefix% and %topic%, each once')
            _template(full_topic)
            return full_topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._zone = site.zone
        self._template = _template(settings.full_topic)
        self.lane = settings.lane
        full = settings.full_topic.strip("/").replace("%topic%", "+")
        ends = [("tele", end) for end in ("SENSOR", "STATE", "LWT")]
        ends += [("stat", end) for end in ("RESULT", "STATUS8", "STATUS10", "STATUS11")]
        self.topics = (*(f"{full.replace('%prefix%', prefix)}/{end}" for prefix, end in ends), "tasmota/discovery/+/config")
        self._ends: dict[str, Callable[[Message, str], Sequence[Decoded]]] = {
            "SENSOR": self._sensor,
            "STATE": self._state,
            "LWT": self._will,
            "RESULT": self._result,
            "STATUS8": self._sensor,
            "STATUS10": self._sensor,
            "STATUS11": self._state,
        }

    def decode(self, message: Message) -> Sequence[Decoded]:
        if message.topic.startswith("tasmota/discovery/"):
            return self._discovery(message)
        names = self._template.match(message.topic)
        end = self._ends.get(names["end"]) if names and names["prefix"] in ("tele", "stat") else None
        if names is None or end is None:
            raise Malformed(Reason.BAD_TOPIC, "not a topic of Tasmota's telemetry")
        device = f"tasmota:{names['topic']}"
        try:
            return end(message, device)
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _will(self, message: Message, device: str) -> Sequence[Decoded]:
        if not message.payload:
            raise Malformed(Reason.EMPTY, "the payload is empty")
        if message.payload not in (b"Online", b"Offline"):
            raise Malformed(Reason.UNKNOWN_VALUE, f"LWT is {message.payload[:40]!r}, expected Online or Offline")
        return (DeviceInfo(device, online=message.payload == b"Online"),)

    def _discovery(self, message: Message) -> Sequence[Decoded]:
        body = parse_object(message.payload)
        device = f"tasmota:{text(body.get('t'), 't')}"
        name, model, firmware = (text(word, key) if (word := body.get(key)) else None for key in ("dn", "md", "sw"))
        return (DeviceInfo(device, name, "Tasmota", model, firmware),)

    def _result(self, message: Message, device: str) -> Sequence[Decoded]:
        found = _Found(device, None, 0)
        _relays(parse_object(message.payload), found)
        return found.readings

    def _state(self, message: Message, device: str) -> Sequence[Decoded]:
        body = parse_object(message.payload)
        body = an_object(body.get("StatusSTS", body), "StatusSTS")
        found = self._found(body, device)
        _relays(body, found)
        found.add("device.uptime", body.get("UptimeSec"), "UptimeSec")
        wifi = body.get("Wifi")
        if wifi is not None:
            found.add("device.rssi", an_object(wifi, "Wifi").get("Signal"), "Wifi.Signal")
        return found.readings

    def _sensor(self, message: Message, device: str) -> Sequence[Decoded]:
        body = parse_object(message.payload)
        body = an_object(body.get("StatusSNS", body), "StatusSNS")
        found = self._found(body, device)
        units = _units(body)
        for name, sensor in body.items():
            if name == "ENERGY":
                _energy(an_object(sensor, name), found, own_registers="TIC" not in body)
            elif name == "TIC":
                _tic(an_object(sensor, name), found)
            elif type(sensor) is dict:
                _one_sensor(name, sensor, found, units)
        return found.readings

    def _found(self, body: dict[str, Any], device: str) -> "_Found":
        epoch = body.get("Epoch")
        time, flags = epoch_ms(epoch, "s", "Epoch") if epoch is not None else iso_ms(body.get("Time"), self._zone, "Time")
        return _Found(device, time, flags)


class _Found:
    """One message's readings."""

    __slots__ = ("device", "flags", "readings", "time")

    def __init__(self, device: str, time: int | None, flags: int) -> None:
        self.device = device
        self.time = time
        self.flags = flags
        self.readings: list[Decoded] = []

    def add(
        self, quantity: str, value: Any, what: str, channel: str = "", factor: float = 1.0, offset: float = 0.0, flags: int = 0
    ) -> None:
        """A reading of ``value * factor + offset``; null and absent are none."""
        if value is not None:
            canonical = number(number(value, what) * factor + offset, what)
            self.readings.append(Reading(self.device, quantity, canonical, self.time, channel, 0, self.flags | flags))


def _template(full_topic: str) -> TopicTemplate:
    return TopicTemplate(full_topic.replace("%prefix%", "{prefix}").replace("%topic%", "{topic}").strip("/") + "/{end}")


def _relays(body: dict[str, Any], found: _Found) -> None:
    for key, value in body.items():
        channel = key.removeprefix("POWER")
        if channel == key or (channel and not channel.isdecimal()):
            continue
        if not isinstance(value, str) or value.upper() not in _RELAY:
            raise Malformed(Reason.UNKNOWN_VALUE, f"{key} is {shown(value)}, expected ON or OFF")
        found.add("switch.on", _RELAY[value.upper()], key, channel)


def _energy(energy: dict[str, Any], found: _Found, own_registers: bool) -> None:
    voltages = energy.get("Voltage")
    phases = len(voltages) if type(voltages) is list and 1 < len(voltages) <= 3 else 0
    for field, quantity in _ENERGY.items():
        value = energy.get(field)
        what = f"ENERGY.{field}"
        if field in _REGISTERS and not own_registers:
            continue
        if type(value) is not list:
            found.add(quantity, value, what)
        elif phases and field in _REGISTERS:
            found.add(quantity, _sum(value, what), what)
        elif phases and field in _PHASED and len(value) == phases:
            for phase, one in enumerate(value, 1):
                found.add(f"{quantity}.l{phase}", one, what)
            if field == "Power":
                found.add(quantity, _sum(value, what), what)
        else:
            for channel, one in enumerate(value, 1):
                found.add(quantity, one, what, str(channel))


def _sum(values: list[Any], what: str) -> float | None:
    """Of all of them, or None where one is missing: a sum of some would look like a counter that jumped back."""
    return None if not values or None in values else sum(number(value, what) for value in values)


def _tic(tic: dict[str, Any], found: _Found) -> None:
    for label, value in tic.items():
        meant = LABELS.get(label)
        if meant and value is not None:
            found.add(meant.quantity, number(value, f"TIC.{label}") / meant.per, label, meant.channel)


def _units(body: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Factor and offset of the sensor fields that come in a unit of the device's choice."""
    temperature, pressure = body.get("TempUnit", "C"), body.get("PressureUnit", "hPa")
    if not isinstance(temperature, str) or temperature not in _TEMPERATURE_UNITS:
        raise Malformed(Reason.WRONG_UNIT, f"TempUnit is {shown(temperature)}, expected C or F")
    if not isinstance(pressure, str) or pressure not in _PRESSURE_UNITS:
        raise Malformed(Reason.WRONG_UNIT, f"PressureUnit is {shown(pressure)}, expected hPa, mmHg or inHg")
    return {"Temperature": _TEMPERATURE_UNITS[temperature], "Pressure": (_PRESSURE_UNITS[pressure], 0.0)}


def _one_sensor(name: str, sensor: dict[str, Any], found: _Found, units: dict[str, tuple[float, float]]) -> None:
    identity = sensor.get("Id")
    channel = identity if isinstance(identity, str) and identity else name
    for field, value in sensor.items():
        quantity = _SENSORS.get(field)
        if quantity:
            if field == "Temperature" and name in _INSIDE_THE_CASE:
                quantity = "device.temperature"
            factor, offset = units.get(field, (1.0, 0.0))
            found.add(quantity, value, f"{name}.{field}", channel, factor, offset)
        elif value is not None and (quantity := _SCRIPTED.get(field.lower())):
            what = f"{name}.{field}"
            if not (quantity.endswith(".total") and number(value, what) == 0):
                found.add(quantity, value, what, channel, flags=Quality.UNIT_ASSUMED.value)
