"""One notifier's way out: what waits for it in order of urgency, at the rate its service allows.

Time is the event loop's, in seconds. Everything here belongs to one event loop.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable

from hub.model import Notice
from hub.notifiers.words import CALLS

DIGEST = 500
"""Notices in one digest, at most."""
RESERVED = 4
"""Of what a rate allows, a fourth part is kept for what is critical."""


class Allowance:
    """At most ``count`` in any ``seconds``, measured where they arrive: one counts from its beginning until ``seconds`` after its
    end. A bucket that refills would let twice as many pass within one window."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._reserve = count // RESERVED
        self._under_way = 0
        self._ended: deque[float] = deque()

    def left(self, critical: bool, now: float) -> int:
        while self._ended and self._ended[0] <= now - self._seconds:
            self._ended.popleft()
        return self._count - (0 if critical else self._reserve) - self._under_way - len(self._ended)

    def wait(self, critical: bool, now: float) -> float | None:
        """Seconds until one more may go; None: not before one that is under way has ended."""
        missing = 1 - self.left(critical, now)
        if missing <= 0:
            return 0.0
        return self._ended[missing - 1] + self._seconds - now if missing <= len(self._ended) else None

    def begin(self) -> None:
        self._under_way += 1

    def end(self, now: float) -> None:
        self._under_way -= 1
        self._ended.append(now)


def urgency(notice: Notice) -> int:
    """Smaller goes first. What calls for somebody goes before what ends a call."""
    if notice.severity == "critical":
        return 0 if notice.why in CALLS else 1
    return 2 if notice.severity == "warning" else 3


def story(notice: Notice) -> tuple[str, str]:
    """What is told in order: an incident, or an alert alone, to one person."""
    incident = notice.body.get("incident")
    return str(incident.get("id") or notice.alert) if isinstance(incident, dict) else notice.alert, notice.person


class Outlet:
    """``take`` gives what is to be sent next; several at once are to be sent as one digest. Each that was taken is then either
    ``finished`` or put ``back``.

    What one person is told of one story stays in order: the next waits until the one before is through."""

    def __init__(self, allowance: Allowance | None, clock: Callable[[], float]) -> None:
        self._allowance = allowance
        self._clock = clock
        self._heap: list[tuple[int, int, int, Notice]] = []
        self._serial = 0
        self._behind: dict[tuple[str, str], deque[Notice]] = {}
        self._again: dict[str, tuple[asyncio.TimerHandle, Notice]] = {}
        self._first: dict[tuple[str, str], str] = {}
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._paused_until = 0.0
        self.held = 0
        self.digests = 0
        self.paused = 0

    def put(self, notice: Notice) -> None:
        self.held += 1
        key = story(notice)
        if notice.why == "change":  # machines tell revisions apart
            self._push(notice)
        elif key in self._behind:
            self._behind[key].append(notice)
            self._hurry(key)
        else:
            self._behind[key] = deque()
            self._first[key] = notice.id
            self._push(notice)

    def _push(self, notice: Notice) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (urgency(notice), notice.created_at, self._serial, notice))
        self._woken.set()

    def _hurry(self, key: tuple[str, str]) -> None:
        """There is news: the one it waits for is tried now."""
        if (waiting := self._again.pop(self._first[key], None)) is not None:
            handle, notice = waiting
            handle.cancel()
            self._push(notice)

    async def take(self) -> list[Notice]:
        async with self._turn:
            while True:
                self._woken.clear()
                wait = self._wait()
                if wait == 0.0:
                    return self._next()
                try:
                    async with asyncio.timeout(wait):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    def _wait(self) -> float | None:
        if not self._heap:
            return None
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        if self._allowance is None:
            return 0.0
        return self._allowance.wait(self._heap[0][3].severity == "critical", now)

    def _next(self) -> list[Notice]:
        first = heapq.heappop(self._heap)[3]
        group = [first]
        if self._allowance is not None:
            left = self._allowance.left(False, self._clock())
            self._allowance.begin()
            if first.severity != "critical" and sum(entry[3].severity != "critical" for entry in self._heap) >= left:
                group += self._like(first)
                self.digests += len(group) > 1
        return group

    def _like(self, first: Notice) -> list[Notice]:
        """What waits for the same person and is not critical: there is not room for each alone."""
        alike = [
            entry
            for entry in sorted(self._heap)
            if entry[3].severity != "critical"
            and (entry[3].person, entry[3].language, entry[3].to) == (first.person, first.language, first.to)
        ][: DIGEST - 1]
        taken = {entry[2] for entry in alike}
        self._heap = [entry for entry in self._heap if entry[2] not in taken]
        heapq.heapify(self._heap)
        return [entry[3] for entry in alike]

    def ended(self) -> None:
        """A sending has ended, well or not."""
        if self._allowance is not None:
            self._allowance.end(self._clock())
            self._woken.set()

    def pause(self, seconds: float) -> None:
        """The receiver asked for it: nothing goes to it meanwhile."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self.paused += 1

    def back(self, notice: Notice, seconds: float) -> None:
        """To be tried again then, or as soon as there is news of the same story."""

        def again() -> None:
            del self._again[notice.id]
            self._push(notice)

        self._again[notice.id] = asyncio.get_running_loop().call_later(seconds, again), notice

    def finished(self, notice: Notice, taken: bool) -> list[Notice]:
        """It is through: ``taken`` by its receiver, or given up. Returns the reminders behind it, which are pointless now."""
        self.held -= 1
        key = story(notice)
        if self._first.get(key) != notice.id:
            return []
        overtaken = [one for one in self._behind[key] if taken and one.why == "repeat"]
        for one in overtaken:
            self._behind[key].remove(one)
        self.held -= len(overtaken)
        if behind := self._behind[key]:
            following = behind.popleft()
            self._first[key] = following.id
            self._push(following)
        else:
            del self._behind[key], self._first[key]
        return overtaken

    def close(self) -> None:
        for handle, _ in self._again.values():
            handle.cancel()
