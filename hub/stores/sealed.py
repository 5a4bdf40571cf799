"""Sealed Parquet files: written once, read by anything.

Columns: series (int32), time (timestamp ms, UTC), seq, delay (ms from time to arrival), value, quality (int32); sorted by
series, time and seq, without duplicates. Files of earlier versions have received_at (timestamp ms) in place of delay. The
settings halve the size (measured: 2.8 bytes a reading): zstd, Parquet v2, and a dictionary limit of 1, which makes DuckDB
choose delta and byte-stream-split encodings. A file is written beside its name, synced, renamed, and its folder synced; only
then may a journal vouch for it.
"""

import contextlib
import glob
import logging
import threading
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from hub import memory
from hub.columns import NOTHING, Columns
from hub.files import make_folder, sync_file, sync_folder
from hub.journal_reader import SealedFile
from hub.ports import Floats, Ints

_FORMAT = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1"
# DuckDB turns NaN from numpy into NULL, and millisecond timestamps into microseconds when it reads its own files.
_ROW = "series::INTEGER AS series, time::TIMESTAMP_MS AS time, seq, received_at::TIMESTAMP_MS AS received_at, value, quality::INTEGER AS quality"  # noqa: E501
_STORED = "series::INTEGER AS series, time::TIMESTAMP_MS AS time, seq, epoch_ms(received_at) - epoch_ms(time) AS delay, value, quality::INTEGER AS quality"  # noqa: E501
# Both kinds of files have all columns so; no rows come of the first half.
_EVERY = "SELECT NULL::TIMESTAMP AS received_at, NULL::BIGINT AS delay WHERE false UNION ALL BY NAME SELECT *, file_index"
_ARRIVED = "coalesce(received_at, make_timestamp_ms(epoch_ms(time) + delay)) AS received_at"
_SAME = "p_series IS NOT DISTINCT FROM series AND p_time IS NOT DISTINCT FROM time AND p_seq IS NOT DISTINCT FROM seq"
_WANTED = "SEMI JOIN wanted USING (series)"
_NAMES = """\
SELECT (name->>0)::INTEGER AS series, name->>1 AS device, name->>2 AS quantity, name->>3 AS channel, name->>4 AS domain
FROM (SELECT unnest(from_json(part, '["json"]')) AS name FROM (SELECT unnest(?::VARCHAR[]) AS part)) ORDER BY series"""
_TIME_LIMIT = 9_000_000_000_000_000  # ms; beyond it DuckDB's microseconds overflow

log = logging.getLogger(__name__)


class SealFailed(Exception):
    """A file could not be written. What should have gone into it stays where it was."""


class Vanished(Exception):
    """A file was replaced while it was being read: take the list of files again."""


class Damaged(Exception):
    """A file on disk is not what was written."""


class SealedFiles:
    """The files below one folder. Reading is safe from several threads; each call has its own DuckDB connection."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damaged: set[str] = set()  # said once
        self.missing: set[str] = set()  # live, says the journal, but gone
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._opening = threading.Lock()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._duck is None:
                self._duck = duckdb.connect(
                    ":memory:",
                    config={"threads": 1, "memory_limit": "512MB", "temp_directory": str(self.root.parent / "tmp"),
                            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
                )  # fmt: skip
            return self._duck.cursor()

    def rest(self) -> None:
        """Gives back what DuckDB and the C library keep for the next time (measured: 12 MB and up); that opens it anew."""
        with self._opening:
            duck, self._duck = self._duck, None
        if duck is not None:
            duck.close()  # cursors that somebody still has live on
            memory.give_back()

    # --- reading ------------------------------------------------------------------------------------------------------

    def rows(self, files: Sequence[SealedFile], series: int, start: int, end: int) -> Columns:
        """Of one series, in no particular order but this: what arrived earlier stands before its duplicates."""
        where = "series = ? AND time >= make_timestamp_ms(?) AND time < make_timestamp_ms(?) ORDER BY file_index"
        bounds = [series, max(start, -_TIME_LIMIT), min(end, _TIME_LIMIT)]
        return self._query(files, f"SELECT {_ROW} FROM %s WHERE {where}", bounds)

    def newest_before(self, files: Sequence[SealedFile], series: int, time: int) -> Columns:
        """The newest reading before ``time`` from each file that may hold a newest one; files need not be sorted."""
        found: list[Columns] = []
        reached = -_TIME_LIMIT
        query = f"SELECT {_ROW} FROM %s WHERE series = ? AND time < make_timestamp_ms(?) ORDER BY time DESC, seq DESC LIMIT 1"
        for file in sorted(files, key=lambda file: -file.max_time):
            if file.max_time < reached:
                break
            part = self._query([file], query, [series, min(time, _TIME_LIMIT)])
            if part.rows:
                found.append(part)
                reached = max(reached, int(part.time[0]))
        return Columns.concat(found)

    def newest(self, files: Sequence[SealedFile]) -> Columns:
        """The newest reading of every series, from all files: slow, for when the journal's own record is lost."""
        query = f"SELECT DISTINCT ON (series) {_ROW} FROM %s ORDER BY series, time DESC, seq DESC, file_index"
        return self._query(files, query, [])

    def _query(self, files: Sequence[SealedFile], query: str, values: Sequence[object]) -> Columns:
        """In one go; when a file is damaged one by one, without it."""
        files = [file for file in files if file.path not in self.missing]
        if not files:
            return NOTHING
        try:
            return self._run(files, query, values)
        except Damaged:
            if len(files) > 1:
                return Columns.concat([self._query([file], query, values) for file in files])
            [file] = files
            if file.path not in self.damaged:
                self.damaged.add(file.path)
                log.exception("%s is damaged and left out; the others are kept", self.root / file.path)
            return NOTHING

    def _run(self, files: Sequence[SealedFile], query: str, values: Sequence[object]) -> Columns:
        with contextlib.closing(self._cursor()) as cursor:
            try:
                found = cursor.execute(query % self._source(files), values).fetchnumpy()
            except (duckdb.OutOfMemoryException, duckdb.InterruptException):
                raise
            except duckdb.Error as error:
                missing = [file.path for file in files if not (self.root / file.path).exists()]
                if missing:
                    raise Vanished(missing[0]) from error
                raise Damaged(str(error)) from error
        times = [found[name].astype("datetime64[ms]").view(np.int64) for name in ("time", "received_at")]
        return Columns(
            found["series"].astype(np.int64), times[0], found["seq"], times[1],
            np.ma.filled(found["value"], np.nan), found["quality"].astype(np.int64),
        )  # fmt: skip

    def _source(self, files: Sequence[SealedFile]) -> str:
        names = ", ".join("'" + glob.escape(str(self.root / file.path)).replace("'", "''") + "'" for file in files)
        everything = f"{_EVERY} FROM read_parquet([{names}], union_by_name = true)"
        return f"(SELECT * EXCLUDE (delay) REPLACE ({_ARRIVED}) FROM ({everything}))"

    def counters(self, file: SealedFile, series: Ints) -> tuple[Ints, Ints, Floats, Ints]:
        """Series, time, value and quality of these series, in order of series and time. Raises Damaged, Vanished."""
        query = (
            f"SELECT series, epoch_ms(time) AS time, value, quality FROM {self._source([file])} SEMI JOIN wanted USING (series)"
        )
        return _in_order(self.table(query, [file], {"wanted": {"series": series}}))

    def newest_within(self, files: Sequence[SealedFile], series: Ints, start: int, end: int) -> tuple[Ints, Ints, Floats, Ints]:
        """As ``counters``, of each only the newest reading with ``start <= time < end``. Raises Damaged, Vanished."""
        newest = ", ".join(f"arg_max({name}, time) AS {name}" for name in ("value", "quality"))
        query = f"""SELECT series, epoch_ms(max(time)) AS time, {newest} FROM {self._source(files)} {_WANTED}
            WHERE time >= make_timestamp_ms({start}) AND time < make_timestamp_ms({end}) GROUP BY series"""
        return _in_order(self.table(query, files, {"wanted": {"series": series}}))

    def days_touched(self, files: Sequence[SealedFile], where: str) -> Ints:
        """[n, 2] series and UTC day (since 1970) of the readings. Raises Damaged, Vanished."""
        day = f"epoch_ms(time) // {86_400_000}"
        found = self.table(f"SELECT DISTINCT series, {day} AS day FROM {self._source(files)} WHERE {where}", files, {})
        return np.stack([found["series"].astype(np.int64), found["day"].astype(np.int64)], axis=1)

    def rows_of(self, files: Sequence[SealedFile], series: Ints, start: int, end: int) -> Columns:
        """As ``rows``, of several series."""
        listed = ", ".join(map(str, series.tolist()))
        where = f"series IN ({listed}) AND time >= make_timestamp_ms(?) AND time < make_timestamp_ms(?) ORDER BY file_index"
        return self._query(files, f"SELECT {_ROW} FROM %s WHERE {where}", [max(start, -_TIME_LIMIT), min(end, _TIME_LIMIT)])

    def table(
        self, query: str, files: Sequence[SealedFile], given: dict[str, dict[str, npt.NDArray[np.generic]]]
    ) -> dict[str, npt.NDArray[Any]]:
        """The columns of an answer over ``files`` and the tables ``given``. Raises Damaged, Vanished."""
        with contextlib.closing(self._cursor()) as cursor:
            for name, data in given.items():
                cursor.register(name, data)
            try:
                answer: dict[str, npt.NDArray[Any]] = cursor.execute(query).fetchnumpy()
            except (duckdb.OutOfMemoryException, duckdb.InterruptException):
                raise
            except duckdb.Error as error:
                missing = [file.path for file in files if not (self.root / file.path).exists()]
                if missing:
                    raise Vanished(missing[0]) from error
                raise Damaged(str(error)) from error
        return answer

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, file: SealedFile, columns: Columns) -> SealedFile:
        """Durable when it returns; the answer has rows, times, size and checksum filled in. ``columns`` are sorted and
        free of duplicates."""
        times = (columns.time.view("datetime64[ms]"), columns.received_at.view("datetime64[ms]"))
        data = {"series": columns.series, "time": times[0], "seq": columns.seq, "received_at": times[1],
                "value": columns.value, "quality": columns.quality}  # fmt: skip
        return self._copy(file, f"SELECT {_STORED} FROM data", data)

    def merge(self, file: SealedFile, parts: Sequence[SealedFile]) -> SealedFile:
        """One file out of several, ordered by arrival; duplicates across them fall away, the first that arrived wins."""
        for part in parts:
            check_file(self.root, part)
        before = ", ".join(f"lag({name}) OVER arrival AS p_{name}" for name in ("series", "time", "seq"))
        query = (
            f"SELECT {_STORED} FROM (SELECT *, {before} FROM {self._source(parts)} "
            "WINDOW arrival AS (ORDER BY series, time, seq, file_index)) "
            f"WHERE NOT ({_SAME}) ORDER BY series, time, seq"
        )
        return self._copy(file, query, {})

    def write_series(self, name: str, listed: Iterable[str]) -> None:
        """Replaces the list of names, so that the files can be read without the journal. ``listed``: JSON arrays of
        [number, device, quantity, channel, domain]."""
        self.replace(self.root / name, _NAMES, {}, values=[list(listed)])

    def _copy(self, file: SealedFile, query: str, data: dict[str, npt.NDArray[np.generic]]) -> SealedFile:
        path = self.root / file.path
        self.replace(path, query, data)
        with contextlib.closing(self._cursor()) as cursor:
            facts = f"SELECT count(*), min(epoch_ms(time)), max(epoch_ms(time)) FROM {self._source([file])}"
            found = cursor.execute(facts).fetchone()
        if found is None or not found[0]:
            raise SealFailed(f"{path} came out empty")
        rows, low, high = found
        return replace(file, rows=rows, min_time=low, max_time=high, size=path.stat().st_size, crc=_checksum(path))

    def replace(
        self,
        path: Path,
        query: str,
        data: dict[str, npt.NDArray[np.generic]],
        form: str = _FORMAT,
        values: Sequence[object] = (),
    ) -> None:
        """Writes what the query (over ``data``, with ``values``) yields beside the name, synced, then renamed. Raises
        SealFailed."""
        unfinished = path.with_name(path.name + ".tmp")
        try:
            make_folder(path.parent)
            with contextlib.closing(self._cursor()) as cursor:
                if data:
                    cursor.register("data", data)
                target = str(unfinished).replace("'", "''")
                cursor.execute(f"COPY ({query}) TO '{target}' ({form})", values)
            sync_file(unfinished)
            unfinished.rename(path)
            sync_folder(path.parent)
        except (duckdb.Error, OSError) as error:
            with contextlib.suppress(OSError):  # the next attempt writes over it
                unfinished.unlink(missing_ok=True)
            raise SealFailed(f"{path} could not be written: {error}; the readings stay in the journal") from error

    def remove(self, file: SealedFile) -> None:
        """The file, whatever was left of its making, and its folder when it is empty."""
        path = self.root / file.path
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".tmp").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or never made: both are fine
            path.parent.rmdir()

    def close(self) -> None:
        self.rest()


def _in_order(found: dict[str, npt.NDArray[Any]]) -> tuple[Ints, Ints, Floats, Ints]:
    series, time = found["series"].astype(np.int64), found["time"].astype(np.int64)
    value, quality = np.ma.filled(found["value"], np.nan), found["quality"].astype(np.int64)
    step = np.diff(series)
    if ((step > 0) | ((step == 0) & (np.diff(time) >= 0))).all():
        return series, time, value, quality
    order = np.lexsort((time, series))
    return series[order], time[order], value[order], quality[order]


def check_file(root: Path, file: SealedFile) -> None:
    """Raises Damaged when the file below ``root`` is not what was written."""
    path = root / file.path
    try:
        right = _checksum(path) == file.crc
    except OSError as error:
        raise Damaged(f"{path}: {error}") from error
    if not right:
        raise Damaged(f"{path}: its checksum is wrong")


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            crc = zlib.crc32(chunk, crc)
    return crc
