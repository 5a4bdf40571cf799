"""What judging costs: µs per reading and matching rule, for each kind, with 100 and with 10,000 rules.

    python -m tests.benchmarks.rules

Every device has one rule that matches its one series; the readings are quiet, as nearly all are. "no rule" is the same walk
with a quantity that no rule sees: what the engine itself costs. A series is found as the pipeline finds it, by its slot, and
every window is full before the measuring begins. Beside it what the processor counts of a reading, where it lets us:
instructions, and cache lines that were not in the core's own caches.
"""

import contextlib
import gc
import statistics
import time
from typing import Any, NamedTuple

from hub.directory import Places
from hub.model import Now, Reading
from hub.quantities import Quantity, Vocabulary
from rules import build
from rules.engine import Engine
from tests.benchmarks.counted import Counter, Counts

VOCABULARY = Vocabulary([Quantity("bench.level", "1", "gauge", 0, 1e6, "device", "level", "水平")])
KINDS: dict[str, dict[str, Any]] = {
    "above": {"threshold": 500},
    "below": {"threshold": 1},
    "state": {"is": 7},
    "above, with hours": {"threshold": 500, "during": {"hours": "22:00-06:00"}},
    "flagged": {"flags": ["out_of_range"]},
    "rate": {"threshold": 1e5, "per": "1min"},
    "silent": {},
    "stuck": {"same_for": "1h"},
    "count": {"above": 500, "times": 3},
    "window": {"of": "mean", "over": "5min", "threshold": 500},
    "budget": {"threshold": 1e9},
    "together": {"quantity": "", "each": "device", "all": [{"kind": "above", "quantity": "bench.*", "threshold": 500}]},
}
READINGS = 100_000
BEFORE = 40
"""Readings of each rule before the measuring begins: more than a window holds."""
ROUNDS = 5
AIM = 1.5


class Slot:
    """What the intake keeps of a series, as far as the engine knows it."""

    __slots__ = ("series",)

    def __init__(self) -> None:
        self.series: Any = None


class Cost(NamedTuple):
    """Of a reading. The counts are 0 where the processor does not let us count."""

    us: float
    instructions: float
    misses: float


def cost(kind: str, rules: int, quantity: str = "bench.level") -> Cost:
    """The median of some rounds, CPU time. Devices report every 10 s of a clock that we turn."""
    made = [
        build(kind.partition(",")[0], {"id": f"r{n}", "quantity": "bench.*", "device": f"bench:{n}", **KINDS[kind]})
        for n in range(rules)
    ]
    engine = Engine(made, Places(), VOCABULARY)
    slots = [Slot() for _ in made]
    counter = None
    with contextlib.suppress(OSError):
        counter = Counter()
    nothing = Counts(0, 0)
    costs = []
    at, monotonic = 1_790_000_000_000, 1000.0
    before = -(-BEFORE * rules // READINGS)
    for _ in range(before + ROUNDS):
        readings = []
        for n in range(READINGS):
            if n % rules == 0:
                at += 10_000
                monotonic += 10.0
                now = Now(at, monotonic)
            readings.append((Reading(f"bench:{n % rules}", quantity, 10.0 + n % 3, at), now, slots[n % rules]))
        step = engine.step
        counted = counter.read() if counter else nothing
        began = time.thread_time()
        for reading, now, slot in readings:
            step(reading, now.wall, now, slot=slot)
        took = time.thread_time() - began
        ended = counter.read() if counter else nothing
        costs.append(
            Cost(
                took / READINGS * 1e6,
                (ended.instructions - counted.instructions) / READINGS,
                (ended.misses - counted.misses) / READINGS,
            )
        )
        engine.tick(now)
    if counter:
        counter.close()
    return Cost(*map(statistics.median, zip(*costs[before:], strict=True)))


def measure() -> dict[str, tuple[Cost, Cost]]:
    """What a reading costs by kind, with 100 and with 10,000 rules; "no rule" comes first."""
    gc.disable()
    try:
        found = {"no rule": (cost("above", 100, "air.co2"), cost("above", 10_000, "air.co2"))}
        found |= {kind: (cost(kind, 100), cost(kind, 10_000)) for kind in KINDS}
    finally:
        gc.enable()
    return found


def table(found: dict[str, tuple[Cost, Cost]]) -> str:
    lines = [
        f"{'':18} {'µs per reading and matching rule':^32} {'instructions':^16} {'lines waited for':^16}",
        f"{'kind':18} {'100 rules':>16}{'10,000 rules':>16} {'100':>8}{'10,000':>8} {'100':>8}{'10,000':>8}",
    ]
    for kind, (few, many) in found.items():
        counts = f"{few.instructions:8,.0f}{many.instructions:8,.0f} {few.misses:8.1f}{many.misses:8.1f}"
        lines.append(f"{kind:18} {few.us:16.2f}{many.us:16.2f} {counts}")
    few_us, many_us = (statistics.median(found[kind][i].us for kind in KINDS) for i in (0, 1))
    return "\n".join([*lines, f"{'median':18} {few_us:16.2f}{many_us:16.2f}   aim: {AIM}"])


if __name__ == "__main__":
    print(table(measure()))
