"""Bluetooth wearables, buttons and sensors through OpenMQTTGateway or Theengs Gateway."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from adapters import bthome_frame
from adapters.decoding import TopicTemplate, number, parse_object, shown
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_MAC = re.compile(r"[0-9a-f]{12}")
_ID = re.compile(r"ble:[0-9a-f]{12}")

_ROOM = frozenset({"THB", "THBX", "AIR", "PLANT", "ACEL", "BCON"})
_BAROMETERS = frozenset({"THBX", "AIR", "ACEL"})

# property -> quantity, and the types of device for which it means that (None: all)
_NUMBERS: dict[str, tuple[str, frozenset[str] | None]] = {
    "bpm": ("health.heart_rate", None),
    "act_bpm": ("health.heart_rate", None),
    "steps": ("health.steps.total", None),
    "tempc": ("air.temperature", _ROOM),
    "hum": ("air.humidity", _ROOM),
    "pres": ("air.pressure", _BAROMETERS),
    "co2": ("air.co2", None),
    "pm25": ("air.pm25", None),
    "lux": ("light.illuminance", None),
    "batt": ("device.battery", None),
    "volt": ("device.battery.voltage", None),
}
_FLAGS: dict[str, tuple[str, frozenset[str] | None]] = {
    "open": ("door.open", frozenset({"CTMO"})),
    "motion": ("motion", frozenset({"CTMO"})),
    "lowbatt": ("device.battery.low", None),
}
_CONTACT = {"open": 1.0, "timeout not closed": 1.0, "closed": 0.0}
_BUTTONS = ("button", "button1", "button2", "button3", "button4")
_KILOGRAMS = {"kg": 1.0, "lb": 0.45359237, "jin": 0.5}
_RANDOM_ADDRESS = 1


class Theengs:
    """Heart rate straps, fitness bands, scales, call buttons, door and room sensors that speak Bluetooth Low Energy, decoded
    by Theengs Decoder in an OpenMQTTGateway or Theengs Gateway.

    Topic: ``home/<gateway>/BTtoMQTT/<MAC without colons>``; set ``topic`` where yours differs.

    Devices are ``ble:<MAC in lower case, without colons>``, from ``id``, or from ``mac`` where the gateway's system hides the
    address (macOS, iOS). The topic's MAC must agree. ``brand``, ``model`` and ``name`` describe it.

        bpm, act_bpm        health.heart_rate, /min. 0 is what a strap sends that finds no pulse: stored, flagged by intake
        steps               health.steps.total; bands begin again at midnight
        weight              health.weight, only with ``weighing_mode`` person and a ``unit``: kg, lb (0.45359237 kg), jin (0.5 kg)
        button, button1-4   safety.sos when not 0, for the devices in ``call_buttons`` only; other buttons switch lamps
        tempc, hum          air.temperature Cel, air.humidity % of types THB, THBX, AIR, PLANT, ACEL, BCON (rooms, beacons), not
                            of barbecue probes, tyres, showers and dryers. ``tempf`` repeats ``tempc`` and is passed over
        pres                air.pressure, hPa (types THBX, AIR, ACEL; a tyre's is in bar and passed over)
        co2, pm25, lux      ppm, ug/m3, lx
        open, contact       door.open of contact sensors (type CTMO); a blind's ``open`` is its position and is passed over
        motion              motion, type CTMO
        sum, avg            energy.active.import.total where ``sumu`` is kWh, power.active where ``avgu`` is kW; cubic metres are
                            passed over: nobody says of what
        batt, volt, lowbatt device.battery %, device.battery.voltage V, device.battery.low
        rssi                device.rssi, channel <gateway>: the device was heard, how near to which gateway

    SpO2, body temperature and falls are not in this format. A wearer is present while ``device.rssi`` comes in.

    Privacy: phones, watches and tags that change their address cannot be known again and are passed over: ``prmac``,
    type RMAC, and random addresses whose top bits are not 11 (Bluetooth Core 5.4, volume 6, part B, 1.3.2). So is whatever the
    gateway could not decode (no ``model_id``), unless ``undecoded`` is set. But BTHome service data (``servicedatauuid`` 0xfcd2)
    that it forwards undecoded is read, as by the bthome adapter: its objects, packet id as sequence number.

    Time: none; arrival. One advertisement heard by two gateways arrives twice: the same value twice, moments apart.
    ``encr`` with ``cipher``: the gateway lacks the key; only ``rssi`` is read. When a gateway is down, what it heard ends
    without a word: the silence rule notices.

    Sources: decoder.theengs.io, "Adding decoders" (types, properties) and the devices' pages; docs.openmqttgateway.com,
    "BLE gateway" (topic, id, rssi, mac_type).
    """

    kind: ClassVar[str] = "theengs"

    class Settings(AdapterSettings):
        topic: str = Field("home/{gateway}/BTtoMQTT/{mac}", description="the gateway's topic, with {gateway} and {mac} in it")
        call_buttons: list[str] = Field([], description="ids (ble:…) of buttons whose press is a call for help")
        undecoded: bool = Field(False, description="also keep devices that the gateway could not decode")

        @field_validator("topic")
        @classmethod
        def _has_both(cls, topic: str) -> str:
            if set(TopicTemplate(topic).names) != {"gateway", "mac"}:
                raise ValueError(f'topic "{topic}" needs {{gateway}} and {{mac}}, and no other placeholder')
            return topic

        @field_validator("call_buttons")
        @classmethod
        def _are_ids(cls, ids: list[str]) -> list[str]:
            for id in ids:
                if not _ID.fullmatch(id):
                    raise ValueError(f'"{id}" is not a device id; write it like "ble:a4c138112233"')
            return ids

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self._topic = TopicTemplate(settings.topic)
        self.topics: tuple[str, ...] = (self._topic.filter,)
        self.lane: Lane = settings.lane
        self._call_buttons = frozenset(settings.call_buttons)
        self._undecoded = settings.undecoded

    def decode(self, message: Message) -> Sequence[Decoded]:
        told = self._topic.match(message.topic)
        if told is None:
            return ()
        body = parse_object(message.payload)
        if _nameless(body) or not ("model_id" in body or _is_bthome(body) or self._undecoded):
            return ()
        id = _identity(body, told["mac"])
        if body.get("mac_type") == _RANDOM_ADDRESS and int(id[4:6], 16) >> 6 != 0b11:
            return ()
        try:
            return self._device(id, body, told["gateway"])
        except Malformed as refusal:
            raise Malformed(refusal.reason, refusal.detail, id) from None

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass

    def _device(self, id: str, body: dict[str, Any], gateway: str) -> list[Decoded]:
        found: list[Decoded] = []
        if body.get("rssi") is not None:
            found.append(Reading(id, "device.rssi", number(body["rssi"], "rssi"), channel=gateway))
        if _is_bthome(body):
            found += _of_bthome(id, body)
        elif "cipher" not in body:
            found += [Reading(id, quantity, value) for quantity, value in _measured(body)]
            if id in self._call_buttons and any(number(body.get(key) or 0, key) for key in _BUTTONS):
                found.append(Reading(id, "safety.sos", 1.0))
        found.append(
            DeviceInfo(id, name=_text(body.get("name")), vendor=_text(body.get("brand")), model=_text(body.get("model")))
        )
        return found


def _measured(body: dict[str, Any]) -> list[tuple[str, float]]:
    type_ = str(body.get("type"))
    found: list[tuple[str, float]] = []
    for key, value in body.items():
        if value is None:
            continue
        if (meant := _NUMBERS.get(key)) and (meant[1] is None or type_ in meant[1]):
            found.append((meant[0], number(value, key)))
        elif (meant := _FLAGS.get(key)) and (meant[1] is None or type_ in meant[1]):
            if type(value) is not bool:
                raise Malformed(Reason.WRONG_TYPE, f"{key} is {shown(value)}, expected true or false")
            found.append((meant[0], float(value)))
    if "contact" in body and type_ == "CTMO":
        if (contact := _CONTACT.get(str(body["contact"]))) is None:
            raise Malformed(Reason.UNKNOWN_VALUE, f"contact is {shown(body['contact'])}, expected {', '.join(_CONTACT)}")
        found.append(("door.open", contact))
    if "weight" in body and body.get("weighing_mode") == "person":
        factor = _KILOGRAMS.get(str(body.get("unit")))
        if factor is None:
            raise Malformed(Reason.WRONG_UNIT, f"unit is {shown(body.get('unit'))}, expected {', '.join(_KILOGRAMS)}")
        found.append(("health.weight", number(body["weight"], "weight") * factor))
    if body.get("sumu") == "kWh" and "sum" in body:
        found.append(("energy.active.import.total", number(body["sum"], "sum")))
    if body.get("avgu") == "kW" and "avg" in body:
        found.append(("power.active", number(body["avg"], "avg") * 1000))
    return found


def _is_bthome(body: dict[str, Any]) -> bool:
    """Service data that the gateway forwards as it is, because its decoder does not know the device."""
    return "model_id" not in body and body.get("servicedatauuid") in ("0xfcd2", "fcd2") and "servicedata" in body


def _of_bthome(id: str, body: dict[str, Any]) -> list[Reading]:
    try:
        packet = bthome_frame.decode(bytes.fromhex(body["servicedata"]))
    except (TypeError, ValueError):
        raise Malformed(Reason.BAD_ENCODING, f"servicedata is {shown(body['servicedata'])}, expected hex") from None
    seq = packet.packet_id or 0
    quality = Quality.DECODE_PARTIAL.value if packet.partial else 0
    return [Reading(id, one.quantity, one.value, None, one.channel, seq, quality) for one in packet.values]


def _nameless(body: dict[str, Any]) -> bool:
    """Its address will be another one soon."""
    return body.get("prmac") is True or body.get("type") == "RMAC"


def _identity(body: dict[str, Any], topic_mac: str) -> str:
    wanted = _mac(topic_mac)
    given = _mac(body.get("id")) or _mac(body.get("mac"))
    if given and wanted and given != wanted:
        raise Malformed(Reason.ID_MISMATCH, f"topic says {topic_mac}, the payload {given}", f"ble:{wanted}")
    if not (given or wanted):
        raise Malformed(Reason.MISSING_FIELD, f"no MAC address: id is {shown(body.get('id'))}")
    return f"ble:{given or wanted}"


def _mac(given: Any) -> str:
    text = given.replace(":", "").lower() if type(given) is str else ""
    return text if _MAC.fullmatch(text) else ""


def _text(given: Any) -> str | None:
    return given if type(given) is str and given else None
