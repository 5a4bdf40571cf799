"""One reading series as seen by one condition of a group: its newest verdict, and since when it has been so."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from hub.model import Alert, Device, Now, Quality, Reading
from hub.ports import ReadingRule, RuleSettings
from rules.limits import fitted
from rules.memory import like, plain
from rules.presence import Presence
from rules.standing import BY_ARRIVAL, NOTHING, cannot_tell
from rules.together import Together
from rules.waits import CLOCK_AHEAD, CLOCK_LIMIT

_ODD = int(Quality.STALE_RETAINED | Quality.DUPLICATE | Quality.TEST_MODE | Quality.DEVICE_FAULT | Quality.STUCK)
_SECOND_HAND = int(Quality.STALE_RETAINED | Quality.DUPLICATE)


class Whole(Protocol):
    """What a member tells, and what judges it together with the others; ``rules.group.Group``."""

    settings: RuleSettings
    together: Together
    alert: Alert | None
    within: float
    calm: bool

    def consider(self, time: int, received_at: int, now: Now) -> Sequence[Alert]: ...
    def hush(self, silent: bool) -> Sequence[Alert]: ...


G = TypeVar("G", bound=Whole)


class Member(Generic[G]):
    """Stands among the watches of its series. What it finds out is the group's to judge.

    ``since``: event time, ms, of the oldest reading known of the run of equal verdicts that goes on; ``against``: of the newest
    one before it that said otherwise."""

    __slots__ = (
        "against", "changed_at", "gauge", "group", "heard", "judge", "key", "leaf", "memory", "newest", "number", "presence",
        "quality", "seq", "settings", "since", "stale", "value", "verdict", "was",
    )  # fmt: skip

    def __init__(self, group: G, number: int, key: tuple[str, str, str], presence: Presence | None) -> None:
        self.group = group
        self.number = number
        self.key = key
        self.presence = presence
        self.settings = group.settings
        self.leaf: ReadingRule = group.together.leaves[number]  # with the limits of the device's own profile
        self.judge = self.leaf.judge
        self.memory: Any = self.leaf.memory()
        self.verdict: bool | None = None
        self.was = False  # the newest definite verdict: what a clear level goes by
        self.since = 0
        self.against = -1
        self.newest = -1
        self.seq = 0
        self.heard = float("-inf")  # monotonic s of the newest reading
        self.value = float("nan")
        self.changed_at = 0  # event time at which the value was last another one
        self.quality = 0
        self.gauge = False  # measured, not a state
        self.stale = False  # from a retained message, of nobody knows when

    def fit(self, device: Device | None) -> None:
        """Takes the limits from the device's own profile."""
        own = fitted(self.group.together.leaves[self.number], device)
        if own is None:
            self.judge = cannot_tell
        else:
            self.leaf, self.judge = own, own.judge

    @property
    def shown(self) -> float:
        """The figure its condition judged."""
        shown = getattr(self.leaf, "shown", None)
        return self.value if shown is None else float(shown(self.memory))

    @property
    def alert(self) -> Alert | None:
        return self.group.alert

    def hush(self, silent: bool) -> Sequence[Alert]:
        return self.group.hush(silent)

    def see(self, reading: Reading, received_at: int, now: Now, stale: bool) -> Sequence[Alert]:
        """Takes a reading in; the alert it changed, usually none."""
        time = reading.time
        if time is None:
            time = received_at
        if time <= self.newest or stale or reading.quality & _ODD:
            return self._odd(reading, time, received_at, now, stale)
        verdict = self.judge(reading, self.was, self.memory)
        group = self.group
        if verdict is self.verdict and group.calm and time - self.newest <= group.within:
            self.newest = time
            self.seq = reading.seq
            self.heard = now.monotonic
            if reading.value != self.value:
                self.value = reading.value
                self.changed_at = time
            return NOTHING
        return self._note(verdict, reading, time, received_at, now, False)

    def _note(
        self, verdict: bool | None, reading: Reading, time: int, received_at: int, now: Now, stale: bool
    ) -> Sequence[Alert]:
        if reading.value != self.value:
            self.value = reading.value
            self.changed_at = time
        if verdict is not self.verdict:
            self.against = max(self.newest, self.against)
            self.since = time
            self.verdict = verdict
            if verdict is not None:
                self.was = verdict
        self.newest = time
        self.seq = reading.seq
        self.heard = now.monotonic
        self.quality = reading.quality
        self.stale = stale
        return self.group.consider(time, received_at, now)

    def _odd(self, reading: Reading, time: int, received_at: int, now: Now, stale: bool) -> Sequence[Alert]:
        quality = reading.quality
        if quality & Quality.TEST_MODE and not self.settings.test_mode:
            return NOTHING
        own_time = not quality & BY_ARRIVAL
        if not own_time and (stale or quality & _SECOND_HAND):
            # nobody knows from when: proves nothing that is not the only word there is, and never that all is well
            if self.newest >= 0 or self.memory is not None or not self.judge(reading, False, None):
                return NOTHING
            return self._note(True, reading, time, received_at, now, True)
        if own_time and time <= self.newest and self.newest - received_at <= CLOCK_LIMIT:
            if time == self.newest and reading.seq == self.seq:
                return NOTHING
            if time < self.newest or reading.seq < self.seq:
                ahead = self.newest - received_at > CLOCK_AHEAD and self.memory is None and self.alert is None
                if not (ahead and self.judge(reading, self.was, None)):
                    return self._late(reading, time)
        verdict = self.judge(reading, self.was, self.memory)
        if quality & Quality.STUCK or (verdict is False and quality & Quality.DEVICE_FAULT):
            verdict = None
        return self._note(verdict, reading, time, received_at, now, stale)

    def _late(self, reading: Reading, time: int) -> Sequence[Alert]:
        """Older than what has been judged: it may only tell that things have been so for longer."""
        if self.memory is not None or self.verdict is None:
            return NOTHING
        if self.judge(reading, self.verdict, None) is self.verdict:
            if self.against < time < self.since:
                self.since = time
        elif self.against < time < self.since:
            self.against = time
        return NOTHING

    # --- across a restart ---------------------------------------------------------------------------------------------

    def snapshot(self, monotonic: float) -> tuple[Any, ...]:
        return (
            self.verdict, self.was, self.since, self.against, self.newest, self.seq, monotonic - self.heard, self.value,
            self.changed_at, self.quality, self.stale, plain(self.memory),
        )  # fmt: skip

    def revive(self, saved: Any, down: float, now: Now) -> None:
        (
            self.verdict, self.was, self.since, self.against, self.newest, self.seq, ago, self.value,
            self.changed_at, self.quality, self.stale, known,
        ) = saved  # fmt: skip
        self.heard = now.monotonic - ago - down
        if self.memory is not None and known is not None:
            self.memory = like(self.memory, known)
