"""How an incident is told: step by step of its ladder, to all who know of it, and again until somebody acknowledges."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from hub.model import SEVERITIES, Alert, Notice, Now
from hub.notices import Address, Roster, body
from hub.ports import Directory
from hub.telling import escalation
from hub.telling.duty import Rota
from hub.telling.escalation import Ladder, Ladders
from hub.telling.flapping import Limits
from hub.telling.incidents import Group, Incident
from hub.telling.inhibition import DEFAULTS, Inhibit

WHYS = ("first", "joined", "repeat", "escalated", "acknowledged", "resolved", "reopened", "flapping", "calm", "assigned")
"""Every reason for which people are told."""
ACCEPTED = ("sent", "accepted", "seen", "acknowledged")
"""States in the ledger of a notice that its receiver has taken."""


class Plan(Struct, frozen=True):
    """How people are told. ``updates`` of an incident: at most one in so many seconds, ``critical_updates`` for critical
    members."""

    rota: Rota
    ladders: Ladders = field(default_factory=lambda: dict(escalation.DEFAULTS))
    inhibits: tuple[Inhibit, ...] = DEFAULTS
    flapping: Limits = Limits()
    critical_updates: float = 5.0
    updates: float = 60.0


class Voice:
    """``rota`` may change while it speaks; ``changed`` are the incidents to be recorded with the notices."""

    def __init__(self, roster: Roster, places: Directory, plan: Plan) -> None:
        self.roster = roster
        self.rota = plan.rota
        self.changed: dict[str, Incident] = {}
        self._ladders = plan.ladders
        self._places = places
        self._owed: dict[str, Group] = {}  # notices that somebody has to accept in time

    def note(self, group: Group) -> None:
        self.changed[group.incident.id] = group.incident

    def climb(self, group: Group, lead: Alert, why: str, mark: str, now: Now, more: Mapping[str, object]) -> list[Notice]:
        """Tells the first of the steps that reaches anybody, and the notifiers that no person named."""
        ladder, severity = self._ladder(group), SEVERITIES[group.incident.told_rank]
        step, ways = self._turn(group, lead, max(0, self._due(group, now)), now.wall, anew=True)
        addresses = self.roster.machines(severity) + ways
        self._knows(group, addresses, step)
        self._said(group, now)
        return self._awaited(group, ladder, self._notices(group, addresses, lead, why, mark, now, more), now)

    def _ladder(self, group: Group) -> Ladder:
        return escalation.ladder(self._ladders, SEVERITIES[group.incident.told_rank])

    def _due(self, group: Group, now: Now) -> int:
        """The last step whose time has come."""
        steps = self._ladder(group).steps
        elapsed = now.monotonic - group.since
        return max((number for number, step in enumerate(steps) if step.after <= elapsed), default=group.incident.step)

    def _turn(self, group: Group, lead: Alert, due: int, at: int, anew: bool = False) -> tuple[int, list[Address]]:
        """The step that is told once ``due`` is, and all whom it and those before it mean: if that is nobody new, the next
        one that reaches somebody new is told in its place. ``at``: ms. ``anew``: whoever knows already counts as new."""
        incident, steps = group.incident, self._ladder(group).steps
        severity = SEVERITIES[incident.told_rank]
        spaces = {space.id for space in self._places.path(lead.device)}
        known = set() if anew else set(incident.told)
        reached, meant = due, dict[Address, None]()
        ways: list[Address] = []
        for number in range(incident.step + 1, len(steps)):
            if number > due and meant.keys() - known:
                break
            people = escalation.meant(steps[number].tell, self.roster.people, spaces, self.rota, at)
            meant.update(dict.fromkeys(self.roster.ways_to(people, severity)))
            if number == due or (number > due and meant.keys() - known):
                reached, ways = number, list(meant)
        return reached, ways

    def _knows(self, group: Group, addresses: Iterable[Address], step: int) -> None:
        incident = group.incident
        incident.step = step
        incident.told = list(dict.fromkeys([*incident.told, *addresses]))
        self.note(group)

    def _awaited(self, group: Group, ladder: Ladder, notices: list[Notice], now: Now) -> list[Notice]:
        """Whoever hears of it for the first time has to accept it in time."""
        if ladder.accepted_within is not None and group.waiting:
            for notice in notices:
                if notice.person:
                    group.pending[notice.id] = (notice.person, now.monotonic + ladder.accepted_within)
                    self._owed[notice.id] = group
        return notices

    def to_all(
        self, group: Group, alert: Alert, why: str, mark: str, now: Now, more: Mapping[str, object] | None = None
    ) -> list[Notice]:
        """Tells all who know of the incident."""
        incident = group.incident
        if incident.told_rank < 0:
            return []
        self._said(group, now)
        told = self.roster.wanting(incident.told, SEVERITIES[incident.told_rank])
        return self._notices(group, told, alert, why, mark, now, more or {})

    def _said(self, group: Group, now: Now) -> None:
        group.last, group.incident.last_told_at = now.monotonic, now.wall
        self.note(group)

    def _notices(
        self, group: Group, to: Iterable[Address], alert: Alert, why: str, mark: str, now: Now, more: Mapping[str, object]
    ) -> list[Notice]:
        said = {**body(alert), "incident": group.incident.body(), **more}
        return [self.roster.notice(alert, address, why, mark, now.wall, said) for address in to]

    def rests(self, group: Group) -> None:
        """Nobody has to be waited for."""
        for id in group.pending:
            self._owed.pop(id, None)
        group.pending.clear()
        group.reached.clear()
        group.climb = False

    def escalate(self, group: Group, now: Now) -> list[Notice]:
        """The step that is due, and reminders: nobody who knows waits longer than ``repeat`` for the next word, whatever
        others are told in between. Whom a step means is told at its time, also if they know already."""
        incident = group.incident
        if incident.told_rank < 0:
            return []
        for id, (_, deadline) in tuple(group.pending.items()):
            if now.monotonic >= deadline:
                self._unreached(group, id)
        due, at_once = self._due(group, now), group.climb
        group.climb = False
        remind = self._remind_at(group) <= now.monotonic
        if due > incident.step or at_once:
            step, ways = self._turn(group, group.lead(), due, now.wall)
            if step > incident.step:
                return self._step(group, step, ways, remind, now)
        if remind:
            incident.marks += 1
            return self.to_all(group, group.lead(), "repeat", f"repeat{incident.marks}", now)
        return []

    def _remind_at(self, group: Group) -> float:
        """Monotonic s; infinite if nobody is told again."""
        repeat = self._ladder(group).repeat
        return float("inf") if repeat is None else group.last + repeat

    def _step(self, group: Group, step: int, ways: list[Address], remind: bool, now: Now) -> list[Notice]:
        incident, lead = group.incident, group.lead()
        known = set(incident.told)
        new = [way for way in ways if way not in known]
        everybody = self.roster.wanting(incident.told, SEVERITIES[incident.told_rank])
        again = everybody if remind else [way for way in ways if way in known]
        self._knows(group, new, step)
        if not {*everybody} - {*again}:
            self._said(group, now)
        incident.marks += 1
        notices = self._notices(group, new, lead, "escalated", f"escalated{incident.marks}", now, {"step": step})
        self._awaited(group, self._ladder(group), notices, now)
        return notices + self._notices(group, again, lead, "repeat", f"repeat{incident.marks}", now, {})

    def next(self, group: Group, now: Now) -> tuple[int, list[Address], bool] | None:
        """What ``escalate`` will do if nobody answers: when (ms), whom it tells, and whether that is a reminder to those who
        know. None: nothing more."""
        if not group.waiting or group.incident.told_rank < 0:
            return None
        steps, lead = self._ladder(group).steps, group.lead()
        remind_at = self._remind_at(group)
        everybody = self.roster.wanting(group.incident.told, SEVERITIES[group.incident.told_rank])
        for due in range(max(group.incident.step + 1, self._due(group, now)), len(steps)):
            at = max(group.since + steps[due].after, now.monotonic)
            if at > remind_at and remind_at > now.monotonic:
                break
            moment = now.wall + round((at - now.monotonic) * 1000)
            _, ways = self._turn(group, lead, due, moment)
            if remind_at <= at:
                ways = list(dict.fromkeys([*everybody, *ways]))
            if ways:
                return moment, ways, not {*ways} - {*everybody}
        if remind_at == float("inf") or not everybody:
            return None
        return now.wall + round(max(0.0, remind_at - now.monotonic) * 1000), everybody, True

    def rungs(self, group: Group, now: Now) -> list[tuple[int, tuple[str, ...], list[str], bool]]:
        """The ladder as it stands, while somebody has to answer: when each step is due, whom it names, whom of those it tells
        or has told, and whether it has been told."""
        incident = group.incident
        if not group.waiting or incident.told_rank < 0:
            return []
        spaces = {space.id for space in self._places.path(group.lead().device)}
        severity = SEVERITIES[incident.told_rank]
        found = []
        for number, step in enumerate(self._ladder(group).steps):
            people = escalation.meant(step.tell, self.roster.people, spaces, self.rota, now.wall)
            ways = self.roster.ways_to(people, severity)
            done = number <= incident.step
            reached = {way.person for way in ways if not done or way in incident.told}
            at = incident.told_at + round(step.after * 1000)
            found.append((at, step.tell, [one for one in people if one in reached], done))
        return found

    # --- how the telling went -----------------------------------------------------------------------------------------

    def sent(self, notice: str, state: str) -> None:
        """``state`` as in the ledger. A person whom no channel reaches is a reason to climb at once."""
        group = self._owed.get(notice)
        if group is None or notice not in group.pending:
            return
        person, _ = group.pending[notice]
        if state in ACCEPTED:
            group.reached.add(person)
            for id in [id for id, (one, _) in group.pending.items() if one == person]:
                del group.pending[id]
                self._owed.pop(id, None)
        elif state == "failed":
            self._unreached(group, notice)

    def _unreached(self, group: Group, notice: str) -> None:
        person, _ = group.pending.pop(notice)
        self._owed.pop(notice, None)
        if person not in group.reached and all(one != person for one, _ in group.pending.values()):
            group.climb = True

    def owes(self, group: Group | None, notice: Notice, now: Now) -> None:
        if group is None or not notice.person or not group.waiting or notice.why not in ("first", "escalated"):
            return
        within = escalation.ladder(self._ladders, notice.severity).accepted_within
        if within is not None:
            group.pending[notice.id] = (notice.person, now.monotonic + within)
            self._owed[notice.id] = group
