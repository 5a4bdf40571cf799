"""Roll-ups: a row for each counter and UTC day on which nothing is odd, with the register at every bucket's edge.

A file beside each sealed day or month, named after it: ``rollup/2026-03/rest-0000001234.parquet`` belongs to
``sealed/energy/2026-03/rest-0000001234.parquet``. Numbers are never used again, so a roll-up holds as long as the journal
lists its sealed file, and is nothing once late readings have made a new one; there is no second list to keep in step.

A day is plain when every step that ends in it, from the last reading of the day before on, rises no faster than what
``hub.register`` ever looks at twice, takes an hour at most, and there are readings enough for both neighbours to be judged. What
a register counted between two of its readings on plain days between plain days is their difference. All other days are left to
the readings themselves.

Columns: series (int32), day (int32, since 1970), last (the day's last register), last_at (ms of the day), fastest
(units an hour, of its steps), and m0000, m0060 …: the
register at that minute of the day, null where there is no reading at that very moment.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hub.journal_reader import SealedFile
from hub.model import Quality
from hub.ports import Floats, Ints
from hub.register import HOUR, suspicious
from hub.stores.sealed import SealedFiles

DAY = 86_400_000
ENOUGH = 20
"""readings: more than any decision in ``hub.register`` looks at on one side."""
_FORMAT = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v1, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 20480"
"""Plain and compressed is smaller here than split by bytes (measured: 94 to 145 bytes a meter and day), and small groups let one
building's rows be found."""
_CHUNK = 4_000_000  # readings at once


def rollup_path(root: Path, file: SealedFile) -> Path:
    """``root``: the folder of sealed files."""
    return root.parent / "rollup" / file.period / f"{file.lane}-{file.id:010}.parquet"


def minutes_of(bucket: int) -> list[int]:
    """Of a day, at which a bucket of so many minutes begins."""
    return list(range(0, 24 * 60, bucket))


class RollUps:
    """Makes them. ``bucket``: minutes, 60, 30 or 15, as the site's zone and tariffs need it."""

    def __init__(self, sealed: SealedFiles, bucket: int = 60) -> None:
        self._sealed = sealed
        self.bucket = bucket

    def exists(self, file: SealedFile) -> bool:
        return rollup_path(self._sealed.root, file).exists()

    def make(self, file: SealedFile, before: Sequence[SealedFile], counters: Ints) -> None:
        """``before``: live files that may hold readings of the hour before the file's; ``counters``: series numbers.
        Raises SealFailed, Damaged, Vanished."""
        start = file.min_time // DAY * DAY
        pieces = max(1, min(-(-file.rows // _CHUNK), len(counters)))
        parts = []
        for some in np.array_split(np.sort(counters), pieces):
            rows = self._sealed.counters(file, some)
            if before:
                rows = _after(self._sealed.newest_within(before, some, start - HOUR, start), rows)
            parts.append(self._plain_days(*rows, start))
        data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        columns = "series::INTEGER AS series, day::INTEGER AS day, last, last_at::INTEGER AS last_at, fastest"
        grid = ", ".join(name for name in data if name.startswith("m"))
        self._write(file, f"SELECT {columns}, {grid} FROM data", data)

    def join(self, file: SealedFile, days: Sequence[SealedFile]) -> None:
        """A month's from those of its days, which are all there. Raises SealFailed."""
        names = ", ".join("'" + str(rollup_path(self._sealed.root, day)).replace("'", "''") + "'" for day in days)
        self._write(file, f"SELECT * FROM read_parquet([{names}], union_by_name = true) ORDER BY series, day", {})

    def _write(self, file: SealedFile, query: str, data: dict[str, Any]) -> None:
        self._sealed.replace(rollup_path(self._sealed.root, file), query, data, _FORMAT)

    def remove(self, file: SealedFile) -> None:
        path = rollup_path(self._sealed.root, file)
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".tmp").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or never made: both are fine
            path.parent.rmdir()

    def _plain_days(self, series: Ints, time: Ints, value: Floats, quality: Ints, start: int) -> dict[str, Any]:
        """Rows of the days since ``start``; what lies before it is only stepped from."""
        minutes, step, count = minutes_of(self.bucket), self.bucket * 60_000, len(series)
        day = time // DAY
        same = np.zeros(count, np.bool_)
        same[1:] = series[1:] == series[:-1]
        length, rise = np.zeros(count, np.int64), np.zeros(count)
        length[1:], rise[1:] = np.diff(time), np.diff(value)
        good = np.isfinite(value) & ((quality & int(Quality.OUT_OF_RANGE)) == 0)
        plain = same & good & (length <= HOUR) & ~suspicious(rise, length)
        begins = ~same
        begins[1:] |= day[1:] != day[:-1]
        first = np.flatnonzero(begins)
        last = np.append(first[1:], count)[: len(first)] - 1
        whole = (last - first + 1 >= ENOUGH) & (time[first] >= start)
        rate = rise / np.maximum(length, 1) * HOUR
        if len(first):
            whole &= np.logical_and.reduceat(plain, first)
        row = np.repeat(np.where(whole, np.cumsum(whole) - 1, -1), last - first + 1)
        within = time - day * DAY
        on_edge = (row >= 0) & (within % step == 0)
        grid = np.full((len(minutes), int(whole.sum())), np.nan)
        grid[within[on_edge] // step, row[on_edge]] = value[on_edge]
        kept = last[whole]
        rows = {"series": series[kept], "day": day[kept], "last": value[kept], "last_at": within[kept],
                "fastest": np.maximum.reduceat(rate, first)[whole] if len(first) else rate}  # fmt: skip
        return rows | {f"m{minute:04}": grid[place] for place, minute in enumerate(minutes)}


_Rows = tuple[Ints, Ints, Floats, Ints]


def _after(before: _Rows, rows: _Rows) -> _Rows:
    """The readings, each series' newest one before them in front."""
    series = np.concatenate([before[0], rows[0]])
    order = np.argsort(series, kind="stable")
    time, value, quality = (np.concatenate([old, new])[order] for old, new in zip(before[1:], rows[1:], strict=True))
    return series[order], time, value, quality
