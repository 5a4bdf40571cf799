"""The durable head of a lane: one SQLite file that holds committed batches until they are sealed, and what belongs with them.

``append`` is one transaction and one fsync, and returns when the batch is on disk. The same file lists the sealed Parquet
files, so that a swap (files in, batches out) is one transaction as well: a reader sees every reading once, whatever is killed
when. WAL with synchronous FULL; checkpoints after a seal, at open and at close.

Exactly one connection writes and checkpoints, this one (see ``hub.journal_reader``). After an I/O error it is never used again:
Linux marks pages clean when an fsync fails, so a second fsync can succeed without having written anything. What was not
confirmed is with the broker; the next start checkpoints the log before it takes more.
"""

import contextlib
import sqlite3
import threading
import time
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hub.columns import BYTES_PER_READING, Columns
from hub.files import DiskFull, sync_folder
from hub.journal_reader import (
    DEAD_LETTERS,
    DEAD_LETTERS_PER_SENDER,
    SCHEMA,
    JournalReader,
    JournalUnusable,
    SealedFile,
    batch_crc,
    check_schema,
)
from hub.model import LANES, Batch, DeadLetter, Lane
from hub.numbers import Numbers
from hub.ports import Ints

_WAL_LIMIT = 32 << 20  # bytes; a seal normally comes before it
_DIGESTS_KEPT = 3_600_000  # ms
_FOLDED = 5_000  # readings in a folded batch
_FOLD_AT_ONCE = 5_000  # batches rewritten in one transaction
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_800_000  # the years 1 to 9999, in ms

# Each entry turns the schema before it into the next; never change one that was released.
_MIGRATIONS = (
    """
    CREATE TABLE series(
        id INTEGER PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT NULL, channel TEXT NOT NULL, domain TEXT NOT NULL,
        UNIQUE(device, quantity, channel));
    CREATE TABLE batches(
        id INTEGER PRIMARY KEY AUTOINCREMENT, committed_at INTEGER NOT NULL, min_time INTEGER NOT NULL,
        max_time INTEGER NOT NULL, rows INTEGER NOT NULL, crc INTEGER NOT NULL, columns BLOB NOT NULL);
    CREATE TABLE quarantine(
        id INTEGER PRIMARY KEY, committed_at INTEGER, min_time INTEGER, max_time INTEGER, rows INTEGER, crc INTEGER,
        columns BLOB);
    CREATE TABLE digests(id INTEGER PRIMARY KEY AUTOINCREMENT, committed_at INTEGER NOT NULL, marks BLOB NOT NULL);
    CREATE TABLE dead_letters(
        id INTEGER PRIMARY KEY, sender TEXT NOT NULL, at INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
        size INTEGER NOT NULL, sha256 TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, adapter TEXT NOT NULL,
        device TEXT NOT NULL);
    CREATE INDEX dead_letters_by_sender ON dead_letters(sender, id);
    CREATE TABLE files(
        id INTEGER PRIMARY KEY AUTOINCREMENT, domain TEXT NOT NULL, period TEXT NOT NULL, rows INTEGER NOT NULL DEFAULT 0,
        min_time INTEGER NOT NULL DEFAULT 0, max_time INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0,
        crc INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, died_at INTEGER,
        state TEXT NOT NULL CHECK (state IN ('writing', 'live', 'dead', 'damaged')));
    CREATE TABLE facts(name TEXT PRIMARY KEY, value, crc INTEGER);
    """,
)


class JournalFailed(Exception):
    """The disk did not take it. Nothing of the batch counts as committed, and this journal takes no more."""


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Journal:
    """One lane's journal. ``append`` is called from the lane's thread, everything else from the one that maintains the store.

    ``domain_of`` says which domain a quantity belongs to; a series keeps the domain it was first stored under."""

    reader: JournalReader

    def __init__(self, path: Path, lane: Lane, domain_of: Callable[[str], str], clock: Callable[[], int] = wall_ms) -> None:
        self.path = path
        self.lane: Lane = lane
        self._domain_of = domain_of
        self._clock = clock
        self._lock = threading.RLock()
        self._failure = ""
        self._since_checkpoint = 0
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._open()
        except sqlite3.OperationalError as error:
            raise JournalUnusable(f"{path} cannot be opened: {error}; is the disk full, faulty or not writable?") from error
        except sqlite3.DatabaseError as error:
            raise JournalUnusable(f"{path} cannot be opened: {error}; restore it from a backup, or move it away") from error
        self.reader = self._open_reader()
        self._load()

    def _load(self) -> None:
        """What is kept in memory of the file; read again when a batch was given up half-way."""
        self._numbers = Numbers(self.lane, self.reader.names())
        senders = self._connection.execute("SELECT sender, count(*) FROM dead_letters GROUP BY sender")
        self._letters: Counter[str] = Counter(dict(senders))
        (newest,) = self._connection.execute("SELECT max(id) FROM dead_letters").fetchone()
        self._last_letter: int = LANES.index(self.lane) if newest is None else newest

    def _open_reader(self) -> JournalReader:
        return JournalReader(self.path, self.lane)

    def _open(self) -> None:
        execute = self._connection.execute
        found = check_schema(self._connection, self.path)
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise JournalUnusable(f"{self.path}: this file system cannot hold a write-ahead log; keep the data on a local disk")
        execute("PRAGMA synchronous = FULL")
        execute("PRAGMA wal_autocheckpoint = 0")
        execute("PRAGMA secure_delete = OFF")  # on in Debian: would write every sealed reading once more, as zeros
        execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")
        for version in range(found, SCHEMA):
            self._connection.executescript(f"BEGIN; {_MIGRATIONS[version]} PRAGMA user_version = {version + 1}; COMMIT;")
        execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        sync_folder(self.path.parent)

    # --- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._failure:
                raise JournalFailed(self._failure)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                if _full(error):
                    self._give_up()
                    self._reuse_log()
                    raise DiskFull(f"{self.path} cannot grow: the disk is full") from error
                with contextlib.suppress(sqlite3.Error):  # the failure that brought us here is what counts
                    self._connection.execute("ROLLBACK")
                raise self._failed(error) from error
            except BaseException:
                self._give_up()
                raise

    def _give_up(self) -> None:
        """Undoes what has begun, in the file and in memory."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._load()

    def _reuse_log(self) -> None:
        """Copies the log into the file and begins it anew: what it takes up already is room for what comes next."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except sqlite3.Error as error:
            if not _full(error):
                raise self._failed(error) from error

    def _failed(self, error: Exception) -> JournalFailed:
        self._failure = f"{self.path} could not be written: {error}; nothing is confirmed any more until the hub is restarted"
        return JournalFailed(self._failure)

    def append(self, batch: Batch) -> None:
        """Returns when the batch is on disk. Raises JournalFailed, DiskFull (it may be tried again), and ValueError for a reading
        without a time."""
        if batch.empty():
            return
        now = self._clock()
        numbers = None
        with self._transaction() as connection:
            if batch.readings:
                numbers = self._numbers.kept(batch)
                self._append_readings(connection, batch, now, numbers)
            if batch.digests:
                connection.execute(
                    "INSERT INTO digests(committed_at, marks) VALUES (?, ?)", (now, msgspec.msgpack.encode(batch.digests))
                )
            if batch.dead_letters:
                self._append_dead_letters(connection, batch.dead_letters)
        if numbers is None:
            with self._lock:
                self._numbers.note(batch)
        if self._since_checkpoint > _WAL_LIMIT:
            self.checkpoint()

    def _append_readings(self, connection: sqlite3.Connection, batch: Batch, now: int, numbers: "array[int] | None") -> None:
        readings = batch.readings
        if numbers is None:
            try:
                numbers = self._numbers.of(readings)
            except KeyError:
                self._numbers.learn(connection, readings, self._domain_of)
                numbers = self._numbers.of(readings)
        times = [reading.time for reading in readings]
        if None in times or len(batch.received_at) != len(readings):
            raise ValueError("every reading of a batch needs its time and its arrival; intake sets both")
        known: list[int] = times  # type: ignore[assignment]
        low, high = min(known), max(known)
        if low < _FIRST or high >= _LAST:
            raise ValueError("a reading's time lies outside the years 1 to 9999; intake must not let it through")
        blob = b"".join(
            (
                numbers.tobytes(),
                array("q", known).tobytes(),
                array("q", [reading.seq for reading in readings]).tobytes(),
                array("q", batch.received_at).tobytes(),
                array("d", [reading.value for reading in readings]).tobytes(),
                array("q", [reading.quality for reading in readings]).tobytes(),
            )
        )
        connection.execute(
            "INSERT INTO batches(committed_at, min_time, max_time, rows, crc, columns) VALUES (?, ?, ?, ?, ?, ?)",
            (now, low, high, len(readings), batch_crc(low, high, blob), blob),
        )
        self._since_checkpoint += len(blob) + 4096

    def _append_dead_letters(self, connection: sqlite3.Connection, letters: Sequence[DeadLetter]) -> None:
        """Keeps the newest of each sender (its device, else its topic) and of all; the rest is only counted."""
        kept: list[DeadLetter] = []
        seen: Counter[str] = Counter()
        for letter in reversed(letters):
            sender = letter.device or letter.topic
            seen[sender] += 1
            if seen[sender] <= DEAD_LETTERS_PER_SENDER and len(kept) < DEAD_LETTERS:
                kept.append(letter)
        dropped = len(letters) - len(kept)
        for letter in reversed(kept):
            sender = _text(letter.device or letter.topic)
            texts = [_text(word) for word in (letter.sha256, letter.reason, letter.detail, letter.adapter, letter.device)]
            connection.execute(
                "INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._letter_id(letter.at), sender, letter.at, _text(letter.topic), letter.payload, letter.size, *texts),
            )
            self._letters[sender] += 1
        for sender in {_text(letter.device or letter.topic) for letter in kept}:
            dropped += self._drop_letters(connection, sender, self._letters[sender] - DEAD_LETTERS_PER_SENDER)
        dropped += self._drop_letters(connection, None, self._letters.total() - DEAD_LETTERS)
        if dropped:
            connection.execute(
                "INSERT INTO facts(name, value) VALUES ('dead_letters_dropped', ?) "
                "ON CONFLICT(name) DO UPDATE SET value = value + excluded.value",
                (dropped,),
            )
        self._since_checkpoint += sum(len(letter.payload) for letter in kept)

    def _drop_letters(self, connection: sqlite3.Connection, sender: str | None, number: int) -> int:
        if number <= 0:
            return 0
        where, values = ("", (number,)) if sender is None else ("WHERE sender = ?", (sender, number))
        old = connection.execute(f"SELECT id, sender FROM dead_letters {where} ORDER BY id LIMIT ?", values).fetchall()
        connection.executemany("DELETE FROM dead_letters WHERE id = ?", [(id,) for id, _ in old])
        self._letters.subtract(sender for _, sender in old)
        self._letters += Counter()  # forgets senders with none left
        return len(old)

    def _letter_id(self, at: int) -> int:
        """Grows with time over both lanes, so that one list of both can be paged; below 2**53 until the year 2109."""
        lane = LANES.index(self.lane)  # two lanes: even and odd numbers
        self._last_letter = max(at * 2048 + lane, self._last_letter + 2)
        return self._last_letter

    # --- maintenance --------------------------------------------------------------------------------------------------

    def series_by_domain(self) -> Mapping[str, Ints]:
        """The numbers of each domain's series, ascending."""
        with self._lock:
            return self._numbers.by_domain()

    def reserve(self, wanted: Sequence[tuple[str, str]], at: int) -> list[int]:
        """Numbers for files of these domains and periods that are about to be written. A number is never used twice."""
        with self._transaction() as connection:
            query = "INSERT INTO files(domain, period, created_at, state) VALUES (?, ?, ?, 'writing') RETURNING id"
            return [connection.execute(query, (*where, at)).fetchone()[0] for where in wanted]

    def swap(
        self, live: Sequence[SealedFile], dead: Iterable[int], at: int, sealed: int | None = None, latest: Columns | None = None
    ) -> None:
        """In one transaction: these files are live, those dead since ``at``, the batches up to ``sealed`` gone. A batch
        whose checksum is wrong goes to the quarantine instead. ``latest`` is the newest sealed reading of every series."""
        with self._transaction() as connection:
            for file in live:
                connection.execute(
                    "UPDATE files SET state = 'live', rows = ?, min_time = ?, max_time = ?, size = ?, crc = ? WHERE id = ?",
                    (file.rows, file.min_time, file.max_time, file.size, file.crc, file.id),
                )
            connection.executemany("UPDATE files SET state = 'dead', died_at = ? WHERE id = ?", [(at, id) for id in dead])
            if sealed is not None:
                bad = [(id,) for id in self.reader.damaged if id <= sealed]
                connection.executemany("INSERT INTO quarantine SELECT * FROM batches WHERE id = ?", bad)
                connection.execute("DELETE FROM batches WHERE id <= ?", (sealed,))
            if latest is not None:
                blob = latest.encode()
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('latest', ?, ?)", (blob, zlib.crc32(blob)))

    def mark_damaged(self, file: int) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE files SET state = 'damaged' WHERE id = ?", (file,))

    def forget_files(self, ids: Sequence[int]) -> None:
        """Removes the rows of files that are gone from the disk."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM files WHERE id = ?", [(id,) for id in ids])

    def forget_digests(self) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM digests WHERE committed_at < ?", (self._clock() - _DIGESTS_KEPT,))

    def fold(self, cuts: Iterable[int] = ()) -> int:
        """Joins small batches, so that an answer need not read ten thousand of them, but none across the ids ``cuts``.
        Returns how many are gone."""
        cut = set(cuts)
        with self._lock:
            heads = self._connection.execute("SELECT id, rows FROM batches ORDER BY id").fetchall()
        runs: list[list[int]] = [[]]
        room = _FOLDED
        for id, rows in heads:
            if id in self.reader.damaged or rows > room:
                runs.append([])
                room = _FOLDED
            if id not in self.reader.damaged and rows <= room:
                runs[-1].append(id)
                room = 0 if id in cut else room - rows
        runs = [run for run in runs if len(run) >= 16]
        gone = 0
        while runs:
            with self._transaction() as connection:
                done = 0
                while runs and done < _FOLD_AT_ONCE:
                    done += self._fold_run(connection, runs.pop(0))
            gone += done
        return gone

    def _fold_run(self, connection: sqlite3.Connection, run: list[int]) -> int:
        """The joined batch takes the last one's id: a seal up to any id still cuts between batches, in order of arrival."""
        query = "SELECT committed_at, min_time, max_time, crc, columns FROM batches WHERE id BETWEEN ? AND ? ORDER BY id"
        found = connection.execute(query, (run[0], run[-1])).fetchall()
        if any(batch_crc(low, high, blob) != crc for _, low, high, crc, blob in found):
            return 0  # the seal will find it and put it aside
        blob = Columns.concat([Columns.decode(row[4]) for row in found]).encode()
        low, high = min(row[1] for row in found), max(row[2] for row in found)
        connection.execute("DELETE FROM batches WHERE id BETWEEN ? AND ?", (run[0], run[-1] - 1))
        connection.execute(
            "UPDATE batches SET committed_at = ?, min_time = ?, max_time = ?, rows = ?, crc = ?, columns = ? WHERE id = ?",
            (found[0][0], low, high, len(blob) // BYTES_PER_READING, batch_crc(low, high, blob), blob, run[-1]),
        )
        self._since_checkpoint += len(blob)
        return len(found) - 1

    def checkpoint(self, mode: str = "PASSIVE") -> None:
        """Copies the log into the file. PASSIVE waits for no reader, so it may leave the rest to the next one."""
        with self._lock:
            if self._failure:
                raise JournalFailed(self._failure)
            try:
                self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error
            self._since_checkpoint = 0

    def close(self) -> None:
        with self._lock:
            self.reader.close()
            try:
                if not self._failure:
                    self.checkpoint("TRUNCATE")
            finally:
                self._connection.close()


def _full(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL


def _text(word: str) -> str:
    """SQLite takes no lone surrogates; a refused message may well hold one."""
    return word.encode("utf-8", "backslashreplace").decode()
