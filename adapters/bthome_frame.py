"""BTHome v2 service data (UUID 0xFCD2), unencrypted. Not an adapter itself: for those that hear Bluetooth gateways.

    byte 0      device information: bit 0 encrypted, bit 2 sends only when something happens, bits 5-7 version (2)
    then        objects: one byte says what, then its little-endian value of a length that the first byte fixes

The objects stand in the order of their ids. After one that is not in the table below nothing can be read, as its length is
unknown: what came before counts, the frame is partial. Text (0x53) and raw (0x54) say their length in a byte of their own.

    0x00 packet id: the same again is the same packet             0x3A button: 0 none, 1 press, 2 double, 3 triple, 4 long …
    0x0C voltage, 1 mV: of the battery, unless the frame measures power, energy or current without a 0x4A, which is the mains

Source: https://bthome.io/format (object ids, lengths, factors, units).
"""

from typing import NamedTuple

from hub.model import Reason
from hub.ports import Malformed

_ENCRYPTED = 0x01
_MAINS = 0x4A
_VERSION = 2
_PACKET_ID, _BUTTON, _TEXT, _RAW = 0x00, 0x3A, 0x53, 0x54

# id -> quantity, bytes, signed, factor to our unit
_MEASURED: dict[int, tuple[str, int, bool, float]] = {
    0x01: ("device.battery", 1, False, 1),
    0x02: ("air.temperature", 2, True, 0.01),
    0x03: ("air.humidity", 2, False, 0.01),
    0x04: ("air.pressure", 3, False, 0.01),
    0x05: ("light.illuminance", 3, False, 0.01),
    0x0A: ("energy.active.import.total", 3, False, 0.001),
    0x0B: ("power.active", 3, False, 0.01),
    0x0C: ("voltage", 2, False, 0.001),
    0x0D: ("air.pm25", 2, False, 1),
    0x12: ("air.co2", 2, False, 1),
    0x2E: ("air.humidity", 1, False, 1),
    0x43: ("current", 2, False, 0.001),
    0x45: ("air.temperature", 2, True, 0.1),
    0x4A: ("voltage", 2, False, 0.1),
    0x4B: ("gas.volume.total", 3, False, 0.001),
    0x4C: ("gas.volume.total", 4, False, 0.001),
    0x4D: ("energy.active.import.total", 4, False, 0.001),
    0x4F: ("water.volume.total", 4, False, 1e-6),  # 0.001 L
    0x57: ("air.temperature", 1, True, 1),
    0x58: ("air.temperature", 1, True, 0.35),
    0x5C: ("power.active", 4, True, 0.01),
    0x5D: ("current", 2, True, 0.001),
}
_STATES = {
    0x11: "door.open",
    0x15: "device.battery.low",
    0x17: "fire.co",
    0x1A: "door.open",
    0x1B: "door.open",
    0x1C: "fire.gas",
    0x1D: "fire.heat",
    0x20: "water.leak",
    0x21: "motion",
    0x23: "motion",
    0x25: "motion",
    0x26: "device.fault",
    0x29: "fire.smoke",
    0x2B: "device.tamper",
    0x2D: "door.open",
}
# Objects that are nothing of ours, by the length of their value.
_PASSED_OVER = {
    **dict.fromkeys(
        (0x09, 0x0F, 0x10, 0x16, 0x18, 0x19, 0x1E, 0x1F, 0x22, 0x24, 0x27, 0x28, 0x2A, 0x2C, 0x2F, 0x46, 0x59, 0x60), 1
    ),
    **dict.fromkeys((0x06, 0x07, 0x08, 0x0E, 0x13, 0x14, 0x3C, 0x3D, 0x3F, 0x40, 0x41, 0x44, 0x47, 0x48, 0x49, 0x51, 0x52), 2),
    **dict.fromkeys((0x56, 0x5A, 0x5E, 0x5F, 0x61, 0xF0), 2),
    **dict.fromkeys((0x42, 0xF2), 3),
    **dict.fromkeys((0x3E, 0x4E, 0x50, 0x55, 0x5B, 0x62, 0x63, 0xF1), 4),
}
_OF_A_METER = {0x0A, 0x0B, 0x43, 0x4D, 0x5C, 0x5D}


class Value(NamedTuple):
    quantity: str
    channel: str
    value: float


class Packet(NamedTuple):
    """``packet_id`` None: the device sends none. ``pressed``: a button was, in any way."""

    values: list[Value]
    packet_id: int | None
    pressed: bool
    partial: bool


def decode(data: bytes) -> Packet:
    """Raises Malformed: bad_encoding for an encrypted frame, bad_frame for one of another version or cut off."""
    if not data:
        raise Malformed(Reason.EMPTY, "no service data")
    if data[0] & _ENCRYPTED:
        raise Malformed(Reason.BAD_ENCODING, "encrypted: switch the device's encryption off, or let the gateway decrypt it")
    if data[0] >> 5 != _VERSION:
        raise Malformed(Reason.BAD_FRAME, f"BTHome version {data[0] >> 5}, expected {_VERSION}")
    found: list[tuple[int, str, float]] = []
    packet_id, pressed, partial, at = None, False, False, 1
    while at < len(data):
        what = data[at]
        length = _length(data, at)
        if length is None:
            partial = True
            break
        raw = data[at + 1 : at + 1 + length]
        if len(raw) < length:
            raise Malformed(Reason.BAD_FRAME, f"object 0x{what:02x} at byte {at} is cut off")
        at += 1 + length
        if what in _MEASURED:
            quantity, _, signed, factor = _MEASURED[what]
            found.append((what, quantity, _scaled(int.from_bytes(raw, "little", signed=signed), factor)))
        elif what in _STATES:
            if raw[0] > 1:
                raise Malformed(Reason.UNKNOWN_VALUE, f"object 0x{what:02x} is {raw[0]}, expected 0 or 1")
            found.append((what, _STATES[what], float(raw[0])))
        elif what == _PACKET_ID:
            packet_id = raw[0]
        elif what == _BUTTON:
            pressed |= raw[0] != 0
    if partial and not found and packet_id is None:
        raise Malformed(Reason.UNKNOWN_VALUE, f"object 0x{data[at]:02x} at byte {at} is none of BTHome's")
    return Packet(_named(found), packet_id, pressed, partial)


def _length(data: bytes, at: int) -> int | None:
    """Bytes of the value of the object there; None for an unknown one."""
    what = data[at]
    if what in _MEASURED:
        return _MEASURED[what][1]
    if what in _STATES or what in (_PACKET_ID, _BUTTON):
        return 1
    if what in (_TEXT, _RAW):
        return 1 + (data[at + 1] if at + 1 < len(data) else 0)
    return _PASSED_OVER.get(what)


def _scaled(raw: int, factor: float) -> float:
    per = round(1 / factor)  # 2506 / 100 is 25.06; 2506 * 0.01 is not
    return raw / per if per > 1 and abs(factor * per - 1) < 1e-12 else float(raw * factor)


def _named(found: list[tuple[int, str, float]]) -> list[Value]:
    """Several of one quantity are channels 1, 2 …, in their order."""
    ids = {what for what, _, _ in found}
    meter = not _OF_A_METER.isdisjoint(ids) and _MAINS not in ids
    quantities = ["device.battery.voltage" if what == 0x0C and not meter else quantity for what, quantity, _ in found]
    values = []
    for index, (_, _, value) in enumerate(found):
        quantity = quantities[index]
        channel = str(quantities[:index].count(quantity) + 1) if quantities.count(quantity) > 1 else ""
        values.append(Value(quantity, channel, value))
    return values
