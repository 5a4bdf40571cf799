"""What other libraries cost where the hub does without them: µs a message decoded, and µs a line for a time-series server.

    python -m tests.benchmarks.libraries

msgspec beside pydantic: the load's JSON of six fields to a typed record. Our lines beside influxdb-client's points: a reading
with its three tags, its value and its arrival, to the same line but for the order of its tags.
"""

import timeit
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from influxdb_client.client.write.point import Point
from pydantic import BaseModel

from hub.columns import Columns
from hub.model import Series
from hub.stores.line_protocol import Lines, Named

MESSAGE = b'{"ts":1791169445.123456,"smoke":100,"power_w":1000.5,"temp_c":20.25,"humidity":40.5,"battery":90}'
ROWS = 1000
RUNS = 5
DEVICE, QUANTITY, AT = "bench:d00001", "power.active", 1_791_169_445_123


class Struct(msgspec.Struct, frozen=True):
    ts: float
    smoke: int
    power_w: float
    temp_c: float
    humidity: float
    battery: int


class Model(BaseModel):
    ts: float
    smoke: int
    power_w: float
    temp_c: float
    humidity: float
    battery: int


def _best(work: Callable[[], object], of: int = 1, number: int = 20_000) -> float:
    """µs for each of what one call does, the best of some rounds."""
    return min(timeit.repeat(work, number=number, repeat=RUNS)) / number / of * 1e6


_new: Any = Point  # its methods are not typed


def _point() -> str:
    point = _new("energy").tag("device", DEVICE).tag("quantity", QUANTITY).tag("channel", "-")
    line: str = point.field("value", 1000.5).field("received_at", AT).time(AT * 1_000_000).to_line_protocol()
    return line


def measure() -> dict[str, float]:
    decode = msgspec.json.Decoder(Struct).decode
    lines, names = Lines(None), [Named(Series(DEVICE, QUANTITY), "energy")]
    zero, at = np.full(ROWS, 0, np.int64), np.full(ROWS, AT, np.int64)
    columns = Columns(zero, at, zero, at, np.full(ROWS, 1000.5), zero)
    places = [0] * ROWS
    return {
        "msgspec": _best(lambda: decode(MESSAGE)),
        "pydantic": _best(lambda: Model.model_validate_json(MESSAGE)),
        "lines": _best(lambda: lines.of(columns, places, names), ROWS, 20),
        "points": _best(_point, number=5_000),
    }


def table(found: dict[str, float]) -> str:
    return "\n".join(
        f"{what}: {ours} {found[ours]:.2f} µs, {theirs} {found[theirs]:.2f} µs, {found[theirs] / found[ours]:.1f} times"
        for what, ours, theirs in (("a message decoded", "msgspec", "pydantic"), ("a reading as a line", "lines", "points"))
    )


if __name__ == "__main__":
    print(table(measure()))
