"""The hub's own QoS 1 publishes of one session: kept and repeated, in order, until the broker has confirmed each."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from hub import packets

IN_FLIGHT: Final = 100
LAST_ID: Final = 60_000
"""Packet ids 1 to 60,000 are for publishes; SUBSCRIBE uses the rest."""
SUSPECT: Final = 3


class NotPublished(ConnectionError):
    """The broker will not have this message, or the session ended before it was confirmed."""


class Full(NotPublished):
    """Too many publishes wait for the broker already."""


class _Publish:
    __slots__ = ("deaths", "done", "packet_id", "payload", "retain", "sent", "topic")

    def __init__(self, topic: str, payload: bytes, retain: bool, done: "asyncio.Future[None]") -> None:
        self.topic, self.payload, self.retain, self.done = topic, payload, retain, done
        self.packet_id = 0  # once it has one, it keeps it (MQTT 3.1.1 and 5, 4.4)
        self.sent = False
        self.deaths = 0  # connections that the broker closed while this was all it had to confirm


class Publisher:
    """``published`` were confirmed, ``rejected`` refused by the broker, ``waiting`` are neither yet, at most ``room``.

    A broker may close the connection on a topic it dislikes (nats-server does on spaces), and would again at every repeat.
    So after a connection that the broker closed, the oldest publish goes first and alone; when three in a row end on it,
    it is given up.
    """

    def __init__(self, room: int = 10_000) -> None:
        self.room = room
        self.published = 0
        self.rejected = 0
        self._queue: deque[_Publish] = deque()
        self._flying: dict[int, _Publish] = {}  # sent on this connection, by packet id, oldest first
        self._ids: set[int] = set()  # in use
        self._id = 0
        self._write: Callable[[bytes], None] | None = None
        self._version = 4
        self._window = IN_FLIGHT
        self._largest: int | None = None
        self._careful = False

    @property
    def waiting(self) -> int:
        return len(self._queue) + len(self._flying)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "asyncio.Future[None]":
        """Done when the broker has confirmed it; NotPublished if it never will. Raises Full, and ValueError for a topic that
        MQTT does not allow."""
        if not topic or len(topic.encode()) > 65535 or any(sign in topic for sign in "+#\0"):
            raise ValueError(f"{topic[:100]!r} is not a topic to publish on")
        if self.waiting >= self.room:
            raise Full(f"{self.room} publishes wait for the broker already")
        done = asyncio.get_running_loop().create_future()
        self._queue.append(_Publish(topic, payload, retain, done))
        self._send()
        return done

    def connected(self, write: Callable[[bytes], None], version: int, window: int, largest: int | None, known: bool) -> None:
        """A new connection: what is unconfirmed goes again, with DUP where the broker ``known`` us. ``window`` is its
        receive maximum, ``largest`` the longest packet it takes."""
        for publish in reversed(self._flying.values()):
            publish.sent = publish.sent and known
            self._queue.appendleft(publish)
        self._flying.clear()
        self._write, self._version, self._window, self._largest = write, version, min(window, IN_FLIGHT), largest
        self._send()

    def lost(self, by_broker: bool) -> None:
        self._write = None
        if by_broker and self._flying:
            if self._careful:
                packet_id, only = next(iter(self._flying.items()))
                only.deaths += 1
                if only.deaths >= SUSPECT:
                    del self._flying[packet_id]
                    self._ids.discard(packet_id)
                    self._fail(only, f"the broker closed the connection {SUSPECT + 1} times on a publish to {only.topic!r}")
            self._careful = True

    def confirmed(self, packet_id: int, code: int) -> None:
        """PUBACK. A code of 0x80 and above is MQTT 5's refusal; a confirmation of nothing of ours is passed over."""
        publish = self._flying.pop(packet_id, None)
        if publish is None:
            return
        self._ids.discard(packet_id)
        self._careful = False
        if code >= 0x80:
            self._fail(publish, f"the broker refused a publish to {publish.topic!r} (reason 0x{code:02x})")
        else:
            self.published += 1
            if not publish.done.done():
                publish.done.set_result(None)
        self._send()

    def close(self) -> None:
        """Gives up what is unconfirmed."""
        self._write = None
        for publish in [*self._flying.values(), *self._queue]:
            if not publish.done.done():
                publish.done.set_exception(NotPublished("the session ended before the broker confirmed it"))
                publish.done.exception()  # whoever waits hears it; nobody has to
        self._flying.clear()
        self._queue.clear()

    def _send(self) -> None:
        while self._write is not None and self._queue and len(self._flying) < (1 if self._careful else self._window):
            publish = self._queue.popleft()
            packet_id = publish.packet_id or self._free_id()
            data = packets.publish(
                publish.topic, publish.payload, packet_id, version=self._version, retain=publish.retain, again=publish.sent
            )
            if self._largest is not None and len(data) > self._largest:
                self._fail(publish, f"{len(data)} bytes are more than the broker takes ({self._largest})")
                continue
            publish.sent, publish.packet_id = True, packet_id
            self._ids.add(packet_id)
            self._flying[packet_id] = publish
            self._write(data)

    def _free_id(self) -> int:
        while True:
            self._id = self._id % LAST_ID + 1
            if self._id not in self._ids:
                return self._id

    def _fail(self, publish: _Publish, why: str) -> None:
        self.rejected += 1
        if not publish.done.done():
            publish.done.set_exception(NotPublished(why))
            publish.done.exception()
