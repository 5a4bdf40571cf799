"""Stored readings in the order in which they arrived: what a replay runs through.

Ties, readings that arrived in the same millisecond, stand in the order in which they are stored: by series, in the order in
which the hub first saw these (a format names them in the same order each time), then by time and sequence number. The past is
read in spans of arrival, so that memory holds some hundred thousand readings at a time.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from msgspec import Struct

from hub.columns import NOTHING, Columns
from hub.journal_reader import JournalReader, SealedFile
from hub.model import Series
from hub.ports import Store
from hub.stores.parquet_reader import ParquetReader
from hub.stores.sealed import _ROW

AT_ONCE = 500_000
AHEAD = 3_600_000
"""How far, in ms, a reading's time or a file's making may lie beside its arrival, our own clock's corrections included."""


class Span(Struct, frozen=True, eq=False):
    """Readings that arrived before ``until`` and after the span before; ``series`` counts in the list that was asked for.
    ``share``: how much of all has been read with it, 0 to 1."""

    columns: Columns
    until: int
    share: float


def arrivals(store: Store, wanted: Sequence[Series], start: int, end: int) -> Iterator[Span]:
    """Readings of these series with ``start <= received_at < end``, in order of arrival."""
    if isinstance(store, ParquetReader):
        yield from _bulk(store, wanted, start, end)
    else:
        yield from _one_by_one(store, wanted, start, end)


def _in_order(columns: Columns) -> Columns:
    """By arrival; of a reading that is there twice (sealed while it was read) only one. ``columns`` have the numbers that the
    journal has given to the series."""
    clean = columns.first_wins()
    return clean.take(np.argsort(clean.received_at, kind="stable"))


def _one_by_one(store: Store, wanted: Sequence[Series], start: int, end: int) -> Iterator[Span]:
    parts = []
    for number, series in enumerate(wanted):
        rows = store.rows(series, 0, end + AHEAD)
        same = np.full(len(rows.time), number, np.int64)
        columns = Columns(same, rows.time, rows.seq, rows.received_at, rows.value, rows.quality)
        parts.append(columns.take((columns.received_at >= start) & (columns.received_at < end)))
    yield Span(_in_order(Columns.concat(parts)), end, 1.0)


class _Lane:
    """One lane's journal, with the numbers it has for the series that are wanted."""

    def __init__(self, journal: JournalReader, places: dict[Series, int]) -> None:
        self.journal = journal
        known = journal.series()
        self.ids = {id: places[name] for id, name, _ in known if name in places}
        self.domains = {domain for id, _, domain in known if id in self.ids}
        self.numbers = np.full(max([id for id, _, _ in known], default=0) + 1, -1, np.int64)
        for id, number in self.ids.items():
            self.numbers[id] = number
        tail = journal.unsealed(journal.pending().last) if self.ids else NOTHING
        self.tail = tail.take(np.isin(tail.series, list(self.ids)))

    def named(self, columns: Columns) -> Columns:
        return columns._replace(series=self.numbers[columns.series])

    def files(self, start: int, end: int) -> list[SealedFile]:
        """Those that may hold what arrived then."""
        return [
            file
            for file in (self.journal.files() if self.ids else ())
            if file.domain in self.domains and file.created_at >= start - AHEAD and file.min_time < end + AHEAD
        ]


def _bulk(store: ParquetReader, wanted: Sequence[Series], start: int, end: int) -> Iterator[Span]:
    places = {series: number for number, series in enumerate(wanted)}
    lanes = [_Lane(journal, places) for journal in store._journals]
    total = sum(store._retried(partial(_count, store, lane, start, end)) for lane in lanes)
    spans = max(1, -(-total // AT_ONCE))
    edges = [start + (end - start) * number // spans for number in range(spans + 1)]
    for number, (low, high) in enumerate(pairwise(edges), 1):
        parts = [store._retried(partial(_part, store, lane, low, high)) for lane in lanes]
        both = Columns.concat(parts)
        yield Span(both.take(np.argsort(both.received_at, kind="stable")), high, number / spans)


_WHERE = "series IN (SELECT unnest(?)) AND received_at >= make_timestamp_ms(?) AND received_at < make_timestamp_ms(?)"


def _count(store: ParquetReader, lane: _Lane, start: int, end: int) -> int:
    """As many as are named in one column only: quick, for it reads no values."""
    query = f"SELECT series, min(time) AS time, 0::BIGINT AS seq, min(received_at) AS received_at, count(*)::DOUBLE AS value, 0 AS quality FROM %s WHERE {_WHERE} GROUP BY series"  # noqa: E501
    counted = store._sealed._query(lane.files(start, end), query, [list(lane.ids), start, end])
    return lane.tail.rows + int(counted.value.sum())


def _part(store: ParquetReader, lane: _Lane, start: int, end: int) -> Columns:
    query = f"SELECT {_ROW} FROM %s WHERE {_WHERE} ORDER BY file_index"
    sealed = store._sealed._query(lane.files(start, end), query, [list(lane.ids), start, end])
    fresh = lane.tail.take((lane.tail.received_at >= start) & (lane.tail.received_at < end))
    return lane.named(_in_order(Columns.concat([sealed, fresh])))
