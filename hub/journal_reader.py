"""Reads a lane's journal, from this process or another: read-only connections, one read transaction an answer.

Only ``hub.journal.Journal`` writes. SQLite before 3.51.3 can corrupt a write-ahead log that two connections write or
checkpoint at once; readers opened with ``mode=ro`` do neither.
"""

import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.columns import NOTHING, Columns
from hub.model import DeadLetter, Lane, Series

SCHEMA = 1
DEAD_LETTERS = 10_000
DEAD_LETTERS_PER_SENDER = 100

log = logging.getLogger(__name__)


class JournalUnusable(Exception):
    """A journal that cannot be opened or read; the text says which, why, and what to do."""


class SealedFile(Struct, frozen=True):
    """A Parquet file the journal vouches for. ``period`` is a UTC day (2026-03-05) or month (2026-03); times are the
    oldest and newest reading's; a smaller ``id`` holds what arrived earlier."""

    id: int
    lane: Lane
    domain: str
    period: str
    rows: int
    min_time: int
    max_time: int
    size: int
    crc: int
    created_at: int
    died_at: int | None = None

    @property
    def path(self) -> str:
        """Below the folder of sealed files."""
        return f"{self.domain}/{self.period}/{self.lane}-{self.id:010}.parquet"


class Snapshot(Struct, frozen=True):
    """What one read transaction saw of one series: its number, the live files that may hold it, and the unsealed tail."""

    id: int
    files: list[SealedFile]
    tail: Columns


class Pending(Struct, frozen=True):
    """What is not sealed yet; ``last`` is the newest batch's id."""

    rows: int
    oldest: int
    last: int


def batch_crc(min_time: int, max_time: int, blob: bytes) -> int:
    """Covers the times too: a batch whose bounds are wrong would silently be left out of answers."""
    return zlib.crc32(blob, zlib.crc32(b"%d %d" % (min_time, max_time)))


_FILE = "id, domain, period, rows, min_time, max_time, size, crc, created_at, died_at"
_LETTER = "at, topic, payload, size, sha256, reason, detail, adapter, device"


class JournalReader:
    """One lane's journal, read-only. Safe to call from several threads: they take turns."""

    _from = "0"
    """SQL: the batches up to this id are in the store proper already, and out of answers from the journal."""

    def __init__(self, path: Path, lane: Lane) -> None:
        self.path = path
        self.lane: Lane = lane
        self.damaged: set[int] = set()  # batches whose checksum was wrong, by id
        self._lock = threading.Lock()
        self._known: list[tuple[int, Series, str]] = []
        if not path.exists():
            raise JournalUnusable(f"{path} does not exist: has the hub been started on this directory?")
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=10
        )
        with self._reading() as connection:
            check_schema(connection, path)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                try:
                    yield self._connection
                finally:
                    self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise JournalUnusable(f"{self.path} cannot be read: {error}; if this stays, restore it from a backup") from error

    # --- readings -----------------------------------------------------------------------------------------------------

    def snapshot(self, series: Series, start: int, end: int) -> Snapshot | None:
        """None for a series this lane has never seen."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT id, domain FROM series WHERE device = ? AND quantity = ? AND channel = ?",
                (series.device, series.quantity, series.channel),
            ).fetchone()
            if found is None:
                return None
            id, domain = found
            files = self._files(
                connection, "state = 'live' AND domain = ? AND max_time >= ? AND min_time < ?", (domain, start, end)
            )
            tail = [part.of(id, start, end) for part in self._batches(connection, start, end)]
        return Snapshot(id, files, Columns.concat(tail))

    def glimpse(self, start: int, end: int) -> tuple[list[tuple[int, Series, str]], list[SealedFile], Columns]:
        """In one read transaction: number, series and domain of all; the live files and unsealed readings of that time."""
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM series").fetchone()
            if count != len(self._known):  # a series never changes
                rows = connection.execute("SELECT id, device, quantity, channel, domain FROM series ORDER BY id").fetchall()
                self._known = [(id, Series(device, quantity, channel), domain) for id, device, quantity, channel, domain in rows]
            known = self._known
            files = self._files(connection, "state = 'live' AND max_time >= ? AND min_time < ?", (start, end))
            tail = Columns.concat(self._batches(connection, start, end))
        tail = tail.take((tail.time >= start) & (tail.time < end))
        return known, files, tail

    def newest(self) -> tuple[dict[int, Series], Columns | None]:
        """Every series by its number, and the newest reading of each; None for these when their record is damaged."""
        with self._reading() as connection:
            names = dict(self._names(connection))
            sealed = self._latest(connection)
            tail = list(self._batches(connection))
        return names, None if sealed is None else Columns.concat([sealed, *tail]).newest()

    def latest_sealed(self) -> Columns | None:
        with self._reading() as connection:
            return self._latest(connection)

    def series(self) -> list[tuple[int, Series, str]]:
        """Number, series and domain, by number."""
        with self._reading() as connection:
            rows = connection.execute("SELECT id, device, quantity, channel, domain FROM series ORDER BY id").fetchall()
        return [(id, Series(device, quantity, channel), domain) for id, device, quantity, channel, domain in rows]

    def names(self) -> list[tuple[int, str, str, str, str]]:
        """Number, device, quantity, channel and domain of every series, by number."""
        with self._reading() as connection:
            return connection.execute("SELECT id, device, quantity, channel, domain FROM series ORDER BY id").fetchall()

    def names_as_json(self, after: int, limit: int) -> tuple[int, str]:
        """The same as one JSON array of arrays, of at most ``limit`` series with numbers beyond ``after``; with the last
        number. SQLite writes it without the interpreter, which the watch needs meanwhile."""
        query = "SELECT id, device, quantity, channel, domain FROM series WHERE id > ? ORDER BY id LIMIT ?"
        whole = f"SELECT max(id), json_group_array(json_array(id, device, quantity, channel, domain)) FROM ({query})"
        with self._reading() as connection:
            last, text = connection.execute(whole, (after, limit)).fetchone()
        return last or after, text

    def unsealed(self, upto: int) -> Columns:
        """All batches up to that id, in order of arrival; damaged ones are left out and said."""
        with self._reading() as connection:
            return Columns.concat(self._batches(connection, upto=upto))

    def pending(self) -> Pending:
        with self._reading() as connection:
            rows, oldest, last = connection.execute(
                f"SELECT sum(rows), min(committed_at), max(id) FROM batches WHERE id > {self._from}"
            ).fetchone()
        return Pending(rows or 0, oldest or 0, last or 0)

    def files(self, state: str = "live") -> list[SealedFile]:
        with self._reading() as connection:
            return self._files(connection, "state = ?", (state,))

    def _names(self, connection: sqlite3.Connection) -> Iterator[tuple[int, Series]]:
        for id, device, quantity, channel in connection.execute("SELECT id, device, quantity, channel FROM series"):
            yield id, Series(device, quantity, channel)

    def _latest(self, connection: sqlite3.Connection) -> Columns | None:
        found = connection.execute("SELECT value, crc FROM facts WHERE name = 'latest'").fetchone()
        if found is None:
            return NOTHING
        return Columns.decode(found[0]) if zlib.crc32(found[0]) == found[1] else None

    def _files(self, connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[SealedFile]:
        found = connection.execute(f"SELECT {_FILE} FROM files WHERE {where} ORDER BY id", values)
        return [SealedFile(row[0], self.lane, *row[1:]) for row in found]

    def _batches(
        self,
        connection: sqlite3.Connection,
        start: int | None = None,
        end: int | None = None,
        upto: int | None = None,
        after: int | None = None,
    ) -> Iterator[Columns]:
        """Decoded one by one. Bounds only leave out whole batches."""
        first = self._from if after is None else str(after)
        query = "SELECT id, min_time, max_time, crc, columns FROM batches"
        if start is not None:
            # a damaged bound must not hide a batch for ever: sealing reads without bounds and finds it
            bounds = f"id > {first} AND max_time >= ? AND min_time < ?"
            found = connection.execute(f"{query} WHERE {bounds} ORDER BY id", (start, end))
        else:
            found = connection.execute(f"{query} WHERE id > {first} AND id <= ? ORDER BY id", (2**62 if upto is None else upto,))
        for id, min_time, max_time, crc, blob in found:
            if batch_crc(min_time, max_time, blob) == crc:
                yield Columns.decode(blob)
            elif id not in self.damaged:
                self.damaged.add(id)
                log.error("%s: batch %d is damaged on disk and left out; the others are kept", self.path, id)

    # --- dead letters, digests ----------------------------------------------------------------------------------------

    def digests(self, since: int) -> list[tuple[int, int]]:
        """When it was committed, and the mark; oldest first."""
        query = "SELECT committed_at, marks FROM digests WHERE committed_at >= ? ORDER BY id"
        with self._reading() as connection:
            found = connection.execute(query, (since,)).fetchall()
        return [(at, mark) for at, marks in found for mark in msgspec.msgpack.decode(marks, type=list[int])]

    def dead_letters(self, limit: int, before: int | None = None, device: str = "") -> list[DeadLetter]:
        where = "id < ? AND device = ?" if device else "id < ?"
        values: list[object] = [2**62 if before is None else before, *([device] if device else []), limit]
        with self._reading() as connection:
            found = connection.execute(f"SELECT id, {_LETTER} FROM dead_letters WHERE {where} ORDER BY id DESC LIMIT ?", values)
            letters: list[tuple[Any, ...]] = found.fetchall()
        return [
            DeadLetter(at, topic, payload, size, sha256, reason, detail, adapter, device, self.lane, id)
            for id, at, topic, payload, size, sha256, reason, detail, adapter, device in letters
        ]

    def dead_letter(self, id: int) -> DeadLetter | None:
        found = self.dead_letters(1, before=id + 1)
        return found[0] if found and found[0].id == id else None

    def counts(self) -> dict[str, int]:
        with self._reading() as connection:
            facts = dict(connection.execute("SELECT name, value FROM facts WHERE name = 'dead_letters_dropped'"))
            (letters,) = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
            (rows,) = connection.execute(f"SELECT coalesce(sum(rows), 0) FROM batches WHERE id > {self._from}").fetchone()
            (quarantined,) = connection.execute("SELECT count(*) FROM quarantine").fetchone()
            states = dict(connection.execute("SELECT state, count(*) FROM files GROUP BY state"))
        return {
            "unsealed_readings": rows,
            "sealed_files": states.get("live", 0),
            "damaged_files": states.get("damaged", 0),
            "damaged_batches": quarantined,
            "dead_letters": letters,
            "dead_letters_dropped": facts.get("dead_letters_dropped", 0),
        }

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema, if this version can read it. Raises JournalUnusable for a newer one."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA:
        raise JournalUnusable(
            f"{path} was written by a newer version of Gengfu (schema {found}; this one knows {SCHEMA}): "
            "install that version again, or restore a backup made before it"
        )
    return int(found)
