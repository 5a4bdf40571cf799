"""One rule is replaced while the engine runs. Nothing of any other rule is touched: no timer, no window, no alert.

What the rule has under way goes on as it would over a restart with an edited file: windows are kept where the kind is the same,
and an open alert stays open, judged by the new version. Where that cannot judge it (another kind of subject, or the rule is
gone) only a person closes it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, TypeVar

from hub.model import Alert, Now, Reading
from hub.ports import Rule, SilenceRule
from rules import keep
from rules.engine import Engine
from rules.group import Group
from rules.loading import quantities
from rules.standing import NOTHING
from rules.stored import LATEST
from rules.subjects import NO_SIGN_OF_LIFE, Key, Tracked
from rules.together import Together
from rules.watch import Watch

AT_ONCE = 25
"""Series, devices or places in one piece: a millisecond of work, or ten where each raises an alert."""

T = TypeVar("T")

Family = Literal["reading", "silence", "together"]


def replace(engine: Engine, id: str, rule: Rule | None, now: Now) -> None:
    """``rule`` takes the place of the one with that id, or is new; None, or one that is switched off: there is none any more."""
    for _ in pieces(engine, id, rule, lambda: now):
        pass


def pieces(
    engine: Engine,
    id: str,
    rule: Rule | None,
    clock: Callable[[], Now],
    devices: Sequence[str] = (),
    newest: Callable[[str], Iterable[Reading]] = lambda device: (),
) -> Iterator[list[Alert]]:
    """The same in pieces, to be taken one after the other while readings go on, and not two rules at a time. Each gives the
    alerts that came of it. What has not had its turn is judged by the version before.

    ``devices``: all that were ever heard; ``newest``: of one of them the newest reading of each series. What they tell is judged
    at once, as ``rules.stored`` says."""
    subjects = engine._subjects
    if rule is not None and not rule.settings.enabled:
        rule = None
    old = subjects.rules.get(id)
    engine.failed.pop(id, None)
    if rule is not None:
        subjects.rules[id] = rule
    else:
        subjects.rules.pop(id, None)
    edit = _Edit(engine, id, old, rule)
    retired = subjects.groups.retired(id)
    subjects._match_rules()
    edit.groups(retired, clock())
    yield []
    if isinstance(old, SilenceRule) or isinstance(rule, SilenceRule):
        yield from _in_turn(list(subjects.presences.values()), edit.device, clock)
    yield from _in_turn([*subjects.series, *subjects._parked], edit.series, clock)
    yield from _in_turn([one for one in engine._open.values() if isinstance(one, Watch)], edit.left, clock)
    if rule is not None:
        yield from _in_turn(devices, lambda device, now: edit.known(device, newest(device), now), clock)
    yield from _in_turn(list(subjects.groups), edit.group, clock)
    engine.knows(id, rule)


def _in_turn(things: Sequence[T], each: Callable[[T, Now], Sequence[Alert]], clock: Callable[[], Now]) -> Iterator[list[Alert]]:
    for start in range(0, len(things), AT_ONCE):
        now = clock()
        yield [alert for one in things[start : start + AT_ONCE] for alert in each(one, now)]


def meet(engine: Engine, keys: Iterable[Key]) -> None:
    """Series that were heard before the restart and not since are watched already now."""
    for key in keys:
        engine._subjects.bound(key)


class _Edit:
    """What becomes of the watches of one rule, ``old``, when ``rule`` takes its place."""

    def __init__(self, engine: Engine, id: str, old: Rule | None, rule: Rule | None) -> None:
        self._engine = engine
        self._subjects = engine._subjects
        self._id = id
        self._rule = rule
        self._same = rule is not None and old is not None and _family(old) == _family(rule)
        globs = [glob for one in (old, rule) if one is not None for glob in quantities(one)]
        self._concerns = cache(lambda quantity: any(fnmatchcase(quantity, glob) for glob in globs))
        if not self._same:
            for key in [key for key in self._subjects.kept if key[0] == id]:
                del self._subjects.kept[key]

    def groups(self, retired: Iterable[Group], now: Now) -> None:
        """At once, for members judge together: where something is under way it goes on. The others begin with what their members
        know, as these are matched again: in their turn, or with their next reading."""
        for group in retired:
            for part in group.members:
                for member in part:
                    self._subjects.park_series(member.key)
        for group in retired:
            if not self._same or keep.snapshot(group, now.monotonic) is not None:
                self._follow(group, now)
            elif group.due is not None:
                self._forget(group)

    def device(self, presence: Tracked, now: Now) -> Sequence[Alert]:
        """A rule about silence: the next tick looks at the device."""
        watch = presence.watches.get(self._id)
        if watch is not None and self._is_old(watch):
            del presence.watches[self._id]
            self._follow(watch, now)
        self._subjects.watch_silence(presence)
        self._subjects.presence_timers.set(presence, now.monotonic)
        return NOTHING

    def series(self, key: Key, now: Now) -> Sequence[Alert]:
        """It is matched again, unless it has made room for others meanwhile."""
        if not self._concerns(key[1]):
            return NOTHING
        subjects = self._subjects
        series = subjects.series.get(key) or subjects._parked.get(key)
        if series is None:
            return NOTHING
        for watch in series.watches:
            if isinstance(watch, Watch) and watch.settings.id == self._id and self._is_old(watch):
                series.watches = tuple(one for one in series.watches if one is not watch)
                self._follow(watch, now)
        subjects.park_series(key)
        subjects.bind(key)
        return NOTHING

    def left(self, holder: Watch, now: Now) -> Sequence[Alert]:
        """An open alert of a series or device that is not watched any more."""
        if holder.settings.id == self._id and self._is_old(holder) and holder.alert is not None:
            self._follow(holder, now)
        return NOTHING

    def known(self, device: str, newest: Iterable[Reading], now: Now) -> Sequence[Alert]:
        """What is so already, as far as anybody knows."""
        subjects = self._subjects
        presence, told = subjects.presences.get(device), subjects.device(device)
        away = (presence is not None and presence.silent) or (told is not None and told.online is False)
        found = []
        for reading in newest:
            at = min(reading.time or now.wall, now.wall)  # when it arrived, within the two minutes a clock may be ahead
            if self._concerns(reading.quantity) and now.wall - at < LATEST and (not away or reading.quantity in NO_SIGN_OF_LIFE):
                found.append((reading, at))
        began = subjects.began
        raised = self._engine.judge_stored((self._id,), found, now, since=began.wall if began is not None else 0)
        for reading, at in found:
            subjects.groups.learn(reading, at, now, self._id)
        return raised

    def group(self, group: Group, now: Now) -> Sequence[Alert]:
        """What its members make of it together."""
        if group.settings.id != self._id or self._is_old(group) or group.alert is not None:
            return NOTHING
        changed = group.wake(now)
        self._engine._note(group, changed)
        return changed

    def _is_old(self, watch: Watch) -> bool:
        return watch.rule is not self._subjects.rules.get(self._id)

    def _follow(self, old: Watch, now: Now) -> None:
        if not self._same or not self._goes_on(old, now):
            self._let_go(old)

    def _goes_on(self, old: Watch, now: Now) -> bool:
        """A watch of the new version in the place of the old one; False where there is none."""
        subjects = self._subjects
        rule = subjects.rules.get(self._id)
        if rule is None or rule is not self._rule:
            return False  # it has been stopped meanwhile
        saved = keep.snapshot(old, now.monotonic)
        if isinstance(rule, Together):
            if not isinstance(old, Group) or old.together.each != rule.each:
                return False
            new: Watch = subjects.groups.group(rule, old.subject)
        else:
            new = subjects.watch(rule, old.subject, old.presence)
            self._put(rule, new)
        new.newest, new.seq, new.verdict = old.newest, old.seq, old.verdict
        if saved is not None:
            keep.revive(new, saved, old.alert, (), now.wall, now)
        if new.alert is not None:
            self._engine._open[new.alert.id] = new
            subjects.notable[new] = None
        self._forget(old)
        return True

    def _put(self, rule: Rule, new: Watch) -> None:
        if isinstance(rule, SilenceRule):
            self._subjects.presence(new.subject[0]).watches[self._id] = new
            return
        series = self._subjects.series.get(new.subject) or self._subjects._parked.get(new.subject)
        series = series or self._subjects.bind(new.subject)
        series.watches = (*(one for one in series.watches if one.settings.id != self._id), new)

    def _let_go(self, old: Watch) -> None:
        """Its alert stays open, and only a person closes it."""
        if old.alert is not None:
            self._engine._open[old.alert.id] = old.alert
            old.alert = None
        self._forget(old)

    def _forget(self, old: Watch) -> None:
        old.timers.set(old, None)
        self._subjects.notable.pop(old, None)


def _family(rule: Rule) -> Family:
    if isinstance(rule, Together):
        return "together"
    return "silence" if isinstance(rule, SilenceRule) else "reading"
