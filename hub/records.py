"""The relational records: spaces, devices, alerts with their timeline, the outbox, states, learned topics, audit.

SQLAlchemy Core on SQLite (WAL, synchronous FULL). Exactly one connection writes; whoever only reads uses ``reader``.
``commit`` writes all that has gathered in one transaction: an alert and its notices stand or fall together.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    and_,
    create_engine,
    event,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from hub.files import DiskFull
from hub.model import DRILL_DEVICE, Alert, Device, Notice, Space
from hub.records_alerts import mark_sent, write_alerts, write_notices

SCHEMA = 3
_MIGRATIONS = {
    # from version 1: when a notice was handed out, and a way to find who has seen an alert
    1: (
        "ALTER TABLE outbox ADD COLUMN taken_at INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX IF NOT EXISTS audit_by_subject ON audit (subject, what)",
    ),
    # from version 2: when the last attempt to send a notice began
    2: ("ALTER TABLE outbox ADD COLUMN began_at INTEGER NOT NULL DEFAULT 0",),
}

metadata = MetaData()
meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))
spaces = Table("spaces", metadata, Column("id", String, primary_key=True), Column("body", LargeBinary, nullable=False))
devices = Table("devices", metadata, Column("id", String, primary_key=True), Column("body", LargeBinary, nullable=False))
alerts = Table(
    "alerts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("device", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("alerts_by_state", "state", "seq"),
    Index("alerts_by_device", "device", "seq"),
    sqlite_autoincrement=True,
)
timeline = Table(
    "timeline",
    metadata,
    Column("alert", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
outbox = Table(
    "outbox",
    metadata,
    Column("id", String, primary_key=True),
    Column("alert", String, nullable=False),
    Column("notifier", String, nullable=False),
    Column("person", String, nullable=False),
    Column("why", String, nullable=False),
    Column("state", String, nullable=False),  # queued, sent, failed
    Column("attempts", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
    Column("error", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("taken_at", Integer, nullable=False, server_default="0"),  # first handed out, so committed: ms; 0 not yet
    Column("began_at", Integer, nullable=False, server_default="0"),  # the last attempt: ms; 0 none yet
    Index("outbox_by_alert", "alert"),
    Index("outbox_by_state", "state", "created_at"),
)
states = Table("states", metadata, Column("name", String, primary_key=True), Column("body", LargeBinary, nullable=False))
learned_topics = Table("learned_topics", metadata, Column("topic", String, primary_key=True))
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Integer, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Index("audit_by_subject", "subject", "what"),
)


class RecordsFailed(Exception):
    """The records cannot be opened or written; the text says why."""


class Sent(msgspec.Struct, frozen=True):
    """How one attempt to send a notice ended: ``state`` queued (will be tried again), sent or failed. ``taken``: when the
    committed notice was handed out, ``began``: when this attempt began, ms."""

    notice: str
    state: str
    attempts: int
    at: int
    error: str = ""
    taken: int = 0
    began: int = 0


class Work:
    """What gathers until the next commit."""

    def __init__(self) -> None:
        self.alerts: list[tuple[Alert, int]] = []  # with the wall time of the change
        self.notices: list[Notice] = []
        self.sent: list[Sent] = []
        self.devices: dict[str, Device] = {}
        self.spaces: dict[str, Space] = {}
        self.states: dict[str, bytes] = {}
        self.topics: list[str] = []
        self.audits: list[tuple[int, str, str, str]] = []
        self.heartbeat: int | None = None
        self.more: dict[str, list[tuple[Any, ...]]] = {}  # of other tables: a statement, and the rows it writes

    def empty(self) -> bool:
        return not (
            self.alerts
            or self.notices
            or self.sent
            or self.devices
            or self.spaces
            or self.states
            or self.topics
            or self.audits
            or self.heartbeat
            or self.more
        )


_LOG_MOST = 16_000
"""Pages (of 4 KiB) in the log at which a commit copies them itself. ``checkpoint`` comes long before, beside the commits: left to
SQLite, every 54th transaction did so and took milliseconds longer."""
_STATES = "INSERT INTO states (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body"
_pack = msgspec.msgpack.Encoder().encode
_alert = msgspec.msgpack.Decoder(Alert).decode
_device = msgspec.msgpack.Decoder(Device).decode
_space = msgspec.msgpack.Decoder(Space).decode
_notice = msgspec.msgpack.Decoder(Notice).decode


def _open(path: Path, *, writing: bool) -> Engine:
    location = f"sqlite:///{path}" if writing else f"sqlite:///file:{path}?mode=ro&uri=true"
    engine = create_engine(location, connect_args={"check_same_thread": False, "timeout": 10})

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        if writing:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_MOST}")
        else:
            connection.execute("PRAGMA query_only=1")

    return engine


class RecordsReader:
    """Questions to the records. Any thread or process may hold its own."""

    def __init__(self, path: Path) -> None:
        self._engine = _open(path, writing=False)

    def _all(self, query: Any) -> Sequence[RowMapping]:
        with self._engine.connect() as connection:
            return connection.execute(query).mappings().all()

    def rows(self, query: Any) -> Sequence[RowMapping]:
        """Any question, for tables that stand in files of their own."""
        return self._all(query)

    def spaces(self) -> list[Space]:
        return [_space(row["body"]) for row in self._all(select(spaces))]

    def devices(self) -> list[Device]:
        return [_device(row["body"]) for row in self._all(select(devices))]

    def alert(self, id: str) -> Alert | None:
        rows = self._all(select(alerts).where(alerts.c.id == id))
        return _alert(rows[0]["body"]) if rows else None

    def alerts(
        self, state: str = "", severity: str = "", device: str = "", limit: int = 100, before: int | None = None
    ) -> list[tuple[int, Alert]]:
        """The newest first, each with the number to go on from."""
        query = select(alerts).order_by(alerts.c.seq.desc()).limit(limit)
        wanted = [
            column == value
            for column, value in ((alerts.c.state, state), (alerts.c.severity, severity), (alerts.c.device, device))
            if value
        ]
        if not device:
            wanted.append(alerts.c.device != DRILL_DEVICE)
        if before is not None:
            wanted.append(alerts.c.seq < before)
        return [(row["seq"], _alert(row["body"])) for row in self._all(query.where(and_(True, *wanted)))]

    def open_and_recent(self, since: int) -> list[Alert]:
        """All open alerts, and those that changed since then: what the engine must know to go on."""
        query = (
            select(alerts.c.body).where((alerts.c.state != "resolved") | (alerts.c.changed_at >= since)).order_by(alerts.c.seq)
        )
        return [_alert(row["body"]) for row in self._all(query)]

    def timeline(self, alert: str) -> list[tuple[int, Alert]]:
        """Every revision with the wall time of the change, oldest first."""
        rows = self._all(select(timeline).where(timeline.c.alert == alert).order_by(timeline.c.revision))
        return [(row["at"], _alert(row["body"])) for row in rows]

    def ledger(self, alert: str) -> list[RowMapping]:
        """Who was told of this alert, through what, and how it went."""
        return list(self._all(select(outbox).where(outbox.c.alert == alert).order_by(outbox.c.created_at)))

    def unsent(self, limit: int = 20_000) -> list[Notice]:
        """The oldest of each notifier, at most so many: one that is stuck hides no other's."""
        place = func.row_number().over(partition_by=outbox.c.notifier, order_by=outbox.c.created_at).label("place")
        queued = select(outbox, place).where(outbox.c.state == "queued").subquery()
        query = select(queued).where(queued.c.place <= limit).order_by(queued.c.created_at)
        return [msgspec.structs.replace(_notice(row["body"]), attempts=row["attempts"]) for row in self._all(query)]

    def seen(self, alert: str) -> int | None:
        """When somebody first opened it, ms."""
        return self.noted(alert, "seen")

    def noted_by(self, subject: str, what: str) -> dict[str, int]:
        """Who did that, and when first, ms, by the audit."""
        first = select(audit.c.who, func.min(audit.c.at).label("at")).group_by(audit.c.who)
        rows = self._all(first.where(audit.c.subject == subject, audit.c.what == what))
        return {row["who"]: row["at"] for row in rows}

    def noted(self, subject: str, what: str) -> int | None:
        """When somebody first did that, ms, by the audit."""
        first = select(func.min(audit.c.at).label("at")).where(audit.c.subject == subject, audit.c.what == what)
        at: int | None = self._all(first)[0]["at"]
        return at

    def topics(self) -> list[str]:
        return [row["topic"] for row in self._all(select(learned_topics))]

    def state(self, name: str) -> Any:
        rows = self._all(select(states.c.body).where(states.c.name == name))
        return msgspec.msgpack.decode(rows[0]["body"]) if rows else None

    def heartbeat(self) -> int | None:
        rows = self._all(select(meta.c.value).where(meta.c.key == "heartbeat"))
        return int(rows[0]["value"]) if rows else None

    def close(self) -> None:
        self._engine.dispose()


class Records(RecordsReader):
    """The one writing connection, with the questions. Call it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._written = self._copied = 0  # transactions
        self._engine = _open(path, writing=True)
        self._connection: Connection = self._engine.connect()
        with self._connection.begin():
            metadata.create_all(self._connection)
            self._connection.execute(insert(meta).values(key="schema", value=str(SCHEMA)).on_conflict_do_nothing())
            found = int(self._connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar_one())
            if found > SCHEMA:
                raise RecordsFailed(
                    f"{path} was written by a newer Gengfu (schema {found}, this one knows {SCHEMA}); update first"
                )
            for version in range(found, SCHEMA):
                for statement in _MIGRATIONS[version]:
                    self._connection.execute(text(statement))
            self._connection.execute(update(meta).where(meta.c.key == "schema").values(value=str(SCHEMA)))
        # Opened now: there may be no file descriptor left later.
        self._beside = sqlite3.connect(path, timeout=0, check_same_thread=False)
        self._beside.execute("PRAGMA synchronous=FULL")
        self._beside.execute("SELECT count(*) FROM meta").fetchone()

    def commit(self, work: Work) -> None:
        """Returns when it is on disk. Raises DiskFull, after which the same work may be tried again."""
        try:
            with self._connection.begin():
                self._commit(self._connection, work)
            self._written += 1
        except (OperationalError, sqlite3.OperationalError) as error:
            if getattr(getattr(error, "orig", error), "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
                self._reuse_log()
                raise DiskFull("the records cannot grow: the disk is full") from error
            raise

    def checkpoint(self) -> None:
        """Copies what the log holds into the file, from any one thread, beside the commits and without holding them up. Raises
        RecordsFailed; where there is no room or somebody else copies, the log keeps it."""
        written = self._written
        if written == self._copied:
            return
        try:
            self._beside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise RecordsFailed(f"{self._path} could not be written: {error}") from error
        else:
            self._copied = written

    def _reuse_log(self) -> None:
        """What the log takes up already becomes room for what comes next, if the file can take it in."""
        with contextlib.suppress(OperationalError):  # it cannot: then only the reserve helps
            self._connection.execute(text("PRAGMA wal_checkpoint(RESTART)"))
        self._connection.rollback()

    def _commit(self, connection: Connection, work: Work) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if work.alerts:
            write_alerts(driver, work.alerts)
        if work.notices:
            write_notices(driver, work.notices)
        if work.sent:
            mark_sent(driver, work.sent)
        for statement, rows in work.more.items():
            driver.executemany(statement, rows)
        self._bodies(connection, devices, work.devices.values())
        self._bodies(connection, spaces, work.spaces.values())
        if work.states:
            driver.executemany(_STATES, list(work.states.items()))
        if work.topics:
            connection.execute(insert(learned_topics).on_conflict_do_nothing(), [{"topic": topic} for topic in work.topics])
        if work.audits:
            connection.execute(
                insert(audit),
                [{"at": at, "who": who, "what": what, "subject": subject} for at, who, what, subject in work.audits],
            )
        if work.heartbeat is not None:
            self._replace(connection, meta, {"key": "heartbeat"}, {"value": str(work.heartbeat)})

    @staticmethod
    def _replace(connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        connection.execute(insert(table).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values))

    @staticmethod
    def _bodies(connection: Connection, table: Table, items: Iterable[Device | Space]) -> None:
        rows = [{"id": item.id, "body": _pack(item)} for item in items]
        if rows:
            statement = insert(table)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["id"], set_={"body": statement.excluded.body}), rows
            )

    def upsert_spaces(self, items: Iterable[Space]) -> None:
        work = Work()
        work.spaces = {space.id: space for space in items}
        self.commit(work)

    def upsert_devices(self, items: Iterable[Device]) -> None:
        work = Work()
        work.devices = {device.id: device for device in items}
        self.commit(work)

    def close(self) -> None:
        self._beside.close()
        self._connection.close()
        super().close()
