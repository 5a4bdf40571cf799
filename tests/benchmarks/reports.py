"""``make bench-reports``: how long reports take on a year of 15-minute readings, and what a reading costs in its life.

    python -m tests.benchmarks.reports [--meters 10000] [--compare 1000] [--sharp] [--json FILE]

One thread. Warm: asked once before. Cold: the files are not in the system's cache and the store is opened anew. The first three
lines are reports as ``gengfu report energy --by device`` makes them, but for the text: a row for each meter and interval. What
a PDF or ``--full`` shows is timed by itself, once.
The meters' timers waver, as real ones do; ``--sharp`` has them read at the quarter hour. The comparison loads a month of some
meters into InfluxDB 1.6.7 and asks it, plain DuckDB over the same raw Parquet, and the hub's store the same three questions in
the same run. The first run makes the year (below ``build/``) and keeps it. REPORTS.md has what was measured.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from rich.progress import Progress

from hub.directory import Places
from hub.model import Device, Space
from hub.ports import Ints
from hub.reports.energy import energy_report
from hub.reports.full import full_report
from hub.reports.intervals import consumption
from hub.reports.setup import Energy
from hub.reports.tariffs import Tariff
from hub.stores.parquet_reader import ParquetReader
from tests.benchmarks.reports_beside import beside
from tests.benchmarks.reports_data import IMPORT, YEAR, forget_cache, make, meter
from tests.benchmarks.reports_life import life

ZONE = ZoneInfo("Asia/Shanghai")
BUILDINGS = 40
HOUR = 3_600_000
HOME = Tariff.model_validate(
    {"id": "home", "price": 0.288, "price_name": "valley", "example": True,
     "periods": [{"name": "peak", "price": 0.568, "hours": ["08:00-22:00"]}]}
)  # fmt: skip
"""EXAMPLE prices a kWh."""
AIMS = {
    "month, all meters": (0.3, 0.5),
    "month with time-of-use cost, all meters": (0.7, 1.0),
    "year by month, all meters": (1.5, 2.0),
    "one building's hours of a month": (0.1, 0.3),
    "chart of one series, a day": (0.2, 0.3),
    "chart of one series, a month": (0.2, 0.3),
    "chart of one series, a year": (0.2, 0.3),
}
LIFE_AIM = 1.5
WHOLE = f"whole report of a month, {BUILDINGS} buildings, with peaks"
WHOLE_AIM = 10.0  # s of CPU
BUILDING = 100  # meters
POINTS = 400  # of a chart

Ask = Callable[[ParquetReader], Any]


def local(*date: int) -> int:
    return round(datetime(*date, tzinfo=ZONE).timestamp() * 1000)  # type: ignore[arg-type, misc]


JULY = (local(YEAR, 7, 1), local(YEAR, 8, 1))


def hours() -> Ints:
    return np.arange(JULY[0], JULY[1] + 1, HOUR)


def report(store: ParquetReader, start: int, end: int, every: str = "total", *tariffs: Tariff) -> dict[str, Any]:
    """Every meter's, as the command line makes it."""
    devices = {series.device: Device(series.device, accepted=True) for series in store.series(quantity=IMPORT)}
    places = Places((), devices.values())
    return energy_report(store, devices, places, "bench", ZONE, start, end, "device", every, Energy(tariffs=tariffs))


def questions() -> dict[str, Ask]:
    year = local(YEAR, 1, 1), local(YEAR + 1, 1, 1)
    building = [meter(number) for number in range(BUILDING)]

    def chart(start: int, end: int) -> Ask:
        return lambda store: store.buckets(meter(7), start, end, max(1, (end - start) // POINTS))

    asked: list[Ask] = [
        lambda store: report(store, *JULY),
        lambda store: report(store, *JULY, "total", HOME),
        lambda store: report(store, *year, "month"),
        lambda store: consumption(store, building, hours()).value,
        chart(JULY[0], JULY[0] + 24 * HOUR),
        chart(*JULY),
        chart(*year),
    ]
    return dict(zip(AIMS, asked, strict=True))


def whole(store: ParquetReader) -> dict[str, Any]:
    """What a PDF shows: balance, comparison and the peaks of every building and of all, for which all readings are read."""
    names = [series.device for series in store.series(quantity=IMPORT)]
    each = -(-len(names) // BUILDINGS)
    devices = {name: Device(name, space=f"b{at // each}", accepted=True) for at, name in enumerate(names)}
    places = Places([Space(f"b{at}", f"b{at}", "building") for at in range(BUILDINGS)], devices.values())
    return full_report(store, devices, places, "bench", ZONE, *JULY, "building", "total")


def timed(ask: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the wall and of CPU."""
    started, spent = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - started, time.process_time() - spent


def measure(folder: Path, bar: Progress) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    task = bar.add_task("reports", total=len(AIMS))
    for name, ask in questions().items():
        forget_cache(folder)
        store = ParquetReader(folder)
        cold, _ = timed(lambda ask=ask, store=store: ask(store))  # type: ignore[misc]
        warm, cpu = min(timed(lambda ask=ask, store=store: ask(store)) for _ in range(5))  # type: ignore[misc]
        store.close()
        found[name] = {"warm": warm, "cold": cold, "cpu": cpu}
        bar.advance(task)
    return found


def measure_whole(folder: Path) -> dict[str, float]:
    """Once: it is long, and most of it is not in any cache of ours."""
    store = ParquetReader(folder)
    took, cpu = timed(lambda: whole(store))
    store.close()
    return {"took": took, "cpu": cpu}


def table(rows: dict[str, dict[str, float]]) -> str:
    lines = [f"{'report':42} {'warm':>8} {'aim':>6} {'cold':>8} {'aim':>6} {'CPU, warm':>10}"]
    for name, (warm, cold) in AIMS.items():
        row = rows[name]
        missed = "" if row["warm"] <= warm and row["cold"] <= cold else "  above the aim"
        lines.append(f"{name:42} {row['warm']:7.3f}s {warm:5.1f}s {row['cold']:7.3f}s {cold:5.1f}s {row['cpu']:9.3f}s{missed}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reports", description="How long reports take.")
    parser.add_argument("--meters", type=int, default=10_000, help="how many (10,000 are 350 million readings a year)")
    parser.add_argument("--compare", type=int, default=1000, help="meters for the comparison with InfluxDB and DuckDB; 0: none")
    parser.add_argument("--sharp", action="store_true", help="all meters are read at the quarter hour")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args(arguments)
    told: dict[str, Any] = {"meters": options.meters, "sharp": options.sharp}
    with Progress(disable=not sys.stderr.isatty()) as bar:
        told["reports"] = measure(make(options.meters, bar, options.sharp), bar)
        told["whole"] = measure_whole(make(options.meters, bar, options.sharp))
        told["life"] = life(bar, options.sharp)
        told["beside"] = beside(options.compare, make(options.compare, bar, options.sharp), bar) if options.compare else {}
    timers = "sharp" if options.sharp else "wavering"
    print(f"{options.meters} meters with {timers} timers, a year of quarter hours, one thread\n{table(told['reports'])}")
    took, cpu = told["whole"]["took"], told["whole"]["cpu"]
    print(f"{WHOLE}: {took:.1f} s, {cpu:.1f} s of CPU (aim {WHOLE_AIM:.0f})")
    life_ = told["life"]
    print(f"\nwhole life of a reading, CPU-s a million (aim {LIFE_AIM}): {sum(life_.values()):.2f}")
    print("  " + ", ".join(f"{name} {cost:.2f}" for name, cost in life_.items()))
    for name, row in told["beside"].items():
        ours = row["gengfu"]
        others = ", ".join(f"{other} {took:.3f} s ({took / ours:.0f} times)" for other, took in row.items() if other != "gengfu")
        print(f"\n{options.compare} meters: {name}: {ours:.3f} s; {others}", end="")
    print()
    if options.json:
        options.json.write_text(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
