"""LoRaWAN devices through ChirpStack v4."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, an_object, iso_ms, number, parse_object
from adapters.lora_uplink import LoraSettings, Uplink, Uplinks, eui, label, payload, signal, tag, whole
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import Decoded, Malformed, SiteContext

_FROM_THE_DEVICE = frozenset({"up", "status", "join", "ack", "location"})
_OF_THE_NETWORK = frozenset({"txack", "log", "integration"})
_DEEPEST = 12


class ChirpStack:
    """LoRaWAN sensors of any maker, as the network server ChirpStack v4 publishes their uplinks (JSON marshaler).

    Topics: ``application/<application>/device/<DevEUI>/event/<event>``; set ``topic`` where ChirpStack's ``event_topic`` differs.

        up       an uplink: ``fPort``, ``data`` (base64), ``fCnt``, ``rxInfo`` (a list, one entry a gateway), ``deviceInfo``
        status   ``batteryLevel`` in %, ``batteryLevelUnavailable``, ``externalPowerSource``; ``margin`` is the downlink's
        join     the device has joined: known and online; it counts its frames from 0 again
        ack, location    from the device, and no measurement: its name and profile
        txack, log, integration    about downlinks, mistakes and services of the network: nothing, once they are well formed

    Devices are ``lora:<DevEUI in lower case>``; the topic's and the payload's must agree. ``deviceName`` is a label, the device
    profile the model. Fields that are zero may be missing (proto3 JSON): ``fCnt``, ``fPort``, ``rssi``, ``snr`` are then 0. A
    status without ``batteryLevel`` says nothing: LoRaWAN knows no battery of 0 % (DevStatusAns: 1 to 254).

    Time: ``time``, RFC 3339 with a zone, is when the network server or gateway received the frame: the network's time; a few
    devices say themselves when they measured. ``fCnt`` is the sequence number; a rejoin starts it again at 0. The same
    frame once more within two minutes (counter, port and bytes; another gateway, another integration) is the same reading.
    Signal: ``device.rssi`` (dBm) and ``device.snr`` (dB) of the gateway that heard it best.

    What the bytes mean is the vendor's own: a decoder, or a vendor's JavaScript codec from the folder ``codecs``, chosen by
    1. ``decoders`` in gengfu.toml: glob over DevEUI, device name or device profile name, without regard to case,
    2. the tag ``decoder`` of device or device profile in ChirpStack,
    3. the ``profiles`` of a codec, 4. a profile or device name that speaks for itself: "Bosch TPS110", "Netvox RA02A", "Milesight
    CT103" and the like (adapters/lora_decoders.py lists decoders and names).
    An uplink without a decoder, or on a port its document does not describe, gives its signal only, flagged ``decode_partial``.
    ``object``, what a codec inside ChirpStack made of the bytes, is not read: its names and units are that codec's own. For
    it, give the device's topic to kind "json", with paths like object.temperature.

    Pitfalls: data that is not base64 or does not fit its decoder is ``bad_frame``; a state the document does not have is
    ``unknown_value``; a codec that fails is ``codec_failed``. Protobuf (``json = false``) is ``bad_json``. ChirpStack v3
    topics and fields differ and are refused.

    Sources: chirpstack.io, "Integrations, event types" (v4) and "MQTT"; the decoders' headers.
    """

    kind: ClassVar[str] = "chirpstack"

    class Settings(LoraSettings):
        topic: str = Field(
            "application/+/device/{eui}/event/{event}", description="ChirpStack's event_topic, with {eui} and {event} in it"
        )

        @field_validator("topic")
        @classmethod
        def _has_both(cls, topic: str) -> str:
            if set(TopicTemplate(topic).names) != {"eui", "event"}:
                raise ValueError(f'topic "{topic}" needs {{eui}} and {{event}}, and no other placeholder')
            return topic

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topic = TopicTemplate(settings.topic)
        self.topics: tuple[str, ...] = (self._topic.filter,)
        self.lane: Lane = settings.lane
        self._zone = site.zone
        self._uplinks = Uplinks(settings, site)

    def decode(self, message: Message) -> Sequence[Decoded]:
        told = self._topic.match(message.topic)
        if told is None:
            raise Malformed(Reason.BAD_TOPIC, f"the topic does not fit {self._topic.template}")
        event = told["event"]
        if event not in _FROM_THE_DEVICE and event not in _OF_THE_NETWORK:
            raise Malformed(Reason.BAD_TOPIC, f'event "{event}" is none of ChirpStack v4')
        body = parse_object(message.payload, max_depth=_DEEPEST)
        if "deviceInfo" not in body:
            raise Malformed(Reason.MISSING_FIELD, "no deviceInfo; is this ChirpStack v4?")
        about = an_object(body["deviceInfo"], "deviceInfo")
        device = eui(about.get("devEui"), "deviceInfo.devEui")
        if told["eui"].lower() != device:
            raise Malformed(Reason.ID_MISMATCH, f"topic says {told['eui']}, the payload {device}", f"lora:{told['eui'].lower()}")
        if event in _OF_THE_NETWORK:
            return ()
        try:
            return self._event(event, f"lora:{device}", body, about, message)
        except Malformed as refusal:
            raise Malformed(refusal.reason, refusal.detail, f"lora:{device}") from None

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass

    def _event(self, event: str, id: str, body: dict[str, Any], about: dict[str, Any], message: Message) -> list[Decoded]:
        name, profile = label(about.get("deviceName")), label(about.get("deviceProfileName"))
        time, odd = iso_ms(body.get("time"), self._zone)
        found: list[Decoded] = []
        firmware = None
        if event == "up":
            counter = whole(body.get("fCnt", 0), "fCnt", (1 << 32) - 1)
            port = whole(body.get("fPort", 0), "fPort", 255)
            data = payload(body.get("data"), "data")
            names = tuple(each for each in (profile, name) if each)
            uplink = Uplink(id, names, tag(about.get("tags")), port, data, counter, time, odd, message.received_at)
            readings, frame = self._uplinks.readings(uplink, signal(body.get("rxInfo")))
            firmware = frame.firmware
            found += readings
        elif event == "join":
            self._uplinks.joined(id)
        unknown = body.get("batteryLevelUnavailable") or body.get("externalPowerSource") or "batteryLevel" not in body
        if event == "status" and not unknown:
            level = number(body["batteryLevel"], "batteryLevel")
            found.append(Reading(id, "device.battery", level, None, "", 0, odd, time))
        found.append(DeviceInfo(id, name=name, model=profile, firmware=firmware, online=True if event == "join" else None))
        return found
