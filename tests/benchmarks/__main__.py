"""``python -m tests.benchmarks``, which ``make bench`` calls: every benchmark in one go, and one file with all figures.

    python -m tests.benchmarks [--json FILE] [--quick] [--only first_watch,batches,…]

first_watch   the C echo, the plain Python script, Node-RED with and without InfluxDB and the hub under the same load
batches       100 readings a message
killed        what kill -9 costs
growth        the cost of a message with 100 to 50,000 devices and 100 to 10,000 rules
sealing       bytes and CPU of a reading at rest
rules         µs per reading and rule
adapters      µs per message of each adapter
replay        a month of 1,000 devices through a rule
libraries     msgspec beside pydantic, our lines beside influxdb-client's points

Then come the aims beside what was found, and a line about the machine: a figure means little without its fsync and the CPU
that others took. The whole takes about 35 minutes.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import adapters, aims, batches, first_watch, growth, killed, libraries, replay, rules, sealing, surroundings
from tests.benchmarks.subjects import HERE, Failed

SOAK = Path(__file__).parents[2] / "build" / "soak.out.json"


def _first_watch(quick: bool, told: dict[str, Any], file: Path) -> bool:
    """QoS 0 for all; QoS 1, where the C client is what counts, without the peers."""
    short = ["--messages", "20000", "--runs", "1", "--steps", "2"] if quick else []
    failed = False
    told["results"] = []
    for given in (["--qos", "0", "--rates", "1000,5000,10000,25000"], ["--qos", "1", "--only", "echo,plain,hub"]):
        failed = bool(first_watch.main([*(given[:2] if quick else given), *short, "--json", str(file)])) or failed
        told["results"] += json.loads(file.read_text())["results"]
    return failed


def _memory() -> dict[str, float] | None:
    """Of the last soak: the most, and how much more the last quarter needed than the second, in MB of all its processes."""
    rows = json.loads(SOAK.read_text())["rows"] if SOAK.exists() else []
    for sizes in (row["figures"]["pss_mb"] for row in rows if "pss_mb" in row["figures"]):
        quarter = len(sizes) // 4
        early, late = (statistics.median(sizes[one * quarter : (one + 1) * quarter] or sizes) for one in (1, 3))
        return {"peak_mb": max(sizes), "growth_mb": late - early}
    return None


PARTS: dict[str, Callable[[bool], tuple[Any, str]]] = {
    "batches": lambda quick: _with(batches, batches.measure(1 if quick else 3, 1000 if quick else 4000)),
    "killed": lambda quick: _with(killed, killed.all_of(("hub",) if quick else killed.SUBJECTS)),
    "growth": lambda quick: _with(growth, growth.measure(20_000 if quick else 100_000, 1 if quick else 3)),
    "sealing": lambda quick: _with(sealing, sealing.measure(hours=6 if quick else 24)),
    "rules": lambda _: _with(rules, rules.measure()),
    "adapters": lambda _: _with(adapters, adapters.measure()),
    "replay": lambda quick: _with(replay, replay.measure(days=1 if quick else 30)),
    "libraries": lambda _: _with(libraries, libraries.measure()),
}


def _with(bench: Any, found: Any) -> tuple[Any, str]:
    return found, bench.table(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Every benchmark, in one go.")
    parser.add_argument("--json", type=Path, default=HERE / "bench.out.json", help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="one short run of everything: whether it works, not how fast")
    parser.add_argument("--only", default=",".join(["first_watch", *PARTS]), help="some of the parts")
    options = parser.parse_args()
    wanted = options.only.split(",")
    around = surroundings.Surroundings()
    told: dict[str, Any] = {}
    failed = "first_watch" in wanted and _first_watch(options.quick, told, options.json)
    for name, part in PARTS.items():
        if name in wanted:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                told[name], said = part(options.quick)
            except Failed as problem:
                failed, said = True, f"failed: {problem}"
            print(f"\n{name}\n{said}")
    told["memory"] = _memory()
    told["surroundings"] = around.told()
    told = json.loads(json.dumps(told))  # keys as a reader of the file has them
    options.json.write_text(json.dumps(told, indent=2))
    print(f"\n{aims.table(told)}\n\n{surroundings.line(told['surroundings'])}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
