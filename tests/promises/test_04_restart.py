"""Promise 4: a restart neither forgets an alert, nor raises it again, nor restarts its timers."""

import json
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import site, wall

HELD = """
[[rule]]
id = "power-held"
kind = "above"
quantity = "power.active"
threshold = 100
hold_for = "8s"
severity = "warning"
"""


@pytest.mark.promise(4)
def test_killed_while_active_it_is_neither_forgotten_nor_raised_again(tmp_path: Path, broker: Broker) -> None:
    with site(tmp_path, broker) as made:
        listener = made.listener()
        device = made.client()
        device.say("alarm/a", {"ts": wall(), "smoke": True})
        [alert] = until(lambda: made.alerts(state="firing"), "the alarm")
        made.hub.post(f"/api/v1/alerts/{alert['id']}/acknowledge", {"by": "li", "comment": "on my way"})
        for _ in range(2):
            made.hub.kill()
            made.hub.start()
            [after] = made.alerts()
            assert (after["id"], after["state"], after["acknowledged_by"]) == (alert["id"], "firing", "li")
            device.say("alarm/a", {"ts": wall(), "smoke": True})  # still burning
            device.say("alarm/b", {"ts": wall(), "smoke": False})
            until(lambda: made.stored("alarm:b", "fire.smoke"), "what came after it is stored")
            assert len(made.alerts()) == 1
        device.say("alarm/a", {"ts": wall() + 10, "smoke": False})
        until(lambda: made.alerts(state="resolved"), "evidence ends it")
        listener.wait(lambda _, payload: b'"state":"resolved"' in payload)
        said = [json.loads(payload) for _, payload, _ in listener.messages]
        assert {one["id"] for one in said} == {alert["id"]}
        assert [one["state"] for one in said if not one["acknowledged_by"]].count("firing") >= 1


@pytest.mark.promise(4)
def test_killed_while_pending_the_wait_goes_on(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """For 8 s: killed after 3, down for 1. It fires 8 s after it began, not 8 s after the restart."""
    with site(tmp_path, broker, HELD) as made:
        listener = made.listener()
        device = made.client()
        began = time.monotonic()
        device.say("bench/m", {"ts": wall(), "level": 1, "power": 500})
        until(lambda: made.alerts(state="pending"), "it is pending")
        [pending] = made.alerts()
        while time.monotonic() - began < 3:  # it goes on reporting, as a meter does
            device.say("bench/m", {"ts": wall(), "level": 1, "power": 500})
            time.sleep(0.5)
        made.hub.kill()
        time.sleep(1)
        made.hub.start()
        _, payload, heard = listener.wait(lambda _, payload: b'"state":"firing"' in payload, 15, "it fires")
        waited = heard - began
        assert json.loads(payload)["id"] == pending["id"]
        figure("held for 8 s over a kill, fired after", f"{waited:.1f} s")
        assert 7.5 <= waited <= 10.5
