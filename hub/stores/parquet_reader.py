"""Answers from sealed files plus journal: the reading half of the store, for the hub itself and for other processes."""

import heapq
import io
import logging
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from hub.columns import Columns
from hub.journal_reader import JournalReader, Snapshot
from hub.model import LANES, Batch, DeadLetter, Lane, Now, Reading, Series
from hub.ports import Buckets, Rows
from hub.stores.sealed import SealedFiles, Vanished
from hub.stores.thin import thin

log = logging.getLogger(__name__)

_EVER = (-(2**62), 2**62)
Answer = TypeVar("Answer")


def journal_path(directory: Path, lane: Lane) -> Path:
    return directory / f"journal-{lane}.db"


class ParquetReader:
    """Reads a data directory, read-only; a hub may write to it meanwhile. Raises JournalUnusable where there is none.

    Each answer takes the list of files and the unsealed batches of a lane in one read transaction, and begins anew when a file
    was replaced meanwhile. A series both lanes have seen reads as one; of the same reading in both, the one that arrived
    earlier by the clock wins."""

    kind: ClassVar[str]

    def __init__(self, directory: Path, journals: list[JournalReader] | None = None) -> None:
        self.directory = directory
        self._journals = journals or [JournalReader(journal_path(directory, lane), lane) for lane in LANES]
        self._sealed = SealedFiles(directory / "sealed")

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]:
        """Globs follow fnmatch, case-sensitively."""
        names = {name for journal in self._journals for _, name, _ in journal.series()}
        return sorted(name for name in names if fnmatchcase(name.device, device) and fnmatchcase(name.quantity, quantity))

    def rows(self, series: Series, start: int, end: int) -> Rows:
        found = self._each_lane(series, start, end, lambda seen: self._sealed.rows(seen.files, seen.id, start, end))
        return Rows(series, *found[1:])

    def buckets(self, series: Series, start: int, end: int, every: int) -> Buckets:
        return thin(self.rows(series, start, end), start, every)

    def before(self, series: Series, time: int) -> Reading | None:
        def newest(seen: Snapshot) -> Columns:
            return self._sealed.newest_before(seen.files, seen.id, time)

        found = self._each_lane(series, _EVER[0], time, newest)
        return _reading(series, found, found.rows - 1) if found.rows else None

    def latest(self) -> list[tuple[Reading, int]]:
        newest: dict[Series, tuple[Reading, int]] = {}
        for journal in self._journals:
            names, columns = journal.newest()
            if columns is None:
                columns = self._retried(lambda journal=journal: self._newest_without_record(journal))  # type: ignore[misc]
            for row, id in enumerate(columns.series.tolist()):
                name = names[id]
                reading, arrival = _reading(name, columns, row), int(columns.received_at[row])
                other = newest.get(name)
                if other is None or _order(reading, arrival) > _order(*other):
                    newest[name] = (reading, arrival)
        return [newest[name] for name in sorted(newest)]

    def _newest_without_record(self, journal: JournalReader) -> Columns:
        tail = journal.unsealed(journal.pending().last)  # before the files: what is sealed meanwhile is seen twice, not never
        return Columns.concat([self._sealed.newest(journal.files()), tail]).newest()

    def digests(self, since: int) -> list[int]:
        lanes = [journal.digests(since) for journal in self._journals]
        return [mark for _, mark in heapq.merge(*lanes, key=lambda entry: entry[0])]

    def dead_letters(self, limit: int = 100, before: int | None = None, device: str = "") -> list[DeadLetter]:
        found = [letter for journal in self._journals for letter in journal.dead_letters(limit, before, device)]
        return sorted(found, key=lambda letter: -letter.id)[:limit]

    def dead_letter(self, id: int) -> DeadLetter | None:
        found = (journal.dead_letter(id) for journal in self._journals)
        return next((letter for letter in found if letter), None)

    def counts(self) -> dict[str, int]:
        """Unsealed readings, sealed files, what is damaged, dead letters kept and dropped: of both lanes together."""
        lanes = [journal.counts() for journal in self._journals]
        return {name: sum(lane[name] for lane in lanes) for name in lanes[0]}

    def append(self, lane: Lane, batch: Batch) -> None:
        raise io.UnsupportedOperation(f"{self.directory} was opened for reading only")

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        raise io.UnsupportedOperation(f"{self.directory} was opened for reading only")

    def close(self) -> None:
        for journal in self._journals:
            journal.close()
        self._sealed.close()

    def _each_lane(self, series: Series, start: int, end: int, sealed: Callable[[Snapshot], Columns]) -> Columns:
        """Sealed and unsealed readings of all lanes, sorted, without duplicates."""

        def one(journal: JournalReader) -> Columns | None:
            seen = journal.snapshot(series, start, end)
            return Columns.concat([sealed(seen), seen.tail]).first_wins() if seen else None

        lanes = [found for journal in self._journals if (found := self._retried(lambda journal=journal: one(journal)))]  # type: ignore[misc]
        if len(lanes) == 1:
            return lanes[0]
        both = Columns.concat(lane._replace(series=np.zeros(lane.rows, np.int64)) for lane in lanes)
        return both.take(np.argsort(both.received_at, kind="stable")).first_wins()

    def _retried(self, ask: Callable[[], Answer]) -> Answer:
        for attempt in range(10):
            try:
                return ask()
            except Vanished as gone:
                missing = str(gone)
                time.sleep(0.01 * attempt)  # a swap is one transaction away
        log.error("%s is missing and left out; the others are kept: restore it from a backup", self._sealed.root / missing)
        self._sealed.missing.add(missing)
        return self._retried(ask)


def _reading(series: Series, columns: Columns, row: int) -> Reading:
    return Reading(
        series.device, series.quantity, float(columns.value[row]), int(columns.time[row]), series.channel,
        int(columns.seq[row]), int(columns.quality[row]),
    )  # fmt: skip


def _order(reading: Reading, arrival: int) -> tuple[int, int, int]:
    return (reading.time or 0, reading.seq, -arrival)
