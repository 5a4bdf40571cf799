"""LoRaWAN devices through The Things Stack v3."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, an_object, iso_ms, number, parse_object, shown, text
from adapters.lora_frame import Value
from adapters.lora_uplink import LoraSettings, Uplink, Uplinks, eui, label, payload, signal, tag, whole
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import Decoded, Malformed, SiteContext

_NO_MEASUREMENT = frozenset({"down/queued", "down/sent", "down/failed", "down/ack", "down/nack", "location/solved"})
_DEEPEST = 12
# The device repository's payload schema: path -> quantity; °C, %, hPa, ppm and lux, which are our own units.
_NORMALIZED = {
    ("air", "temperature"): "air.temperature",
    ("air", "relativeHumidity"): "air.humidity",
    ("air", "pressure"): "air.pressure",
    ("air", "co2"): "air.co2",
    ("air", "lightIntensity"): "light.illuminance",
}


class ThingsStack:
    """LoRaWAN sensors of any maker, as The Things Stack v3 publishes them (The Things Network, Cloud, Enterprise, own server).

    Topics: ``v3/<application>@<tenant>/devices/<device id>/<what>`` (an open source server has no ``@<tenant>``); set
    ``prefix`` where they begin otherwise, as behind a bridge.

        up          ``uplink_message``: ``f_port``, ``f_cnt``, ``frm_payload`` (base64), ``rx_metadata`` (a list, one entry a
                    gateway: ``rssi`` dBm, ``snr`` dB), ``received_at``; ``version_ids`` (brand, model), ``normalized_payload``
        join        ``join_accept``: the device has joined: known and online
        up/normalized   ``uplink_normalized``: the same frame again: nothing
        down/queued, sent, failed, ack, nack; location/solved; service/data    no measurement

    Devices are ``lora:<DevEUI in lower case>``, as through ChirpStack: a device that changes its network stays the same. One
    without DevEUI (activation by personalisation) is ``tts:<application>/<device id>``. The topic's device id and the payload's
    must agree. ``device_id`` is a label. Fields that are empty, 0 or false are missing: ``f_cnt``, ``f_port``, ``rssi`` are
    then 0.

    Time: ``received_at`` of the network server within ``uplink_message``, else of the application server outside: the
    network's time. ``settings.time`` and those in ``rx_metadata`` are gateways' clocks and not used. ``f_cnt`` is the sequence
    number. The same frame again within two minutes is the same reading, as with ChirpStack.

    What the bytes mean: a decoder or a JavaScript codec, chosen as with kind "chirpstack": ``decoders`` in gengfu.toml (glob over
    DevEUI, device id, or "<brand> <model>" of the device repository), the device's attribute ``decoder``, the codecs'
    ``profiles``, a name that speaks for itself. Without a decoder ``normalized_payload`` is read, as far as the schema of the
    device repository gives units (air: temperature °C, relativeHumidity %, pressure hPa, co2 ppm, lightIntensity lux;
    ``time`` of a measurement is the device's). ``decoded_payload`` is not read: its names and units are that formatter's own.
    ``last_battery_percentage`` (in %, with its own ``received_at``) is the answer to DevStatusReq.

    Pitfalls: the server sends QoS 0 only, so a fire reading is always flagged qos0. ``simulated`` messages (from the console) are
    flagged test_mode. A broken ``frm_payload`` is bad_frame. The community network allows 30 s of airtime a day.

    Sources: thethingsindustries.com, "MQTT server", "Data formats"; TheThingsNetwork/lorawan-devices, lib/payload.json (units).
    """

    kind: ClassVar[str] = "tts"

    class Settings(LoraSettings):
        prefix: str = Field(
            "v3/{application}/devices/{device}", description="the topics' beginning, with {application} and {device}"
        )

        @field_validator("prefix")
        @classmethod
        def _has_both(cls, prefix: str) -> str:
            if set(TopicTemplate(prefix).names) != {"application", "device"}:
                raise ValueError(f'prefix "{prefix}" needs {{application}} and {{device}}, and no other placeholder')
            return prefix

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topics = [TopicTemplate(f"{settings.prefix}/{{what}}"), TopicTemplate(f"{settings.prefix}/{{what}}/{{more}}")]
        self.topics: tuple[str, ...] = tuple(topic.filter for topic in self._topics)
        self.lane: Lane = settings.lane
        self._zone = site.zone
        self._uplinks = Uplinks(settings, site)

    def decode(self, message: Message) -> Sequence[Decoded]:
        told = self._topics[0].match(message.topic) or self._topics[1].match(message.topic)
        if told is None:
            raise Malformed(Reason.BAD_TOPIC, f"the topic does not fit {self._topics[0].template}")
        what = f"{told['what']}/{told['more']}" if "more" in told else told["what"]
        if what not in ("up", "join", "up/normalized", "service/data") and what not in _NO_MEASUREMENT:
            raise Malformed(Reason.BAD_TOPIC, f'"{what}" is none of The Things Stack\'s topics')
        body = parse_object(message.payload, max_depth=_DEEPEST)
        ids = an_object(body.get("end_device_ids", {}), "end_device_ids")
        name = text(ids["device_id"], "end_device_ids.device_id") if "device_id" in ids else told["device"]
        id = f"lora:{eui(ids['dev_eui'], 'end_device_ids.dev_eui')}" if "dev_eui" in ids else _without_eui(told)
        if name != told["device"]:
            raise Malformed(Reason.ID_MISMATCH, f'topic says "{told["device"]}", the payload {shown(name)}', id)
        try:
            if what == "up" and "uplink_message" in body:
                return self._uplink(id, name, body, message)
            if what == "join":
                an_object(body.get("join_accept"), "join_accept")
                self._uplinks.joined(id)
                return (DeviceInfo(id, name=name, online=True),)
        except Malformed as refusal:
            raise Malformed(refusal.reason, refusal.detail, id) from None
        return ()

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass

    def _uplink(self, id: str, name: str, body: dict[str, Any], message: Message) -> list[Decoded]:
        told = an_object(body["uplink_message"], "uplink_message")
        time, odd = iso_ms(told.get("received_at", body.get("received_at")), self._zone, "received_at")
        if body.get("simulated") is True:
            odd |= Quality.TEST_MODE.value
        version = an_object(told.get("version_ids", {}), "version_ids")
        brand, model = label(version.get("brand_id")), label(version.get("model_id"))
        names = tuple(each for each in (f"{brand} {model}" if brand and model else "", name) if each)
        counter = whole(told.get("f_cnt", 0), "f_cnt", (1 << 32) - 1)
        port = whole(told.get("f_port", 0), "f_port", 255)
        data = payload(told.get("frm_payload"), "frm_payload")
        attributes = told.get("attributes", body.get("attributes"))
        uplink = Uplink(id, names, tag(attributes), port, data, counter, time, odd, message.received_at)
        normalized = () if self._uplinks.knows(uplink) else self._normalized(told.get("normalized_payload"))
        readings, frame = self._uplinks.readings(uplink, signal(told.get("rx_metadata")), normalized)
        found: list[Decoded] = [*readings, *self._battery(id, told.get("last_battery_percentage"), odd)]
        firmware = frame.firmware or label(version.get("firmware_version"))
        found.append(DeviceInfo(id, name=name, vendor=brand, model=model, firmware=firmware))
        return found

    def _normalized(self, given: Any) -> list[Value]:
        """The measurements of a formatter that says them in the device repository's own words and units."""
        if given is None:
            return []
        values = []
        for measurement in given if type(given) is list else [given]:
            measured = an_object(measurement, "normalized_payload")
            time, odd = iso_ms(measured.get("time"), self._zone, "normalized_payload.time")
            for (group, field), quantity in _NORMALIZED.items():
                value = an_object(measured.get(group, {}), f"normalized_payload.{group}").get(field)
                if value is not None:
                    values.append(Value(quantity, number(value, f"normalized_payload.{group}.{field}"), "", time, odd))
        return values

    def _battery(self, id: str, given: Any, odd: int) -> list[Reading]:
        if given is None:
            return []
        told = an_object(given, "last_battery_percentage")
        time, flags = iso_ms(told.get("received_at"), self._zone, "last_battery_percentage.received_at")
        value = number(told.get("value", 0), "last_battery_percentage.value")
        return [Reading(id, "device.battery", value, None, "", 0, odd | flags, time)] if time is not None else []


def _without_eui(told: dict[str, str]) -> str:
    return f"tts:{told['application']}/{told['device']}"
