"""Answers from sealed files plus journal: the reading half of the store, for the hub itself and for other processes."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from hub.columns import Columns
from hub.journal_reader import JournalReader, Snapshot
from hub.model import LANES, Reading, Series
from hub.ports import Buckets, Ints, Rows
from hub.rolled import Known
from hub.stores.lanes import LanesReader, journal_path, newer, reading
from hub.stores.rollup_reader import known
from hub.stores.sealed import SealedFiles, Vanished
from hub.stores.thin import thin

log = logging.getLogger(__name__)

_EVER = (-(2**62), 2**62)
Answer = TypeVar("Answer")


class ParquetReader(LanesReader):
    """Reads a data directory, read-only; a hub may write to it meanwhile. Raises JournalUnusable where there is none.

    Each answer takes the list of files and the unsealed batches of a lane in one read transaction, and begins anew when a file
    was replaced meanwhile. A series both lanes have seen reads as one; of the same reading in both, the one that arrived
    earlier by the clock wins."""

    kind: ClassVar[str]

    def __init__(self, directory: Path, journals: list[JournalReader] | None = None) -> None:
        super().__init__(directory, journals or [JournalReader(journal_path(directory, lane), lane) for lane in LANES])
        self._sealed = SealedFiles(directory / "sealed")

    def rows(self, series: Series, start: int, end: int) -> Rows:
        found = self._each_lane(series, start, end, lambda seen: self._sealed.rows(seen.files, seen.id, start, end))
        return Rows(series, *found[1:])

    def buckets(self, series: Series, start: int, end: int, every: int) -> Buckets:
        return thin(self.rows(series, start, end), start, every)

    def known(self, series: Sequence[Series], edges: Ints) -> Known:
        """What roll-ups know of each: of the days around, and of its readings next to these moments (ms, ascending)."""
        return self._retried(lambda: known(self._journals, self._sealed, series, edges))

    def rows_of(self, series: Sequence[Series], start: int, end: int) -> list[Rows]:
        """As ``rows``, of several series at once."""
        found: dict[Series, Rows] = {}
        several: set[Series] = set()
        for journal in self._journals:
            lane = self._retried(lambda journal=journal: self._rows_of(journal, set(series), start, end))  # type: ignore[misc]
            several |= found.keys() & lane.keys()
            found |= lane
        return [found[name] if name in found and name not in several else self.rows(name, start, end) for name in series]

    def _rows_of(self, journal: JournalReader, series: set[Series], start: int, end: int) -> dict[Series, Rows]:
        names, files, tail = journal.glimpse(start, end)
        ids = {id: (name, domain) for id, name, domain in names if name in series}
        if not ids:
            return {}
        numbers = np.array(sorted(ids), np.int64)
        domains = {domain for _, domain in ids.values()}
        sealed = self._sealed.rows_of([file for file in files if file.domain in domains], numbers, start, end)
        columns = Columns.concat([sealed, tail.take(np.isin(tail.series, numbers))]).first_wins()
        bounds = np.searchsorted(columns.series, np.append(numbers, numbers[-1] + 1)).tolist()
        return {
            ids[id][0]: Rows(ids[id][0], *columns.part(low, high)[1:])
            for id, low, high in zip(numbers.tolist(), bounds[:-1], bounds[1:], strict=True)
        }

    def before(self, series: Series, time: int) -> Reading | None:
        def newest(seen: Snapshot) -> Columns:
            return self._sealed.newest_before(seen.files, seen.id, time)

        found = self._each_lane(series, _EVER[0], time, newest)
        return reading(series, found, found.rows - 1) if found.rows else None

    def latest(self) -> list[tuple[Reading, int]]:
        newest: dict[Series, tuple[Reading, int]] = {}
        for journal in self._journals:
            names, columns = journal.newest()
            if columns is None:
                columns = self._retried(lambda journal=journal: self._newest_without_record(journal))  # type: ignore[misc]
            for row, id in enumerate(columns.series.tolist()):
                name = names[id]
                found = (reading(name, columns, row), int(columns.received_at[row]))
                if name not in newest or newer(found, newest[name]):
                    newest[name] = found
        return [newest[name] for name in sorted(newest)]

    def _newest_without_record(self, journal: JournalReader) -> Columns:
        tail = journal.unsealed(journal.pending().last)  # before the files: what is sealed meanwhile is seen twice, not never
        return Columns.concat([self._sealed.newest(journal.files()), tail]).newest()

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
