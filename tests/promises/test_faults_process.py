"""Faults of the process itself: no descriptors left, nobody who listens to it, asked twice to stop."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import ROOT, until
from tests.support.site import Sink, probe, site, wall


@pytest.mark.fault("out of file descriptors")
def test_without_descriptors_it_keeps_watch_and_recovers(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    sink = Sink()
    with site(tmp_path, broker, sink.config) as made:
        probe(made, 5, name="before")
        made.hub.get("/api/v1/alerts")
        _, hard = resource.prlimit(made.hub.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(made.hub.pid, resource.RLIMIT_NOFILE, (3, hard))  # what is open stays open
        began = time.monotonic()
        until(lambda: not made.hub.is_ready(), "no page can be opened", 20)
        waits = probe(made, 50, name="without")
        figure("fire without a free descriptor", waits.said)
        complaints = made.hub.said().count("out of system resource")
        figure("complaints of it", f"{complaints} in {time.monotonic() - began:.1f} s")
        assert complaints <= 100 * (time.monotonic() - began + 1), "it tries as many as may wait, now and then, and says so"
        resource.prlimit(made.hub.pid, resource.RLIMIT_NOFILE, (hard, hard))
        until(lambda: made.hub.is_ready(), "the page answers again")
        until(lambda: sum(sink.keys().values()) == 55, "all are told")
        assert len(made.alerts(state="firing")) == 55
        assert max(waits) <= max(1, 3 * max(waits.echo) + 2 * max(waits.sync)), waits.said
    sink.close()


@pytest.mark.fault("stdout and stderr closed")
def test_nobody_listens_to_what_it_says(tmp_path: Path, broker: Broker) -> None:
    with site(tmp_path, broker, start=False) as made:
        reading, writing = os.pipe()
        made.hub.process = subprocess.Popen(
            [sys.executable, "-m", "hub", "run", "--config", str(made.config)], cwd=ROOT, stdout=writing, stderr=writing
        )
        os.close(reading)
        os.close(writing)
        until(made.hub.is_ready, "it runs")
        made.client().say("bench/bad", b"{")  # something to complain about
        broker.kill()
        broker.restart()
        until(made.hub.is_ready, "it is back")
        until(lambda: made.hub.metric("mqtt_connected") == 2, "both sessions are")
        probe(made, 5)
        assert made.hub.stop() == 0


@pytest.mark.promise(1)
@pytest.mark.fault("SIGTERM, and again in the middle of it")
def test_asked_twice_to_stop_it_ends_at_once_and_loses_nothing(
    tmp_path: Path, broker: Broker, strace: list[str], figure: Figure
) -> None:
    """Every fsync takes 200 ms, so the orderly end is under way when it is asked again."""
    with site(tmp_path, broker, start=False) as made:
        slow = [
            "--seccomp-bpf",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync,fsync",
            "-e",
            "inject=fdatasync,fsync:delay_exit=200000",
        ]
        made.hub.wrap = [*strace, *slow]
        made.hub.start()
        device = made.client()
        times: list[int] = []
        for _ in range(100):
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
        pid = made.hub.pid
        os.kill(pid, signal.SIGTERM)
        until(lambda: "Putting things away" in made.hub.said(), "it has begun", 10)
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        assert made.hub.ended() == 1
        figure("asked again, it ended", f"after {time.monotonic() - began:.2f} s")
        made.hub.wrap = []
        made.hub.start()
        made.await_stored("bench:m", times)
        probe(made, 3)
