"""The private broker: a real nats-server in a folder of the test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import packets
from hub.broker import HOST, USER, PrivateBroker, accepts
from tests.support.brokers import free_port, freeze, start_broker


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "broker"
    PrivateBroker(tmp_path / "broker").stop_now()


async def test_starts_takes_only_its_password_and_stops(directory: Path) -> None:
    port = free_port()
    broker = PrivateBroker(directory, port)
    url = await broker.start()
    secret = (directory / "secret").read_text()
    assert url == f"mqtt://{USER}:{secret}@{HOST}:{port}"
    assert not broker.adopted
    assert accepts(HOST, port, USER, secret, patience=1)
    assert not accepts(HOST, port, USER, "guess", patience=0.3)
    assert not accepts(HOST, port, "", "", patience=0.3)
    for private in ("secret", "nats-server.conf"):
        assert (directory / private).stat().st_mode & 0o777 == 0o600
    pid = broker.pid
    await broker.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await broker.stop()  # nothing to end is no fault


def test_outlives_a_killed_hub_and_is_adopted(directory: Path) -> None:
    port = free_port()
    hub = subprocess.Popen(
        [sys.executable, "-c", _A_HUB, str(directory), str(port)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert hub.stdout
    pid = int(hub.stdout.readline())
    os.killpg(hub.pid, signal.SIGKILL)  # the group, as a terminal or systemd would
    hub.wait()
    broker = PrivateBroker(directory, port)
    url = broker.start_now()
    assert broker.adopted
    assert (broker.pid, broker.port) == (pid, port)
    assert accepts(HOST, port, USER, url.split(":")[2].split("@")[0], patience=1)


_A_HUB = """
import sys, time
from pathlib import Path
from hub.broker import PrivateBroker
broker = PrivateBroker(Path(sys.argv[1]), int(sys.argv[2]))
broker.start_now()
print(broker.pid, flush=True)
time.sleep(60)
"""


def test_a_taken_port_is_replaced_and_said(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        broker = PrivateBroker(directory, wanted)
        url = broker.start_now()
        assert broker.port != wanted
        assert url.endswith(f":{broker.port}")
        assert f"port {wanted} is taken; the private broker listens on {broker.port}" in caplog.text


def test_a_deaf_broker_is_started_anew(directory: Path) -> None:
    broker = PrivateBroker(directory, free_port())
    broker.start_now()
    old = broker.pid
    freeze(old)
    again = PrivateBroker(directory, broker.port)
    again._child = broker._child  # one process plays both hubs, and only the parent can bury its child
    again.start_now()
    assert not again.adopted
    assert again.pid != old


def test_someone_elses_process_is_left_alone(directory: Path) -> None:
    broker = PrivateBroker(directory, free_port())
    directory.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (directory / "nats-server.pid").write_text(f'{{"pid": {stranger.pid}, "port": {broker.port}}}')
        broker.start_now()
        assert not broker.adopted
        broker.stop_now()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_the_test_brokers_freeze_thaw_and_come_back(kind: str, tmp_path: Path) -> None:
    with start_broker(kind, tmp_path) as broker:
        broker.freeze()
        with socket.create_connection((HOST, broker.port), timeout=1) as probe:
            probe.settimeout(0.3)
            probe.sendall(packets.connect("frozen", clean=True))
            with pytest.raises(TimeoutError):
                probe.recv(1)
        broker.thaw()
        old = broker.pid
        broker.kill()
        with pytest.raises(OSError), socket.create_connection((HOST, broker.port), timeout=1):
            pass
        broker.restart()
        assert broker.pid != old
        started = time.monotonic()
        broker.stop()
        assert time.monotonic() - started < 10
