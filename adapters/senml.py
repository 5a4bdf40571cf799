"""SenML, the Internet's own format for sensor readings. See ``SenMl``."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, number, parse, shown
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, Settings, SiteContext
from hub.quantities import Quantity, conversion

# Units of RFC 8428 section 12.1 and RFC 8798, where ours are spelled otherwise; what is not here is spelled as ours.
_UNITS = {"%RH": "%", "%EL": "%", "beat/min": "/min", "/100": "%", "l": "L", "count": "1", "VAr": "var"}
_SCALES = {"/": 100.0, "/1000": 0.1}  # of a quantity in %
_BY_UNIT = {
    "Cel": "air.temperature",
    "K": "air.temperature",
    "%RH": "air.humidity",
    "%EL": "device.battery",
    "lx": "light.illuminance",
    "V": "voltage",
    "mV": "voltage",
    "A": "current",
    "mA": "current",
    "W": "power.active",
    "kW": "power.active",
    "VA": "power.apparent",
    "kVA": "power.apparent",
    "var": "power.reactive",
    "kvar": "power.reactive",
    "Hz": "frequency",
    "J": "energy.active.import.total",
    "Wh": "energy.active.import.total",
    "kWh": "energy.active.import.total",
    "varh": "energy.reactive.import.total",
    "kvarh": "energy.reactive.import.total",
    "hPa": "air.pressure",
    "dBm": "device.rssi",
    "ug/m3": "air.pm25",
    "beat/min": "health.heart_rate",
}
_ABSOLUTE = 2.0**28  # RFC 8428 section 4.5.3: times below are relative to now
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
_DEV_URN = re.compile(r"(urn:dev:[a-z0-9]+:[A-Za-z0-9.-]+)(?:[:/_](.+))?")
_VERSION, _SECONDARY_UNITS = 10, 16
_BASE = {"bn", "bt", "bu", "bv", "bs", "bver"}
_KNOWN = {*_BASE, "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"}
_VALUES = ("v", "vb", "vs", "vd", "s")
_MOST = 1000
_PLACEHOLDER = re.compile(r"\{(device|channel)\}")


class NameField(Settings):
    name: str = Field(description="resolved name with {device} and perhaps {channel} in it: urn:dev:mac:{device}_open")
    quantity: str = Field(description="a word of the vocabulary, or of [[quantity]]")
    unit: str | None = Field(None, description="the unit of records that say none, in SenML's or our spelling")

    @field_validator("name")
    @classmethod
    def _has_a_device(cls, name: str) -> str:
        if name.count("{device}") != 1 or name.count("{channel}") > 1 or re.search("[{}]", _PLACEHOLDER.sub("", name)):
            raise ValueError(f'"{name}" needs {{device}}, and no other placeholder but {{channel}}')
        return name


class SenMl:
    """SenML JSON (RFC 8428, with the secondary units of RFC 8798): packs of records from constrained devices, gateways and
    LwM2M servers.

    Topic: ``topic``, senml/# unless set. A pack is an array of records; each is resolved as section 4.6 says: base name +
    name, base time + time, base value + value, base sum + sum, base unit where there is none; a base holds from its
    record on. bver up to 10, or 10 with the secondary units' feature (RFC 9100: 26); another one is refused. A field that ends
    in _ must be understood, so an unknown one refuses the pack; other unknown fields are passed over.

    Device and channel are told by the resolved name alone, so that a pack and its resolved form mean the same:
      urn:dev:<kind>:<id>, then after : / or _ the sensor (RFC 9039); any other name is split at its last /
      device senml:urn:dev:ow:10e2073a01080063, channel the sensor; "" where the sensor is a word of the quantity ("voltage")
    Quantity: by ``names``, the first whose pattern fits the whole name; else by the unit:
      Cel K air.temperature · %RH air.humidity · %EL device.battery · lx · V · A · W power.active · VA · var · Hz · J Wh kWh
      energy.active.import.total · varh kvarh · hPa air.pressure · dBm device.rssi · ug/m3 air.pm25 · beat/min heart rate
      names = [{ name = "urn:dev:mac:{device}_open", quantity = "door.open" },
               { name = "{device}/water", quantity = "water.volume.total", unit = "l" }]
    With ``names`` the device is senml:<what stands for {device}>. A unit that the quantity cannot have is wrong_unit; a
    record without a unit is in ``unit``, else in the quantity's own (unit_assumed). / is a share of 1, of a quantity in % 100.
    vb is read for states and events; vs, vd, records of other units and names are left out. s, a sum over time: of W it is J,
    energy.active.import.total; others are left out.

    Time: t + bt; below 2**28 it counts from now, so that 0 is the arrival and -5 five seconds before; above it is seconds
    since 1970. ut, the longest time between updates, is the interval. Availability: none in the format, silence.
    SenML CBOR, XML and EXI are refused (bad_encoding).

    Sources: RFC 8428 sections 4, 4.5.3, 4.6, 12.1; RFC 8798 table 1; RFC 9039; RFC 9100.
    """

    kind = "senml"

    class Settings(AdapterSettings):
        topic: str = Field("senml/#", description="the topic filter of the packs")
        names: tuple[NameField, ...] = Field((), description="what names mean, before units do")

        @field_validator("topic")
        @classmethod
        def _is_a_filter(cls, topic: str) -> str:
            TopicTemplate(topic)
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        """Raises UnknownWord for a quantity nobody knows, ValueError for a unit that does not fit."""
        self.topics = (TopicTemplate(settings.topic).filter,)
        self.lane = settings.lane
        self._vocabulary = site.vocabulary
        self._names = [(_pattern(one.name), site.vocabulary[one.quantity], one.unit) for one in settings.names]
        for _, quantity, unit in self._names:
            if unit is not None:
                _conversion(unit, quantity)

    def decode(self, message: Message) -> Sequence[Decoded]:
        payload = message.payload
        if payload and (0x80 <= payload[0] <= 0x9F or payload[:1] == b"<"):
            raise Malformed(Reason.BAD_ENCODING, "SenML CBOR or XML; publish SenML JSON")
        pack = parse(payload)
        if type(pack) is not list:
            raise Malformed(Reason.WRONG_SHAPE, f"expected an array of records, got {shown(pack)}")
        if len(pack) > _MOST:
            raise Malformed(Reason.TOO_LARGE, f"{len(pack)} records; a pack has at most {_MOST}")
        found: list[Decoded] = []
        base = _Base()
        for record in pack:
            if type(record) is not dict:
                raise Malformed(Reason.WRONG_SHAPE, f"a record is {shown(record)}, expected an object")
            base.take(record)
            if any(record.get(key) is not None for key in _VALUES):
                self._record(record, base, message.received_at, found)
            elif _BASE.isdisjoint(record):
                raise Malformed(Reason.MISSING_FIELD, "a record has no value: v, vs, vb, vd or s")
        return found

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between packs."""

    def _record(self, record: dict[str, Any], base: "_Base", now: int, found: list[Decoded]) -> None:
        name = base.name + _text(record, "n")
        if not _NAME.fullmatch(name) or len(name) > 256:
            raise Malformed(Reason.MISSING_FIELD, f"the name is {shown(name)}, expected letters, digits and - : . / _")
        unit = _text(record, "u") or base.unit
        meant = self._meant(name, unit)
        if meant is None:
            return
        device, channel, quantity, factor, offset, quality = meant
        time, flags = _moment(base.time + _number(record, "t"), now)
        value = record.get("v")
        state = record.get("vb")
        if value is not None:
            canonical = number((number(value, "v") + base.value) * factor + offset, "v")
            found.append(Reading(device, quantity.name, canonical, time, channel, 0, quality | flags))
        elif state is not None and quantity.shape in ("state", "event"):
            if type(state) is not bool:
                raise Malformed(Reason.WRONG_TYPE, f"vb is {shown(state)}, expected true or false")
            found.append(Reading(device, quantity.name, float(state), time, channel, 0, flags))
        if record.get("s") is not None and unit == "W":
            joules = number(record["s"], "s") + base.sum
            found.append(Reading(device, "energy.active.import.total", joules / 3.6e6 + 0.0, time, channel, 0, flags))
        if record.get("ut") is not None:
            interval = number(record["ut"], "ut")
            found.append(DeviceInfo(device, interval=interval if interval > 0 else None))

    def _meant(self, name: str, unit: str) -> "_Meant | None":
        for pattern, quantity, usual in self._names:
            match = pattern.fullmatch(name)
            if match:
                names = match.groupdict()
                assumed = Quality.UNIT_ASSUMED.value if not unit and usual is None and quantity.unit != "1" else 0
                try:
                    factor, offset = _conversion(unit or usual or "", quantity)
                except ValueError as error:
                    raise Malformed(Reason.WRONG_UNIT, f"{name}: {error}", f"senml:{names['device']}") from None
                return _Meant(f"senml:{names['device']}", names.get("channel") or "", quantity, factor, offset, assumed)
        word = _BY_UNIT.get(unit)
        if word is None:
            return None
        quantity = self._vocabulary[word]
        urn = _DEV_URN.fullmatch(name)
        thing, _, sensor = (urn[1], "", urn[2] or "") if urn else name.rpartition("/") if "/" in name else (name, "", "")
        factor, offset = _conversion(unit, quantity)
        channel = "" if sensor in word.split(".") else sensor
        return _Meant(f"senml:{thing}", channel, quantity, factor, offset, 0)


class _Meant(NamedTuple):
    device: str
    channel: str
    quantity: Quantity
    factor: float
    offset: float
    quality: int


class _Base:
    """The base values in force."""

    __slots__ = ("name", "sum", "time", "unit", "value")

    def __init__(self) -> None:
        self.name = self.unit = ""
        self.time = self.value = self.sum = 0.0

    def take(self, record: dict[str, Any]) -> None:
        version = record.get("bver")
        if version is not None and (type(version) is not int or (version > _VERSION and version != _VERSION + _SECONDARY_UNITS)):
            raise Malformed(Reason.UNKNOWN_VALUE, f"bver is {shown(version)}, expected {_VERSION}")
        unknown = next((key for key in record if key.endswith("_") and key not in _KNOWN), None)
        if unknown is not None:
            raise Malformed(Reason.UNKNOWN_VALUE, f"{shown(unknown)} must be understood, and is not")
        if "bn" in record:
            self.name = _text(record, "bn")
        if "bu" in record:
            self.unit = _text(record, "bu")
        if "bt" in record:
            self.time = _number(record, "bt")
        if "bv" in record:
            self.value = _number(record, "bv")
        if "bs" in record:
            self.sum = _number(record, "bs")


def _moment(seconds: float, now: int) -> tuple[int | None, int]:
    """Of seconds since 1970, or from now; None for now itself."""
    if seconds == 0:
        return None, 0
    if not abs(seconds) < 1e12:
        return None, Quality.CLOCK_SKEW.value
    ms = round(seconds * 1000) if seconds >= _ABSOLUTE else now + round(seconds * 1000)
    return (ms, 0) if 0 <= ms < 253_402_300_800_000 else (None, Quality.CLOCK_SKEW.value)


def _conversion(unit: str, quantity: Quantity) -> tuple[float, float]:
    """Factor and offset; raises ValueError for a unit of another kind."""
    if unit in _SCALES and quantity.unit == "%":
        return _SCALES[unit], 0.0
    ours = "1" if unit == "/" else _UNITS.get(unit, unit)
    return conversion(ours, quantity.unit) if ours else (1.0, 0.0)


def _pattern(template: str) -> re.Pattern[str]:
    pattern, at = "", 0
    for placeholder in _PLACEHOLDER.finditer(template):
        pattern += re.escape(template[at : placeholder.start()]) + f"(?P<{placeholder[1]}>.+?)"
        at = placeholder.end()
    return re.compile(pattern + re.escape(template[at:]))


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key, "")
    if type(value) is not str or len(value) > 256:
        raise Malformed(Reason.WRONG_TYPE, f"{key} is {shown(value)}, expected a text")
    return value


def _number(record: dict[str, Any], key: str) -> float:
    value = record.get(key)
    return 0.0 if value is None else number(value, key)
