"""How long a replay takes: 30 days of 1,000 devices at 5-minute intervals, sealed by the store itself.

    python -m tests.benchmarks.replay [--days 30] [--devices 1000]

8.64 million temperatures that go up and down with the day; a rule with a time to hold beside the one it would replace. Each
day is appended and sealed as in a running hub; half of the month is then one file a day, as compaction leaves it.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from hub.calendar import Calendar
from hub.model import Batch, Device, Now, Reading
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.replay.question import Question, replay
from hub.stores.parquet import ParquetStore

DAY = 86_400_000
EVERY = 300_000
START = 1_790_000_000_000 // DAY * DAY
AIM = 60.0
RULE = {"id": "warm", "kind": "above", "quantity": "air.temperature", "threshold": 29.0, "clear": 28.0, "hold_for": "15min"}


def fill(folder: Path, days: int, devices: int) -> None:
    """Devices report at their own second of the five minutes; their clocks are right."""
    random = Random(1)
    wall = START
    store = ParquetStore(folder, Vocabulary(), Retention(), clock=lambda: wall)
    offsets = [random.randrange(EVERY) for _ in range(devices)]
    warmth = [random.uniform(-3, 3) for _ in range(devices)]
    order = sorted(range(devices), key=offsets.__getitem__)
    for day in range(days):
        for slot in range(DAY // EVERY):
            begin = START + day * DAY + slot * EVERY
            batch = Batch()
            cycle = 20 + 8 * math.sin(slot / (DAY // EVERY) * 2 * math.pi)
            for number in order:
                at = begin + offsets[number]
                batch.readings.append(
                    Reading(f"zigbee:{number:06}", "air.temperature", round(cycle + warmth[number] + random.gauss(0, 0.3), 2), at)
                )
                batch.received_at.append(at + 40)
            wall = begin + EVERY
            store.append("rest", batch)
        store.maintain(Now(wall, wall / 1000), seal_all=True)
    store.close()


def measure(days: int = 30, devices: int = 1000) -> dict[str, Any]:
    """Seconds and what was found, with one rule and with the one it replaces."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fill(Path(folder), days, devices)
        filled = time.perf_counter() - began
        store = ParquetStore.open_reader(Path(folder))
        known = tuple(Device(f"zigbee:{number:06}", accepted=True) for number in range(devices))
        question = Question(RULE, START, START + days * DAY, known, (), Vocabulary(), Calendar())
        against = Question(
            RULE, START, START + days * DAY, known, (), Vocabulary(), Calendar(), RULE | {"hold_for": "0s", "threshold": 28.5}
        )
        found = {"one rule": replay(store, question), "beside another": replay(store, against)}
        store.close()
    keep = ("readings", "took")
    told: dict[str, Any] = {
        name: {key: one[key] for key in keep} | {"fired": one["rule"]["fired"]} for name, one in found.items()
    }
    return told | {"filled": round(filled, 1)}


def table(found: dict[str, Any]) -> str:
    lines = [f"{'':16} {'readings':>10} {'seconds':>8} {'µs each':>8} {'fired':>8}"]
    for name in ("one rule", "beside another"):
        one = found[name]
        each = one["took"] / max(1, one["readings"]) * 1e6
        lines.append(f"{name:16} {one['readings']:10,} {one['took']:8.1f} {each:8.2f} {one['fired']:8,}   aim: {AIM:g} s")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replay")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--devices", type=int, default=1000)
    options = parser.parse_args()
    print(table(measure(options.days, options.devices)))
