"""The evidence of an alert, frozen: the readings of its series in the minutes before it, as they were then.

Taken from the store a moment after the alert, by the process that answers questions: nothing on the way of an alert waits for
it. What was not frozen when the hub went down is looked up after the next start.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from hub.committer import Committer
from hub.frozen import SERIES, Frozen, Wanted, before
from hub.model import Alert, Now
from hub.records_people import PeopleReader, put_evidence
from hub.web.view import Busy

QUEUE = 10_000
AT_ONCE = 50
SETTLE = 2.0
"""Seconds after which its readings are in the store, also what came with it."""
EVERY = 1.0
AGAIN = 10.0
CATCH_UP = 24 * 3_600_000
CAUGHT_UP = 1_000
"""At most so many alerts of the last day before a start."""

log = logging.getLogger("gengfu.evidence")


class Asks(Protocol):
    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any: ...


class Evidence:
    """``frozen`` alerts have theirs; ``dropped`` did not fit the queue, and are looked up after the next start."""

    def __init__(self, queries: Asks, committer: Committer, clock: Callable[[], Now], records: PeopleReader) -> None:
        self._queries = queries
        self._committer = committer
        self._clock = clock
        self._waiting: OrderedDict[str, tuple[Alert, float]] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()
        self.frozen = 0
        self.dropped = 0
        self.raised(records.without_evidence(clock().wall - CATCH_UP, CAUGHT_UP))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def raised(self, alerts: Iterable[Alert]) -> None:
        """Takes alerts as they change; the first time one fires counts."""
        for alert in alerts:
            if alert.raised_at is None or alert.id in self._done or alert.id in self._waiting:
                continue
            if len(self._waiting) >= QUEUE:
                self.dropped += 1
                continue
            self._waiting[alert.id] = alert, self._clock().monotonic

    async def run(self) -> None:
        while True:
            pause = EVERY
            try:
                await self._freeze()
            except Busy as problem:
                log.info("evidence waits: %s", problem)
                pause = AGAIN
            except Exception as problem:  # noqa: BLE001  a store that fails costs the evidence its time, nothing else
                log.warning("evidence could not be read: %s: %s", type(problem).__name__, problem)
                pause = AGAIN
            await asyncio.sleep(pause)

    async def _freeze(self) -> None:
        ripe = self._clock().monotonic - SETTLE
        due = [alert for alert, taken in self._waiting.values() if taken <= ripe][:AT_ONCE]
        if not due:
            return
        found: list[list[Frozen]] = await self._queries.ask(before, [_wanted(alert) for alert in due])
        work, now = self._committer.gather(urgent=False), self._clock().wall
        for alert, frozen in zip(due, found, strict=True):
            put_evidence(work, alert.id, now, frozen)
            del self._waiting[alert.id]
            self._done[alert.id] = None
            self.frozen += 1
        while len(self._done) > QUEUE:
            self._done.popitem(last=False)


def _wanted(alert: Alert) -> Wanted:
    subjects = dict.fromkeys([(alert.device, alert.quantity, alert.channel)])
    subjects |= dict.fromkeys((one.device, one.quantity, one.channel) for one in alert.evidence)
    return alert.id, list(subjects)[:SERIES], alert.at
