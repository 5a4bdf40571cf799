"""Bosch Parking Lot Sensor TPS110 (EU868, AS923; firmware 0.23 to 0.32): one bay, magnetometer and radar.

    port  bytes  what
    1     1      parking status, on change:  byte 0 bit 0: 1 occupied, 0 free; other bits reserved
    2     1-2    heartbeat, once a day unless set otherwise: byte 0 as port 1; byte 1, if temperature is enabled: degrees
                 Celsius inside the housing, signed
    3     17     start-up: bytes 0-11 debug codes; 12, 13, 14 firmware major, minor, patch; 15 cause of reset;
                 16 as port 1
    7     1      temperature alert: degrees Celsius inside the housing, signed
    4-6          device information, usage, debug: no measurement

No battery level and no clock. The temperature is that of the housing in the ground, not of the air.

Sources: Bosch, "Parking Lot Sensor, communication interface" (2019), as carried over by TheThingsNetwork/lorawan-devices,
vendor/bosch/tps110-0292 (examples: port 1 ``01`` is occupied; port 2 ``01ff`` is occupied at -1 degree; firmware 0.29.2 is
``00 1d 02``), and by SensationalSystems/bosch-parking-lot-sensor-decoder (port 7).
"""

from adapters.lora_frame import BadFrame, Frame, Value

_LENGTHS = {1: (1,), 2: (1, 2), 3: (17,), 7: (1,)}
_NO_MEASUREMENT = frozenset({4, 5, 6})


def decode(port: int, data: bytes) -> Frame:
    if port in _NO_MEASUREMENT:
        return Frame()
    lengths = _LENGTHS.get(port)
    if lengths is None:
        return Frame(partial=True)
    if len(data) not in lengths:
        raise BadFrame(f"{len(data)} bytes on port {port}, expected {' or '.join(map(str, lengths))}")
    if port == 7:
        return Frame((_temperature(data[0]),))
    if port == 3:
        return Frame((_occupied(data[16]),), firmware=f"{data[12]}.{data[13]}.{data[14]}")
    values = [_occupied(data[0])]
    if len(data) == 2:
        values.append(_temperature(data[1]))
    return Frame(tuple(values))


def _occupied(status: int) -> Value:
    return Value("parking.occupied", float(status & 1))


def _temperature(byte: int) -> Value:
    return Value("device.temperature", float(int.from_bytes([byte], signed=True)))
