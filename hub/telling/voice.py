"""How an incident is told: step by step of its ladder, to all who know of it, and again until somebody acknowledges."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from hub.model import SEVERITIES, Alert, Notice, Now, Severity
from hub.notices import Address, Roster, body
from hub.ports import Directory
from hub.telling import escalation
from hub.telling.duty import Rota
from hub.telling.escalation import Ladders
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
        """Tells the next step that reaches anybody new. The first also tells the notifiers that no person named."""
        incident = group.incident
        severity: Severity = SEVERITIES[incident.told_rank]
        ladder = escalation.ladder(self._ladders, severity)
        spaces = {space.id for space in self._places.path(lead.device)}
        first = incident.step < 0
        people: list[Address] = []
        while not people and incident.step + 1 < len(ladder.steps):
            incident.step += 1
            meant = escalation.meant(ladder.steps[incident.step].tell, self.roster.people, spaces, self.rota, now.wall)
            people = [way for way in self.roster.ways_to(meant, severity) if first or way not in incident.told]
        addresses = (self.roster.machines(severity) if first else []) + people
        incident.told = list(dict.fromkeys([*incident.told, *addresses]))
        self._said(group, now)
        notices = self._notices(group, addresses, lead, why, mark, now, more)
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
        incident = group.incident
        if incident.told_rank < 0:
            return []
        ladder = escalation.ladder(self._ladders, SEVERITIES[incident.told_rank])
        for id, (_, deadline) in tuple(group.pending.items()):
            if now.monotonic >= deadline:
                self._unreached(group, id)
        following = incident.step + 1
        if following < len(ladder.steps) and (group.climb or now.monotonic - group.since >= ladder.steps[following].after):
            group.climb = False
            incident.marks += 1
            return self.climb(group, group.lead(), "escalated", f"escalated{incident.marks}", now, {"step": following})
        group.climb = False
        if ladder.repeat is not None and now.monotonic - group.last >= ladder.repeat:
            incident.marks += 1
            return self.to_all(group, group.lead(), "repeat", f"repeat{incident.marks}", now)
        return []

    def rungs(self, group: Group, now: Now) -> list[tuple[int, tuple[str, ...], list[str], bool]]:
        """The ladder as it stands, while somebody has to answer: when each step is due, whom it names, whom that means now,
        and whether it has been told."""
        incident = group.incident
        if not group.waiting or incident.told_rank < 0:
            return []
        spaces = {space.id for space in self._places.path(group.lead().device)}
        ladder = escalation.ladder(self._ladders, SEVERITIES[incident.told_rank])
        return [
            (
                incident.told_at + round(step.after * 1000),
                step.tell,
                escalation.meant(step.tell, self.roster.people, spaces, self.rota, now.wall),
                number <= incident.step,
            )
            for number, step in enumerate(ladder.steps)
        ]

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
