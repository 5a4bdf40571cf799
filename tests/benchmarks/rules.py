"""What judging costs: µs per reading and matching rule, for each kind, with 100 and with 10,000 rules.

    python -m tests.benchmarks.rules

Every device has one rule that matches its one series; the readings are quiet, as nearly all are. "no rule" is the same walk
with a quantity that no rule sees: what the engine itself costs.
"""

import gc
import statistics
import time
from typing import Any

from hub.directory import Places
from hub.model import Now, Reading
from hub.quantities import Quantity, Vocabulary
from rules import build
from rules.engine import Engine

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
ROUNDS = 5
AIM = 1.5


def cost(kind: str, rules: int, quantity: str = "bench.level") -> float:
    """µs of CPU per reading, the median of some rounds. Devices report every 10 s of a clock that we turn."""
    made = [
        build(kind.partition(",")[0], {"id": f"r{n}", "quantity": "bench.*", "device": f"bench:{n}", **KINDS[kind]})
        for n in range(rules)
    ]
    engine = Engine(made, Places(), VOCABULARY)
    times = []
    at, monotonic = 1_790_000_000_000, 1000.0
    for _ in range(ROUNDS + 1):
        readings = []
        for n in range(READINGS):
            if n % rules == 0:
                at += 10_000
                monotonic += 10.0
                now = Now(at, monotonic)
            readings.append((Reading(f"bench:{n % rules}", quantity, 10.0 + n % 3, at), now))
        step = engine.step
        began = time.thread_time()
        for reading, now in readings:
            step(reading, now.wall, now)
        times.append((time.thread_time() - began) / READINGS * 1e6)
        engine.tick(now)
    return statistics.median(times[1:])


def measure() -> dict[str, tuple[float, float]]:
    """µs per reading by kind, with 100 and with 10,000 rules; "no rule" comes first."""
    gc.disable()
    try:
        found = {"no rule": (cost("above", 100, "air.co2"), cost("above", 10_000, "air.co2"))}
        found |= {kind: (cost(kind, 100), cost(kind, 10_000)) for kind in KINDS}
    finally:
        gc.enable()
    return found


def table(found: dict[str, tuple[float, float]]) -> str:
    lines = [f"{'kind':18} {'100 rules':>12} {'10,000 rules':>14}   µs per reading and matching rule"]
    lines += [f"{kind:18} {few:12.2f} {many:14.2f}" for kind, (few, many) in found.items()]
    few, many = (statistics.median(found[kind][i] for kind in KINDS) for i in (0, 1))
    return "\n".join([*lines, f"{'median':18} {few:12.2f} {many:14.2f}   aim: {AIM}"])


if __name__ == "__main__":
    print(table(measure()))
