"""A real hub as a process of its own, to be asked over HTTP and killed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0


def until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Waits until the condition is true and returns what it said; fails with ``what`` after the deadline (seconds)."""
    end = time.monotonic() + deadline
    while True:
        if got := condition():
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.05)


class HubProcess:
    """``gengfu run`` on a configuration whose page listens on a port of its own choosing. Used in a ``with``, which ends it
    however the test ended."""

    def __init__(self, config: Path, directory: Path, *arguments: str) -> None:
        """``wrap`` is put before the command (strace, prlimit), ``first`` is Python that runs in the process before the hub,
        ``environment`` comes on top of ours."""
        self.config = config
        self.directory = directory
        self.arguments = arguments or ("run", "--config", str(config))
        self.wrap: list[str] = []
        self.first = ""
        self.environment: dict[str, str] = {}
        self.log = directory.parent / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    @property
    def url(self) -> str:
        about = json.loads((self.directory / "hub.lock").read_text() or "{}")
        assert self.process is not None
        return str(about["url"]) if about.get("pid") == self.pid else ""

    def start(self, *, ready: bool = True) -> None:
        with self.log.open("ab") as log:
            program = (
                ["-c", f"{self.first}\nimport sys\nfrom hub.cli import main\nsys.exit(main())"] if self.first else ["-m", "hub"]
            )
            command = [*self.wrap, sys.executable, *program, *self.arguments]
            environment = {**os.environ, "PYTHONUNBUFFERED": "", **self.environment}  # a hub has no such help elsewhere
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True, env=environment)
        if ready:
            until(self.is_ready, f"the hub is ready; its log: {self.log.read_text()[-2000:]}")

    def is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the hub ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, KeyError):
            return False

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json", "Origin": self.url}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def every(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page after page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            sign = "&" if "?" in path else "?"
            page = self.get(f"{path}{sign}limit=500{cursor}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    def metric(self, name: str) -> float:
        """The sum over all labels of one metric."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == f"gengfu_{name}")

    @property
    def pid(self) -> int:
        """The hub's own, not that of what it was wrapped in."""
        assert self.process is not None
        if not (self.wrap and Path(self.wrap[0]).name == "strace"):  # the others become the hub
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def children(self) -> list[int]:
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]

    def ended(self, deadline: float = DEADLINE) -> int:
        """Waits until it has ended by itself; the exit code."""
        assert self.process is not None
        return self.process.wait(deadline)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, signal.SIGABRT)
                self.process.wait()
                raise AssertionError(f"the hub did not stop: {self.log.read_text()[-3000:]}") from None
        return self.process.returncode


@contextmanager
def running_hub(config: Path, directory: Path) -> Iterator[HubProcess]:
    with HubProcess(config, directory) as hub:
        hub.start()
        yield hub
