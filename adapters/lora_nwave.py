"""Nwave parking sensors: G4 NPS SM/FM (NPS405), the older NPS310 SM, and the car counters NCC SM/FM (NCC405).

G4 NPS (``decode``):
    port  bytes  what
    1     1      parking status: bit 7: 1 occupied, 0 free; bits 6-0 how long the last state lasted, compressed
    2     3-     heartbeat: byte 0 bit 7 as above, bits 6-0 hardware health; byte 1 battery, 2500 mV + 4 mV a step;
                 byte 2 degrees Celsius, signed: 10 + half a degree a step. Further bytes are not described
    3     5      start-up: firmware major, minor, patch; cause of reset; byte 4 bit 0: 1 occupied
    6     any    debug
    10    5      a driver's tag was read: byte 0 bit 7 set: occupied, else nothing known about the bay; bytes 1-4 the tag

NPS310 (``decode_nps310``): port 1 and 2: one byte, **bit 0**: 1 occupied; port 3 as above.
NCC (``decode_ncc``): port 1: how many cars, two bytes, no quantity of ours; port 2: byte 0 health, byte 1 battery as above,
byte 2 its mean over 24 h; port 3: firmware and cause of reset.

Pitfalls: the battery byte is unsigned (0xd3 is 3.344 V; read as signed it is 2.32 V, as some converters have it). The
temperature is that of the housing in or on the ground. A battery is low under 3.0 V, under 2.9 V when colder than -5 degrees.

Sources: Nwave's own decoders, TheThingsNetwork/lorawan-devices, vendor/nwave: nps405.js, nps310sm.js, ncc405.js.
"""

from adapters.lora_frame import BadFrame, Frame, Value, big

_DEBUG_PORT = 6


def decode(port: int, data: bytes) -> Frame:
    if port == 1:
        _length(port, data, 1)
        return Frame((_occupied(data[0] >> 7),))
    if port == 2:
        celsius = big(data, 2, 1, signed=True) / 2 + 10
        millivolt = 2500 + data[1] * 4
        low = millivolt < (2900 if celsius < -5 else 3000)
        battery = Value("device.battery.voltage", millivolt / 1000), Value("device.battery.low", float(low))
        return Frame((_occupied(data[0] >> 7), Value("device.temperature", celsius), *battery))
    if port == 3:
        return _start(port, data)
    if port == 10:
        _length(port, data, 5)
        return Frame((_occupied(1),) if data[0] >> 7 else ())
    return Frame(partial=port != _DEBUG_PORT)


def decode_nps310(port: int, data: bytes) -> Frame:
    if port in (1, 2):
        _length(port, data, 1)
        return Frame((_occupied(data[0] & 1),))
    if port == 3:
        return _start(port, data)
    return Frame(partial=port != _DEBUG_PORT)


def decode_ncc(port: int, data: bytes) -> Frame:
    if port == 1:
        _length(port, data, 2)
        return Frame()
    if port == 2:
        return Frame((Value("device.battery.voltage", (2500 + big(data, 1, 1) * 4) / 1000),))
    if port == 3:
        return Frame(firmware=_firmware(data))
    return Frame(partial=port != _DEBUG_PORT)


def _start(port: int, data: bytes) -> Frame:
    _length(port, data, 5)
    return Frame((_occupied(data[4] & 1),), firmware=_firmware(data))


def _firmware(data: bytes) -> str:
    return f"{big(data, 0, 1)}.{big(data, 1, 1)}.{big(data, 2, 1)}"


def _occupied(bit: int) -> Value:
    return Value("parking.occupied", float(bit))


def _length(port: int, data: bytes, wanted: int) -> None:
    if len(data) != wanted:
        raise BadFrame(f"{len(data)} bytes on port {port}, expected {wanted}")
