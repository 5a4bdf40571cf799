"""What the page hears live: the newest changes of alerts, kept for those who come back, and readings thinned to one batch
a second. Everything runs on the event loop; publishing never waits.

Alerts and status carry an id and can be resumed; readings do not (a page that comes back asks for the newest values). Ids
begin at the wall clock's milliseconds, so that after a restart no old id means anything new.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from msgspec import Struct

from hub.model import Alert, Reading

Kind = Literal["alert", "reading", "status"]
KINDS: tuple[Kind, ...] = ("alert", "reading", "status")

KEPT = 2_000  # events held for those who resume
QUEUE = 500  # events waiting for one client; one more and it is dropped, and resyncs
SERIES = 20_000  # series whose newest value waits for the next batch


class Event(Struct, frozen=True):
    """``id`` None: cannot be resumed from. ``data`` is an Alert, a list of Readings, or a dict for status."""

    id: int | None
    kind: Kind
    data: Alert | list[Reading] | dict[str, Any]


class Subscription:
    """One client's bounded queue. ``resync``: events after its id are gone, it must ask for everything anew."""

    def __init__(self, kinds: Collection[Kind], devices: frozenset[str]) -> None:
        self.kinds = frozenset(kinds)
        self.devices = devices
        self.resync = False
        self.lost = False
        self._queue: deque[Event] = deque()
        self._wake = asyncio.Event()

    def put(self, event: Event) -> bool:
        """False when the client is too slow and has been given up."""
        if len(self._queue) >= QUEUE:
            self.lost = True
            self._queue.clear()
        else:
            self._queue.append(event)
        self._wake.set()
        return not self.lost

    def close(self) -> None:
        self.lost = True
        self._wake.set()

    async def next(self, timeout: float) -> Event | None:
        """The next event; None after ``timeout`` seconds of quiet, or at the end (then ``lost``)."""
        if not self._queue and not self.lost:
            self._wake.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                return None
        return self._queue.popleft() if self._queue else None


class Feed:
    """Fan-out to the open pages. The pipeline calls ``alert`` and ``reading``; the web's own tick calls ``flush``.

    Counters for /metrics: ``dropped`` clients given up, ``thinned`` values that a newer one replaced, ``overflowed`` series
    that did not fit a batch."""

    def __init__(self, wall: int) -> None:
        self._next = wall
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._before = wall - 1  # the newest id that is no longer held
        self._clients: set[Subscription] = set()
        self._watched = 0  # clients that want readings
        self._newest: dict[tuple[str, str, str], Reading] = {}
        self.dropped = 0
        self.thinned = 0
        self.overflowed = 0

    @property
    def clients(self) -> int:
        return len(self._clients)

    def alert(self, alert: Alert) -> None:
        """A changed alert, after it is committed."""
        self._publish("alert", alert)

    def status(self, data: dict[str, Any]) -> None:
        self._publish("status", data)

    def reading(self, reading: Reading) -> None:
        """On the hot path: costs one test when no page is open."""
        if self._watched:
            key = (reading.device, reading.quantity, reading.channel)
            if key in self._newest:
                self.thinned += 1
            elif len(self._newest) >= SERIES:
                self.overflowed += 1
                return
            self._newest[key] = reading

    def flush(self) -> None:
        """Sends what has gathered since the last call; once a second."""
        if not self._newest:
            return
        batch = list(self._newest.values())
        self._newest = {}
        for client in list(self._clients):
            if "reading" in client.kinds:
                wanted = [reading for reading in batch if reading.device in client.devices] if client.devices else batch
                if wanted:
                    self._give(client, Event(None, "reading", wanted))

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        for client in list(self._clients):
            client.close()

    @contextmanager
    def subscribe(
        self, after: int | None = None, kinds: Collection[Kind] = KINDS, devices: frozenset[str] = frozenset()
    ) -> Iterator[Subscription]:
        """A client that has seen everything up to ``after``; ``devices`` narrows its readings to theirs."""
        client = Subscription(kinds, devices)
        if after is not None:
            missed = [event for event in self._kept if event.id is not None and event.id > after and event.kind in client.kinds]
            if self._before <= after < self._next and len(missed) < QUEUE:
                for event in missed:
                    client.put(event)
            else:
                client.resync = True
        self._clients.add(client)
        self._watched += "reading" in client.kinds
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._watched -= "reading" in client.kinds

    @property
    def newest_id(self) -> int:
        return self._next - 1

    def _publish(self, kind: Literal["alert", "status"], data: Alert | dict[str, Any]) -> None:
        event = Event(self._next, kind, data)
        self._next += 1
        if len(self._kept) == KEPT and self._kept[0].id is not None:
            self._before = self._kept[0].id
        self._kept.append(event)
        for client in list(self._clients):
            if kind in client.kinds:
                self._give(client, event)

    def _give(self, client: Subscription, event: Event) -> None:
        if not client.put(event):
            self._clients.discard(client)
            self.dropped += 1
