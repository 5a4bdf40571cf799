"""A whole site for tests: a configuration, a hub as a process of its own, devices, and what became of it all.

Topics: ``bench/{device}`` in the rest lane (level, power, a sequence number), ``alarm/{device}`` in the fire lane (smoke). Both
carry their time as ``ts`` in ms and, if they like, ``seq``. A level above 500 is an alert at once; smoke is by default.
"""

import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub.model import Series
from hub.stores.parquet import ParquetStore
from tests.support.brokers import Broker
from tests.support.hubs import HubProcess, until
from tests.support.rawmqtt import Client

HEAD = """
[site]
community = "yunqi"
name = "云栖社区"
time_zone = "Asia/Shanghai"
[data]
directory = "data"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
{login}
[web]
listen = "127.0.0.1:0"
"""
BENCH = """
[[quantity]]
name = "bench.level"
unit = "1"
shape = "gauge"
[[adapter]]
kind = "json"
topic = "bench/{device}"
device = "bench:{device}"
seq = "seq"
time = { path = "ts", unit = "ms" }
readings = [
  { quantity = "bench.level", path = "level" },
  { quantity = "power.active", path = "power", unit = "W" },
]
[[adapter]]
kind = "json"
topic = "alarm/{device}"
lane = "fire"
device = "alarm:{device}"
seq = "seq"
time = { path = "ts", unit = "ms" }
readings = [{ quantity = "fire.smoke", path = "smoke" }]
[[rule]]
id = "level-high"
kind = "above"
quantity = "bench.level"
threshold = 500
severity = "critical"
"""


def login(broker: Broker) -> tuple[str, str]:
    parts = urlsplit(broker.url)
    return parts.username or "", parts.password or ""


def wall() -> int:
    return time.time_ns() // 1_000_000


class Site:
    """``hub`` is not started yet. ``port`` is where the hub finds its broker: a proxy's, if one stands between. ``bench``: with
    the devices and the rule above, or with nothing but what ``more`` says."""

    def __init__(self, path: Path, broker: Broker, more: str = "", port: int = 0, bench: bool = True) -> None:
        self.path = path
        self.broker = broker
        self.data = path / "data"
        name, word = login(broker)
        lines = f'username = "{name}"\npassword = "{word}"' if name else ""
        self.config = path / "gengfu.toml"
        head = HEAD.format(port=port or broker.port, login=lines)
        self.config.write_text(head + (BENCH if bench else "") + more, encoding="utf-8")
        self.hub = HubProcess(self.config, self.data)
        self._clients: list[Client] = []

    def client(self, client_id: str = "device", **more: Any) -> Client:
        made = Client(self.broker.port, client_id, *login(self.broker), **more)
        self._clients.append(made)
        return made

    def listener(self, *filters: str) -> Client:
        """Hears the alerts, if nothing else is asked for; keeps its session over the broker's death."""
        made = self.client("listener", clean=False)
        made.subscribe(*(filters or ("gengfu/yunqi/alerts/+",)))
        return made

    def close(self) -> None:
        if self.hub.process is not None and self.hub.process.poll() is None:
            self.hub.kill()
        for client in self._clients:
            client.drop()

    # --- what became of it --------------------------------------------------------------------------------------------

    def stored(self, device: str, quantity: str = "bench.level") -> list[int]:
        """The times of all that is on disk of a series, read as another process would."""
        store = ParquetStore.open_reader(self.data)
        try:
            times: list[int] = store.rows(Series(device, quantity), 0, 2**62).time.tolist()
            return times
        finally:
            store.close()

    def await_stored(self, device: str, times: Sequence[int], quantity: str = "bench.level", deadline: float = 60) -> None:
        """Waits until all are there, and sees that each is there once."""
        until(lambda: set(self.stored(device, quantity)) >= set(times), f"{device}'s readings are stored", deadline)
        doubled = {time: count for time, count in Counter(self.stored(device, quantity)).items() if count > 1}
        assert doubled == {}

    def alerts(self, **words: str) -> list[dict[str, Any]]:
        query = "&".join(f"{key}={value}" for key, value in words.items())
        return self.hub.every(f"/api/v1/alerts?{query}")


@contextmanager
def site(path: Path, broker: Broker, more: str = "", *, port: int = 0, start: bool = True, bench: bool = True) -> Iterator[Site]:
    made = Site(path, broker, more, port, bench)
    try:
        if start:
            made.hub.start()
        yield made
    finally:
        made.close()


# --- the time to an alert ---------------------------------------------------------------------------------------------


BUDGET = 0.1
"""Seconds at p99 while something is wrong. Where even the broker's echo or the disk is slower than that, in the same run:
three times the echo and two fsyncs."""


class Waits(list[float]):
    """Seconds from a fire message's first byte to the alert on the wire; ``echo`` of the broker alone and ``sync`` of a
    page to the same disk are measured in turn with them."""

    def __init__(self) -> None:
        super().__init__()
        self.echo: list[float] = []
        self.sync: list[float] = []

    def quantile(self, share: float) -> float:
        return _quantile(self, share)

    @property
    def said(self) -> str:
        p50, p99 = statistics.median(self), self.quantile(0.99)
        floor = f"echo {_quantile(self.echo, 0.99) * 1e3:.1f}, fsync {_quantile(self.sync, 0.99) * 1e3:.1f}"
        return f"p50 {p50 * 1e3:.1f}, p99 {p99 * 1e3:.1f}, max {max(self) * 1e3:.1f} ms of {len(self)} (p99 of {floor})"

    @property
    def in_budget(self) -> bool:
        return self.quantile(0.99) <= max(BUDGET, 3 * _quantile(self.echo, 0.99) + 2 * _quantile(self.sync, 0.99))


def _quantile(spent: Sequence[float], share: float) -> float:
    return sorted(spent)[min(len(spent) - 1, int(len(spent) * share))]


def probe(made: Site, count: int, every: float = 0.0, name: str = "p", meanwhile: Callable[[int], None] | None = None) -> Waits:
    """Raises one alarm after the other, each of another detector, and waits for its alert."""
    waits = Waits()
    probing = made.client(f"probe-{name}")
    probing.subscribe("gengfu/yunqi/alerts/critical", "floor")
    for number in range(count):
        began = time.monotonic()
        probing.publish("floor", b"%d" % number)
        waits.echo.append(probing.wait(lambda topic, _: topic == "floor", 30, "the echo")[2] - began)
        waits.sync.append(sync_a_page(made.path / "floor"))
        if meanwhile is not None:
            meanwhile(number)
        device = f"{name}{number}".encode()
        sent = time.monotonic()
        probing.publish(f"alarm/{name}{number}", {"ts": wall(), "smoke": True})
        _, _, heard = probing.wait(lambda _, payload, device=device: b'"alarm:' + device + b'"' in payload, 30, device.decode())
        waits.append(heard - sent)
        probing.messages.clear()
        while every and (left := began + every - time.monotonic()) > 0:
            probing.listen(left)
    return waits


def sync_a_page(path: Path) -> float:
    began = time.monotonic()
    with path.open("ab") as file:
        file.write(bytes(4096))
        file.flush()
        os.fdatasync(file.fileno())
    return time.monotonic() - began


# --- a receiver -------------------------------------------------------------------------------------------------------


class Sink:
    """An HTTP receiver in threads. ``answer`` says what it does with each notice: a status, or whatever it raises."""

    def __init__(self, answer: Callable[[dict[str, Any], str], int] = lambda notice, key: 204) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []  # the idempotency key and the notice
        self.beats: list[float] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                key = self.headers["Idempotency-Key"]
                sink.got.append((key, body))
                status = answer(body, key)
                self.send_response(status)
                self.end_headers()

            def do_GET(self) -> None:
                sink.beats.append(time.monotonic())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def config(self) -> str:
        return f'[[notifier]]\nid = "webhook:desk"\nkind = "webhook"\nurl = "http://127.0.0.1:{self.port}/alerts"\n'

    def keys(self, why: str = "first") -> Counter[str]:
        return Counter(key for key, notice in self.got if notice["why"] == why)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


BURN = "while True: pass"


def burner() -> list[str]:
    """A command that keeps one processor busy."""
    return [sys.executable, "-c", BURN]
