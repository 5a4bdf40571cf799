"""Elsys ERS, ELT, EMS: indoor and universal sensors. Any port: a list of entries: type (1 byte), value, most significant first.

    0x01  2s  temperature, 0.1 degree     0x02  1   humidity, %               0x04  2  illuminance, lx
    0x05  1   movements since the last: motion, 0 for none                    0x06  2  CO2, ppm
    0x07  2   battery, mV                 0x0c, 0x19  2s  external temperature, 0.1 degree: channels "external1", "external2"
    0x14  4   pressure, 0.001 hPa         0x10  4  infrared temperatures, inside and of what is seen: no quantity of ours
    no quantity of ours: 0x03 (3) acceleration, 0x08, 0x18 (2) analog, 0x09 (6) position, 0x0a, 0x16 (2) pulses, 0x0b, 0x17 (4)
    pulses in all, 0x0d, 0x1a (1) digital, 0x0e (2) distance, 0x0f (1) shaken, 0x11 (1) somebody is there (0 to 2, of the maker's
    scale), 0x12 (1) water (0 to 255, without a threshold), 0x13 (65) picture, 0x15 (2) sound, 0x1b (4) microvolt, 0x1c (2) TVOC,
    0x3d (4) debug
Several 0x19 in one frame are external2, external3 … After an unknown type nothing can be read: the frame is partial.

Source: Elsys' own decoder, TheThingsNetwork/lorawan-devices, vendor/elsys/elsys.js (0100e2 is 22.6 degrees, 0229 41 %).
"""

from adapters.lora_frame import Frame, Value, big

_GAUGES = {
    0x01: ("air.temperature", 10),
    0x02: ("air.humidity", 1),
    0x04: ("light.illuminance", 1),
    0x06: ("air.co2", 1),
    0x07: ("device.battery.voltage", 1000),
    0x14: ("air.pressure", 1000),
}
_LENGTHS = {
    **dict.fromkeys((2, 5, 13, 15, 17, 18, 26), 1),
    **dict.fromkeys((1, 4, 6, 7, 8, 10, 12, 14, 21, 22, 24, 25, 28), 2),
    0x03: 3,
    **dict.fromkeys((11, 16, 20, 23, 27, 61), 4),
    0x09: 6,
    0x13: 65,
}


def decode(port: int, data: bytes) -> Frame:
    values: list[Value] = []
    external = 1
    at = 0
    while at < len(data):
        kind = data[at]
        length = _LENGTHS.get(kind)
        if length is None:
            return Frame(tuple(values), partial=True)
        raw = big(data, at + 1, length, signed=kind in (0x01, 0x0C, 0x19))
        if kind in _GAUGES:
            quantity, per = _GAUGES[kind]
            values.append(Value(quantity, raw / per))
        elif kind == 0x05:
            values.append(Value("motion", float(raw > 0)))
        elif kind in (0x0C, 0x19):
            external = 1 if kind == 0x0C else external + 1
            values.append(Value("air.temperature", raw / 10, f"external{external}"))
        at += 1 + length
    return Frame(tuple(values))
