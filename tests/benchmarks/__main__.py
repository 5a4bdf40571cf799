"""``python -m tests.benchmarks``, which ``make bench`` calls: every benchmark in one go, and one file with all figures.

    python -m tests.benchmarks [--json FILE] [--quick]

1. ``first_watch``: the C echo, the plain Python script and the hub under the same load
2. ``rules``: µs per reading and rule
3. ``adapters``: µs per message of each adapter
4. ``replay``: 30 days of 1,000 devices, a rule beside the one it would replace

Last comes a line about the machine: a figure means little without its fsync and the CPU that others took.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import adapters, first_watch, replay, rules, surroundings
from tests.benchmarks.subjects import HERE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Every benchmark, in one go.")
    parser.add_argument("--json", type=Path, default=HERE / "bench.out.json", help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="one short run of everything: whether it works, not how fast")
    options = parser.parse_args()
    around = surroundings.Surroundings()
    first = [] if not options.quick else ["--messages", "20000", "--runs", "1", "--steps", "2"]
    told: dict[str, Any] = {}
    failed = first_watch.main([*first, "--json", str(options.json)])
    if not failed:
        told = json.loads(options.json.read_text())
    for name, title, bench in (("rules", "Rules", rules), ("adapters", "Adapters", adapters)):
        print(f"{name} …", file=sys.stderr, flush=True)
        found = bench.measure()
        told[name] = found
        print(f"\n{title}\n{bench.table(found)}")
    print("replay …", file=sys.stderr, flush=True)
    told["replay"] = replay.measure(days=1 if options.quick else 30)
    print(f"\nReplay\n{replay.table(told['replay'])}")
    told["surroundings"] = around.told()
    print(f"\n{surroundings.line(told['surroundings'])}")
    options.json.write_text(json.dumps(told, indent=2))
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
