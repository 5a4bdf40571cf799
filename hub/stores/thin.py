"""Thins readings for a chart: one row for every bucket that has readings, with its peaks."""

import numpy as np

from hub.ports import Buckets, Rows


def thin(rows: Rows, start: int, every: int) -> Buckets:
    """Buckets of ``every`` ms counted from ``start``; raises ValueError when that is not at least 1."""
    if every < 1:
        raise ValueError("a bucket lasts at least 1 ms")
    number = (rows.time - start) // every
    first = np.flatnonzero(np.diff(number, prepend=number[0] - 1)) if len(number) else np.empty(0, np.int64)
    count = np.diff(first, append=len(number))
    if not len(first):
        none = np.empty(0, np.float64)
        return Buckets(rows.series, np.empty(0, np.int64), none, none, none, none, none, count)
    return Buckets(
        series=rows.series,
        start=start + number[first] * every,
        minimum=np.minimum.reduceat(rows.value, first),
        maximum=np.maximum.reduceat(rows.value, first),
        mean=np.add.reduceat(rows.value, first) / count,
        first=rows.value[first],
        last=rows.value[first + count - 1],
        count=count,
    )
