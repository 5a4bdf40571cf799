"""The broker, and the hub's two sessions with it: QoS 1, kept while the hub is away.

What is not confirmed is sent again, marked as redelivered, when the session connects again; in order as mosquitto does it, or
(MQTT 3.1.1, 4.6 asks for order, but bridges, clusters and shared brokers break it) shuffled. A confirmation that is under way
when the connection ends may be lost: then what was confirmed comes again.
"""

from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

from hub.model import LANES, Lane, Message, Now
from hub.routing import matches
from tests.simulation.loop import SimulatedLoop


class Publication(Struct, eq=False):
    """One message as a device published it. ``key``: what its readings are, for the oracle."""

    number: int
    topic: str
    payload: bytes
    qos: int
    device: str
    values: dict[str, float]
    key: tuple[str, int] | None = None  # device and its time, where it has one
    index: int = -1  # its place in the device's history; -1: not part of it, nobody can read it


class Kept(Struct, eq=False):
    """A publication in one session's queue. ``packet`` is 0 while it has not been sent on this connection."""

    publication: Publication
    packet: int = 0
    sent_before: bool = False


class Broker:
    def __init__(self, random: Random, window: int) -> None:
        self.random = random
        self.window = window
        self.queues: dict[Lane, list[Kept]] = {lane: [] for lane in LANES}
        self.filters: dict[Lane, list[str]] = {lane: [] for lane in LANES}
        self.sessions: dict[Lane, SimulatedSession] = {}
        self.shed = 0

    def publish(self, publication: Publication) -> None:
        for lane in LANES:
            if any(matches(wanted, publication.topic) for wanted in self.filters[lane]):
                session = self.sessions.get(lane)
                if publication.qos == 0 and (session is None or not session.up):
                    self.shed += 1
                    continue
                self.queues[lane].append(Kept(publication))
                if session is not None:
                    session.soon()

    def copies(self, publication: Publication) -> int:
        """How often the same is still in a session's queue."""
        return sum(
            kept.publication.topic == publication.topic and kept.publication.payload == publication.payload
            for queue in self.queues.values()
            for kept in queue
        )

    def lost(self, lane: Lane) -> None:
        """The connection is gone: all that was sent on it and not confirmed is to be sent again."""
        again = [kept for kept in self.queues[lane] if kept.packet]
        waiting = [kept for kept in self.queues[lane] if not kept.packet]
        for kept in again:
            kept.packet, kept.sent_before = 0, True
        if self.random.random() < 0.3:
            self.random.shuffle(again)
        self.queues[lane] = again + waiting


class SimulatedSession:
    """One connection after the other, as ``hub.mqtt.Session`` has them. ``taken`` is told what is handed to the hub,
    ``confirming`` what the hub confirms, before the broker hears of it."""

    def __init__(
        self,
        lane: Lane,
        broker: Broker,
        loop: SimulatedLoop,
        clock: Callable[[], Now],
        take: Callable[[list[Message]], None],
        taken: Callable[[Message, Publication, bool], None],
        confirming: Callable[[Message, Publication], None],
    ) -> None:
        self.lane = lane
        self.window = broker.window
        self.up = False
        self._broker = broker
        self._random = broker.random
        self._loop = loop
        self._clock = clock
        self._take = take
        self._taken = taken
        self._confirming = confirming
        self._connection = 0
        self._packet = 0
        self._unconfirmed: dict[int, Kept] = {}
        self._on_the_way: list[int] = []  # confirmations
        self._paused = False
        self._due = False
        broker.sessions[lane] = self

    def connect(self) -> None:
        self._connection += 1
        self.up = True
        self.soon()

    def lose(self) -> None:
        """The connection ends; what was written last may or may not have arrived."""
        if not self.up:
            return
        self.up = False
        if self._random.random() < 0.5:
            self._arrived(len(self._on_the_way))
        self._on_the_way.clear()
        self._unconfirmed.clear()
        self._broker.lost(self.lane)

    # --- hub.lane.Source ----------------------------------------------------------------------------------------------

    def confirm(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.connection != self._connection or not self.up or message.packet_id not in self._unconfirmed:
                continue
            kept = self._unconfirmed.pop(message.packet_id)
            self._confirming(message, kept.publication)
            self._on_the_way.append(kept.packet)
        self._loop.call_later(self._random.uniform(0.0001, 0.003), self._arrived, len(self._on_the_way), self._connection)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self.soon()

    # --- the way there and back ---------------------------------------------------------------------------------------

    def _arrived(self, number: int, connection: int | None = None) -> None:
        """The broker has heard of the first confirmations, and lets go of those messages."""
        if connection is not None and (connection != self._connection or not self.up):
            return
        heard = set(self._on_the_way[:number])
        del self._on_the_way[:number]
        queue = self._broker.queues[self.lane]
        queue[:] = [kept for kept in queue if kept.packet not in heard]
        self.soon()

    def soon(self) -> None:
        if self.up and not self._due:
            self._due = True
            self._loop.call_later(self._random.uniform(0.0002, 0.002), self._deliver, self._connection)

    def _deliver(self, connection: int) -> None:
        """As many as the window lets through, in groups as reads of a socket bring them."""
        self._due = False
        if connection != self._connection or not self.up or self._paused:
            return
        queue = self._broker.queues[self.lane]
        room = self._broker.window - sum(1 for kept in queue if kept.packet)
        messages = []
        for kept in [kept for kept in queue if not kept.packet][: self._random.choice((1, 3, 30))]:
            publication = kept.publication
            if publication.qos and room <= 0:
                break
            if publication.qos:
                room -= 1
                self._packet += 1
                kept.packet = self._packet
                self._unconfirmed[kept.packet] = kept
            else:
                queue.remove(kept)
            now = self._clock()
            message = Message(
                publication.topic,
                publication.payload,
                now.wall,
                now.monotonic,
                self.lane,
                publication.qos,
                redelivered=kept.sent_before,
                packet_id=kept.packet,
                connection=self._connection,
            )
            self._taken(message, publication, kept.sent_before)
            messages.append(message)
        if messages:
            self.soon()
            self._take(messages)
