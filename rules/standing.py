"""How things stand with one rule and one subject: what it knows, the alert that is open, the episodes that are over."""

from collections.abc import Container, Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from hub.during import Schedule
from hub.model import Alert, Device, Now, Quality, Reading
from hub.ports import Directory, ReadingRule, Rule, SilenceRule
from hub.quantities import Quantity
from rules import lifecycle
from rules.limits import fitted
from rules.presence import Presence
from rules.timers import Timers
from rules.words import summary

EPISODES = 8
"""Closed episodes remembered of one rule and subject."""

NOTHING: tuple[Alert, ...] = ()
BY_ARRIVAL = int(Quality.MISSING_TIME | Quality.CLOCK_SKEW)
"""Flags of a reading without a time of its own that counts."""
MINUTE = 60_000


def cannot_tell(reading: Reading, firing: bool, memory: Any) -> bool | None:
    return None


class Episode(Struct, array_like=True):
    """One that is over: event time, in ms, from the opening to the closing reading inclusive."""

    began: int
    ended: int
    id: str


class Standing:
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
        self.judge = cannot_tell if self.own is None else cast(ReadingRule, self.own).judge

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
        own_time = time if not quality & BY_ARRIVAL and not self.by_clock else None
        self._wait(own_time, 0 if late else self.settings.hold_for, now)
        if self.hours is not None and self.settings.hold_for and not late:
            self._look(self.settings.hold_for, now)
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

    def _look(self, left: int, now: Now) -> None:
        """A pending alert is looked at with every minute of its hours, and when it has held: in ``left`` ms."""
        self.timers.set(self, now.monotonic + min(left, MINUTE - now.wall % MINUTE) / 1000)

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
