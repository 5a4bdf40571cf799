"""The first watch against the clock: a C echo, the plain Python script and this hub, under the same load in the same run.

    python -m tests.benchmarks.first_watch [--messages 100000] [--runs 3] [--only echo,plain,hub] [--json FILE]

mosquitto on loopback; ``load.c`` publishes JSON with five values (98 bytes) for 5,000 devices from packets encoded
beforehand. Each subject subscribes, judges one rule (smoke above 500) and publishes an alert; ``watch.c`` sees it come out.

    flat    as fast as the broker takes them; the rate is messages over the time until the alert of the very last one
            is out (and, for the plain script, until its store has every line). The broker queues without a limit.
    CPU     of the subject's processes over that run and two seconds more, per 100,000 messages; not the broker's,
            the load's or the plain script's store's
    alert   at 1,000 messages a second, every 20th an alert, each from another device: from its bytes' hand-over to
            the kernel until the witness has the alert

The hub runs as shipped: `gengfu run` with its store, its default rules and one more, readings and alerts committed to disk. The
echo stores nothing. The plain script's store is a local server that only counts lines (``sink.py``).
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.brokers import Broker, start_mosquitto

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOPIC = "tele/fire/+"
ALERTS = "bench/alerts"
DEVICES = 5000
THRESHOLD = "500"
PACED = 1000  # messages a second for the latency
PACED_ALERT_EVERY = 20
FLAT_ALERT_EVERY = 1000
PATIENCE = 300.0  # seconds for a run
SETTLE = 2.0
SUBJECTS = ("echo", "plain", "hub")

CONFIG = """\
[data]
directory = "data"
[mqtt]
url = "{url}"
[web]
listen = "127.0.0.1:{port}"
[[quantity]]
name = "bench.level"
unit = "1"
shape = "gauge"
[[adapter]]
kind = "json"
topic = "tele/fire/{{device}}"
device = "bench:{{device}}"
time = {{ path = "ts", unit = "s" }}
readings = [
  {{ quantity = "bench.level", path = "smoke" }},
  {{ quantity = "power.active", path = "power_w", unit = "W" }},
  {{ quantity = "air.temperature", path = "temp_c", unit = "Cel" }},
  {{ quantity = "air.humidity", path = "humidity", unit = "%" }},
  {{ quantity = "device.battery", path = "battery", unit = "%" }},
]
[[rule]]
id = "level-high"
kind = "above"
quantity = "bench.level"
threshold = 500
severity = "critical"
"""


class Failed(Exception):
    """The benchmark cannot go on; the text says why."""


class Subject(NamedTuple):
    name: str
    pid: int
    ready: Callable[[], bool]
    stored: Callable[[], int] | None  # messages its store has, where that is elsewhere


class Witness:
    """``watch.c`` at work: the alerts it has seen, device and nanoseconds."""

    def __init__(self, program: Path, broker: Broker, out: Path) -> None:
        self._out = out
        self._process = subprocess.Popen(
            [program, broker.host, str(broker.port), ALERTS, "gengfu/+/alerts/#"], stdout=out.open("wb")
        )
        self._read = 0

    def alerts(self) -> list[tuple[str, int]]:
        """Those that came since the last call; only raised ones, not their ends."""
        content = self._out.read_bytes()[self._read :]
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        seen = []
        for line in whole.splitlines():
            at, _, payload = line.partition(b"\t")
            alert = json.loads(payload)
            if alert.get("state", "firing") == "firing" and not alert.get("acknowledged_by"):
                seen.append((str(alert["device"]).removeprefix("bench:"), int(at)))
        return seen

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def wait_for(what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)


def compile_c(name: str, folder: Path, *libraries: str) -> Path:
    if not shutil.which("gcc"):
        raise Failed("gcc is missing and the C programs need it: apt-get install gcc libmosquitto-dev")
    program = folder / name
    command = ["gcc", "-O2", str(HERE / f"{name}.c"), "-o", str(program), *(f"-l{library}" for library in libraries)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{name}.c does not compile: {done.stderr.splitlines()[0]}; apt-get install gcc libmosquitto-dev")
    return program


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its living descendants, and of those it has waited for."""
    parents: dict[int, list[tuple[int, float]]] = {}
    own: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks = sum(map(int, fields[11:15]))
                own[int(entry.name)] = ticks
                parents.setdefault(int(fields[1]), []).append((int(entry.name), ticks))

    def total(process: int) -> float:
        return own.get(process, 0) + sum(total(child) for child, _ in parents.get(process, []))

    return total(pid) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def child(command: list[str], **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, **more)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def subject(name: str, broker: Broker, qos: int, tools: Path, folder: Path) -> Iterator[Subject]:
    common = [broker.host, str(broker.port), str(qos), TOPIC, ALERTS, THRESHOLD]
    if name == "echo":
        with child([str(tools / "echo"), *common]) as process:
            yield Subject(name, process.pid, lambda: True, None)
    elif name == "plain":
        with child([sys.executable, str(HERE / "sink.py")], stdout=subprocess.PIPE) as sink:
            assert sink.stdout is not None
            store = f"http://127.0.0.1:{int(sink.stdout.readline())}"
            with child([sys.executable, str(HERE / "plain.py"), *common, store]) as process:
                yield Subject(name, process.pid, lambda: True, lambda: int(_get(f"{store}/count")))
    else:
        folder.mkdir(parents=True)
        (folder / "gengfu.toml").write_text(CONFIG.format(url=broker.url, port=8765))
        log = (folder / "log").open("wb")
        command = [sys.executable, "-m", "hub", "run", "--config", "gengfu.toml"]
        paths = {**os.environ, "PYTHONPATH": str(ROOT)}
        with child(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=paths) as process:
            page = ""

            def ready() -> bool:
                nonlocal page
                if process.poll() is not None:
                    raise Failed(f"the hub ended: {(folder / 'log').read_text(errors='replace')[-2000:]}")
                words = (folder / "log").read_text(errors="replace").split()
                page = next((word for word in words if word.startswith("http://")), "")
                with contextlib.suppress(OSError):
                    return bool(page) and bool(_get(f"{page}/readyz"))
                return False

            yield Subject(name, process.pid, ready, None)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


class Bench:
    def __init__(self, tools: Path, broker: Broker, witness: Witness, folder: Path, messages: int) -> None:
        self._tools = tools
        self._broker = broker
        self._witness = witness
        self._folder = folder
        self._messages = messages
        self._last = f"d{DEVICES - 1:05d}"

    def load(self, qos: int, messages: int, rate: int, alert_every: int) -> tuple[dict[str, int], list[tuple[str, int]]]:
        sent = self._folder / "sent"
        arguments = [self._broker.host, self._broker.port, qos, messages, rate, DEVICES, alert_every, sent]
        done = subprocess.run([self._tools / "load", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(done.stderr.strip())
        lines = (line.split() for line in sent.read_text().splitlines())
        return json.loads(done.stdout), [(device, int(at)) for device, at in lines]

    def run(self, subject: Subject, qos: int, messages: int, rate: int, alert_every: int) -> dict[str, float]:
        """One run: its rate, its CPU and the latencies of its alerts."""
        self._witness.alerts()
        stored = subject.stored() if subject.stored else 0
        before = cpu_seconds(subject.pid)
        told, sent = self.load(qos, messages, rate, alert_every)
        seen = self._alerts_up_to_the_last(sent[-1][1])
        end = next(at for device, at in reversed(seen) if device == self._last)
        if subject.stored:
            take = subject.stored
            wait_for(f"the store of {subject.name}", lambda: take() - stored >= messages)
            end = max(end, time.time_ns())
        time.sleep(SETTLE)
        seen += self._witness.alerts()  # one may be told after the last one
        spent = cpu_seconds(subject.pid) - before
        arrivals: dict[str, list[int]] = {}
        for device, at in seen:
            arrivals.setdefault(device, []).append(at)
        waits = [
            (min(later) - at) / 1e6 for device, at in sent if (later := [came for came in arrivals.get(device, []) if came >= at])
        ]
        return {
            "messages_per_s": messages / ((end - told["first_ns"]) / 1e9),
            "cpu_s_per_100k": spent / messages * 100_000,
            "alerts_sent": len(sent),
            "alerts_seen": len(waits),
            "alert_p50_ms": statistics.median(waits),
            "alert_p99_ms": statistics.quantiles(waits, n=100)[98] if len(waits) > 1 else waits[0],
        }

    def quiet(self, qos: int) -> None:
        """One harmless message from every device, the last one's too, so that every alert can be raised anew."""
        self._last_is_quiet(qos)  # else its alert is still open, and an open alert is not raised again
        _, sent = self.load(qos, DEVICES, 0, 0)
        self._alerts_up_to_the_last(sent[-1][1])
        self._last_is_quiet(qos)

    def _last_is_quiet(self, qos: int) -> None:
        payload = json.dumps(
            {"ts": round(time.time(), 6), "smoke": 100, "power_w": 1000.5, "temp_c": 20.25, "humidity": 40.5, "battery": 90}
        )
        address = ["-h", self._broker.host, "-p", str(self._broker.port), "-q", str(qos)]
        subprocess.run(["mosquitto_pub", *address, "-t", f"tele/fire/{self._last}", "-m", payload], check=True)
        time.sleep(SETTLE / 2)

    def _alerts_up_to_the_last(self, since: int) -> list[tuple[str, int]]:
        """Waits for the alert of the last message, which was sent at ``since``; all alerts until then."""
        seen: list[tuple[str, int]] = []

        def finished() -> bool:
            seen.extend(self._witness.alerts())
            return any(device == self._last and at >= since for device, at in seen)

        wait_for("the alert of the last message", finished)
        return seen

    def measure(self, name: str, qos: int, runs: int, serial: int) -> dict[str, Any]:
        with subject(name, self._broker, qos, self._tools, self._folder / f"hub-{serial}") as measured:
            wait_for(f"{name} to be ready", measured.ready, 60)
            time.sleep(SETTLE)
            flat, paced = [], []
            for _ in range(runs):
                self.quiet(qos)
                flat.append(self.run(measured, qos, self._messages, 0, FLAT_ALERT_EVERY))
                self.quiet(qos)
                # every device at most once: DEVICES - 1 quiet ones are passed before one comes round again
                paced.append(self.run(measured, qos, PACED * PACED_ALERT_EVERY, PACED, PACED_ALERT_EVERY))
        return {
            "subject": name,
            "qos": qos,
            "flat": _median(flat),
            "paced": _median(paced),
            "runs": {"flat": flat, "paced": paced},
        }


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'':12}{'QoS':>4}{'msg/s flat':>12}{'CPU-s/100k':>12}{'alert p50 ms':>14}{'p99 ms':>9}{'alerts':>14}"]
    for result in results:
        flat, paced = result["flat"], result["paced"]
        seen, sent = (paced[what] + flat[what] for what in ("alerts_seen", "alerts_sent"))
        alerts = f"{seen:.0f}/{sent:.0f}"
        lines.append(
            f"{result['subject']:12}{result['qos']:>4}{flat['messages_per_s']:>12,.0f}{flat['cpu_s_per_100k']:>12.2f}"
            f"{paced['alert_p50_ms']:>14.2f}{paced['alert_p99_ms']:>9.2f}{alerts:>14}"
        )
    for qos in sorted({result["qos"] for result in results}):
        rates = {result["subject"]: result["flat"]["messages_per_s"] for result in results if result["qos"] == qos}
        for other, words in (("plain", "plain script"), ("echo", "C echo")):
            if "hub" in rates and other in rates:
                lines.append(f"hub / {words}, QoS {qos}: {rates['hub'] / rates[other]:.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.first_watch", description="The first watch's benchmark.")
    parser.add_argument("--messages", type=int, default=100_000, help="in each flat run")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="some of echo,plain,hub")
    parser.add_argument("--qos", default="0,1", help="0, 1 or both")
    parser.add_argument("--json", type=Path, default=HERE / "first_watch.out.json", help="where the figures go")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name in SUBJECTS]
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        try:
            for name, *libraries in (("load",), ("echo", "mosquitto"), ("watch", "mosquitto")):
                compile_c(name, folder, *libraries)
            with start_mosquitto(folder, persistence=False, max_inflight=500, max_queued=0) as broker:
                witness = Witness(folder / "watch", broker, folder / "seen")
                bench = Bench(folder, broker, witness, folder, options.messages)
                try:
                    for qos in map(int, options.qos.split(",")):
                        for name in names:
                            print(f"{name}, QoS {qos} …", file=sys.stderr, flush=True)
                            results.append(bench.measure(name, qos, options.runs, len(results)))
                finally:
                    witness.close()
        except Failed as error:
            print(f"first_watch: {error}", file=sys.stderr)
            return 1
    print(table(results))
    print("The plain script's store only counts lines; the hub's is on disk, committed before it confirms.")
    options.json.write_text(json.dumps({"machine": os.uname().nodename, "cores": os.cpu_count(), "results": results}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
