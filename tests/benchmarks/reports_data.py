"""A year of 15-minute readings of many meters, simulated straight into the store's form: month files and roll-ups.

Each meter has a level, an evening peak of its own and noise; its register counts whole watt-hours. Its timer has an offset of
its own, anywhere in the quarter hour, and wavers by some seconds, as meters' do; or it is read at :00, :15, :30 and :45 sharp.
Made once for a number of meters, and kept below ``build/``.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.progress import Progress

from hub.columns import Columns
from hub.journal_reader import SealedFile
from hub.model import Batch, Now, Reading, Series
from hub.ports import Floats, Ints, Retention
from hub.quantities import Vocabulary
from hub.stores.parquet import ParquetStore

ROOT = Path(__file__).resolve().parents[2]
IMPORT = "energy.active.import.total"
QUARTER, DAY = 900_000, 86_400_000
YEAR = 2025
_CHUNK = 1000  # meters in memory at once
_WAVERS = 2000  # ms, standard deviation


def ms(*date: int) -> int:
    return round(datetime(*date, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


NOW = ms(YEAR + 1, 3, 1)


def meter(number: int) -> Series:
    return Series(f"meter:{number:05}", IMPORT)


def periods() -> Iterator[tuple[str, int, int]]:
    """UTC months, with a few days on both sides for the site's own year."""
    yield f"{YEAR - 1}-12", ms(YEAR - 1, 12, 28), ms(YEAR, 1, 1)
    for month in range(1, 13):
        end = ms(YEAR + 1, 1, 1) if month == 12 else ms(YEAR, month + 1, 1)
        yield f"{YEAR}-{month:02}", ms(YEAR, month, 1), end
    yield f"{YEAR + 1}-01", ms(YEAR + 1, 1, 1), ms(YEAR + 1, 1, 5)


def consumed(meters: Ints, start: int, end: int) -> Floats:
    """Whole Wh of each meter and quarter hour, [meters, quarters]."""
    random = np.random.default_rng([int(meters[0]), start // DAY])
    time = np.arange(start, end, QUARTER)
    hour = (time // 3_600_000 + 8) % 24
    level = (20 + meters * 7919 % 60)[:, None]
    evening = np.exp(-(((hour[None, :] - (18 + meters[:, None] % 4)) / 2.5) ** 2))
    return np.rint(level * (0.4 + 3 * evening) * random.uniform(0.2, 1.8, (len(meters), len(time))))


def read_at(meters: Ints, start: int, end: int, sharp: bool) -> Ints:
    """[meters, quarters], ms."""
    quarters = np.arange(start, end, QUARTER)
    if sharp:
        return np.tile(quarters, (len(meters), 1))
    random = np.random.default_rng([int(meters[0]), start // DAY, 1])
    offset = (meters * 104_729 % (QUARTER - 10 * _WAVERS) + 5 * _WAVERS)[:, None]
    wavers = np.clip(random.normal(0, _WAVERS, (len(meters), len(quarters))), -5 * _WAVERS, 5 * _WAVERS)
    return quarters[None, :] + offset + wavers.astype(np.int64)


def make(count: int, bar: Progress, sharp: bool = False) -> Path:
    """The data directory, made if it is not there yet. ``sharp``: all meters are read at the quarter hour."""
    folder = ROOT / "build" / f"reports-{count}-{'sharp' if sharp else 'wavering'}"
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    store = ParquetStore(folder, Vocabulary(), Retention(), clock=lambda: NOW)
    journal = store._writers["rest"]
    first = Batch()
    for number in range(count):
        series = meter(number)
        first.readings.append(Reading(series.device, series.quantity, 0.0, ms(YEAR - 1, 12, 27)))
        first.received_at.append(ms(YEAR - 1, 12, 27))
    store.append("rest", first)
    store.maintain(Now(ms(YEAR - 1, 12, 27), 0), seal_all=True)
    ids = {name: id for id, name, _ in journal.reader.series()}
    numbers = np.array([ids[meter(number)] for number in range(count)])
    register = np.zeros(count)
    task = bar.add_task(f"{count} meters, a year", total=14 * count)
    for period, start, end in periods():
        pieces: list[SealedFile] = []
        for begin in range(0, count, _CHUNK):
            some = np.arange(begin, min(begin + _CHUNK, count))
            blank = SealedFile(begin + 1, "rest", "chunk", period, 0, 0, 0, 0, 0, 0)
            pieces.append(store._sealed.write(blank, columns(numbers[some], some, register, start, end, sharp)))
            bar.advance(task, len(some))
        [made] = store._write(journal, [("energy", period)], NOW, lambda file, of=pieces: joined(store, file, of))  # type: ignore[misc]
        journal.swap([made], [], NOW)
        for piece in pieces:
            store._sealed.remove(piece)
    task = bar.add_task("roll-ups", total=14)
    while len(list((folder / "rollup").rglob("*.parquet"))) < 14:
        store.maintain(Now(NOW, 0))
        bar.update(task, completed=len(list((folder / "rollup").rglob("*.parquet"))))
    store.close()
    (folder / "complete").touch()
    return folder


def joined(store: ParquetStore, file: SealedFile, pieces: list[SealedFile]) -> SealedFile:
    """The pieces stand in order of their series already."""
    names = ", ".join(f"'{store._sealed.root / piece.path}'" for piece in pieces)
    row = "series, time::TIMESTAMP_MS AS time, seq, received_at::TIMESTAMP_MS AS received_at, value, quality"
    return store._sealed._copy(file, f"SELECT {row} FROM read_parquet([{names}])", {})


def columns(series: Ints, meters: Ints, register: Floats, start: int, end: int, sharp: bool) -> Columns:
    """A month of some meters, in order; ``register`` goes on."""
    used = consumed(meters, start, end)
    shown = register[meters][:, None] + np.cumsum(used, axis=1)
    register[meters] = shown[:, -1]
    quarters = used.shape[1]
    time = read_at(meters, start, end, sharp).ravel()
    zero = np.zeros(len(time), np.int64)
    return Columns(np.repeat(series, quarters), time, zero, time + 400, shown.ravel() / 1000, zero)


def forget_cache(folder: Path) -> None:
    """The next read comes from the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)
