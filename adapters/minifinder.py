"""SOS pendants of Eview (MiniFinder, EV04, EV07B) in binary frames. See ``Minifinder``."""

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.binary import frame_bytes
from adapters.decoding import TopicTemplate, epoch_ms
from hub.model import Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

HEAD = 8
LONGEST = 3 * 4096  # of hexadecimal text with blanks
DATA = 1

_IMEI = re.compile(rb"\d{15}")
# Shortest form of the keys that are read.
_NUMBER, _ALARM, _BATTERY, _GENERAL, _STEPS, _HEART = 0x01, 0x02, 0x14, 0x24, 0x30, 0x40
_SIZES = {_NUMBER: 15, _ALARM: 4, _BATTERY: 1, _GENERAL: 8, _STEPS: 8, _HEART: 5}
_EVENTS = ((2, "safety.fall"), (12, "safety.sos"))


class Minifinder:
    """Eview's protocol of SOS pendants with fall detection: MiniFinder 2, EV04, EV05, EV07B and what is sold under other names.

    Topic: ``topic`` (minifinder/{source}): where a TCP gateway publishes the frames, binary or as hexadecimal text. The
    gateway answers the pendant; the hub does not.
    Frame, numbers low byte first: AB · properties 1 · length of the content 2 · CRC-16/XMODEM of the content 2 · index 2 ·
    content: type 1 (1 data; 2 configuration, 3 services, 7F answers say nothing here), then keys: length 1 (key and
    value) · key 1 · value.
    Device: imei:<number>, key 01, 15 digits. A frame without it is taken, and nothing is read from it.
    Keys read: 02 alarm, bits and their time: bit 0 device.battery.low, 2 fall: safety.fall, 12 SOS: safety.sos · 14 battery
    % and mV · 24 time and state, whose highest byte is the battery % · 30 time and steps of the day: health.steps.total ·
    40 time and heart rate (0 and 1: the sensor found nothing). Several records may stand in one frame, each begun by its 24.
    SOS and fall are events: told when set, closed by a person only.

    POSITION IS NOT STORED: keys 20-23, 28, 2A, 2C (GPS, cells, Wi-Fi, beacons) are passed over. A refused frame is kept as a
    dead letter for a vendor to see; there a position may be in it.

    Time: seconds UTC; of a key's own, else of the 24 before it. 0: none. Records may be hours old (late).
    Availability: three times the learned interval.
    Refused: start, length, CRC, a key that runs over the end or is too short: BAD_FRAME.

    Sources: traccar Minifinder2ProtocolDecoder and its tests; times and steps there are low byte first, as their values show.
    """

    kind = "minifinder"

    class Settings(AdapterSettings):
        topic: str = Field("minifinder/{source}", description="where frames are published; {source} and + as levels")

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
            raise Malformed(Reason.BAD_TOPIC, "not the topic of pendant frames")
        content = _content(message.payload)
        if content[0] != DATA:
            return ()
        keys = list(_keys(content))
        number = next((value[:15] for key, value in keys if key == _NUMBER), b"")
        if not number:
            return ()
        if not _IMEI.fullmatch(number):
            raise Malformed(Reason.BAD_FRAME, f"the device's number is {number!r}, expected 15 digits")
        return list(_read(f"imei:{number.decode()}", keys))

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""


def _content(payload: bytes) -> bytes:
    payload = frame_bytes(payload, LONGEST)
    if payload[:1] != b"\xab":
        raise Malformed(Reason.BAD_FRAME, f"begins with {payload[:1].hex()}, expected ab")
    length = int.from_bytes(payload[2:4], "little")
    if len(payload) != HEAD + length or not length:
        raise Malformed(Reason.BAD_FRAME, f"{len(payload)} bytes; its length says {HEAD + length}")
    crc, expected = int.from_bytes(payload[4:6], "little"), binascii.crc_hqx(payload[HEAD:], 0)
    if crc != expected:
        raise Malformed(Reason.BAD_FRAME, f"CRC {crc:04x}, expected {expected:04x}")
    return payload[HEAD:]


def _keys(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 1
    while at < len(content):
        end = at + 1 + content[at]
        if end > len(content) or end < at + 2:
            raise Malformed(Reason.BAD_FRAME, f"a key of {content[at]} bytes at byte {HEAD + at} runs over the end or is empty")
        key, value = content[at + 1], content[at + 2 : end]
        if len(value) < _SIZES.get(key, 0):
            raise Malformed(Reason.BAD_FRAME, f"key {key:02x} has {len(value)} bytes, expected {_SIZES[key]}")
        yield key, value
        at = end


def _u32(value: bytes, at: int = 0) -> int:
    return int.from_bytes(value[at : at + 4], "little")


def _read(device: str, keys: list[tuple[int, bytes]]) -> Iterator[Reading]:
    record: int | None = None
    for key, value in keys:
        own, flags = epoch_ms(_u32(value) or None) if key in (_GENERAL, _STEPS, _HEART) else (record, 0)
        if key == _GENERAL:
            record = own
            yield Reading(device, "device.battery", float(value[7]), own, quality=flags)
        elif key == _BATTERY:
            yield Reading(device, "device.battery", float(value[0]), own)
            if len(value) >= 3:
                yield Reading(device, "device.battery.voltage", int.from_bytes(value[1:3], "little") / 1000, own)
        elif key == _STEPS:
            yield Reading(device, "health.steps.total", float(_u32(value, 4)), own, quality=flags)
        elif key == _HEART and value[4] > 1:
            yield Reading(device, "health.heart_rate", float(value[4]), own, quality=flags)
        elif key == _ALARM:
            at, flags = epoch_ms(_u32(value, 4) or None) if len(value) >= 8 else (own, 0)
            alarm = _u32(value)
            yield Reading(device, "device.battery.low", float(alarm & 1), at, quality=flags)
            for bit, quantity in _EVENTS:
                if alarm >> bit & 1:
                    yield Reading(device, quantity, 1.0, at, quality=flags)
