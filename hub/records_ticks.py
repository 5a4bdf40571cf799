"""What the engine's clock brought about, in the records: with it a replay repeats the past exactly as it was.

A row for each tick at which a timer was due or a device was found silent. The newest million are kept.
"""

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Integer, LargeBinary, Table, select, text

from hub.records import RecordsReader, Work, metadata

ticks = Table(
    "ticks",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ticks_by_time", "at"),
)

KEPT = 1_000_000
_INSERT = "INSERT INTO ticks (at, body) VALUES (?, ?)"
_FORGET = f"DELETE FROM ticks WHERE seq <= (SELECT max(seq) FROM ticks) - {KEPT}"


class Tick(Struct, frozen=True):
    """``at``: when, wall clock in ms; ``after``: the arrival of the newest message judged before it, ms; ``silent``: the devices
    it found silent."""

    at: int
    after: int
    silent: tuple[str, ...] = ()


_pack = msgspec.msgpack.Encoder().encode
_tick = msgspec.msgpack.Decoder(Tick).decode


def put_tick(work: Work, tick: Tick) -> None:
    work.more.setdefault(_INSERT, []).append((tick.at, _pack(tick)))
    work.more.setdefault(_FORGET, [()])


def read_ticks(reader: RecordsReader, start: int, end: int) -> list[Tick]:
    """Those of ``start <= at < end``, in the order in which they were; none where no hub has logged any yet."""
    if not reader.rows(text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ticks'")):
        return []
    query = select(ticks.c.body).where(ticks.c.at >= start, ticks.c.at < end).order_by(ticks.c.seq)
    return [_tick(row["body"]) for row in reader.rows(query)]
