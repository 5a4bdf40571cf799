"""Which rules see a reading, what the clock brings about, and what people do to alerts.

One engine serves all readings. Nothing here does I/O or reads a clock: the same code runs live, in a replay and in a test.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from hub.model import Alert, Now, Reading
from hub.ports import Directory, SilenceRule
from hub.quantities import Quantity, Vocabulary
from rules import keep, lifecycle
from rules.index import AnyRule, Index
from rules.lifecycle import AlreadyClosed, NeedsReason, UnknownAlert
from rules.presence import ENOUGH, SAME_REPORT, Presence
from rules.timers import Timers
from rules.watch import NOTHING, Watch

__all__ = ["AlreadyClosed", "Engine", "NeedsReason", "UnknownAlert"]

STRANGERS = 100_000
"""Series of devices nobody has announced that are judged at a time; the ones without an alert that came first make room."""
CLOSED = 10_000
"""Ids of closed alerts that are remembered, to tell a late click from a wrong one."""
LOOK_AGAIN = 60.0
"""Seconds after which a device's wait is computed anew at the latest: its interval may have become known, or shorter."""
QUIET_TIMES, QUIET_LEAST = 3.0, 30.0
"""When a device that no silence rule watches counts as silent: this many intervals, and at least these seconds."""
NO_SIGN_OF_LIFE = ("device.online", "fire.unreadable")
"""What others say about a device, or what nobody could read."""

REMEMBERED = 7 * 86_400_000
"""How long, in ms, an episode that is over is kept in snapshots."""
DEVICE = Quantity("", "", "state", 0, 1, "device", "device", "设备")

Key = tuple[str, str, str]
log = logging.getLogger(__name__)


class Series:
    """A device's quantity and channel, with the rules that watch it."""

    __slots__ = ("key", "presence", "watches")

    def __init__(self, key: Key, presence: Presence | None, watches: tuple[Watch, ...]) -> None:
        self.key = key
        self.presence = presence
        self.watches = watches


class _Kept:
    __slots__ = ("alert", "over", "saved")

    def __init__(self, saved: dict[str, Any] | None) -> None:
        self.saved = saved
        self.alert: Alert | None = None
        self.over: list[Alert] = []


class Engine:
    """``failed``: rules that raised, by id, with what happened; they are stopped, their open alerts stay open.
    ``forgotten``: series of unannounced devices that made room for others."""

    def __init__(self, rules: Sequence[AnyRule], directory: Directory, vocabulary: Vocabulary) -> None:
        self._rules: dict[str, AnyRule] = {rule.settings.id: rule for rule in rules if rule.settings.enabled}
        self._index = Index(self._rules.values())
        self._directory = directory
        self._vocabulary = vocabulary
        self._series: dict[Key, Series] = {}
        self._parked: dict[Key, Series] = {}  # to be matched again: the directory has changed
        self._strangers: dict[Key, None] = {}
        self._presences: dict[str, Presence] = {}
        self._watch_timers: Timers[Watch] = Timers()
        self._presence_timers: Timers[Presence] = Timers()
        self._open: dict[str, Watch | Alert] = {}  # an alert alone: its rule is gone, only a person can close it
        self._closed: dict[str, None] = {}
        self._notable: dict[Watch, None] = {}  # those a snapshot looks at
        self._kept: dict[tuple[str, Key], _Kept] = {}  # from before the restart, for watches that are not there yet
        self._heartbeat: int | None = None
        self._began: Now | None = None
        self._now = Now(0, 0.0)
        self._edition = 0
        self.failed: dict[str, str] = {}
        self.forgotten = 0

    # --- readings and the clock ---------------------------------------------------------------------------------------

    def step(self, reading: Reading, received_at: int, now: Now, *, stale: bool = False) -> Sequence[Alert]:
        """The alerts that a reading changes, in order; each change is a new revision. ``stale``: from a retained message or
        one older than what is kept."""
        series = self._series.get((reading.device, reading.quantity, reading.channel))
        if series is None:
            series = self._bind((reading.device, reading.quantity, reading.channel))
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

    def tick(self, now: Now) -> Sequence[Alert]:
        """What falls due by the clock: silence, hold and clear times."""
        self._now = now
        changed: list[Alert] = []
        for presence in self._presence_timers.due(now.monotonic):
            changed.extend(self._look_after(presence, now))
        for watch in self._watch_timers.due(now.monotonic):
            if woken := watch.wake(now):
                self._note(watch, woken)
                changed.extend(woken)
        return changed

    def _note(self, watch: Watch, changed: Iterable[Alert]) -> None:
        for alert in changed:
            if alert.state == "resolved":
                self._closes(alert.id)
            else:
                self._open[alert.id] = watch
                self._notable[watch] = None

    def _closes(self, id: str) -> None:
        self._open.pop(id, None)
        self._closed[id] = None
        if len(self._closed) > CLOSED:
            del self._closed[next(iter(self._closed))]

    def _fail(self, id: str, problem: Exception) -> None:
        rule = self._rules.pop(id, None)
        if rule is None:
            return
        self.failed[id] = f'rule "{id}" was stopped: {type(problem).__name__}: {problem}'
        log.error("%s", self.failed[id], exc_info=problem)
        for alert_id, watch in self._open.items():
            if isinstance(watch, Watch) and watch.rule is rule and watch.alert is not None:
                self._open[alert_id] = watch.alert
                watch.alert = None
        self._index = Index(self._rules.values())
        self.directory_changed()

    # --- silence ------------------------------------------------------------------------------------------------------

    def _heard(self, presence: Presence, received_at: int, now: Now) -> Sequence[Alert]:
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

    def _look_after(self, presence: Presence, now: Now) -> Sequence[Alert]:
        """A device's wait may be over; if not, it is looked at again when it will be."""
        if presence.edition != self._edition:
            self._watch_silence(presence)
        device = self._directory.device(presence.device)
        interval = presence.interval(device.interval if device else None)
        elapsed = now.monotonic - presence.heard
        again = LOOK_AGAIN
        changed: list[Alert] = []
        for watch in tuple(presence.watches.values()):
            try:
                left = watch.rule.wait(interval) - elapsed if isinstance(watch.rule, SilenceRule) else again
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
        self._presence_timers.set(presence, now.monotonic + again)
        return changed

    def _hush(self, presence: Presence, silent: bool) -> Iterable[Alert]:
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
        alert = holder.close(by, reason, now) if isinstance(holder, Watch) else lifecycle.closed(holder, by, reason, now)
        self._closes(id)
        return alert

    def open_alerts(self) -> list[Alert]:
        """Pending and firing, oldest first."""
        return sorted((self._find(id) for id in self._open), key=lambda alert: (alert.pending_since, alert.id))

    def _find(self, id: str) -> Alert:
        holder = self._open.get(id)
        alert = holder.alert if isinstance(holder, Watch) else holder
        if alert is None:
            raise AlreadyClosed(id) if id in self._closed else UnknownAlert(id)
        return alert

    # --- which rules see what -----------------------------------------------------------------------------------------

    def directory_changed(self) -> None:
        """Devices have moved or are new: scopes are matched again as their readings come in. Nothing is forgotten."""
        self._parked.update(self._series)
        self._series.clear()
        self._edition += 1

    def _bind(self, key: Key) -> Series:
        device, quantity, _ = key
        presence = self._presence(device)
        alive = quantity not in NO_SIGN_OF_LIFE
        before = self._parked.pop(key, None)
        if before is None:
            self._admit(key)
        known = {watch.settings.id: watch for watch in before.watches} if before else {}
        rules = [rule for rule in self._matching(device, quantity) if not isinstance(rule, SilenceRule)]
        of = presence if alive else None
        watches = [known.pop(id) if (id := rule.settings.id) in known else self._watch(rule, key, of) for rule in rules]
        watches.extend(watch for watch in known.values() if watch.alert is not None)  # out of scope now, but not closed
        series = self._series[key] = Series(key, of, tuple(watches))
        if alive:
            presence.series[key] = series
            if quantity not in presence.quantities:
                presence.quantities = (*presence.quantities, quantity)
                self._watch_silence(presence)
        return series

    def _watch_silence(self, presence: Presence) -> None:
        device = presence.device
        rules = {
            rule.settings.id: rule
            for quantity in presence.quantities
            for rule in self._matching(device, quantity)
            if isinstance(rule, SilenceRule)
        }
        before = presence.watches
        presence.watches = {id: before.get(id) or self._watch(rule, (device, "", ""), presence) for id, rule in rules.items()}
        presence.watches.update((id, watch) for id, watch in before.items() if watch.alert is not None)
        presence.edition = self._edition

    def _matching(self, device: str, quantity: str) -> list[AnyRule]:
        return self._index.matching(device, quantity, [space.id for space in self._directory.path(device)])

    def _watch(self, rule: AnyRule, key: Key, presence: Presence | None) -> Watch:
        name = key[1]
        quantity = self._vocabulary.get(name) if name else DEVICE
        if quantity is None:
            quantity = Quantity(name, "", "gauge", float("-inf"), float("inf"), "device", name, name)
        watch = Watch(rule, key, quantity, self._directory, presence, self._watch_timers)
        if (kept := self._kept.pop((rule.settings.id, key), None)) and self._began is not None:
            keep.revive(watch, kept.saved, kept.alert, kept.over, self._heartbeat, self._began)
        if watch.memory is not None or watch.closed:
            self._notable[watch] = None
        return watch

    def _presence(self, device: str) -> Presence:
        presence = self._presences.get(device)
        if presence is None:
            presence = self._presences[device] = Presence(device)
        return presence

    def _admit(self, key: Key) -> None:
        """Series of devices nobody has announced are bounded; the oldest without an open alert makes room."""
        device = self._directory.device(key[0])
        if device is not None and device.accepted:
            return
        self._strangers[key] = None
        if len(self._strangers) <= STRANGERS:
            return
        oldest = next(iter(self._strangers))
        del self._strangers[oldest]
        series = self._series.get(oldest) or self._parked.get(oldest)
        if series is None:
            return
        if any(watch.alert is not None for watch in series.watches):
            self._strangers[oldest] = None
            return
        self._series.pop(oldest, None)
        self._parked.pop(oldest, None)
        for watch in series.watches:
            self._notable.pop(watch, None)
        presence = self._presences[oldest[0]]
        presence.series.pop(oldest, None)
        if not presence.series and all(watch.alert is None for watch in presence.watches.values()):
            self._presence_timers.set(presence, None)
            del self._presences[oldest[0]]
        self.forgotten += 1

    # --- across a restart ---------------------------------------------------------------------------------------------

    def snapshot(self) -> Any:
        """What a restart must not lose and the alerts themselves do not tell, as plain values."""
        watches = [(id, *key, kept.saved) for (id, key), kept in self._kept.items() if kept.saved and self._remembers(kept.saved)]
        for watch in list(self._notable):
            saved = keep.snapshot(watch, self._now.monotonic)
            if saved and self._remembers(saved):
                watches.append((watch.settings.id, *watch.subject, saved))
            elif watch.memory is None:
                del self._notable[watch]
        devices = {device: presence.snapshot() for device, presence in self._presences.items() if presence.quantities}
        return {"watches": watches, "devices": devices}

    def _remembers(self, saved: dict[str, Any]) -> bool:
        since = self._now.wall - REMEMBERED
        return bool(saved["alert"] or saved["memory"] or saved["excused"]) or any(end > since for _, end, _ in saved["closed"])

    def restore(self, state: Any, alerts: Sequence[Alert], heartbeat: int | None, now: Now) -> None:
        """Goes on where the last run ended, before the first step.

        ``state``: the last snapshot, or None; ``alerts``: all that are open, and those closed lately; ``heartbeat``: when the
        snapshot was taken, ms. Open alerts stay open and are not raised again; the wait for silence begins anew."""
        self._began = self._now = now
        self._heartbeat = heartbeat
        for id, device, quantity, channel, saved in state["watches"] if state else ():
            self._kept[id, (device, quantity, channel)] = _Kept(saved)
        still_open = []
        for alert in alerts:
            kept = self._kept.setdefault((alert.rule, (alert.device, alert.quantity, alert.channel)), _Kept(None))
            if alert.state == "resolved":
                kept.over.append(alert)
                self._closed[alert.id] = None
            else:
                kept.alert = alert
                still_open.append(alert)
        for device, told in state["devices"].items() if state else ():
            presence = self._presence(device)
            presence.restore(told, now.monotonic)
            self._watch_silence(presence)
            self._presence_timers.set(presence, now.monotonic + LOOK_AGAIN)
        for alert in still_open:
            self._reopen(alert, now)

    def _reopen(self, alert: Alert, now: Now) -> None:
        rule = self._rules.get(alert.rule)
        if rule is None:
            self._open[alert.id] = alert
            return
        key = (alert.device, alert.quantity, alert.channel)
        presence = self._presence(alert.device)
        if isinstance(rule, SilenceRule):
            watch = presence.watches.get(alert.rule)
            if watch is None:
                watch = presence.watches[alert.rule] = self._watch(rule, key, presence)
            presence.silent = True
        else:
            series = self._series.get(key) or self._bind(key)
            watch = next((one for one in series.watches if one.rule is rule), None)
            if watch is None:
                watch = self._watch(rule, key, series.presence)
                series.watches = (*series.watches, watch)
            presence.silent = presence.silent or alert.silent
        presence.heard = max(presence.heard, now.monotonic)
        self._open[alert.id] = watch
        self._notable[watch] = None
