"""Home Assistant MQTT discovery: devices that describe themselves. See ``HomeAssistant``."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, number, number_or_text, parse, parse_object, shown
from adapters.homeassistant_fields import (
    Entity,
    NotPlain,
    Presence,
    entity,
    found,
    long,
    long_device,
    nothing,
    path_of,
    word,
)
from adapters.plain import plain_text
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_ESPHOME = ("+/sensor/+/state", "+/binary_sensor/+/state", "+/switch/+/state", "+/status")
_DEPTH = 8
_MOST = 20_000  # discovery topics that are remembered
_MOST_PARTS = 256  # components of one device
_LONGEST_STATE = 255  # Home Assistant's own limit
_HERE = {"payload_available": "online", "payload_not_available": "offline"}


class HomeAssistant:
    """Home Assistant MQTT discovery (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery): ESPHome and whatever
    else announces itself, without a vendor's own adapter.

    Topics: <prefix>/<component>/[<node>/]<object>/config (retained; ``prefix`` is homeassistant), and the ``states`` on which
    the announced devices speak: filters are subscribed at the start, so that a state topic counts only where one of
    them matches it. The default is ESPHome's: <node>/sensor/<object>/state, binary_sensor, switch, and <node>/status (its
    last will). Where a vendor's adapter has a filter of its own for a topic (Tasmota, Zigbee2MQTT …), the more specific
    filter gets it: the same device is not read twice.
        states = ["solar/#", "heatpump/+/state"]

    Config: one component, or with ``components`` (cmps) and ``platform`` (p) a device with several, which inherit its
    state_topic and availability. Abbreviations and ``~`` are written out. An empty config takes the entity away.
    Device: ha:<first of device.identifiers>, else the first of connections, else unique_id, else the topic's object.
    Channel: the topic's object (the component's key), without the device's identifier before it; "" where it is the
    device_class itself, so that the two thermometers of a device stay two.

    sensor, by device_class, converted from unit_of_measurement: temperature, humidity, battery, voltage, current, power,
      apparent_power, reactive_power, power_factor (% or 1), frequency, energy, gas, water, carbon_dioxide, carbon_monoxide,
      pm25, illuminance, atmospheric_pressure, pressure in hPa, signal_strength; unit lqi. No unit: the quantity's own
      (unit_assumed). energy is a register: import, or export where the object says export, return, production, feed,
      sold; registers of a period (today, monthly, state_class measurement) are left out.
    binary_sensor: smoke, gas, carbon_monoxide, heat, moisture, door, window, opening, garage_door, motion, occupancy,
      presence, tamper, problem, battery (low); payload_on ON, payload_off OFF. switch: state_on, state_off.
    Other components, and sensors without a device_class, are left out.

    value_template: value_json.a.b, value_json['a'][0], value, and the filters float, int, round, default, is_defined, which
    do not change a measurement: the value is taken unrounded, one that is not there is none. All else would need Jinja:
    the config is refused once (unknown_value), that entity left out, the device's others learned. So is a unit nobody knows.
    "unknown", "unavailable", "None", "nan" and "" are no value. Numbers may be texts; true is no number.
    Availability: availability_topic or the availability list, payload_available online, payload_not_available offline,
    availability_mode latest, all or any. Time: none, arrival. expire_after is not used: silence has a rule.

    Sources: the pages above, sensor.mqtt, binary_sensor.mqtt, switch.mqtt; esphome.io/components/mqtt for the topics.
    """

    kind = "homeassistant"

    class Settings(AdapterSettings):
        prefix: str = Field("homeassistant", description="the discovery prefix")
        states: tuple[str, ...] = Field(_ESPHOME, description="filters of the topics that announced devices speak on")

        @field_validator("prefix")
        @classmethod
        def _is_plain(cls, prefix: str) -> str:
            if not prefix or re.search(r"[#+{}]", prefix):
                raise ValueError(f'"{prefix}" is a topic without #, + and braces')
            return prefix

        @field_validator("states")
        @classmethod
        def _are_filters(cls, states: tuple[str, ...]) -> tuple[str, ...]:
            for state in states:
                TopicTemplate(state)
            return states

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._vocabulary = site.vocabulary
        self._config = re.compile(re.escape(settings.prefix) + r"/([^/]+)/(?:[^/]+/)?([^/]+)/config")
        self._heard = [TopicTemplate(state) for state in settings.states]
        self.topics = (f"{settings.prefix}/+/+/config", f"{settings.prefix}/+/+/+/config", *settings.states)
        self._learned: dict[str, tuple[list[Entity], list[Presence]]] = {}  # config topic -> what it announced
        self._refused: dict[str, str] = {}  # config topic -> why, told once
        self._entities: dict[str, list[Entity]] = {}  # state topic -> entities
        self._presences: dict[str, dict[Presence, int]] = {}  # and how many configs say it
        self._here: dict[str, dict[str, bool]] = {}  # device -> availability topic -> the last word

    def decode(self, message: Message) -> Sequence[Decoded]:
        config = self._config.fullmatch(message.topic)
        if config:
            return self._announced(message.topic, config[1], config[2], message.payload)
        decoded: list[Decoded] = list(self._availability(message))
        entities = self._entities.get(message.topic)
        if entities:
            try:
                decoded += self._states(entities, message.payload)
            except Malformed as refusal:
                refusal.device = entities[0].device
                raise
        return decoded

    def snapshot(self) -> dict[str, Any]:
        return {
            "learned": {topic: msgspec.to_builtins(learned) for topic, learned in self._learned.items()},
            "refused": dict(self._refused),
            "here": {device: dict(words) for device, words in self._here.items()},
        }

    def restore(self, state: Any) -> None:
        self._refused = dict(state["refused"])
        self._here = {device: dict(words) for device, words in state["here"].items()}
        for topic, learned in state["learned"].items():
            self._learn(topic, *msgspec.convert(learned, tuple[list[Entity], list[Presence]]))

    # --- what is announced ---

    def _announced(self, topic: str, platform: str, name: str, payload: bytes) -> Sequence[Decoded]:
        if not payload:
            self._forget(topic)
            return ()
        body = long(parse_object(payload, _DEPTH))
        told = long_device(body)
        identity = _identity(told, body.get("unique_id"), name)
        device = f"ha:{identity}"
        parts = _parts(body) if platform == "device" else ((platform, name, body),)
        entities: list[Entity] = []
        problems: list[str] = []
        for kind, part, merged in parts:
            try:
                one = entity(kind, _channel(part, identity), merged, device, self._vocabulary)
            except NotPlain as problem:
                problems.append(f"{part}: {problem}")
            else:
                if one is not None and self._is_heard(one.topic):
                    entities.append(one)
        presences: list[Presence] = []
        try:
            presences = [one for one in _presences(body, device) if self._is_heard(one.topic)]
        except NotPlain as problem:
            problems.append(f"availability: {problem}")
        self._forget(topic)
        if entities or presences:
            self._learn(topic, entities, presences)
        why = "; ".join(problems)[:300]
        if why and self._refused.get(topic) != why:
            self._remember_refusal(topic, why)
            raise Malformed(Reason.UNKNOWN_VALUE, f"left out: {why}", device)
        if not entities:
            return ()
        texts = [told.get(key) for key in ("name", "manufacturer", "model", "sw_version")]
        name_of, vendor, model, firmware = (one[:256] if type(one) is str and one else None for one in texts)
        return (DeviceInfo(device, name_of, vendor, model, firmware),)

    def _is_heard(self, topic: str) -> bool:
        return any(filter.match(topic) is not None for filter in self._heard)

    def _learn(self, topic: str, entities: list[Entity], presences: list[Presence]) -> None:
        if len(self._learned) >= _MOST:
            self._forget(next(iter(self._learned)))
        self._learned[topic] = (entities, presences)
        for one in entities:
            self._entities.setdefault(one.topic, []).append(one)
        for presence in presences:
            known = self._presences.setdefault(presence.topic, {})
            known[presence] = known.get(presence, 0) + 1

    def _forget(self, topic: str) -> None:
        entities, presences = self._learned.pop(topic, ([], []))
        for one in entities:
            left = [other for other in self._entities.get(one.topic, []) if other is not one]
            self._entities[one.topic] = left
            if not left:
                del self._entities[one.topic]
        for presence in presences:
            known = self._presences[presence.topic]
            known[presence] -= 1
            if not known[presence]:
                del known[presence]
            if not known:
                del self._presences[presence.topic]

    def _remember_refusal(self, topic: str, why: str) -> None:
        if len(self._refused) >= _MOST:
            del self._refused[next(iter(self._refused))]
        self._refused[topic] = why

    # --- what is said ---

    def _availability(self, message: Message) -> Iterable[DeviceInfo]:
        for presence in self._presences.get(message.topic, ()):
            value: Any = plain_text(message.payload, 4096)
            if presence.path is not None:
                value = found(parse(message.payload), presence.path)
            said = word(value)
            if said not in (presence.here, presence.away):
                continue
            words = self._here.pop(presence.device, {})
            if len(self._here) >= _MOST:
                del self._here[next(iter(self._here))]
            self._here[presence.device] = words
            words.pop(presence.topic, None)
            words[presence.topic] = said == presence.here
            online = words[presence.topic]
            if presence.mode in ("all", "any"):
                online = (all if presence.mode == "all" else any)(words.values())
            yield DeviceInfo(presence.device, online=online)

    def _states(self, entities: list[Entity], payload: bytes) -> list[Reading]:
        body: Any = None
        paths = [one.path for one in entities if one.path is not None]
        if paths:
            body = (parse_object if all(path and type(path[0]) is str for path in paths) else parse)(payload)
        bare = plain_text(payload, _LONGEST_STATE) if len(paths) < len(entities) else ""
        readings = []
        for one in entities:
            value = bare if one.path is None else found(body, one.path)
            if nothing(value):
                continue
            if one.on is not None:
                state = _state(one, value)
            else:
                what = one.channel or one.quantity
                state = number(number_or_text(value, what) * one.factor + one.offset, what)
            readings.append(Reading(one.device, one.quantity, state, channel=one.channel, quality=one.flags))
        return readings


def _state(one: Entity, value: Any) -> float:
    said = word(value)
    if said == one.on:
        return 1.0
    if said == one.off:
        return 0.0
    raise Malformed(Reason.UNKNOWN_VALUE, f"{one.channel or one.quantity} is {shown(value)}, expected {one.on} or {one.off}")


def _identity(device: dict[str, Any], unique: Any, name: str) -> str:
    identifiers = device.get("identifiers")
    if type(identifiers) is list:
        identifiers = identifiers[0] if identifiers else None
    connections = device.get("connections")
    if not identifiers and type(connections) is list and connections and type(connections[0]) is list and connections[0]:
        identifiers = connections[0][-1]
    identity = identifiers or unique or name
    if type(identity) not in (str, int) or not 0 < len(str(identity)) <= 256:
        raise Malformed(Reason.WRONG_TYPE, f"device.identifiers is {shown(identity)}, expected a text")
    return str(identity)


def _channel(name: str, identity: str) -> str:
    return name.removeprefix(identity).strip("_-")[:128] if len(name) > len(identity) else name[:128]


def _parts(body: dict[str, Any]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """The components of a device, each with what it inherits."""
    components = body.get("components")
    if type(components) is not dict:
        raise Malformed(Reason.MISSING_FIELD, f"components is {shown(components)}, expected an object")
    shared: dict[str, Any] = {key: body[key] for key in ("state_topic", "~") if key in body}
    for count, (name, component) in enumerate(components.items()):
        if type(component) is dict and count < _MOST_PARTS:
            merged = long({**shared, **component})
            if type(merged.get("platform")) is str:
                yield merged["platform"], name, merged


def _presences(body: dict[str, Any], device: str) -> list[Presence]:
    listed = body.get("availability")
    if listed is None and body.get("availability_topic") is not None:
        listed = {"topic": body["availability_topic"], "value_template": body.get("availability_template")}
        listed |= {key: body[key] for key in _HERE if key in body}
    mode = body.get("availability_mode")
    presences = []
    for one in (listed if type(listed) is list else [listed] if listed else [])[:_MOST_PARTS]:
        if type(one) is not dict:
            raise Malformed(Reason.WRONG_SHAPE, f"availability is {shown(one)}, expected an object")
        one = long({**({"~": body["~"]} if "~" in body else {}), **one})
        topic = one.get("topic")
        if type(topic) is str:
            here, away = (word(one.get(key, usual)) for key, usual in _HERE.items())
            path = path_of(one.get("value_template"))
            presences.append(Presence(topic, device, path, here, away, mode if type(mode) is str else "latest"))
    return presences
