"""Who is to be told, when, and why. Pure: alert and people in, notices out.

Each reason not to tell somebody is its own small stage here, never hidden in a notifier.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from hub.model import SEVERITIES, Alert, Notice, Person, Severity
from hub.moments import iso

MQTT = "mqtt"
"""The notifier that publishes every change on the community's alert topic; it is always there."""


class Receiver(Struct, frozen=True):
    """A configured notifier and the least severity it wants to hear of."""

    id: str
    at_least: Severity = "info"


def body(alert: Alert) -> dict[str, Any]:
    """The alert as the outside sees it (MQTT, webhook, HTTP). Times ISO 8601 UTC with milliseconds."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state,
        "revision": alert.revision,
        "acknowledged_by": alert.acknowledged_by or None,
        "acknowledged_at": iso(alert.acknowledged_at),
        "resolved_by": alert.resolved_by or None,
        "resolved_at": iso(alert.resolved_at),
        "reason": alert.reason or None,
        "device": alert.device,
        "place": alert.place.get("zh") or alert.device,
        "place_en": alert.place.get("en") or alert.device,
        "quantity": alert.quantity or None,
        "channel": alert.channel or None,
        "value": alert.value,
        "unit": alert.unit or None,
        "threshold": alert.threshold,
        "at": iso(alert.at),
        "received_at": iso(alert.received_at),
        "raised_at": iso(alert.raised_at),
        "silent": alert.silent,
        "stale": alert.stale,
        "summary": alert.summary,
    }


def why(before: Alert | None, alert: Alert) -> str:
    """What this change tells people: first, acknowledged, resolved; "" for one that only the record needs."""
    if alert.state == "resolved":
        return "resolved" if alert.raised_at is not None else ""
    if alert.state == "firing" and (before is None or before.state != "firing"):
        return "first"
    if alert.acknowledged_by and not (before and before.acknowledged_by):
        return "acknowledged"
    return ""


class Roster(Struct, frozen=True):
    """Who is told what: people through the notifiers they named, and notifiers that no person named, for everything."""

    people: tuple[Person, ...] = ()
    receivers: tuple[Receiver, ...] = ()

    def _who(self, severity: Severity) -> list[tuple[str, str]]:
        named = {notifier for person in self.people for notifier in person.tell}
        told = [(receiver.id, "") for receiver in self.receivers if receiver.id not in named]
        known = {receiver.id: receiver for receiver in self.receivers}
        told += [(notifier, person.id) for person in self.people for notifier in person.tell if notifier in known]
        return [
            (notifier, person)
            for notifier, person in told
            if SEVERITIES.index(severity) >= SEVERITIES.index(known[notifier].at_least)
        ]

    def plan(self, before: Alert | None, alert: Alert, now: int) -> Sequence[Notice]:
        """The notices of one change. Their ids come from what they say: one notice is never made twice."""
        said = body(alert)
        notices = [self._notice(alert, MQTT, "", "change", f"r{alert.revision}", said, now)]
        reason = why(before, alert)
        if reason:
            for notifier, person in self._who(alert.severity):
                notices.append(self._notice(alert, notifier, person, reason, reason, said, now))
        return notices

    @staticmethod
    def _notice(alert: Alert, notifier: str, person: str, reason: str, mark: str, said: dict[str, Any], now: int) -> Notice:
        return Notice(
            id=":".join((alert.id, mark, notifier, person)),
            alert=alert.id,
            revision=alert.revision,
            notifier=notifier,
            person=person,
            why=reason,
            created_at=now,
            severity=alert.severity,
            body=said | {"why": reason, "told": person or None},
        )
