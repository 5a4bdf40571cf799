"""Several conditions watched together in one place: whether they hold, since when, and on what evidence."""

from collections.abc import Container, Sequence
from typing import Any

from msgspec.structs import replace

from hub.model import Alert, Evidence, Now
from hub.ports import Directory
from hub.quantities import Quantity, Vocabulary
from rules import hours
from rules.condition import Known, joined
from rules.member import Member
from rules.standing import BY_ARRIVAL, NOTHING
from rules.timers import Timers
from rules.together import Together
from rules.waits import CLOCK_LIMIT, RECHECK
from rules.watch import Watch

MOST_EVIDENCE = 32
PLACE = Quantity("", "", "state", 0, 1, "device", "place", "地点")


class Group(Watch):
    """An alert's identity comes from the place and the moment at which the conditions came true, whichever reading arrived
    last. Freshness is measured in event time between readings, and without them on the monotonic clock."""

    __slots__ = ("calm", "event_time", "frozen", "members", "node", "together", "vocabulary", "within")

    def __init__(
        self,
        rule: Together,
        subject: tuple[str, str, str],
        directory: Directory,
        timers: Timers[Any],
        over: Container[str],
        vocabulary: Vocabulary,
    ) -> None:
        super().__init__(rule, subject, PLACE, directory, None, timers, over)
        self.together = rule
        self.vocabulary = vocabulary
        self.node = rule.node
        self.within = rule.within
        self.frozen = rule.frozen
        self.members: list[list[Part]] = [[] for _ in rule.leaves]  # by condition
        self.event_time = -1  # of the newest reading that has a time of its own
        self.calm = False  # nothing is open: a reading that changes no verdict changes nothing

    # --- what is known ------------------------------------------------------------------------------------------------

    def consider(self, time: int, received_at: int, now: Now) -> Sequence[Alert]:
        """A reading with that time has come in; the alert it changed, usually none."""
        self.newest = max(self.newest, time)
        if self.event_time - received_at > CLOCK_LIMIT:
            self.event_time = -1  # it came while our own clock was wrong
        for part in self.members:
            for member in part:
                self.newest = max(self.newest, member.newest)
                if not member.quality & BY_ARRIVAL and self.event_time < member.newest <= received_at + CLOCK_LIMIT:
                    self.event_time = member.newest
        reference = self.event_time
        if 0 < reference - received_at <= CLOCK_LIMIT:
            reference = received_at  # a clock that is a little ahead makes the others no older
        known = self.known(reference, now.monotonic, by_clock=False)
        return self._conclude_all(self.node.judge(known), known, self.newest, received_at, now)

    def known(self, reference: int, monotonic: float, *, by_clock: bool) -> list[Known]:
        """Of each condition, whether it holds here: for one of its members, or for none."""
        return [
            joined([self._of(member, reference, monotonic, by_clock) for member in part], every=False) for part in self.members
        ]

    def _of(self, member: "Part", reference: int, monotonic: float, by_clock: bool) -> Known:
        fresh = self.fresh(member, reference, monotonic, by_clock)
        return Known(member.verdict if fresh == "" else None, member.since)

    def fresh(self, member: "Part", reference: int, monotonic: float, by_clock: bool) -> str:
        """Why a member cannot tell: "missing", "silent", "stale", "frozen"; "" if it can."""
        if member.verdict is None:
            return "missing"
        if member.presence is not None and member.presence.silent:
            return "silent"
        if by_clock or member.quality & BY_ARRIVAL:
            if (monotonic - member.heard) * 1000 > self.within:
                return "stale"
        elif reference - member.newest > self.within:
            return "stale"
        return "frozen" if member.gauge and member.newest - member.changed_at > self.frozen else ""

    # --- what follows -------------------------------------------------------------------------------------------------

    def _conclude_all(self, whole: Known, known: list[Known], moment: int, received_at: int, now: Now) -> Sequence[Alert]:
        """``moment``: when it is so, for the hours in which it counts."""
        verdict, alert = whole.verdict, self.alert
        changed: Sequence[Alert] = NOTHING
        self.waiting = None
        if verdict and self.hours is not None and not self.firing and not self.hours.open(moment):
            return self._out_of_hours(known, now)
        if verdict is not None:
            self.verdict = verdict
        if verdict is False:
            self.excused = None
            if alert is not None:
                changed = self._clear(alert, self._own_time(), self.newest, None, now)
        elif verdict and alert is not None:
            lead = self._lead(self._reasons(known))
            changed = self._breach(alert, self._own_time(), max(lead.newest, alert.at), lead.shown, now, lead.stale)
        elif verdict and not (self.excused is not None and now.monotonic < self.excused):
            changed = self._raise(whole.since, known, received_at, now)
        self.calm = self.alert is None and self.excused is None
        return changed

    def _out_of_hours(self, known: list[Known], now: Now) -> Sequence[Alert]:
        changed = hours.drop(self, self.newest, now) if self.alert is not None else NOTHING
        hours.wait(self, self._lead(self._reasons(known)).shown, now)
        self.calm = False
        return changed

    def _own_time(self) -> int | None:
        """The newest event time, for what must hold; None where only arrivals are known."""
        undated = any(member.quality & BY_ARRIVAL for part in self.members for member in part if member.verdict is not None)
        return None if undated or self.event_time < 0 else self.event_time

    def _reasons(self, known: list[Known]) -> list["Part"]:
        """The members that make it what it is, the newest first."""
        found = [
            member
            for number in dict.fromkeys(self.node.reasons(known))
            for member in self.members[number]
            if member.verdict is known[number].verdict
        ]
        return sorted(found, key=lambda member: (-member.newest, member.number, member.key))

    @staticmethod
    def _lead(found: list["Part"]) -> "Part":
        """The newest reading for which its condition holds: what the alert shows."""
        return next((member for member in found if member.verdict), found[0])

    def _raise(self, since: int, known: list[Known], received_at: int, now: Now) -> Sequence[Alert]:
        found = self._reasons(known)
        lead = self._lead(found)
        if any(episode.began <= since <= episode.ended for episode in self.closed):
            since = found[0].newest  # a person has closed that one, and it goes on
        if self.hours is not None and not self.hours.open(since):
            since = now.wall // 60_000 * 60_000  # they began while it went on
        quality = 0
        for member in found:
            quality |= member.quality
        stale = any(member.stale for member in found)
        if not self._open(lead.shown, 0, quality, since, received_at, now, stale=stale):
            return NOTHING
        assert self.alert is not None
        self.last_at = max(since, lead.newest)
        self.alert = replace(self.alert, **self._about(lead, found))
        return (self.alert,)

    def _about(self, lead: "Part", found: list["Part"]) -> dict[str, Any]:
        device, quantity, channel = lead.key
        alone = self.together.each == "device"
        path = self.directory.path(device)
        known = self.vocabulary.get(quantity)
        place = self.directory.place(device) if alone or not self.subject[0] else self.directory.space_place(self.subject[0])
        words = self._words(found)
        return {
            "device": device,
            "quantity": quantity,
            "channel": channel,
            "space": (path[-1].id if path else "") if alone else self.subject[0],
            "unit": known.unit if known else "",
            "threshold": lead.leaf.threshold,
            "last_at": self.last_at,
            "place": place,
            "summary": {"en": f"{words['en']} in {place['en']}", "zh": f"{place['zh']} {words['zh']}"},
            "evidence": tuple(
                Evidence(*member.key, member.shown, member.newest, bool(member.verdict)) for member in found[:MOST_EVIDENCE]
            ),
        }

    def _words(self, found: list["Part"]) -> dict[str, str]:
        """The rule's own name, or what its conditions say."""
        said = {language: text for language, text in self.settings.name.items() if text}
        parts: dict[str, dict[str, str]] = {}
        for member in sorted(found, key=lambda member: member.number):
            if member.verdict:
                quantity = self.vocabulary.get(member.key[1]) or replace(PLACE, en=member.key[1], zh=member.key[1])
                words = member.leaf.words(quantity)
                parts.setdefault(words["en"], words)
        if not parts:
            return self.together.words(PLACE) | dict(said)
        composed = {
            "en": " and ".join(words["en"] for words in parts.values()),
            "zh": "，且".join(words["zh"] for words in parts.values()),
        }
        return composed | dict(said)

    # --- the clock and people -----------------------------------------------------------------------------------------

    def wake(self, now: Now) -> Sequence[Alert]:
        known = self.known(self.event_time, now.monotonic, by_clock=True)
        whole = self.node.judge(known)
        if self.alert is None:  # what was so before a restart, before the rule was, or before its hours
            if self.waiting is not None and self.hours is not None and not self.hours.open(now.wall):
                hours.wait(self, self.waiting, now)
                return NOTHING
            moment = self.newest if self.waiting is None else now.wall
            return self._conclude_all(whole, known, moment, now.wall, now) if whole.verdict else NOTHING
        if whole.verdict is None or whole.verdict is self.clearing:
            self.timers.set(self, now.monotonic + RECHECK)
            return NOTHING
        return super().wake(now)

    def hush(self, silent: bool) -> Sequence[Alert]:
        """A member's device has fallen silent, or has been heard again."""
        self.calm = False
        gone = (
            member.verdict and member.presence is not None and member.presence.silent for part in self.members for member in part
        )
        return super().hush(any(gone))

    def close(self, by: str, reason: str, now: Now) -> Alert:
        self.calm = False
        return super().close(by, reason, now)


Part = Member[Group]
"""One series as seen by one of a group's conditions."""
