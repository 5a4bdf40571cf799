"""What is watched: the series and devices heard so far, each with the rules that see it."""

from typing import Any, Protocol

from hub.calendar import Calendar
from hub.model import Alert, Device, Now
from hub.ports import Directory, ReadingRule, Rule, SilenceRule
from hub.quantities import Quantity, Vocabulary
from rules import keep
from rules.facts import Facts, found
from rules.group import Part
from rules.groups import Groups
from rules.index import Index
from rules.presence import Presence
from rules.timers import Timers
from rules.together import Together
from rules.watch import Watch

STRANGERS = 100_000
"""Series of devices nobody has announced that are judged at a time; the ones without an alert that came first make room."""
TRIES = 4
"""Series looked at for each new one, to find one without an open alert: that is how the number comes down again."""
NO_SIGN_OF_LIFE = ("device.online", "fire.unreadable")
"""What others say about a device, or what nobody could read."""
DEVICE = Quantity("", "", "state", 0, 1, "device", "device", "设备")

Key = tuple[str, str, str]
"""Device, quantity, channel; silence has the device alone."""


class Tracked(Presence):
    """One device: when it was heard, its series, and the silence rules that watch it."""

    __slots__ = ("series", "watches")

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.series: dict[Key, Series] = {}
        self.watches: dict[str, Watch] = {}  # by the rule's id


class Series:
    """A device's quantity and channel, with the rules that watch it."""

    __slots__ = ("key", "presence", "removed", "watches")

    def __init__(self, key: Key, presence: Tracked | None, watches: tuple[Watch | Part, ...]) -> None:
        self.key = key
        self.presence = presence
        self.watches = watches
        self.removed = False  # to be looked up anew by whoever holds it


class Slot(Protocol):
    """Where whoever brings the readings keeps a series, to look it up once."""

    series: Series | None


class Kept:
    """What is known of a subject from before the restart, until its first reading."""

    __slots__ = ("alert", "over", "saved")

    def __init__(self, saved: dict[str, Any] | None) -> None:
        self.saved = saved
        self.alert: Alert | None = None
        self.over: list[Alert] = []


class Subjects:
    def __init__(self, rules: dict[str, Rule], directory: Directory, vocabulary: Vocabulary, calendar: Calendar) -> None:
        self.rules = rules
        self._calendar = calendar
        self.series: dict[Key, Series] = {}
        self.presences: dict[str, Tracked] = {}
        self.watch_timers: Timers[Watch] = Timers()
        self.presence_timers: Timers[Tracked] = Timers()
        self.notable: dict[Watch, None] = {}  # those with something a restart could lose
        self.kept: dict[tuple[str, Key], Kept] = {}
        self.over: dict[str, None] = {}  # ids of closed alerts
        self.heartbeat: int | None = None
        self.saved_at: int | None = None
        self.began: Now | None = None
        self.edition = 0  # of the directory
        self.forgotten = 0
        self.groups = Groups(directory, vocabulary, self.watch_timers, self.over, self._revive)
        self._facts: list[Facts] = []
        self._silences: Index[SilenceRule] = Index([])
        self._nevers: Index[SilenceRule] = Index([])
        self._judges: Index[ReadingRule] = Index([])
        self._match_rules()
        self._directory = directory
        self._vocabulary = vocabulary
        self._parked: dict[Key, Series] = {}  # to be matched again
        self._strangers: dict[Key, None] = {}

    def park(self) -> None:
        """The directory has changed: every series is matched again with its next reading."""
        for series in self.series.values():
            series.removed = True
        self._parked.update(self.series)
        self.series.clear()
        self.edition += 1

    def park_device(self, device: str) -> None:
        """More is known of one device: its series are matched again with their next readings."""
        presence = self.presences.get(device)
        if presence is None:
            return
        presence.edition = -1
        for key in (*presence.series, *((device, quantity, "") for quantity in NO_SIGN_OF_LIFE)):
            self.park_series(key)

    def park_series(self, key: Key) -> None:
        """One series is matched again with its next reading."""
        if (series := self.series.pop(key, None)) is not None:
            series.removed = True
            self._parked[key] = series

    def remove(self, id: str) -> None:
        """A rule that is not to see anything any more."""
        del self.rules[id]
        self._match_rules()
        self.park()

    def _match_rules(self) -> None:
        facts = self._facts = found(self.rules.values(), self._facts, self._calendar)
        self.groups.match([one.together for one in facts if one.together is not None])
        self._fitting = {one.id for one in facts if one.fits}
        self._schedules = {one.id: one.schedule for one in facts if one.schedule is not None}
        silences = [(one.silence, one.never) for one in facts if one.silence is not None]
        self._silences = Index([rule for rule, never in silences if not never], self._silences)
        self._nevers = Index([rule for rule, never in silences if never], self._nevers)
        self._judges = Index([one.judge for one in facts if one.judge is not None], self._judges)

    def ended(self, watch: Watch) -> None:
        """Its alert is over; a watch that was kept only for that goes with the series' next reading."""
        if watch.by_clock and watch.presence is not None:
            watch.presence.edition = -1
        if watch.adrift:
            self.park_series(watch.subject)

    def bind(self, key: Key) -> Series:
        """A series that is new, or to be matched again."""
        device, quantity, channel = key
        presence = self.presence(device)
        alive = quantity not in NO_SIGN_OF_LIFE
        before = self._parked.pop(key, None)
        if before is None:
            self._admit(key)
        known = {watch.settings.id: watch for watch in before.watches if isinstance(watch, Watch)} if before else {}
        rules = self._judges.matching(device, quantity, self._spaces(device), channel, self._directory.device(device))
        of = presence if alive else None
        for watch in known.values():
            self._fit(watch)
        watches = [known.pop(name) if (name := rule.settings.id) in known else self.watch(rule, key, of) for rule in rules]
        for watch in known.values():
            if watch.alert is not None:  # out of scope now, but not over
                watch.adrift = True
                watches.append(watch)
        series = self.series[key] = Series(key, of, (*watches, *self.groups.members(key, of)))
        if alive:
            presence.series[key] = series
            if quantity not in presence.quantities:
                presence.quantities = (*presence.quantities, quantity)
                self.watch_silence(presence)
        return series

    def bound(self, key: Key) -> Series:
        """What is watched of a series, from now on."""
        return self.series.get(key) or self.bind(key)

    def find(self, id: str, key: Key) -> Watch | None:
        """What watches this subject by that rule, if it has been heard."""
        if key[1]:
            found = self.series.get(key) or self._parked.get(key)
            watches = [one for one in found.watches if isinstance(one, Watch)] if found else []
        else:
            presence = self.presences.get(key[0])
            watches = list(presence.watches.values()) if presence else []
        return next((watch for watch in watches if watch.settings.id == id), None)

    def watch_silence(self, presence: Tracked) -> None:
        device = presence.device
        spaces, known = self._spaces(device), self._directory.device(device)
        rules = {
            rule.settings.id: rule
            for quantity in presence.quantities
            for rule in self._silences.matching(device, quantity, spaces, None, known)
        }
        if not presence.quantities:
            rules = {rule.settings.id: rule for rule in self._nevers.matching(device, "*", spaces, None, known)}
        before = presence.watches
        presence.watches = {id: before.get(id) or self.watch(rule, (device, "", ""), presence) for id, rule in rules.items()}
        presence.watches.update((id, watch) for id, watch in before.items() if watch.alert is not None)
        presence.edition = self.edition

    def _spaces(self, device: str) -> list[str]:
        return [space.id for space in self._directory.path(device)]

    def watch(self, rule: Rule, key: Key, presence: Presence | None) -> Watch:
        name = key[1]
        quantity = self._vocabulary.get(name) if name else DEVICE
        if quantity is None:
            quantity = Quantity(name, "", "gauge", float("-inf"), float("inf"), "device", name, name)
        watch = Watch(rule, key, quantity, self._directory, presence, self.watch_timers, self.over)
        self._fit(watch)
        self._revive(watch)
        return watch

    def _revive(self, watch: Watch) -> None:
        """Gives a new watch its hours, and what is known of it from before the restart."""
        id = watch.settings.id
        watch.hours = self._schedules.get(id)
        if (kept := self.kept.pop((id, watch.subject), None)) and self.began is not None:
            keep.revive(watch, kept.saved, kept.alert, kept.over, self.heartbeat, self.began)
        if watch.memory is not None or watch.closed or watch.hours is not None:
            self.notable[watch] = None

    def _fit(self, watch: Watch) -> None:
        if watch.settings.id in self._fitting:
            watch.fit(self._directory.device(watch.subject[0]))

    def subject(self, alert: Alert) -> Key:
        """What is watched, as states are kept by it: a series, a device, or the place of several conditions."""
        rule = self.rules.get(alert.rule)
        if not isinstance(rule, Together):
            return (alert.device, alert.quantity, alert.channel)
        return (alert.device if rule.each == "device" else alert.space, "", "")

    def holder(self, alert: Alert, now: Now) -> Watch | None:
        """What watches an alert that was open before the restart; None where its rule is gone."""
        rule = self.rules.get(alert.rule)
        if rule is None:
            return None
        key = self.subject(alert)
        if isinstance(rule, Together):
            return self.groups.group(rule, key)
        presence = self.presence(alert.device)
        if isinstance(rule, SilenceRule):
            watch = presence.watches.get(alert.rule)
            if watch is None:
                watch = presence.watches[alert.rule] = self.watch(rule, key, presence)
            presence.silent = True
        else:
            series = self.bound(key)
            watch = next((one for one in series.watches if isinstance(one, Watch) and one.rule is rule), None)
            if watch is None:
                watch = self.watch(rule, key, series.presence)
                series.watches = (*series.watches, watch)
            presence.silent = presence.silent or alert.silent
        presence.heard = max(presence.heard, now.monotonic)
        return watch

    def device(self, id: str) -> Device | None:
        return self._directory.device(id)

    def presence(self, device: str) -> Tracked:
        presence = self.presences.get(device)
        if presence is None:
            presence = self.presences[device] = Tracked(device)
        return presence

    def _admit(self, key: Key) -> None:
        """Series of devices nobody has announced are bounded; the oldest without an open alert makes room."""
        device = self._directory.device(key[0])
        if device is not None and device.accepted:
            return
        self._strangers[key] = None
        for _ in range(TRIES):
            if len(self._strangers) <= STRANGERS:
                return
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            series = self.series.get(oldest) or self._parked.get(oldest)
            if series is not None and any(watch.alert is not None for watch in series.watches):
                self._strangers[oldest] = None
            elif series is not None:
                self._forget(oldest, series)

    def _forget(self, oldest: Key, series: Series) -> None:
        series.removed = True
        self.series.pop(oldest, None)
        self._parked.pop(oldest, None)
        for watch in series.watches:
            if isinstance(watch, Watch):
                self.notable.pop(watch, None)
        self.groups.forget(oldest)
        presence = self.presences[oldest[0]]
        presence.series.pop(oldest, None)
        if not presence.series and all(watch.alert is None for watch in presence.watches.values()):
            self.presence_timers.set(presence, None)
            del self.presences[oldest[0]]
        self.forgotten += 1
