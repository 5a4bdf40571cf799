"""Promise 2: a fire message arrives, or a device that reads receipts knows that it did not."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.model import Batch, Lane
from hub.receipts import Receipt
from hub.stores.memory import MemoryStore
from tests.promises.conftest import Figure
from tests.support.brokers import freeze, start_mosquitto
from tests.support.site import site, wall
from tests.support.walks import NOW, RETENTION, VOCABULARY, adapter, mapping, walk


@pytest.mark.promise(2)
@pytest.mark.fault("broker kill -9 after its PUBACK, its state lost")
def test_a_device_resends_until_its_receipt_and_one_alert_comes_of_it(tmp_path: Path, figure: Figure) -> None:
    """The broker has confirmed the alarm to the device and dies with it; only the device can know, by its receipt."""
    with start_mosquitto(tmp_path, persistence=False) as broker, site(tmp_path, broker) as made:
        device = made.client("detector")
        device.subscribe("gengfu/yunqi/receipts/alarm:k1")
        freeze(made.hub.pid)  # the alarm is with the broker and nowhere else
        alarm = {"ts": wall(), "seq": 17, "id": "k1-17", "smoke": True}
        device.say("alarm/k1", alarm)
        broker.kill()
        os.kill(made.hub.pid, signal.SIGCONT)
        broker.restart()
        began = time.monotonic()
        device = made.client("detector")
        device.subscribe("gengfu/yunqi/receipts/alarm:k1")
        listener = made.listener()
        resent = 0
        while not device.messages:
            device.publish("alarm/k1", alarm)
            resent += 1
            assert resent < 30, "no receipt"
            again = time.monotonic() + 1
            while not device.messages and (left := again - time.monotonic()) > 0:
                device.listen(left)
        receipt = json.loads(device.messages[0][1])
        after = device.messages[0][2] - began
        assert (receipt["id"], receipt["seq"]) == ("k1-17", 17)
        [alert] = made.alerts()
        assert alert["device"] == "alarm:k1"
        device.say("alarm/k1", alarm)  # again, as one whose receipt was lost would
        device.messages.clear()
        device.wait(lambda topic, payload: b'"seq":17' in payload, what="a second copy gets its receipt too")
        probe = {"ts": wall(), "smoke": True}
        device.say("alarm/k2", probe)
        listener.wait(lambda _, payload: b"alarm:k2" in payload)
        raised = [json.loads(payload) for _, payload, _ in listener.messages if b"alarm:k1" in payload]
        assert {one["id"] for one in raised} <= {alert["id"]}
        assert len(made.alerts()) == 2
        figure("times sent", resent + 1)
        figure("receipt after the broker was back", f"{after:.2f} s")


class Gate(MemoryStore):
    """A store that does not return before it is let."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, RETENTION)
        self.open = threading.Event()
        self.entered = threading.Event()

    def append(self, lane: Lane, batch: Batch) -> None:
        self.entered.set()
        assert self.open.wait(20)
        super().append(lane, batch)


@pytest.mark.promise(2)
async def test_no_receipt_goes_out_before_the_readings_and_the_alert_are_on_disk(tmp_path: Path) -> None:
    gate = Gate()
    fire = mapping(topic="alarm/{device}", lane="fire", seq="n.seq", readings=[{"quantity": "fire.smoke", "path": "smoke"}])
    async with walk(tmp_path, fire, adapter("zigbee2mqtt"), store=gate) as made:
        told: list[Receipt] = []
        alerts: list[int] = []

        def note(receipts: Sequence[Receipt]) -> None:
            told.extend(receipts)
            alerts.append(len(made.records.alerts()))

        for lane in made.lanes.values():
            lane.receipts = note
        numbered = json.dumps({"ts": NOW / 1000, "smoke": True, "n": {"seq": 5}})
        made.give("alarm/a", numbered, lane="fire")
        made.give("alarm/b", json.dumps({"ts": NOW / 1000, "smoke": False, "id": "b-1"}), lane="fire", qos=0, packet_id=0)
        made.give("alarm/c", json.dumps({"ts": NOW / 1000, "smoke": False}), lane="fire")  # it does not number its messages
        made.give("zigbee2mqtt/0x01", json.dumps({"temperature": 20.5, "id": 7}))  # not of fire
        assert await asyncio.to_thread(gate.entered.wait, 20)
        await made.committer.durable()
        assert told == []
        gate.open.set()
        await made.settled()
        assert sorted(told, key=lambda one: one.device) == [Receipt("bench:a", None, 5), Receipt("bench:b", "b-1", None)]
        assert alerts[0] == 1
