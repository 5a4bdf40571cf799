"""Milesight: current meters CT10x and CT3xx, buttons, sockets, gas, leak, door and climate sensors (GS524N: a file of its own).

Any port (85 unless moved): a list of entries: channel (1 byte), type (1), value, least significant byte first. What a channel
means depends on the model, so each series has its table; common to all:

    01 75   battery, %                         ff 01  protocol (1)    ff 09  hardware (2)   ff 0a  firmware (2: 0x01 0x10 is 1.10)
    ff 0b   switched on (1)                    ff 0f  class (1)       ff 08, ff 16  serial number (6, 8)
    ff fe   restarted (1)                      ff ff  TSL version (2) fe .. ff ..  answers to settings
    03 67   temperature, 0.1 degree, signed    83 67  the same in an alarm, and its kind (1)
    04 68   humidity, 0.5 %                    20 ce, 21 ce  measured earlier: seconds since 1970 (4), then by model:
            EM300, EM320, AM102  temperature (2), humidity (1); AM103  and CO2 (2); AM307  temperature (2), humidity (2), motion
            (1), light (1), CO2 (2), TVOC (2), pressure (2); AM308  and PM2.5 (2), PM10 (2), in the units above; EM300-DI as
            EM300, and pulses; TS302  kinds (bits 7-4, 3-0: 1-4 probe, 5, 6 contact), first and second (2 each); TS201  state
            (bits 7-4: 0 read), temperature (2)

    CT101-105   03 97 current summed, 0.01 Ah (4, no quantity)   04 98 current, 0.01 A   10 63 energy, 0.01 kWh (4)
                84 98 alarm: most, least and present current, kind   09 67 temperature of the clamp   13 75 low voltage (1)
    CT303-310   03, 05, 07 97 summed   04, 06, 08 99 current, 0.1 A: channels 1, 2, 3   84, 86, 88 99 alarm   09 67
                a current of 0xffff or a temperature of 0xffff: the sensor did not answer; 0xfffd: out of its range:
                device.fault, no reading
    WS101       ff 2e button: 1 short, 2 long, 3 double. A call for help (safety.sos) only with decoder milesight-ws101-sos
    WS51x, 52x  03 74 voltage, 0.1 V   04 80 power, W (4)   05 81 power factor, %   06 83 energy, Wh (4)   07 c9 current, mA
                08 70 state, bit 0: 1 on
    GS101       05 8e gas: 1 alarm (fire.gas)   06, 07 01 valve, relay   08 90 life left (4)
                ff 3f 0, 1 power off, on; 2, 3 fault, recovered (fire.fault); 4, 5 life at its end (fire.fault)
    AM100       05 6a activity (2)   06 65 illuminance, lx (2) and two infrared levels (4)   07 7d CO2, ppm   08 7d TVOC
                09 73 pressure, 0.1 hPa
    AM300       05 00 motion (1)   06 cb light, level 0-5   07, 08, 09 as AM100   0a, 0c, 0d 7d HCHO, PM10, O3   0b 7d PM2.5
                08 e6 TVOC   0e 01 beep
    EM500-CO2   05 7d CO2   06 73 pressure     EM500-LGT 03 94 illuminance, lx (4)
    EM300-SLD, ZLD, MLD   05 00 leak           EM300-MCS 06 00 door: 1 open
    WS301       03 00 door: 1 open   04 00 1 taken off its place (device.tamper)
    WS202       03 00 motion   04 00 daylight  WS303 03 00 leak
    GS301       02 67 temperature   03 68 humidity   04, 05 7d NH3, H2S
    TS101, 201, 302, EM500-PT100   03 67 (and 04 67) temperature of a probe: channels "probe1", "probe2"
                03, 04 00 (TS302) contacts: door.open on channels "1", "2"
    AT101       03 67 temperature inside   04 88 position (9)   05 00 tilted   06 d9 Wi-Fi (9)   07 00 device.tamper
    WT201       03 67 temperature   04 67 wanted   05 e7, 06 e8, 07 bc, 08 8e states   09 68 humidity
The energy of CT10x is reckoned from the current with a set voltage and power factor: flagged unit_assumed.
After an unknown entry nothing can be read: what came before counts, the frame is partial. One that begins with an answer to
settings (fe, ff) holds no measurement.

Sources: Milesight's own decoders, Milesight-IoT/SensorDecoders (ct-series/ct105-v2, ct303, ws-series/ws101, gs-series/gs101 …)
and the examples in its README files (8498b80bd007c40905 is 25 A; 0498ffff "read failed"; 017510ff2e01 16 %, short press).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from adapters.lora_frame import BadFrame, Decoder, Frame, UnknownCode, Value, little
from hub.model import Quality

Reader = Callable[[bytes], list[Value]]


class _Entry(NamedTuple):
    length: int
    read: Reader | None = None


Table = Mapping[tuple[int, int], _Entry]


def _gauge(
    quantity: str, per: float = 1, size: int = 2, signed: bool = False, channel: str = "", at: int = 0, quality: int = 0
) -> Reader:
    return lambda data: [Value(quantity, little(data, at, size, signed) / per, channel, None, quality)]


def _current(per: int, channel: str = "", at: int = 0) -> Reader:
    """0xffff: the clamp did not answer."""

    def read(data: bytes) -> list[Value]:
        raw = little(data, at)
        failed = Value("device.fault", float(raw == 0xFFFF), channel)
        return [failed] if raw == 0xFFFF else [Value("current", raw / per, channel), failed]

    return read


def _clamp_temperature(data: bytes) -> list[Value]:
    failed = little(data, 0) in (0xFFFF, 0xFFFD)
    fault = Value("device.fault", float(failed), "temperature")
    return [fault] if failed else [Value("device.temperature", little(data, 0, signed=True) / 10), fault]


def _state(quantity: str, mask: int = 0xFF, channel: str = "") -> Reader:
    def read(data: bytes) -> list[Value]:
        code = data[0] & mask
        if code > 1:
            raise UnknownCode(f"{quantity} is {code}, expected 0 or 1")
        return [Value(quantity, float(code), channel)]

    return read


def _called(data: bytes) -> list[Value]:
    return [Value("safety.sos", 1.0)]


def _gas_detector(data: bytes) -> list[Value]:
    faults = {2: 1.0, 3: 0.0, 4: 1.0, 5: 1.0}
    return [Value("fire.fault", faults[data[0]])] if data[0] in faults else []


class _Stored(NamedTuple):
    """A value within an entry of values measured earlier."""

    at: int
    quantity: str
    per: float = 1
    size: int = 2
    signed: bool = False


def _stored(length: int, *fields: _Stored) -> dict[tuple[int, int], _Entry]:
    def read(data: bytes) -> list[Value]:
        time = little(data, 0, 4) * 1000
        return [
            Value(field.quantity, little(data, field.at, field.size, field.signed) / field.per, time=time) for field in fields
        ]

    return {(channel, 0xCE): _Entry(length, read) for channel in (0x20, 0x21)}


def _stored_probes(data: bytes) -> list[Value]:
    """TS302: what each of the two inputs was is in byte 4: 1 to 4 a probe, 5 and 6 a contact."""
    time = little(data, 0, 4) * 1000
    values = []
    for number, kind, at in ((1, data[4] >> 4, 5), (2, data[4] & 15, 7)):
        if 1 <= kind <= 4:
            values.append(Value("air.temperature", little(data, at, signed=True) / 10, f"probe{number}", time))
        elif kind in (5, 6):
            values += [value._replace(time=time) for value in _state("door.open", channel=str(number))(data[at : at + 1])]
    return values


def _stored_probe(data: bytes) -> list[Value]:
    """TS201: bits 7-4 of byte 4 are 0 where the probe could be read."""
    if data[4] >> 4:
        return []
    return [Value("air.temperature", little(data, 5, signed=True) / 10, "probe1", little(data, 0, 4) * 1000)]


_FIRMWARE = (0xFF, 0x0A)
_COMMON: Table = {
    (0x01, 0x75): _Entry(1, _gauge("device.battery", 1, 1)),
    (0xFF, 0x01): _Entry(1),
    (0xFF, 0x09): _Entry(2),
    _FIRMWARE: _Entry(2),
    (0xFF, 0x0B): _Entry(1),
    (0xFF, 0x0F): _Entry(1),
    (0xFF, 0x08): _Entry(6),
    (0xFF, 0x16): _Entry(8),
    (0xFF, 0xFE): _Entry(1),
    (0xFF, 0xFF): _Entry(2),
}
_WARM = {
    (0x03, 0x67): _Entry(2, _gauge("air.temperature", 10, signed=True)),
    (0x83, 0x67): _Entry(3, _gauge("air.temperature", 10, signed=True)),
}
_CLIMATE = {**_WARM, (0x04, 0x68): _Entry(1, _gauge("air.humidity", 2, 1))}
_THEN_WARM = _Stored(4, "air.temperature", 10, signed=True)
_THEN_CLIMATE = _THEN_WARM, _Stored(6, "air.humidity", 2, 1)
_STORED = _stored(7, *_THEN_CLIMATE)
_THEN_AIR = (
    _THEN_WARM,
    _Stored(6, "air.humidity", 2),
    _Stored(8, "motion", 1, 1),
    _Stored(10, "air.co2"),
    _Stored(14, "air.pressure", 10),
)
_AIR = {**_CLIMATE, (0x07, 0x7D): _Entry(2, _gauge("air.co2")), (0x09, 0x73): _Entry(2, _gauge("air.pressure", 10))}
_AM100 = {
    **_AIR,
    (0x05, 0x6A): _Entry(2),
    (0x06, 0x65): _Entry(6, _gauge("light.illuminance")),
    (0x08, 0x7D): _Entry(2),
}
_AM300 = {
    **_AIR,
    (0x05, 0x00): _Entry(1, _state("motion")),
    (0x06, 0xCB): _Entry(1),
    **{(channel, 0x7D): _Entry(2) for channel in (0x08, 0x0A, 0x0C, 0x0D)},
    (0x08, 0xE6): _Entry(2),
    (0x0B, 0x7D): _Entry(2, _gauge("air.pm25")),
    (0x0E, 0x01): _Entry(1),
}
_PROBES = {
    (channel | alarm << 7, 0x67): _Entry(2 + alarm, _gauge("air.temperature", 10, 2, True, f"probe{channel - 2}"))
    for channel in (3, 4)
    for alarm in (0, 1)
}
_ASSUMED = Quality.UNIT_ASSUMED.value
_CLAMP: Table = {(0x09, 0x67): _Entry(2, _clamp_temperature), (0x89, 0x67): _Entry(3, _clamp_temperature)}

_SERIES: dict[str, Table] = {
    "milesight-ct10x": {
        **_CLAMP,
        (0x03, 0x97): _Entry(4),
        (0x04, 0x98): _Entry(2, _current(100)),
        (0x84, 0x98): _Entry(7, _current(100, at=4)),
        (0x10, 0x63): _Entry(4, _gauge("energy.active.import.total", 100, 4, quality=_ASSUMED)),
        (0x13, 0x75): _Entry(1),
    },
    "milesight-ct3xx": {
        **_CLAMP,
        **{(1 + 2 * clamp, 0x97): _Entry(4) for clamp in (1, 2, 3)},
        **{(2 + 2 * clamp, 0x99): _Entry(2, _current(10, str(clamp))) for clamp in (1, 2, 3)},
        **{(0x82 + 2 * clamp, 0x99): _Entry(7, _current(10, str(clamp), at=4)) for clamp in (1, 2, 3)},
    },
    "milesight-ws101": {(0xFF, 0x2E): _Entry(1)},
    "milesight-ws101-sos": {(0xFF, 0x2E): _Entry(1, _called)},
    "milesight-ws51x": {
        (0x03, 0x74): _Entry(2, _gauge("voltage", 10)),
        (0x04, 0x80): _Entry(4, _gauge("power.active", 1, 4)),
        (0x05, 0x81): _Entry(1, _gauge("power.factor", 100, 1)),
        (0x06, 0x83): _Entry(4, _gauge("energy.active.import.total", 1000, 4)),
        (0x07, 0xC9): _Entry(2, _gauge("current", 1000)),
        (0x08, 0x70): _Entry(1, _state("switch.on", 1)),
    },
    "milesight-gs101": {
        (0x05, 0x8E): _Entry(1, _state("fire.gas")),
        (0x06, 0x01): _Entry(1),
        (0x07, 0x01): _Entry(1),
        (0x08, 0x90): _Entry(4),
        (0xFF, 0x3F): _Entry(1, _gas_detector),
    },
    "milesight-am100": {**_AM100, **_STORED},
    "milesight-am103": {**_AM100, **_stored(9, *_THEN_CLIMATE, _Stored(7, "air.co2"))},
    "milesight-am300": _AM300,
    "milesight-am307": {**_AM300, **_stored(16, *_THEN_AIR)},
    "milesight-am308": {**_AM300, **_stored(20, *_THEN_AIR, _Stored(16, "air.pm25"))},
    "milesight-th": {**_CLIMATE, **_STORED},
    "milesight-em300-di": {**_CLIMATE, (0x05, 0x00): _Entry(1), (0x05, 0xC8): _Entry(4), **_stored(13, *_THEN_CLIMATE)},
    "milesight-em500-co2": {
        **_CLIMATE,
        (0x05, 0x7D): _Entry(2, _gauge("air.co2")),
        (0x06, 0x73): _Entry(2, _gauge("air.pressure", 10)),
    },
    "milesight-em500-lgt": {(0x03, 0x94): _Entry(4, _gauge("light.illuminance", 1, 4))},
    "milesight-em300-leak": {**_CLIMATE, (0x05, 0x00): _Entry(1, _state("water.leak"))},
    "milesight-em300-mcs": {**_CLIMATE, (0x06, 0x00): _Entry(1, _state("door.open"))},
    "milesight-em400": {**_WARM, (0x04, 0x82): _Entry(2), (0x84, 0x82): _Entry(3), (0x05, 0x00): _Entry(1)},
    "milesight-ws301": {(0x03, 0x00): _Entry(1, _state("door.open")), (0x04, 0x00): _Entry(1, _state("device.tamper"))},
    "milesight-ws202": {(0x03, 0x00): _Entry(1, _state("motion")), (0x04, 0x00): _Entry(1)},
    "milesight-ws303": {(0x03, 0x00): _Entry(1, _state("water.leak"))},
    "milesight-gs301": {
        (0x02, 0x67): _Entry(2, _gauge("air.temperature", 10, signed=True)),
        (0x03, 0x68): _Entry(1, _gauge("air.humidity", 2, 1)),
        (0x04, 0x7D): _Entry(2),
        (0x05, 0x7D): _Entry(2),
    },
    "milesight-probe": _PROBES,
    "milesight-ts201": {
        **_PROBES,
        (0xFF, 0xA0): _Entry(9),
        (0x93, 0x67): _Entry(5, _gauge("air.temperature", 10, 2, True, "probe1")),
        (0xB3, 0x67): _Entry(1, lambda data: [Value("device.fault", 1.0, "probe1")]),
        (0x20, 0xCE): _Entry(7, _stored_probe),
    },
    "milesight-ts302": {
        **_PROBES,
        **{(2 + number, 0x00): _Entry(1, _state("door.open", channel=str(number))) for number in (1, 2)},
        (0x20, 0xCE): _Entry(9, _stored_probes),
    },
    "milesight-at101": {
        (0x03, 0x67): _Entry(2, _gauge("device.temperature", 10, signed=True)),
        (0x83, 0x67): _Entry(3, _gauge("device.temperature", 10, signed=True)),
        (0x04, 0x88): _Entry(9),
        (0x05, 0x00): _Entry(1),
        (0x06, 0xD9): _Entry(9),
        (0x07, 0x00): _Entry(1, _state("device.tamper")),
    },
    "milesight-wt201": {
        **_WARM,
        (0x04, 0x67): _Entry(2),
        (0x09, 0x68): _Entry(1, _gauge("air.humidity", 2, 1)),
        **{(channel, kind): _Entry(1) for channel, kind in ((0x05, 0xE7), (0x06, 0xE8), (0x07, 0xBC), (0x08, 0x8E))},
    },
    "milesight": {},  # any other: what is common to all
}


def _decoder(series: Table) -> Decoder:
    table = {**_COMMON, **series}

    def decode(port: int, data: bytes) -> Frame:
        values: list[Value] = []
        firmware = None
        at = 0
        while at < len(data):
            key = data[at], data[at + 1] if at + 1 < len(data) else -1
            entry = table.get(key)
            if entry is None:
                return Frame(tuple(values), firmware, partial=at > 0 or key[0] not in (0xFE, 0xFF))
            value = data[at + 2 : at + 2 + entry.length]
            if len(value) < entry.length:
                raise BadFrame(f"entry {key[0]:02x} {key[1]:02x} at byte {at} is cut off")
            if key == _FIRMWARE:
                firmware = f"{value[0]:x}.{value[1]:x}"
            elif entry.read:
                values += entry.read(value)
            at += 2 + entry.length
        return Frame(tuple(values), firmware)

    return decode


DECODERS: dict[str, Decoder] = {name: _decoder(series) for name, series in _SERIES.items()}
