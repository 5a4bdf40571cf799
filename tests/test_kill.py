"""Promise 1 and 3 and 4 in one: the hub is killed with -9 under load, and nothing is lost, doubled or forgotten.

10,000 QoS 1 messages from paho, each device with times of its own; three kills at random moments. Afterwards every reading
is stored exactly once and every alert was raised exactly once, by its id, in the records and on the wire.
"""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.brokers import start_broker
from tests.support.hubs import until
from tests.support.site import login, site

DEVICES, EACH = 200, 50
ALARM = 25  # which of a device's messages is above the threshold
PAUSE = 0.06
"""Seconds after one message of every device: it goes on as long as the hub is killed and started anew, so that each kill falls
among messages on their way."""
KILLS = 3

METERS = """
[[quantity]]
name = "bench.level"
unit = "1"
shape = "gauge"
[[adapter]]
kind = "json"
topic = "tele/fire/{device}"
lane = "rest"
device = "bench:{device}"
time = { path = "ts", unit = "s" }
readings = [
  { quantity = "bench.level", path = "smoke" },
  { quantity = "power.active", path = "power_w", unit = "W" },
]
[[rule]]
id = "level-high"
kind = "above"
quantity = "bench.level"
threshold = 500
hold_for = "0s"
severity = "critical"
"""


def publish_all(port: int, username: str, password: str, start: int) -> None:
    """Every device's messages in order, its alarm in the middle, one a second from ``start`` on (s since 1970) by their own
    time; returns when the broker has confirmed all of them."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "load")
    if username:
        client.username_pw_set(username, password)
    client.max_inflight_messages_set(200)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = []
    for number in range(EACH):
        for device in range(DEVICES):
            message = {"ts": start + number, "smoke": 900 if number == ALARM else 10, "power_w": number}
            sent.append(client.publish(f"tele/fire/d{device}", json.dumps(message), qos=1))
        time.sleep(PAUSE)
    for info in sent:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


class Listener:
    """An ordinary subscriber with a session that outlives the hub's deaths; keeps every alert message."""

    def __init__(self, port: int, username: str, password: str) -> None:
        self.alerts: list[dict[str, object]] = []
        self.subscribed = threading.Event()
        self._arguments = (port, username, password)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        assert self.subscribed.wait(20)

    async def _run(self) -> None:
        port, username, password = self._arguments
        self._stop = asyncio.Event()
        client = aiomqtt.Client("127.0.0.1", port, username=username or None, password=password or None, identifier="listener")
        async with client:
            await client.subscribe("gengfu/yunqi/alerts/+", qos=1)
            self.subscribed.set()
            reader = asyncio.ensure_future(self._read(client))
            await self._stop.wait()
            reader.cancel()

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            self.alerts.append(json.loads(message.payload))

    def ids(self, state: str = "") -> set[object]:
        return {alert["id"] for alert in self.alerts if state in ("", alert["state"])}

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.mark.promise(1)
@pytest.mark.promise(3)
@pytest.mark.promise(4)
@pytest.mark.fault("kill -9 in a loop, under load")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mosquitto", "nats"])
def test_three_kills_lose_nothing_and_double_nothing(kind: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with start_broker(kind, tmp_path) as broker, site(tmp_path, broker, METERS, bench=False) as made:
        hub = made.hub
        listener = Listener(broker.port, *login(broker))
        start = int(time.time()) - EACH
        load = threading.Thread(target=publish_all, args=(broker.port, *login(broker), start))
        load.start()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 0.8))  # the random moment is what is tested
            hub.kill()
            hub.start(ready=False)
            until(hub.is_ready, "the hub is ready again")
        load.join(120)
        until(lambda: len(hub.every("/api/v1/alerts")) >= DEVICES, "every alert is in the records")
        wanted = {(start + number) * 1000 for number in range(EACH)}

        def complete(device: int, quantity: str) -> bool:
            return set(made.stored(f"bench:d{device}", quantity)) >= wanted

        for device in range(DEVICES):
            for quantity in ("bench.level", "power.active"):
                until(partial(complete, device, quantity), f"{quantity} of device {device} is stored")
                assert sorted(made.stored(f"bench:d{device}", quantity)) == sorted(wanted), "each reading once"
        until(lambda: not [a for a in hub.every("/api/v1/alerts") if a["state"] != "resolved"], "every alert is resolved")
        alerts = hub.every("/api/v1/alerts")
        assert Counter(alert["device"] for alert in alerts) == Counter(f"bench:d{device}" for device in range(DEVICES))
        ids = {alert["id"] for alert in alerts}
        until(
            lambda: {alert["id"] for alert in listener.alerts if alert["state"] == "firing"} == ids, "every alert was published"
        )
        assert listener.ids() == ids, "and no other"
        assert hub.stop() == 0
        listener.stop()
