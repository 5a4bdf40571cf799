"""Real brokers for tests: mosquitto and nats-server on loopback, each in a directory of its own.

    with start_mosquitto(tmp_path, persistence=True) as broker:
        ...  broker.url, broker.port, broker.kill(), broker.restart() ...

Both wait until the broker takes an MQTT CONNECT, and end it, whatever state it is in, on the way out. A machine without
mosquitto fails these tests, loudly: they are not skipped.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from hub.broker import PrivateBroker, accepts, find_nats_server

HOST = "127.0.0.1"
KINDS = ("mosquitto", "nats")


class NoBroker(Exception):
    """The machine lacks a broker that the tests need, or it did not come up."""


def freeze(pid: int) -> None:
    """Stops a process; returns once every thread of it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    while any(task.joinpath("stat").read_text().rpartition(")")[2].split()[0] not in "Tt" for task in tasks.iterdir()):
        time.sleep(0.005)


class Broker:
    """A running broker. ``url`` carries the credentials; ``pid`` and the process change with ``restart``."""

    def __init__(self, kind: str, port: int, url: str, launch: Callable[[], int], reap: Callable[[], None]) -> None:
        self.kind = kind
        self.host = HOST
        self.port = port
        self.url = url
        self._launch = launch
        self._reap = reap
        self.pid = launch()

    def kill(self) -> None:
        """kill -9: what the broker has not written is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Returns once every thread of it has stopped."""
        freeze(self.pid)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again on the same port with the same state; ends it first if it is still there."""
        if self.pid:
            self.stop()
        self.pid = self._launch()

    def _end(self, how: signal.Signals) -> None:
        if not self.pid:
            return
        os.kill(self.pid, how)
        if how != signal.SIGKILL:
            os.kill(self.pid, signal.SIGCONT)  # a frozen process cannot hear
        self._reap()
        self.pid = 0


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def start_mosquitto(
    tmp_path: Path,
    *,
    port: int = 0,
    max_inflight: int | None = None,
    max_queued: int = 100_000,
    persistence: bool = True,
    autosave_seconds: int = 1,
    username: str = "",
    password: str = "",
    tls: tuple[Path, Path] | None = None,
    extra: Sequence[str] = (),
    config: Path | None = None,
) -> Iterator[Broker]:
    """mosquitto with ``set_tcp_nodelay true``, state kept in ``tmp_path/mosquitto``.

    ``max_inflight`` None leaves mosquitto's default of 20. With ``username`` nobody gets in without it. ``tls`` is
    (certificate, key). ``extra`` are lines of mosquitto.conf, ``config`` a whole file instead of all of it: then ``port``
    must be the one that file names.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not program:
        raise NoBroker("mosquitto is not installed and this test needs it: apt-get install mosquitto")
    directory = tmp_path / "mosquitto"
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    if config is None:
        lines = [
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            "set_tcp_nodelay true",
            f"max_queued_messages {max_queued}",
            f"persistence {str(persistence).lower()}",
            f"persistence_location {directory}/",
            f"autosave_interval {autosave_seconds}",
            f"listener {port} {HOST}",
        ]
        if max_inflight is not None:
            lines.append(f"max_inflight_messages {max_inflight}")
        if username:
            lines += ["allow_anonymous false", f"password_file {_password_file(directory, username, password)}"]
        else:
            lines.append("allow_anonymous true")
        if tls:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        config = directory / "mosquitto.conf"
        config.write_text("\n".join([*lines, *extra]) + "\n")
    log = directory / "log"
    process: list[subprocess.Popen[bytes]] = []

    def launch() -> int:
        with log.open("ab") as out:
            process[:] = [subprocess.Popen([program, "-c", str(config)], stdout=out, stderr=out)]
        deadline = time.monotonic() + 15
        while not (_listens(port) if tls else accepts(HOST, port, username, password, patience=0.1)):
            if process[0].poll() is not None or time.monotonic() > deadline:
                process[0].kill()
                raise NoBroker(f"mosquitto did not come up: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return process[0].pid

    scheme = "mqtts" if tls else "mqtt"
    login = f"{quote(username, '')}:{quote(password, '')}@" if username else ""
    broker = Broker("mosquitto", port, f"{scheme}://{login}{HOST}:{port}", launch, lambda: _wait(process[0]))
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def start_nats(tmp_path: Path, *, port: int = 0) -> Iterator[Broker]:
    """nats-server as the demo runs it (``hub.broker``), its state in ``tmp_path/nats``."""
    find_nats_server()
    private = PrivateBroker(tmp_path / "nats", port or free_port())
    private.directory.mkdir(parents=True, exist_ok=True)

    def launch() -> int:
        wanted = private.port
        private.start_now()
        if private.port != wanted:
            private.stop_now()
            raise NoBroker(f"port {wanted} was taken by someone else meanwhile")
        return private.pid

    broker = Broker("nats", private.port, private.url, launch, private.wait_ended)
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def start_broker(kind: str, tmp_path: Path) -> Iterator[Broker]:
    """Either, by name: for tests that run against both (``KINDS``)."""
    with (start_nats if kind == "nats" else start_mosquitto)(tmp_path) as broker:
        yield broker


def _password_file(directory: Path, username: str, password: str) -> Path:
    path = directory / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(path), username, password], check=True, capture_output=True)
    path.chmod(0o644)
    return path


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
