"""Upkeep beside the watch, each in a thread of its own: the store's sealing, compaction and retention, and the records' log."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hub.files import DiskFull
from hub.model import Now
from hub.ports import Store
from hub.records import Records
from hub.reserve import Reserve
from hub.stores.sealed import SealFailed

EVERY = 10.0
COPY_EVERY = 1.0
"""Seconds between two looks at the records' log."""

log = logging.getLogger("gengfu.upkeep")


class Upkeep:
    """``failures`` counts rounds that failed; nothing is lost by one, the next tries again. ``counts``: what lies in the store,
    after the last round, by the names of ``JournalReader.counts``; a server's counts are its own."""

    def __init__(self, store: Store, records: Records, reserve: Reserve, clock: Callable[[], Now]) -> None:
        self.failures = 0
        self.counts: dict[str, int] = {}
        self._store = store
        self._records = records
        self._reserve = reserve
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, "sealer")
        self._copier = ThreadPoolExecutor(1, "records-log")

    async def run(self) -> None:
        """Until cancelled. What the journal cannot be relied on for any more ends it: JournalFailed."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._pool, self._round)
            except (SealFailed, DiskFull) as problem:
                self.failures += 1
                log.warning("the store's upkeep failed: %s", problem)
            self.counts = await loop.run_in_executor(self._pool, self._counted)
            await asyncio.sleep(EVERY)

    async def copy_log(self) -> None:
        """Until cancelled. Raises RecordsFailed: what a failed sync has left in the file is not known."""
        while True:
            await asyncio.get_running_loop().run_in_executor(self._copier, self._records.checkpoint)
            await asyncio.sleep(COPY_EVERY)

    def close(self) -> None:
        self._pool.shutdown()
        self._copier.shutdown()

    def _counted(self) -> dict[str, int]:
        counts: Callable[[], dict[str, int]] | None = getattr(self._store, "counts", None)
        return counts() if counts is not None else {}

    def _round(self) -> None:
        if not self._reserve.held and not self._reserve.roomy():
            return  # sealing needs room before it makes some, and alerts need what is left
        self._store.maintain(self._clock())
