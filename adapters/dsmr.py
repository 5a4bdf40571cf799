"""DSMR: the P1 port of Dutch, Belgian, Swedish, Hungarian … smart meters, as text. See ``Dsmr``."""

import re
from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from pydantic import Field, field_validator

from adapters.checksums import arc
from adapters.clocks import local_ms
from adapters.decoding import Moment, TopicTemplate
from adapters.obis import converted, readings
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_LONGEST = 16 * 1024
_LINE = re.compile(
    r"^(\d{1,3}-\d{1,3}):(\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*\d{1,3})?(\([^()\r\n]*\))(\(.*\))?[ \t]*\r?$", re.MULTILINE
)
_SPLIT = re.compile(r"\r?\n\(")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")
_GROUP = re.compile(r"\(([^()]*)\)")
_VALUE = re.compile(r"([+-]?\d{1,16}(?:\.\d{1,9})?)(?:\*([A-Za-z0-9]{1,8}))?")
_CLOCK = re.compile(r"\d{12}[SW]?", re.ASCII)
_CRC = re.compile(r"[0-9A-Fa-f]{4}")
_MEDIA = {"3": ("gas.volume.total", "m3"), "4": ("heat.energy.total", "kW.h"), "6": ("water.volume.total", "m3")}
_MEDIA |= {"7": ("water.volume.total", "m3"), "12": ("heat.energy.total", "kW.h")}
_METER_CODES = ("24.2.1", "24.2.2", "24.2.3")
_REMEMBERED = 10_000


class Dsmr:
    """DSMR P1 telegrams (Netbeheer Nederland, P1 Companion Standard 5.0.2; Fluvius e-MUCS P1; IEC 62056-21 readouts).

    Topic: ``topic``, dsmr/raw unless set, to which DSMR-reader and others publish whole telegrams; with {meter} in it, that
    names the meter whose telegram does not say who it is. The payload is the telegram's text, from "/" to "!" and its CRC:
        /ISk5\\2MT382-1000 ⏎ ⏎ 1-0:1.8.1(000004.426*kWh) ⏎ … ⏎ !6EEE
    CRC-16 (polynomial 0x8005 reflected, initial 0) over "/" to "!" as the meter sent it, with CR LF; lines that a gateway ended
    with LF alone are counted as CR LF. Wrong: bad_frame. Older meters (DSMR 2.2, 3; Easymeter) send none.

    Device: dsmr:<equipment identifier>, 0-0:96.1.1 (else 96.1.0, 42.0.0, 1-0:0.0.0), written out where it is hexadecimal of
    ASCII; without one, or one of zeros, the topic's {meter}, else the meter's own name in the first line.
    Time: 0-0:1.0.0, local, S for summer and W for winter time, by the site's zone; without one the arrival. Telegrams come
    every second (DSMR 5) or ten. No last will.
    Values: the unit stands after the *. By OBIS code (obis.py): registers kWh or Wh, power kW or W, voltage, current, reactive
    energy and power, frequency. Dutch and Belgian meters have two tariffs and no total: channels 1 (low) and 2 (normal).
    Belgian power of the quarter of an hour (1.4.0, 1.6.0), failures, sags, limits and texts are left out.

    Meters on the M-Bus, n = 1 to 4: 0-n:24.1.0 says of what (3 gas, 4 and 12 heat, 6 and 7 water), 0-n:96.1.0 or 96.1.1 which
    one: dsmr:<its identifier>, a device of its own; without one <device>-<n>. 0-n:24.2.1 (24.2.2, and 24.2.3 for volumes not
    corrected for temperature) has the time it was read, up to an hour ago: its reading's own time. The same one comes with
    every telegram until the next; it is the same reading, and the first one is kept. DSMR 2.2 writes 24.3.0 over two lines.

    Sources: P1 Companion Standard 5.0.2, 5.2 (CRC), 6.12 (codes); Fluvius e-MUCS-P1 1.7.1; E.ON Hungary P1 description;
    Sagemcom T210-D (Wh and W, Austria).
    """

    kind = "dsmr"

    class Settings(AdapterSettings):
        topic: str = Field("dsmr/raw", description="where telegrams arrive; {meter} names a meter that does not name itself")

        @field_validator("topic")
        @classmethod
        def _is_a_template(cls, topic: str) -> str:
            if set(TopicTemplate(topic).names) - {"meter"}:
                raise ValueError(f'topic "{topic}" has no placeholder but {{meter}}')
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topic = TopicTemplate(settings.topic)
        self.topics = (self._topic.filter,)
        self.lane = settings.lane
        self._zone = site.zone
        self._told: dict[str, None] = {}

    def decode(self, message: Message) -> Sequence[Decoded]:
        head, body = _telegram(message.payload)
        codes: dict[str, dict[str, list[str]]] = {}  # "1-0" -> "1.8.0" -> what stands in the brackets
        for place, code, first, more in _LINE.findall(body):
            codes.setdefault(place, {}).setdefault(code, [first[1:-1], *_GROUP.findall(more)] if more else [first[1:-1]])
        if not codes:
            raise Malformed(Reason.BAD_FRAME, "no line of the telegram is an OBIS code and its value")
        names = self._topic.match(message.topic) or {}
        device = f"dsmr:{_own_name(codes) or names.get('meter') or head}"
        try:
            return self._meter(device, head, codes, message.received_at)
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered that must survive."""

    def _meter(self, device: str, head: str, codes: dict[str, dict[str, list[str]]], now: int) -> Sequence[Decoded]:
        time, flags = _moment(codes.get("0-0", {}).get("1.0.0", [""])[0], self._zone, now)
        values: dict[str, tuple[float, str]] = {}
        for place in ("1-1", "1-0"):
            for code, groups in codes.get(place, {}).items():
                value = _VALUE.fullmatch(groups[0]) if len(groups) == 1 else None
                if value and (value[2] or code == "13.7.0"):
                    values[code] = (float(value[1]), value[2] or "")
        found: list[Decoded] = [Reading(device, one.quantity, one.value, time, one.channel, 0, flags) for one in readings(values)]
        for place, meter in codes.items():
            if place.startswith("0-") and place != "0-0":
                found += self._behind(f"{device}-{place[2:]}", meter, now)
        if device not in self._told:
            if len(self._told) >= _REMEMBERED:
                del self._told[next(iter(self._told))]
            self._told[device] = None
            found.append(DeviceInfo(device, model=head))
        return found

    def _behind(self, fallback: str, meter: dict[str, list[str]], now: int) -> list[Decoded]:
        """The reading of a meter on the M-Bus."""
        medium = meter.get("24.1.0", [""])[0].lstrip("0")
        quantity, unit = _MEDIA.get(medium, ("", ""))
        groups = next((meter[code] for code in _METER_CODES if code in meter), [])
        old = meter.get("24.3.0", [])
        if not groups and len(old) == 7:  # time, status …, unit, value
            groups = [old[0], f"{old[6]}*{old[5]}"]
        value = _VALUE.fullmatch(groups[1]) if len(groups) == 2 else None
        if not quantity or not value:
            return []
        own = _identifier(meter.get("96.1.0", [""])[0]) or _identifier(meter.get("96.1.1", [""])[0])
        device = f"dsmr:{own}" if own else fallback
        time, flags = _moment(groups[0], self._zone, now)
        canonical = converted(float(value[1]), value[2] or "", unit, "24.2.1")
        return [Reading(device, quantity, canonical, time, "", 0, flags)]


def _moment(text: str, zone: tzinfo, now: int) -> Moment:
    """YYMMDDhhmmss and S or W, which tells the two hours of autumn apart; without it the one nearer to the arrival."""
    if not _CLOCK.fullmatch(text):
        return None, 0 if not text else Quality.CLOCK_SKEW.value
    if text[-1] in "SW":
        return _exact(text, zone)
    return _local(text, zone, now)


@lru_cache(maxsize=4096)  # a meter on the M-Bus says the same for an hour
def _exact(text: str, zone: tzinfo) -> Moment:
    time, flags = _local(text, zone, 0 if text[-1] == "S" else 1 << 45)
    return time, 0 if time is not None else flags


def _local(text: str, zone: tzinfo, now: int) -> Moment:
    year, month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(0, 12, 2))
    return local_ms(2000 + year, month, day, hour, minute, second, zone, now)


def _telegram(payload: bytes) -> tuple[str, str]:
    """The meter's name in the first line, and the other lines. Raises Malformed."""
    if len(payload) > _LONGEST:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; a telegram has at most {_LONGEST}")
    if not payload.strip():
        raise Malformed(Reason.EMPTY, "the payload is empty")
    if payload.startswith(b"\x1f\x8b"):
        raise Malformed(Reason.BAD_ENCODING, "compressed (gzip); send the telegram as it is")
    telegram = payload.decode("latin-1").lstrip()
    body, mark, rest = telegram.partition("!")
    if not telegram.startswith("/") or not mark:
        raise Malformed(Reason.BAD_FRAME, 'a telegram begins with "/" and ends with "!"')
    crc = _CRC.match(rest)
    if crc and not _is_intact(f"{body}!", int(crc[0], 16)):
        raise Malformed(Reason.BAD_FRAME, f"the checksum is {crc[0]}, the telegram's own is another")
    head, _, lines = body.partition("\n")
    lines = _SPLIT.sub("(", lines)  # DSMR 2.2: a value in a line of its own
    return _UNFIT.sub("_", head[1:].strip())[:64], lines


def _is_intact(telegram: str, crc: int) -> bool:
    """By the checksum of the telegram as it is, or with the line ends that a gateway has taken away."""
    return crc == arc(telegram.encode("latin-1")) or crc == arc("\r\n".join(telegram.splitlines()).encode("latin-1"))


def _own_name(codes: dict[str, dict[str, list[str]]]) -> str:
    own = codes.get("0-0", {})
    for code in ("96.1.1", "96.1.0", "42.0.0"):
        name = _identifier(own.get(code, [""])[0])
        if name:
            return name
    return _identifier(codes.get("1-0", {}).get("0.0.0", [""])[0])


def _identifier(text: str) -> str:
    """As it stands on the meter: hexadecimal of ASCII is written out. "" for none, or zeros."""
    if not text.strip("0") or not re.fullmatch("[A-Za-z0-9]{1,96}", text):
        return ""
    if re.fullmatch("(?:[2-7][0-9A-Fa-f])+", text):
        plain = bytes.fromhex(text).decode("ascii")
        if re.fullmatch(r"[A-Za-z0-9 ._/#-]+", plain) and plain.strip():
            return plain.strip().replace(" ", "_").replace("/", "_").replace("#", "_")
    return text
