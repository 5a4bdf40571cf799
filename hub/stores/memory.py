"""A store that forgets when it is closed: for tests and replays."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import ClassVar

import numpy as np
from msgspec.structs import replace

from hub import ports
from hub.journal import wall_ms
from hub.journal_reader import DEAD_LETTERS, DEAD_LETTERS_PER_SENDER
from hub.model import Batch, DeadLetter, Lane, Now, Reading, Series
from hub.ports import Buckets, Retention, Rows
from hub.quantities import Vocabulary
from hub.stores.thin import thin

_Kept = dict[tuple[int, int], tuple[Reading, int]]  # (time, seq) -> the reading that arrived first, and its arrival


class MemoryStore:
    """Keeps readings in memory only: nothing survives a restart, and nothing is sealed. For tests and replays.

    Example:

        [store]
        kind = "memory"
    """

    kind: ClassVar[str] = "memory"

    class Settings(ports.Settings):
        pass

    def __init__(self, vocabulary: Vocabulary, retention: Retention, clock: Callable[[], int] = wall_ms) -> None:
        self._vocabulary = vocabulary
        self._retention = retention
        self._clock = clock
        self._lock = threading.Lock()
        self._series: defaultdict[Series, _Kept] = defaultdict(dict)
        self._digests: list[tuple[int, int]] = []
        self._letters: list[DeadLetter] = []
        self._last_letter = 0
        self._dropped = 0

    def append(self, lane: Lane, batch: Batch) -> None:
        now = self._clock()
        with self._lock:
            for reading, arrival in zip(batch.readings, batch.received_at, strict=True):
                if reading.time is None:
                    raise ValueError("every reading of a batch needs its time; intake sets it")
                kept = self._series[Series(reading.device, reading.quantity, reading.channel)]
                kept.setdefault((reading.time, reading.seq), (replace(reading, network_time=None), arrival))
            self._digests += [(now, mark) for mark in batch.digests]
            for letter in batch.dead_letters:
                self._last_letter += 1
                self._letters.append(replace(letter, id=self._last_letter, lane=lane))
            if batch.dead_letters:
                self._bound_letters()

    def _bound_letters(self) -> None:
        seen: Counter[str] = Counter()
        kept: list[DeadLetter] = []
        for letter in reversed(self._letters):
            sender = letter.device or letter.topic
            seen[sender] += 1
            if seen[sender] <= DEAD_LETTERS_PER_SENDER and len(kept) < DEAD_LETTERS:
                kept.append(letter)
        self._dropped += len(self._letters) - len(kept)
        self._letters = kept[::-1]

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]:
        with self._lock:
            return sorted(
                name for name in self._series if fnmatchcase(name.device, device) and fnmatchcase(name.quantity, quantity)
            )

    def rows(self, series: Series, start: int, end: int) -> Rows:
        with self._lock:
            found = sorted((at, kept) for at, kept in self._series.get(series, {}).items() if start <= at[0] < end)
        return Rows(
            series=series,
            time=np.array([at[0] for at, _ in found], np.int64),
            seq=np.array([at[1] for at, _ in found], np.int64),
            received_at=np.array([arrival for _, (_, arrival) in found], np.int64),
            value=np.array([reading.value for _, (reading, _) in found], np.float64),
            quality=np.array([reading.quality for _, (reading, _) in found], np.int64),
        )

    def buckets(self, series: Series, start: int, end: int, every: int) -> Buckets:
        return thin(self.rows(series, start, end), start, every)

    def before(self, series: Series, time: int) -> Reading | None:
        with self._lock:
            kept = self._series.get(series, {})
            newest = max((at for at in kept if at[0] < time), default=None)
            return kept[newest][0] if newest else None

    def latest(self) -> list[tuple[Reading, int]]:
        with self._lock:
            return [kept[max(kept)] for _, kept in sorted(self._series.items()) if kept]

    def digests(self, since: int) -> list[int]:
        with self._lock:
            return [mark for at, mark in self._digests if at >= since]

    def dead_letters(self, limit: int = 100, before: int | None = None, device: str = "") -> list[DeadLetter]:
        with self._lock:
            found = [
                letter
                for letter in reversed(self._letters)
                if (before is None or letter.id < before) and (not device or letter.device == device)
            ]
        return found[:limit]

    def dead_letter(self, id: int) -> DeadLetter | None:
        return next((letter for letter in self.dead_letters(DEAD_LETTERS) if letter.id == id), None)

    def counts(self) -> dict[str, int]:
        """As the Parquet store's, where they mean something here."""
        with self._lock:
            readings = sum(len(kept) for kept in self._series.values())
            return {"unsealed_readings": readings, "dead_letters": len(self._letters), "dead_letters_dropped": self._dropped}

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        """Forgets what is past its retention, reading by reading."""
        with self._lock:
            self._digests = [(at, mark) for at, mark in self._digests if at >= now.wall - 3_600_000]
            for series, kept in self._series.items():
                keep = getattr(self._retention, self._vocabulary.domain(series.quantity))
                if keep is not None:
                    for at in [at for at in kept if at[0] < now.wall - keep]:
                        del kept[at]

    def close(self) -> None:
        with self._lock:
            self._series.clear()
