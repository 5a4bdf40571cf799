"""How the cost of a message grows with the site: 100 to 50,000 devices, and 100 to 10,000 rules.

    python -m tests.benchmarks.growth [--messages 100000] [--runs 3]

The hub as shipped, QoS 1, as fast as the broker takes it; CPU of all its processes. Devices send five values each, so 50,000
devices are 250,000 series; they stand in the configuration (of strangers the hub remembers no more than 100,000 series at a
time), and every one has sent before the measuring begins. Each message is judged by one of the rules (and
the default ones) however many there are: 100 rules cover a hundred devices each, 10,000 rules one device each.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.first_watch import FLAT_ALERT_EVERY, Bench
from tests.benchmarks.subjects import Witness, compile_c, subject, wait_for
from tests.support.brokers import start_mosquitto

DEVICES = (100, 5_000, 50_000)
RULES = (100, 10_000)
RULED_DEVICES = 5_000

RULE = """
[[rule]]
id = "level-{number}"
kind = "above"
quantity = "bench.level"
device = "bench:d{devices}"
threshold = 1000
"""


def rules(count: int) -> str:
    """So many rules for devices d00000 to d09999, each device with one of them."""
    if count == 100:
        return "".join(RULE.format(number=number, devices=f"0{number:02d}??") for number in range(100))
    return "".join(RULE.format(number=number, devices=f"{number:05d}") for number in range(count))


def announced(devices: int) -> str:
    return "".join(f'\n[[device]]\nid = "bench:d{number:05d}"\n' for number in range(devices))


def cost(devices: int, more: str, messages: int, runs: int) -> float:
    """CPU-s per 100,000 messages, the median of the runs."""
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        for program, *libraries in (("load",), ("watch", "mosquitto")):
            compile_c(program, folder, *libraries)
        with (
            start_mosquitto(folder, persistence=False, max_inflight=500, max_queued=0) as broker,
            Witness(folder / "watch", broker, folder / "seen") as witness,
            subject("hub", broker, 1, folder, folder / "hub", more=more) as hub,
        ):
            bench = Bench(folder, broker, witness, folder, devices)
            wait_for("the hub to be ready", hub.ready, 120)
            spent = []
            for _ in range(runs):
                bench.quiet(1)
                time.sleep(2)
                spent.append(bench.run(hub, 1, messages, 0, FLAT_ALERT_EVERY)["cpu_s_per_100k"])
    return statistics.median(spent)


def measure(messages: int = 100_000, runs: int = 3) -> dict[str, Any]:
    return {
        "devices": {count: cost(count, announced(count), messages, runs) for count in DEVICES},
        "rules": {count: cost(RULED_DEVICES, announced(RULED_DEVICES) + rules(count), messages, runs) for count in RULES},
    }


def table(found: dict[str, Any]) -> str:
    lines = [f"{'growth':15}{'CPU-s/100k':>12}{'of the first':>14}"]
    for what, costs in found.items():
        first = next(iter(costs.values()))
        lines += [f"{int(count):>7,} {what:7}{spent:>12.2f}{spent / first:>14.2f}" for count, spent in costs.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description="How the cost of a message grows.")
    parser.add_argument("--messages", type=int, default=100_000, help="a run")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown")
    options = parser.parse_args(arguments)
    print(table(measure(options.messages, options.runs)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
