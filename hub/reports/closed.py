"""Closed reports: what was settled stays as it was, to the byte, whatever tariffs, late readings and fonts do later.

A closed report is its JSON and the files made from it, in ``reports.db`` beside the records, where a backup finds them. Its
hash is over the names and hashes of these files; each is checked when it is read. Closing a period again stores another
number of it only if a figure has changed, and with it what has changed.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.moments import iso

NAME = "reports.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS closed (
    id TEXT PRIMARY KEY, period TEXT NOT NULL, by TEXT NOT NULL, number INTEGER NOT NULL,
    start TEXT NOT NULL, "end" TEXT NOT NULL,
    revision TEXT NOT NULL, closed_at INTEGER NOT NULL, hash TEXT NOT NULL, changes TEXT NOT NULL,
    UNIQUE (period, by, number));
CREATE TABLE IF NOT EXISTS file (
    report TEXT NOT NULL REFERENCES closed(id), name TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (report, name));
CREATE TABLE IF NOT EXISTS mailed (what TEXT PRIMARY KEY, at INTEGER NOT NULL);
"""
CHANGES = 2_000
"""Changed rows that are kept with a new number; how many more there are is kept too."""


class Damaged(Exception):
    """A closed report is not what was stored."""


class Change(Struct, frozen=True):
    """A figure of the number before and of this one; None: not known, or no such row."""

    group: str
    quantity: str
    start: str
    figure: str
    before: float | None
    after: float | None


class Closed(Struct, frozen=True):
    """``period``: such as 2026-10; ``number`` counts from 1; ``closed_at`` ms; ``changes`` against the number before."""

    id: str
    period: str
    by: str
    number: int
    start: str
    end: str
    revision: str
    closed_at: int
    hash: str
    changes: tuple[Change, ...] = ()


class Archive:
    """``reports.db`` of a data directory. Any process may read and write it; SQLite keeps them apart."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def close(self, period: str, report: Mapping[str, Any], files: Mapping[str, bytes], now: int) -> tuple[Closed, bool]:
        """Stores it. Returns the newest number of its period, and whether that is new: it is not where no figure changed."""
        before = self.newest(period, report["by"])
        if before and before.revision == report["revision"]:
            return before, False
        changes: Sequence[Change] = ()
        if before:
            changes = changed(json.loads(self.file(before.id, "report.json")), report)
        number = before.number + 1 if before else 1
        id = f"{period}-{report['by']}-r{number}"
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        entry = Closed(
            id, period, report["by"], number, report["from"], report["to"], report["revision"], now, _hash(hashes), tuple(changes)
        )
        said = json.dumps([[getattr(change, field) for field in Change.__struct_fields__] for change in changes])
        with self._opened() as db:
            row = (id, period, entry.by, number, entry.start, entry.end, entry.revision, now, entry.hash, said)
            db.execute("INSERT INTO closed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.executemany(
                "INSERT INTO file VALUES (?, ?, ?, ?)", [(id, name, hashes[name], content) for name, content in files.items()]
            )
        return entry, True

    def every(self) -> list[Closed]:
        """The newest first."""
        if not self._path.exists():
            return []
        with self._opened() as db:
            rows = db.execute(
                'SELECT id, period, by, number, start, "end", revision, closed_at, hash, changes FROM closed'
                " ORDER BY period DESC, by, number DESC"
            ).fetchall()
        return [_entry(*row) for row in rows]

    def newest(self, period: str, by: str) -> Closed | None:
        return next((one for one in self.every() if one.period == period and one.by == by), None)

    def find(self, id: str) -> Closed | None:
        """By its id, or the newest number of a period or of a period and its grouping (2026-10, 2026-10-building)."""
        known = self.every()
        exact = next((one for one in known if one.id == id), None)
        return exact or next((one for one in known if id in (one.period, f"{one.period}-{one.by}")), None)

    def names(self, id: str) -> list[str]:
        with self._opened() as db:
            return [row[0] for row in db.execute("SELECT name FROM file WHERE report = ? ORDER BY name", (id,))]

    def file(self, id: str, name: str) -> bytes:
        """The bytes that were stored. Raises KeyError, and Damaged where they are not those any more."""
        with self._opened() as db:
            row = db.execute("SELECT sha256, bytes FROM file WHERE report = ? AND name = ?", (id, name)).fetchone()
        if row is None:
            raise KeyError(name)
        content: bytes = row[1]
        if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != row[0]:
            raise Damaged(f"{name} of the closed report {id} is not what was stored: bring {NAME} back from a backup")
        return content

    def check(self, entry: Closed) -> None:
        """Reads every file and compares the hash of all. Raises Damaged."""
        hashes = {name: hashlib.sha256(self.file(entry.id, name)).hexdigest() for name in self.names(entry.id)}
        if _hash(hashes) != entry.hash:
            raise Damaged(f"the closed report {entry.id} is not what was stored: bring {NAME} back from a backup")

    def mailed(self, what: str) -> bool:
        with self._opened() as db:
            return db.execute("SELECT 1 FROM mailed WHERE what = ?", (what,)).fetchone() is not None

    def mark_mailed(self, what: str, now: int) -> None:
        with self._opened() as db:
            db.execute("INSERT OR IGNORE INTO mailed VALUES (?, ?)", (what, now))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30)
        try:
            db.execute("PRAGMA synchronous = FULL")
            if db.execute("PRAGMA user_version").fetchone()[0] < 1:
                db.executescript(_SCHEMA + "PRAGMA user_version = 1;")
            with db:
                yield db
        finally:
            db.close()


def _entry(
    id: str, period: str, by: str, number: int, start: str, end: str, revision: str, at: int, hash: str, said: str
) -> Closed:
    changes = tuple(Change(*one) for one in json.loads(said))
    return Closed(id, period, by, number, start, end, revision, at, hash, changes)


def sealed(report: Mapping[str, Any], now: int) -> tuple[dict[str, Any], bytes]:
    """A report as it is closed, with the moment; and its JSON, whose bytes are hashed."""
    closed = {**report, "closed_at": iso(now)}
    return closed, json.dumps(closed, ensure_ascii=False, sort_keys=True, indent=1).encode()


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What a reader of the one would find different in the other: consumption and cost, row by row."""
    old, new = (
        {(row["group"], row["part"], row["quantity"], row["start"]): row for row in one["rows"]} for one in (before, after)
    )
    changes = []
    for key in sorted({*old, *new}):
        for figure in ("value", "cost"):
            was, is_now = (rows.get(key, {}).get(figure) for rows in (old, new))
            if was != is_now:
                changes.append(Change(key[0], key[2], key[3], figure, was, is_now))
    return changes[:CHANGES]


def _hash(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()).hexdigest()
