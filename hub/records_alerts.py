"""How an alert, its notices and their marks are written: plain SQL, because everybody waits for it.

What composes the other statements (SQLAlchemy Core) costs 0.3 to 0.5 ms of a transaction that comes after a pause, more than
the sync to the disk (``tests/benchmarks/NOTES.md``). All of it runs inside the caller's transaction.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from hub.model import Alert, Notice

_ALERTS = """\
INSERT INTO alerts (id, state, severity, device, revision, changed_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET state = excluded.state, revision = excluded.revision, changed_at = excluded.changed_at, body = excluded.body
WHERE excluded.revision > alerts.revision"""
_TIMELINE = "INSERT INTO timeline (alert, revision, at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_OUTBOX = """\
INSERT INTO outbox (id, alert, notifier, person, why, state, attempts, created_at, changed_at, error, body)
VALUES (?, ?, ?, ?, ?, 'queued', 0, ?, ?, '', ?) ON CONFLICT DO NOTHING"""
_SENT = """\
UPDATE outbox SET state = ?, attempts = ?, changed_at = ?, error = ?,
taken_at = CASE WHEN taken_at = 0 THEN ? ELSE taken_at END, began_at = ? WHERE id = ?"""

_pack = msgspec.msgpack.Encoder().encode


class Mark(Protocol):
    """How one attempt to send a notice ended; ``records.Sent``."""

    @property
    def notice(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def error(self) -> str: ...
    @property
    def taken(self) -> int: ...
    @property
    def began(self) -> int: ...


def write_alerts(connection: sqlite3.Connection, changes: Sequence[tuple[Alert, int]]) -> None:
    """Each alert with the wall time of its change, ms. The newest revision stands; every one is kept in the timeline."""
    rows = [(alert, at, _pack(alert)) for alert, at in changes]
    connection.executemany(
        _ALERTS, [(alert.id, alert.state, alert.severity, alert.device, alert.revision, at, body) for alert, at, body in rows]
    )
    connection.executemany(_TIMELINE, [(alert.id, alert.revision, at, body) for alert, at, body in rows])


def write_notices(connection: sqlite3.Connection, notices: Iterable[Notice]) -> None:
    """One that is there already stays as it is."""
    connection.executemany(
        _OUTBOX,
        [(one.id, one.alert, one.notifier, one.person, one.why, one.created_at, one.created_at, _pack(one)) for one in notices],
    )


def mark_sent(connection: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    connection.executemany(
        _SENT, [(mark.state, mark.attempts, mark.at, mark.error, mark.taken, mark.began, mark.notice) for mark in marks]
    )
