"""A small MQTT 3.1.1 client on a blocking socket, for tests that need to know exactly what went over the wire and when.

Not the hub's own code: what the hub reads and writes is checked against another hand's reading of the standard.
"""

import json
import select
import socket
import struct
import time
from typing import Any, NamedTuple


class Packet(NamedTuple):
    header: int
    body: bytes

    @property
    def kind(self) -> int:
        return self.header >> 4


CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13


def text(word: str) -> bytes:
    data = word.encode()
    return struct.pack(">H", len(data)) + data


def packet(header: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([header]) + bytes(length) + body


def connect_packet(
    client_id: str, username: str = "", password: str = "", *, clean: bool = True, will: tuple[str, bytes] | None = None
) -> bytes:
    flags = (0x02 if clean else 0) | (0x0C if will else 0) | (0xC0 if username else 0)  # the will at QoS 1
    body = text("MQTT") + bytes([4, flags]) + b"\x00\x3c" + text(client_id)
    if will:
        body += text(will[0]) + struct.pack(">H", len(will[1])) + will[1]
    if username:
        body += text(username) + text(password)
    return packet(0x10, body)


def publish_packet(topic: str, payload: bytes, packet_id: int = 0, *, retain: bool = False) -> bytes:
    head = text(topic) + (struct.pack(">H", packet_id) if packet_id else b"")
    return packet(0x30 | (0x02 if packet_id else 0) | retain, head + payload)


class Cut:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        self._rest += data
        found: list[Packet] = []
        while len(self._rest) >= 2:
            size, shift, position = 0, 0, 1
            while True:
                if position >= len(self._rest):
                    return found
                byte = self._rest[position]
                size |= (byte & 0x7F) << shift
                shift += 7
                position += 1
                if byte < 0x80:
                    break
            if len(self._rest) < position + size:
                return found
            found.append(Packet(self._rest[0], self._rest[position : position + size]))
            self._rest = self._rest[position + size :]
        return found


def topic_payload(packet: Packet) -> tuple[str, bytes, int]:
    """Of a PUBLISH: topic, payload, packet id (0 at QoS 0)."""
    (length,) = struct.unpack_from(">H", packet.body)
    topic = packet.body[2 : 2 + length].decode(errors="replace")
    rest = packet.body[2 + length :]
    if packet.header & 6:
        return topic, rest[2:], struct.unpack_from(">H", rest)[0]
    return topic, rest, 0


class Client:
    """Connects at once. ``messages`` gathers what was heard by ``listen`` and the waits."""

    def __init__(self, port: int, client_id: str, username: str = "", password: str = "", *, clean: bool = True,
                 will: tuple[str, bytes] | None = None) -> None:  # fmt: skip
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()  # select() knows no descriptor above 1023
        self._poll.register(self.socket, select.POLLIN)
        self.messages: list[tuple[str, bytes, float]] = []  # topic, payload, monotonic
        self.confirmed: set[int] = set()
        self._cut = Cut()
        self._id = 0
        self._answers: list[int] = []
        self.socket.sendall(connect_packet(client_id, username, password, clean=clean, will=will))
        self._await(CONNACK)

    def subscribe(self, *filters: str) -> None:
        body = struct.pack(">H", self.next_id()) + b"".join(text(name) + b"\x01" for name in filters)
        self.socket.sendall(packet(0x82, body))
        self._await(SUBACK)

    def publish(self, topic: str, payload: bytes | dict[str, Any], qos: int = 1, *, retain: bool = False, number: int = 0) -> int:
        """Sends without waiting; the packet id, ``number`` if one is given, is in ``confirmed`` once the broker has it."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        number = number or (self.next_id() if qos else 0)
        self.confirmed.discard(number)
        self.socket.sendall(publish_packet(topic, data, number, retain=retain))
        return number

    def say(self, topic: str, payload: bytes | dict[str, Any]) -> None:
        """Publishes at QoS 1 and waits until the broker has it."""
        number = self.publish(topic, payload)
        deadline = time.monotonic() + 20
        while number not in self.confirmed:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no PUBACK for {topic}")
            self.listen(0.5)

    def listen(self, seconds: float) -> bool:
        """Takes what comes within so many seconds, at most one read; False when nothing came."""
        if not self._poll.poll(seconds * 1000):
            return False
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the broker closed the connection")
        now = time.monotonic()
        for one in self._cut.feed(data):
            if one.kind == PUBLISH:
                topic, payload, number = topic_payload(one)
                if number:
                    self.socket.sendall(packet(0x40, struct.pack(">H", number)))
                self.messages.append((topic, payload, now))
            elif one.kind == PUBACK:
                self.confirmed.add(struct.unpack(">H", one.body[:2])[0])
            else:
                self._answers.append(one.kind)
        return True

    def wait(self, found: Any, seconds: float = 20, what: str = "") -> tuple[str, bytes, float]:
        """The first message, heard already or still to come, for which ``found(topic, payload)`` holds."""
        deadline, looked = time.monotonic() + seconds, 0
        while True:
            for message in self.messages[looked:]:
                if found(message[0], message[1]):
                    return message
            looked = len(self.messages)
            if time.monotonic() > deadline:
                raise AssertionError(f"not heard within {seconds:g} s: {what}")
            self.listen(0.2)

    def ping(self) -> None:
        self.socket.sendall(b"\xc0\x00")
        self._await(PINGRESP)

    def drop(self) -> None:
        """Ends without a word: the broker publishes the will."""
        self.socket.close()

    def close(self) -> None:
        self.socket.sendall(b"\xe0\x00")
        self.socket.close()

    def next_id(self) -> int:
        self._id = self._id % 60_000 + 1
        return self._id

    def _await(self, kind: int) -> None:
        deadline = time.monotonic() + 20
        while kind not in self._answers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer of kind {kind}")
            self.listen(0.5)
        self._answers.remove(kind)
