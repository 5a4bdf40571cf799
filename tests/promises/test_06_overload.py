"""Promise 6: overload never costs fire anything: QoS 1 stays with the broker, only QoS 0 of the rest lane is shed, counted."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import ROOT, until
from tests.support.site import Site, probe, site, wall

pytestmark = pytest.mark.alone


def flood(made: Site, seconds: float, qos: int, rate: float = 0) -> "subprocess.Popen[str]":
    words = [str(made.broker.port), str(seconds), str(qos), str(rate)]
    return subprocess.Popen([sys.executable, "-m", "tests.support.flood", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def sent(flooding: "subprocess.Popen[str]") -> int:
    said, _ = flooding.communicate(timeout=60)
    return int(said)


@pytest.mark.promise(6)
@pytest.mark.fault("ten-fold flood")
def test_a_ten_fold_flood_with_alarms_among_it(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """Ten times the 1,000 messages a second of a large community, QoS 0, and 100 a second at QoS 1 that must not be lost.
    Fire is not shed either, at whichever QoS it comes."""
    with site(tmp_path, broker) as made:
        probe(made, 20, name="warm")
        loud, sure = flood(made, 6, 0, 10_000), flood(made, 6, 1, 100)
        until(lambda: made.hub.metric("messages_total") > 5_000, "the flood has come")
        waits = probe(made, 80, every=0.05)
        device = made.client()
        for number in range(20):
            device.publish(f"alarm/zero{number}", {"ts": wall(), "smoke": True}, qos=0)
        until(lambda: len([a for a in made.alerts(state="firing") if ":zero" in a["device"]]) == 20, "alarms at QoS 0 are raised")
        total, must = sent(loud), sent(sure)
        figure("fire under a ten-fold flood", waits.said)
        assert waits.in_budget, waits.said
        # the two floods overlap in their series and times: what counts is that each QoS 1 message was confirmed
        until(lambda: made.hub.metric("confirmed_total") >= must, "all of QoS 1 is committed and confirmed", 30)
        assert made.hub.metric("readings_committed_total") > 0
        figure("messages a second", f"{total / 6:.0f} at QoS 0 and {must / 6:.0f} at QoS 1; {must} of {must} confirmed")


@pytest.mark.promise(6)
@pytest.mark.fault("slow fsync, 500 ms")
def test_a_slow_disk_sheds_only_qos_0_and_counts_it(tmp_path: Path, broker: Broker, strace: list[str], figure: Figure) -> None:
    """Every fsync takes half a second. Readings come faster than they can be written; fire and QoS 1 lose nothing."""
    with site(tmp_path, broker, start=False) as made:
        slow = ["--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync:delay_exit=500000"]
        made.hub.wrap = [*strace, *slow]
        made.hub.first = (
            "import hub.lane as lane; lane.BACKLOG, lane.MOST = 2_000, 4_000"  # a smaller memory, or it takes a minute
        )
        made.hub.start()
        loud = flood(made, 8, 0, 12_000)
        device = made.client()
        must = []
        began = time.monotonic()
        while time.monotonic() - began < 6:
            must.append(wall())
            device.say("bench/sure", {"ts": must[-1], "level": 1, "power": 1})
            time.sleep(0.02)
        waits = probe(made, 3)
        total = sent(loud)
        until(lambda: made.hub.metric("lane_backlog") == 0, "what was taken is written", 30)
        shed = made.hub.metric("shed_total")
        made.await_stored("bench:sure", must)
        figure("fire while every fsync takes 500 ms", waits.said)
        figure("shed", f"{shed:.0f} of {total} at QoS 0, 0 of {len(must)} at QoS 1, 0 of {len(waits)} alarms")
        assert shed > 0
        assert max(waits) < 5
        for number in range(len(waits)):
            made.await_stored(f"alarm:p{number}", made.stored(f"alarm:p{number}", "fire.smoke"), "fire.smoke")


@pytest.mark.promise(6)
@pytest.mark.fault("2,000 devices reconnect at once")
def test_two_thousand_devices_come_back_at_once(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """A power cut is over: each connects, says its name and its first readings, retained and not, and every tenth is burning."""
    with site(tmp_path, broker) as made:
        probe(made, 20, name="warm")
        began = time.monotonic()
        devices = []
        at = wall()
        for number in range(2_000):
            device = made.client(f"device-{number}")
            devices.append(device)
            device.publish(f"bench/r{number}", {"ts": at, "level": 1, "power": 1})
            device.publish(f"alarm/r{number}", {"ts": at, "smoke": number % 10 == 0})
        connected = time.monotonic() - began
        waits = probe(made, 20)
        until(lambda: len(made.alerts(state="firing")) == 200 + 40, "every burning one is an alert")
        until(lambda: made.hub.metric("lane_waiting") == 0, "all is confirmed")
        for number in (0, 999, 1_999):
            made.await_stored(f"bench:r{number}", [at])
        figure("2,000 connected in", f"{connected:.1f} s, 200 of 200 alarms raised")
        figure("fire right behind them", waits.said)
        assert max(waits) <= 1, waits.said  # the first waits for 2,000 others of its own lane
