"""What the pipeline tells the rest of the house, each in one line: the page, the vendor, the fire session."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence

import msgspec

from hub.model import DRILL_DEVICE, Alert, DeadLetter, Now, Publish, Reading
from hub.moments import iso
from hub.mqtt import Session
from hub.receipts import Receipt
from hub.web.feed import Feed

REFUSALS_EVERY = 10.0
"""Seconds between two refusals of one kind told to one device's vendor; the dead letters hold them all."""
DEVICES = 10_000

log = logging.getLogger("gengfu.outside")
_encode = msgspec.json.Encoder().encode


class Outside:
    def __init__(self, community: str, feed: Feed, clock: Callable[[], Now]) -> None:
        self._community = community
        self._feed = feed
        self._clock = clock
        self._session: Session | None = None
        self._told: dict[str, float] = {}
        self._background: set[asyncio.Task[None]] = set()
        self.untold = 0

    def connect(self, session: Session) -> None:
        """The fire session carries what the hub itself says."""
        self._session = session

    def send(self, topic: str, payload: bytes, retain: bool = False) -> "asyncio.Future[None]":
        assert self._session is not None
        return self._session.publish(topic, payload, retain)

    def alert(self, alert: Alert) -> None:
        """The page hears of real ones."""
        if alert.device != DRILL_DEVICE:
            self._feed.alert(alert)

    def watched(self) -> bool:
        """Whether any open page wants readings."""
        return self._feed.watched

    def reading(self, reading: Reading) -> None:
        self._feed.reading(reading)

    def refused(self, letter: DeadLetter) -> None:
        """Told where the vendor publishes, the same kind of fault of the same device at most once in ten seconds."""
        device = _level(letter.device)
        about = f"{device} {letter.reason}"
        now = self._clock().monotonic
        if now - self._told.get(about, -REFUSALS_EVERY) < REFUSALS_EVERY:
            self.untold += 1
            return
        if len(self._told) >= DEVICES:
            self._told.clear()
        self._told[about] = now
        said = {"topic": letter.topic, "reason": letter.reason, "detail": letter.detail, "at": iso(letter.at)}
        self.publish(Publish(f"gengfu/{self._community}/rejected/{device}", _encode(said)))

    def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Called when they are on disk."""
        at = iso(self._clock().wall)
        for receipt in receipts:
            said = {"id": receipt.id, "seq": receipt.seq, "committed_at": at}
            self.publish(Publish(f"gengfu/{self._community}/receipts/{_level(receipt.device)}", _encode(said)))

    def publish(self, publish: Publish) -> None:
        try:
            sent = self.send(publish.topic, publish.payload, publish.retain)
        except ConnectionError:
            self.untold += 1
            return
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())

    def learned(self, topic: str) -> None:
        """The fire session carries this topic from now on."""
        if self._session is None:
            return
        task = asyncio.get_running_loop().create_task(self._subscribe(self._session, topic))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    @staticmethod
    async def _subscribe(session: Session, topic: str) -> None:
        try:
            await session.subscribe([topic])
        except ConnectionError as problem:
            # The rest session still carries it, and the next connection of the fire session asks for it again.
            log.warning("the fire session could not subscribe %s yet: %s", topic, problem)


def _level(device: str) -> str:
    """A device's id as one level of a topic."""
    return re.sub(r"[/+#\s\x00-\x1f$]", "_", device)[:200] or "unknown"
