"""The first watch against the clock: a C echo, the plain Python script and this hub, under the same load in the same run.

    python -m tests.benchmarks.first_watch [--messages 100000] [--runs 3] [--only echo,plain,hub]
        [--qos 0,1] [--steps 8] [--rates 1000,5000,10000,25000] [--json FILE]

mosquitto on loopback; ``load.c`` publishes JSON with five values (98 bytes) for 5,000 devices from packets encoded
beforehand. Each subject subscribes, judges one rule (smoke above 500) and publishes an alert; ``watch.c`` sees it come out.

    flat    as fast as the broker takes them; the rate is messages over the time until the alert of the very last one
            is out (and, for the plain script, until its store has every line). The broker queues without a limit;
            what a subject sheds and counts (QoS 0 in an overload) is not part of its rate
    CPU     of the subject's processes over that run and two seconds more, per 100,000 messages; not the broker's,
            the load's or the plain script's store's
    sustained, QoS 0   the highest of some offered rates, two seconds each, at which nothing is shed, no alert is missing
            and the last one is no more than LAG behind; one bad try is repeated, since the machine is shared
    alert   at some rates (1,000 messages a second unless told otherwise), 1,000 alerts a run, each from another device:
            from its bytes' hand-over to the kernel until the witness has the alert. A subject that misses one or falls
            behind at a rate is not asked for the next

The hub runs as shipped: `gengfu run` with its store, its default rules and one more, readings and alerts committed to disk.
The echo stores nothing, nor does Node-RED where no InfluxDB is named. The plain script's store only counts lines (``sink.py``).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.nodered import Missing
from tests.benchmarks.subjects import HERE, SUBJECTS, Failed, Subject, Witness, compile_c, cpu_seconds, subject, wait_for
from tests.support.brokers import Broker, start_mosquitto

DEVICES = 5000
ALERTS_A_RUN = 1000
ALERT_EVERY = {1000: 20, 5000: 25, 10_000: 40, 25_000: 100}  # messages, at so many messages a second
FLAT_ALERT_EVERY = 1000
SETTLE = 2.0
AGAIN = 0.5
STEPS = (10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000)  # messages a second
STEP = 2.0  # seconds
LAG = 0.5  # seconds until the alert of a step's last message is out
NAMES = {"echo": "C echo", "plain": "plain script", "nodered": "Node-RED", "nodered+influx": "Node-RED and InfluxDB"}
BEHIND = 2.0  # the same for a store that is written to once a second


class Bench:
    """The load and the witness of one subject."""

    def __init__(self, tools: Path, broker: Broker, witness: Witness, folder: Path, devices: int = DEVICES) -> None:
        self._tools = tools
        self._broker = broker
        self._witness = witness
        self._folder = folder
        self._devices = devices
        self._last = f"d{devices - 1:05d}"

    def load(self, qos: int, messages: int, rate: int, alert_every: int) -> tuple[dict[str, int], list[tuple[str, int]]]:
        sent = self._folder / "sent"
        arguments = [self._broker.host, self._broker.port, qos, messages, rate, self._devices, alert_every, sent]
        done = subprocess.run([self._tools / "load", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(done.stderr.strip())
        lines = (line.split() for line in sent.read_text().splitlines())
        return json.loads(done.stdout), [(device, int(at)) for device, at in lines]

    def run(self, subject: Subject, qos: int, messages: int, rate: int, alert_every: int) -> dict[str, float]:
        """One run: its rate, its CPU and the latencies of its alerts."""
        self._witness.alerts()
        stored = subject.stored() if subject.stored else 0
        shed = subject.shed() if subject.shed else 0
        before = cpu_seconds(subject.pid)
        told, sent = self.load(qos, messages, rate, alert_every)
        seen = self._alerts_up_to_the_last(sent[-1][1], qos)
        lag = next(at for device, at in seen if device == self._last and at >= sent[-1][1]) - sent[-1][1]
        end = next(at for device, at in reversed(seen) if device == self._last)
        if subject.stored:
            take = subject.stored
            wait_for(f"the store of {subject.name}", lambda: take() - stored >= messages)
            end = max(end, time.time_ns())
        time.sleep(SETTLE)
        shed = subject.shed() - shed if subject.shed else 0
        seen += self._witness.alerts()  # one may be told after the last one
        spent = cpu_seconds(subject.pid) - before
        arrivals: dict[str, list[int]] = {}
        for device, at in seen:
            arrivals.setdefault(device, []).append(at)
        waits = [
            (min(later) - at) / 1e6 for device, at in sent if (later := [came for came in arrivals.get(device, []) if came >= at])
        ]
        return {
            "messages_per_s": (messages - shed) / ((end - told["first_ns"]) / 1e9),
            "cpu_s_per_100k": spent / messages * 100_000,
            "shed": shed,
            "offered_per_s": messages / ((told["last_ns"] - told["first_ns"]) / 1e9),
            "lag_s": lag / 1e9,
            "store_lag_s": (end - told["last_ns"]) / 1e9,
            "alerts_sent": len(sent),
            "alerts_seen": len(waits),
            "alert_p50_ms": statistics.median(waits),
            "alert_p99_ms": statistics.quantiles(waits, n=100)[98] if len(waits) > 1 else waits[0],
            "alert_max_ms": max(waits),
        }

    def alerts_at(self, subject: Subject, qos: int, rate: int) -> dict[str, float]:
        """One run at a rate: every device raises at most one alert, for all others are passed before one comes round."""
        self.quiet(qos)
        every = ALERT_EVERY[rate]
        return self.run(subject, qos, ALERTS_A_RUN * every, rate, every)

    def sustained(self, subject: Subject, steps: Sequence[int]) -> dict[str, Any]:
        """The highest rate at which it keeps up, QoS 0, with every step that was tried."""
        highest, tried = 0, []
        for rate in steps:
            for _ in range(2):
                self.quiet(0)
                step = self.run(subject, 0, int(rate * STEP), rate, FLAT_ALERT_EVERY)
                tried.append({"rate": rate, **step})
                if kept_up(step, rate):
                    highest = rate
                    break
            else:
                break
        return {"messages_per_s": highest, "steps": tried}

    def quiet(self, qos: int) -> None:
        """One harmless message from every device, the last one's too, so that every alert can be raised anew."""
        self._last_is_quiet(qos)  # else its alert is still open, and an open alert is not raised again
        _, sent = self.load(qos, self._devices, 0, 0)
        self._alerts_up_to_the_last(sent[-1][1], qos)
        self._last_is_quiet(qos)

    def _last_is_quiet(self, qos: int) -> None:
        self._last_says(100, qos)
        time.sleep(SETTLE / 2)

    def _last_says(self, smoke: int, qos: int) -> None:
        payload = json.dumps(
            {"ts": round(time.time(), 6), "smoke": smoke, "power_w": 1000.5, "temp_c": 20.25, "humidity": 40.5, "battery": 90}
        )
        address = ["-h", self._broker.host, "-p", str(self._broker.port), "-q", str(qos)]
        subprocess.run(["mosquitto_pub", *address, "-t", f"tele/fire/{self._last}", "-m", payload], check=True)

    def _alerts_up_to_the_last(self, since: int, qos: int) -> list[tuple[str, int]]:
        """Waits for the alert of the last message, which was sent at ``since``; all alerts until then. It is said again
        from time to time, since with QoS 0 it may have been dropped."""
        seen: list[tuple[str, int]] = []
        again = time.monotonic() + AGAIN

        def finished() -> bool:
            nonlocal again
            seen.extend(self._witness.alerts())
            done = any(device == self._last and at >= since for device, at in seen)
            if not done and qos == 0 and time.monotonic() > again:
                self._last_says(900, qos)
                again = time.monotonic() + AGAIN
            return done

        wait_for("the alert of the last message", finished)
        return seen


def kept_up(step: dict[str, float], rate: int) -> bool:
    offered = step["offered_per_s"] >= rate * 0.95  # less is the broker's or the load's doing, and shows nothing
    all_told = not step["shed"] and step["alerts_seen"] == step["alerts_sent"]
    return offered and all_told and step["lag_s"] <= LAG and step["store_lag_s"] <= BEHIND


def measure(
    name: str, qos: int, runs: int, messages: int, tools: Path, folder: Path, steps: Sequence[int], rates: Sequence[int]
) -> dict[str, Any]:
    """Everything about one subject, with a broker of its own: one that knew an earlier session would queue for it."""
    folder.mkdir()
    flat: list[dict[str, float]] = []
    paced: dict[int, list[dict[str, float]]] = {}
    with (
        start_mosquitto(folder, persistence=False, max_inflight=500, max_queued=0) as broker,
        Witness(tools / "watch", broker, folder / "seen") as witness,
        subject(name, broker, qos, tools, folder / "hub") as measured,
    ):
        bench = Bench(tools, broker, witness, folder)
        wait_for(f"{name} to be ready", measured.ready, 60)
        time.sleep(SETTLE)
        for _ in range(runs):
            bench.quiet(qos)
            flat.append(bench.run(measured, qos, messages, 0, FLAT_ALERT_EVERY))
        for rate in rates:
            paced[rate] = [bench.alerts_at(measured, qos, rate) for _ in range(runs)]
            if not any(kept_up(run, rate) for run in paced[rate]):
                break
        sustained = bench.sustained(measured, steps) if qos == 0 else None
    return {
        "subject": name,
        "qos": qos,
        "flat": _median(flat),
        "paced": {rate: _median(done) for rate, done in paced.items()},
        "sustained": sustained,
        "runs": {"flat": flat, "paced": paced},
    }


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'':15}{'QoS':>4}{'sustained':>11}{'msg/s flat':>12}{'CPU-s/100k':>12}{'shed':>8}"]
    for result in results:
        flat = result["flat"]
        kept = f"{result['sustained']['messages_per_s']:,}" if result["sustained"] else ""
        lines.append(
            f"{result['subject']:15}{result['qos']:>4}{kept:>11}{flat['messages_per_s']:>12,.0f}{flat['cpu_s_per_100k']:>12.2f}"
            f"{flat['shed']:>8.0f}"
        )
    lines += ["", f"{'alerts':15}{'QoS':>4}{'msg/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'(of the runs)':>18}{'max ms':>9}{'seen':>12}"]
    for result in results:
        for rate, runs in result["runs"]["paced"].items():
            middle, p99 = result["paced"][rate], sorted(run["alert_p99_ms"] for run in runs)
            seen, sent = (sum(run[key] for run in runs) for key in ("alerts_seen", "alerts_sent"))
            lines.append(
                f"{result['subject']:15}{result['qos']:>4}{rate:>9,}{middle['alert_p50_ms']:>9.2f}{middle['alert_p99_ms']:>9.2f}"
                f"{f'{p99[0]:.2f} to {p99[-1]:.2f}':>18}{max(run['alert_max_ms'] for run in runs):>9.1f}"
                f"{f'{seen:.0f}/{sent:.0f}':>12}"
            )
    for qos in sorted({result["qos"] for result in results}):
        rates = {result["subject"]: result["flat"]["messages_per_s"] for result in results if result["qos"] == qos}
        for other, words in NAMES.items():
            if "hub" in rates and other in rates:
                lines.append(f"hub / {words}, QoS {qos}: {rates['hub'] / rates[other]:.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.first_watch", description="The first watch's benchmark.")
    parser.add_argument("--messages", type=int, default=100_000, help="in each flat run")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="some of " + ",".join(SUBJECTS))
    parser.add_argument("--qos", default="0,1", help="0, 1 or both")
    parser.add_argument("--rates", default="1000", help="of " + ",".join(map(str, ALERT_EVERY)) + ": messages a second")
    parser.add_argument("--steps", type=int, default=len(STEPS), help="of the offered rates, so many")
    parser.add_argument("--json", type=Path, default=HERE / "first_watch.out.json", help="where the figures go")
    options = parser.parse_args(arguments)
    names = [name for name in options.only.split(",") if name in SUBJECTS]
    rates = [int(rate) for rate in options.rates.split(",")]
    results: list[dict[str, Any]] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        try:
            for name, *libraries in (("load",), ("echo", "mosquitto"), ("watch", "mosquitto")):
                compile_c(name, folder, *libraries)
            for qos in map(int, options.qos.split(",")):
                for name in names:
                    print(f"{name}, QoS {qos} …", file=sys.stderr, flush=True)
                    place, steps = folder / f"{name}-{qos}", STEPS[: options.steps]
                    try:
                        results.append(measure(name, qos, options.runs, options.messages, folder, place, steps, rates))
                        told = {"cores": os.cpu_count(), "results": results}
                        options.json.write_text(json.dumps(told, indent=2))  # what is measured stays, whatever comes
                    except (Missing, Failed, subprocess.CalledProcessError) as why:
                        print(f"{name} is not measured: {why}", file=sys.stderr)
                        failed = failed or not isinstance(why, Missing)
        except Failed as error:
            print(f"first_watch: {error}", file=sys.stderr)
            return 1
    print(table(results))
    print("The plain script's store only counts lines; the hub's is on disk, committed before it confirms.")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
