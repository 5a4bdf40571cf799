"""Who is measured by ``first_watch.py``, and who watches: the processes and what can be read of them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.benchmarks.nodered import Influx, nodered
from tests.support.brokers import Broker

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOPIC = "tele/fire/+"
ALERTS = "bench/alerts"
THRESHOLD = "500"
PATIENCE = 300.0  # seconds for a run
SUBJECTS = ("echo", "plain", "nodered", "nodered+influx", "hub")

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
    stored: Callable[[], int] | None = None  # messages its store has, where that is elsewhere
    shed: Callable[[], int] | None = None  # messages it has dropped and counted

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class Store(Protocol):
    """Where a peer stores: messages are counted."""

    port: int

    def count(self) -> int: ...
    def close(self) -> None: ...


class Counted:
    """``sink.py`` at work."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(HERE / "sink.py")], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def count(self) -> int:
        return int(get(f"http://127.0.0.1:{self.port}/count"))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextlib.contextmanager
def kept(store: Store) -> Iterator[Store]:
    try:
        yield store
    finally:
        store.close()


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

    def __enter__(self) -> "Witness":
        return self

    def __exit__(self, *_: object) -> None:
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
def subject(
    name: str, broker: Broker, qos: int, tools: Path, folder: Path, *, more: str = "", store: "Store | None" = None
) -> Iterator[Subject]:
    """``more`` is added to the hub's configuration. ``store``: a peer's, which outlives it; else it gets one of its own.
    The hub goes on in a ``folder`` that is there already."""
    common = [broker.host, str(broker.port), str(qos), TOPIC, ALERTS, THRESHOLD]
    with contextlib.ExitStack() as stack:
        if name == "echo":
            yield Subject(name, stack.enter_context(child([str(tools / "echo"), *common])).pid, lambda: True)
        elif name == "plain":
            lines = store or stack.enter_context(kept(Counted()))
            address = f"http://127.0.0.1:{lines.port}"
            process = stack.enter_context(child([sys.executable, str(HERE / "plain.py"), *common, address]))
            yield Subject(name, process.pid, lambda: True, lines.count)
        elif name.startswith("nodered"):
            influx = (store or stack.enter_context(kept(Influx(folder / "influx")))) if name.endswith("influx") else None
            port = influx.port if influx else None
            process = stack.enter_context(nodered(broker, qos, TOPIC, ALERTS, THRESHOLD, folder, port))
            yield Subject(name, process.pid, lambda: True, influx.count if influx else None)
        else:
            yield stack.enter_context(_hub(broker, folder, more))


@contextlib.contextmanager
def _hub(broker: Broker, folder: Path, more: str) -> Iterator[Subject]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gengfu.toml").write_text(CONFIG.format(url=broker.url, port=8765) + more)
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
                return bool(page) and bool(get(f"{page}/readyz"))
            return False

        def shed() -> int:
            lines = get(f"{page}/metrics").splitlines()
            return int(sum(float(line.split()[-1]) for line in lines if line.startswith("gengfu_shed_total{")))

        yield Subject("hub", process.pid, ready, shed=shed)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())
