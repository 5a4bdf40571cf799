"""Readings as columns: what the journal writes, what a seal sorts, what a query gathers.

Six arrays of one length, 48 bytes a reading. ``series`` is the number a lane's journal gave the series; times are ms since
1970 UTC. Order matters until ``first_wins`` has been called: what stands earlier arrived earlier.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hub.ports import Floats, Ints

BYTES_PER_READING = 48


class Columns(NamedTuple):
    series: Ints
    time: Ints
    seq: Ints
    received_at: Ints
    value: Floats
    quality: Ints

    @property
    def rows(self) -> int:
        return len(self.series)

    def encode(self) -> bytes:
        return b"".join(column.tobytes() for column in self)

    @classmethod
    def decode(cls, blob: bytes) -> "Columns":
        """The inverse of ``encode``. The arrays are views of the blob: read-only."""
        rows = len(blob) // BYTES_PER_READING
        ints = [np.frombuffer(blob, np.int64, rows, offset=rows * 8 * column) for column in (0, 1, 2, 3, 5)]
        return cls._make((*ints[:4], np.frombuffer(blob, np.float64, rows, offset=rows * 32), ints[4]))

    @classmethod
    def concat(cls, parts: Iterable["Columns"]) -> "Columns":
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return NOTHING
        return cls._make(np.concatenate(column) for column in zip(*parts, strict=True))

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Columns":
        return Columns._make(column[index] for column in self)

    def part(self, low: int, high: int) -> "Columns":
        """A run of rows, not copied: it keeps the whole in memory."""
        return Columns._make(column[low:high] for column in self)

    def of(self, series: int, start: int, end: int) -> "Columns":
        return self.take((self.series == series) & (self.time >= start) & (self.time < end))

    def first_wins(self) -> "Columns":
        """Sorted by series, time and seq; of readings with the same identity only the one that stood first."""
        if self.rows < 2:
            return self
        rising = self._rising()
        if rising is not None:
            return rising
        ordered = self.take(np.lexsort((self.seq, self.time, self.series)))  # stable
        fresh = np.empty(self.rows, np.bool_)
        fresh[0] = True
        np.not_equal(ordered.series[1:], ordered.series[:-1], out=fresh[1:])
        fresh[1:] |= ordered.time[1:] != ordered.time[:-1]
        fresh[1:] |= ordered.seq[1:] != ordered.seq[:-1]
        return ordered if fresh.all() else ordered.take(fresh)

    def _rising(self) -> "Columns | None":
        """Sorted, if in each series the times rise as they stand, as they do almost always: a tenth of the work or less."""
        grouped = self
        if (self.series[1:] < self.series[:-1]).any():
            grouped = self.take(np.argsort(self.series, kind="stable"))
        rises = grouped.time[1:] > grouped.time[:-1]
        rises |= grouped.series[1:] != grouped.series[:-1]
        return grouped if rises.all() else None

    def newest(self) -> "Columns":
        """One reading a series: the newest by time and seq."""
        return self.first_wins().last_of_each()

    def last_of_each(self) -> "Columns":
        """Of sorted columns, each series' last reading."""
        last = np.empty(self.rows, np.bool_)
        last[-1:] = True
        np.not_equal(self.series[1:], self.series[:-1], out=last[:-1])
        return self.take(last)


_NO_INTS = np.empty(0, np.int64)
NOTHING = Columns(_NO_INTS, _NO_INTS, _NO_INTS, _NO_INTS, np.empty(0, np.float64), _NO_INTS)
