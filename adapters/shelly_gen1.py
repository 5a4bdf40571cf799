"""Shelly devices of the first generation. See ``ShellyGen1``."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from adapters.decoding import Moment, an_object, epoch_ms, number, parse_object, shown, text
from adapters.plain import plain_number, plain_text, plain_word
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_IMPORT, _EXPORT = "energy.active.import.total", "energy.active.export.total"
_W_MINUTES, _W_HOURS = 60_000.0, 1000.0  # of each in one kWh

# What follows shellies/<id>/ ; n is the channel. Quantity, and how many of theirs make one of our unit.
_NUMBERS: dict[str, tuple[str, float]] = {
    **{f"{kind}/n/power": ("power.active", 1.0) for kind in ("relay", "roller", "light", "emeter")},
    **{f"{kind}/n/energy": (_IMPORT, _W_MINUTES) for kind in ("relay", "roller", "light")},
    "emeter/n/total": (_IMPORT, _W_HOURS),
    "emeter/n/total_returned": (_EXPORT, _W_HOURS),
    "emeter/n/reactive_power": ("power.reactive", 1.0),
    "emeter/n/pf": ("power.factor", 1.0),
    "emeter/n/voltage": ("voltage", 1.0),
    "emeter/n/current": ("current", 1.0),
    "voltage": ("voltage", 1.0),
    "temperature": ("device.temperature", 1.0),
    "ext_temperature/n": ("air.temperature", 1.0),
    "ext_humidity/n": ("air.humidity", 1.0),
    "sensor/temperature": ("air.temperature", 1.0),
    "sensor/humidity": ("air.humidity", 1.0),
    "sensor/battery": ("device.battery", 1.0),
    "sensor/lux": ("light.illuminance", 1.0),
}
_TRUE = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_GAS = {"none": 0.0, "mild": 1.0, "heavy": 1.0}
_WORDS: dict[str, tuple[str, dict[str, float]]] = {
    "relay/n": ("switch.on", {"on": 1.0, "off": 0.0, "overpower": 0.0}),
    "light/n": ("switch.on", {"on": 1.0, "off": 0.0}),
    "sensor/state": ("door.open", {"open": 1.0, "close": 0.0}),
    "sensor/flood": ("water.leak", _TRUE),
    "sensor/smoke": ("fire.smoke", _TRUE),
    "sensor/motion": ("motion", _TRUE),
    "sensor/operation": ("fire.fault", {"normal": 0.0, "warmup": 0.0, "fault": 1.0, "unknown": 1.0}),
}
_EM_FIELDS = {
    "power": ("power.active", 1.0),
    "reactive": ("power.reactive", 1.0),
    "pf": ("power.factor", 1.0),
    "voltage": ("voltage", 1.0),
    "current": ("current", 1.0),
    "total": (_IMPORT, _W_HOURS),
    "total_returned": (_EXPORT, _W_HOURS),
}
_METER_FIELDS = {"power": ("power.active", 1.0), "total": (_IMPORT, _W_MINUTES)}
_PHASES = ("power.active", "voltage", "current")
_NO_PROBE = 999.0
_MAX_ITEMS = 16
_REMEMBERED = 20_000


class ShellyGen1:
    """Shelly of the first generation (https://shelly-api-docs.shelly.cloud/gen1): plugs, relays, EM and 3EM meters, H&T,
    flood, smoke, gas and door sensors.

    Topics, each with one bare value, every 30 s and on change (the battery's devices when they wake up):
      shellies/<id>/relay/<n>           on, off, overpower (then it is off)
      shellies/<id>/relay/<n>/power     W; also roller/<n>, light/<n>
      shellies/<id>/relay/<n>/energy    watt-minutes since the device started: it begins at 0 again (counter_reset)
      shellies/<id>/emeter/<n>/power    W, less than 0 is returned; reactive_power var, pf, voltage V, current A
      shellies/<id>/emeter/<n>/total    Wh, kept through restarts; total_returned Wh. energy and returned_energy are
                                        watt-minutes of the same since the start, and left out
      shellies/<id>/sensor/…            temperature, humidity, battery %, lux, state open|close, flood, smoke, motion,
                                        operation normal|warmup|fault|unknown and
                                        gas none|mild|heavy|test|unknown (gas detector)
      shellies/<id>/temperature         inside the case; voltage of the mains
      shellies/<id>/ext_temperature/<n>, ext_humidity/<n>   probes of the add-on; 999: none is connected
      shellies/<id>/info                the whole status as JSON; shellies/<id>/announce, shellies/announce
      shellies/<id>/online              true or false, retained, last will
    All else under shellies/ (commands, inputs, colours) is no measurement. Device: shelly:<id>, such as
    shelly:shellyem3-483FDAC37E3F. Channel: n; the three emeters of a 3EM are phases: power.active.l1 …, voltage.l1 …,
    current.l1 …, while their registers keep the channels 0, 1, 2.

    Time: info has unixtime, seconds UTC, 0 until the clock is set; its meters' own timestamp is local and left out. The
    bare values have none: arrival.
    The same on two topics: what a topic of its own has said once is not taken from info any more.
    info: meters[].power W, total in watt-minutes; emeters[].total in Wh; is_valid false is no measurement; relays[].ison,
    lights[].ison; tmp.tC (inside the case, of a battery's device the room), hum.value %, bat.value % and voltage V, lux.value,
    flood, smoke, sensor.state, gas_sensor.alarm_state and sensor_state, ext_temperature.<n>.tC, ext_humidity.<n>.hum,
    total_power (3EM: power.active), wifi_sta.rssi dBm (0: not connected), uptime s.
    Temperature topics follow the device's setting: C, or with ``temperature_unit = "F"`` °F.
    Gas: test is fire.test; unknown says nothing about gas, operation tells a fault.

    Sources: the API pages of Gen1 (common MQTT topics; Plug, 1PM, EM, 3EM, H&T, Flood, Smoke, Gas, Door/Window), status
    dumps of aioshelly and evcc for info.
    """

    kind = "shelly_gen1"

    class Settings(AdapterSettings):
        temperature_unit: Literal["C", "F"] = Field("C", description="what the devices' temperature topics are set to")

    topics: tuple[str, ...] = ("shellies/#",)
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._fahrenheit = settings.temperature_unit == "F"
        self._own: dict[str, set[tuple[str, str]]] = {}  # device -> what topics of their own have said

    def decode(self, message: Message) -> Sequence[Decoded]:
        levels = message.topic.split("/")
        if message.topic == "shellies/announce":
            return self._announced(message.payload, "")
        if len(levels) < 3 or not levels[1]:
            return ()  # shellies/command
        device = f"shelly:{levels[1]}"
        try:
            return self._one(device, levels, message.payload)
        except Malformed as refusal:
            refusal.device = refusal.device or device
            raise

    def snapshot(self) -> dict[str, list[list[str]]]:
        return {device: sorted([quantity, channel] for quantity, channel in own) for device, own in self._own.items()}

    def restore(self, state: Any) -> None:
        self._own = {device: {(quantity, channel) for quantity, channel in own} for device, own in state.items()}

    def _one(self, device: str, levels: list[str], payload: bytes) -> Sequence[Decoded]:
        if len(levels) == 3 and levels[2] == "online":
            return (DeviceInfo(device, online=plain_word(payload, "online", {"true": 1.0, "false": 0.0}) == 1.0),)
        if len(levels) == 3 and levels[2] == "announce":
            return self._announced(payload, levels[1])
        if len(levels) == 3 and levels[2] == "info":
            return self._info(device, parse_object(payload))
        if levels[2:] == ["sensor", "gas"]:
            return self._mark(device, _gas(device, plain_text(payload).lower()))
        channel = levels[3] if len(levels) > 3 and levels[3].isdecimal() and len(levels[3]) < 4 else ""
        path = "/".join("n" if channel and index == 1 else level for index, level in enumerate(levels[2:]))
        if path in _NUMBERS:
            quantity, per = _NUMBERS[path]
            value = plain_number(payload, path)
            if quantity.endswith("temperature") and self._fahrenheit and value != _NO_PROBE:
                value = (value - 32) * 5 / 9
            elif value == _NO_PROBE and quantity.startswith("air."):
                return ()
            if levels[2] == "emeter":
                quantity, channel = _phase(quantity, channel, "shellyem3-" in device)
            return self._mark(device, [Reading(device, quantity, value / per + 0.0, channel=channel)])
        if path in _WORDS:
            quantity, words = _WORDS[path]
            return self._mark(device, [Reading(device, quantity, plain_word(payload, path, words), channel=channel)])
        return ()

    def _mark(self, device: str, readings: list[Reading]) -> Sequence[Decoded]:
        own = self._own.get(device)
        if own is None:
            if len(self._own) >= _REMEMBERED:
                del self._own[next(iter(self._own))]
            own = self._own[device] = set()
        own.update((reading.quantity, reading.channel) for reading in readings)
        return readings

    def _announced(self, payload: bytes, topic_id: str) -> Sequence[Decoded]:
        body = parse_object(payload)
        name = text(body.get("id"), "id", 64)
        if topic_id and name != topic_id:
            raise Malformed(Reason.ID_MISMATCH, f'id is {shown(name)}, the topic says "{topic_id}"')
        model, firmware = (text(word, key) if (word := body.get(key)) else None for key in ("model", "fw_ver"))
        return (DeviceInfo(f"shelly:{name}", vendor="Shelly", model=model, firmware=firmware),)

    def _info(self, device: str, body: dict[str, Any]) -> Sequence[Decoded]:
        found = _Info(device, epoch_ms(body.get("unixtime"), "s", "unixtime"), self._own.get(device, set()))
        three = "shellyem3-" in device or len(_items(body, "emeters")) == 3
        for kind, fields in (("meters", _METER_FIELDS), ("emeters", _EM_FIELDS)):
            for count, meter in enumerate(_items(body, kind)):
                if meter.get("is_valid") is not False:
                    for field, (quantity, per) in fields.items():
                        channel = str(count)
                        if kind == "emeters":
                            quantity, channel = _phase(quantity, channel, three)
                        found.add(quantity, meter.get(field), f"{kind}[{count}].{field}", channel, per)
        for kind in ("relays", "lights"):
            for count, one in enumerate(_items(body, kind)):
                found.state("switch.on", one.get("ison"), f"{kind}[{count}].ison", str(count))
        _sensors(body, found)
        found.add("power.active", body.get("total_power"), "total_power")
        rssi = _inner(body, "wifi_sta", "rssi")
        found.add("device.rssi", None if rssi == 0 else rssi, "wifi_sta.rssi")
        found.add("device.uptime", body.get("uptime"), "uptime")
        return found.decoded


class _Info:
    """What a status gives, but for what topics of their own have told."""

    __slots__ = ("decoded", "device", "moment", "own")

    def __init__(self, device: str, moment: Moment, own: set[tuple[str, str]]) -> None:
        self.device = device
        self.moment = moment
        self.own = own
        self.decoded: list[Decoded] = []

    def add(self, quantity: str, value: Any, what: str, channel: str = "", per: float = 1.0) -> None:
        if value is not None:
            canonical = number(value, what) / per
            if (quantity, channel) not in self.own:
                time, flags = self.moment
                self.decoded.append(Reading(self.device, quantity, canonical + 0.0, time, channel, 0, flags))

    def state(self, quantity: str, value: Any, what: str, channel: str = "") -> None:
        if value is not None:
            if type(value) is not bool:
                raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected true or false")
            self.add(quantity, float(value), what, channel)


def _sensors(body: dict[str, Any], found: _Info) -> None:
    battery = body.get("bat") is not None
    if _inner(body, "tmp", "is_valid") is not False:
        found.add("air.temperature" if battery else "device.temperature", _inner(body, "tmp", "tC"), "tmp.tC")
    for key, field, quantity in (
        ("hum", "value", "air.humidity"),
        ("bat", "value", "device.battery"),
        ("bat", "voltage", "device.battery.voltage"),
        ("lux", "value", "light.illuminance"),
    ):
        if _inner(body, key, "is_valid") is not False:
            found.add(quantity, _inner(body, key, field), f"{key}.{field}")
    for key, field, quantity in (("ext_temperature", "tC", "air.temperature"), ("ext_humidity", "hum", "air.humidity")):
        probes = an_object(body[key], key) if body.get(key) is not None else {}
        for channel, probe in list(probes.items())[:_MAX_ITEMS]:
            value = an_object(probe, f"{key}.{channel}").get(field)
            if value != _NO_PROBE:
                found.add(quantity, value, f"{key}.{channel}.{field}", channel)
    for key, quantity in (("flood", "water.leak"), ("smoke", "fire.smoke")):
        found.state(quantity, body.get(key), key)
    state = _inner(body, "sensor", "state")
    if state is not None:
        found.add("door.open", {"open": 1.0, "close": 0.0}.get(text(state, "sensor.state")), "sensor.state")
    alarm = _inner(body, "gas_sensor", "alarm_state")
    if alarm is not None:
        for reading in _gas(found.device, text(alarm, "gas_sensor.alarm_state")):
            found.add(reading.quantity, reading.value, "gas_sensor.alarm_state")
    health = _inner(body, "gas_sensor", "sensor_state")
    if health is not None:
        found.add("fire.fault", float(text(health, "gas_sensor.sensor_state") in ("fault", "unknown")), "gas_sensor.sensor_state")


def _gas(device: str, word: str) -> list[Reading]:
    if word == "unknown":
        return []
    if word == "test":
        return [Reading(device, "fire.test", 1.0)]
    if word not in _GAS:
        raise Malformed(Reason.UNKNOWN_VALUE, f"gas is {shown(word)}, expected none, mild, heavy, test or unknown")
    return [Reading(device, "fire.gas", _GAS[word]), Reading(device, "fire.test", 0.0)]


def _phase(quantity: str, channel: str, three: bool) -> tuple[str, str]:
    """A 3EM's meters are the phases of one supply; those of an EM are two loads."""
    if three and quantity in _PHASES and channel in ("0", "1", "2"):
        return f"{quantity}.l{int(channel) + 1}", ""
    return quantity, channel


def _items(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = body.get(key)
    if items is None:
        return []
    if type(items) is not list:
        raise Malformed(Reason.WRONG_SHAPE, f"{key} is {shown(items)}, expected an array")
    return [an_object(item, f"{key}[{count}]") for count, item in enumerate(items[:_MAX_ITEMS])]


def _inner(body: dict[str, Any], key: str, field: str) -> Any:
    outer = body.get(key)
    return None if outer is None else an_object(outer, key).get(field)
