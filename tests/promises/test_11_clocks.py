"""Promise 11: a wrong clock, the device's or ours, never hides an alert. Waiting is measured on the monotonic clock."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Site, probe, site, wall

HELD = """
[[rule]]
id = "power-held"
kind = "above"
quantity = "power.active"
threshold = 100
hold_for = "4s"
severity = "warning"
"""


class Clock:
    """The hub's wall clock, by libfaketime: ``jump`` moves it while the hub runs. Its monotonic clock is left alone."""

    def __init__(self, path: Path) -> None:
        libraries = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            pytest.skip("libfaketime is not installed: jumps of the hub's clock were NOT tested")
        self._file = path / "clock"
        self.jump(0)
        self.environment = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
        }

    def jump(self, seconds: int) -> None:
        draft = self._file.with_suffix(".tmp")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    yield Clock(tmp_path)


@pytest.mark.promise(11)
@pytest.mark.fault("wall clock of the hub +1 h, -1 h while it runs")
@pytest.mark.parametrize("jump", [3600, -3600])
def test_our_clock_jumps(jump: int, tmp_path: Path, broker: Broker, clock: Clock, figure: Figure) -> None:
    with site(tmp_path, broker, HELD, start=False) as made:
        made.hub.environment = clock.environment
        made.hub.start()
        listener = made.listener()
        device = made.client()
        probe(made, 10, name="before")
        began = time.monotonic()
        device.say("bench/m", {"ts": wall(), "level": 1, "power": 500})
        until(lambda: made.alerts(state="pending"), "it is pending")
        clock.jump(jump)
        waits = probe(made, 10, name="after")
        for _ in range(3):  # it goes on reporting by its own clock, which is right
            device.say("bench/m", {"ts": wall(), "level": 1, "power": 500})
            time.sleep(0.5)
        _, _, heard = listener.wait(lambda _, payload: b"power-held" in payload and b'"firing"' in payload, 10, "it fires")
        held = heard - began
        figure(f"hold of 4 s over a jump of {jump / 3600:+.0f} h", f"fired after {held:.1f} s")
        figure(f"fire after a jump of {jump / 3600:+.0f} h", waits.said)
        assert 3.8 <= held <= 6
        clock.jump(0)
        probe(made, 10, name="back")
        assert {alert["state"] for alert in made.alerts()} == {"firing"}
        assert len(made.alerts()) == 31


@pytest.mark.promise(11)
@pytest.mark.fault("clock of the device: 1970, 2106, an hour off")
def test_a_devices_clock_is_wrong(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        device = made.client()
        clocks = {
            "1970": 0, "2106": 4_294_967_295_000, "year 9999": 253_402_300_799_000, "an hour ahead": wall() + 3_600_000,
            "an hour behind": wall() - 3_600_000, "seconds for ms": wall() // 1000, "ns for ms": wall() * 1_000_000,
            "negative": -1, "older than anything kept": wall() - 20 * 365 * 86_400_000,
        }  # fmt: skip
        for number, at in enumerate(clocks.values()):
            device.say(f"alarm/c{number}", {"ts": at, "smoke": True})
        alerts = until(lambda: len(found := made.alerts(state="firing")) == len(clocks) and found, "each is raised")
        assert {alert["device"] for alert in alerts} == {f"alarm:c{number}" for number in range(len(clocks))}
        figure("wrong clocks of devices, alarms raised", f"{len(alerts)} of {len(clocks)}")
        odd = {alert["device"] for alert in alerts if set(alert["quality"]) & {"clock_skew", "late"}}
        assert odd == {alert["device"] for alert in alerts}, "each says that its time is odd"
        # One that was ahead and is set right still ends its alarm, and raises the next one.
        device.say("alarm/c3", {"ts": wall(), "smoke": False})
        until(lambda: resolved(made, "alarm:c3"), "evidence ends it")


def resolved(made: Site, device: str) -> bool:
    return any(alert["device"] == device for alert in made.alerts(state="resolved"))


@pytest.mark.promise(11)
def test_the_receipt_tells_whose_clock_said_what(tmp_path: Path, broker: Broker) -> None:
    """The steps of the hub are in order, whatever the device's clock says."""
    with site(tmp_path, broker) as made:
        ahead = wall() + 60_000  # within what is tolerated, so it is used as it is
        made.client().say("alarm/a", {"ts": ahead, "smoke": True})
        [alert] = until(lambda: made.alerts(state="firing"), "it is raised")
        made.hub.post(f"/api/v1/alerts/{alert['id']}/seen", {"by": "li"})
        made.hub.post(f"/api/v1/alerts/{alert['id']}/acknowledge", {"by": "li"})
        receipt = until(
            lambda: (got := made.hub.get(f"/api/v1/alerts/{alert['id']}")["receipt"])["seen_at"] and got["published_at"] and got,
            "all steps are noted",
        )
        assert receipt["device_at"] > receipt["received_at"]
        steps = ["received_at", "decided_at", "committed_at", "published_at"]
        assert [receipt[step] for step in steps] == sorted(receipt[step] for step in steps)
        assert receipt["seen_at"] <= receipt["acknowledged_at"]
        assert receipt["notified_at"] is None, "nobody but MQTT was to be told"
        assert json.dumps(receipt)
