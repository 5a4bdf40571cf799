"""What a drill found: each step of the way from the device to a person, with its time. Kept in the records."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, select

from hub.records import RecordsReader, Work, metadata

State = Literal["waiting", "ok", "failed", "not reached"]
WAY = ("published", "received", "decoded", "decided", "committed", "announced", "heard")
"""Each begins when the one before has ended: their times add up. What stands beside them (confirmed, told, seen, acknowledged)
counts from the step it hangs on."""
AFTER = {"confirmed": "published", "told": "committed", "seen": "committed", "acknowledged": "committed"}
SMALL_KEPT = 1_440
"""Small drills in the records: a day of one a minute. Large ones are kept for good."""

drills = Table(
    "drills",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("large", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("drills_by_at", "at"),
)
_PUT = "INSERT OR REPLACE INTO drills (id, at, large, state, body) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM drills WHERE large = 0 AND at < (SELECT at FROM drills WHERE large = 0 ORDER BY at DESC LIMIT 1 OFFSET ?)"
_FORGET_ALERT = (
    "DELETE FROM timeline WHERE alert = ?",
    "DELETE FROM outbox WHERE alert = ?",
    "DELETE FROM audit WHERE subject = ?",
    "DELETE FROM alerts WHERE id = ?",
)


class Step(Struct, kw_only=True):
    """``ms``: since the step it follows. ``at``: ms since 1970. ``notifier`` and ``person`` for what is told to whom."""

    step: str
    state: State = "waiting"
    at: int | None = None
    ms: int | None = None
    notifier: str = ""
    person: str = ""
    why: str = ""
    why_zh: str = ""


class Report(Struct, kw_only=True):
    """``failed`` is the first step that failed. ``total_ms``: from the device's sending to its hearing of the alert."""

    id: str
    large: bool
    by: str
    started_at: int
    state: Literal["running", "passed", "failed"] = "running"
    failed: str = ""
    why: str = ""
    why_zh: str = ""
    total_ms: int | None = None
    ended_at: int | None = None
    alert: str = ""
    steps: list[Step] = []


_pack = msgspec.msgpack.Encoder().encode
_report = msgspec.msgpack.Decoder(Report).decode


def put(work: Work, report: Report) -> None:
    work.more.setdefault(_PUT, []).append((report.id, report.started_at, int(report.large), report.state, _pack(report)))
    if not report.large:
        work.more.setdefault(_FORGET, []).append((SMALL_KEPT,))


def forget_alert(work: Work, alert: str) -> None:
    """A small drill's alert leaves no trace but its report: one a minute would fill the history."""
    for statement in _FORGET_ALERT:
        work.more.setdefault(statement, []).append((alert,))


def recent(reader: RecordsReader, limit: int, large_only: bool = False) -> list[Report]:
    """The newest first."""
    query = select(drills.c.body).order_by(drills.c.at.desc()).limit(limit)
    rows: Sequence[Any] = reader.rows(query.where(drills.c.large == 1) if large_only else query)
    return [_report(row["body"]) for row in rows]


def one(reader: RecordsReader, id: str) -> Report | None:
    rows: Sequence[Any] = reader.rows(select(drills.c.body).where(drills.c.id == id))
    return _report(rows[0]["body"]) if rows else None
