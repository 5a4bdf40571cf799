"""What a rule's schedule (``during``) does to one of its watches.

A breach counts only within the hours: outside of them the rule cannot tell. What goes on from there:

- A breach that holds when the hours begin is raised then, by the clock, unless the device has fallen silent: a door left open
  since the afternoon is open at night. Its time to hold begins with the hours.
- A pending alert is dropped when the hours end: it has not held long enough within them, and nobody has been told.
- A raised alert is never ended by the end of the hours. A clear reading ends it at any time: that the door is shut again is
  evidence at noon as well as at night, and people should not look at yesterday's alert all day.
- Windows and counts go on filling outside of the hours; only the verdict is withheld.
"""

from collections.abc import Sequence

from hub.model import Alert, Now, Reading
from rules import lifecycle
from rules.standing import MINUTE, Standing


def withheld(watch: Standing, verdict: bool, reading: Reading, time: int, now: Now, stale: bool) -> Sequence[Alert] | None:
    """None where the verdict counts."""
    watch.waiting = None
    if not verdict or watch.firing or watch.hours is None or watch.hours.open(time):
        return None
    changed = drop(watch, time, now) if watch.alert is not None else ()
    if not (stale or watch.event or watch.momentary):
        wait(watch, reading.value, now)
    return changed


def begin(watch: Standing, now: Now) -> Sequence[Alert]:
    """Looks whether the hours have begun for a breach that holds."""
    assert watch.hours is not None and watch.waiting is not None
    value = watch.waiting
    silent = watch.presence is not None and watch.presence.silent
    excused = watch.excused is not None and now.monotonic < watch.excused
    if silent or excused or not watch.hours.open(now.wall):
        wait(watch, value, now)
        return ()
    watch.waiting = None
    return watch._open(value, 0, 0, now.wall // MINUTE * MINUTE, now.wall, now)


def end(watch: Standing, held: int, now: Now) -> Sequence[Alert] | None:
    """Looks whether the hours have ended for a pending alert that has held for ``held`` ms. None: it is to be raised."""
    assert watch.hours is not None
    overdue = held - watch.settings.hold_for
    if not watch.hours.open(now.wall - overdue - 1 if overdue >= 0 else now.wall):
        value = watch.last_value
        changed = drop(watch, watch.last_at, now)
        if value is not None and not (watch.event or watch.momentary):
            wait(watch, value, now)
        return changed
    if overdue >= 0:
        return None
    watch._look(-overdue, now)
    return ()


def wait(watch: Standing, value: float, now: Now) -> None:
    watch.waiting = value
    watch.verdict = None
    watch.quiet = False
    watch.timers.set(watch, now.monotonic + (MINUTE - now.wall % MINUTE) / 1000)


def drop(watch: Standing, time: int, now: Now) -> Sequence[Alert]:
    assert watch.alert is not None
    changed = lifecycle.out_of_hours(watch.alert, now)
    watch._end(time)
    return (changed,)
