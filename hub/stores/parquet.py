"""The store a hub has of its own: SQLite journals at the head, Parquet files at rest, DuckDB to read both."""

import calendar
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from hub import ports
from hub.columns import Columns
from hub.journal import Journal, wall_ms
from hub.journal_reader import JournalReader, JournalUnusable, SealedFile
from hub.model import LANES, Batch, Lane, Now
from hub.ports import Duration, Ints, Retention
from hub.quantities import Vocabulary
from hub.stores.lanes import journal_path
from hub.stores.parquet_reader import ParquetReader
from hub.stores.rollup import RollUps
from hub.stores.sealed import Damaged, SealFailed, check_file

_DAY = 86_400_000
_DEAD_FILES_STAY = 60_000  # ms, for readers that still hold the old list
_DAY_SETTLES = 2 * 3_600_000  # after midnight, for what comes in late as a matter of course
_MONTH_SETTLES = 2 * _DAY
_LATE_WAITS = _DAY  # a late part is merged after this long, or when there are many
_MANY_PARTS = 16
_COUNTED = ("energy", "parking")  # domains whose counters reports are about
_LISTED_AT_ONCE = 5_000  # names of series
_ROLLED_AT_ONCE = 20_000_000  # readings a round

log = logging.getLogger(__name__)


class ParquetStore(ParquetReader):
    """Keeps readings in files of its own, below the data directory. Nothing to install, nothing to run.

    A batch is committed to its lane's journal (SQLite, one fsync) and later sealed: sorted, duplicates removed, written as
    Parquet, apart by domain and UTC day. A finished day becomes one file, a finished month one file. pandas, Polars, DuckDB,
    ClickHouse and Spark read them as they are; sealed/series-fire.parquet and sealed/series-rest.parquet hold the names.

    Readings that arrive late for a sealed day become a further part and are merged; of two readings with the same device,
    quantity, channel, time and sequence number the first that arrived stays. Only retention deletes, whole files.

    Example:

        [store]
        kind = "parquet"
        seal_after = "60min"
    """

    kind: ClassVar[str] = "parquet"

    class Settings(ports.Settings):
        seal_readings: int = Field(250_000, ge=1, description="seal a lane's journal when it holds this many readings")
        seal_after: Duration = Field(3_600_000, description="seal when the oldest unsealed reading was committed this long ago")

    def __init__(
        self,
        directory: Path,
        vocabulary: Vocabulary,
        retention: Retention,
        settings: Settings | None = None,
        clock: Callable[[], int] = wall_ms,
        bucket: int = 60,
    ) -> None:
        """``clock`` is the wall clock in ms, for what is committed when. ``bucket``: minutes of a roll-up's, 60, 30 or 15.
        Raises JournalUnusable."""
        self._vocabulary = vocabulary
        self._settings = settings or self.Settings.model_validate({})
        self._retention = retention
        self._maintaining = threading.Lock()
        self._listed: dict[Lane, int] = {}
        directory.mkdir(parents=True, exist_ok=True)
        for lane in LANES:
            if not journal_path(directory, lane).exists() and (directory / "sealed" / f"series-{lane}.parquet").exists():
                raise JournalUnusable(
                    f"{journal_path(directory, lane)} is missing, but {directory / 'sealed'} has files it must vouch for: "
                    "restore it from a backup, or move the sealed folder away to begin anew"
                )
        self._writers = {lane: Journal(journal_path(directory, lane), lane, vocabulary.domain, clock) for lane in LANES}
        super().__init__(directory, [journal.reader for journal in self._writers.values()])
        self._rollups = RollUps(self._sealed, bucket)
        self._unreadable: set[str] = set()
        for journal in self._writers.values():
            self._remove_files(journal, journal.reader.files("writing"))  # what a killed seal left behind

    @classmethod
    def open_reader(cls, directory: Path) -> ParquetReader:
        """For another process: reads while a hub writes. Raises JournalUnusable."""
        return ParquetReader(directory)

    def append(self, lane: Lane, batch: Batch) -> None:
        """Raises JournalFailed when the disk does not take it: nothing of the batch may then be confirmed."""
        self._writers[lane].append(batch)

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        """To be called every ten seconds or so, from one thread. Raises SealFailed (the readings stay in the journal) and
        JournalFailed."""
        with self._maintaining:
            for journal in self._writers.values():
                journal.forget_digests()
                journal.fold()
                self._seal(journal, now.wall, seal_all)
                self._compact(journal, now.wall)
                self._roll_up(journal, now.wall)
                self._forget(journal, now.wall)
            self._sealed.rest()

    def close(self) -> None:
        with self._maintaining:
            for journal in self._writers.values():
                journal.close()
            super().close()

    # --- sealing ------------------------------------------------------------------------------------------------------

    def _seal(self, journal: Journal, now: int, seal_all: bool) -> None:
        pending = journal.reader.pending()
        due = pending.rows >= self._settings.seal_readings or abs(now - pending.oldest) >= self._settings.seal_after
        if not pending.last or not (due or seal_all):
            return
        columns = journal.reader.unsealed(pending.last).first_wins()
        domains = journal.series_by_domain()
        known = sum(map(len, domains.values()))
        if self._listed.get(journal.lane) != known:
            self._sealed.write_series(f"series-{journal.lane}.parquet", _listed(journal.reader))
            self._listed[journal.lane] = known
        latest = journal.reader.latest_sealed()
        if latest is None:
            log.error("%s: the record of the newest readings is damaged; it is made anew from the files", journal.path)
            latest = self._sealed.newest(journal.reader.files())
        latest = Columns.concat([latest, columns.last_of_each()]).newest()
        parts = self._split(columns, domains)
        del columns  # 12 MB a copy
        written = self._write(journal, list(parts), now, lambda file: self._sealed.write(file, parts[file.domain, file.period]))
        journal.swap(written, [], now, sealed=pending.last, latest=latest)
        journal.checkpoint()

    def _split(self, columns: Columns, domains: Mapping[str, Ints]) -> dict[tuple[str, str], Columns]:
        """By domain and UTC day; each part stays sorted."""
        parts: dict[tuple[str, str], Columns] = {}
        day = columns.time // _DAY
        for name, numbers in domains.items():
            place = np.searchsorted(numbers, columns.series)
            mine = numbers[np.minimum(place, len(numbers) - 1)] == columns.series
            for number in np.unique(day[mine]).tolist():
                parts[name, str(np.datetime64(number, "D"))] = columns.take(mine & (day == number))
        if sum(part.rows for part in parts.values()) != columns.rows:
            raise SealFailed("readings of series that the journal does not know; they stay in it")
        return parts

    def _write(
        self, journal: Journal, wanted: list[tuple[str, str]], now: int, make: Callable[[SealedFile], SealedFile]
    ) -> list[SealedFile]:
        """New files, durable but not live yet. Their numbers are in the journal first: a killed seal leaves no orphan."""
        if not wanted:
            return []
        blank = [
            SealedFile(id, journal.lane, domain, period, 0, 0, 0, 0, 0, 0)
            for id, (domain, period) in zip(journal.reserve(wanted, now), wanted, strict=True)
        ]
        try:
            return [make(file) for file in blank]
        except BaseException:
            self._remove_files(journal, blank)
            raise

    # --- compaction ---------------------------------------------------------------------------------------------------

    def _compact(self, journal: Journal, now: int) -> None:
        """Day files, then month files. All live files of a period become one, so a greater id always arrived later."""
        months: dict[tuple[str, str], list[SealedFile]] = defaultdict(list)
        for file in journal.reader.files():
            months[file.domain, file.period[:7]].append(file)
        for (domain, month), files in months.items():
            if now >= _end(month) + _MONTH_SETTLES:
                self._merge(journal, (domain, month), files, now)
                continue
            days: dict[str, list[SealedFile]] = defaultdict(list)
            for file in files:
                days[file.period].append(file)
            for day, parts in days.items():
                if now >= _end(day) + _DAY_SETTLES:
                    self._merge(journal, (domain, day), parts, now)

    def _merge(self, journal: Journal, where: tuple[str, str], files: list[SealedFile], now: int) -> None:
        if len(files) == 1 and files[0].period == where[1]:
            return
        settled = _end(where[1]) + (_MONTH_SETTLES if len(where[1]) == 7 else _DAY_SETTLES)
        late = [file.created_at for file in files[1:] if file.created_at >= settled]
        waits = len(late) == len(files) - 1 and len(late) < _MANY_PARTS and now - min(late, default=0) < _LATE_WAITS
        if waits:
            return  # a trickle of late readings must not rewrite a month every hour
        try:
            merged = self._write(journal, [where], now, lambda file: self._sealed.merge(file, files))
        except Damaged as error:
            log.error("%s; it is left where it is, and out of answers", error)
            for file in files:
                self._set_aside(journal, file)
            return
        if len(where[1]) == 7 and all(self._rollups.exists(file) for file in files):
            self._rollups.join(merged[0], files)
        journal.swap(merged, [file.id for file in files], now)
        journal.checkpoint()
        for file in journal.reader.files():
            if file.min_time // _DAY * _DAY == _end(where[1]):  # its first step begins here
                self._rollups.remove(file)

    def _set_aside(self, journal: Journal, file: SealedFile) -> None:
        try:
            check_file(self._sealed.root, file)
        except Damaged:
            journal.mark_damaged(file.id)

    # --- roll-ups -----------------------------------------------------------------------------------------------------

    def _roll_up(self, journal: Journal, now: int) -> None:
        """What each settled day or month has none of yet; after an upgrade some in each round."""
        files = [file for file in journal.reader.files() if file.domain in _COUNTED]
        months = {(file.domain, file.period) for file in files if len(file.period) == 7}
        main: dict[tuple[str, str], SealedFile] = {}
        for file in files:
            if len(file.period) == 7 or (file.domain, file.period[:7]) not in months:
                main.setdefault((file.domain, file.period), file)  # a greater number is a late part
        wanted = [file for file in main.values() if self._unrolled(file, now)]
        if not wanted:
            return
        counters = [(id, domain) for id, name, domain in journal.reader.series() if self._counts(name.quantity)]
        done = 0
        for file in wanted:
            start = file.min_time // _DAY * _DAY
            before = [other for other in files if other.max_time >= start - _DAY and other.min_time < start]
            mine = np.array([id for id, domain in counters if domain == file.domain], np.int64)
            try:
                self._rollups.make(file, before, mine)
            except Damaged as error:  # reports read what can be read; the next merge puts it aside
                log.warning("no roll-up of %s/%s: %s", file.domain, file.period, error)
                self._unreadable.add(file.path)
            done += file.rows
            if done > _ROLLED_AT_ONCE:
                return

    def _unrolled(self, file: SealedFile, now: int) -> bool:
        settled = _end(file.period) + (_MONTH_SETTLES if len(file.period) == 7 else _DAY_SETTLES)
        return now >= settled and file.path not in self._unreadable and not self._rollups.exists(file)

    def _counts(self, quantity: str) -> bool:
        known = self._vocabulary.get(quantity)
        return known is not None and known.shape == "counter"

    # --- forgetting ---------------------------------------------------------------------------------------------------

    def _forget(self, journal: Journal, now: int) -> None:
        expired: list[int] = []
        cuts: dict[str, int] = {}
        for file in journal.reader.files():
            keep = getattr(self._retention, file.domain)
            if keep is not None and file.max_time < now - keep:
                expired.append(file.id)
                cuts[file.domain] = now - keep
        if expired:
            journal.swap([], expired, now, latest=self._still_kept(journal, cuts))
        old = [file for file in journal.reader.files("dead") if abs(now - (file.died_at or 0)) >= _DEAD_FILES_STAY]
        self._remove_files(journal, old)

    def _still_kept(self, journal: Journal, cuts: dict[str, int]) -> Columns | None:
        latest = journal.reader.latest_sealed()
        if latest is None:
            return None  # the next seal makes it anew
        old = np.zeros(latest.rows, np.bool_)
        for domain, numbers in journal.series_by_domain().items():
            if domain in cuts:
                old |= np.isin(latest.series, numbers) & (latest.time < cuts[domain])
        return latest.take(~old)

    def _remove_files(self, journal: Journal, files: list[SealedFile]) -> None:
        for file in files:
            self._rollups.remove(file)
            self._sealed.remove(file)
        if files:
            journal.forget_files([file.id for file in files])


def _listed(reader: JournalReader) -> Iterator[str]:
    """The names of all series, some thousand at a time, as JSON."""
    last, text = reader.names_as_json(-1, _LISTED_AT_ONCE)
    while text != "[]":
        yield text
        last, text = reader.names_as_json(last, _LISTED_AT_ONCE)


def _end(period: str) -> int:
    """The first ms after a UTC day or month."""
    if len(period) == 7:
        year, month = int(period[:4]), int(period[5:])
        return _end(f"{period}-{calendar.monthrange(year, month)[1]}")
    return (int(np.datetime64(period, "D").astype(np.int64)) + 1) * _DAY
