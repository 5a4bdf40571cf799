"""What is so already when a rule is new: it has not seen the newest stored reading of a device that speaks only on change.

A door that stands open when its rule begins would be told with its next opening only. So a new or edited rule looks once at
the newest stored readings, a moment after the start: what the broker still holds is newer. What it finds is raised as "stale,
verify", and confirmed by the next reading. It ends nothing; windows and counts learn from readings to come; what was judged
before, and what a person has closed, stays as it is. An event (a call for help) is over once it has been told.

A rule that is edited while the hub runs looks at once (``rules.edit``), and what the hub itself has heard is no longer stale.
Of a device that is silent nobody knows how things stand: nothing is raised.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from typing import Any

from hub.model import Alert, Now, Quality, Reading
from hub.ports import Rule, SilenceRule
from rules import hours
from rules.standing import NOTHING
from rules.subjects import Subjects
from rules.together import Together
from rules.waits import OVERDUE
from rules.watch import Watch

LATEST = 7 * 86_400_000
"""ms; of what arrived earlier nobody remembers whether it was told and closed."""
AT_A_TIME = 2_000
"""Readings looked at in one tick, so that it holds up nothing."""
_NOT_NOW = int(Quality.STALE_RETAINED | Quality.TEST_MODE)


class News:
    """The rules that are new since the last snapshot, and what the store knew at the start."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [rule for rule in rules if not isinstance(rule, SilenceRule | Together)]
        self.marks = {rule.settings.id: mark(rule) for rule in self._rules}
        self.ids: set[str] = set()
        self._latest: list[tuple[Reading, int]] = []
        self._since = 0.0

    def since(self, state: Any) -> None:
        """``state``: the snapshot of the last run, None for none. One from before there were marks tells of no new rules."""
        before = state.get("rules", self.marks) if state else {}
        self.ids = {id for id, told in self.marks.items() if before.get(id) != told}

    def edited(self, id: str, rule: Rule | None) -> None:
        """While the engine runs; None: it is gone."""
        self.marks.pop(id, None)
        if rule is not None and not isinstance(rule, SilenceRule | Together):
            self.marks[id] = mark(rule)

    def keep(self, latest: Iterable[tuple[Reading, int]], now: Now) -> None:
        self._since = now.monotonic
        if self.ids:
            globs = {rule.settings.quantity for rule in self._rules if rule.settings.id in self.ids}
            seen = cache(lambda quantity: any(fnmatchcase(quantity, glob) for glob in globs))
            self._latest = [one for one in latest if one[1] >= now.wall - LATEST and seen(one[0].quantity)]

    def due(self, now: Now) -> list[tuple[Reading, int]]:
        """What is to be looked at, once the broker has had time to tell of newer readings."""
        if not self._latest or now.monotonic - self._since < OVERDUE:
            return []
        due, self._latest = self._latest[:AT_A_TIME], self._latest[AT_A_TIME:]
        return due


def mark(rule: Rule) -> str:
    """Tells a rule from its earlier versions."""
    return sha256(f"{rule.kind} {rule.settings!r}".encode()).hexdigest()[:16]


def unjudged(
    subjects: Subjects, ids: Collection[str], latest: Iterable[tuple[Reading, int]]
) -> Iterator[tuple[Watch, Reading, int]]:
    """What these rules have yet to judge of the newest stored readings, each with its arrival, ms."""
    for reading, arrival in latest:
        if reading.quality & _NOT_NOW:
            continue
        time = arrival if reading.time is None else reading.time
        for watch in subjects.bound((reading.device, reading.quantity, reading.channel)).watches:
            if not isinstance(watch, Watch) or watch.settings.id not in ids or watch.memory is not None or watch.event:
                continue
            if watch.alert is None and watch.newest <= time and not any(one.began <= time <= one.ended for one in watch.closed):
                yield watch, reading, arrival


def judge(watch: Watch, reading: Reading, arrival: int, now: Now, since: int | None) -> Sequence[Alert]:
    """``since``: when the hub began to hear, ms, if it has gone on until now; None at its start."""
    time = arrival if reading.time is None else reading.time
    watch.newest = min(watch.newest, time - 1)
    if since is None:
        counts = watch.hours is None or watch.hours.open(time)  # if not, it waits for its hours
        return watch.see(reading, arrival, now, stale=counts)
    if watch.hours is None or watch.hours.open(now.wall):
        return watch.see(reading, arrival, now, stale=time < since)
    watch.newest = time
    if watch.judge(reading, False, None):
        hours.wait(watch, reading.value, now)
    return NOTHING
