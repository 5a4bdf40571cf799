"""Netvox: fire detector RA02A, carbon monoxide RA02C, current meters R718N1 and R718N3, and the rest of R311, R718, RA07 …

Port 6, a report, 11 bytes, most significant byte first:
    0  version (1)   1  device type   2  report type; 0 is about versions: byte 3 firmware in tenths
    3  battery: bits 6-0 in 0.1 V, bit 7: 1 low. 0: fed from the mains. Not there in mains devices (R809A, R816B, R831)
    from 4 by device type:
      0x0a RA02A           4 fire alarm, 5 high temperature alarm (0 no), 6 temperature 0.1 degree
      0x11 RA02C           4 carbon monoxide alarm, 5 high temperature alarm
      0x49 R718N1          4 current in mA, 6 its multiplier
      0x4a R718N3          report 1: 4, 6, 8 currents in mA, 10 multiplier of the first
                           report 3: the same, 10 all three multipliers, two bits each: 0, 1, 2, 3 are 1, 5, 10, 100
                           report 2: 4, 5 second and third multiplier; 4: alarms of thresholds
      0x0e R809A, 0x73 R816B   report 1: 3 on, 4 energy in Wh (4 bytes); 2: 3 voltage V, 5 current mA, 7 power W
      0x10 RB02I, 0x4d R312A   4 emergency button: safety.sos, an event: 0 is no reading
      0x12, 0x32 R718WB, WA; 0x06, 0x5a R311W, WA   4 (and 5) water leak
      0x01 R711, 0x0b R718A, 0x13 R718AB, 0x6e R720A   4 temperature 0.01 degree, 6 humidity 0.01 %
      0x9c R718AD, 0xbc R711A   4 temperature 0.01 degree
      0x90-0x95 R718CJ-CE, B; 0x14, 0x16, 0x17 B2, CK2, CT2   4 (and 6) temperature of a probe 0.1 degree
      0x35-0x37, 0x6a RA0716, R72616, R72716, R72616A   as 0x01; 8 PM2.5 ug/m3
      0x03 RB11E           4 temperature 0.01 degree, 6 illuminance lx, 8 occupied, 9 taken apart (device.tamper)
      0x04 R311G; 0x1e R718G   4 illuminance lx, 2 bytes; 4 bytes
      0x05, 0x09, 0x0d RA07, R726, RA07Y   report 1, 2: 6 PM2.5; 7: 4 CO2 0.1 ppm; 12: 4 temperature 0.01, 6 humidity 0.01 %
      others               battery only: what their contacts, pulses or angles mean depends on how they are wired
Ports 7, 13, 14, 20: answers to settings, no measurement. In RA07, R726, RA07Y 0xffff means that no such sensor is fitted: no
reading; elsewhere it is a number like any other (0xffff is -0.01 degrees).

A second and third current of report 1 come without their multipliers: the first one's is taken, flagged unit_assumed.
Temperatures of probes are on channel "probe1" …; those of the detector RA02A are the air's.

Sources: Netvox's own decoders, TheThingsNetwork/lorawan-devices, vendor/netvox/payload (ra02a.js, r718n3.js,
r711_r718a_r718ab_r720a.js, ra0715_…, and so on); units and multipliers: Netvox, user manuals R718N3(E) page 7 f. and R718N1.
"""

from typing import NamedTuple

from adapters.lora_frame import Frame, Value, big
from hub.model import Quality


class _Field(NamedTuple):
    at: int
    quantity: str
    per: float = 1
    size: int = 1
    signed: bool = False
    channel: str = ""


def _climate(per: float = 100) -> tuple[_Field, ...]:
    return _Field(4, "air.temperature", per, 2, signed=True), _Field(6, "air.humidity", per, 2)


def _probe(number: int) -> _Field:
    return _Field(2 + 2 * number, "air.temperature", 10, 2, signed=True, channel=f"probe{number}")


_FIRE = (_Field(4, "fire.smoke"), _Field(5, "fire.heat"), _Field(6, "air.temperature", 10, 2, signed=True))
_DUST = (_Field(8, "air.pm25", 1, 2),)
_LEAK = (_Field(4, "water.leak"),)
_PLUG = {
    1: (_Field(3, "switch.on"), _Field(4, "energy.active.import.total", 1000, 4)),
    2: (_Field(3, "voltage", 1, 2), _Field(5, "current", 1000, 2), _Field(7, "power.active", 1, 2)),
}
_STATION = {
    1: (_Field(6, "air.pm25", 1, 2),),
    2: (_Field(6, "air.pm25", 1, 2),),
    7: (_Field(4, "air.co2", 10, 2),),
    12: _climate(),
}
_BY_TYPE: dict[int, tuple[_Field, ...]] = {
    0x0A: _FIRE,
    0x11: (_Field(4, "fire.co"), _Field(5, "fire.heat")),
    **dict.fromkeys((0x01, 0x0B, 0x13, 0x6E), _climate()),
    **dict.fromkeys((0x9C, 0xBC), _climate()[:1]),
    **dict.fromkeys(range(0x90, 0x96), (_probe(1),)),
    **dict.fromkeys((0x14, 0x16, 0x17), (_probe(1), _probe(2))),
    **dict.fromkeys((0x35, 0x36, 0x37, 0x6A), _climate() + _DUST),
    **dict.fromkeys((0x12, 0x32, 0x5A), _LEAK),
    0x06: (_Field(4, "water.leak", channel="1"), _Field(5, "water.leak", channel="2")),
    0x03: (
        _climate()[0],
        _Field(6, "light.illuminance", 1, 2),
        _Field(8, "motion"),
        _Field(9, "device.tamper"),
    ),
    0x04: (_Field(4, "light.illuminance", 1, 2),),
    0x1E: (_Field(4, "light.illuminance", 1, 4),),
}
_BUTTONS = frozenset({0x10, 0x4D})
_PLUGS = frozenset({0x0E, 0x73})
_STATIONS = frozenset({0x05, 0x09, 0x0D})
_STATES = frozenset({"fire.smoke", "fire.heat", "fire.co", "water.leak", "motion", "device.tamper", "switch.on"})
_WITH_BATTERY = frozenset(
    {
        *(0x02, 0x1A, 0x1B, 0x1D, 0x1F, 0x20, 0x21, 0x22, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2C, 0x2F, 0x31, 0x34, 0x3D, 0x3E),
        *(0x3F, 0x41, 0x42, 0x43, 0x44, 0x45, 0x4B, 0x4C, 0x4E, 0x4F, 0x50, 0x51, 0x55, 0x56, 0x59, 0x5B, 0x6C, 0x70, 0x82),
        *(0x89, 0x8B, 0x97, 0x9A, 0x9B, 0xA5, 0xA8, 0xA9, 0xAA, 0xB1, 0xB7, 0xC8),
    }
)
_ASSUMED = Quality.UNIT_ASSUMED.value
_MULTIPLIERS = (1, 5, 10, 100)
_REPORT_PORT = 6
_ANSWER_PORTS = frozenset({7, 13, 14, 20})


def decode(port: int, data: bytes) -> Frame:
    if port in _ANSWER_PORTS:
        return Frame()
    if port != _REPORT_PORT:
        return Frame(partial=True)
    kind, report = big(data, 1, 1), big(data, 2, 1)
    if report == 0:
        return Frame(firmware=f"{big(data, 3, 1) / 10:g}")
    if kind in _PLUGS or kind in _STATIONS:
        fields = (_PLUG if kind in _PLUGS else _STATION).get(report, ())
        values = _read(fields, data, kind in _STATIONS)
        return Frame(tuple(values if kind in _PLUGS else _battery(data) + values), partial=not fields)
    if kind in (0x49, 0x4A):
        return Frame(tuple(_battery(data) + _currents(kind, report, data)))
    if kind in _BUTTONS:
        pressed = [Value("safety.sos", 1.0)] if big(data, 4, 1) else []
        return Frame(tuple(_battery(data) + pressed))
    if kind in _BY_TYPE:
        return Frame(tuple(_battery(data) + _read(_BY_TYPE[kind], data)))
    return Frame(tuple(_battery(data)) if kind in _WITH_BATTERY else (), partial=True)


def _battery(data: bytes) -> list[Value]:
    byte = big(data, 3, 1)
    if not byte & 0x7F:
        return []
    return [Value("device.battery.voltage", (byte & 0x7F) / 10), Value("device.battery.low", float(byte >> 7))]


def _read(fields: tuple[_Field, ...], data: bytes, may_be_absent: bool = False) -> list[Value]:
    values = []
    for field in fields:
        value = big(data, field.at, field.size, field.signed)
        if may_be_absent and data[field.at : field.at + field.size] == b"\xff" * field.size:
            continue
        state = field.quantity in _STATES
        values.append(Value(field.quantity, float(value != 0) if state else value / field.per, field.channel))
    return values


def _currents(kind: int, report: int, data: bytes) -> list[Value]:
    if kind == 0x49:
        return [Value("current", big(data, 4) * big(data, 6, 1) / 1000)]
    if report not in (1, 3):
        return []
    multiplier = big(data, 10, 1)
    values = []
    for phase in (1, 2, 3):
        times = multiplier if report == 1 else _MULTIPLIERS[multiplier >> 2 * (phase - 1) & 3]
        assumed = _ASSUMED if report == 1 and phase > 1 else 0
        values.append(Value(f"current.l{phase}", big(data, 2 + 2 * phase) * times / 1000, quality=assumed))
    return values
