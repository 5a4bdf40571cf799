"""SML: German electricity meters through optical heads that forward whole frames. See ``Sml``."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.binary import frame_bytes
from adapters.decoding import TopicTemplate, epoch_ms
from adapters.obis import readings
from adapters.sml_frame import LONGEST, Narrow, Value, messages
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_GET_LIST_RESPONSE = 0x0701
_UNITS = {27: "W", 28: "VA", 29: "var", 30: "Wh", 32: "varh", 33: "A", 35: "V", 44: "Hz"}  # IEC 62056-6-2, table 4
_DVS74 = (range(42_000_000, 49_000_000), range(55_000_000, 59_000_000))
_POWER = "16.7.0"
_MAKER = bytes.fromhex("8181c78203ff")
_REMEMBERED = 10_000


class Sml:
    """SML frames (Smart Message Language 1.04) of German meters: EMH, ISKRA, Holley, DZG, EasyMeter, eBZ, ITRON, Dr. Neuhaus.

    Topic: ``topic``, sml/<name> unless set; the payload is one transport frame, 1b1b1b1b 01010101 … 1a, as bytes or as
    hexadecimal text. Its checksum is tested (sml_frame.py); zeros after its end are passed over. Frames come every 1 to 4 s.
    Device: sml:<server id>, the meter's identification in hexadecimal: 0a 01, three letters of the maker and its number
    (DIN 43863-5), or an older form. A frame without one is named by the topic's last level or {meter}.
    Values: those of SML_GetList.Res by OBIS code (obis.py), value x 10^scaler in the unit of IEC 62056: 1.8.0 import and 2.8.0
    export in Wh, 16.7.0 W (negative: export), 36 56 76.7.0 W, voltages, currents, frequency. Meters that have no 1.8.0 send
    its tariffs. 15.7.0 is a magnitude and counts only where nothing is exported. Angles, signatures, keys are left out.
    Without its PIN a meter shows no power and registers in whole kWh only.
    Pitfalls: DZG DVS74 with numbers 42000000-48999999 and 55000000-58999999 write a positive power of one to three bytes as
    if it were signed (327.68 W shows as -327.68 W): read unsigned. Other DZG meters write true negative numbers that way.
    Time: actSensorTime is nearly always the meter's seconds since its start (secIndex), which is no time; a timestamp is
    taken. Else arrival. Availability: no last will, silence.

    Sources: BSI TR-03109-1 annex IV part 8; IEC 62056-6-2 table 4 (units); DIN 43863-5; volkszaehler/libsml pull requests
    106 and 136 (DZG's own answer about the ranges).
    """

    kind = "sml"

    class Settings(AdapterSettings):
        topic: str = Field("sml/{meter}", description="where frames arrive; {meter} names a meter that does not name itself")

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
        self._told: dict[str, None] = {}

    def decode(self, message: Message) -> Sequence[Decoded]:
        lists = [body for one in messages(frame_bytes(message.payload, 2 * LONGEST)) if (body := _list_response(one)) is not None]
        if not lists:
            raise Malformed(Reason.MISSING_FIELD, "no message of the frame is a list of values (0701)")
        name = (self._topic.match(message.topic) or {}).get("meter") or message.topic.rpartition("/")[2]
        found: list[Decoded] = []
        for body in lists:
            server = body[1]
            device = f"sml:{server.hex() if type(server) is bytes and any(server) else name}"
            try:
                found += self._values(device, server, body)
            except Malformed as refusal:
                refusal.device = device
                raise
        return found

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered that must survive."""

    def _values(self, device: str, server: Value, body: list[Value]) -> list[Decoded]:
        entries = body[4] if type(body[4]) is list else []
        misread = _is_dvs74(server)
        values: dict[str, tuple[float, str]] = {}
        maker = None
        for entry in entries:
            if type(entry) is not list or len(entry) != 7 or type(entry[0]) is not bytes or len(entry[0]) != 6:
                raise Malformed(Reason.BAD_FRAME, "an entry of the list is not an OBIS code with six more values")
            name, unit, scaler, value = entry[0], entry[3], entry[4], entry[5]
            if name == _MAKER and type(value) is bytes and value.isascii():
                maker = value.decode().strip("\x00 ") or None
            if name[0] != 1 or type(unit) is not int or unit not in _UNITS or not isinstance(value, int):
                continue
            code = f"{name[2]}.{name[3]}.{name[4]}"
            if misread and code == _POWER and isinstance(value, Narrow):
                value = value.unsigned
            values[code] = (_scaled(int(value), scaler), _UNITS[unit])
        time, flags = _sensor_time(body[3])
        found: list[Decoded] = [Reading(device, one.quantity, one.value, time, one.channel, 0, flags) for one in readings(values)]
        if device not in self._told:
            if len(self._told) >= _REMEMBERED:
                del self._told[next(iter(self._told))]
            self._told[device] = None
            found.append(DeviceInfo(device, vendor=maker))
        return found


def _list_response(message: list[Value]) -> list[Value] | None:
    """The body of SML_GetList.Res: client, server, list name, time, values, signature, gateway's time."""
    choice = message[3] if len(message) == 6 else None
    if type(choice) is not list or len(choice) != 2 or choice[0] != _GET_LIST_RESPONSE:
        return None
    body = choice[1]
    if type(body) is not list or len(body) != 7:
        raise Malformed(Reason.BAD_FRAME, "the list of values has not its seven parts")
    return body


def _sensor_time(given: Value) -> tuple[int | None, int]:
    if type(given) is list and len(given) == 2 and given[0] == 2 and isinstance(given[1], int):
        return epoch_ms(int(given[1]), "s", "actSensorTime")
    return None, 0


def _scaled(value: int, scaler: Value) -> float:
    if scaler is None:
        return float(value)
    if not isinstance(scaler, int) or not -20 <= scaler <= 20:
        raise Malformed(Reason.BAD_FRAME, f"a scaler is {scaler!r}, expected -20 to 20")
    return float(value * 10**scaler) if scaler >= 0 else value / 10**-scaler


def _is_dvs74(server: Value) -> bool:
    """One of those that write positive power as if it were negative."""
    if type(server) is not bytes or len(server) != 10 or not server.startswith(b"\x0a\x01DZG"):
        return False
    number = int.from_bytes(server[5:], "big")
    return any(number in numbers for numbers in _DVS74)
