"""Promise 8: silence is noticed: per device, from its own expected interval."""

import json
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import site, wall

SILENT = """
[[rule]]
id = "level-silent"
kind = "silent"
quantity = "bench.level"
at_least = "2s"
severity = "warning"
"""


@pytest.mark.promise(8)
@pytest.mark.fault("lost packets, then silence")
def test_each_device_is_missed_by_its_own_interval(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """One speaks every second, and one of its packets is lost; one speaks every two seconds. Then both stop."""
    with site(tmp_path, broker, SILENT) as made:
        listener = made.listener("gengfu/yunqi/alerts/warning")
        device = made.client()
        began, last = time.monotonic(), {"quick": 0.0, "slow": 0.0}
        for count in range(1, 11):
            for name, every in (("quick", 1), ("slow", 2)):
                if count % every == 0 and (name, count) != ("quick", 4):
                    device.say(f"bench/{name}", {"ts": wall(), "level": 1, "power": 1})
                    last[name] = time.monotonic()
            time.sleep(max(0.0, began + count * 1.05 - time.monotonic()))
        assert made.alerts() == [], "a lost packet is not silence"
        for name, low, high in (("quick", 3.0, 4.5), ("slow", 6.0, 7.5)):  # three times 1.05 and 2.1 s
            id = f"bench:{name}".encode()
            _, _, heard = listener.wait(lambda _, payload, id=id: id in payload, 12, f"{name} is missed")
            after = heard - last[name]
            figure(f"missed, one that speaks every {'1.05' if name == 'quick' else '2.1'} s", f"after {after:.1f} s")
            assert low <= after <= high
        device.say("bench/quick", {"ts": wall(), "level": 1, "power": 1})
        until(lambda: [a for a in made.alerts(state="resolved") if a["device"] == "bench:quick"], "heard again, it ends")


@pytest.mark.promise(8)
def test_a_last_will_is_heard_at_once(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """Tasmota's will, tele/{topic}/LWT: the device has gone without a word."""
    more = '[[adapter]]\nkind = "tasmota"\n[[rule]]\nid = "offline"\nkind = "state"\nquantity = "device.online"\nis = 0\n'
    with site(tmp_path, broker, more) as made:
        device = made.client("tasmota", will=("tele/plug/LWT", b"Offline"))
        device.say("tele/plug/LWT", b"Online")
        device.say("tele/plug/SENSOR", json.dumps({"Time": "2026-03-05T12:00:00", "ENERGY": {"Power": 5}}).encode())
        until(lambda: made.hub.every("/api/v1/devices"), "the device is known")
        began = time.monotonic()
        device.drop()
        until(lambda: made.alerts(state="firing"), "it is missed")
        figure("missed by its last will", f"after {time.monotonic() - began:.1f} s")
