"""SOS watches that speak ``[3G*…]`` text frames. See ``Watch``."""

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pydantic import Field, field_validator

from adapters.clocks import local_ms
from adapters.decoding import Moment, TopicTemplate, number_or_text, shown
from hub.model import Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

LONGEST = 16 * 1024

_FRAME = re.compile(r"\[([A-Z0-9]{2})\*(\d{4,20})\*(?:([0-9A-Fa-f]{4})\*)?([0-9A-Fa-f]{4})\*([^\[\]]*)\]")
_DATE = re.compile(r"\d{6}", re.ASCII)
_STATUS = re.compile(r"[0-9A-Fa-f]{1,8}")
_POSITION = ("UD", "AL", "WT")
_FIELDS = 17  # of a position frame, with its word, up to the state
_BATTERY, _STEPS, _STATE = 13, 14, 16
_EVENTS = ((16, "safety.sos"), (21, "safety.fall"), (22, "safety.fall"))
_STATES = (((0, 17), "device.battery.low"), ((20,), "device.tamper"))


class Watch:
    """GPS watches and pendants for children and the elderly that speak the Setracker protocol ([3G*…], [SG*…], [CS*…],
    [ZJ*…]; sold as Wonlex, GW, ZGPAX, Xplora and under many other names).

    Topic: ``topic`` (watch/{source}): where a TCP gateway publishes the frames; one payload holds one or several. The
    gateway answers the watch (LK, AL); the hub does not.
    Frame: [maker * number * (running number *) length * word,fields]. The length is four hexadecimal digits of the bytes
    between the last * and ]. Makers miscount it, so a wrong one is taken, flagged decode_partial; the brackets count.
    Device: watch:<number>; imei:<number> for one of 15 digits.

    Words: LK,steps,rolls,battery (every few minutes) · UD…, AL…, WT… (position, alarm, weather request; also UD2, UD_LTE,
    AL_WCDMA …): date ddmmyy, time hhmmss, A|V, latitude, N|S, longitude, E|W, speed, course, height, satellites, signal %,
    battery %, steps, rolls, state, cells, Wi-Fi · heart,n · pulse,n · bphrt,high,low,pulse · blood,high,low[,pulse] ·
    oxygen,type,n · btemp2,valid,n · temp,n. Other words (TKQ, CONFIG, voice, pictures) say nothing here.
    State, hexadecimal: bits 0 and 17 device.battery.low · 16 SOS: safety.sos · 20 taken off: device.tamper · 21, 22 fall:
    safety.fall. SOS and fall are events: told when set, closed by a person only. Fences (1, 2, 18, 19) are left out.
    Quantities: health.heart_rate, health.spo2, health.temperature °C, health.blood_pressure.*, health.steps.total (of the
    day: falls at midnight, counter_reset), device.battery %.
    No value: 0 means that the sensor found nothing (heart 0, blood pressure 0,0, oxygen 0, btemp2 with valid 0).

    POSITION IS NOT STORED, nor are cells and Wi-Fi names: where a person is, is theirs; the hub watches over health and calls
    for help. Refused frames are kept as dead letters for a vendor to see; there a position may be in it.

    Time: position frames UTC; LK and measurements have none. Date 000000: clock_skew. UD2 repeats what could not be sent.
    Availability: three times the learned interval.
    Refused: no brackets: BAD_FRAME; too few fields: MISSING_FIELD; words for numbers: WRONG_TYPE.

    Sources: traccar WatchProtocolDecoder and its tests (fields, alarm bits); public server implementations of bphrt,
    oxygen and btemp2 (order of fields, zero as no value).
    """

    kind = "watch"

    class Settings(AdapterSettings):
        topic: str = Field("watch/{source}", description="where frames are published; {source} and + as levels")

        @field_validator("topic")
        @classmethod
        def _fits(cls, topic: str) -> str:
            if extra := set(TopicTemplate(topic).names) - {"source"}:
                raise ValueError(f'topic "{topic}": there is no {{{min(extra)}}}; use {{source}} or +')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._template = TopicTemplate(settings.topic)
        self.topics = (self._template.filter,)

    def decode(self, message: Message) -> Sequence[Decoded]:
        if self._template.match(message.topic) is None:
            raise Malformed(Reason.BAD_TOPIC, "not the topic of watch frames")
        found: list[Decoded] = []
        for _maker, number, _running, length, content in _frames(message.payload):
            device = f"imei:{number}" if len(number) == 15 else f"watch:{number}"
            miscounted = Quality.DECODE_PARTIAL.value if int(length, 16) != len(content) else 0
            try:
                found += _content(device, content, miscounted, message.received_at)
            except Malformed as refusal:
                refusal.device = device
                raise
        return found

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""


def _frames(payload: bytes) -> list[tuple[str, ...]]:
    if not payload.strip():
        raise Malformed(Reason.EMPTY, "the payload is empty")
    if len(payload) > LONGEST:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; this format sends at most {LONGEST}")
    text = payload.decode("latin-1").strip()  # voice and Wi-Fi names are in any encoding; what is read here is ASCII
    found = [match.groups() for match in _FRAME.finditer(text)]
    if not found or _FRAME.sub("", text).strip():
        raise Malformed(Reason.BAD_FRAME, f"{shown(text)} is not [maker*number*length*word,…]")
    return found


def _content(device: str, content: str, flags: int, received_at: int) -> list[Decoded]:
    fields = content.split(",")
    word = fields[0]
    if word.startswith(_POSITION):
        return _position(device, word, fields, flags, received_at)
    values = _measured(word.upper(), fields)
    return [Reading(device, quantity, value, quality=flags) for quantity, value in values]


def _position(device: str, word: str, fields: list[str], flags: int, received_at: int) -> list[Decoded]:
    if len(fields) < _FIELDS:
        raise Malformed(Reason.MISSING_FIELD, f"{word} has {len(fields)} fields, expected {_FIELDS} or more")
    if not _STATUS.fullmatch(fields[_STATE]):
        raise Malformed(Reason.WRONG_TYPE, f"the state is {shown(fields[_STATE])}, expected hexadecimal digits")
    time, skew = _moment(fields[1], fields[2], received_at)
    state = int(fields[_STATE], 16)
    values = [("device.battery", _number(fields, _BATTERY, "battery")), ("health.steps.total", _number(fields, _STEPS, "steps"))]
    values += [(quantity, float(any(state >> bit & 1 for bit in bits))) for bits, quantity in _STATES]
    values += [(quantity, 1.0) for quantity in dict.fromkeys(name for bit, name in _EVENTS if state >> bit & 1)]
    return [Reading(device, quantity, value, time, quality=flags | skew) for quantity, value in values]


def _measured(word: str, fields: list[str]) -> list[tuple[str, float]]:
    """What a word without position says; a value of 0 is none."""
    if word == "LK":
        if len(fields) < 4:
            return []
        return [("health.steps.total", _number(fields, 1, "steps")), ("device.battery", _number(fields, 3, "battery"))]
    if word in ("HEART", "PULSE"):
        found = [("health.heart_rate", _number(fields, 1, word))]
    elif word in ("BPHRT", "BLOOD"):
        found = [
            ("health.blood_pressure.systolic", _number(fields, 1, "systolic")),
            ("health.blood_pressure.diastolic", _number(fields, 2, "diastolic")),
        ]
        if len(fields) > 3 and fields[3]:
            found.append(("health.heart_rate", _number(fields, 3, "pulse")))
    elif word == "OXYGEN":
        found = [("health.spo2", _number(fields, 2, word))]
    elif word == "BTEMP2":
        found = [("health.temperature", _number(fields, 2, word))] if _number(fields, 1, "valid") else []
    elif word == "TEMP":
        found = [("health.temperature", _number(fields, 1, word))]
    else:
        return []
    return [(quantity, value) for quantity, value in found if value]


def _number(fields: list[str], index: int, what: str) -> float:
    if index >= len(fields):
        raise Malformed(Reason.MISSING_FIELD, f"{what} is missing, field {index} of {fields[0]}")
    return number_or_text(fields[index], what)


def _moment(date: str, time: str, received_at: int) -> Moment:
    if not _DATE.fullmatch(date) or not _DATE.fullmatch(time):
        raise Malformed(Reason.WRONG_TYPE, f"date and time are {shown(date)}, {shown(time)}, expected ddmmyy and hhmmss")
    day, month, year = int(date[:2]), int(date[2:4]), 2000 + int(date[4:])
    ms, flags = local_ms(year, month, day, int(time[:2]), int(time[2:4]), int(time[4:]), UTC, received_at)
    return ms, flags & ~Quality.TZ_ASSUMED.value
