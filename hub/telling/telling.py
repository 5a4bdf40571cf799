"""Who is told of which alert, when, and why: the stages in their order. Alerts, people and a clock in, notices out.

A change of an alert passes: incident (what it belongs to) -> test, maintenance, silence, inhibition, flapping (why nobody is
to be told) -> ladder (who is). Whatever is held back is looked at again, and told if it still fires when nothing holds it.
A notice's ``why`` is one of first, joined, repeat, escalated, acknowledged, resolved, reopened, flapping, calm, assigned.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hub.model import Alert, Notice, Now
from hub.notices import Roster
from hub.ports import Directory
from hub.telling import escalation, flapping, incidents, inhibition, silences
from hub.telling.flapping import Flapping
from hub.telling.incidents import Group, Incident, rank, worst
from hub.telling.silences import Silence
from hub.telling.voice import Plan, Voice

LOOK_AGAIN = 1.0
"""Seconds between two looks at what is held back."""


class Member(Struct, frozen=True):
    """One alert of an incident, as it is kept. ``told``: somebody has been told of it."""

    alert: str
    incident: str
    told: bool = False


class Kept(Struct, frozen=True):
    """What a restart must not lose."""

    incidents: Sequence[Incident] = ()
    members: Sequence[Member] = ()


class Telling:
    """``changed`` and ``tick`` return the notices that are due; ``drain`` what must be recorded with them."""

    def __init__(self, roster: Roster, places: Directory, plan: Plan) -> None:
        self.roster = roster
        self.plan = plan
        self.voice = Voice(roster, places, plan)
        self.silences: dict[str, Silence] = {}  # in force or to come
        self._places = places
        self._causes = inhibition.Causes(plan.inhibits)
        self._flapping = Flapping(plan.flapping)
        self._open: dict[tuple[str, str], Group] = {}
        self._by_alert: dict[str, Group] = {}  # firing members
        self._members: dict[str, Member] = {}
        self._look_at = 0.0
        self._all_anew = False  # what is not held may have to be

    @property
    def groups(self) -> Iterable[Group]:
        return self._open.values()

    def group_of(self, alert: str) -> Group | None:
        return self._by_alert.get(alert)

    # --- alerts -------------------------------------------------------------------------------------------------------

    def changed(self, before: Alert | None, alert: Alert, now: Now) -> list[Notice]:
        """An alert has changed from ``before``."""
        if alert.state == "pending":
            return []
        group = self._by_alert.get(alert.id)
        if alert.state == "resolved":
            return self._over(group, alert, now) if group else []
        if group is None:
            return self._joins(alert, now)
        waited = alert.id in group.waiting
        group.changes(alert, now)
        self._note(group)
        return self._acknowledged(group, alert, now) if waited and alert.acknowledged_by else []

    def _joins(self, alert: Alert, now: Now) -> list[Notice]:
        path = self._places.path(alert.device)
        device = self._places.device(alert.device)
        if self._causes.fires(alert, path, device.tags if device else ()):
            self._all_anew = True
        key = incidents.key(alert, path)
        group = self._open.get(key)
        if group is None:
            group = self._open[key] = Group(incident=self._incident(key, alert, now))
        group.joins(alert, now)
        self._by_alert[alert.id] = group
        begins = not alert.reopens and self._flapping.raised(alert, now.monotonic)
        self._note(group, alert.id)
        if reason := self._why_not(alert, begins, now):
            group.hold(alert.id, reason)
            return []
        if self._flapping.flaps(alert):
            group.flapping.add(flapping.subject(alert))
        return self._offer(group, alert, now, "flapping" if begins else "")

    def _incident(self, key: tuple[str, str], alert: Alert, now: Now) -> Incident:
        space = next((space for space in self._places.path(alert.device) if space.id == key[1]), None)
        place = {"en": space.name_en or space.name, "zh": space.name} if space else alert.place
        id = incidents.identity(alert)
        return Incident(id=id, cause=key[0], space=key[1], opened_at=now.wall, place=place, lead=alert.id, summary=alert.summary)

    def _offer(self, group: Group, alert: Alert, now: Now, reason: str = "") -> list[Notice]:
        """A firing member of which nothing keeps people from hearing."""
        incident = group.incident
        group.untold[alert.id] = alert
        if not alert.acknowledged_by:
            if not group.waiting and incident.told_rank >= 0:  # somebody had taken care of the others
                group.since, incident.told_at, incident.step = now.monotonic, now.wall, max(incident.step, 0)
            group.waiting.add(alert.id)
        grave = rank(alert.severity)
        if reason or grave > incident.told_rank or now.monotonic - group.updated >= self._pause(group, alert):
            return self._tell(group, now, reason)
        return []

    def _pause(self, group: Group, alert: Alert) -> float:
        quick = alert.severity == "critical" and not self._flapping.flaps(alert)
        return self.plan.critical_updates if quick else self.plan.updates

    def _acknowledged(self, group: Group, alert: Alert, now: Now) -> list[Notice]:
        if group.waiting:
            return []
        self.voice.rests(group)
        return self.voice.to_all(group, alert, "acknowledged", "acknowledged", now)

    def _over(self, group: Group, alert: Alert, now: Now) -> list[Notice]:
        group.leaves(alert, now)
        del self._by_alert[alert.id]
        self._causes.ends(alert.id, now.monotonic)
        self._note(group)
        if not group.waiting:
            self.voice.rests(group)
        return [] if group.firing or group.flapping else self._ends(group, now)

    def _ends(self, group: Group, now: Now, why: str = "resolved") -> list[Notice]:
        """No member fires any more. Whoever has not heard of one that was quickly over hears of it first."""
        incident = group.incident
        notices = self._tell(group, now) if group.untold else []
        incident.state, incident.resolved_at, incident.changed_at = "resolved", now.wall, now.wall
        self.voice.rests(group)
        self._note(group)
        del self._open[incident.cause, incident.space]
        if group.latest is not None:
            notices += self.voice.to_all(group, group.latest, why, why, now)
        return notices

    # --- telling ------------------------------------------------------------------------------------------------------

    def _tell(self, group: Group, now: Now, reason: str = "") -> list[Notice]:
        """Tells of all that is untold: those whose turn it is, if it is new or graver than before; else who knows already."""
        incident = group.incident
        alerts = list(group.untold.values())
        lead = worst(alerts)
        again = all(alert.id in group.told for alert in alerts)
        group.untold.clear()
        for alert in alerts:
            group.told.add(alert.id)
            self._members[alert.id] = Member(alert.id, incident.id, True)
        group.updated = now.monotonic
        more = {"joined": incidents.named(alerts)} if incident.members > 1 else {}
        if rank(lead.severity) > incident.told_rank:
            self.voice.rests(group)
            incident.told_rank, incident.told_at, incident.step = rank(lead.severity), now.wall, -1
            incident.lead, incident.summary = lead.id, lead.summary
            group.since = now.monotonic
            why = reason or ("reopened" if lead.reopens else "first")
            return self.voice.climb(group, lead, why, "first", now, more)
        why = reason or ("repeat" if again else "joined")
        incident.marks += 1
        return self.voice.to_all(group, lead, why, f"{why}{incident.marks}", now, more)

    # --- the clock ----------------------------------------------------------------------------------------------------

    def tick(self, now: Now) -> list[Notice]:
        """What falls due: updates, steps of the ladder, repeats, the end of what held something back."""
        notices: list[Notice] = []
        if self._all_anew or now.monotonic - self._look_at >= LOOK_AGAIN:
            self._look_at = now.monotonic
            notices += self._look(now)
        for group in tuple(self._open.values()):
            if group.untold:
                lead = worst(group.untold.values())
                if now.monotonic - group.updated >= self._pause(group, lead):
                    notices += self._tell(group, now)
            if group.waiting:
                notices += self.voice.escalate(group, now)
        return notices

    def _look(self, now: Now) -> list[Notice]:
        """What is held back may be told, and the other way round."""
        everything, self._all_anew = self._all_anew, False
        self._causes.tick(now.monotonic)
        for id in [id for id, silence in self.silences.items() if silence.over(now.wall)]:
            del self.silences[id]
        everything |= any(not silence.active(now.wall) for silence in self.silences.values())  # one is to begin
        calm = set(self._flapping.calmed(now.monotonic))
        notices: list[Notice] = []
        for group in tuple(self._open.values()):
            for id in tuple(group.firing if everything else group.held):
                alert = group.firing[id]
                reason = self._why_not(alert, False, now)
                if reason and group.held.get(id) != reason:
                    group.hold(id, reason)
                elif not reason and group.held.pop(id, ""):
                    notices += self._offer(group, alert, now)
            flapped = bool(group.flapping & calm)
            group.flapping -= calm
            if not group.flapping and not group.firing:
                notices += self._ends(group, now, "calm" if flapped else "resolved")
        return notices

    def _why_not(self, alert: Alert, begins: bool, now: Now) -> str:
        """Why nobody is to be told of it now; "" if people are. ``begins``: it begins to flap, which is told."""
        spaces = [space.id for space in self._places.path(alert.device)]
        if reason := silences.held(alert, spaces, self.silences.values(), now.wall):
            return reason
        if self._causes.explain(alert, spaces):
            return "explained"
        if not begins and alert.severity != "critical" and self._flapping.flaps(alert):
            return "flapping"
        return ""

    def sent(self, notice: str, state: str) -> None:
        """How it went with a notice, as in the ledger. A person whom no channel reaches is a reason to climb at once."""
        self.voice.sent(notice, state)

    # --- what people decide -------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        """A silence has come or gone: with the next tick everything is looked at."""
        self._all_anew = True

    # --- what is kept -------------------------------------------------------------------------------------------------

    def _note(self, group: Group, joined: str = "") -> None:
        self.voice.note(group)
        if joined:
            self._members[joined] = Member(joined, group.incident.id)

    def drain(self) -> Kept:
        """What has changed since the last call, to be committed with the notices."""
        kept = Kept(tuple(self.voice.changed.values()), tuple(self._members.values()))
        self.voice.changed.clear()
        self._members.clear()
        return kept

    def restore(self, kept: Kept, alerts: Sequence[Alert], unsent: Iterable[Notice], now: Now) -> None:
        """Goes on where the last run ended. ``alerts``: the open ones and those closed lately; ``kept``: open incidents and
        their members; ``unsent``: notices nobody has accepted yet. Time the hub was down counts by the wall clock."""
        by_id = {alert.id: alert for alert in alerts}
        for recent in alerts:
            if recent.raised_at is not None and not recent.reopens:
                age = max(0, now.wall - recent.raised_at) / 1000
                if age <= self.plan.flapping.within:
                    self._flapping.raised(recent, now.monotonic - age)
        for incident in kept.incidents:
            group = Group(incident=incident)
            group.since = now.monotonic - max(0, now.wall - incident.told_at) / 1000
            group.last = now.monotonic - max(0, now.wall - incident.last_told_at) / 1000
            group.updated = now.monotonic - self.plan.updates
            self._open[incident.cause, incident.space] = group
        by_incident = {group.incident.id: group for group in self._open.values()}
        for member in kept.members:
            found, alert = by_incident.get(member.incident), by_id.get(member.alert)
            if found is None or alert is None:
                continue
            if member.told:
                found.told.add(alert.id)
            if self._flapping.flaps(alert):
                found.flapping.add(flapping.subject(alert))
            if alert.state == "firing":
                self._rejoins(found, alert, member.told, now)
                continue
            if not member.told:
                found.untold[alert.id] = alert
            if found.latest is None or (alert.resolved_at or 0) >= (found.latest.resolved_at or 0):
                found.latest = alert
        for alert in alerts:
            if alert.state == "firing" and alert.id not in self._by_alert:
                self._adopt(alert, now)
        for notice in unsent:
            self.voice.owes(self._by_alert.get(notice.alert), notice, now)
        self._all_anew = True

    def _rejoins(self, group: Group, alert: Alert, told: bool, now: Now) -> None:
        group.firing[alert.id] = alert
        self._by_alert[alert.id] = group
        device = self._places.device(alert.device)
        self._causes.fires(alert, self._places.path(alert.device), device.tags if device else ())
        if reason := self._why_not(alert, False, now):
            group.hold(alert.id, reason)
            return
        if not told:
            group.untold[alert.id] = alert
        if not alert.acknowledged_by:
            group.waiting.add(alert.id)

    def _adopt(self, alert: Alert, now: Now) -> None:
        """A firing alert of which the records know no incident comes from an earlier version: everybody has been told."""
        key = incidents.key(alert, self._places.path(alert.device))
        group = self._open.get(key)
        if group is None:
            group = self._open[key] = Group(incident=self._incident(key, alert, now))
        group.joins(alert, now)
        incident = group.incident
        incident.told_rank = max(incident.told_rank, rank(alert.severity))
        everybody = self.roster.ways_to([person.id for person in self.roster.people], alert.severity)
        incident.told = list(dict.fromkeys([*incident.told, *self.roster.machines(alert.severity), *everybody]))
        incident.told_at = incident.last_told_at = now.wall
        incident.step = len(escalation.ladder(self.plan.ladders, alert.severity).steps) - 1
        group.since = group.last = now.monotonic
        group.told.add(alert.id)
        self._members[alert.id] = Member(alert.id, incident.id, True)
        self._note(group)
        self._rejoins(group, alert, True, now)
