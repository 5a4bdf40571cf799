"""Incidents: alerts of one cause in one place. Fifty detectors of one building are one incident with fifty members.

An incident is open as long as any member is firing. A device that nobody has placed is an incident of its own, and so is
each person in need: two calls for help have two causes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field

from hub.model import SEVERITIES, Alert, Now, Severity, Space
from hub.moments import iso
from hub.notices import Address
from hub.telling.flapping import Subject
from hub.telling.matching import SAVES_LIVES

FIRE = {"en": "Fire", "zh": "火警"}
NAMED = 10
"""Members that a notice names; it counts the others."""


class Incident(Struct, kw_only=True):
    """What is kept of an incident. Times in ms; ``rank`` and ``told_rank``: index into SEVERITIES, -1 none yet."""

    id: str
    cause: str
    space: str
    opened_at: int
    place: dict[str, str] = {}
    lead: str = ""  # the alert it was first told by; before that the one that opened it
    summary: dict[str, str] = {}
    state: str = "firing"  # or resolved
    severity: Severity = "info"  # the worst of its members so far
    members: int = 0
    firing: int = 0
    critical: int = 0  # members
    unacknowledged: int = 0  # of the firing ones
    changed_at: int = 0
    resolved_at: int | None = None
    # --- the telling
    told: list[Address] = []
    told_rank: int = -1
    told_at: int = 0  # first, or anew at a greater severity
    last_told_at: int = 0  # all who know
    step: int = -1  # of the ladder, told last
    marks: int = 0  # updates, repeats: each has its number
    note: str = ""  # why nobody is told: silence, test …

    def body(self) -> dict[str, Any]:
        """As notices and the page see it."""
        return {
            "id": self.id,
            "kind": self.cause,
            "cause": FIRE if self.cause == "fire" else {},
            "space": self.space or None,
            "place": self.place,
            "summary": self.summary,
            "state": self.state,
            "severity": self.severity,
            "members": self.members,
            "firing": self.firing,
            "critical": self.critical,
            "unacknowledged": self.unacknowledged,
            "opened_at": iso(self.opened_at),
            "resolved_at": iso(self.resolved_at),
        }


class Group(Struct, kw_only=True):
    """An open incident at work. Only firing members are held; clocks are monotonic seconds."""

    incident: Incident
    firing: dict[str, Alert] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)  # alert -> why nobody is told of it
    untold: dict[str, Alert] = field(default_factory=dict)  # to be told, though some may be over already
    told: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)  # firing, not acknowledged, not held: what the ladder climbs for
    since: float = 0.0  # first told, at this severity
    last: float = 0.0  # when all who know were last told anything
    updated: float = 0.0
    pending: dict[str, tuple[str, float]] = field(default_factory=dict)  # notice -> person, when it should be accepted
    reached: set[str] = field(default_factory=set)  # people, by any channel
    climb: bool = False  # the next step is due at once
    flapping: set[Subject] = field(default_factory=set)
    latest: Alert | None = None  # the member that was resolved last

    def joins(self, alert: Alert, now: Now) -> None:
        incident = self.incident
        incident.members += 1
        incident.firing += 1
        incident.critical += alert.severity == "critical"
        incident.unacknowledged += not alert.acknowledged_by
        incident.severity = max(incident.severity, alert.severity, key=SEVERITIES.index)
        incident.changed_at = now.wall
        self.firing[alert.id] = alert

    def leaves(self, alert: Alert, now: Now) -> None:
        """It is resolved. One that is still to be told stays to be told."""
        incident = self.incident
        incident.firing -= 1
        incident.unacknowledged -= not alert.acknowledged_by
        incident.changed_at = now.wall
        del self.firing[alert.id]
        self.latest = alert
        self.waiting.discard(alert.id)
        self.held.pop(alert.id, None)
        if alert.id in self.untold:
            self.untold[alert.id] = alert

    def changes(self, alert: Alert, now: Now) -> None:
        before = self.firing[alert.id]
        self.incident.unacknowledged -= bool(alert.acknowledged_by) and not before.acknowledged_by
        self.incident.changed_at = now.wall
        self.firing[alert.id] = alert
        if alert.id in self.untold:
            self.untold[alert.id] = alert
        if alert.acknowledged_by:
            self.waiting.discard(alert.id)

    def hold(self, id: str, reason: str) -> None:
        self.held[id] = reason
        self.untold.pop(id, None)
        self.waiting.discard(id)

    def lead(self) -> Alert:
        """The alert that speaks for those who wait: the one told first, else the worst of them."""
        if self.incident.lead in self.waiting:
            return self.firing[self.incident.lead]
        return worst([self.firing[id] for id in self.waiting])


def rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)


def worst(alerts: Iterable[Alert]) -> Alert:
    """The first of the worst; there must be one."""
    return max(alerts, key=lambda alert: rank(alert.severity))


def cause(alert: Alert) -> str:
    """What lies behind an alert, as far as its words tell: all of a building's fire detectors mean one fire."""
    if alert.quantity.startswith(SAVES_LIVES[0]) and alert.severity == "critical":
        return "fire"
    return alert.rule


def key(alert: Alert, path: Sequence[Space]) -> tuple[str, str]:
    """Cause and space of the incident it belongs to; the space is its building, or the outermost below the community."""
    inside = [space for space in path if space.kind != "community"]
    if not inside or alert.quantity.startswith(("safety.", "health.")):
        return f"{cause(alert)} {alert.device}", inside[0].id if inside else ""
    building = next((space for space in inside if space.kind == "building"), inside[0])
    return cause(alert), building.id


def identity(alert: Alert) -> str:
    """It follows from the alert that opened it."""
    return "i" + hashlib.blake2b(alert.id.encode(), digest_size=9).hexdigest()


def named(alerts: Sequence[Alert]) -> dict[str, Any]:
    """The worst of them by name, the others by number."""
    worst = sorted(alerts, key=lambda alert: -SEVERITIES.index(alert.severity))[:NAMED]
    return {
        "count": len(alerts),
        "named": [
            {"id": one.id, "severity": one.severity, "state": one.state, "place": one.place, "summary": one.summary}
            for one in worst
        ],
        "more": len(alerts) - len(worst),
    }
