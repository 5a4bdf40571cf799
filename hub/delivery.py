"""The outbox at work: every notifier has its own bounded outlet and its own tasks, so that a stuck one delays nobody else.

A notice is in the records before it comes here. Whatever does not fit, or fails, stays there as ``queued``: the one is read
again when there is room, the other tried again with jittered, growing waits. What can never succeed is marked ``failed``.
What is critical overtakes the rest; what is not, and exceeds the rate a service allows, is gathered into one message.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from msgspec.structs import replace

from hub.channel_log import ChannelLog, shown
from hub.model import SEVERITIES, Notice, Now
from hub.notifiers.words import CALLS, parse_rate
from hub.outlet import Allowance, Outlet
from hub.ports import Notifier, NotSent
from hub.records import Sent
from hub.said import Said, packed, sentence

QUEUE = 10_000
"""Notices of one notifier in memory: waiting, being sent, or waiting to be tried again."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
LONGEST_CRITICAL = 60.0
LONGEST_PAUSE = 900.0
"""Seconds a receiver may ask for at most."""
GIVE_UP_AFTER = 86_400.0
RELOAD_EVERY = 10.0
OVERDUE = 30.0
"""Seconds after which a critical call that no receiver has taken is reported."""
WAITS = 1_000

Undelivered = Callable[[Notice, str], None]
"""Called with a critical call that failed for good or is overdue, and why."""

log = logging.getLogger("gengfu.delivery")


class Delivery:
    def __init__(
        self,
        notifiers: Mapping[str, Notifier],
        clock: Callable[[], Now],
        random: Random,
        sent: Callable[[Sent], None],
        undelivered: Undelivered = lambda notice, why: None,
    ) -> None:
        self._notifiers = dict(notifiers)
        self._clock = clock
        self._random = random
        self._sent = sent
        self.undelivered = undelivered
        self.outlets = {id: Outlet(allowance(one), lambda: asyncio.get_running_loop().time()) for id, one in notifiers.items()}
        self._under_way: dict[str, tuple[int, float]] = {}  # notice -> when it was taken, ms and monotonic
        self._channels = ChannelLog()
        self._overdue: dict[str, asyncio.TimerHandle] = {}
        self._owing = True  # the records hold notices that are not in memory
        self.overflowed = 0
        self.waits = {id: deque[float](maxlen=WAITS) for id in notifiers}  # seconds, committed -> taken by the receiver
        self.failures: dict[str, int] = dict.fromkeys(notifiers, 0)
        self.delivered: dict[str, int] = dict.fromkeys(notifiers, 0)
        self.lost = 0  # critical calls reported as failed or overdue

    def depth(self, notifier: str) -> int:
        return self.outlets[notifier].held

    def put(self, notices: Iterable[Notice]) -> None:
        """Takes committed notices. One that is under way already is not taken twice."""
        taken = self._clock().wall, time.monotonic()
        for notice in notices:
            outlet = self.outlets.get(notice.notifier)
            if notice.id in self._under_way:
                continue
            if outlet is None:
                self._finish(notice, "failed", sentence("no_notifier", id=notice.notifier))
            elif outlet.held >= QUEUE:
                self._owing = True
                self.overflowed += 1
            else:
                self._under_way[notice.id] = taken
                if notice.severity == "critical" and notice.why in CALLS:
                    self._overdue[notice.id] = _later(OVERDUE, self._late, notice)
                outlet.put(notice)

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
            for handle in self._overdue.values():
                handle.cancel()
            for outlet in self.outlets.values():
                outlet.close()
            for notifier in self._notifiers.values():
                await notifier.close()

    async def _work(self, id: str, notifier: Notifier) -> None:
        outlet = self.outlets[id]
        while True:
            group = await outlet.take()
            began = self._clock().wall
            try:
                await notifier.send(group[0] if len(group) == 1 else digest(group))
            except NotSent as problem:
                outlet.ended()
                self._all_again(outlet, group, problem, began)
            except Exception as error:  # noqa: BLE001 - a notifier that raises stops only itself, and says so
                outlet.ended()
                self._all_again(
                    outlet, group, NotSent(sentence("notifier_failed", why=f"{type(error).__name__}: {error}")), began
                )
            else:
                outlet.ended()
                self._channels.works(id)
                note = sentence("in_a_digest", count=len(group)) if len(group) > 1 else None
                for notice in group:
                    self.delivered[id] += 1
                    self.waits[id].append(time.monotonic() - self._under_way[notice.id][1])
                    self._finish(replace(notice, attempts=notice.attempts + 1), "sent", note, began)

    def _all_again(self, outlet: Outlet, group: list[Notice], problem: NotSent, began: int) -> None:
        if problem.retry_after:
            outlet.pause(min(problem.retry_after, LONGEST_PAUSE))
        if not problem.final:
            self._channels.failed(group[0].notifier, str(problem))
        for notice in group:
            self._again(outlet, notice, problem, began)

    def _again(self, outlet: Outlet, notice: Notice, problem: NotSent, began: int) -> None:
        self.failures[notice.notifier] += 1
        notice = replace(notice, attempts=notice.attempts + 1)
        age = (self._clock().wall - notice.created_at) / 1000
        if problem.final or age > GIVE_UP_AFTER:
            log.warning("notice %s gave up after %d attempts: %s", notice.id, notice.attempts, shown(str(problem)))
            self._finish(notice, "failed", problem.why, began)
            return
        taken, _ = self._under_way[notice.id]
        self._sent(Sent(notice.id, "queued", notice.attempts, self._clock().wall, packed(problem.why), taken, began))
        longest = LONGEST_CRITICAL if notice.severity == "critical" else LONGEST_WAIT
        wait = min(longest, FIRST_WAIT * 2 ** min(notice.attempts - 1, 10)) * self._random.uniform(0.5, 1.0)
        outlet.back(notice, max(wait, min(problem.retry_after or 0, LONGEST_PAUSE)))

    def _finish(self, notice: Notice, state: str, error: Said | None, began: int = 0) -> None:
        taken = 0
        if under_way := self._under_way.pop(notice.id, None):
            taken, _ = under_way
            for pointless in self.outlets[notice.notifier].finished(notice, state == "sent"):
                self._overtaken(pointless)
        self._in_time(notice)
        self._sent(Sent(notice.id, state, notice.attempts, self._clock().wall, packed(error) if error else "", taken, began))
        if error and state == "failed" and notice.severity == "critical" and notice.why in CALLS:
            self.lost += 1
            self.undelivered(notice, error.en)

    def _overtaken(self, notice: Notice) -> None:
        """After an outage nobody wants every reminder of it."""
        taken, _ = self._under_way.pop(notice.id)
        self._in_time(notice)
        error = packed(sentence("overtaken"))
        self._sent(Sent(notice.id, "failed", notice.attempts, self._clock().wall, error, taken))

    def _in_time(self, notice: Notice) -> None:
        if (handle := self._overdue.pop(notice.id, None)) is not None:
            handle.cancel()

    def _late(self, notice: Notice) -> None:
        del self._overdue[notice.id]
        self.lost += 1
        self.undelivered(notice, sentence("overdue", seconds=OVERDUE).en)


def _later(seconds: float, what: Callable[..., None], *given: Any) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, what, *given)


def allowance(notifier: Notifier) -> Allowance | None:
    """What the configuration says of its rate, or the service's own limit; None for no limit."""
    rate = getattr(getattr(notifier, "settings", None), "rate", "") or getattr(notifier, "default_rate", "")
    return Allowance(*parse_rate(rate)) if rate else None


def digest(group: list[Notice]) -> Notice:
    """Several small ones as one message. Its id comes from theirs: sent again with the same ones, it is the same."""
    worst = max(group, key=lambda notice: SEVERITIES.index(notice.severity))
    told = [
        {"id": one.id, "alert": one.alert, "why": one.why, "severity": one.severity, "drill": one.drill, "body": one.body}
        for one in group
    ]
    return replace(
        worst,
        id=f"digest:{group[0].id}:{len(group)}",
        alert=group[0].alert,
        why="digest",
        body={"why": "digest", "count": len(group), "told": worst.person or None, "notices": told},
        drill=all(one.drill for one in group),
    )
