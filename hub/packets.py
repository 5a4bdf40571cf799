"""What the hub says over MQTT: the bytes of each packet it sends, for MQTT 3.1.1 (version 4) and MQTT 5 (version 5).

Source: OASIS MQTT 3.1.1 (2014) and MQTT 5.0 (2019), chapter 3 of each. What comes back is read by ``hub.wire``.
"""

import struct
from collections.abc import Iterable, Sequence

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
