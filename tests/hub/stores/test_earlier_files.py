"""Files that an earlier version sealed, with the time of arrival in place of the delay, are read and merged as ever."""

from pathlib import Path

import numpy as np

from hub.columns import Columns
from hub.journal_reader import SealedFile
from hub.stores.sealed import SealedFiles

T0 = 1_772_409_600_000  # 2026-03-02 00:00 UTC
EARLIER = "series::INTEGER AS series, time::TIMESTAMP_MS AS time, seq, received_at::TIMESTAMP_MS AS received_at, value, quality::INTEGER AS quality"  # noqa: E501
EVER = (-(2**62), 2**62)


def columns(*rows: tuple[int, int, int, float]) -> Columns:
    """Of series, time, arrival and value."""
    series, time, arrival = (np.array([row[number] for row in rows], np.int64) for number in range(3))
    none = np.zeros(len(rows), np.int64)
    return Columns(series, time, none, arrival, np.array([row[3] for row in rows]), none)


def file(id: int, period: str = "2026-03-02") -> SealedFile:
    return SealedFile(id, "rest", "energy", period, 0, 0, 0, 0, 0, 0)


def told(found: Columns) -> list[tuple[int, int, float]]:
    return sorted(zip(found.time.tolist(), found.received_at.tolist(), found.value.tolist(), strict=True))


def test_earlier_and_later_files_answer_together_and_merge(tmp_path: Path) -> None:
    files = SealedFiles(tmp_path)
    before = columns((1, T0, T0 + 40, 1.0), (1, T0 + 10, T0 + 9, 2.0), (2, T0, T0 + 1, 9.0))
    times = {"time": before.time.view("datetime64[ms]"), "received_at": before.received_at.view("datetime64[ms]")}
    old = files._copy(file(1), f"SELECT {EARLIER} FROM data", before._asdict() | times)
    long_ago = -30_000_000_000_000  # a clock in the year 1019: nine centuries on its way
    new = files.write(file(2), columns((1, long_ago, T0 + 70, 4.0), (1, T0, T0 + 50, 1.5), (1, T0 + 20, T0 + 60, 3.0)))
    expected = [(long_ago, T0 + 70, 4.0), (T0, T0 + 40, 1.0), (T0 + 10, T0 + 9, 2.0), (T0 + 20, T0 + 60, 3.0)]
    assert told(files.rows([old], 1, *EVER)) == expected[1:3]
    assert told(files.rows([old, new], 1, *EVER).first_wins()) == expected
    merged = files.merge(file(3), [old, new])
    assert merged.rows == 5
    assert told(files.rows([merged], 1, *EVER)) == expected
    assert told(files.rows([merged], 2, *EVER)) == [(T0, T0 + 1, 9.0)]
    files.close()
