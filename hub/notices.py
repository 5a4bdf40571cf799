"""Who is to be told, when, and why. Pure: alert and people in, notices out.

Each reason not to tell somebody is its own small stage here, never hidden in a notifier.
"""

from collections.abc import Iterable, Sequence
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


class Address(Struct, frozen=True, order=True):
    """One way to one receiver: a notifier, and the person it reaches through it, if any."""

    notifier: str
    person: str = ""


class Roster(Struct, frozen=True):
    """Who is told what: people through the notifiers they named, and notifiers that no person named, for everything."""

    people: tuple[Person, ...] = ()
    receivers: tuple[Receiver, ...] = ()

    def machines(self, severity: Severity) -> list[Address]:
        """The notifiers that no person named."""
        named = {notifier for person in self.people for notifier in person.tell}
        return self.wanting([Address(receiver.id) for receiver in self.receivers if receiver.id not in named], severity)

    def ways_to(self, people: Iterable[str], severity: Severity) -> list[Address]:
        """The configured notifiers of these people, in their order, that want to hear of it."""
        by_id = {person.id: person for person in self.people}
        return self.wanting([Address(way, id) for id in people if id in by_id for way in by_id[id].tell], severity)

    def wanting(self, addresses: list[Address], severity: Severity) -> list[Address]:
        """Those that are configured and want to hear of it."""
        least = {receiver.id: SEVERITIES.index(receiver.at_least) for receiver in self.receivers}
        rank = SEVERITIES.index(severity)
        return [address for address in addresses if address.notifier in least and rank >= least[address.notifier]]

    def plan(self, before: Alert | None, alert: Alert, now: int) -> Sequence[Notice]:
        """The notices of one change where nothing groups, holds back or escalates: everybody hears of it."""
        notices = [change(alert, now)]
        if reason := why(before, alert):
            everybody = self.machines(alert.severity) + self.ways_to([person.id for person in self.people], alert.severity)
            notices += [self.notice(alert, address, reason, reason, now) for address in everybody]
        return notices

    def notice(
        self, alert: Alert, address: Address, reason: str, mark: str, now: int, said: dict[str, Any] | None = None
    ) -> Notice:
        """Its id comes from what it says (``mark``): one notice is never made twice. ``said``: the alert's body with what is
        beside it, where the caller has it."""
        person = next((one for one in self.people if one.id == address.person), None)
        return Notice(
            id=":".join((alert.id, mark, address.notifier, address.person)),
            alert=alert.id,
            revision=alert.revision,
            notifier=address.notifier,
            person=address.person,
            why=reason,
            created_at=now,
            severity=alert.severity,
            body=(said or body(alert)) | {"why": reason, "told": address.person or None},
            language=person.language if person else "zh",
            to={name: way for name, way in (("email", person.email), ("phone", person.phone)) if way} if person else {},
        )


def change(alert: Alert, now: int) -> Notice:
    """Every change is published for machines, whatever people are told."""
    mark = f"r{alert.revision}"
    said = body(alert) | {"why": "change", "told": None}
    return Notice(
        id=":".join((alert.id, mark, MQTT, "")), alert=alert.id, revision=alert.revision, notifier=MQTT, why="change",
        created_at=now, severity=alert.severity, body=said,
    )  # fmt: skip
