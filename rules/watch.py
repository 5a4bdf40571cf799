"""One rule watching one subject: the order of readings, episodes that are over, and the timers of the one that is not.

Order. Evidence counts by the device's time. A reading without one, or with an impossible one, counts in the order of
arrival. A clear reading that is older than what has been judged ends nothing; a breach that is older is raised unless it
lies within an episode already known, open or closed, which is also what a redelivered message looks like.

Time. What must hold is measured between readings in event time and, without readings, by the monotonic clock, as long as
the device has not fallen silent.
"""

from collections.abc import Container, Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from hub.during import Schedule
from hub.model import Alert, Device, Now, Quality, Reading
from hub.ports import Directory, ReadingRule, Rule, SilenceRule
from hub.quantities import Quantity
from rules import hours, late, lifecycle
from rules.limits import fitted
from rules.presence import Presence
from rules.timers import Timers
from rules.words import summary

EPISODES = 8
"""Closed episodes remembered of one rule and subject."""
STILL_BREACHED = 600.0
"""Seconds a person's closing holds while the same breach goes on without a clear reading; then it is raised anew."""
AGAIN = 1.0
"""Seconds between two revisions because of repetitions of one event."""
RECHECK = 10.0
"""Seconds after which a timer that the device's silence has stopped is looked at again."""
OVERDUE = 2.0
"""Seconds that a timer found overdue after a restart still waits: the broker may hold newer readings."""
CLOCK_AHEAD = 5_000
"""A newest reading further in the future than this, in ms, does not make a breach of now a late one."""
CLOCK_LIMIT = 120_000
"""What intake lets a device be ahead, in ms. Beyond it the newest reading came while our own clock was wrong."""
REDELIVERED = 600_000
"""How long after an episode, in ms, a repeated message without a device time is taken for a part of it."""

NOTHING: tuple[Alert, ...] = ()
_BY_ARRIVAL = int(Quality.MISSING_TIME | Quality.CLOCK_SKEW)
_ODD = int(Quality.STALE_RETAINED | Quality.DUPLICATE | Quality.TEST_MODE | Quality.DEVICE_FAULT | Quality.STUCK)
_FROZEN = int(Quality.DEVICE_FAULT | Quality.STUCK)
_SECOND_HAND = int(Quality.STALE_RETAINED | Quality.DUPLICATE)


def _cannot_tell(reading: Reading, firing: bool, memory: Any) -> bool | None:
    return None


class Episode(Struct, array_like=True):
    """One that is over: event time, in ms, from the opening to the closing reading inclusive."""

    began: int
    ended: int
    id: str


class Watch:
    __slots__ = (
        "adrift", "alert", "began", "by_clock", "clearing", "closed", "directory", "due", "event", "excused", "firing",
        "hours", "judge", "last_at", "last_value", "late_from", "memory", "momentary", "newest", "over", "own", "presence",
        "quantity", "quiet", "restored", "revised", "rule", "saved_until", "scheduled", "seq", "settings", "shown", "since",
        "started", "subject", "timers", "verdict", "wait", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        rule: Rule,
        subject: tuple[str, str, str],
        quantity: Quantity,
        directory: Directory,
        presence: Presence | None,
        timers: "Timers[Any]",
        over: Container[str],
    ) -> None:
        """``over``: ids of closed alerts, which are never opened again."""
        self.rule = rule
        self.settings = rule.settings
        self.by_clock = hasattr(rule, "wait")  # isinstance of a protocol is a hundred times slower
        self.subject = subject  # device, quantity, channel
        self.quantity = quantity
        self.event = quantity.shape == "event"
        self.directory = directory
        self.presence = presence
        self.adrift = False  # the directory has changed, and the rule has nothing to do with the subject any more
        self.timers = timers
        self.over = over
        self.memory: Any = None
        self.own: Rule | None = rule  # with the limits of the device's own profile; None where it lacks them
        self.shown = getattr(rule, "shown", None)
        self.momentary = getattr(rule, "momentary", False)
        self.hours: Schedule | None = None  # when a breach counts
        self.waiting: float | None = None  # the value of a breach that holds outside of these hours
        if self.by_clock:
            self.wait = cast(SilenceRule, rule).wait
        else:
            judge = cast(ReadingRule, rule)
            self.judge = judge.judge
            self.memory = judge.memory()
        self.saved_until = self.restored = -1  # newest of the saved memory, and of all that was restored
        self.newest = -1  # event time of the newest reading judged, and its sequence number
        self.seq = 0
        self.verdict: bool | None = None  # the newest definite one
        self.alert: Alert | None = None
        self.firing = False
        self.quiet = True  # no alert, and none that a person has closed while it is still breached
        self.began = 0  # event time of the oldest breach known of the open episode
        self.last_at = 0  # of the newest breach
        self.last_value: float | None = None
        self.clearing = False
        self.since: int | None = None  # event time at which what is being waited for began; None: by arrival only
        self.started = 0.0  # the same, monotonic s
        self.revised = 0.0
        self.excused: float | None = None  # monotonic s until which a person's closing holds
        self.late_from: int | None = None
        self.closed: list[Episode] = []
        self.due: float | None = None
        self.scheduled: float | None = None

    def fit(self, device: Device | None) -> None:
        """Takes the limits from the device's own profile."""
        self.own = fitted(self.rule, device)
        self.judge = _cannot_tell if self.own is None else cast(ReadingRule, self.own).judge

    # --- readings -----------------------------------------------------------------------------------------------------

    def see(self, reading: Reading, received_at: int, now: Now, stale: bool) -> Sequence[Alert]:
        """Judges a reading; the alerts it changed, usually none."""
        time = reading.time
        if time is None:
            time = received_at
        if time <= self.newest or stale or reading.quality & _ODD:
            return self._odd(reading, time, received_at, now, stale)
        verdict = self.judge(reading, self.firing, self.memory)
        self.newest = time
        self.seq = reading.seq
        if self.quiet and not verdict:
            if verdict is False:
                self.verdict = False
            return NOTHING
        return self._conclude(verdict, reading, time, received_at, now, False)

    def _odd(self, reading: Reading, time: int, received_at: int, now: Now, stale: bool) -> Sequence[Alert]:
        quality = reading.quality
        if quality & Quality.TEST_MODE and not self.settings.test_mode:
            return NOTHING
        own_time = not quality & _BY_ARRIVAL
        if own_time and self.saved_until < time <= self.restored == self.newest:
            self.judge(reading, self.firing, self.memory)  # redelivered: its alert is known, but no window has it
            self.saved_until = time
            return NOTHING
        if not own_time and (stale or quality & _SECOND_HAND):
            return self._second_hand(reading, time, received_at, now)
        if own_time and time <= self.newest and self.newest - received_at <= CLOCK_LIMIT:
            if time == self.newest and reading.seq == self.seq:
                return NOTHING
            if time < self.newest or reading.seq < self.seq:
                ahead = self.newest - received_at > CLOCK_AHEAD and self.memory is None and self.alert is None
                if not (ahead and self.judge(reading, self.firing, None)):
                    return late.judge(self, reading, time, received_at, now)
        verdict = self.judge(reading, self.firing, self.memory)
        self.newest = time
        self.seq = reading.seq
        if verdict is False and quality & _FROZEN:
            verdict = None  # a faulty or frozen detector that sees nothing proves nothing
        return self._conclude(verdict, reading, time, received_at, now, stale)

    def _second_hand(self, reading: Reading, time: int, received_at: int, now: Now) -> Sequence[Alert]:
        """Retained or redelivered, and nobody knows from when: never ends anything, and is raised only as news."""
        status = self.subject[1] == "device.online"  # retained is how a device's status is told, and it is the newest word
        verdict = self.judge(reading, self.firing, None) if self.memory is None else None
        if status and verdict is False:
            return self._conclude(False, reading, time, received_at, now, False)
        if verdict is not True or self.alert is not None:
            return NOTHING
        if reading.quality & Quality.REPLAYED:
            known = False  # it may be an alarm that nobody has judged yet
        elif reading.quality & Quality.DUPLICATE:
            known = any(received_at - episode.ended < REDELIVERED for episode in self.closed)
        else:
            known = bool(self.closed) and not (status and self.verdict is False)
        if known:
            return NOTHING
        self.newest = max(self.newest, time)
        return self._conclude(True, reading, time, received_at, now, not status)

    def _conclude(
        self, verdict: bool | None, reading: Reading, time: int, received_at: int, now: Now, stale: bool
    ) -> Sequence[Alert]:
        if verdict is None:
            return NOTHING
        if self.shown is not None:
            reading = replace(reading, value=self.shown(self.memory))
        if self.hours is not None and (withheld := hours.withheld(self, verdict, reading, time, now, stale)) is not None:
            return withheld
        self.verdict = verdict
        alert = self.alert
        own_time = time if not reading.quality & _BY_ARRIVAL else None
        if not verdict:
            self.excused = None
            if alert is None:
                self.quiet = True
                return NOTHING
            return self._clear(alert, own_time, time, reading.value, now)
        if alert is None:
            if self.excused is not None and now.monotonic < self.excused:
                return NOTHING
            return self._open(reading.value, reading.seq, reading.quality, time, received_at, now, stale=stale)
        return self._breach(alert, own_time, time, reading.value, now, stale)

    def _breach(self, alert: Alert, own_time: int | None, time: int, value: float, now: Now, stale: bool) -> Sequence[Alert]:
        """One more breach while the alert is open."""
        self.last_at = time
        self.last_value = value
        if alert.state == "pending":
            return self._advance(True, self._held(own_time, now), now)
        if self.clearing:
            self.clearing = False
            self.timers.set(self, None)
        if (alert.stale and not stale) or (self.event and now.monotonic - self.revised >= AGAIN):
            self.revised = now.monotonic
            self.alert = lifecycle.seen_again(alert, time, value)
            return (self.alert,)
        return NOTHING

    def _clear(self, alert: Alert, own_time: int | None, time: int, value: float | None, now: Now) -> Sequence[Alert]:
        if self.event:
            return NOTHING
        if alert.state == "firing" and not self.clearing:
            self.clearing = True
            self._wait(own_time, self.settings.clear_for, now)
        changed = self._advance(False, self._held(own_time, now), now, time, value)
        if changed:
            self._end(time)
        return changed

    # --- the clock ----------------------------------------------------------------------------------------------------

    def wake(self, now: Now) -> Sequence[Alert]:
        """A hold or clear time is due."""
        if self.alert is None:
            return hours.begin(self, now) if self.waiting is not None else NOTHING
        if self.presence is not None and self.presence.silent and not (self.by_clock and not self.clearing):
            self.timers.set(self, now.monotonic + RECHECK)
            return NOTHING
        held = self._held(None, now)
        if self.hours is not None and not self.firing and (ended := hours.end(self, held, now)) is not None:
            return ended
        changed = self._advance(not self.clearing, held, now, self.newest, None)
        if changed and self.clearing:
            self._end(self.newest)
        return changed

    def gone(self, at: int, now: Now) -> Sequence[Alert]:
        """A silence rule's device has not been heard since ``at``."""
        if self.hours is not None and self.alert is None and not self.hours.open(now.wall):
            return NOTHING  # the device is looked at again
        before, self.verdict = self.verdict, True
        if self.clearing:
            self.clearing = False
            self.timers.set(self, None)
        if self.alert is not None or self.excused is not None:
            return NOTHING
        if before and any(episode.began <= at <= episode.ended for episode in self.closed):
            return NOTHING  # a person has closed it, and nothing has been heard since
        while any(episode.began == at for episode in self.closed):
            at += 1  # known from before a restart, or our clock was put back: that silence is over, and this is another
        self.newest = at
        return self._open(None, 0, 0, at, at, now)

    def back(self, at: int, now: Now) -> Sequence[Alert]:
        """It has been heard again."""
        self.excused = None
        self.verdict = False
        self.quiet = True
        if self.alert is None:
            return NOTHING
        self.newest = at
        return self._clear(self.alert, None, at, None, now)

    def hush(self, silent: bool) -> Sequence[Alert]:
        """The device of an open alert has fallen silent, or has been heard again."""
        if self.alert is None or self.by_clock:
            return NOTHING
        changed = lifecycle.silenced(self.alert, silent)
        if changed is None:
            return NOTHING
        self.alert = changed
        return (changed,)

    def close(self, by: str, reason: str, now: Now) -> Alert:
        assert self.alert is not None
        changed = lifecycle.closed(self.alert, by, reason, now)
        changed = replace(changed, last_at=max(self.last_at, changed.last_at))
        still = self.verdict is True and not self.event
        self._end(max(self.last_at, self.newest))
        if still:
            self.excused = now.monotonic + STILL_BREACHED
            self.quiet = False
        return changed

    # --- the open alert -----------------------------------------------------------------------------------------------

    def _open(
        self, value: float | None, seq: int, quality: int, time: int, received_at: int, now: Now, *,
        stale: bool = False, late: bool = False,
    ) -> Sequence[Alert]:  # fmt: skip
        device, quantity, channel = self.subject
        id = lifecycle.identity(self.settings.id, device, quantity, channel, time, seq)
        if id in self.over or any(episode.id == id for episode in self.closed):
            return NOTHING
        rule = self.own or self.rule
        path = self.directory.path(device)
        place = self.directory.place(device)
        candidate = Alert(
            id=id,
            rule=self.settings.id,
            severity=self.settings.severity,
            state="pending",
            device=device,
            quantity=quantity,
            channel=channel,
            space=path[-1].id if path else "",
            value=value,
            unit=self.quantity.unit,
            threshold=rule.threshold,
            at=time,
            received_at=received_at,
            pending_since=now.wall,
            last_value=value,
            last_at=time,
            stale=stale,
            event=self.event,
            quality=quality,
            revision=0,
            summary=summary(rule, self.quantity, value, place),
            place=place,
        )
        self.alert = candidate
        self.quiet = False
        self.excused = None
        self.began = self.last_at = time
        self.last_value = value
        self.revised = now.monotonic
        own_time = time if not quality & _BY_ARRIVAL and not self.by_clock else None
        self._wait(own_time, 0 if late else self.settings.hold_for, now)
        if self.hours is not None and self.settings.hold_for and not late:
            hours.look(self, self.settings.hold_for, now)
        return self._advance(True, self.settings.hold_for if late else 0, now)

    def _advance(
        self, verdict: bool, held: int, now: Now, time: int | None = None, value: float | None = None
    ) -> Sequence[Alert]:
        assert self.alert is not None
        changed = lifecycle.advance(self.alert, verdict, self.settings, held, now)
        if changed is None:
            return NOTHING
        if changed.revision > 1:
            if time is None:
                time, value = self.last_at, self.last_value
            changed = replace(changed, last_at=time, last_value=self.last_value if value is None else value)
        self.alert = changed
        if changed.state == "firing" and not self.firing:
            self.firing = True
            self.timers.set(self, None)
        return (changed,)

    def _wait(self, since: int | None, long: int, now: Now) -> None:
        """Begins to wait: ``since`` in event time, and now on the monotonic clock, ``long`` ms."""
        self.since = since
        self.started = now.monotonic
        self.timers.set(self, now.monotonic + long / 1000 if long else None)

    def _held(self, own_time: int | None, now: Now) -> int:
        held = round((now.monotonic - self.started) * 1000)
        if own_time is not None and self.since is not None:
            return max(held, own_time - self.since)
        return held

    def _end(self, at: int) -> None:
        assert self.alert is not None
        self.remember(Episode(min(self.began, self.alert.at), max(at, self.last_at), self.alert.id))
        self.alert = None
        self.firing = self.clearing = False
        self.quiet = True
        self.timers.set(self, None)

    def remember(self, episode: Episode) -> None:
        if all(known.id != episode.id for known in self.closed):
            self.closed.append(episode)
            del self.closed[:-EPISODES]
