"""Yobiiq iQ SD-1001 (P1002015): smoke detector, mains with battery, can be wired to others (interconnect).

Port 8, a list of entries of three bytes: channel, type (0x75, 0x0b, 0x00; not checked by the vendor either), value.

    channel  value
    0x01     battery, 0-100 %
    0x02     mains power: 0 off, 1 on. No quantity of ours
    0x03     battery low: 0 normal, 1 alarm
    0x04     fault: 0 normal, 1 alarm
    0x05     smoke: 0 normal, 1 alarm
    0x06     interconnect: 0 normal, 1 a detector wired to this one sounds: smoke, on channel "interconnect"
    0x07     test button: 0 not pressed, 1 pressed

A single byte on any port answers a downlink (0 succeeded, 1 failed): no measurement.
Port 50, or three entries that begin with 0xff: basic information, entries 0xff, type, value:
0x09 hardware and 0x0a firmware (2 bytes, major and minor in hexadecimal digits), 0x16 serial number (5), 0x0f class (1),
0x0b mains power (1).

After an unknown channel nothing can be read, as its length is unknown: what came before counts, the frame is partial.

Source: Yobiiq's own decoder, TheThingsNetwork/lorawan-devices, vendor/yobiiq/sd-1001.js, version 1.1.0 of 2024-10-30.
"""

from adapters.lora_frame import BadFrame, Frame, UnknownCode, Value

_STATES = {
    0x03: ("device.battery.low", ""),
    0x04: ("fire.fault", ""),
    0x05: ("fire.smoke", ""),
    0x06: ("fire.smoke", "interconnect"),
    0x07: ("fire.test", ""),
}
_INFORMATION = {0x09: 2, 0x0A: 2, 0x16: 5, 0x0F: 1, 0x0B: 1}
_DATA_PORT = 8
_INFORMATION_PORT = 50


def decode(port: int, data: bytes) -> Frame:
    if len(data) == 1:
        return Frame()
    if port == _INFORMATION_PORT or (data[0:1] == data[4:5] == data[8:9] == b"\xff"):
        return _information(data)
    if port != _DATA_PORT:
        return Frame(partial=True)
    values: list[Value] = []
    testing = False
    at = 0
    while at < len(data):
        channel = data[at]
        if channel not in _STATES and channel not in (0x01, 0x02):
            return Frame(tuple(values), partial=True, testing=testing)
        if at + 3 > len(data):
            raise BadFrame(f"entry 0x{channel:02x} at byte {at} is cut off")
        value = data[at + 2]
        at += 3
        if channel == 0x01:
            values.append(Value("device.battery", float(value)))
        elif channel in _STATES:
            quantity, wire = _STATES[channel]
            if value > 1:
                raise UnknownCode(f"{quantity} is {value}, expected 0 or 1")
            values.append(Value(quantity, float(value), wire))
            testing |= channel == 0x07 and value == 1
    return Frame(tuple(values), testing=testing)


def _information(data: bytes) -> Frame:
    firmware = None
    at = 0
    while at < len(data):
        if data[at] != 0xFF:
            raise BadFrame(f"byte {at} is 0x{data[at]:02x}, expected 0xff")
        length = _INFORMATION.get(data[at + 1]) if at + 1 < len(data) else None
        if length is None:
            return Frame(firmware=firmware, partial=True)
        value = data[at + 2 : at + 2 + length]
        if len(value) < length:
            raise BadFrame(f"entry 0x{data[at + 1]:02x} at byte {at} is cut off")
        if data[at + 1] == 0x0A:
            firmware = f"{value[0]:x}.{value[1]:x}"
        at += 2 + length
    return Frame(firmware=firmware)
