"""What the LoRaWAN network servers have in common: settings, the choice of a decoder, and readings from an uplink. Not an
adapter itself: ``adapters/lorawan.py`` (ChirpStack) and ``adapters/things_stack.py`` read their own JSON into an ``Uplink``.
"""

import base64
import binascii
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from pydantic import Field, ValidationInfo, field_validator

from adapters.decoding import number, shown, text
from adapters.lora_codecs import Codecs
from adapters.lora_decoders import DECODERS, PROFILES
from adapters.lora_frame import BadFrame, Decoder, Frame, UnknownCode, Value
from hub.model import Quality, Reading, Reason
from hub.ports import AdapterSettings, Malformed, SiteContext
from hub.quantities import UnknownWord

_EUI = re.compile(r"[0-9a-f]{16}")
_CACHED = 20_000
_HEARD_AGAIN_WITHIN = 120_000
_REMEMBERED = 4


class LoraSettings(AdapterSettings):
    codecs: str = Field(
        "",
        description="folder of vendors' JavaScript codecs: <name>.js with <name>.toml beside it; needs the extra [codecs]",
    )
    decoders: dict[str, str] = Field(
        {}, description='decoder or codec by DevEUI, device or profile name (globs), such as { "Smoke*" = "yobiiq-sd1001" }'
    )

    @field_validator("codecs")
    @classmethod
    def _can_be_read(cls, folder: str) -> str:
        if folder:
            Codecs.check(folder)
        return folder

    @field_validator("decoders")
    @classmethod
    def _exist(cls, decoders: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        folder = info.data.get("codecs", "")
        known = {*DECODERS, *(Codecs.names(folder) if folder else ())}
        for name in decoders.values():
            if name not in known:
                raise UnknownWord("decoder", name, known)
        return decoders


class Uplink(NamedTuple):
    """One frame of a device as its network server tells it. ``names``: what people call the device and its profile."""

    device: str
    names: tuple[str, ...]
    tag: str
    port: int
    data: bytes
    counter: int
    time: int | None  # of the network
    quality: int
    received_at: int


class Uplinks:
    """Turns uplinks into readings; remembers for two minutes what it has heard."""

    def __init__(self, settings: LoraSettings, site: SiteContext) -> None:
        self._globs = [(glob.lower(), name) for glob, name in settings.decoders.items()]
        self._codecs = Codecs(settings.codecs, site.vocabulary) if settings.codecs else None
        self._chosen: dict[tuple[str, tuple[str, ...], str], tuple[str, Decoder | None]] = {}
        self._heard: dict[str, deque[tuple[tuple[int, int, bytes], int]]] = {}

    def readings(self, uplink: Uplink, signal: Iterable[Value], decoded: Sequence[Value] = ()) -> tuple[list[Reading], Frame]:
        """The readings of an uplink and of how it was heard, and the frame. ``decoded``: what the network itself made of the
        bytes, in documented words. Raises Malformed."""
        frame = self._frame(uplink)
        time = self._first_heard(uplink)
        quality = uplink.quality | (Quality.DECODE_PARTIAL.value if frame.partial and not decoded else 0)
        found = []
        for quantity, value, channel, measured, odd in (*frame.values, *decoded, *signal):
            flags = quality | odd | (Quality.TEST_MODE.value if frame.testing and quantity == "fire.smoke" else 0)
            found.append(Reading(uplink.device, quantity, value, measured, channel, uplink.counter, flags, time))
        return found, frame

    def knows(self, uplink: Uplink) -> bool:
        """Whether there is a decoder or codec for it."""
        return self._decoder(uplink)[0] != ""

    def joined(self, device: str) -> None:
        """A device that has joined anew counts its frames from 0 again."""
        self._heard.pop(device, None)

    def _first_heard(self, uplink: Uplink) -> int | None:
        """The network's time of the first copy of this frame. A copy that comes later, through another gateway or another
        integration of the same network, has another time; with the first one's it is the same reading, and dropped."""
        if uplink.time is None:
            return None
        mark = (uplink.counter, uplink.port, uplink.data)
        heard = self._heard.get(uplink.device)
        if heard is None:
            if len(self._heard) >= _CACHED:
                del self._heard[next(iter(self._heard))]
            heard = self._heard[uplink.device] = deque(maxlen=_REMEMBERED)
        for known, time in heard:
            if known == mark and abs(uplink.time - time) <= _HEARD_AGAIN_WITHIN:
                return time
        heard.append((mark, uplink.time))
        return uplink.time

    def _frame(self, uplink: Uplink) -> Frame:
        if not uplink.data:
            return Frame()
        name, decoder = self._decoder(uplink)
        if uplink.port == 0:
            return Frame(partial=True)
        try:
            if decoder is not None:
                return decoder(uplink.port, uplink.data)
            if name and self._codecs is not None:
                heard_at = uplink.received_at if uplink.time is None else uplink.time
                return self._codecs.decode(name, uplink.port, uplink.data, heard_at, uplink.received_at)
        except BadFrame as broken:
            raise Malformed(Reason.BAD_FRAME, str(broken)) from None
        except UnknownCode as unknown:
            raise Malformed(Reason.UNKNOWN_VALUE, str(unknown)) from None
        return Frame(partial=True)

    def _decoder(self, uplink: Uplink) -> tuple[str, Decoder | None]:
        """The decoder's name, and the decoder if it is one of ours; no name where nobody knows the bytes."""
        key = (uplink.device, uplink.names, uplink.tag)
        if key not in self._chosen:
            if len(self._chosen) >= _CACHED:
                self._chosen.clear()
            named = self._named(uplink)
            self._chosen[key] = (named, DECODERS.get(named))
        return self._chosen[key]

    def _named(self, uplink: Uplink) -> str:
        names = [name.lower() for name in (uplink.device.removeprefix("lora:"), *uplink.names)]
        known: set[str] = {*DECODERS, *(self._codecs.profiles if self._codecs else ())}
        if told := _fitting(self._globs, names):
            return told
        if uplink.tag in known:
            return uplink.tag
        if self._codecs and (told := _fitting(self._codecs.globs, names)):
            return told
        return _fitting(PROFILES, names)


def _fitting(globs: Sequence[tuple[str, str]], names: Sequence[str]) -> str:
    return next((told for glob, told in globs if any(fnmatchcase(name, glob) for name in names)), "")


def eui(given: Any, what: str) -> str:
    """A DevEUI, 16 hexadecimal digits, in lower case. Raises Malformed."""
    found = text(given, what).lower()
    if not _EUI.fullmatch(found):
        raise Malformed(Reason.UNKNOWN_VALUE, f"{what} is {shown(found)}, expected 16 hexadecimal digits")
    return found


def whole(given: Any, what: str, most: int) -> int:
    """A whole number from 0 to ``most``. Raises Malformed."""
    if type(given) is not int or not 0 <= given <= most:
        raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(given)}, expected a whole number from 0 to {most}")
    return given


def payload(given: Any, what: str) -> bytes:
    """The bytes of a base64 text, its padding present or not; none for an absent or empty one. Raises Malformed."""
    if not given:
        return b""
    encoded = text(given, what, 4096)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(Reason.BAD_FRAME, f"{what} is not base64") from None


def signal(gateways: Any) -> list[Value]:
    """Strength and signal to noise at the gateway that heard it best. A network leaves out what is 0."""
    if type(gateways) is not list:
        return []
    heard = [
        (number(entry.get("rssi", 0), "rssi"), number(entry.get("snr", 0), "snr")) for entry in gateways if type(entry) is dict
    ]
    if not heard:
        return []
    rssi, snr = max(heard)
    return [Value("device.rssi", rssi), Value("device.snr", snr)]


def label(given: Any) -> str | None:
    return given if type(given) is str and given else None


def tag(tags: Any) -> str:
    """The name of the decoder that a device's or profile's tags give, or ''."""
    return str(tags.get("decoder") or "") if isinstance(tags, Mapping) else ""
