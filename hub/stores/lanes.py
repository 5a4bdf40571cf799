"""What every store that keeps journals answers from them alone, read-only: names, marks, dead letters, figures."""

import heapq
import io
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from hub.columns import Columns
from hub.journal_reader import JournalReader
from hub.model import Batch, DeadLetter, Lane, Now, Reading, Series


def journal_path(directory: Path, lane: Lane) -> Path:
    return directory / f"journal-{lane}.db"


class LanesReader:
    """The journals of both lanes, as one."""

    def __init__(self, directory: Path, journals: Sequence[JournalReader]) -> None:
        self.directory = directory
        self._journals = journals

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]:
        """Globs follow fnmatch, case-sensitively."""
        names = {name for journal in self._journals for _, name, _ in journal.series()}
        if device != "*":
            names = {name for name in names if fnmatchcase(name.device, device)}
        if quantity != "*":
            names = {name for name in names if fnmatchcase(name.quantity, quantity)}
        return sorted(names)

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


def reading(series: Series, columns: Columns, row: int) -> Reading:
    return Reading(
        series.device, series.quantity, float(columns.value[row]), int(columns.time[row]), series.channel,
        int(columns.seq[row]), int(columns.quality[row]),
    )  # fmt: skip


def newer(one: tuple[Reading, int], other: tuple[Reading, int]) -> bool:
    """Whether it stands after the other; of the same reading, the one that arrived earlier does."""
    return _order(*one) > _order(*other)


def _order(reading: Reading, arrival: int) -> tuple[int, int, int]:
    return (reading.time or 0, reading.seq, -arrival)
