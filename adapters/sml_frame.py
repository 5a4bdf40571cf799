"""SML, the Smart Message Language of German meters: the transport frame and its values. Not an adapter itself.

Transport (BSI TR-03109-1, annex IV, part 8 "SML version 1"):
    1b1b1b1b 01010101 · messages · 0-3 bytes of 00 · 1b1b1b1b 1a · number of those bytes · CRC, low byte first
    1b1b1b1b within the messages is doubled. CRC: CRC-16/X-25 (polynomial 0x1021 reflected, initial and final 0xffff) over
    all before it. Some Holley meters (DTZ541, older firmware) start with 0 and invert nothing (CRC-16/Kermit): both are taken.
A value begins with a byte of type (bits 4-6) and length (bits 0-3, itself included; bit 7: the length goes on):
    0 octets · 4 true or false · 5 signed · 6 unsigned · 7 a list of so many values · 01 nothing · 00 end of a message
"""

from adapters.checksums import kermit, x25
from hub.model import Reason
from hub.ports import Malformed

LONGEST = 8 * 1024
_START = bytes.fromhex("1b1b1b1b01010101")
_ESCAPE = bytes.fromhex("1b1b1b1b")
_DEEPEST = 10
_MOST = 2000

Value = bytes | int | bool | None | list["Value"]


class Narrow(int):
    """A negative number in 1 to 3 bytes, as some meters write a positive one: ``unsigned`` is what they may have meant."""

    unsigned: int


def messages(frame: bytes) -> list[list[Value]]:
    """The messages of one frame, each a list. Raises Malformed, bad_frame."""
    if not frame.startswith(_START):
        raise Malformed(Reason.BAD_FRAME, "a frame begins with 1b1b1b1b 01010101")
    body, used = _unescaped(frame)
    if frame[used:].strip(b"\x00"):
        raise Malformed(Reason.BAD_FRAME, f"{len(frame) - used} bytes after the end of the frame")
    crc = int.from_bytes(frame[used - 2 : used], "little")
    guarded = frame[: used - 2]
    if crc != x25(guarded) and crc != kermit(guarded):
        raise Malformed(Reason.BAD_FRAME, f"the checksum is {crc:04x}, the frame's own is another")
    reader = _Reader(body)
    found: list[list[Value]] = []
    while reader.at < len(body):
        if body[reader.at] == 0:  # fill bytes, and the end of a message
            reader.at += 1
            continue
        message = reader.value(0)
        if type(message) is not list:
            raise Malformed(Reason.BAD_FRAME, f"byte {reader.at} of the messages: expected a message, a list")
        found.append(message)
    return found


def _unescaped(frame: bytes) -> tuple[bytes, int]:
    """What the frame carries, and its length in bytes."""
    body = bytearray()
    at = len(_START)
    while True:
        mark = frame.find(_ESCAPE, at)
        if mark < 0 or mark + 8 > len(frame):
            raise Malformed(Reason.BAD_FRAME, "the frame does not end")
        body += frame[at:mark]
        if frame[mark + 4 : mark + 8] == _ESCAPE:
            body += _ESCAPE
            at = mark + 8
        elif frame[mark + 4] == 0x1A and frame[mark + 5] <= 3:
            return bytes(body[: len(body) - frame[mark + 5]]), mark + 8
        else:
            raise Malformed(Reason.BAD_FRAME, f"1b1b1b1b at byte {mark} is followed by {frame[mark + 4 : mark + 8].hex()}")


class _Reader:
    """Reads values one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0
        self.at = 0

    def value(self, depth: int) -> Value:
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            raise Malformed(Reason.TOO_DEEP, f"lists nested beyond {_DEEPEST} levels, or more than {_MOST} values")
        kind, length, head = self._type()
        if kind == 7:
            return [self.value(depth + 1) for _ in range(length)]
        if kind == 0 and length == 0:
            return None  # the end of a message, its last value
        raw = self._data[self.at : self.at + length - head]
        if length < head or len(raw) < length - head:
            raise Malformed(Reason.BAD_FRAME, f"byte {self.at} of the messages: a value is cut off")
        self.at += len(raw)
        if kind == 0:
            return raw if raw or length > 1 else None
        if kind == 4 and len(raw) == 1:
            return raw[0] != 0
        if kind in (5, 6) and 1 <= len(raw) <= 8:
            number = int.from_bytes(raw, "big", signed=kind == 5)
            if number >= 0 or len(raw) > 3:
                return number
            narrow = Narrow(number)
            narrow.unsigned = int.from_bytes(raw, "big")
            return narrow
        raise Malformed(Reason.BAD_FRAME, f"byte {self.at} of the messages: type {kind} of {len(raw)} bytes")

    def _type(self) -> tuple[int, int, int]:
        """Type, length, and how many bytes said so."""
        length = head = 0
        kind = -1
        while True:
            if self.at >= len(self._data) or head == 4:
                raise Malformed(Reason.BAD_FRAME, "a value is cut off at the end of the messages")
            byte = self._data[self.at]
            self.at += 1
            head += 1
            kind = byte >> 4 & 7 if kind < 0 else kind
            length = length << 4 | byte & 0x0F
            if not byte & 0x80:
                return kind, length, head
