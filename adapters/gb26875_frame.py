"""The packets of GB/T 26875.3-2011: read, written, measured. Shared by the adapter ``gb26875`` and the hub's TCP listener for
them; not an adapter itself.

40 40 · serial 2 · version 2 · time 6 · source 6 · target 6 · length of the data 2 · command 1 · data · checksum 1 · 23 23;
numbers low byte first; the checksum is the sum of all from serial to data (6.6).
"""

from datetime import datetime

from msgspec import Struct

from hub.model import Reason
from hub.ports import Malformed

HEAD = 27  # bytes before the application data
FRAME = HEAD + 3
LONGEST_DATA = 1024

# The command byte (table 2).
CONTROL, SEND, CONFIRM, REQUEST, ANSWER, DENY = 1, 2, 3, 4, 5, 6
# Types of data (table 3) that the hub itself sends or waits for.
OPERATION, DUTY_CHECK = 24, 91
DUTY_ANSWERED = 1 << 5


class Frame(Struct, frozen=True):
    """One packet. ``time`` is six bytes, ``source`` and ``target`` six each as they are sent."""

    serial: int
    command: int
    source: bytes
    target: bytes
    data: bytes = b""
    time: bytes = bytes(6)
    version: bytes = b"\x01\x00"


def frame_size(head: bytes) -> int:
    """How long the packet is that begins with these 27 bytes. Raises Malformed."""
    if head[:2] != b"@@":
        raise Malformed(Reason.BAD_FRAME, f"begins with {head[:2].hex(' ')}, expected 40 40")
    data = int.from_bytes(head[24:26], "little")
    if data > LONGEST_DATA:
        raise Malformed(Reason.BAD_FRAME, f"{data} bytes of application data; at most {LONGEST_DATA} are allowed")
    return FRAME + data


def read_frame(packet: bytes) -> Frame:
    """One whole packet. Raises Malformed: start, length, end, checksum and command in this order (6.5)."""
    if len(packet) < FRAME:
        raise Malformed(Reason.BAD_FRAME, f"{len(packet)} bytes; a packet has at least {FRAME}")
    size = frame_size(packet)
    if len(packet) != size:
        raise Malformed(Reason.BAD_FRAME, f"{len(packet)} bytes; its length says {size}")
    if packet[-2:] != b"##":
        raise Malformed(Reason.BAD_FRAME, f"ends with {packet[-2:].hex(' ')}, expected 23 23")
    checksum = sum(packet[2:-3]) & 0xFF
    if packet[-3] != checksum:
        raise Malformed(Reason.BAD_FRAME, f"checksum {packet[-3]:02x}, expected {checksum:02x}")
    command = packet[26]
    if command == 0 or DENY < command < 128:
        raise Malformed(Reason.UNKNOWN_VALUE, f"command {command} is reserved")
    serial = int.from_bytes(packet[2:4], "little")
    return Frame(serial, command, packet[12:18], packet[18:24], packet[HEAD:-3], packet[6:12], packet[4:6])


def write_frame(frame: Frame) -> bytes:
    body = frame.serial.to_bytes(2, "little") + frame.version + frame.time + frame.source + frame.target
    body += len(frame.data).to_bytes(2, "little") + bytes([frame.command]) + frame.data
    return b"@@" + body + bytes([sum(body) & 0xFF]) + b"##"


def time_label(moment: datetime) -> bytes:
    """Second, minute, hour, day, month, year of the century (8.2.2)."""
    return bytes([moment.second, moment.minute, moment.hour, moment.day, moment.month, moment.year % 100])
