"""What belongs to the way from an alert to a person, in the records: incidents and their members, silences, swaps of duty,
what people write about an alert, and its frozen evidence.

Written in plain SQL: incidents are part of the transaction of an alert, for which everybody waits.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Integer, LargeBinary, RowMapping, String, Table, select

from hub.frozen import Frozen as Frozen
from hub.model import Alert
from hub.records import RecordsReader, Work, alerts, metadata, outbox
from hub.telling.duty import Swap
from hub.telling.incidents import Incident
from hub.telling.silences import Silence
from hub.telling.telling import Kept, Member

incidents = Table(
    "incidents",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("opened_at", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("incidents_by_state", "state", "seq"),
    sqlite_autoincrement=True,
)
members = Table(
    "incident_members",
    metadata,
    Column("alert", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("told", Integer, nullable=False),
    Index("incident_members_by_incident", "incident"),
)
silences = Table(
    "silences",
    metadata,
    Column("id", String, primary_key=True),
    Column("until", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("silences_by_until", "until"),
)
swaps = Table(
    "swaps",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("day", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
notes = Table(
    "notes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("alert", String, nullable=False),
    Column("at", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("what", String, nullable=False),
    Column("text", String, nullable=False),
    Column("whom", String, nullable=False),
    Index("notes_by_alert", "alert", "seq"),
)
evidence = Table(
    "evidence",
    metadata,
    Column("alert", String, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

_INCIDENT = """\
INSERT INTO incidents (id, state, severity, opened_at, changed_at, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET state = excluded.state, severity = excluded.severity, changed_at = excluded.changed_at, body = excluded.body"""
_MEMBER = """\
INSERT INTO incident_members (alert, incident, told) VALUES (?, ?, ?)
ON CONFLICT (alert) DO UPDATE SET told = excluded.told"""
_SILENCE = """\
INSERT INTO silences (id, until, body) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET until = excluded.until, body = excluded.body"""
_SWAP = "INSERT INTO swaps (day, body) VALUES (?, ?)"
_NOTE = 'INSERT INTO notes (alert, at, "by", what, text, whom) VALUES (?, ?, ?, ?, ?, ?)'
_EVIDENCE = "INSERT INTO evidence (alert, at, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

_pack = msgspec.msgpack.Encoder().encode
_alert = msgspec.msgpack.Decoder(Alert).decode
_incident = msgspec.msgpack.Decoder(Incident).decode
_silence = msgspec.msgpack.Decoder(Silence).decode
_swap = msgspec.msgpack.Decoder(Swap).decode


class Note(Struct, frozen=True):
    """What somebody did to an alert beside acknowledging and closing it. ``whom``: to whom it was assigned; ``text``: the
    comment, what was done, or why it was reopened. ``at`` ms."""

    alert: str
    at: int
    by: str
    what: Literal["assigned", "comment", "done", "reopened"]
    text: str = ""
    whom: str = ""


_frozen = msgspec.msgpack.Decoder(list[Frozen]).decode


# --- writing: into the transaction that is gathering ------------------------------------------------------------------


def put_telling(work: Work, kept: Kept) -> None:
    if kept.incidents:
        work.more.setdefault(_INCIDENT, []).extend(
            (one.id, one.state, one.severity, one.opened_at, one.changed_at, _pack(one)) for one in kept.incidents
        )
    if kept.members:
        work.more.setdefault(_MEMBER, []).extend((one.alert, one.incident, int(one.told)) for one in kept.members)


def put_silence(work: Work, silence: Silence) -> None:
    work.more.setdefault(_SILENCE, []).append((silence.id, silence.until, _pack(silence)))


def put_swap(work: Work, swap: Swap) -> None:
    work.more.setdefault(_SWAP, []).append((swap.day, _pack(swap)))


def put_note(work: Work, note: Note) -> None:
    work.more.setdefault(_NOTE, []).append((note.alert, note.at, note.by, note.what, note.text, note.whom))


def put_evidence(work: Work, alert: str, at: int, frozen: Sequence[Frozen]) -> None:
    """The first one stands."""
    work.more.setdefault(_EVIDENCE, []).append((alert, at, _pack(frozen)))


# --- reading ----------------------------------------------------------------------------------------------------------


class PeopleReader(RecordsReader):
    """The questions of the way to a person, beside the others."""

    def telling(self) -> Kept:
        """The open incidents and their members."""
        found = [_incident(row["body"]) for row in self._all(select(incidents.c.body).where(incidents.c.state != "resolved"))]
        query = select(members).join(incidents, members.c.incident == incidents.c.id).where(incidents.c.state != "resolved")
        return Kept(found, [Member(row["alert"], row["incident"], bool(row["told"])) for row in self._all(query)])

    def incident(self, id: str) -> Incident | None:
        rows = self._all(select(incidents.c.body).where(incidents.c.id == id))
        return _incident(rows[0]["body"]) if rows else None

    def incident_of(self, alert: str) -> str:
        rows = self._all(select(members.c.incident).where(members.c.alert == alert))
        return str(rows[0]["incident"]) if rows else ""

    def incidents(self, state: str = "", limit: int = 100, before: int | None = None) -> list[tuple[int, Incident]]:
        """The newest first, each with the number to go on from."""
        query = select(incidents.c.seq, incidents.c.body).order_by(incidents.c.seq.desc()).limit(limit)
        if state:
            query = query.where(incidents.c.state == state)
        if before is not None:
            query = query.where(incidents.c.seq < before)
        return [(row["seq"], _incident(row["body"])) for row in self._all(query)]

    def members(self, incident: str, limit: int = 1000) -> list[Alert]:
        """In the order in which they joined."""
        query = (
            select(alerts.c.body)
            .join(members, alerts.c.id == members.c.alert)
            .where(members.c.incident == incident)
            .order_by(alerts.c.seq)
            .limit(limit)
        )
        return [_alert(row["body"]) for row in self._all(query)]

    def incident_ledger(self, incident: str, limit: int = 1000) -> list[RowMapping]:
        """Who was told of any of its members, oldest first; what was published for machines is left out."""
        query = (
            select(outbox)
            .join(members, members.c.alert == outbox.c.alert)
            .where(members.c.incident == incident, outbox.c.notifier != "mqtt")
            .order_by(outbox.c.created_at)
            .limit(limit)
        )
        return list(self._all(query))

    def silences(self, since: int) -> list[Silence]:
        """Those that end after ``since`` ms, the first to end first."""
        query = select(silences.c.body).where(silences.c.until > since).order_by(silences.c.until)
        return [_silence(row["body"]) for row in self._all(query)]

    def swaps(self, since: str) -> list[Swap]:
        """Of days from ``since`` (ISO) on, in the order in which they were said."""
        return [_swap(row["body"]) for row in self._all(select(swaps.c.body).where(swaps.c.day >= since).order_by(swaps.c.seq))]

    def notes(self, alert: str) -> list[Note]:
        """Oldest first."""
        query = select(notes).where(notes.c.alert == alert).order_by(notes.c.seq)
        return [Note(row["alert"], row["at"], row["by"], row["what"], row["text"], row["whom"]) for row in self._all(query)]

    def assigned(self, alert: str) -> str:
        """To whom it was assigned last; "" to nobody."""
        query = select(notes.c.whom).where(notes.c.alert == alert, notes.c.what == "assigned").order_by(notes.c.seq.desc())
        rows = self._all(query.limit(1))
        return str(rows[0]["whom"]) if rows else ""

    def evidence(self, alert: str) -> list[Frozen] | None:
        """None where it has not been frozen (yet)."""
        rows = self._all(select(evidence.c.body).where(evidence.c.alert == alert))
        return _frozen(rows[0]["body"]) if rows else None

    def without_evidence(self, since: int, limit: int) -> list[Alert]:
        """Alerts that changed since then and whose evidence was not frozen; the newest first."""
        query = (
            select(alerts.c.body)
            .outerjoin(evidence, evidence.c.alert == alerts.c.id)
            .where(evidence.c.alert.is_(None), alerts.c.changed_at >= since)
            .order_by(alerts.c.seq.desc())
            .limit(limit)
        )
        return [_alert(row["body"]) for row in self._all(query)]
