"""The outbox at work: every notifier has its own bounded queue and its own tasks, so that a stuck one delays nobody else.

A notice is in the records before it comes here. Whatever does not fit, or fails, stays there as ``queued``: the one is read
again when there is room, the other tried again with jittered, growing waits. What can never succeed is marked ``failed``.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from random import Random

from msgspec.structs import replace

from hub.model import Notice, Now
from hub.ports import Notifier, NotSent
from hub.records import Sent

QUEUE = 10_000
"""Notices of one notifier in memory: waiting, being sent, or waiting to be tried again."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
GIVE_UP_AFTER = 86_400.0
RELOAD_EVERY = 10.0
WAITS = 1_000

log = logging.getLogger("gengfu.delivery")


class Delivery:
    def __init__(
        self, notifiers: Mapping[str, Notifier], clock: Callable[[], Now], random: Random, sent: Callable[[Sent], None]
    ) -> None:
        self._notifiers = dict(notifiers)
        self._clock = clock
        self._random = random
        self._sent = sent
        self._queues = {id: asyncio.Queue[Notice](QUEUE) for id in notifiers}
        self._under_way: dict[str, tuple[int, float]] = {}  # notice -> when it was taken, ms and monotonic
        self._held: Counter[str] = Counter()  # by notifier
        self._waiting: set[asyncio.TimerHandle] = set()
        self._owing = True  # the records hold notices that are not in memory
        self.overflowed = 0
        self.waits = {id: deque[float](maxlen=WAITS) for id in notifiers}  # seconds, committed -> taken by the receiver
        self.failures: dict[str, int] = dict.fromkeys(notifiers, 0)
        self.delivered: dict[str, int] = dict.fromkeys(notifiers, 0)

    def depth(self, notifier: str) -> int:
        return self._held[notifier]

    def put(self, notices: Iterable[Notice]) -> None:
        """Takes committed notices. One that is under way already is not taken twice."""
        taken = self._clock().wall, time.monotonic()
        for notice in notices:
            queue = self._queues.get(notice.notifier)
            if notice.id in self._under_way:
                continue
            if queue is None:
                self._finish(notice, "failed", f'there is no notifier "{notice.notifier}" any more')
            elif self._held[notice.notifier] >= QUEUE:
                self._owing = True
                self.overflowed += 1
            else:
                self._under_way[notice.id] = taken
                self._held[notice.notifier] += 1
                queue.put_nowait(notice)

    async def run(self, reload: Callable[[], "asyncio.Future[list[Notice]]"]) -> None:
        """Sends until cancelled. ``reload`` reads what is still queued in the records, of each notifier at least twice
        ``QUEUE``: at the start, and for what did not fit."""
        try:
            async with asyncio.TaskGroup() as group:
                for id, notifier in self._notifiers.items():
                    for _ in range(getattr(notifier, "concurrency", 1)):
                        group.create_task(self._work(id, notifier))
                while True:
                    if self._owing:
                        self._owing = False
                        self.put(await reload())
                    await asyncio.sleep(RELOAD_EVERY)
        finally:
            for handle in self._waiting:
                handle.cancel()
            for notifier in self._notifiers.values():
                await notifier.close()

    async def _work(self, id: str, notifier: Notifier) -> None:
        queue = self._queues[id]
        while True:
            notice = await queue.get()
            try:
                await notifier.send(notice)
            except NotSent as problem:
                self._again(notice, problem)
            except Exception as error:  # noqa: BLE001 - a notifier that raises stops only itself, and says so
                log.warning("notifier %s raised %s: %s", id, type(error).__name__, error)
                self._again(notice, NotSent(f"the notifier failed: {type(error).__name__}: {error}"))
            else:
                self.delivered[id] += 1
                self.waits[id].append(time.monotonic() - self._under_way[notice.id][1])
                self._finish(replace(notice, attempts=notice.attempts + 1), "sent", "")

    def _again(self, notice: Notice, problem: NotSent) -> None:
        self.failures[notice.notifier] += 1
        notice = replace(notice, attempts=notice.attempts + 1)
        age = (self._clock().wall - notice.created_at) / 1000
        if problem.final or age > GIVE_UP_AFTER:
            log.warning("notice %s gave up after %d attempts: %s", notice.id, notice.attempts, problem)
            self._finish(notice, "failed", str(problem))
            return
        taken, _ = self._under_way[notice.id]
        self._sent(Sent(notice.id, "queued", notice.attempts, self._clock().wall, str(problem), taken))
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(notice.attempts - 1, 10)) * self._random.uniform(0.5, 1.0)
        wait = max(wait, problem.retry_after or 0)

        def back() -> None:
            self._waiting.discard(handle)
            self._queues[notice.notifier].put_nowait(notice)

        handle = asyncio.get_running_loop().call_later(wait, back)
        self._waiting.add(handle)

    def _finish(self, notice: Notice, state: str, error: str) -> None:
        taken = 0
        if under_way := self._under_way.pop(notice.id, None):
            taken, _ = under_way
            self._held[notice.notifier] -= 1
        self._sent(Sent(notice.id, state, notice.attempts, self._clock().wall, error, taken))
