"""One lane's last steps: readings gather in a batch, the batch is committed in the lane's own thread, and only when it and
every alert that came of it are on disk are its messages confirmed to the broker.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from hub.committer import Committer
from hub.model import Batch, Lane, Message
from hub.ports import Store

FULL = 5_000  # readings
LINGER = 0.005
LINGER_UNCONFIRMED = 0.05
"""QoS 0 waits for nobody: gathering longer halves the cost of a commit at a low rate."""
BACKLOG = 20_000
"""Readings or messages in memory and not on disk at which the lane stops reading its socket."""


class Source(Protocol):
    """The session that brought the messages."""

    window: int

    def confirm(self, messages: Sequence[Message]) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class LaneWork:
    def __init__(self, lane: Lane, store: Store, committer: Committer, failed: Callable[[BaseException], None]) -> None:
        self.lane = lane
        self.batch = Batch()
        self.source: Source | None = None
        self.committed = 0
        self.confirmed = 0
        self._store = store
        self._committer = committer
        self._failed = failed
        self._messages: list[Message] = []
        self._alerts = 0  # the transaction that holds the newest alert of this batch
        self._pool = ThreadPoolExecutor(1, f"journal-{lane}")
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Messages decoded and not yet confirmed or dropped."""
        return len(self._messages)

    def took(self, message: Message) -> None:
        """Notes a message that is to be confirmed with this batch."""
        self._messages.append(message)

    def alerted(self) -> None:
        """Notes that something of this batch went into the transaction that is gathering now."""
        self._alerts = self._committer.number

    def gathered(self) -> None:
        """After a group of messages: commits now if enough has gathered, else soon."""
        self._idle.clear()
        window = self.source.window if self.source else 0
        if len(self.batch) >= FULL or (window and len(self._messages) * 2 >= window):
            self._flush()
        elif self._timer is None and not self._busy:
            linger = LINGER if self._messages else LINGER_UNCONFIRMED
            self._timer = asyncio.get_running_loop().call_later(linger, self._flush)
        if self.source and not self._paused and max(len(self.batch), len(self._messages)) >= BACKLOG:
            self._paused = True
            self.source.pause()

    async def drained(self) -> None:
        """Returns when nothing is left to commit or confirm."""
        if not self._busy:
            self._flush()
        await self._idle.wait()

    async def close(self) -> None:
        await self.drained()
        self._pool.shutdown()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            return
        batch, messages, alerts = self.batch, self._messages, self._alerts
        if batch.empty() and not messages:
            self._idle.set()
            return
        self._busy = True
        self.batch, self._messages, self._alerts = Batch(), [], 0
        if batch.empty():
            self._stored(batch, messages, alerts)
            return
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._store.append, self.lane, batch)
        future.add_done_callback(lambda done: self._appended(done, batch, messages, alerts))

    def _appended(self, future: "asyncio.Future[None]", batch: Batch, messages: list[Message], alerts: int) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            self._failed(error)
            return
        self._stored(batch, messages, alerts)

    def _stored(self, batch: Batch, messages: list[Message], alerts: int) -> None:
        self.committed += len(batch)
        if alerts:
            self._committer.when_durable(alerts, lambda: self._confirm(messages))
        else:
            self._confirm(messages)

    def _confirm(self, messages: list[Message]) -> None:
        if messages and self.source:
            self.source.confirm(messages)
            self.confirmed += len(messages)
        self._busy = False
        if self._paused and self.source and max(len(self.batch), len(self._messages)) < BACKLOG // 2:
            self._paused = False
            self.source.resume()
        # What gathered meanwhile has waited long enough.
        self._flush()
