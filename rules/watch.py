"""One rule watching one subject: the order of readings, episodes that are over, and the timers of the one that is not.

Order. Evidence counts by the device's time. A reading without one, or with an impossible one, counts in the order of
arrival. A clear reading that is older than what has been judged ends nothing; a breach that is older is raised unless it
lies within an episode already known, open or closed, which is also what a redelivered message looks like.

Time. What must hold is measured between readings in event time and, without readings, by the monotonic clock, as long as
the device has not fallen silent.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from hub.model import Alert, Now, Quality, Reading
from rules import hours, late, lifecycle
from rules.standing import BY_ARRIVAL, NOTHING, Standing
from rules.waits import AGAIN, CLOCK_AHEAD, CLOCK_LIMIT, RECHECK, REDELIVERED, STILL_BREACHED

_ODD = int(Quality.STALE_RETAINED | Quality.DUPLICATE | Quality.TEST_MODE | Quality.DEVICE_FAULT | Quality.STUCK)
_FROZEN = int(Quality.DEVICE_FAULT | Quality.STUCK)
_SECOND_HAND = int(Quality.STALE_RETAINED | Quality.DUPLICATE)


class Watch(Standing):
    __slots__ = ()

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
        own_time = not quality & BY_ARRIVAL
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
        own_time = time if not reading.quality & BY_ARRIVAL else None
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
