"""Promise 1: what the hub confirmed to the broker (PUBACK) is on disk.

A tap on the wire notes which messages the hub has confirmed. It is killed at its Nth write or fsync; every reading it had
confirmed must be in its files, as they are, before anybody starts it again.
"""

import json
import struct
import threading
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.proxy import Proxy
from tests.support.rawmqtt import PUBACK, PUBLISH, Cut, topic_payload
from tests.support.site import site, wall

DEVICES = 20


class Tap:
    """What went over the hub's two connections: messages to it, and its PUBACKs."""

    def __init__(self) -> None:
        self.confirmed: set[tuple[str, int]] = set()  # device, time
        self._given: dict[tuple[int, int], tuple[str, int]] = {}
        self._cuts: dict[tuple[bool, int], Cut] = {}
        self._lock = threading.Lock()

    def __call__(self, forth: bool, connection: int, data: bytes) -> None:
        with self._lock:
            for packet in self._cuts.setdefault((forth, connection), Cut()).feed(data):
                if not forth and packet.kind == PUBLISH:
                    topic, payload, number = topic_payload(packet)
                    if number and topic.startswith("bench/"):
                        self._given[connection, number] = topic.removeprefix("bench/"), json.loads(payload)["ts"]
                elif forth and packet.kind == PUBACK:
                    (number,) = struct.unpack(">H", packet.body[:2])
                    if (connection, number) in self._given:
                        self.confirmed.add(self._given[connection, number])


@pytest.mark.promise(1)
@pytest.mark.fault("hub killed at its Nth write, and at its Nth fsync")
def test_killed_at_the_nth_write_confirmed_is_durable(tmp_path: Path, broker: Broker, strace: list[str], figure: Figure) -> None:
    tap = Tap()
    points = [("fdatasync", 4), ("fdatasync", 12), ("pwrite64", 25), ("pwrite64", 60)]
    with Proxy(broker.port, tap) as proxy, site(tmp_path, broker, port=proxy.port, start=False) as made:
        hub = made.hub
        hub.start()
        hub.stop()  # its files are there, and the broker knows its sessions
        device = made.client()
        listener = made.listener()
        sent: dict[str, list[int]] = {f"d{id}": [] for id in range(DEVICES)}
        for call, number in points:
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            hub.wrap = [*strace, "-o", str(tmp_path / "strace.log"), *inject]
            hub.start(ready=False)
            began = time.monotonic()
            while hub.process is not None and hub.process.poll() is None:
                for id, times in sent.items():
                    times.append(wall())
                    device.say(f"bench/{id}", {"ts": times[-1], "level": 900 if len(times) == 10 else 1, "power": 1})
                time.sleep(0.05)
                assert time.monotonic() - began < 30, f"{call} {number} is never reached"
            on_disk = {id: set(made.stored(f"bench:{id}")) for id in sent}
            missing = [(id, at) for id, at in tap.confirmed if at not in on_disk[id]]
            assert missing == [], f"{call} {number}"
        confirmed = len(tap.confirmed)
        hub.wrap = []
        hub.start()
        for id, times in sent.items():
            made.await_stored(f"bench:{id}", times)
        alerts = until(lambda: len(found := made.alerts(state="resolved")) == DEVICES and found, "each device's alert, once")
        for alert in alerts:
            listener.wait(lambda _, payload, id=alert["id"]: id.encode() in payload, what=f"{alert['id']} is published")
        assert {json.loads(payload)["id"] for _, payload, _ in listener.messages} == {alert["id"] for alert in alerts}
        assert len(made.alerts()) == DEVICES
        figure("kills", len(points))
        figure("messages", sum(len(times) for times in sent.values()))
        figure("confirmed before a kill", confirmed)
        figure("confirmed and not on disk", 0)
        assert confirmed > 50, "the kills came after something was confirmed"
