"""One rule is replaced while the engine runs. Nothing of any other rule is touched: no timer, no window, no alert.

What the rule has under way goes on as it would over a restart with an edited file: windows are kept where the kind is the same,
and an open alert stays open, judged by the new version. Where that cannot judge it (another kind of subject, or the rule is
gone) only a person closes it.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Literal

from hub.model import Now
from hub.ports import Rule, SilenceRule
from rules import keep
from rules.engine import Engine
from rules.group import Group, Part
from rules.loading import quantities
from rules.subjects import Kept, Key, Subjects
from rules.together import Together
from rules.watch import Watch

AT_ONCE = 500
"""Series matched in one go, so that no edit holds up the readings."""

Family = Literal["reading", "silence", "together"]


def replace(engine: Engine, id: str, rule: Rule | None, now: Now) -> None:
    """``rule`` takes the place of the one with that id, or is new; None, or one that is switched off: there is none any more.
    Readings meet it from the next one on."""
    subjects = engine._subjects
    if rule is not None and not rule.settings.enabled:
        rule = None
    old = subjects.rules.get(id)
    engine.failed.pop(id, None)
    before = _taken_out(engine, id) if old is not None else []
    groups = _groups_out(subjects, id)
    if rule is not None:
        subjects.rules[id] = rule
    else:
        subjects.rules.pop(id, None)
    subjects._match_rules()
    same = rule is not None and old is not None and _family(old) == _family(rule)
    for watch in (*before, *(group for group, _ in groups)):
        if rule is None or not same or not _goes_on(engine, rule, watch, now):
            _let_go(engine, watch)
    if isinstance(rule, Together) and same:
        for _, members in groups:
            for member in members:
                _member_goes_on(subjects, id, member, now)
    for key in [key for key in subjects.kept if key[0] == id and not same]:
        del subjects.kept[key]
    _match_again(subjects, [one for one in (old, rule) if one is not None])
    if any(isinstance(one, SilenceRule) for one in (old, rule)):
        for presence in subjects.presences.values():
            presence.edition = -1
            subjects.presence_timers.set(presence, now.monotonic)


def meet(engine: Engine, keys: Iterable[Key]) -> None:
    """Series that were heard before the restart and not since are watched already now, AT_ONCE of them; the others wait for
    their next reading, or for the next time."""
    subjects = engine._subjects
    unmet = (key for key in keys if key not in subjects.series)
    for key in islice(unmet, AT_ONCE):
        subjects.bind(key)


def _match_again(subjects: Subjects, rules: Sequence[Rule]) -> None:
    """The series that these rules may be about: at once, or where they are very many, with their next readings."""
    globs = [quantity for rule in rules for quantity in quantities(rule)]
    about: dict[str, bool] = {}
    found = []
    for key in subjects.series:
        if key[1] not in about:
            about[key[1]] = any(fnmatchcase(key[1], glob) for glob in globs)
        if about[key[1]]:
            found.append(key)
    for key in found:
        series = subjects._parked[key] = subjects.series.pop(key)
        series.removed = True
    for key in found[:AT_ONCE]:
        subjects.bind(key)


def _family(rule: Rule) -> Family:
    if isinstance(rule, Together):
        return "together"
    return "silence" if isinstance(rule, SilenceRule) else "reading"


def _taken_out(engine: Engine, id: str) -> list[Watch]:
    """The rule's watches, out of the series and devices they belonged to."""
    subjects = engine._subjects
    found: dict[Watch, None] = {}
    for table in (subjects.series, subjects._parked):
        for series in table.values():
            if any(one.settings.id == id for one in series.watches):
                found.update((one, None) for one in series.watches if isinstance(one, Watch) and one.settings.id == id)
                series.watches = tuple(one for one in series.watches if one.settings.id != id)
    for presence in subjects.presences.values():
        if (watch := presence.watches.pop(id, None)) is not None:
            found[watch] = None
    for holder in engine._open.values():
        if isinstance(holder, Watch) and not isinstance(holder, Group) and holder.settings.id == id:
            found[holder] = None
    return list(found)


def _groups_out(subjects: Subjects, id: str) -> list[tuple[Group, list[Part]]]:
    groups = subjects.groups
    found = [(group, [member for part in group.members for member in part]) for group in groups if group.settings.id == id]
    for group, members in found:
        groups._groups.pop((id, group.subject), None)
        for member in members:
            left = [one for one in groups._members.get(member.key, ()) if one.group is not group]
            groups._members[member.key] = left
    return found


def _goes_on(engine: Engine, rule: Rule, old: Watch, now: Now) -> bool:
    """A watch of the new version in the place of the old one; False where there is none."""
    subjects = engine._subjects
    saved = keep.snapshot(old, now.monotonic)
    if saved is None and not isinstance(old, Group) and subjects.began is not None:
        _for_later(subjects, old)
        return True
    if isinstance(rule, Together):
        if not isinstance(old, Group) or old.together.each != rule.each:
            return False
        new: Watch = subjects.groups.group(rule, old.subject)
    else:
        new = subjects.watch(rule, old.subject, old.presence)
        _put(subjects, rule, old.subject, new)
    new.newest, new.seq = old.newest, old.seq
    if saved is not None:
        keep.revive(new, saved, old.alert, (), now.wall, now)
    if new.alert is not None:
        engine._open[new.alert.id] = new
        subjects.notable[new] = None
    _forget(subjects, old)
    return True


def _for_later(subjects: Subjects, old: Watch) -> None:
    """One that has nothing under way, as most have: what it judged last waits for its series to be matched again."""
    nothing = {"alert": "", "excused": None, "late_from": None, "closed": (), "memory": None, "waiting": None}
    last = {"newest": old.newest, "seq": old.seq, "verdict": old.verdict}
    subjects.kept[old.settings.id, old.subject] = Kept(nothing | last)
    _forget(subjects, old)


def _put(subjects: Subjects, rule: Rule, key: Key, new: Watch) -> None:
    if isinstance(rule, SilenceRule):
        subjects.presence(key[0]).watches[rule.settings.id] = new
        return
    series = subjects.series.get(key) or subjects._parked.get(key) or subjects.bind(key)
    series.watches = (*(one for one in series.watches if one.settings.id != rule.settings.id), new)


def _member_goes_on(subjects: Subjects, id: str, old: Part, now: Now) -> None:
    """What a condition knows is kept where the new version has the same condition."""
    groups = subjects.groups
    name = old.group.together.names[old.number]
    for member in groups.members(old.key, old.presence):
        same = member.group.settings.id == id and member.group.subject == old.group.subject
        if same and member.group.together.names[member.number] == name and member.newest < old.newest:
            member.revive(old.snapshot(now.monotonic), 0.0, now)
            member.group.event_time = max(member.group.event_time, old.group.event_time)


def _let_go(engine: Engine, old: Watch) -> None:
    """Its alert stays open, and only a person closes it."""
    if old.alert is not None:
        engine._open[old.alert.id] = old.alert
        old.alert = None
    _forget(engine._subjects, old)


def _forget(subjects: Subjects, old: Watch) -> None:
    old.timers.set(old, None)
    subjects.notable.pop(old, None)
