"""What one watch keeps across a restart, and how it goes on from there."""

from collections.abc import Sequence
from typing import Any, TypeGuard

from hub.model import Alert, Now, Quality, Reading
from rules import lifecycle, memory
from rules.standing import BY_ARRIVAL, Episode
from rules.waits import OVERDUE, STILL_BREACHED
from rules.watch import Watch

_NOT_REMEMBERED = int(Quality.STALE_RETAINED | Quality.DUPLICATE | Quality.TEST_MODE)


def snapshot(watch: Watch, monotonic: float) -> dict[str, Any] | None:
    """Plain values; None where there is nothing a restart could lose."""
    alert = watch.alert
    timers = (watch.excused, watch.late_from, watch.waiting)
    if alert is None and not watch.closed and not watch.memory and timers == (None, None, None):
        return None
    return {
        "alert": alert.id if alert is not None else "",
        "newest": watch.newest,
        "seq": watch.seq,
        "verdict": watch.verdict,
        "began": watch.began,
        "last_at": watch.last_at,
        "last_value": watch.last_value,
        "clearing": watch.clearing,
        "since": watch.since,
        "elapsed": monotonic - watch.started if alert is not None else 0.0,
        "excused": None if watch.excused is None else watch.excused - monotonic,
        "late_from": watch.late_from,
        "closed": [(episode.began, episode.ended, episode.id) for episode in watch.closed],
        "memory": memory.plain(watch.memory),
        "kind": watch.rule.kind,
        "waiting": watch.waiting,
    }


def revive(
    watch: Watch, saved: dict[str, Any] | None, alert: Alert | None, over: Sequence[Alert], heartbeat: int | None, now: Now
) -> None:
    """Goes on from what was saved with the last heartbeat, from the open alert and from those closed lately.

    The alerts are newer than what was saved: they are committed at once, the rest every few seconds. A timer's time is what
    had elapsed, and the time the hub was down by the wall clock, which never counts backwards.
    """
    down = max(0, now.wall - heartbeat) / 1000 if heartbeat is not None else 0.0
    before = saved["alert"] if saved else ""
    if saved:
        watch.newest = watch.saved_until = saved["newest"]
        watch.seq = saved["seq"]
        watch.verdict = saved["verdict"]
        watch.late_from = saved["late_from"]
        if watch.memory is not None and saved["memory"] is not None and saved.get("kind", watch.rule.kind) == watch.rule.kind:
            watch.memory = memory.like(watch.memory, saved["memory"])
        if watch.hours is not None and (waiting := saved.get("waiting")) is not None:
            watch.waiting = waiting
            watch.quiet = False
            watch.timers.set(watch, now.monotonic + OVERDUE)
        for began, ended, id in saved["closed"]:
            watch.remember(Episode(began, ended, id))
        if saved["excused"] is not None and saved["excused"] > down:
            _excuse(watch, now.monotonic + saved["excused"] - down)
    for old in sorted(over, key=lambda one: one.at):
        watch.remember(Episode(old.at, max(old.at, old.last_at), old.id))
        if old.last_at > watch.newest:
            watch.newest, watch.seq = old.last_at, 0
            watch.verdict = old.resolved_by != lifecycle.BY_EVIDENCE
        if old.resolved_by != lifecycle.BY_EVIDENCE and old.resolved_at and not watch.event and (not saved or before == old.id):
            left = STILL_BREACHED - max(0, now.wall - old.resolved_at) / 1000
            if left > 0 and watch.verdict is not False:
                _excuse(watch, now.monotonic + left)
    if watch.by_clock and over:  # in the order in which they were opened: the last one tells whether it has been heard since
        watch.verdict = over[-1].resolved_by != lifecycle.BY_EVIDENCE
        if not watch.verdict:
            watch.excused = None
    if alert is not None:
        _reopen(watch, alert, saved if before == alert.id else None, down, now)
    if watch.memory is not None:
        watch.restored = watch.newest


def remembers(watch: object) -> TypeGuard[Watch]:
    """More than the newest reading."""
    return isinstance(watch, Watch) and watch.memory is not None


def warm(watch: Watch, reading: Reading) -> None:
    """Takes a reading into the memory that was judged already, after what was saved."""
    if reading.time is None or reading.time <= watch.saved_until or reading.quality & _NOT_REMEMBERED:
        return
    watch.judge(reading, watch.firing, watch.memory)
    watch.saved_until = reading.time
    watch.newest = max(watch.newest, reading.time)


def _excuse(watch: Watch, until: float) -> None:
    watch.excused = until
    watch.quiet = False


def _reopen(watch: Watch, alert: Alert, saved: dict[str, Any] | None, down: float, now: Now) -> None:
    watch.alert = alert
    watch.waiting = None
    watch.firing = alert.state == "firing"
    watch.quiet = False
    watch.excused = None
    if saved:
        watch.began, watch.last_at, watch.last_value = saved["began"], saved["last_at"], saved["last_value"]
        watch.clearing, watch.since = saved["clearing"] and watch.firing, saved["since"]
        elapsed = saved["elapsed"] + down
    else:
        watch.began, watch.last_at, watch.last_value = alert.at, alert.last_at, alert.last_value
        watch.verdict = True
        if alert.last_at > watch.newest:
            watch.newest, watch.seq = alert.last_at, 0
        watch.since = None if alert.quality & BY_ARRIVAL or watch.by_clock else alert.at
        elapsed = max(0, now.wall - alert.pending_since) / 1000
    watch.started = now.monotonic - elapsed
    long = watch.settings.hold_for if alert.state == "pending" else watch.settings.clear_for if watch.clearing else None
    if long is not None:
        watch.timers.set(watch, max(watch.started + long / 1000, now.monotonic + OVERDUE))
