"""What kill -9 costs: 1,000 messages a second at QoS 1, the subject killed and started again in the middle.

    python -m tests.benchmarks.killed [--only plain,nodered+influx,hub]

The broker, the load, the witness and the peers' stores go on; the subject is started again at once, as a supervisor would.
Counted when all has settled: messages sent that no store has, and alerts that nobody ever heard of.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from hub.model import Now
from hub.ports import Retention
from hub.quantities import Quantity, Vocabulary
from hub.stores.parquet import ParquetStore
from tests.benchmarks.first_watch import Bench
from tests.benchmarks.nodered import Influx, Missing
from tests.benchmarks.subjects import Counted, Store, Witness, compile_c, subject, wait_for
from tests.support.brokers import start_mosquitto

RATE, SECONDS, ALERT_EVERY = 1000, 12, 20
MESSAGES = RATE * SECONDS
KILLED_AFTER = 5.0
QUIET = 5.0  # seconds in which nothing new comes any more
SUBJECTS = ("plain", "nodered+influx", "hub")


def measure(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        for program, *libraries in (("load",), ("watch", "mosquitto")):
            compile_c(program, folder, *libraries)
        store: Store | None = Counted() if name == "plain" else Influx(folder / "influx") if "influx" in name else None
        try:
            return _killed(name, folder, store)
        finally:
            if store:
                store.close()


def _killed(name: str, folder: Path, store: Store | None) -> dict[str, Any]:
    home = folder / "hub"
    sent: list[tuple[str, int]] = []
    with (
        start_mosquitto(folder, persistence=False, max_inflight=500, max_queued=0) as broker,
        Witness(folder / "watch", broker, folder / "seen") as witness,
    ):
        bench = Bench(folder, broker, witness, folder)
        with subject(name, broker, 1, folder, home, store=store) as first:
            wait_for(f"{name} to be ready", first.ready, 60)
            time.sleep(2)
            load = threading.Thread(target=lambda: sent.extend(bench.load(1, MESSAGES, RATE, ALERT_EVERY)[1]))
            load.start()
            time.sleep(KILLED_AFTER)
            first.kill()
        down = time.monotonic()
        with subject(name, broker, 1, folder, home, store=store) as second:
            wait_for(f"{name} to be ready again", second.ready, 60)
            down = time.monotonic() - down
            load.join()
            seen: dict[str, list[int]] = {}
            quiet = time.monotonic()
            stored = -1
            while time.monotonic() - quiet < QUIET:
                time.sleep(0.5)
                came = witness.alerts()
                for device, at in came:
                    seen.setdefault(device, []).append(at)
                now = store.count() if store else 0
                if came or now != stored:
                    stored, quiet = now, time.monotonic()
        stored = store.count() if store else _kept(home / "data")
    told = sum(1 for device, at in sent if any(came >= at for came in seen.get(device, ())))
    return {
        "subject": name, "messages": MESSAGES, "messages_lost": max(0, MESSAGES - stored), "alerts": len(sent),
        "alerts_lost": len(sent) - told, "down_s": down,
    }  # fmt: skip


def _kept(data: Path) -> int:
    """Messages in the hub's store, once each."""
    vocabulary = Vocabulary([Quantity("bench.level", "1", "gauge", -1e15, 1e15, "device", "", "")])
    store = ParquetStore(data, vocabulary, Retention())
    store.maintain(Now(time.time_ns() // 1_000_000, time.monotonic()), seal_all=True)
    store.close()
    names, files = data / "sealed" / "series-rest.parquet", data / "sealed" / "device" / "**" / "*.parquet"
    question = f"""
        SELECT count(DISTINCT (series, time, seq)) FROM read_parquet('{files}')
        WHERE series IN (SELECT series FROM read_parquet('{names}') WHERE quantity = 'bench.level')"""
    found = duckdb.connect().execute(question).fetchone()
    assert found is not None
    return int(found[0])


def table(results: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'kill -9':15}{'sent':>8}{'lost':>8}{'':>8}{'alerts':>8}{'lost':>8}{'back after s':>14}"]
    for result in results:
        share = f"{100 * result['messages_lost'] / result['messages']:.1f} %"
        lines.append(
            f"{result['subject']:15}{result['messages']:>8,}{result['messages_lost']:>8,}{share:>8}"
            f"{result['alerts']:>8}{result['alerts_lost']:>8}{result['down_s']:>14.1f}"
        )
    return "\n".join(lines)


def all_of(names: Sequence[str] = SUBJECTS) -> list[dict[str, Any]]:
    """Each subject that can be had on this machine."""
    results = []
    for name in names:
        try:
            results.append(measure(name))
        except Missing as why:
            print(f"not measured: {why}")
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.killed", description="What kill -9 costs.")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="some of " + ",".join(SUBJECTS))
    print(table(all_of(parser.parse_args(arguments).only.split(","))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
