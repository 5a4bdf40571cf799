"""Roll-ups: a row for each counter and UTC day on which nothing is odd, with the readings around every bucket's edge.

A file beside each sealed day or month, named after it: ``rollup/2026-03/rest-0000001234.2.parquet`` belongs to
``sealed/energy/2026-03/rest-0000001234.parquet``; the 2 is the roll-up's form, and one of another form is made anew. Numbers are
never used again, so a roll-up holds as long as the journal lists its sealed file, and is nothing once late readings have made a
new one; there is no second list to keep in step.

What a register counted between two moments on plain days between plain days follows from the readings around these moments
alone; ``hub.rolled`` says which days these are. All other days are left to the readings themselves.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hub.journal_reader import SealedFile
from hub.ports import Ints
from hub.register import HOUR
from hub.rolled import DAY
from hub.stores.rollup_rows import CounterRows, plain_days
from hub.stores.sealed import SealedFiles

_FORM = 2
_FORMAT = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 20480"
"""Small groups let one building's rows be found."""
_CHUNK = 4_000_000  # readings at once
_TYPES = {"fastest": "FLOAT", "digits": "TINYINT", "at": "BIGINT", "rise": "BIGINT"}


def rollup_path(root: Path, file: SealedFile) -> Path:
    """``root``: the folder of sealed files."""
    return root.parent / "rollup" / file.period / f"{file.lane}-{file.id:010}.{_FORM}.parquet"


class RollUps:
    """Makes them. ``bucket``: minutes, 60, 30 or 15, as the site's zone and tariffs need it."""

    def __init__(self, sealed: SealedFiles, bucket: int = 60) -> None:
        self._sealed = sealed
        self.bucket = bucket

    def exists(self, file: SealedFile) -> bool:
        return rollup_path(self._sealed.root, file).exists()

    def make(self, file: SealedFile, before: Sequence[SealedFile], counters: Ints) -> None:
        """``before``: live files that may hold readings of the day before the file's; ``counters``: series numbers.
        Raises SealFailed, Damaged, Vanished."""
        start = file.min_time // DAY * DAY
        pieces = max(1, min(-(-file.rows // _CHUNK), len(counters)))
        parts = []
        for some in np.array_split(np.sort(counters), pieces):
            rows = self._sealed.counters(file, some)
            for older in self._newest_before(before, rows[0], start):
                rows = _after(older, rows)
            parts.append(plain_days(rows, start, self.bucket))
        data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        columns = ", ".join(f"{name}::{_TYPES.get(name.rstrip('0123456789'), 'INTEGER')} AS {name}" for name in data)
        self._write(file, f"SELECT {columns} FROM data", data)

    def _newest_before(self, before: Sequence[SealedFile], series: Ints, start: int) -> list[CounterRows]:
        """Of each of the series, of the day before: first where there is one within the hour."""
        found: list[CounterRows] = []
        wanted = np.unique(series)
        for low, high in ((start - HOUR, start), (start - DAY, start - HOUR)):
            files = [file for file in before if file.max_time >= low and file.min_time < high]
            if files and len(wanted):
                found.append(self._sealed.newest_within(files, wanted, low, high))
                wanted = np.setdiff1d(wanted, found[-1][0], assume_unique=True)
        return found

    def join(self, file: SealedFile, days: Sequence[SealedFile]) -> None:
        """A month's from those of its days, which are all there. Raises SealFailed."""
        names = ", ".join("'" + str(rollup_path(self._sealed.root, day)).replace("'", "''") + "'" for day in days)
        self._write(file, f"SELECT * FROM read_parquet([{names}], union_by_name = true) ORDER BY series, day", {})

    def _write(self, file: SealedFile, query: str, data: dict[str, Any]) -> None:
        path = rollup_path(self._sealed.root, file)
        self._sealed.replace(path, query, data, _FORMAT)
        for other in self._all(file):
            if other != path:
                other.unlink(missing_ok=True)

    def remove(self, file: SealedFile) -> None:
        for path in self._all(file):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or never made: both are fine
            rollup_path(self._sealed.root, file).parent.rmdir()

    def _all(self, file: SealedFile) -> list[Path]:
        """Of whatever form, unfinished ones too."""
        return list(rollup_path(self._sealed.root, file).parent.glob(f"{file.lane}-{file.id:010}.*"))


def _after(before: CounterRows, rows: CounterRows) -> CounterRows:
    """The readings, each series' newest one before them in front."""
    series = np.concatenate([before[0], rows[0]])
    order = np.argsort(series, kind="stable")
    time, value, quality = (np.concatenate([old, new])[order] for old, new in zip(before[1:], rows[1:], strict=True))
    return series[order], time, value, quality
