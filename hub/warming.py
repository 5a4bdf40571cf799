"""What the rules judged after their last snapshot, given back to those that remember more than the newest reading.

Rules are saved every few seconds, readings at once: after a kill -9 the store has some that no saved window holds. They are
only remembered, not judged again; the alerts that came of them are committed already."""

from hub.model import Reading, Series
from hub.ports import Store
from hub.stores.arrivals import AHEAD, arrivals
from hub.stores.parquet_reader import ParquetReader
from rules.engine import Engine


def warm(engine: Engine, store: Store, snapshot: int | None, now: int) -> int:
    """After ``Engine.expect``; how many readings there were. ``snapshot``: when the rules were saved, ms, None for never."""
    wanted = [Series(*key) for key in engine.remembering()]
    if snapshot is None or not wanted or not isinstance(store, ParquetReader):
        return 0  # another store would have to be asked for each series
    count = 0
    for span in arrivals(store, wanted, snapshot, now + AHEAD):
        told = span.columns
        columns = (told.series, told.time, told.seq, told.value, told.quality)
        for number, time, seq, value, quality in zip(*(column.tolist() for column in columns), strict=True):
            device, quantity, channel = wanted[number].device, wanted[number].quantity, wanted[number].channel
            engine.warm(Reading(device, quantity, value, time, channel, seq, quality))
            count += 1
    return count
