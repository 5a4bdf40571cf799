"""A lane's journal whose batches go on to a server: how far it has been sent, and what stays for how long.

A batch is *sent* when the server has said so, and *settled* when the server still had it half a minute later: VictoriaMetrics
forgets its last seconds when it is killed, whatever it said. What is settled is answered by the server, everything after it
by the journal as well. A settled batch stays for a day, for a server that comes back from a backup or empty.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
from msgspec import Struct

from hub.columns import Columns
from hub.journal import Journal, wall_ms
from hub.journal_reader import JournalReader
from hub.model import Lane, Series
from hub.ports import Ints

_SETTLED = "coalesce((SELECT value FROM facts WHERE name = 'settled'), 0)"
_FACT = "INSERT OR REPLACE INTO facts(name, value, crc) VALUES (?, ?, ?)"


class Tail(Struct, frozen=True):
    """What one read transaction saw of one series: its number and domain, before which moment it is forgotten, and what is
    not settled. ``kept_since``: everything committed from then on is still in the journal. ``served``: the server has had
    something of this lane."""

    id: int
    domain: str
    forgotten: int
    rows: Columns
    kept_since: int
    served: bool


class SentReader(JournalReader):
    _from = _SETTLED

    def tail(self, series: Series, start: int, end: int, *, settled: bool = False) -> Tail | None:
        """None for a series this lane has never seen; ``settled``: with what is settled and still kept."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT id, domain FROM series WHERE device = ? AND quantity = ? AND channel = ?",
                (series.device, series.quantity, series.channel),
            ).fetchone()
            if found is None:
                return None
            id, domain = found
            (forgotten,) = connection.execute(
                "SELECT coalesce((SELECT value FROM facts WHERE name = ?), ?)", (f"forgotten:{domain}", -(2**62))
            ).fetchone()
            (oldest,) = connection.execute("SELECT min(committed_at) FROM batches").fetchone()
            served = connection.execute("SELECT 1 FROM facts WHERE name = 'settled'").fetchone() is not None
            batches = self._batches(connection, start, end, after=0 if settled else None)
            rows = Columns.concat(part.of(id, start, end) for part in batches)
        return Tail(id, domain, forgotten, rows, 2**62 if oldest is None else oldest, served)

    def settled(self) -> int:
        """The id of the newest settled batch."""
        with self._reading() as connection:
            (found,) = connection.execute(f"SELECT {_SETTLED}").fetchone()
        return int(found)

    def forgotten(self) -> dict[str, int]:
        """By domain, the moment before which everything is past its retention."""
        with self._reading() as connection:
            found = connection.execute("SELECT substr(name, 11), value FROM facts WHERE name LIKE 'forgotten:%'").fetchall()
        return dict(found)

    def identity(self) -> str:
        """What this journal is called on the server; "" for one that has none yet."""
        with self._reading() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'identity'").fetchone()
        return found[0] if found else ""

    def mark(self) -> int:
        """When the mark of the newest settled batch was put on the server; 0 for never."""
        with self._reading() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'mark'").fetchone()
        return int(found[0]) if found else 0

    def waiting(self, sent: int) -> int:
        """Readings in batches after this one."""
        with self._reading() as connection:
            (rows,) = connection.execute("SELECT coalesce(sum(rows), 0) FROM batches WHERE id > ?", (sent,)).fetchone()
        return int(rows)

    def next(self, sent: int, rows: int) -> tuple[int, Columns]:
        """The batches after this one in order of arrival, until they hold ``rows``; with the last one's id."""
        with self._reading() as connection:
            heads = connection.execute("SELECT id, rows FROM batches WHERE id > ? ORDER BY id LIMIT 10000", (sent,))
            last, gathered = sent, 0
            for id, size in heads:
                if gathered and gathered + size > rows:
                    break
                last, gathered = id, gathered + size
            return last, Columns.concat(self._batches(connection, upto=last, after=sent))

    def unsettled_at(self, series: Ints, times: Ints, upto: int) -> list[Columns]:
        """Readings of these series at these times in the batches that are not settled, up to that id; in order of arrival."""
        found: list[Columns] = []
        low, high = int(times.min()), int(times.max())
        with self._reading() as connection:
            bounds = f"id > {_SETTLED} AND id <= {int(upto)} AND max_time >= ? AND min_time <= ?"
            for (blob,) in connection.execute(f"SELECT columns FROM batches WHERE {bounds} ORDER BY id", (low, high)):
                part = Columns.decode(blob)
                part = part.take(np.isin(part.series, series) & np.isin(part.time, times))
                if part.rows:
                    found.append(part)
        return found


class SentJournal(Journal):
    """``append`` and the dead letters are the journal's own."""

    reader: SentReader

    def __init__(self, path: Path, lane: Lane, domain_of: Callable[[str], str], clock: Callable[[], int] = wall_ms) -> None:
        super().__init__(path, lane, domain_of, clock)
        self.identity = self.reader.identity()
        if not self.identity:
            self.identity = uuid4().hex
            with self._transaction() as connection:
                connection.execute(_FACT, ("identity", self.identity, None))

    def _open_reader(self) -> SentReader:
        return SentReader(self.path, self.lane)

    def settle(self, upto: int, mark: int, latest: Columns) -> None:
        """``latest`` is the newest reading of every series up to there."""
        blob = latest.encode()
        with self._transaction() as connection:
            connection.execute(_FACT, ("settled", upto, None))
            connection.execute(_FACT, ("mark", mark, None))
            connection.execute(_FACT, ("latest", blob, zlib.crc32(blob)))

    def unsettle(self) -> None:
        """The server has lost what it had: everything still kept is to be sent again."""
        with self._transaction() as connection:
            connection.execute("UPDATE facts SET value = 0 WHERE name IN ('settled', 'mark')")

    def drop(self, before: int, now: int) -> None:
        """Deletes settled batches committed before then; damaged ones go to the quarantine."""
        with self.reader._reading() as connection:
            query = f"SELECT max(id) FROM batches WHERE id <= {_SETTLED} AND committed_at < ?"
            (last,) = connection.execute(query, (before,)).fetchone()
        if last is not None:
            self.swap([], [], now, sealed=last)

    def forget(self, domain: str, before: int) -> None:
        """Everything of that domain before then is past its retention."""
        with self._transaction() as connection:
            connection.execute(_FACT, (f"forgotten:{domain}", before, None))
