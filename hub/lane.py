"""One lane's last steps: readings gather in a batch, the batch is committed in the lane's own thread, and only when it and
every alert that came of it are on disk are its messages confirmed to the broker.

What cannot be committed fast enough stays with the broker (QoS 1: it is not confirmed, and in the end not read). QoS 0 would
only be lost there without a word, so the rest lane reads on and sheds it, counted; the fire lane never does.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from hub.committer import Committer
from hub.files import DiskFull
from hub.model import Batch, Lane, Message
from hub.ports import Store
from hub.receipts import Receipt
from hub.reserve import Reserve

FULL = 5_000  # readings
LINGER = 0.005
LINGER_UNCONFIRMED = 0.05
"""QoS 0 waits for nobody: gathering longer halves the cost of a commit at a low rate."""
BACKLOG = 60_000
"""Readings or messages in memory and not on disk at which the rest lane sheds QoS 0: at 30,000 messages of five readings a
second, a disk or a processor that is gone for 0.4 s. Not reading instead would have the broker drop them, uncounted."""
MOST = 2 * BACKLOG
"""Readings at which the rest lane stops reading as well: only what must be confirmed leads there."""
FIRE_MOST = 20_000
"""Readings at which the fire lane, which sheds nothing, stops reading; below half of it whoever has stopped reads on."""
LETTER = 64
"""Readings that a refused message counts for: it is kept with up to 64 KiB."""
TRY_AGAIN = 2.0
"""Seconds until a write for which there was no room is tried again."""

log = logging.getLogger("gengfu.lane")


class Source(Protocol):
    """The session that brought the messages."""

    @property
    def window(self) -> int: ...
    def confirm(self, messages: Sequence[Message]) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class LaneWork:
    """``full``: its readings wait for room on the disk. ``shed`` counts QoS 0 messages dropped unread."""

    def __init__(
        self,
        lane: Lane,
        store: Store,
        committer: Committer,
        failed: Callable[[BaseException], None],
        reserve: Reserve | None = None,
    ) -> None:
        self.lane = lane
        self.batch = Batch()
        self.source: Source | None = None
        self.receipts: Callable[[Sequence[Receipt]], None] = lambda _: None
        self.committed = 0
        self.confirmed = 0
        self.shed = 0
        self.full = False
        self._broken = False
        self._store = store
        self._committer = committer
        self._failed = failed
        self._reserve = reserve
        self._messages: list[Message] = []
        self._owed: list[Receipt] = []
        self._alerts = 0  # the transaction that holds the newest alert of this batch
        self._pool = ThreadPoolExecutor(1, f"journal-{lane}")
        self._pool.submit(int)  # the thread begins now: later there may be no memory for one
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._paused = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Messages decoded and not yet confirmed or dropped."""
        return len(self._messages)

    @property
    def backlog(self) -> int:
        """How much is in memory and not on its way to the disk, in readings."""
        batch = self.batch
        return max(len(batch) + LETTER * len(batch.dead_letters), len(self._messages))

    @property
    def shedding(self) -> bool:
        """Whether QoS 0 is dropped at this moment."""
        return self.lane == "rest" and self.backlog >= BACKLOG

    def took(self, message: Message) -> None:
        """Notes a message that is to be confirmed with this batch."""
        self._messages.append(message)

    def owes(self, receipt: Receipt) -> None:
        """Notes a receipt that is due when this batch is on disk."""
        self._owed.append(receipt)

    def alerted(self) -> None:
        """Notes that something of this batch went into the transaction that is gathering now."""
        self._alerts = self._committer.alerts = self._committer.number

    def gathered(self) -> None:
        """After a group of messages: commits now if enough has gathered, else soon."""
        self._idle.clear()
        window = self.source.window if self.source else 0
        if len(self.batch) >= FULL or (window and len(self._messages) * 2 >= window):
            self._flush()
        elif not self._busy:
            loop = asyncio.get_running_loop()
            due = loop.time() + (LINGER if self._messages or self._owed else LINGER_UNCONFIRMED)
            if self._timer is None or self._timer.when() > due:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = loop.call_at(due, self._flush)
        if self.source and not self._paused and self.backlog >= self._enough():
            self._paused = True
            self.source.pause()

    def _enough(self) -> int:
        """The backlog at which nothing more is read."""
        return min(BACKLOG, FIRE_MOST) if self.lane == "fire" else MOST

    async def drained(self) -> None:
        """Returns when nothing is left to commit or confirm; what cannot be committed stays with the broker."""
        if not self._busy:
            self._flush()
        while not (self._idle.is_set() or self.full or self._broken or self._committer.broken):
            try:
                async with asyncio.timeout(0.2):
                    await self._idle.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        await self.drained()
        if self._retry is not None:
            self._retry.cancel()
        self._pool.shutdown()

    # --- commit, then confirm -----------------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            return
        if self._nothing():
            self._idle.set()
            return
        self._busy = True
        batch, messages, owed, alerts = self.batch, self._messages, self._owed, self._alerts
        self.batch, self._messages, self._owed, self._alerts = Batch(), [], [], 0
        if batch.empty():
            self._stored(batch, messages, owed, alerts)
        elif batch.digests and self._committer.alerts > self._committer.done:
            # What is known again must have been judged, with all that came of it on disk, also of the same bytes on the other
            # lane: else an alarm that comes again after a kill would be taken for one whose alert exists.
            self._committer.when_durable(self._committer.alerts, lambda: self._write(batch, messages, owed, alerts))
        else:
            self._write(batch, messages, owed, alerts)

    def _write(self, batch: Batch, messages: list[Message], owed: list[Receipt], alerts: int) -> None:
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._append, batch)
        future.add_done_callback(lambda done: self._appended(done, batch, messages, owed, alerts))

    def _append(self, batch: Batch) -> None:
        """In the lane's thread. Fire may use the reserve; the rest waits until there is room without it."""
        if self.full and self.lane == "rest" and self._reserve is not None and not self._reserve.roomy():
            raise DiskFull("there is still no room")
        try:
            self._store.append(self.lane, batch)
        except DiskFull:
            if self.lane != "fire":
                raise
            if self._reserve is not None:
                self._reserve.release()
            self._store.append(self.lane, batch)

    def _appended(
        self, future: "asyncio.Future[None]", batch: Batch, messages: list[Message], owed: list[Receipt], alerts: int
    ) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, DiskFull):
            if not self.full:
                log.critical("%s lane: %s; nothing of it is confirmed until there is room", self.lane, error)
            self.full = True
            self._retry = asyncio.get_running_loop().call_later(TRY_AGAIN, self._write, batch, messages, owed, alerts)
            return
        if error:
            self._broken = True
            self._failed(error)
            return
        if self.full:
            log.warning("%s lane: there is room again", self.lane)
            self.full = False
        self._stored(batch, messages, owed, alerts)

    def _stored(self, batch: Batch, messages: list[Message], owed: list[Receipt], alerts: int) -> None:
        self.committed += len(batch)
        if alerts:
            self._committer.when_durable(alerts, lambda: self._confirm(messages, owed))
        else:
            self._confirm(messages, owed)

    def _confirm(self, messages: list[Message], owed: list[Receipt]) -> None:
        if messages and self.source:
            self.source.confirm(messages)
            self.confirmed += len(messages)
        if owed:
            self.receipts(owed)
        self._busy = False
        if self._paused and self.source and self.backlog < min(BACKLOG, FIRE_MOST) // 2:
            self._paused = False
            self.source.resume()
        if self._nothing():
            self._idle.set()
        else:
            self.gathered()

    def _nothing(self) -> bool:
        return self.batch.empty() and not self._messages and not self._owed
