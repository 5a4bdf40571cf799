"""What the page hears live: the newest changes of alerts, kept for those who come back, and readings thinned to one batch
a second. Everything runs on the event loop; publishing never waits.

A client resumes after the id it saw last and gets every alert since then; of status and readings only the newest matter.
Ids begin at the wall clock's milliseconds, so that after a restart no old id means anything new.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from msgspec import Struct

from hub.model import Alert, Reading

Kind = Literal["alert", "reading", "status"]
KINDS: tuple[Kind, ...] = ("alert", "reading", "status")

KEPT = 2_000  # alert changes held for those who resume
QUEUE = 500  # events waiting for one client; one more and it is dropped, and resyncs
SERIES = 500  # series in one batch of readings: more than anyone can read, little enough not to hold up the loop


class Event(Struct, frozen=True, eq=False):
    """``id`` None: not to be resumed from."""

    id: int | None
    kind: Kind
    data: Alert | list[Reading] | dict[str, Any]


class Subscription:
    """One client's bounded queue. ``resync``: what it missed is no longer held, it must ask for everything anew.
    ``lost``: it has been given up. ``since``: the newest id when it came."""

    def __init__(self, since: int, kinds: Collection[Kind], devices: frozenset[str]) -> None:
        self.since = since
        self.kinds = frozenset(kinds)
        self.devices = devices
        self.resync = False
        self.lost = False
        self._queue: deque[Event] = deque()
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(self, event: Event) -> None:
        if len(self._queue) >= QUEUE:
            self.close()
        else:
            self._queue.append(event)
            self._wake.set()

    def close(self) -> None:
        self.lost = True
        self._queue.clear()
        self._wake.set()

    async def next(self, timeout: float) -> Event | None:
        """The next event; None after ``timeout`` seconds of quiet, and when it is lost."""
        if not self._queue and not self.lost:
            self._wake.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                return None
        return self._queue.popleft() if self._queue else None


class Feed:
    """Fan-out to the open pages. The pipeline calls ``alert`` and ``reading``, the web's own tick the rest.

    For /metrics: ``clients``; ``dropped`` clients given up; ``thinned`` values that a newer one replaced; ``overflowed``
    values that did not fit a batch."""

    def __init__(self, wall: int) -> None:
        self._next = wall
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._before = wall - 1  # the newest id whose event is no longer held
        self._clients: set[Subscription] = set()
        self._everything = 0  # clients that want the readings of all devices
        self._devices: Counter[str] = Counter()  # clients that want this device's
        self._newest: dict[tuple[str, str, str], Reading] = {}
        self.closed = False  # whether the server stops
        self.stirred = False  # an alert has changed since the last status
        self.dropped = 0
        self.thinned = 0
        self.overflowed = 0

    @property
    def clients(self) -> int:
        return len(self._clients)

    @property
    def waiting(self) -> int:
        """Events that wait for the slowest page."""
        return max((client.waiting for client in self._clients), default=0)

    @property
    def watched(self) -> bool:
        """Whether any page wants readings."""
        return bool(self._everything or self._devices)

    def alert(self, alert: Alert) -> None:
        """A changed alert, after it is committed."""
        event = self._publish("alert", alert)
        self.stirred = True
        if len(self._kept) == KEPT:
            self._before = self._kept[0].id or 0
        self._kept.append(event)

    def status(self, data: dict[str, Any]) -> None:
        self.stirred = False
        self._publish("status", data)

    def reading(self, reading: Reading) -> None:
        """On the hot path: two tests when no page wants it."""
        if self._everything or reading.device in self._devices:
            key = (reading.device, reading.quantity, reading.channel)
            if key in self._newest:
                self.thinned += 1
            elif len(self._newest) >= SERIES and reading.device not in self._devices:
                self.overflowed += 1
                return
            self._newest[key] = reading

    def flush(self) -> None:
        """Sends what has gathered since the last call; once a second."""
        if not self._newest:
            return
        everything = Event(None, "reading", list(self._newest.values()))
        by_device: dict[str, list[Reading]] = {}
        for reading in self._newest.values():
            by_device.setdefault(reading.device, []).append(reading)
        self._newest = {}
        for client in list(self._clients):
            if "reading" not in client.kinds:
                continue
            if not client.devices:
                self._give(client, everything)
            elif wanted := [one for device in client.devices for one in by_device.get(device, ())]:
                self._give(client, Event(None, "reading", wanted))

    def close(self) -> None:
        """Ends every stream, and from now on each that begins: pages open an ended one again at once, and a server that
        stops would wait for them."""
        self.closed = True
        for client in list(self._clients):
            client.close()

    @contextmanager
    def subscribe(
        self, after: int | None = None, kinds: Collection[Kind] = KINDS, devices: frozenset[str] = frozenset()
    ) -> Iterator[Subscription]:
        """A client that has seen everything up to ``after``; ``devices`` narrows its readings to theirs."""
        client = Subscription(self._next - 1, kinds, devices)
        client.lost = self.closed
        if after is not None:
            missed = [event for event in self._kept if event.id is not None and event.id > after]
            if self._before <= after < self._next and len(missed) < QUEUE:
                for event in missed if "alert" in client.kinds else ():
                    client.put(event)
            else:
                client.resync = True
        self._clients.add(client)
        watches = "reading" in client.kinds
        self._everything += watches and not devices
        self._devices.update(devices if watches else ())
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._everything -= watches and not devices
            self._devices -= Counter(devices if watches else ())

    def _publish(self, kind: Literal["alert", "status"], data: Alert | dict[str, Any]) -> Event:
        event = Event(self._next, kind, data)
        self._next += 1
        for client in list(self._clients):
            if kind in client.kinds:
                self._give(client, event)
        return event

    def _give(self, client: Subscription, event: Event) -> None:
        client.put(event)
        if client.lost:
            self._clients.discard(client)
            self.dropped += 1
