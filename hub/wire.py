"""What an MQTT broker sends, cut into packets: MQTT 3.1.1 (version 4) and MQTT 5 (version 5), no I/O.

Source: OASIS MQTT 3.1.1 (2014) and MQTT 5.0 (2019), chapters 2 and 3. What the hub says is made by ``hub.packets``.

A PUBLISH becomes a ``Message`` at once, in one loop without a call, because at 20,000 messages a second this is the file
where the time goes.
"""

from hashlib import sha256
from typing import Final

from msgspec import Struct

from hub.model import Lane, Message, Reason
from hub.packets import ANSWERS, Answer, ProtocolError, answer, read_length

KEPT: Final = 65536  # bytes kept of what is refused
_TOPICS: Final = 50_000  # topics remembered, of at most 256 bytes each


class Refused(Struct, frozen=True):
    """A PUBLISH that is not to be decoded: ``too_large`` or ``bad_topic``. ``message.payload`` is its first 64 KiB, ``size``
    and ``sha256`` are of the whole. In a bad topic what is not UTF-8 is written ``\\xff``. To be confirmed like any other
    message, or it blocks the session."""

    message: Message
    reason: Reason
    detail: str
    size: int
    sha256: str


Other = Answer | Refused


class _Skip:
    """An oversized PUBLISH on its way past: its head is kept, the rest only hashed."""

    def __init__(self, header: int, topic: bytes, packet_id: int, properties: int, size: int) -> None:
        self.header, self.topic, self.packet_id, self.properties, self.size = header, topic, packet_id, properties, size
        self.left = size
        self.head = bytearray()
        self.hash = sha256()

    def take(self, data: bytes, position: int) -> int:
        """Takes what is its own from ``data`` and returns where the next packet begins."""
        if self.properties:
            passed = min(self.properties, len(data) - position)
            self.properties -= passed
            position += passed
        own = data[position : position + self.left]
        self.left -= len(own)
        self.hash.update(own)
        self.head += own[: KEPT - len(self.head)]
        return position + len(own)


class Reader:
    """The incoming half of one connection.

    ``limit`` bytes is the largest packet that is held in memory: a longer PUBLISH is skipped while it streams by and
    reported as ``Refused``. ``unconfirmed`` holds the packet ids of QoS 1 messages handed out; whoever confirms one takes it
    out. One that the broker repeats meanwhile (nats-server does after its ``ack_wait``) is dropped and counted in
    ``repeated``.
    """

    def __init__(self, *, version: int = 4, limit: int = 1 << 20, lane: Lane = "rest", connection: int = 0) -> None:
        self.unconfirmed: set[int] = set()
        self.repeated = 0
        self._version = version
        self._limit = limit
        self._lane: Lane = lane
        self._connection = connection
        self._rest = bytearray()  # the beginning of a packet
        self._need = 0  # bytes that _rest must have before it is worth another look
        self._skip: _Skip | None = None
        self._topics: dict[bytes, str] = {}

    def feed(self, data: bytes, received_at: int, monotonic: float, messages: list[Message], others: list[Other]) -> None:
        """Takes the next bytes, cut anywhere, and appends what they complete to the two lists, each in order of arrival.

        Raises ProtocolError; what came before the violation is in the lists, and the reader is of no more use.
        """
        position = 0
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return
            data = bytes(self._rest)
            self._rest.clear()
        elif self._skip is not None:
            position = self._pass(self._skip, data, 0, received_at, monotonic, others)
        end = len(data)
        limit, lane, connection, version5 = self._limit, self._lane, self._connection, self._version == 5
        topics, unconfirmed, append = self._topics, self.unconfirmed, messages.append
        need = 2
        while end - position >= 2:
            header = data[position]
            length = data[position + 1]
            start = position + 2
            if length > 127:
                length, start = read_length(data, position + 1, end)
                if start < 0:
                    need = end - position + 1
                    break
            stop = start + length
            if length > limit:
                begun = self._begin_skip(header, data, start, stop, end)
                if begun < 0:
                    need = end - position + 1
                    break
                assert self._skip is not None
                position = self._pass(self._skip, data, begun, received_at, monotonic, others)
                continue
            if stop > end:
                if header & 0xF0 != 0x30 and header not in ANSWERS:
                    raise ProtocolError(f"a packet that does not belong here: first byte 0x{header:02x}")
                need = stop - position
                break
            if header & 0xF0 != 0x30:
                others.append(answer(header, data[start:stop], self._version))
                position = stop
                continue
            text = start + 2
            if text > stop:
                raise ProtocolError("a PUBLISH that ends within its topic")
            body = text + (data[start] << 8) + data[start + 1]
            name = data[text:body]
            qos = header & 6
            packet_id = 0
            if qos:
                if body + 2 > stop:
                    raise ProtocolError("a PUBLISH that ends within its packet id")
                packet_id = (data[body] << 8) + data[body + 1]
                body += 2
                if qos != 2 or not packet_id:
                    raise ProtocolError(f"a PUBLISH with QoS {qos >> 1} and packet id {packet_id}; QoS 1 was asked for")
            elif body > stop:
                raise ProtocolError("a PUBLISH that ends within its topic")
            if version5:
                properties, body = read_length(data, body, stop)
                body += properties
                if body < properties or body > stop:  # _length says -1 where it does not end
                    raise ProtocolError("a PUBLISH that ends within its properties")
            position = stop
            if packet_id:
                if header & 8 and packet_id in unconfirmed:
                    self.repeated += 1
                    continue
                unconfirmed.add(packet_id)
            topic = topics.get(name) or self._topic(name)
            if not topic:
                whole = _Skip(header, name, packet_id, 0, stop - body)
                self._pass(whole, data, body, received_at, monotonic, others)
                continue
            append(
                Message(
                    topic,
                    data[body:stop],
                    received_at,
                    monotonic,
                    lane,
                    qos >> 1,
                    header & 1 == 1,
                    header & 8 == 8,
                    packet_id,
                    connection,
                )
            )
        if position < end:
            self._rest += data[position:]
            self._need = need

    def _topic(self, name: bytes) -> str:
        """The topic's text, "" if MQTT does not allow it (3.1.1 and 5: 1.5.3 / 1.5.4, 3.3.2.1, 4.7)."""
        try:
            topic = name.decode()
        except UnicodeDecodeError:
            return ""
        if "\0" in topic or "+" in topic or "#" in topic:
            return ""
        if len(name) <= 256:
            if len(self._topics) >= _TOPICS:
                self._topics.clear()
            self._topics[name] = topic
        return topic

    def _begin_skip(self, header: int, data: bytes, start: int, stop: int, end: int) -> int:
        """Sets ``_skip`` up for the oversized packet whose body is at ``start`` and returns where its payload or properties
        begin; -1 while too little of it is there."""
        if header & 0xF0 != 0x30:
            raise ProtocolError(f"a packet of type {header >> 4} with {stop - start} bytes")
        qos = header >> 1 & 3
        if start + 2 > end:
            return -1
        text = start + 2
        body = text + (data[start] << 8) + data[start + 1]
        after = body + (2 if qos else 0)
        properties = 0
        if after > min(stop, end):
            if after > stop:
                raise ProtocolError("a PUBLISH that ends within its topic")
            return -1
        if self._version == 5:
            properties, past = read_length(data, after, min(stop, end))
            if past < 0 and end < stop:
                return -1
            after = past
        packet_id = int.from_bytes(data[body : body + 2], "big") if qos else 0
        if after < 0 or after + properties > stop or qos > 1 or (qos and not packet_id):
            raise ProtocolError(f"a PUBLISH of {stop - start} bytes whose beginning makes no sense")
        self._skip = _Skip(header, data[text:body], packet_id, properties, stop - after - properties)
        return after

    def _pass(self, skip: _Skip, data: bytes, position: int, received_at: int, monotonic: float, others: list[Other]) -> int:
        """Lets ``skip`` take its share; once it has all, reports it. Returns where the next packet begins."""
        position = skip.take(data, position)
        if skip.left or skip.properties:
            return position
        if skip is self._skip:
            self._skip = None
            if skip.header & 8 and skip.packet_id in self.unconfirmed:
                self.repeated += 1
                return position
            if skip.packet_id:
                self.unconfirmed.add(skip.packet_id)
            reason, detail = Reason.TOO_LARGE, f"{skip.size} bytes; at most {self._limit} are taken"
        else:
            reason, detail = Reason.BAD_TOPIC, "the topic is empty, not UTF-8, or holds NUL, + or #"
        message = Message(
            skip.topic.decode(errors="backslashreplace"),
            bytes(skip.head),
            received_at,
            monotonic,
            self._lane,
            skip.header >> 1 & 3,
            bool(skip.header & 1),
            bool(skip.header & 8),
            skip.packet_id,
            self._connection,
        )
        others.append(Refused(message, reason, detail, skip.size, skip.hash.hexdigest()))
        return position
