"""Shelly devices of the second generation and later. See ``Shelly``."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import Moment, TopicTemplate, an_object, epoch_ms, number, parse_object, shown, text
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_IMPORT, _EXPORT = "energy.active.import.total", "energy.active.export.total"

# Component -> the fields of its status: quantity, and how many of theirs make one of our unit.
_OUTPUT = {
    "apower": ("power.active", 1.0),
    "aprtpower": ("power.apparent", 1.0),
    "voltage": ("voltage", 1.0),
    "current": ("current", 1.0),
    "pf": ("power.factor", 1.0),
    "freq": ("frequency", 1.0),
}
_EM1 = {
    "act_power": ("power.active", 1.0),
    "aprt_power": ("power.apparent", 1.0),
    "voltage": ("voltage", 1.0),
    "current": ("current", 1.0),
    "pf": ("power.factor", 1.0),
    "freq": ("frequency", 1.0),
}
_EM = {
    "total_act_power": ("power.active", 1.0),
    "total_aprt_power": ("power.apparent", 1.0),
    **{f"{phase}_act_power": (f"power.active.l{n}", 1.0) for n, phase in enumerate("abc", 1)},
    **{f"{phase}_voltage": (f"voltage.l{n}", 1.0) for n, phase in enumerate("abc", 1)},
    **{f"{phase}_current": (f"current.l{n}", 1.0) for n, phase in enumerate("abc", 1)},
}
_FIELDS: dict[str, dict[str, tuple[str, float]]] = {
    **dict.fromkeys(("switch", "cover", "light", "pm1", "rgb", "rgbw", "cct"), _OUTPUT),
    "em": _EM,
    "em1": _EM1,
    "emdata": {"total_act": (_IMPORT, 1000.0), "total_act_ret": (_EXPORT, 1000.0)},
    "em1data": {"total_act_energy": (_IMPORT, 1000.0), "total_act_ret_energy": (_EXPORT, 1000.0)},
    "temperature": {"tC": ("air.temperature", 1.0)},
    "humidity": {"rh": ("air.humidity", 1.0)},
    "illuminance": {"lux": ("light.illuminance", 1.0)},
    "sys": {"uptime": ("device.uptime", 1.0)},
}
_STATES = {
    "switch": {"output": "switch.on"},
    "light": {"output": "switch.on"},
    "smoke": {"alarm": "fire.smoke"},
    "flood": {"alarm": "water.leak"},
}
_EVENTS = {
    ("smoke", "alarm"): ("fire.smoke", 1.0),
    ("smoke", "alarm_off"): ("fire.smoke", 0.0),
    ("smoke", "alarm_test"): ("fire.test", 1.0),
    ("flood", "alarm"): ("water.leak", 1.0),
    ("flood", "alarm_off"): ("water.leak", 0.0),
}
_KINDS = {*_FIELDS, *_STATES, "devicepower", "wifi"}
_METER = re.compile(r"shelly(pro)?3?em")  # their temperature:0 is inside the case
_ID = re.compile(r"shelly[a-z0-9]+-[0-9a-f]{12}", re.IGNORECASE)
_KEY = re.compile(r"([a-z][a-z0-9]*)(?::(\d{1,6}))?")
_REMEMBERED = 20_000


class Shelly:
    """Shelly Gen2, Gen3 and Gen4 (https://shelly-api-docs.shelly.cloud/gen2): plugs, relays, meters, smoke, flood, H&T.

    Topics (``prefix``: what the devices have as MQTT prefix, by default their own id):
      <prefix>/events/rpc   NotifyStatus, NotifyFullStatus, NotifyEvent ("RPC status notifications", on by default)
      <prefix>/online       true or false, retained, last will
    <prefix>/status/… repeats the same without id and time and is left out.
    Device: shelly:<src>, for example shelly:shellypro3em-a0b1c2d3e4f5. A topic that is itself such an id must say the same
    (id_mismatch). Channel: the component's number (switch:1 is channel 1).
    Time: params.ts, seconds UTC with a fraction; an event's own ts. A device that has just woken up counts from its start
    (1.33), which intake flags. NotifyStatus states only what has changed, and only that is given.

    Components and units:
      switch light pm1 cover   apower W, voltage V, current A, pf, freq Hz, output, temperature.tC (the device's own)
        aenergy.total Wh       all that passed in either direction; ret_aenergy.total Wh, what was returned, is part of it:
                               import is their difference. The last returned figure is remembered for messages without it.
                               by_minute is in mWh, not Wh, and is left out.
      em                       a_ b_ c_ act_power W, voltage V, current A are l1 l2 l3; total_act_power W, total_aprt_power VA
      em1                      act_power W, aprt_power VA, voltage, current, pf, freq
      emdata em1data           total_act, total_act_ret (em1data: …_energy) Wh: import and export. The phases' own registers
                               are parts of the total and are left out.
      temperature humidity     tC, rh; temperature:0 of a meter is inside its case
      illuminance              lux
      smoke flood              alarm true or false; events alarm, alarm_off, alarm_test (smoke)
      devicepower              battery.percent, battery.V
      wifi                     rssi dBm (0 while not connected, left out); sys uptime s, wakeup_period s (the interval)
    null is not measured. errors: the component's readings are device_fault and device.fault (smoke: fire.fault) is 1, until
    the list is empty or a NotifyFullStatus has none.
    Left out: inputs, scripts, thermostats, virtual and BTHome components (their meaning is the owner's).
    """

    kind = "shelly"

    class Settings(AdapterSettings):
        prefix: str = Field("+", description="the devices' MQTT prefix; + for one level of any name: house/+")

        @field_validator("prefix")
        @classmethod
        def _is_a_filter(cls, prefix: str) -> str:
            if "#" in prefix or "{" in prefix:
                raise ValueError(f'"{prefix}": a prefix holds no # and no {{')
            TopicTemplate(f"{prefix}/online")
            return prefix

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.topics = (f"{settings.prefix}/events/rpc", f"{settings.prefix}/online")
        self.lane = settings.lane
        self._sources: dict[str, str] = {}  # prefix -> src
        self._returned: dict[str, float] = {}  # device and component -> Wh
        self._faulty: dict[str, list[str]] = {}  # device -> components with errors

    def decode(self, message: Message) -> Sequence[Decoded]:
        prefix, _, end = message.topic.rpartition("/")
        if end == "online" and prefix:
            return self._online(prefix, message.payload)
        if not message.topic.endswith("/events/rpc"):
            raise Malformed(Reason.BAD_TOPIC, "not <prefix>/events/rpc nor <prefix>/online")
        prefix = prefix.removesuffix("/events")
        known = self._sources.get(prefix) or (prefix if _ID.fullmatch(prefix) else "")
        try:
            return self._notification(prefix, parse_object(message.payload))
        except Malformed as refusal:
            refusal.device = refusal.device or (f"shelly:{known}" if known else "")
            raise

    def snapshot(self) -> dict[str, Any]:
        return {"sources": dict(self._sources), "returned": dict(self._returned), "faulty": dict(self._faulty)}

    def restore(self, state: Any) -> None:
        self._sources = dict(state["sources"])
        self._returned = dict(state["returned"])
        self._faulty = dict(state["faulty"])

    def _online(self, prefix: str, payload: bytes) -> Sequence[Decoded]:
        if payload not in (b"true", b"false"):
            reason = Reason.UNKNOWN_VALUE if payload else Reason.EMPTY
            raise Malformed(reason, f"online is {payload[:40]!r}, expected true or false")
        source = self._sources.get(prefix) or prefix.rpartition("/")[2]
        # Under a prefix of the owner's choice nobody knows whose this is until the device has spoken.
        return (DeviceInfo(f"shelly:{source}", online=payload == b"true"),) if _ID.fullmatch(source) else ()

    def _notification(self, prefix: str, frame: dict[str, Any]) -> Sequence[Decoded]:
        source = text(_required(frame, "src"), "src", 64)
        method = text(_required(frame, "method"), "method", 64)
        last = prefix.rpartition("/")[2]
        if _ID.fullmatch(last) and last.lower() != source.lower():
            raise Malformed(Reason.ID_MISMATCH, f'src is {shown(source)}, the topic says "{last}"', f"shelly:{last}")
        found = _Found(f"shelly:{source}")
        params = an_object(_required(frame, "params"), "params")
        if method == "NotifyEvent":
            self._events(params, found)
        elif method in ("NotifyStatus", "NotifyFullStatus"):
            found.moment = epoch_ms(params.get("ts"), "s", "ts")
            self._status(params, found, full=method == "NotifyFullStatus")
        if method == "NotifyFullStatus" or self._sources.get(prefix) != source:
            interval = _inner(params, "params", "sys", "wakeup_period")
            seconds = number(interval, "sys.wakeup_period") if interval else None
            found.decoded.append(DeviceInfo(found.device, vendor="Shelly", model=source.partition("-")[0], interval=seconds))
        _remember(self._sources, prefix, source)
        return found.decoded

    def _events(self, params: dict[str, Any], found: "_Found") -> None:
        events = _required(params, "events")
        if type(events) is not list:
            raise Malformed(Reason.WRONG_SHAPE, f"events is {shown(events)}, expected an array")
        for event in events:
            event = an_object(event, "event")
            key = _KEY.fullmatch(text(_required(event, "component"), "component"))
            name = text(_required(event, "event"), "event")
            if key and (key[1], name) in _EVENTS:
                quantity, value = _EVENTS[key[1], name]
                found.moment = epoch_ms(event.get("ts", params.get("ts")), "s", "ts")
                found.add(quantity, value, name, key[2] or "")

    def _status(self, params: dict[str, Any], found: "_Found", full: bool) -> None:
        for key, status in params.items():
            named = _KEY.fullmatch(key)
            if named and named[1] in _KINDS and status is not None:
                self._component(key, named[1], named[2] or "", an_object(status, key), found, full)

    def _component(self, key: str, kind: str, channel: str, status: dict[str, Any], found: "_Found", full: bool) -> None:
        self._faults(key, kind, channel, status, found, full)
        for field, (quantity, per) in _FIELDS.get(kind, {}).items():
            value = status.get(field)
            if value is not None:
                if kind == "temperature" and channel == "0" and _METER.match(found.device.removeprefix("shelly:")):
                    quantity = "device.temperature"
                found.add(quantity, number(value, f"{key}.{field}") / per, f"{key}.{field}", channel)
        for field, quantity in _STATES.get(kind, {}).items():
            value = status.get(field)
            if value is not None:
                if type(value) is not bool:
                    raise Malformed(Reason.WRONG_TYPE, f"{key}.{field} is {shown(value)}, expected true or false")
                found.add(quantity, float(value), field, channel)
        if _FIELDS.get(kind) is _OUTPUT:
            self._energy(key, channel, status, found)
            found.add("device.temperature", _inner(status, key, "temperature", "tC"), f"{key}.temperature.tC", channel)
        elif kind == "devicepower":
            found.add("device.battery", _inner(status, key, "battery", "percent"), f"{key}.battery.percent", channel)
            found.add("device.battery.voltage", _inner(status, key, "battery", "V"), f"{key}.battery.V", channel)
        elif kind == "wifi" and status.get("rssi"):
            found.add("device.rssi", status["rssi"], "wifi.rssi")
        elif kind == "em":
            found.add("frequency", _frequency(status, key), f"{key}.freq", channel)
        found.flags = 0

    def _energy(self, key: str, channel: str, status: dict[str, Any], found: "_Found") -> None:
        total, returned = _inner(status, key, "aenergy", "total"), _inner(status, key, "ret_aenergy", "total")
        meter = f"{found.device} {key}"
        if returned is not None:
            _remember(self._returned, meter, number(returned, f"{key}.ret_aenergy.total"))
            found.add(_EXPORT, self._returned[meter] / 1000, f"{key}.ret_aenergy.total", channel)
        if total is not None:
            imported = number(total, f"{key}.aenergy.total") - self._returned.get(meter, 0.0)
            found.add(_IMPORT, imported / 1000, f"{key}.aenergy.total", channel)

    def _faults(self, key: str, kind: str, channel: str, status: dict[str, Any], found: "_Found", full: bool) -> None:
        before = self._faulty.get(found.device, [])
        errors = status.get("errors")
        if errors is None and not (full and key in before):
            found.flags = Quality.DEVICE_FAULT.value if key in before else 0
            return
        quantity = "fire.fault" if kind == "smoke" else "device.fault"
        found.add(quantity, 1.0 if errors else 0.0, f"{key}.errors", channel if kind == "smoke" else key)
        now = [*(other for other in before if other != key), *([key] if errors else [])]
        if now:
            _remember(self._faulty, found.device, now[:64])
        else:
            self._faulty.pop(found.device, None)
        found.flags = Quality.DEVICE_FAULT.value if errors else 0


class _Found:
    """What one message gives."""

    __slots__ = ("decoded", "device", "flags", "moment")

    def __init__(self, device: str) -> None:
        self.device = device
        self.moment: Moment = (None, 0)
        self.flags = 0
        self.decoded: list[Decoded] = []

    def add(self, quantity: str, value: Any, what: str, channel: str = "") -> None:
        if value is not None:
            time, flags = self.moment
            self.decoded.append(Reading(self.device, quantity, number(value, what), time, channel, 0, flags | self.flags))


def _required(container: dict[str, Any], field: str) -> Any:
    value = container.get(field)
    if value is None:
        raise Malformed(Reason.MISSING_FIELD, f"{field} is not there")
    return value


def _inner(status: dict[str, Any], key: str, field: str, inner: str) -> Any:
    outer = status.get(field)
    return None if outer is None else an_object(outer, f"{key}.{field}").get(inner)


def _frequency(status: dict[str, Any], key: str) -> Any:
    """Of the first phase with voltage: without it, the meter makes one up."""
    for phase in "abc":
        voltage = status.get(f"{phase}_voltage")
        if voltage is not None and number(voltage, f"{key}.{phase}_voltage") > 0:
            return status.get(f"{phase}_freq")
    return None


def _remember(memory: dict[str, Any], key: str, value: Any) -> None:
    """Bounded: what was heard of longest ago goes first."""
    memory.pop(key, None)
    if len(memory) >= _REMEMBERED:
        del memory[next(iter(memory))]
    memory[key] = value
