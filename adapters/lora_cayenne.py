"""Cayenne Low Power Payload, and the PNI PlacePod parking sensor, which speaks it.

A list of entries: channel (1 byte), type (1), value (of the type's length, most significant byte first, signed):

    type  length  value                                     read by ``decode`` as
    0x00  1       digital input                             -
    0x01  1       digital output                            -
    0x02  2       analog input, 0.01                        -
    0x03  2       analog output, 0.01                       -
    0x65  2       illuminance, 1 lx (unsigned)              light.illuminance
    0x66  1       presence                                  motion (0 or 1)
    0x67  2       temperature, 0.1 degree Celsius           air.temperature
    0x68  1       relative humidity, 0.5 % (unsigned)       air.humidity
    0x71  6       accelerometer, 3 x 0.001 G                -
    0x73  2       barometer, 0.1 hPa (unsigned)             air.pressure
    0x86  6       gyrometer                                 -
    0x88  9       GPS                                       -
An unknown type ends the reading, as its length is unknown: what came before counts, the frame is partial.
The reading's channel is the entry's, as a decimal number.

PlacePod (``decode_placepod``) gives the channels a meaning of its own:
    21 (0x15)  type 0x66  the bay: 1 occupied, 0 free, on change
    55 (0x37)  type 0x66  the same, from time to time (keep alive)
    33 (0x21)  type 0x00  cars counted; 2  type 0x67  temperature of the housing; 3  type 0x02  battery in V
    5, 6       type 0x00  sensor errors, codes of PNI's own; 1  recalibrated
The other channels have no quantity of ours.

Sources: myDevices, "Cayenne LPP 2.0", data types; PNI, "PlacePod LoRa payload", as carried over by PNI-Cloud/PlacePod-Api,
test/CayenneLpp.test.js (0302016d is 3.65 V, 026700eb 23.5 degrees, 156601 occupied).
"""

from collections.abc import Iterator

from adapters.lora_frame import Frame, UnknownCode, Value, big

_LENGTHS = {0x00: 1, 0x01: 1, 0x02: 2, 0x03: 2, 0x65: 2, 0x66: 1, 0x67: 2, 0x68: 1, 0x71: 6, 0x73: 2, 0x86: 6, 0x88: 9}
_UNSIGNED = frozenset({0x65, 0x66, 0x68, 0x73})
_QUANTITIES = {
    0x65: ("light.illuminance", 1),
    0x66: ("motion", 1),
    0x67: ("air.temperature", 10),
    0x68: ("air.humidity", 2),
    0x73: ("air.pressure", 10),
}
_PLACEPOD = {
    (21, 0x66): ("parking.occupied", 1),
    (55, 0x66): ("parking.occupied", 1),
    (2, 0x67): ("device.temperature", 10),
    (3, 0x02): ("device.battery.voltage", 100),
}


def decode(port: int, data: bytes) -> Frame:
    values: list[Value] = []
    for channel, kind, value in _entries(data):
        if value is None:
            return Frame(tuple(values), partial=True)
        if kind in _QUANTITIES:
            quantity, per = _QUANTITIES[kind]
            values.append(Value(quantity, _checked(quantity, value) / per, str(channel)))
    return Frame(tuple(values))


def decode_placepod(port: int, data: bytes) -> Frame:
    values: list[Value] = []
    for channel, kind, value in _entries(data):
        if value is None:
            return Frame(tuple(values), partial=True)
        if (channel, kind) in _PLACEPOD:
            quantity, per = _PLACEPOD[channel, kind]
            values.append(Value(quantity, _checked(quantity, value) / per))
    return Frame(tuple(values))


def _entries(data: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Channel, type and value; the value is None, and it is the last one, for a type whose length nobody knows."""
    at = 0
    while at < len(data):
        channel, kind = data[at], big(data, at + 1, 1)
        length = _LENGTHS.get(kind)
        if length is None:
            yield channel, kind, None
            return
        yield channel, kind, big(data, at + 2, length, signed=kind not in _UNSIGNED)
        at += 2 + length


def _checked(quantity: str, value: int) -> int:
    if quantity in ("motion", "parking.occupied") and value not in (0, 1):
        raise UnknownCode(f"{quantity} is {value}, expected 0 or 1")
    return value
