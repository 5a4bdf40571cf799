"""LoRaWAN devices through ChirpStack v4."""

import base64
import binascii
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from pydantic import Field, field_validator

from adapters import lora_bosch_tps110, lora_yobiiq_sd1001
from adapters.decoding import TopicTemplate, an_object, iso_ms, number, parse_object, shown, text
from adapters.lora_frame import BadFrame, Decoder, Frame, UnknownCode
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext
from hub.quantities import UnknownWord

DECODERS: dict[str, Decoder] = {
    "bosch-tps110": lora_bosch_tps110.decode,
    "yobiiq-sd1001": lora_yobiiq_sd1001.decode,
}

# How people name the device profile; tried after what the site says.
_PROFILES = (
    ("*tps110*", "bosch-tps110"),
    ("*bosch*parking*", "bosch-tps110"),
    ("*sd1001*", "yobiiq-sd1001"),
    ("*sd-1001*", "yobiiq-sd1001"),
)
_EVENTS = frozenset({"up", "status", "join"})
_NO_EVENTS = frozenset({"ack", "txack", "log", "location", "integration"})
_EUI = re.compile(r"[0-9a-f]{16}")
_DEEPEST = 12
_CACHED = 20_000


class ChirpStack:
    """LoRaWAN sensors of any maker, as the network server ChirpStack v4 publishes their uplinks (JSON marshaler).

    Topics: ``application/<application>/device/<DevEUI>/event/<event>``; set ``topic`` where ChirpStack's ``event_topic`` differs.

        up       an uplink: ``fPort``, ``data`` (base64), ``fCnt``, ``rxInfo`` (a list, one entry a gateway), ``deviceInfo``
        status   ``batteryLevel`` in %, ``batteryLevelUnavailable``, ``externalPowerSource``; ``margin`` is the downlink's
        join     the device has joined: known and online
        ack, txack, log, location, integration    about downlinks and the network: no measurement

    Devices are ``lora:<DevEUI in lower case>``; the topic's and the payload's must agree. ``deviceName`` is a label, the device
    profile the model. Fields that are zero may be missing (proto3 JSON): ``fCnt``, ``fPort``, ``rssi``, ``snr`` are then 0. A
    status without ``batteryLevel`` says nothing: LoRaWAN knows no battery of 0 % (DevStatusAns: 1 to 254).

    Time: ``time``, RFC 3339 with a zone, is when the network server or gateway received the frame: the network's time.
    The devices themselves send none. ``fCnt`` is the sequence number; a rejoin starts it again at 0.
    Signal: ``device.rssi`` (dBm) and ``device.snr`` (dB) of the gateway that heard it best.

    What the bytes mean is the vendor's own: a decoder, chosen by
    1. ``decoders`` in gengfu.toml: glob over DevEUI or device profile name, without regard to case, the first that fits,
    2. the tag ``decoder`` of device or device profile in ChirpStack,
    3. a device profile name that speaks for itself: "Bosch TPS110", "SD1001" and the like.
    There are: bosch-tps110 (parking), yobiiq-sd1001 (smoke). An uplink without a decoder, or on a port its document does
    not describe, gives its signal only, flagged ``decode_partial``. ``object``, what a codec inside ChirpStack made of the
    bytes, is not read: its names and units are that codec's own. For it, give the device's topic to kind "json", with
    paths like object.temperature.

    Pitfalls: data that is not base64 or does not fit its decoder is ``bad_frame``; a state the document does not have is
    ``unknown_value``. Protobuf (``json = false``) is ``bad_json``. ChirpStack v3 topics and fields differ and are refused.

    Sources: chirpstack.io, "Integrations, event types" (v4) and "MQTT"; the decoders' headers.
    """

    kind: ClassVar[str] = "chirpstack"

    class Settings(AdapterSettings):
        topic: str = Field(
            "application/+/device/{eui}/event/{event}", description="ChirpStack's event_topic, with {eui} and {event} in it"
        )
        decoders: dict[str, str] = Field(
            {}, description='decoder by DevEUI or device profile name (globs), such as { "Smoke*" = "yobiiq-sd1001" }'
        )

        @field_validator("topic")
        @classmethod
        def _has_both(cls, topic: str) -> str:
            if set(TopicTemplate(topic).names) != {"eui", "event"}:
                raise ValueError(f'topic "{topic}" needs {{eui}} and {{event}}, and no other placeholder')
            return topic

        @field_validator("decoders")
        @classmethod
        def _exist(cls, decoders: dict[str, str]) -> dict[str, str]:
            for name in decoders.values():
                if name not in DECODERS:
                    raise UnknownWord("decoder", name, DECODERS)
            return decoders

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topic = TopicTemplate(settings.topic)
        self.topics: tuple[str, ...] = (self._topic.filter,)
        self.lane: Lane = settings.lane
        self._site = site
        self._globs = [(glob.lower(), name) for glob, name in settings.decoders.items()]
        self._chosen: dict[tuple[str, str, str], Decoder | None] = {}

    def decode(self, message: Message) -> Sequence[Decoded]:
        told = self._topic.match(message.topic)
        if told is None or told["event"] in _NO_EVENTS:
            return ()
        event = told["event"]
        if event not in _EVENTS:
            raise Malformed(Reason.BAD_TOPIC, f'event "{event}" is none of ChirpStack v4')
        body = parse_object(message.payload, max_depth=_DEEPEST)
        about = an_object(body.get("deviceInfo"), "deviceInfo") if "deviceInfo" in body else None
        if about is None:
            raise Malformed(Reason.MISSING_FIELD, "no deviceInfo; is this ChirpStack v4?")
        eui = text(about.get("devEui"), "deviceInfo.devEui").lower()
        if not _EUI.fullmatch(eui):
            raise Malformed(Reason.UNKNOWN_VALUE, f"deviceInfo.devEui is {shown(eui)}, expected 16 hexadecimal digits")
        id = f"lora:{eui}"
        if told["eui"].lower() != eui:
            raise Malformed(Reason.ID_MISMATCH, f"topic says {told['eui']}, the payload {eui}", f"lora:{told['eui'].lower()}")
        try:
            return self._event(event, id, body, about)
        except Malformed as refusal:
            raise Malformed(refusal.reason, refusal.detail, id) from None

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass

    def _event(self, event: str, id: str, body: dict[str, Any], about: dict[str, Any]) -> list[Decoded]:
        time, odd = iso_ms(body.get("time"), self._site.zone)
        frame, quality = Frame(), odd
        found: list[Decoded] = []
        if event == "up":
            counter = body.get("fCnt", 0)
            if type(counter) is not int or not 0 <= counter < 1 << 32:
                raise Malformed(Reason.WRONG_TYPE, f"fCnt is {shown(counter)}, expected a whole number")
            frame = self._frame(id, body, about)
            if frame.partial:
                quality |= Quality.DECODE_PARTIAL.value
            for quantity, value, channel in (*frame.values, *_signal(body.get("rxInfo"))):
                flags = quality | (Quality.TEST_MODE.value if frame.testing and quantity == "fire.smoke" else 0)
                found.append(Reading(id, quantity, value, None, channel, counter, flags, time))
        unknown = body.get("batteryLevelUnavailable") or body.get("externalPowerSource") or "batteryLevel" not in body
        if event == "status" and not unknown:
            level = number(body["batteryLevel"], "batteryLevel")
            found.append(Reading(id, "device.battery", level, None, "", 0, quality, time))
        found.append(
            DeviceInfo(
                id,
                name=_label(about.get("deviceName")),
                model=_label(about.get("deviceProfileName")),
                firmware=frame.firmware,
                online=True if event == "join" else None,
            )
        )
        return found

    def _frame(self, id: str, body: dict[str, Any], about: dict[str, Any]) -> Frame:
        given = body.get("data")
        port = body.get("fPort", 0)
        if type(port) is not int or not 0 <= port <= 255:
            raise Malformed(Reason.WRONG_TYPE, f"fPort is {shown(port)}, expected 0 to 255")
        if not given:
            return Frame()
        try:
            data = base64.b64decode(text(given, "data", 4096), validate=True)
        except (binascii.Error, ValueError):
            raise Malformed(Reason.BAD_FRAME, "data is not base64") from None
        decoder = self._decoder(id.removeprefix("lora:"), about)
        if decoder is None or port == 0:
            return Frame(partial=True)
        try:
            return decoder(port, data)
        except BadFrame as broken:
            raise Malformed(Reason.BAD_FRAME, str(broken)) from None
        except UnknownCode as unknown:
            raise Malformed(Reason.UNKNOWN_VALUE, str(unknown)) from None

    def _decoder(self, eui: str, about: dict[str, Any]) -> Decoder | None:
        tags = about.get("tags")
        tag = str(tags.get("decoder") or "") if type(tags) is dict else ""
        profile = (_label(about.get("deviceProfileName")) or "").lower()
        key = (eui, profile, tag)
        if key not in self._chosen:
            if len(self._chosen) >= _CACHED:
                self._chosen.clear()
            named = next((name for glob, name in self._globs if fnmatchcase(eui, glob) or fnmatchcase(profile, glob)), "")
            named = named or tag or next((name for glob, name in _PROFILES if fnmatchcase(profile, glob)), "")
            self._chosen[key] = DECODERS.get(named)
        return self._chosen[key]


def _signal(gateways: Any) -> list[tuple[str, float, str]]:
    """Strength and signal to noise at the gateway that heard it best."""
    if type(gateways) is not list:
        return []
    heard = [
        (number(entry.get("rssi", 0), "rssi"), number(entry.get("snr", 0), "snr")) for entry in gateways if type(entry) is dict
    ]
    if not heard:
        return []
    rssi, snr = max(heard)
    return [("device.rssi", rssi, ""), ("device.snr", snr, "")]


def _label(given: Any) -> str | None:
    return given if type(given) is str and given else None
