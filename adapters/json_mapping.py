"""JSON of any shape, described in gengfu.toml instead of in code. See ``JsonMapping``."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from pydantic import Field, field_validator, model_validator

from adapters.decoding import (
    Moment,
    TimeUnit,
    TopicTemplate,
    epoch_ms,
    iso_ms,
    number_or_text,
    parse,
    parse_object,
    shown,
)
from adapters.fields import PLAIN, PreparedField, ReadingField
from adapters.paths import compile_path
from hub.model import Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, Settings, SiteContext
from hub.quantities import UnknownWord, nearest_word

_KNOWN_TOPICS = 100_000
_PARTIAL = Quality.DECODE_PARTIAL.value
_NOTHING: dict[str, Any] = {}
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:")

_Field = tuple[str | None, float | None, float, str, str, PreparedField]  # key, factor, offset, quantity, channel


class TimeField(Settings):
    path: str = Field(description="JMESPath of the time; looked for in each element first, then in the message")
    unit: TimeUnit = Field("s", description="s, ms, us or ns since 1970 UTC, or iso for ISO 8601 text")


class JsonMapping:
    """Readings from any JSON, by a mapping in gengfu.toml.

        [[adapter]]
        kind = "json"
        topic = "tele/fire/{device}"
        device = "bench:{device}"
        time = { path = "ts", unit = "s" }
        readings = [
          { quantity = "air.temperature", path = "room.temp", unit = "°F" },
          { quantity = "door.open", path = "contact", values = { "open" = 1, "closed" = 0 } },
        ]

    A path is JMESPath (https://jmespath.org); ``a`` and ``a.b`` are looked up directly. ``each`` names an array whose
    elements are read one by one (``each = "@"`` where the message itself is the array), ``fields`` takes further
    placeholders for ``device`` and ``channel`` from the payload.

    - A number is a number: "21.5" is refused unless ``text_numbers``, true is refused but for a state or event, where
      true and false are 1 and 0. With ``values`` a word not listed is refused: unknown_value.
    - null is the same as absent. A field that is absent is passed over and the others are flagged decode_partial; a
      message with none of them is refused (missing_field), and so is one without a ``required`` one. An empty array for
      ``each`` holds no measurement and is no error.
    - With ``id`` the payload's id must be the topic's ``{device}``, else id_mismatch.
    - Time left out, or absent: the time of arrival. Without a zone it is the site's. Of duplicate keys the last wins.
    """

    kind = "json"

    class Settings(AdapterSettings):
        topic: str = Field(description="topic with {placeholders}, each for one level or a part of it: tele/fire/{device}")
        device: str = Field(description="the device's id: scheme:stable-id, with placeholders", pattern=r"^[a-z][a-z0-9_-]*:.+$")
        readings: tuple[ReadingField, ...] = Field(description="what is measured, and where it stands", min_length=1)
        time: TimeField | None = Field(None, description="where the device's time stands; left out: time of arrival")
        each: str | None = Field(None, description="JMESPath of an array: every element is read as a message of its own")
        fields: dict[str, str] = Field({}, description="further placeholders, taken from the payload: name = JMESPath")
        seq: str | None = Field(None, description="JMESPath of the message's sequence number, an integer")
        id: str | None = Field(None, description="JMESPath of the device's id in the payload; must equal the topic's {device}")
        text_numbers: bool = Field(False, description='the format puts numbers in quotes: "21.5"')

        @field_validator("topic")
        @classmethod
        def _is_a_template(cls, topic: str) -> str:
            TopicTemplate(topic)
            return topic

        @model_validator(mode="after")
        def _names_and_paths_are_known(self) -> "JsonMapping.Settings":
            known = {*TopicTemplate(self.topic).names, *self.fields}
            for template in (self.device, *(reading.channel for reading in self.readings)):
                for name in _PLACEHOLDER.findall(template):
                    if name not in known:
                        raise UnknownWord("placeholder", name, known)
            if self.id is not None and "device" not in TopicTemplate(self.topic).names:
                raise ValueError("id is compared with the topic's {device}, which the topic does not have")
            paths = [self.each, self.seq, self.id, self.time.path if self.time else None, *self.fields.values()]
            for path in (*paths, *(reading.path for reading in self.readings)):
                if path is not None:
                    compile_path(path)
            return self

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        """Raises UnknownWord for a quantity or unit nobody knows, ValueError for a unit that does not fit."""
        self._settings = settings
        self._zone = site.zone
        self._template = TopicTemplate(settings.topic)
        self.topics = (self._template.filter,)
        self.lane = settings.lane
        self._fields = [
            PreparedField(field, site.vocabulary[field.quantity], settings.text_numbers) for field in settings.readings
        ]
        self._time = compile_path(settings.time.path) if settings.time else None
        self._each = compile_path(settings.each) if settings.each else None
        self._seq = compile_path(settings.seq) if settings.seq else None
        self._id = compile_path(settings.id) if settings.id else None
        self._names = {name: compile_path(path) for name, path in settings.fields.items()}
        whole = settings.each[0] in "@[" if settings.each else any(field.path == "@" for field in settings.readings)
        self._parse = parse if whole else parse_object
        named = any("{" in field.channel for field in self._fields)
        self._constant = None if named else _fields(self._fields, {})  # the same for every topic
        self._plans: dict[str, _Plan] = {}

    def decode(self, message: Message) -> Sequence[Decoded]:
        plan = self._plans.get(message.topic) or self._new_plan(message.topic)
        try:
            body = self._parse(message.payload)
            if self._id is not None:
                self._check_id(body, plan.names["device"])
            if self._each is None:
                found: list[Reading] = []
                self._read(body, body, plan, found)
            else:
                found = self._read_each(body, plan)
                if not found:
                    return found
        except Malformed as refusal:
            refusal.device = plan.device
            raise
        if not found:
            wanted = [field.path for field in self._settings.readings]
            close = [(key, nearest_word(key, wanted)) for key in (body if type(body) is dict else ())]
            meant = next((f"; it has {shown(key)}, is that {word}?" for key, word in close if word), "")
            raise Malformed(Reason.MISSING_FIELD, f"none of the fields is there: {', '.join(wanted)}{meant}", plan.device)
        return found

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _new_plan(self, topic: str) -> "_Plan":
        names = self._template.match(topic)
        if names is None:
            raise Malformed(Reason.BAD_TOPIC, f"the topic does not fit {self._settings.topic}")
        plan = self._plan(names)
        if len(self._plans) >= _KNOWN_TOPICS:
            del self._plans[next(iter(self._plans))]
        self._plans[topic] = plan
        return plan

    def _plan(self, names: dict[str, str]) -> "_Plan":
        return _Plan(_fill(self._settings.device, names), names, self._constant or _fields(self._fields, names))

    def _read_each(self, body: Any, plan: "_Plan") -> list[Reading]:
        """The elements' readings; empty only where there is no element."""
        elements = self._each(body) if self._each else None
        if elements is None:
            raise Malformed(Reason.MISSING_FIELD, f"{self._settings.each} is not there")
        if type(elements) is not list:
            raise Malformed(Reason.WRONG_SHAPE, f"{self._settings.each} is {shown(elements)}, expected an array")
        found: list[Reading] = []
        for element in elements:
            self._read(element, body, plan, found)
        if elements and not found:
            raise Malformed(Reason.MISSING_FIELD, f"no element of {self._settings.each} has any of the fields")
        return found

    def _read(self, element: Any, body: Any, plan: "_Plan", found: list[Reading]) -> None:
        """Appends the element's readings. This is the hub's hot path."""
        if self._names:
            plan = self._plan(plan.names | self._named(element, body))
        time, quality = self._moment(element, body) if self._time is not None else (None, 0)
        seq = self._sequence(element, body) if self._seq is not None else 0
        device, partial, first = plan.device, False, len(found)
        keyed = element if type(element) is dict else _NOTHING
        for key, factor, offset, quantity, channel, field in plan.fields:
            value: Any = field.lookup(element) if key is None else keyed.get(key)
            kind = type(value)
            # Nearly every field of nearly every message is a plain number: no call for those.
            if (kind is float or kind is int) and factor is not None and -PLAIN < value < PLAIN:
                found.append(Reading(device, quantity, value * factor + offset, time, channel, seq, quality))
            elif value is not None:
                found.append(Reading(device, quantity, field.convert(value), time, channel, seq, quality))
            elif field.required:
                raise Malformed(Reason.MISSING_FIELD, f"{field.path} is not there")
            else:
                partial = True
        if partial:
            for at in range(first, len(found)):
                found[at] = replace(found[at], quality=quality | _PARTIAL)

    def _moment(self, element: Any, body: Any) -> Moment:
        assert self._time is not None and self._settings.time is not None
        value = self._time(element)
        if value is None and element is not body:
            value = self._time(body)
        path, unit = self._settings.time.path, self._settings.time.unit
        if unit == "iso":
            return iso_ms(value, self._zone, path)
        if type(value) is str and _ISO.match(value):
            raise Malformed(
                Reason.WRONG_TYPE, f'{path} is {shown(value)}, expected a number; for ISO 8601 set unit = "iso" beside it'
            )
        if self._settings.text_numbers and type(value) is str:
            value = number_or_text(value, path)
        return epoch_ms(value, unit, path)

    def _sequence(self, element: Any, body: Any) -> int:
        assert self._seq is not None
        value = self._seq(element)
        if value is None and element is not body:
            value = self._seq(body)
        if value is None:
            return 0
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise Malformed(Reason.WRONG_TYPE, f"{self._settings.seq} is {shown(value)}, expected a whole number")
        return value

    def _check_id(self, body: Any, expected: str) -> None:
        assert self._id is not None
        value = self._id(body)
        if value is None:
            raise Malformed(Reason.MISSING_FIELD, f"{self._settings.id} is not there")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Malformed(Reason.WRONG_TYPE, f"{self._settings.id} is {shown(value)}, expected an id")
        if str(value) != expected:
            raise Malformed(Reason.ID_MISMATCH, f'{self._settings.id} is {shown(value)}, the topic says "{expected}"')

    def _named(self, element: Any, body: Any) -> dict[str, str]:
        names = {}
        for name, lookup in self._names.items():
            value = lookup(element)
            if value is None and element is not body:
                value = lookup(body)
            if value is None:
                raise Malformed(Reason.MISSING_FIELD, f"{self._settings.fields[name]} is not there")
            if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= 256:
                raise Malformed(Reason.WRONG_TYPE, f"{self._settings.fields[name]} is {shown(value)}, expected a name")
            names[name] = str(value)
        return names


class _Plan:
    """What a topic's messages become: the device, and each field with its quantity and channel."""

    __slots__ = ("device", "fields", "names")

    def __init__(self, device: str, names: dict[str, str], fields: list[_Field]) -> None:
        self.device = device
        self.names = names
        self.fields = fields


def _fields(fields: list[PreparedField], names: dict[str, str]) -> list[_Field]:
    return [(field.key, field.factor, field.offset, field.quantity, _fill(field.channel, names), field) for field in fields]


_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _fill(template: str, names: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda placeholder: names.get(placeholder[1], ""), template) if "{" in template else template
