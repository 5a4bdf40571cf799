"""Yobiiq electricity meters: EM2101 (one phase, with relay, P1002009) and EM4301 (three phases, P1002011).

Ports 1 to 10, measurements: a list of entries: channel (not checked), register (1 byte), value (most significant byte first):

    register   length  EM2101                                EM4301
    0x00       4       number of the record
    0x01       4       the meter's clock, seconds since 1970 (not used: the network's time is as good)
    0x03       4       when the record was logged, seconds since 1970: the readings' time
    0x04 0x05  4       active energy import, tariff 1 and 2, Wh: channels "T1" and "T2"
    0x06 0x07  4       active energy export, likewise
    0x08 0x09  4       reactive energy import, varh, likewise; 0x0a 0x0b export: no quantity of ours
    0x0c-0x0e  4s      voltage of L1, L2, L3, 0.1 V
    0x0f       4s      sum of the currents: no measurement
    0x10-0x12  4s      current of L1, L2, L3, mA
    0x13       4s      active power of all phases, W
    0x14-0x16  4s      active power of L1, L2, L3, W
    0x17-0x19  4s      reactive power of L1, L2, L3, var
    0x1a-0x1c  4s      apparent power of L1, L2, L3, VA
    0x1d-0x1f  1s      power factor of L1, L2, L3, 0.01
    0x20-0x22  2s      phase angle; 0x23  2s  frequency, 0.01 Hz
    0x24       4       system's active power: labelled kW in the vendor's decoder, W in truth (beside 0x26 of 557.67 kVA
                       it is 557537); 0x13 says the same and is used
    0x25 0x26  4       system's reactive power, var; apparent power, VA
    0x27-0x29  4s      highest demand; 0x2a  4s  average power; 0x2b  4  year of certification; 0xf0-0xf2  2  versions
(s: signed). Channel 0x0b with register 0x0a: one byte, the meter did not answer (Modbus error): ``device.fault`` unless 0.
One phase: ``voltage``, ``current``, ``power.*``; three: ``voltage.l1`` …, and power factor on channels l1, l2, l3.

Port 11 (EM2101), changes: register 0x01 relay: 0 open, 1 closed (switch.on); 0x02 digital input: nothing.
Port 50, about the device: 0xff, register, value (0x0a firmware); 60, why the relay switched. One byte on any port answers
a downlink. After an unknown register nothing can be read: what came before counts, the frame is partial.

Sources: Yobiiq's own decoders, TheThingsNetwork/lorawan-devices, vendor/yobiiq: em2101.js and em4301.js, version 1.0.1.
"""

from typing import NamedTuple

from adapters.lora_frame import Frame, UnknownCode, Value, big


class _Register(NamedTuple):
    length: int
    quantity: str = ""
    per: float = 1  # a canonical unit
    channel: str = ""
    signed: bool = False


_CLOCK = 0x03
_NOTHING = {0x00: 4, 0x01: 4, _CLOCK: 4, 0x0A: 4, 0x0B: 4, 0x0F: 4, **dict.fromkeys(range(0x20, 0x23), 2), 0x24: 4}
_NOTHING |= {**dict.fromkeys(range(0x27, 0x2C), 4), **dict.fromkeys(range(0xF0, 0xF3), 2)}
_COMMON = {
    **{register: _Register(length) for register, length in _NOTHING.items()},
    0x04: _Register(4, "energy.active.import.total", 1000, "T1"),
    0x05: _Register(4, "energy.active.import.total", 1000, "T2"),
    0x06: _Register(4, "energy.active.export.total", 1000, "T1"),
    0x07: _Register(4, "energy.active.export.total", 1000, "T2"),
    0x08: _Register(4, "energy.reactive.import.total", 1000, "T1"),
    0x09: _Register(4, "energy.reactive.import.total", 1000, "T2"),
    0x23: _Register(2, "frequency", 100, signed=True),
}
_ONE = _COMMON | {
    0x0C: _Register(4, "voltage", 10, signed=True),
    0x10: _Register(4, "current", 1000, signed=True),
    0x14: _Register(4, "power.active", signed=True),
    0x17: _Register(4, "power.reactive", signed=True),
    0x1A: _Register(4, "power.apparent", signed=True),
    0x1D: _Register(1, "power.factor", 100, signed=True),
    0x25: _Register(4),
    0x26: _Register(4),
}
_THREE = _COMMON | {
    **{0x0B + phase: _Register(4, f"voltage.l{phase}", 10, signed=True) for phase in (1, 2, 3)},
    **{0x0F + phase: _Register(4, f"current.l{phase}", 1000, signed=True) for phase in (1, 2, 3)},
    0x13: _Register(4, "power.active", signed=True),
    **{0x13 + phase: _Register(4, f"power.active.l{phase}", signed=True) for phase in (1, 2, 3)},
    **dict.fromkeys(range(0x17, 0x1D), _Register(4)),
    **{0x1C + phase: _Register(1, "power.factor", 100, f"l{phase}", signed=True) for phase in (1, 2, 3)},
    0x25: _Register(4, "power.reactive"),
    0x26: _Register(4, "power.apparent"),
}
_CHANGES = 11
_ABOUT = 50
_EVENTS = 60
_ABOUT_LENGTHS = {0x09: 2, 0x0A: 2, 0x16: 4, 0x0F: 1, 0x0B: 1, 0x00: 1, 0x1E: 2, 0x1F: 1, 0x20: 4, 0x21: 2}


def decode_em2101(port: int, data: bytes) -> Frame:
    if port == _CHANGES and len(data) > 1:
        return _changes(data)
    return _decode(port, data, _ONE)


def decode_em4301(port: int, data: bytes) -> Frame:
    return _decode(port, data, _THREE)


def _decode(port: int, data: bytes, registers: dict[int, _Register]) -> Frame:
    if len(data) == 1 or port == _EVENTS:
        return Frame()
    if port == _ABOUT:
        return _about(data)
    if not 1 <= port <= 10:
        return Frame(partial=True)
    values: list[Value] = []
    logged: int | None = None
    partial = False
    at = 0
    while at < len(data):
        channel, register = data[at], big(data, at + 1, 1)
        if (channel, register) == (0x0B, 0x0A):
            values.append(Value("device.fault", float(big(data, at + 2, 1) != 0)))
            at += 3
            continue
        known = registers.get(register)
        if known is None:
            partial = True
            break
        value = big(data, at + 2, known.length, known.signed)
        at += 2 + known.length
        if register == _CLOCK:
            logged = value * 1000
        elif known.quantity:
            values.append(Value(known.quantity, value / known.per, known.channel))
    return Frame(tuple(value._replace(time=logged) for value in values), partial=partial)


def _changes(data: bytes) -> Frame:
    values = []
    for at in range(0, len(data), 3):
        register, value = big(data, at + 1, 1), big(data, at + 2, 1)
        if register == 0x01:
            if value > 1:
                raise UnknownCode(f"relay is {value}, expected 0 (open) or 1 (closed)")
            values.append(Value("switch.on", float(value)))
        elif register != 0x02:
            return Frame(tuple(values), partial=True)
    return Frame(tuple(values))


def _about(data: bytes) -> Frame:
    firmware = None
    at = 0
    while at < len(data):
        register = big(data, at + 1, 1)
        length = _ABOUT_LENGTHS.get(register)
        if length is None:  # 0x28, the model, goes to the end; the rest are settings
            break
        value = big(data, at + 2, length)
        if register == 0x0A:
            firmware = f"{value >> 8:x}.{value & 255:x}"
        at += 2 + length
    return Frame(firmware=firmware)
