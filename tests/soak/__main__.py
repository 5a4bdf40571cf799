"""``make soak`` (``python -m tests.soak [--kills 200] [--minutes 60] [--rate 400]``): faults at random moments under load,
again and again, then an hour of load; then everything is counted.

A phase is one hub, one broker and one kind of fault. QoS 1 messages come all the time, some of them a breach. Afterwards each
message that the broker confirmed to its device must be stored, once, and each breach must be one alert by its id, in the records
and on the wire. Recovery is the time from the fault until an alarm sent after it is an alert. The hour has 10,000 devices of two
series each, is asked for readings now and then as a page would, and its memory is the PSS of all processes of the hub.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.soak.count import Counts, counted, delays, memory
from tests.soak.load import Ear, Load
from tests.support.brokers import Broker, start_mosquitto, start_nats
from tests.support.hubs import until
from tests.support.proxy import Proxy
from tests.support.rawmqtt import Client
from tests.support.site import Site, login, site, wall

RESULT = Path(__file__).resolve().parents[2] / "build" / "soak.out.json"
MEMORY = 300 << 20
"""Bytes of PSS at most, with 20,000 series."""
FLAT = 1.1
"""The last quarter of the hour takes at most so much of what the second took."""

SOON, LATER = (0.2, 1.5), (5.5, 8.0)
"""Seconds between two faults: a connection that ends within 5 s makes the hub wait longer before the next, as it should."""


class Row(NamedTuple):
    fault: str
    injected: str
    counts: Counts | None
    recovery: str
    figures: dict[str, Any]
    wrong: str

    @property
    def good(self) -> bool:
        return not self.wrong and self.counts is not None and self.counts.good


def bar(done: int, of: int, what: str) -> None:
    """On a terminal a bar that moves, elsewhere a line at every tenth."""
    filled = 30 * done // max(of, 1)
    line = f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{of} {what}"
    if sys.stdout.isatty():
        sys.stdout.write(f"\r{line}" + ("\n" if done == of else ""))
    elif done == of or (10 * done // max(of, 1)) != (10 * (done - 1) // max(of, 1)):
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


# --- faults -----------------------------------------------------------------------------------------------------------

Fault = Callable[[Site, Broker, Proxy, random.Random], None]


def kill_hub(made: Site, broker: Broker, proxy: Proxy, dice: random.Random) -> None:
    """Every fifth time it is killed once more while it starts."""
    made.hub.kill()
    made.hub.start(ready=False)
    if dice.random() < 0.2:
        time.sleep(dice.uniform(0.1, 1.5))
        made.hub.kill()
        made.hub.start(ready=False)


def kill_broker(made: Site, broker: Broker, proxy: Proxy, dice: random.Random) -> None:
    broker.kill()
    broker.restart()


def cut_line(made: Site, broker: Broker, proxy: Proxy, dice: random.Random) -> None:
    proxy.cut()


def alarm(made: Site, device: str) -> None:
    """An alarm, sent until the broker has it; returns when its alert stands."""
    body = {"ts": wall(), "smoke": True}

    def sent() -> bool:
        try:
            sender = Client(made.broker.port, f"alarm-{device}", *login(made.broker))
            sender.say(f"alarm/{device}", body)
            sender.close()
            return True
        except OSError:
            return False

    def stands() -> bool:
        try:
            return bool(made.hub.get(f"/api/v1/alerts?device=alarm:{device}")["items"])
        except (OSError, ValueError):
            return False

    until(sent, "the broker takes an alarm")
    until(stands, f"the alarm of {device} is an alert", 120)


def phase(name: str, times: int, rate: float, dice: random.Random, kind: str, inject: Fault, apart: tuple[float, float]) -> Row:
    """Injects a fault so many times under load, and counts."""
    recovery: list[float] = []
    counts, wrong = None, ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        starting = start_nats(path) if kind == "nats" else start_mosquitto(path, max_inflight=200, max_queued=1_000_000)
        with starting as broker, Proxy(broker.port) as proxy, site(path, broker, port=proxy.port) as made:
            ear, load = Ear(made), Load(broker, rate, devices=100, breach_every=97)
            load.start()
            try:
                for number in range(times):
                    bar(number, times, f"{name}, {kind}")
                    time.sleep(dice.uniform(*apart))  # the random moment is what is tested
                    began = time.monotonic()
                    inject(made, broker, proxy, dice)
                    alarm(made, f"r{number}")
                    recovery.append(time.monotonic() - began)
                bar(times, times, f"{name}, {kind}")
                counts = counted(made, load, ear, [f"alarm:r{number}" for number in range(times)])
            except (AssertionError, OSError) as error:
                wrong = str(error)
            ear.stop()
    slow = f"p50 {statistics.median(recovery):.1f} s, max {max(recovery):.1f} s" if recovery else ""
    return Row(name, f"{len(recovery)} times, {kind}", counts, slow, {"recovery_s": [round(one, 2) for one in recovery]}, wrong)


def hour(minutes: float, rate: float, devices: int) -> Row:
    """Load for so long: memory every 10 s, a question every minute, and the count at the end."""
    sizes: list[int] = []
    counts, wrong = None, ""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with start_mosquitto(path, max_inflight=200, max_queued=1_000_000) as broker, site(path, broker) as made:
            ear, load = Ear(made), Load(broker, rate, devices, breach_every=997)
            load.start()
            began, seconds = time.monotonic(), int(minutes * 60)
            try:
                while (passed := time.monotonic() - began) < seconds:
                    bar(int(passed) // 10, seconds // 10, "x 10 s of load")
                    if len(sizes) % 6 == 5:
                        words = "device=bench:s1&quantity=bench.level&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
                        made.hub.get(f"/api/v1/readings?{words}")
                    sizes.append(memory(made.hub.pid))
                    time.sleep(10)
                stalls = made.hub.metric("loop_stalls_total")
                counts = counted(made, load, ear, [])
                waits = delays(made, load, ear)
                figures = {"stalls": stalls, "alert_p50_ms": _ms(waits, 0.5), "alert_p99_ms": _ms(waits, 0.99)}
            except (AssertionError, OSError) as error:
                wrong = str(error)
            ear.stop()
    quarter = len(sizes) // 4
    early, late = (statistics.median(sizes[one * quarter : (one + 1) * quarter] or [0]) for one in (1, 3))
    figures |= {"pss_mb": [size >> 20 for size in sizes], "series": 2 * devices}
    if max(sizes) > MEMORY:
        wrong += f" {max(sizes) >> 20} MB are more than {MEMORY >> 20}"
    if late > early * FLAT:
        wrong += f" memory grows: {int(early) >> 20} to {int(late) >> 20} MB"
    said = f"memory {int(early) >> 20} -> {int(late) >> 20}, most {max(sizes) >> 20} MB; {figures.get('stalls', '?')} stalls; "
    said += f"alert p50 {figures.get('alert_p50_ms')}, p99 {figures.get('alert_p99_ms')} ms"
    return Row(f"none, {minutes:g} min", f"{rate:g}/s, {2 * devices} series", counts, said, figures, wrong.strip())


def _ms(waits: list[float], share: float) -> float | None:
    return round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1e3, 1) if waits else None


# --- all of it --------------------------------------------------------------------------------------------------------

HEADS = ("fault", "injected", "messages", "lost", "doubled", "alerts", "missing", "doubled", "untold", "recovery")


def table(rows: list[Row]) -> str:
    lines: list[tuple[str, ...]] = [HEADS]
    for row in rows:
        counts = row.counts and (*row.counts[:7],)
        lines.append((row.fault, row.injected, *(str(one) for one in counts or ("?",) * 7), row.recovery))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def save(given: argparse.Namespace, began: str, rows: list[Row]) -> None:
    listed = [row._asdict() | {"counts": row.counts and row.counts._asdict(), "good": row.good} for row in rows]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"began": began, **vars(given), "rows": listed}, indent=1), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of the hub; the other faults come in proportion")
    parser.add_argument("--minutes", type=float, default=60, help="of load at the end")
    parser.add_argument("--rate", type=float, default=400, help="messages a second")
    parser.add_argument("--devices", type=int, default=10_000, help="in the hour of load; each has two series")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that hub and broker end with it
    began = time.strftime("%Y-%m-%d %H:%M:%S %z")
    print(f"seed {given.seed}, {given.rate:g} messages a second", flush=True)
    dice = random.Random(given.seed)
    plan: list[tuple[str, int, str, Fault, tuple[float, float]]] = [
        ("hub kill -9", given.kills, "mosquitto", kill_hub, SOON),
        ("hub kill -9", given.kills // 10, "nats", kill_hub, SOON),
        ("broker kill -9", given.kills // 10, "nats", kill_broker, LATER),
        ("line cut", given.kills // 4, "mosquitto", cut_line, LATER),
    ]
    rows: list[Row] = []
    for name, times, kind, inject, apart in plan:
        if times:
            rows.append(phase(name, times, given.rate, dice, kind, inject, apart))
            save(given, began, rows)
    if given.minutes:
        rows.append(hour(given.minutes, given.rate, given.devices))
        save(given, began, rows)
    print(table(rows))
    for row in rows:
        if not row.good:
            print(f"NOT GOOD: {row.fault}, {row.injected}: {row.wrong or row.counts}")
    if all(row.good for row in rows):
        print(f"Nothing lost, nothing doubled. All figures: {os.path.relpath(RESULT)}")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
