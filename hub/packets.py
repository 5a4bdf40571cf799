"""MQTT packets: those the hub sends, as bytes, and the broker's answers, for MQTT 3.1.1 (version 4) and MQTT 5 (version 5).

Source: OASIS MQTT 3.1.1 (2014) and MQTT 5.0 (2019), chapters 2 and 3. The stream of what comes in is cut by ``hub.wire``.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"  # in MQTT 5 too: reason 0, and the session is kept as long as CONNECT said

_confirmation = struct.Struct(">HH").pack


def _length(value: int) -> bytes:
    """A remaining length or property length: seven bits a byte, least first, at most four bytes."""
    if value > 268_435_455:
        raise ValueError(f"a packet of {value} bytes is more than MQTT can carry")
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        if not value:
            out.append(digit)
            return bytes(out)
        out.append(digit | 0x80)


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 65535:
        raise ValueError(f"a text of {len(data)} bytes is more than MQTT can carry")
    return len(data).to_bytes(2, "big") + data


def _packet(header: int, body: bytes) -> bytes:
    return bytes((header,)) + _length(len(body)) + body


def connect(
    client_id: str,
    *,
    version: int = 4,
    keepalive: int = 20,
    username: str = "",
    password: str = "",
    clean: bool = False,
    receive_maximum: int = 65535,
    session_expiry: int = 7 * 86400,
) -> bytes:
    """CONNECT. ``keepalive`` and ``session_expiry`` in seconds; the last two are said in MQTT 5 only, where a session would
    otherwise end with its connection."""
    flags = (0x02 if clean else 0) | (0x80 if username else 0) | (0x40 if password else 0)
    body = _text("MQTT") + bytes((version, flags)) + keepalive.to_bytes(2, "big")
    if version == 5:
        properties = b"\x21" + receive_maximum.to_bytes(2, "big")
        if not clean:
            properties += b"\x11" + session_expiry.to_bytes(4, "big")
        body += _length(len(properties)) + properties
    body += _text(client_id)
    if username:
        body += _text(username)
    if password:
        body += _text(password)
    return _packet(0x10, body)


def subscribe(packet_id: int, filters: Sequence[str], *, version: int = 4, qos: int = 1) -> bytes:
    """SUBSCRIBE to every filter at one QoS."""
    body = packet_id.to_bytes(2, "big") + (b"\x00" if version == 5 else b"")
    return _packet(0x82, body + b"".join(_text(name) + bytes((qos,)) for name in filters))


def publish(
    topic: str, payload: bytes, packet_id: int, *, version: int = 4, qos: int = 1, retain: bool = False, again: bool = False
) -> bytes:
    """PUBLISH; ``again`` sets DUP. QoS 0 has no packet id."""
    body = _text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + (b"\x00" if version == 5 else b"")
    return _packet(0x30 | (8 if again else 0) | qos << 1 | retain, body + payload)


def confirm(packet_ids: Iterable[int]) -> bytes:
    """PUBACKs, one after the other. MQTT 5 reads the short form as success."""
    return b"".join([_confirmation(0x4002, packet_id) for packet_id in packet_ids])


def check_filter(name: str) -> None:
    """Raises ValueError, in plain words, for what MQTT does not allow as a topic filter (3.1.1 and 5, 4.7)."""
    levels = name.split("/")
    if not name or "\0" in name or len(name.encode()) > 65535:
        raise ValueError(f"{name[:100]!r} is not a topic filter")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError(f'the topic filter "{name}" has # in it; it may only be the last level, alone')
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f'the topic filter "{name}" has + within a level; it must be a level of its own')


# --- what the broker answers ------------------------------------------------------------------------------------------


class ProtocolError(Exception):
    """The broker sent what MQTT does not allow; the connection cannot go on."""


class Connack(Struct, frozen=True):
    """The broker's answer to CONNECT; ``code`` 0 is welcome. The rest is said in MQTT 5 only."""

    session_present: bool
    code: int
    receive_maximum: int = 65535  # how many of our QoS 1 publishes may be unconfirmed
    keepalive: int | None = None  # seconds, instead of ours
    maximum_packet: int | None = None  # bytes
    reason: str = ""


class Puback(Struct, frozen=True):
    packet_id: int
    code: int = 0


class Suback(Struct, frozen=True):
    """``codes``, one for each filter in its order: the QoS granted, or 0x80 and above for refused."""

    packet_id: int
    codes: tuple[int, ...]


class Pingresp(Struct, frozen=True):
    pass


class Disconnect(Struct, frozen=True):
    """MQTT 5: the broker says why it ends the connection. 0x8E: our client id is used by someone else."""

    code: int
    reason: str = ""


Answer = Connack | Puback | Suback | Pingresp | Disconnect
ANSWERS: Final = frozenset((0x20, 0x40, 0x90, 0xD0, 0xE0))
"""The first bytes of those."""


def answer(header: int, body: bytes, version: int) -> Answer:
    """The packet with that first byte and body, anything but PUBLISH. Raises ProtocolError."""
    version5 = version == 5
    match header:
        case 0x20 if len(body) >= 2 and body[0] < 2:
            if version5 and len(body) > 2:
                said = _properties(body, 2)
                return Connack(
                    body[0] == 1,
                    body[1],
                    _number(said.get(0x21)) or 65535,
                    _number(said.get(0x13)),
                    _number(said.get(0x27)),
                    _words(said.get(0x1F)),
                )
            if len(body) == 2 and (not version5 or body[1]):  # an old broker refuses MQTT 5 in its own tongue
                return Connack(body[0] == 1, body[1])
        case 0x40 if len(body) == 2 or (version5 and len(body) > 2):
            return Puback(int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0)
        case 0x90 if len(body) >= 3:
            _, codes = _split_properties(body, 2) if version5 else (b"", 2)
            if codes < len(body):
                return Suback(int.from_bytes(body[:2], "big"), tuple(body[codes:]))
        case 0xD0 if not body:
            return Pingresp()
        case 0xE0 if version5:
            said = _properties(body, 1) if len(body) > 1 else {}
            return Disconnect(body[0] if body else 0, _words(said.get(0x1F)))
    raise ProtocolError(f"a packet that does not belong here: first byte 0x{header:02x}, {len(body)} bytes")


def read_length(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A length of one to four bytes and the position after it, which is -1 if it does not end before ``end``."""
    length = shift = 0
    while position < end:
        digit = data[position]
        position += 1
        length |= (digit & 0x7F) << shift
        if digit < 128:
            return length, position
        shift += 7
        if shift > 21:
            raise ProtocolError("a length of more than four bytes")
    return 0, -1


# MQTT 5, 2.2.2.2: how long each property's value is; text and binary begin with their own length.
_SIZES: Final = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
_TEXTS: Final = frozenset((0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F))
_PAIR: Final = 0x26


def _split_properties(body: bytes, position: int) -> tuple[bytes, int]:
    length, start = read_length(body, position, len(body))
    if start < 0 or start + length > len(body):
        raise ProtocolError("a packet that ends within its properties")
    return body[start : start + length], start + length


def _properties(body: bytes, position: int) -> dict[int, bytes]:
    """The values of the properties at ``position``, raw, by identifier; user properties are left out."""
    data, _ = _split_properties(body, position)
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        identifier = data[at]
        at += 1
        for _ in range(2 if identifier == _PAIR else 1):
            size = _SIZES.get(identifier, 0)
            if not size:
                if identifier not in _TEXTS and identifier != _PAIR:
                    raise ProtocolError(f"an unknown property 0x{identifier:02x}")
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            if at + size > len(data):
                raise ProtocolError("a property that does not end")
            found[identifier] = data[at : at + size]
            at += size
    found.pop(_PAIR, None)
    return found


def _number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, "big")


def _words(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")
