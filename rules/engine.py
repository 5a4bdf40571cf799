"""Which rules see a reading, what the clock brings about, and what people do to alerts.

One engine serves all readings. Nothing here does I/O or reads a clock: the same code runs live, in a replay and in a test.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from hub.calendar import Calendar
from hub.model import Alert, Device, Now, Reading
from hub.ports import Directory, Rule
from hub.quantities import Vocabulary
from rules import keep, lifecycle, saving, stored
from rules.group import Part
from rules.lifecycle import AlreadyClosed, NeedsReason, UnknownAlert
from rules.member import Member
from rules.presence import ENOUGH, SAME_REPORT
from rules.standing import NOTHING
from rules.subjects import NO_SIGN_OF_LIFE, Kept, Key, Slot, Subjects, Tracked
from rules.watch import Watch

__all__ = ["AlreadyClosed", "Engine", "NeedsReason", "UnknownAlert"]

CLOSED = 10_000
"""Ids of closed alerts that are remembered, to tell a late click from a wrong one."""
LOOK_AGAIN = 60.0
"""Seconds after which a device's wait is computed anew at the latest: its interval may have become known, or shorter."""
AT_A_TIME = 2_000
"""Devices and alerts looked at in one tick, so that no tick holds up the readings; the next ones follow with the next."""
QUIET_TIMES, QUIET_LEAST = 3.0, 30.0
"""When a device that no silence rule watches counts as silent: this many intervals, and at least these seconds."""

log = logging.getLogger(__name__)


class Engine:
    """``failed``: rules that raised, by id, with what happened; they are stopped, their open alerts stay open. ``fallen``: the
    devices that the last tick found silent, or whose silence changed an alert; ``woken``: how many timers it found due.
    ``look_again``: seconds, as LOOK_AGAIN."""

    def __init__(
        self, rules: Sequence[Rule], directory: Directory, vocabulary: Vocabulary, calendar: Calendar | None = None
    ) -> None:
        """``calendar``: the site's; UTC without holidays if left out."""
        enabled = {rule.settings.id: rule for rule in rules if rule.settings.enabled}
        self._subjects = Subjects(enabled, directory, vocabulary, calendar or Calendar())
        self._series = self._subjects.series
        self._news = stored.News(enabled.values())
        self._directory = directory
        self._open: dict[str, Watch | Alert] = {}  # an alert alone: its rule is gone, only a person can close it
        self._closed = self._subjects.over
        self._now = Now(0, 0.0)
        self.failed: dict[str, str] = {}
        self.fallen: list[str] = []
        self.woken = 0
        self.look_again = LOOK_AGAIN

    @property
    def forgotten(self) -> int:
        """Series of unannounced devices that have made room for others."""
        return self._subjects.forgotten

    # --- readings and the clock ---------------------------------------------------------------------------------------

    def step(
        self, reading: Reading, received_at: int, now: Now, *, stale: bool = False, slot: Slot | None = None
    ) -> Sequence[Alert]:
        """The alerts that a reading changes, in order; each change is a new revision. ``stale``: from a retained message or
        one older than what is kept. ``slot``: the caller's place for this series."""
        series = slot.series if slot is not None else None
        if series is None or series.removed:
            key = (reading.device, reading.quantity, reading.channel)
            series = self._series.get(key) or self._subjects.bind(key)
            if slot is not None:
                slot.series = series
        self._now = now
        changed: Sequence[Alert] = NOTHING
        presence = series.presence
        if presence is not None and not stale and (presence.silent or now.monotonic - presence.heard >= SAME_REPORT):
            changed = self._heard(presence, received_at, now)
        for watch in series.watches:
            try:
                judged = watch.see(reading, received_at, now, stale)
            except Exception as problem:  # noqa: BLE001  a rule that raises stops only itself, and says so
                self._fail(watch.settings.id, problem)
                continue
            if judged:
                self._note(watch, judged)
                changed = (*changed, *judged)
        return changed

    def tick(self, now: Now, silent: Iterable[str] = ()) -> Sequence[Alert]:
        """What falls due by the clock: silence, hold and clear times. ``silent``: devices to look at in any case, because they
        were found silent when this was played before."""
        self._now = now
        self.fallen.clear()
        changed = self.judge_stored(self._news.ids, self._news.due(now), now)
        for device in silent:
            if (known := self._subjects.presences.get(device)) is not None:
                changed.extend(self._look_after(known, now))
        for presence in self._subjects.presence_timers.due(now.monotonic, AT_A_TIME):
            changed.extend(self._look_after(presence, now))
        due = self._subjects.watch_timers.due(now.monotonic, AT_A_TIME)
        self.woken = len(due)
        for watch in due:
            if woken := watch.wake(now):
                self._note(watch, woken)
                changed.extend(woken)
        return changed

    def judge_stored(
        self, rules: Collection[str], latest: Iterable[tuple[Reading, int]], now: Now, since: int | None = None
    ) -> list[Alert]:
        """What these rules, by id, raise from the newest stored readings, each with its arrival, ms; see ``rules.stored``."""
        raised: list[Alert] = []
        for watch, reading, arrival in stored.unjudged(self._subjects, rules, latest):
            try:
                judged = stored.judge(watch, reading, arrival, now, since)
            except Exception as problem:  # noqa: BLE001  a rule that raises stops only itself, and says so
                self._fail(watch.settings.id, problem)
                continue
            self._note(watch, judged)
            raised.extend(judged)
        return raised

    def knows(self, id: str, rule: Rule | None) -> None:
        """An edited rule has judged what is so; a restart need not."""
        self._news.edited(id, rule)

    def next_due(self) -> float:
        """Monotonic s at which a tick may bring something about, at the earliest."""
        return min(self._subjects.watch_timers.first(), self._subjects.presence_timers.first())

    def _note(self, watch: Watch | Part, changed: Iterable[Alert]) -> None:
        if isinstance(watch, Member):
            watch = watch.group
        for alert in changed:
            if alert.state == "resolved":
                self._closes(alert.id)
                self._subjects.ended(watch)
            else:
                self._open[alert.id] = watch
                self._subjects.notable[watch] = None

    def _closes(self, id: str) -> None:
        self._open.pop(id, None)
        self._closed[id] = None
        if len(self._closed) > CLOSED:
            del self._closed[next(iter(self._closed))]

    def _fail(self, id: str, problem: Exception) -> None:
        rule = self._subjects.rules.get(id)
        if rule is None:
            return
        self.failed[id] = f'rule "{id}" was stopped: {type(problem).__name__}: {problem}'
        log.error("%s", self.failed[id], exc_info=problem)
        for alert_id, watch in self._open.items():
            if isinstance(watch, Watch) and watch.rule is rule and watch.alert is not None:
                self._open[alert_id] = watch.alert
                watch.alert = None
        self._subjects.remove(id)

    # --- silence ------------------------------------------------------------------------------------------------------

    def _heard(self, presence: Tracked, received_at: int, now: Now) -> Sequence[Alert]:
        presence.hear(now.monotonic, received_at)
        if presence.due is None or len(presence.gaps) == ENOUGH:
            self._look_after(presence, now)
        if not presence.silent:
            return NOTHING
        presence.silent = False
        changed: list[Alert] = []
        for watch in presence.watches.values():
            if back := watch.back(received_at, now):
                self._note(watch, back)
                changed.extend(back)
        changed.extend(self._hush(presence, False))
        return changed

    def _look_after(self, presence: Tracked, now: Now) -> Sequence[Alert]:
        """A device's wait may be over; if not, it is looked at again when it will be."""
        if presence.edition != self._subjects.edition:
            self._subjects.watch_silence(presence)
        device = self._directory.device(presence.device)
        interval = presence.interval(device.interval if device else None)
        elapsed = now.monotonic - presence.heard
        again = self.look_again
        before = presence.silent
        changed: list[Alert] = []
        for watch in tuple(presence.watches.values()):
            try:
                left = watch.wait(interval) - elapsed
            except Exception as problem:  # noqa: BLE001  a rule that raises stops only itself, and says so
                self._fail(watch.settings.id, problem)
                continue
            if left > 0:
                again = min(again, left)
                continue
            presence.silent = True
            if gone := watch.gone(presence.at, now):
                self._note(watch, gone)
                changed.extend(gone)
        if not presence.watches and interval is not None:
            left = max(QUIET_TIMES * interval, QUIET_LEAST) - elapsed
            if left > 0:
                again = min(again, left)
            else:
                presence.silent = True
        if presence.silent and elapsed > 0:
            changed.extend(self._hush(presence, True))
        if changed or presence.silent is not before:
            self.fallen.append(presence.device)
        self._subjects.presence_timers.set(presence, now.monotonic + again)
        return changed

    def _hush(self, presence: Tracked, silent: bool) -> Iterable[Alert]:
        for series in presence.series.values():
            for watch in series.watches:
                if hushed := watch.hush(silent):
                    self._note(watch, hushed)
                    yield from hushed

    # --- what people do -----------------------------------------------------------------------------------------------

    def acknowledge(self, id: str, by: str, comment: str, now: Now) -> Alert:
        """Raises UnknownAlert and AlreadyClosed. One that is acknowledged already comes back as it is."""
        alert = lifecycle.acknowledged(self._find(id), by, comment, now)
        holder = self._open[id]
        if isinstance(holder, Watch):
            holder.alert = alert
        else:
            self._open[id] = alert
        return alert

    def resolve(self, id: str, by: str, reason: str, now: Now) -> Alert:
        """Closed by a person. Raises UnknownAlert, AlreadyClosed and, for a critical alert without a reason, NeedsReason.

        While the same breach goes on, it is told again after ten minutes; a clear reading in between ends that."""
        self._find(id)
        holder = self._open[id]
        if isinstance(holder, Watch):
            alert = holder.close(by, reason, now)
            self._subjects.ended(holder)
        else:
            alert = lifecycle.closed(holder, by, reason, now)
        self._closes(id)
        return alert

    def adopt(self, alert: Alert) -> None:
        """An alert that no rule holds, because a person opened it: only a person closes it."""
        self._open[alert.id] = alert

    def open_alerts(self) -> list[Alert]:
        """Pending and firing, oldest first."""
        return sorted((self._find(id) for id in self._open), key=lambda alert: (alert.pending_since, alert.id))

    def _find(self, id: str) -> Alert:
        holder = self._open.get(id)
        alert = holder.alert if isinstance(holder, Watch) else holder
        if alert is None:
            raise AlreadyClosed(id) if id in self._closed else UnknownAlert(id)
        return alert

    def device_changed(self, device: str) -> None:
        """More is known of one device: its vendor, its model."""
        self._subjects.park_device(device)

    def directory_changed(self) -> None:
        """Devices have moved or are new: scopes are matched again as their readings come in. Nothing is forgotten."""
        self._subjects.park()

    # --- across a restart ---------------------------------------------------------------------------------------------

    def snapshot(self) -> Any:
        """What a restart must not lose and the alerts themselves do not tell, as plain values."""
        return saving.whole(self._subjects, self._now) | {"rules": self._news.marks}

    def pieces(self) -> Iterator[dict[str, Any]]:
        """The same in pieces of half a millisecond, to be taken one after the other while readings go on."""
        for piece in saving.pieces(self._subjects, lambda: self._now):
            yield piece | {"rules": self._news.marks} if "members" in piece else piece

    @property
    def saved_at(self) -> int | None:
        """When what ``restore`` was given was taken, ms; what came later must be told again."""
        return self._subjects.saved_at

    def restore(self, state: Any, alerts: Sequence[Alert], heartbeat: int | None, now: Now) -> None:
        """Goes on where the last run ended, before the first step.

        ``state``: the last snapshot, or its ``pieces`` as a list, or None; ``alerts``: all that are open, and those closed
        lately; ``heartbeat``: when the snapshot was taken, or the heartbeat after it, ms. Open alerts stay open and are not
        raised again; the wait for silence begins anew."""
        self._subjects.began = self._now = now
        if isinstance(state, list):
            state = saving.joined(state, heartbeat)
        self._subjects.heartbeat = heartbeat
        self._subjects.saved_at = state.get("since", heartbeat) if state else heartbeat
        self._news.since(state)
        for id, device, quantity, channel, saved in state["watches"] if state else ():
            self._subjects.kept[id, (device, quantity, channel)] = Kept(saved)
        still_open = []
        for alert in alerts:
            if alert.reopens:
                if alert.state == "resolved":
                    self._closed[alert.id] = None
                else:
                    self.adopt(alert)
                continue
            kept = self._subjects.kept.setdefault((alert.rule, self._subjects.subject(alert)), Kept(None))
            if alert.state == "resolved":
                kept.over.append(alert)
                self._closed[alert.id] = None
            else:
                kept.alert = alert
                still_open.append(alert)
        for device, told in state["devices"].items() if state else ():
            presence = self._subjects.presence(device)
            presence.restore(told, now.monotonic)
            self._look_after(presence, now)
        groups = self._subjects.groups
        told = state.get("members_at", heartbeat) if state else heartbeat
        groups.restore(state.get("members", ()) if state else (), max(0, now.wall - told) / 1000 if told else 0.0, now)
        for alert in still_open:
            self._reopen(alert, now)
        for (_, key), kept in tuple(self._subjects.kept.items()):
            if kept.saved and kept.saved.get("waiting") is not None and key not in self._series:
                self._subjects.bind(key)  # its hours may begin before it is heard again
        for key in groups.wanted():
            self._subjects.bound(key)

    def expect(self, heard: Iterable[tuple[Reading, int]], now: Now) -> None:
        """After ``restore``: the newest stored readings, each with its arrival, ms. Whoever was heard after the last snapshot
        is missed like any other when nothing more comes."""
        snapshot = self._subjects.saved_at or 0
        heard = list(heard)
        self._news.keep(heard, now)
        for reading, arrival in heard:
            if reading.quantity in NO_SIGN_OF_LIFE:
                continue
            presence = self._subjects.presences.get(reading.device)
            known = presence is not None and reading.quantity in presence.quantities
            if arrival < (snapshot if known else now.wall - saving.REMEMBERED):
                continue
            self._subjects.bound((reading.device, reading.quantity, reading.channel))
            presence = self._subjects.presence(reading.device)
            presence.at = max(presence.at, arrival)
            presence.heard = max(presence.heard, now.monotonic)
            self._look_after(presence, now)
        groups = self._subjects.groups
        for reading, arrival in heard:
            if arrival >= now.wall - saving.REMEMBERED and groups.sees(reading.quantity):
                self._subjects.bound((reading.device, reading.quantity, reading.channel))
                groups.learn(reading, arrival, now)

    def remembering(self) -> list[Key]:
        """The series heard after the last snapshot that a rule remembers more of than their newest reading."""
        return [key for key, series in self._series.items() if any(map(keep.remembers, series.watches))]

    def warm(self, reading: Reading) -> None:
        """After ``expect``: a reading that was judged after the last snapshot. It is remembered, and brings nothing about."""
        for watch in self._series[reading.device, reading.quantity, reading.channel].watches:
            if keep.remembers(watch):
                keep.warm(watch, reading)

    def await_devices(self, devices: Iterable[Device], now: Now) -> None:
        """Those that are expected to report, each with its interval, and have not been heard since anyone remembers."""
        for device in devices:
            if device.interval is None or not device.accepted or device.id in self._subjects.presences:
                continue
            presence = self._subjects.presence(device.id)
            presence.heard, presence.at = now.monotonic, now.wall
            self._look_after(presence, now)

    def _reopen(self, alert: Alert, now: Now) -> None:
        holder = self._subjects.holder(alert, now)
        self._open[alert.id] = holder or alert
        if holder is not None:
            self._subjects.notable[holder] = None
