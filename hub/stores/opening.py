"""The configured store, opened: for the hub that writes, and for other processes that read beside it."""

from pathlib import Path
from typing import Any

from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.stores.influxdb import InfluxReader, InfluxStore
from hub.stores.memory import MemoryStore
from hub.stores.parquet import ParquetStore
from hub.stores.parquet_reader import ParquetReader

AnyStore = ParquetStore | InfluxStore | MemoryStore
AnyReader = ParquetReader | InfluxReader


def open_store(
    kind: str, settings: Any, directory: Path, vocabulary: Vocabulary, retention: Retention, bucket: int = 60
) -> AnyStore:
    """``bucket``: minutes of a roll-up's. Raises JournalUnusable."""
    if kind == MemoryStore.kind:
        return MemoryStore(vocabulary, retention)
    if kind == InfluxStore.kind:
        return InfluxStore(directory, vocabulary, retention, settings)
    return ParquetStore(directory, vocabulary, retention, settings, bucket=bucket)


def open_reader(directory: Path, kind: str = ParquetStore.kind, settings: Any = None) -> AnyReader:
    """For reading while a hub writes. Raises JournalUnusable."""
    if kind == InfluxStore.kind:
        return InfluxStore.open_reader(directory, settings)
    return ParquetStore.open_reader(directory)
