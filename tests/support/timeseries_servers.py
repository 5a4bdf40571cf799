"""Real servers for readings: Debian's influxdb (1.6.7) and victoria-metrics (1.79.5), on loopback, each in a directory of its
own. What apt has started as a service does not matter: ports and data are private.

    with start_server("influxdb", tmp_path) as server:
        ...  server.url, server.kill(), server.restart() ...

A machine without them fails these tests, loudly: they are not skipped.
"""

import http.client
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from tests.support.brokers import HOST, Broker, free_port

KINDS = ("influxdb", "victoria-metrics")
VERSIONS = {"influxdb": "1", "victoria-metrics": "victoria-metrics"}
"""What ``[store] version`` says of each."""

_INFLUX = """
reporting-enabled = false
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  max-values-per-tag = {values_per_tag}
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  auth-enabled = {auth}
"""


class NoServer(Exception):
    """The machine lacks a server that the tests need, or it did not come up."""


class Server(Broker):
    """A running server, with the same handles as a broker: ``kill``, ``stop``, ``freeze``, ``thaw``, ``restart``. It is not
    started yet if ``started`` is False; ``restart`` does that."""

    directory: Path

    def written(self) -> dict[Path, int]:
        """The files of what it has been told to write, InfluxDB's only, and how long each is."""
        return {path: path.stat().st_size for path in self.directory.glob("wal/**/*.wal")}

    def lose(self, since: dict[Path, int]) -> int:
        """Of a dead InfluxDB: half of what it wrote since then was never on the disk, though it had asked for that and been
        told so, as by a disk or a virtual machine that does not keep its word over a power cut. Returns the bytes."""
        lost = 0
        for path, size in self.written().items():
            kept = (since.get(path, 0) + size) // 2
            os.truncate(path, kept)
            lost += size - kept
        return lost

    @property
    def settings(self) -> dict[str, str]:
        """What [store] says to reach it, but for the bucket."""
        return {"url": self.url, "version": VERSIONS[self.kind]}

    def table(self, bucket: str) -> str:
        """The same, as it stands in gengfu.toml."""
        lines = [f'{name} = "{word}"' for name, word in {**self.settings, "bucket": bucket}.items()]
        return "\n".join(["[store]", 'kind = "influxdb"', *lines, ""])

    def times(self, bucket: str, domain: str, quantity: str) -> list[tuple[str, int]]:
        """Device and time of every point of a quantity that the server itself has, as often as it has it."""
        if self.kind == "influxdb":
            query = f'SELECT "device", "value" FROM "{domain}" WHERE "quantity" = \'{quantity}\''
            answer = json.loads(self.ask("/query", db=bucket, epoch="ms", q=query))
            return sorted((row[1], row[0]) for series in answer["results"][0].get("series", []) for row in series["values"])
        # It remembers for ten seconds that nothing matched: a label that nobody has makes every question a new one.
        match = f'gengfu_value{{bucket="{bucket}",quantity="{quantity}",asked!="{time.time_ns()}"}}'
        lines = [json.loads(line) for line in self.ask("/api/v1/export", **{"match[]": match}, start="0").splitlines()]
        return sorted((line["metric"]["device"], at) for line in lines for at in line["timestamps"])

    def ask(self, path: str, **words: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}?{urlencode(words)}", timeout=30) as answer:
            said: bytes = answer.read()
            return said


@contextmanager
def start_server(
    kind: str, path: Path, *, port: int = 0, auth: bool = False, values_per_tag: int = 100_000, flags: Sequence[str] = ()
) -> Iterator[Server]:
    """``values_per_tag``: as many devices InfluxDB takes. ``flags`` are VictoriaMetrics's."""
    port = port or free_port()
    directory = path / kind
    directory.mkdir(parents=True, exist_ok=True)
    command = _influxdb(directory, port, auth, values_per_tag) if kind == "influxdb" else _victoria(directory, port, flags)
    log = directory / "log"
    process: list[subprocess.Popen[bytes]] = []

    def launch() -> int:
        with log.open("ab") as out:
            process[:] = [subprocess.Popen(command, stdout=out, stderr=out)]
        deadline = time.monotonic() + 30
        while not _answers(port):
            if process[0].poll() is not None or time.monotonic() > deadline:
                process[0].kill()
                raise NoServer(f"{kind} did not come up: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return process[0].pid

    server = Server(kind, port, f"http://{HOST}:{port}", launch, _reaper(process))
    server.directory = directory
    try:
        yield server
    finally:
        server.kill()


def _influxdb(directory: Path, port: int, auth: bool, values_per_tag: int) -> list[str]:
    config = directory / "influxdb.conf"
    words = {"directory": directory, "port": port, "rpc": free_port(), "auth": str(auth).lower()}
    config.write_text(_INFLUX.format(values_per_tag=values_per_tag, **words))
    return [_program("influxd", "influxdb"), "run", "-config", str(config)]


def _victoria(directory: Path, port: int, flags: Sequence[str]) -> list[str]:
    return [
        _program("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={directory / 'data'}",
        f"-httpListenAddr={HOST}:{port}",
        "-retentionPeriod=100y",
        "-memory.allowedBytes=256MB",
        *flags,
    ]


def _program(name: str, package: str) -> str:
    program = shutil.which(name)
    if not program:
        raise NoServer(f"{name} is not installed and this test needs it: apt-get install {package}")
    return program


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status < 300
    except OSError:
        return False
    finally:
        connection.close()


def _reaper(process: list[subprocess.Popen[bytes]]) -> Callable[[], None]:
    def reap() -> None:
        try:
            process[0].wait(20)
        except subprocess.TimeoutExpired:
            process[0].kill()
            process[0].wait(10)

    return reap
