"""What a reading costs from its batch to the month's file and roll-up: CPU seconds a million, a stage at a time."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from hub.model import Batch, Now, Reading
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.stores.parquet import ParquetStore
from tests.benchmarks.reports_data import DAY, QUARTER, YEAR, consumed, meter, ms, read_at

METERS, DAYS = 10_000, 4
_HOUR = 3_600_000
_BATCH = 5000


class Measured(ParquetStore):
    """Adds up the CPU of each stage."""

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        raise NotImplementedError

    def stages(self, now: int, spent: dict[str, float], seal: bool) -> None:
        journal = self._writers["rest"]
        stages: list[tuple[str, Callable[[], object]]] = [
            ("fold", partial(journal.fold)),
            ("seal", partial(self._seal, journal, now, seal)),
            ("compaction", partial(self._compact, journal, now)),
            ("roll-up", partial(self._roll_up, journal, now)),
            ("forget", partial(self._forget, journal, now)),
        ]
        for name, stage in stages:
            began = time.process_time()
            stage()
            spent[name] += time.process_time() - began


def life(bar: Progress, sharp: bool = False) -> dict[str, float]:
    """By stage, CPU-s a million readings: meters that report every quarter of an hour for a month."""
    start = ms(YEAR, 7, 1)
    shown = np.cumsum(consumed(np.arange(METERS), start, start + DAYS * DAY), axis=1) / 1000
    moments = read_at(np.arange(METERS), start, start + DAYS * DAY, sharp)
    spent: dict[str, float] = defaultdict(float)
    task = bar.add_task("a reading's life", total=DAYS)
    with tempfile.TemporaryDirectory() as folder:
        now = start
        store = Measured(Path(folder), Vocabulary(), Retention(), clock=lambda: now)
        batch = Batch()
        for quarter in range(shown.shape[1]):
            now, read = start + (quarter + 1) * QUARTER, moments[:, quarter]
            for number in range(METERS):
                series = meter(number)
                batch.readings.append(Reading(series.device, series.quantity, float(shown[number, quarter]), int(read[number])))
                batch.received_at.append(now)
            if len(batch.readings) >= _BATCH or now % _HOUR == 0:
                began = time.process_time()
                store.append("rest", batch)
                spent["journal"] += time.process_time() - began
                batch = Batch()
            if now % _HOUR == 0:
                store.stages(now, spent, seal=True)
            if now % DAY == 0:
                bar.advance(task)
        store.append("rest", batch)
        for later in (1, 3, 4):
            store.stages(now + later * DAY, spent, seal=True)
        store.close()
    return {name: cpu / shown.size * 1e6 for name, cpu in spent.items()}
