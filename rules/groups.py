"""The groups of all rules that look at several series together, and which series belongs to which."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from hub.model import Now, Quality, Reading
from hub.ports import Directory, ReadingRule
from hub.quantities import Vocabulary
from rules.group import Group, Part
from rules.index import Index
from rules.member import Member
from rules.presence import Presence
from rules.timers import Timers
from rules.together import Together
from rules.waits import OVERDUE
from rules.watch import Watch

Key = tuple[str, str, str]
_SECOND_HAND = int(Quality.STALE_RETAINED | Quality.DUPLICATE)


class Groups:
    """``revive`` gives a new group its hours, and what is known of it from before a restart."""

    def __init__(
        self,
        directory: Directory,
        vocabulary: Vocabulary,
        timers: Timers[Any],
        over: dict[str, None],
        revive: Callable[[Watch], None],
    ) -> None:
        self._directory = directory
        self._vocabulary = vocabulary
        self._timers = timers
        self._over = over
        self._revive = revive
        self._owners: dict[str, tuple[Together, int]] = {}  # by the condition's id
        self._index: Index[ReadingRule] = Index([])
        self._groups: dict[tuple[str, Key], Group] = {}
        self._members: dict[Key, list[Part]] = {}
        self._saved: dict[tuple[str, Key, str, Key], Any] = {}
        self._down = 0.0
        self._began: Now | None = None

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def match(self, rules: list[Together]) -> None:
        """These are the rules now."""
        self._owners = {leaf.settings.id: (rule, number) for rule in rules for number, leaf in enumerate(rule.leaves)}
        self._index = Index([leaf for rule in rules for leaf in rule.leaves], self._index)
        ids = {rule.settings.id for rule in rules}
        self._groups = {key: group for key, group in self._groups.items() if key[0] in ids}

    def sees(self, quantity: str) -> bool:
        """Whether any condition is about it."""
        return any(fnmatchcase(quantity, rule.leaves[number].settings.quantity) for rule, number in self._owners.values())

    def group(self, rule: Together, subject: Key) -> Group:
        key = (rule.settings.id, subject)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(rule, subject, self._directory, self._timers, self._over, self._vocabulary)
            self._revive(group)
        return group

    # --- membership ---------------------------------------------------------------------------------------------------

    def members(self, key: Key, presence: Presence | None) -> list[Part]:
        """Those of a series, which may be new or have moved."""
        if not self._owners and key not in self._members:
            return []
        device, quantity, channel = key
        path = self._directory.path(device)
        known = self._directory.device(device)
        before = {(member.group, member.number): member for member in self._members.pop(key, ())}
        found: list[Part] = []
        for leaf in self._index.matching(device, quantity, [space.id for space in path], channel, known):
            rule, number = self._owners[leaf.settings.id]
            subject = rule.subject(device, path)
            if subject is None:
                continue
            group = self.group(rule, subject)
            member = before.pop((group, number), None) or self._new(group, number, key, presence)
            member.presence = presence
            member.fit(known)
            found.append(member)
        for member in before.values():
            self._hand_over(member, found)
            self._leave(member)
        if found:
            self._members[key] = found
        return found

    def _new(self, group: Group, number: int, key: Key, presence: Presence | None) -> Part:
        member = Member(group, number, key, presence)
        known = self._vocabulary.get(key[1])
        member.gauge = known is None or known.shape in ("gauge", "counter")
        saved = self._saved.pop((group.settings.id, group.subject, group.together.names[number], key), None)
        if saved is not None and self._began is not None:
            member.revive(saved, self._down, self._began)
            if not member.quality & (Quality.MISSING_TIME | Quality.CLOCK_SKEW):
                group.event_time = max(group.event_time, member.newest)
        group.members[number].append(member)
        return member

    def forget(self, key: Key) -> None:
        """The series has made room for others."""
        for member in self._members.pop(key, ()):
            self._leave(member)

    def _leave(self, member: Part) -> None:
        group = member.group
        group.members[member.number].remove(member)
        group.calm = False
        key = (group.settings.id, group.subject)
        if group.alert is None and not group.closed and not any(group.members) and self._groups.get(key) is group:
            del self._groups[key]

    def retired(self, id: str) -> list[Group]:
        """Takes out the groups of a rule that is edited. What their members know goes over to new ones with ``members``."""
        found = [group for key, group in self._groups.items() if key[0] == id]
        for group in found:
            del self._groups[id, group.subject]
        return found

    @staticmethod
    def _hand_over(old: Part, found: list[Part]) -> None:
        """What a condition knows is kept where the new version of its rule has the same condition."""
        name, group = old.group.together.names[old.number], old.group
        for new in found:
            same = new.group is not group and new.settings.id == old.settings.id and new.group.subject == group.subject
            if same and new.group.together.names[new.number] == name and new.newest < old.newest:
                new.revive(old.snapshot(0.0), 0.0, Now(0, 0.0))
                new.group.event_time = max(new.group.event_time, group.event_time)
                new.group.calm = False

    # --- across a restart ---------------------------------------------------------------------------------------------

    def snapshot(self, monotonic: float) -> list[Any]:
        """What each member knows, as plain values. What nothing has been heard of since the restart is kept as it was."""
        kept = [(id, subject, name, key, saved) for (id, subject, name, key), saved in self._saved.items()]
        return kept + [
            (group.settings.id, group.subject, group.together.names[member.number], member.key, member.snapshot(monotonic))
            for group in self._groups.values()
            for part in group.members
            for member in part
            if member.newest >= 0
        ]

    def restore(self, state: Iterable[Any], down: float, now: Now) -> None:
        self._down = down
        self._began = now
        for id, subject, name, key, saved in state:
            self._saved[id, (*subject,), name, (*key,)] = saved

    def wanted(self) -> list[Key]:
        """Series that were members before the restart."""
        return list(dict.fromkeys(key for _, _, _, key in self._saved))

    def learn(self, reading: Reading, arrival: int, now: Now, rule: str = "") -> None:
        """The newest stored reading of a series: what a member, or one of that rule, has missed of it, or never knew. It is
        judged a little later, for newer ones may wait at the broker."""
        for member in self._members.get((reading.device, reading.quantity, reading.channel), ()):
            time = reading.time or arrival
            if time > member.newest and rule in ("", member.settings.id):
                self._learn(member, reading, time, arrival, now)

    def _learn(self, member: Part, reading: Reading, time: int, arrival: int, now: Now) -> None:
        if reading.quality & Quality.TEST_MODE and not member.settings.test_mode:
            return
        verdict = member.judge(reading, member.was, member.memory)
        second_hand = bool(reading.quality & _SECOND_HAND)
        if (second_hand and not verdict) or (verdict is False and reading.quality & Quality.DEVICE_FAULT):
            return
        if verdict is not member.verdict:
            member.since, member.verdict, member.was = time, verdict, bool(verdict)
        if reading.value != member.value:
            member.changed_at = time
        member.value, member.newest, member.seq, member.quality = reading.value, time, reading.seq, reading.quality
        member.stale = second_hand
        member.heard = max(member.heard, now.monotonic - max(0, now.wall - arrival) / 1000)
        group = member.group
        if not reading.quality & (Quality.MISSING_TIME | Quality.CLOCK_SKEW):
            group.event_time = max(group.event_time, time)
        group.newest = max(group.newest, time)
        if group.alert is None:
            self._timers.set(group, now.monotonic + OVERDUE)
