"""Commits alerts, notices and what else belongs in the records: one transaction at a time, in a thread of its own.

What gathers while one transaction is on its way to the disk goes into the next, so that a thousand alerts cost a handful
of commits. A failed commit is final: nothing that depends on it is confirmed, and the process ends. Only a full disk is
waited for: the reserve is given up, and after that the same transaction is tried until there is room.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hub.files import DiskFull
from hub.records import Records, Work
from hub.reserve import Reserve

LINGER = 0.05
"""Seconds that what nobody waits for (delivery marks, names) may gather."""
TRY_AGAIN = 1.0
"""Seconds until a transaction for which there was no room is tried again."""

log = logging.getLogger("gengfu.committer")


class Committer:
    """``full``: the transaction waits for room on the disk. ``broken``: a commit has failed, nothing is committed any more."""

    def __init__(
        self,
        records: Records,
        committed: Callable[[Work], None],
        failed: Callable[[BaseException], None],
        reserve: Reserve | None = None,
    ) -> None:
        self.full = False
        self.broken = False
        self._reserve = reserve
        self._records = records
        self._committed = committed
        self._failed = failed
        self._pool = ThreadPoolExecutor(1, "records")
        self._pool.submit(int)  # the thread begins now: later there may be no memory for one
        self._work = Work()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        self._again = False  # what gathered meanwhile is due
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self.number = 1  # of the transaction that is gathering now
        self.done = 0  # of the last one on disk
        self.spent = 0.0  # seconds that one took the disk
        self.alerts = 0  # of the newest one with an alert that a message brought about

    def gather(self, *, urgent: bool = True) -> Work:
        """The work of the next transaction, to be added to at once, before the loop goes on."""
        if urgent and not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._start)
        elif not urgent and self._timer is None and not self._soon:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._start)
        return self._work

    @property
    def waiting(self) -> int:
        """Alerts, notices and marks that gather for the next transaction."""
        return len(self._work.alerts) + len(self._work.notices) + len(self._work.sent)

    @property
    def stuck(self) -> bool:
        """Whoever waits for what has gathered may wait for ever."""
        return self.full or self.broken

    def when_durable(self, number: int, call: Callable[[], None]) -> None:
        """Calls back once that transaction is on disk; at once if it is."""
        if number <= self.done:
            call()
        else:
            self._waiting.append((number, call))

    async def durable(self) -> None:
        """Returns when all that has gathered so far is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_disk() -> None:
            if not done.done():
                done.set_result(None)

        self.when_durable(self.number, on_disk)
        self.gather()
        await done

    async def close(self) -> None:
        if not self.stuck:
            await self.durable()
        self._pool.shutdown()

    def _start(self) -> None:
        self._soon = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        work, number = self._work, self.number
        self._work = Work()
        self.number += 1
        self._write(work, number)

    def _write(self, work: Work, number: int) -> None:
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._commit, work)
        future.add_done_callback(lambda done: self._finished(done, work, number))

    def _commit(self, work: Work) -> None:
        if work.empty():
            return
        began = time.monotonic()
        try:
            self._records.commit(work)
        except DiskFull:
            if self._reserve is not None:
                self._reserve.release()
            self._records.commit(work)
        self.spent = time.monotonic() - began

    def _finished(self, future: "asyncio.Future[None]", work: Work, number: int) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if isinstance(error, DiskFull):
            if not self.full:
                log.critical("%s, and the reserve is used up: no alert can be recorded until there is room", error)
            self.full = True
            asyncio.get_running_loop().call_later(TRY_AGAIN, self._write, work, number)
            return
        if error:
            self.broken = True
            self._failed(error)
            return
        self.full = False
        self._busy = False
        self.done = number
        self._committed(work)
        ready = [call for wanted, call in self._waiting if wanted <= number]
        self._waiting = [entry for entry in self._waiting if entry[0] > number]
        for call in ready:
            call()
        if self._waiting or self._again:
            self._start()
