"""Stored readings as JSON, made where the store is: in the other process. Ten thousand rows would hold up the hub's loop.

Nothing here knows the web server, so that the other process need not load it.
"""

import gzip
import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from hub.model import Series, quality_names
from hub.moments import iso
from hub.ports import Buckets, Rows, Store

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999  # what a calendar holds: years 1 to 9999
_encode = msgspec.json.Encoder().encode


class Row(Struct):
    time: str | None
    value: float | None
    seq: int
    received_at: str | None
    quality: Sequence[str]


class Span(Struct):
    time: str | None
    min: float | None
    max: float | None
    mean: float | None
    first: float | None
    last: float | None
    count: int


class Table(Struct):
    items: Sequence[Row] | Sequence[Span]
    next_cursor: str | None = None
    total: int | None = None


def rows_page(store: Store, series: Series, start: int, end: int, limit: int, packed: bool) -> bytes:
    return rows_json(store.rows(series, start, end), limit, packed)


def buckets_page(store: Store, series: Series, start: int, end: int, every: int, packed: bool) -> bytes:
    return buckets_json(store.buckets(series, start, end, every), packed)


def rows_json(rows: Rows, limit: int, packed: bool) -> bytes:
    """At most ``limit`` rows, not cutting a time in two: the cursor is the first time that is left. ``packed``: with gzip."""
    size = len(rows.time)
    cut = min(limit, size)
    if cut < size:
        last = rows.time[cut]
        while cut > 1 and rows.time[cut - 1] == last:
            cut -= 1
        if rows.time[cut - 1] == last:  # one time fills it all
            while cut < size and rows.time[cut] == last:
                cut += 1
    columns = (rows.time, rows.value, rows.seq, rows.received_at, rows.quality)
    items = [
        Row(_iso(time), _finite(value), seq, _iso(received_at), quality_names(quality) if quality else ())
        for time, value, seq, received_at, quality in zip(*(column[:cut].tolist() for column in columns), strict=True)
    ]
    return _pack(Table(items, str(rows.time[cut]) if cut < size else None), packed)


def buckets_json(found: Buckets, packed: bool) -> bytes:
    low, high, mean, first, last = (
        [_finite(value) for value in column.tolist()]
        for column in (found.minimum, found.maximum, found.mean, found.first, found.last)
    )
    times = [_iso(at) for at in found.start.tolist()]
    columns = (times, low, high, mean, first, last, found.count.tolist())
    items = [Span(*values) for values in zip(*columns, strict=True)]
    return _pack(Table(items, None, len(items)), packed)


def _pack(table: Table, packed: bool) -> bytes:
    data = _encode(table)
    return gzip.compress(data, 4) if packed else data


def _iso(ms: int) -> str | None:
    return iso(min(max(ms, _FIRST), _LAST))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
