"""What the tests of the promises share: brokers, figures for the table, and saying what could not run."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.brokers import Broker, start_mosquitto

Figure = Callable[[str, object], None]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path, max_inflight=200) as running:
        yield running


@pytest.fixture
def figure(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Figure:
    """Notes a figure of this run for docs/reliability.md, and prints it."""

    def note(what: str, value: object) -> None:
        record_property(what, str(value))
        print(f"{request.node.name}: {what}: {value}")

    return note


@pytest.fixture
def strace() -> list[str]:
    """The beginning of a strace command; the test is not run where ptrace is missing or forbidden."""
    program = shutil.which("strace")
    if not program:
        pytest.skip("strace is not installed: faults at the Nth system call were NOT injected")
    tried = subprocess.run([program, "-f", "-o", "/dev/null", "-e", "trace=none", "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"strace may not trace here ({tried.stderr.strip()}): faults at the Nth system call were NOT injected")
    return [program, "-f", "-qq"]  # not --seccomp-bpf: strace 6.1 then counts nothing


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 700 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here ({mounted.stderr.strip()}): a full disk was NOT tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
