"""Meokon wireless pressure sensors for fire water. See ``Meokon``."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from adapters.binary import frame_bytes
from adapters.decoding import TopicTemplate, epoch_ms
from hub.model import Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

HEAD, LIMITS = 25, 4
SHORTEST = HEAD + 4
LONGEST = 3 * (HEAD + LIMITS + 2 + 4 + 2 * 600 + 4)  # of hexadecimal text with blanks

_COUNTS_PER_KPA = {0: 10, 1: 1, 2: 1}  # 0.1 kPa, 0.001 MPa, 0.01 bar
_HYDRANT, _HYDRANT_PRESSURE = 24, 34
_ALARMS = (
    (0, "fire.supervised", "low"),
    (1, "fire.supervised", "high"),
    (2, "device.battery.low", ""),
    (3, "fire.fault", "sensor"),
    (4, "fire.fault", "hardware"),
)
_MORE_SENSORS = ((5, "fire.supervised", "low-2"), (6, "fire.supervised", "high-2"), (7, "fire.supervised", "3"))
_MORE = {
    _HYDRANT: ((5, "device.tamper", "impact"), (6, "device.tamper", "tilt"), (7, "fire.supervised", "flow")),
    _HYDRANT_PRESSURE: ((7, "fire.supervised", "flow"),),
}
_NAME = re.compile(rb"[0-9A-Za-z_-]{12}")


class Meokon:
    """Meokon (上海铭控) wireless terminals, protocol V3.0: fire water pressure over NB-IoT and 4G.

    Topic: GIOT-GW/UL/<number> (``topic``). The payload is hexadecimal text over MQTT, binary from other carriers: both are
    taken. An answer is not needed over MQTT. Device: meokon:<number>, twelve letters and digits on its display, the same
    in topic and frame (else ID_MISMATCH).
    Frame, numbers high byte first: A5 5A · command 1 (00: measured) · length of all 2 · number 12 · supply 1 · signal 1
    (signed, dBm) · interval 2 (s) · records n 2 · type 1 · alarms 1 · low and high limit 2+2 · value now 2 · time 4 ·
    n records of 2 · CRC-16/MODBUS of all before it 2 (high byte first here too) · 55 AA.
    Supply: bits 0-4 battery in steps of 5 % (20 is 100 %), bits 5-6 = 2: no battery.
    Types: 0 pressure 0.1 kPa, 1 pressure 0.001 MPa, 2 pressure 0.01 bar: fire.water.pressure in kPa, signed. Of all others
    only supply, signal and alarms are read (decode_partial): their layout is not public.
    Alarms, the sensor's own limits: bit 0 low, 1 high: fire.supervised (channels low, high) · 2 device.battery.low · 3 sensor,
    4 hardware: fire.fault · 5, 6, 7 a second and third sensor: fire.supervised (low-2, high-2, 3). Hydrants, types 24 and
    34: bit 7 water is drawn (flow); 24 also 5 struck, 6 tilted: device.tamper. The limits themselves are left out.
    Time: seconds UTC from the network, of the last record; the one before is one interval older, and so on. An interval of
    0 says nothing of the others, which are left out. The value now, alarms, battery and signal are of the arrival
    (missing_time): the frame does not date them. Unconfirmed records come again; the first one counts.
    Availability: none; three times the learned interval. Sensors wake once in hours.
    Refused: start, end, length, CRC: BAD_FRAME; a command other than 00: UNKNOWN_VALUE.

    Sources: "智能无线终端通讯协议 V3.0", tables 1-4 and both examples (ActorLancer/GB-T-26875.3.2011-rs, dev-documentation).
    """

    kind = "meokon"

    class Settings(AdapterSettings):
        lane: Literal["fire", "rest"] = Field("fire", description="which session carries its topics")
        topic: str = Field("GIOT-GW/UL/{device}", description="where frames are published; {device} is the sensor's number")

        @field_validator("topic")
        @classmethod
        def _fits(cls, topic: str) -> str:
            if extra := set(TopicTemplate(topic).names) - {"device"}:
                raise ValueError(f'topic "{topic}": there is no {{{min(extra)}}}; use {{device}} or +')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._template = TopicTemplate(settings.topic)
        self.topics = (self._template.filter,)

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = self._template.match(message.topic)
        if names is None:
            raise Malformed(Reason.BAD_TOPIC, "not the topic of Meokon frames")
        frame = _frame(message.payload)
        number = frame[5:17].decode("ascii")
        if names.get("device", number) != number:
            raise Malformed(Reason.ID_MISMATCH, f"the topic says {names['device']}, the frame {number}", f"meokon:{number}")
        try:
            return _read(frame, f"meokon:{number}")
        except Malformed as refusal:
            refusal.device = f"meokon:{number}"
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""


def _frame(payload: bytes) -> bytes:
    """The whole frame, checked from start to end."""
    payload = frame_bytes(payload, LONGEST)
    if payload[:2] != b"\xa5\x5a":
        raise Malformed(Reason.BAD_FRAME, f"begins with {payload[:2].hex(' ')}, expected a5 5a")
    if len(payload) < SHORTEST or len(payload) != int.from_bytes(payload[3:5], "big"):
        said = int.from_bytes(payload[3:5], "big")
        raise Malformed(Reason.BAD_FRAME, f"{len(payload)} bytes; its length says {said}, and {SHORTEST} is the least")
    if payload[-2:] != b"\x55\xaa":
        raise Malformed(Reason.BAD_FRAME, f"ends with {payload[-2:].hex(' ')}, expected 55 aa")
    if int.from_bytes(payload[-4:-2], "big") != (expected := _crc(payload[:-4])):
        given = payload[-4:-2].hex(" ")
        raise Malformed(Reason.BAD_FRAME, f"CRC {given}, expected {expected.to_bytes(2, 'big').hex(' ')}")
    if payload[2] != 0:
        raise Malformed(Reason.UNKNOWN_VALUE, f"command {payload[2]}, expected 0")
    if not _NAME.fullmatch(payload[5:17]):
        raise Malformed(Reason.BAD_FRAME, f"the device's number is {payload[5:17]!r}, expected letters and digits")
    return payload


def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        found.append(value)
    return tuple(found)


_CRC = _table()


def _crc(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 8005 reflected, begun with FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def _read(frame: bytes, device: str) -> Sequence[Decoded]:
    kind, alarms = frame[23], frame[24]
    known = kind in _COUNTS_PER_KPA
    flags = 0 if known else Quality.DECODE_PARTIAL.value
    found: list[Decoded] = []
    if known:
        found += _pressures(frame, device, _COUNTS_PER_KPA[kind])
    if frame[17] >> 5 & 3 != 2:
        found.append(Reading(device, "device.battery", float((frame[17] & 31) * 5), quality=flags))
    signal = int.from_bytes(frame[18:19], "big", signed=True)
    found.append(Reading(device, "device.rssi", float(signal), quality=flags))
    for bit, quantity, channel in (*_ALARMS, *_MORE.get(kind, () if known else _MORE_SENSORS)):
        found.append(Reading(device, quantity, float(alarms >> bit & 1), None, channel, quality=flags))
    return found


def _pressures(frame: bytes, device: str, per_kpa: int) -> list[Reading]:
    """The records with their times, then the value now."""
    interval, count = int.from_bytes(frame[19:21], "big"), int.from_bytes(frame[21:23], "big")
    start = HEAD + LIMITS + 6
    if len(frame) != start + 2 * count + 4:
        raise Malformed(Reason.BAD_FRAME, f"{len(frame)} bytes for {count} records, expected {start + 2 * count + 4}")
    last, flags = epoch_ms(int.from_bytes(frame[start - 4 : start], "big") or None)
    found = []
    for index in range(count if interval else min(count, 1)):
        age = count - 1 - index if interval else 0
        at = start + 2 * (count - 1 - age)
        time = None if last is None else last - age * interval * 1000
        if time is not None and time >= 0:
            found.append(_pressure(frame, at, device, per_kpa, time, flags))
    return [*found, _pressure(frame, start - 6, device, per_kpa, None, 0)]


def _pressure(frame: bytes, at: int, device: str, per_kpa: int, time: int | None, flags: int) -> Reading:
    count = int.from_bytes(frame[at : at + 2], "big", signed=True)
    return Reading(device, "fire.water.pressure", count / per_kpa, time, quality=flags)
