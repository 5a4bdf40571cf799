"""An alert's story out of the records: what changed, who was told, and how long each step of the way took."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hub.model import Alert
from hub.notices import MQTT
from hub.notifiers.words import CALLS
from hub.records_people import Note
from hub.said import LINK, unpacked
from hub.web.view import Change, Told, Waypoints

Steps = Sequence[tuple[int, Alert]]
Ledger = Sequence[Mapping[Any, Any]]


def changes(steps: Steps) -> list[Change]:
    """What each revision changed, in the words of the timeline."""
    found: list[Change] = []
    before: Alert | None = None
    for at, alert in steps:
        if before is None or alert.state != before.state:
            by, text = (alert.resolved_by, alert.reason) if alert.state == "resolved" else ("", "")
            found.append(Change(at, alert.state, by, text, alert.value if before is None else alert.last_value))
        elif alert.acknowledged_by != before.acknowledged_by:
            found.append(Change(at, "acknowledged", alert.acknowledged_by, alert.comment))
        elif alert.silent != before.silent:
            found.append(Change(at, "silent" if alert.silent else "heard"))
        elif alert.severity != before.severity:
            found.append(Change(at, "severity"))
        before = alert
    return found


def with_notes(found: Sequence[Change], notes: Sequence[Note], people: Mapping[str, str]) -> list[Change]:
    """The timeline with what people wrote. ``people``: their names by id."""
    said = [
        Change(note.at, note.what, note.by, " ".join(filter(None, (people.get(note.whom, note.whom), note.text))))
        for note in notes
    ]
    return sorted([*found, *said], key=lambda change: change.at)


def told(
    ledger: Ledger, people: Mapping[str, str], alert: Alert | None = None, seen: Mapping[str, int] | None = None
) -> list[Told]:
    """The delivery ledger. ``seen``: who has opened the alert, and when."""
    # What is published for machines is told to nobody.
    return [_told(row, people, alert, seen or {}) for row in ledger if row["notifier"] != MQTT]


def _told(row: Mapping[Any, Any], people: Mapping[str, str], alert: Alert | None, seen: Mapping[str, int]) -> Told:
    name = people.get(row["person"], row["person"])
    accepted = row["changed_at"] if row["state"] == "sent" else None
    failed = row["changed_at"] if row["state"] == "failed" else None
    looked = acknowledged = None
    if accepted is not None:
        whose = (row["person"], name) if row["person"] else (f"{LINK}:{row['notifier']}",)
        later = [at for who, at in seen.items() if who in whose and at >= row["created_at"]]
        looked = min(later, default=None)
        if alert is not None and alert.acknowledged_by in whose and row["why"] in CALLS:
            acknowledged = alert.acknowledged_at
    states: list[tuple[int | None, Literal["acknowledged", "seen", "accepted", "failed"]]] = [
        (acknowledged, "acknowledged"), (looked, "seen"), (accepted, "accepted"), (failed, "failed"),
    ]  # fmt: skip
    return Told(
        notifier=row["notifier"],
        why=row["why"],
        created_at=row["created_at"],
        sent_at=accepted,
        person=name,
        attempts=row["attempts"],
        error=unpacked(row["error"]) if row["error"] else None,
        state=next((state for at, state in states if at is not None), "queued"),
        tried_at=row["began_at"] or None,
        accepted_at=accepted,
        seen_at=looked,
        acknowledged_at=acknowledged,
        failed_at=failed,
    )


def waypoints(alert: Alert, steps: Steps, ledger: Ledger, seen: int | None) -> Waypoints:
    """When the alert passed each step, ms. It counts from the change that raised it: before that nobody was to be told."""
    raised = next(((at, step.revision) for at, step in steps if step.state == "firing"), None)
    points = Waypoints(
        device_at=alert.at,
        received_at=alert.received_at,
        decided_at=raised[0] if raised else None,
        seen_at=seen,
        acknowledged_at=alert.acknowledged_at,
    )
    if raised is None:
        return points
    first = [row for row in ledger if row["state"] == "sent" and row["why"] == "first" and row["notifier"] != MQTT]
    outgoing = [row for row in ledger if row["id"] == f"{alert.id}:r{raised[1]}:{MQTT}:"]
    points.committed_at = next((row["taken_at"] for row in outgoing if row["taken_at"]), None)
    points.published_at = next((row["changed_at"] for row in outgoing if row["state"] == "sent"), None)
    points.notified_at = min((row["changed_at"] for row in first), default=None)
    return points
