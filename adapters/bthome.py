"""BTHome v2 sensors behind any Bluetooth gateway that forwards what they advertise. See ``BtHome``."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.bthome_frame import decode
from adapters.decoding import TopicTemplate, number, parse_object, shown
from hub.model import Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_MAC = re.compile("[0-9a-f]{12}")
_HEX = re.compile("[0-9a-fA-F]+")
_UUID = re.compile("(0x)?(0000)?fcd2(-0000-1000-8000-00805f9b34fb)?", re.IGNORECASE)
_LONGEST = 1024
_SAME_PACKET_MS = 30_000
_REMEMBERED = 20_000


class BtHome:
    """BTHome v2 (https://bthome.io): Shelly BLU, Ruuvi-like thermometers, door and motion sensors, meters, unencrypted.

    Topic: ``topic``, with {mac} and, where there are several, {gateway} in it; bthome/<gateway>/<mac> unless set. The payload
    is one advertisement's service data of UUID 0xFCD2, in any of these forms, told apart by their first byte:
      the bytes themselves (0x40 …), as hex text ("40 …" without blanks), as base64 ("QA…", "RA…"), or JSON:
      {"servicedata": "4002ca0903bf13", "servicedatauuid": "0xfcd2", "id": "A4:C1:38:11:22:33", "rssi": -70}
    as OpenMQTTGateway and Theengs call these fields; mac or addr for id, and {"service_data": {"fcd2": "…"}} as scripts on
    Shelly gateways write it, are taken too. Service data of another UUID is passed over. What OpenMQTTGateway could not
    decode itself on home/<gateway>/BTtoMQTT/<mac> is read by the theengs adapter, by the same rules.
    Device: ble:<mac>, lower case without colons. An id in the payload must be the topic's (id_mismatch).

    Objects (bthome_frame.py has ids, lengths and factors): temperature, humidity, pressure, illuminance, CO2, PM2.5; battery %,
    battery low; energy kWh, power W, current A, voltage V (device.battery.voltage where nothing else of a meter is in the
    frame); gas and water, both as registers; opening, door, window, garage door; motion, occupancy, presence; smoke, gas,
    carbon monoxide, heat; moisture (water.leak), tamper, problem (device.fault). A button named in ``call_buttons`` calls for
    help, however it is pressed. Several of one quantity are channels 1, 2 …. rssi dBm, with the gateway as its channel.
    Passed over: mass, counts, distances, speeds, texts, timestamps (they do not say of what).

    Packet id: is the sequence number; the same one again within 30 s is the same packet, through another gateway or
    repeated, and only its rssi is read. It runs from 0 to 255 and begins again.
    Encrypted frames are refused (bad_encoding), unknown objects end a frame (decode_partial), one cut off is bad_frame.
    Time: none, arrival. No last will: silence shows a dead battery. Most sensors advertise every minute or on an event.

    Sources: bthome.io/format; docs.openmqttgateway.com/use/ble (servicedata); shelly-api-docs.shelly.cloud/docs-ble.
    """

    kind = "bthome"

    class Settings(AdapterSettings):
        topic: str = Field("bthome/{gateway}/{mac}", description="the gateways' topic, with {mac} and perhaps {gateway} in it")
        call_buttons: list[str] = Field([], description="ids (ble:…) of buttons whose press is a call for help")

        @field_validator("topic")
        @classmethod
        def _has_mac(cls, topic: str) -> str:
            if set(TopicTemplate(topic).names) not in ({"mac"}, {"mac", "gateway"}):
                raise ValueError(f'topic "{topic}" needs {{mac}}, and no other placeholder but {{gateway}}')
            return topic

        @field_validator("call_buttons")
        @classmethod
        def _are_ids(cls, ids: list[str]) -> list[str]:
            for id in ids:
                if not re.fullmatch("ble:[0-9a-f]{12}", id):
                    raise ValueError(f'"{id}" is not a device id; write it like "ble:a4c138112233"')
            return ids

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topic = TopicTemplate(settings.topic)
        self.topics = (self._topic.filter,)
        self.lane = settings.lane
        self._call_buttons = frozenset(settings.call_buttons)
        self._last: dict[str, tuple[int, int]] = {}  # device -> packet id, arrival

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = self._topic.match(message.topic)
        mac = names["mac"].replace(":", "").replace("-", "").lower() if names else ""
        if names is None or not _MAC.fullmatch(mac):
            raise Malformed(Reason.BAD_TOPIC, "the topic holds no Bluetooth address")
        device = f"ble:{mac}"
        try:
            return self._heard(device, names.get("gateway", ""), message)
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> dict[str, list[int]]:
        return {device: list(last) for device, last in self._last.items()}

    def restore(self, state: Any) -> None:
        self._last = {device: (packet, at) for device, (packet, at) in state.items()}

    def _heard(self, device: str, gateway: str, message: Message) -> Sequence[Decoded]:
        data, rssi = _service_data(message.payload, device)
        found = [] if rssi is None else [Reading(device, "device.rssi", rssi, channel=gateway)]
        if data is None:
            return found
        packet = decode(data)
        if packet.packet_id is not None and self._is_same(device, packet.packet_id, message.received_at):
            return found
        quality = Quality.DECODE_PARTIAL.value if packet.partial else 0
        for value in packet.values:
            found.append(Reading(device, value.quantity, value.value, None, value.channel, packet.packet_id or 0, quality))
        if packet.pressed and device in self._call_buttons:
            found.append(Reading(device, "safety.sos", 1.0, seq=packet.packet_id or 0, quality=quality))
        return found

    def _is_same(self, device: str, packet: int, at: int) -> bool:
        last = self._last.pop(device, None)
        if len(self._last) >= _REMEMBERED:
            del self._last[next(iter(self._last))]
        self._last[device] = (packet, at)
        return last is not None and last[0] == packet and 0 <= at - last[1] < _SAME_PACKET_MS


def _service_data(payload: bytes, device: str) -> tuple[bytes | None, float | None]:
    """The frame, None where the service data is another's, and the signal."""
    if payload[:2] in (b"40", b"41", b"44", b"45") or payload[:1] in (b"Q", b"R"):
        return _bytes(payload.decode("ascii", "replace").strip(), "the payload"), None
    if payload and payload[0] in (0x40, 0x41, 0x44, 0x45):
        if len(payload) > _LONGEST:
            raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; service data has at most {_LONGEST}")
        return payload, None
    body = parse_object(payload)
    for key in ("id", "mac", "addr"):
        given = body.get(key)
        if type(given) is str and given.replace(":", "").lower() != device.removeprefix("ble:"):
            raise Malformed(Reason.ID_MISMATCH, f'{key} is {shown(given)}, the topic says "{device}"')
    rssi = None if body.get("rssi") is None else number(body["rssi"], "rssi")
    services = body.get("service_data")
    if type(services) is dict:
        given = next((data for uuid, data in services.items() if _UUID.fullmatch(uuid)), None)
    else:
        uuid = body.get("servicedatauuid", "fcd2")
        given = body.get("servicedata") if type(uuid) is str and _UUID.fullmatch(uuid) else None
    if given is None:
        return None, rssi
    if type(given) is not str:
        raise Malformed(Reason.WRONG_TYPE, f"servicedata is {shown(given)}, expected hex")
    return _bytes(given, "servicedata"), rssi


def _bytes(text: str, what: str) -> bytes:
    if len(text) > _LONGEST:
        raise Malformed(Reason.TOO_LARGE, f"{len(text)} characters; service data has at most {_LONGEST}")
    try:
        return bytes.fromhex(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Malformed(Reason.BAD_ENCODING, f"{what} is neither hex nor base64: {shown(text)}") from None
