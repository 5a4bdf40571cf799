"""QoS 1 messages of many devices, all the time, and somebody who hears the alerts; both outlive what the broker suffers."""

import json
import threading
import time
from typing import NamedTuple

from tests.support.brokers import Broker
from tests.support.rawmqtt import Client
from tests.support.site import Site, login, wall

OPEN = 500
"""Messages on their way to the broker at most."""

QUANTITIES = ("bench.level", "fire.smoke")
"""What is counted are alerts about these, not that somebody fell silent."""


class Breach(NamedTuple):
    """A reading above the threshold: its device and its time, ms."""

    device: str
    at: int


class Load(threading.Thread):
    """Publishes ``rate`` messages a second until it is finished; what the broker has not confirmed when a connection ends is
    sent again. Every ``breach_every`` th message is a breach, so that must be no divisor of ``devices``: the next message of a
    device then ends what its breach began."""

    def __init__(self, broker: Broker, rate: float, devices: int, breach_every: int) -> None:
        super().__init__(daemon=True)
        self.sent: list[list[int]] = [[] for _ in range(devices)]  # times by device
        self.breaches: dict[Breach, float] = {}  # when it was first sent, monotonic
        self._broker = broker
        self._rate = rate
        self._breach_every = breach_every
        self._finishing = threading.Event()
        self._open: dict[int, tuple[str, bytes]] = {}
        self._client: Client | None = None

    def run(self) -> None:
        began, count = time.monotonic(), 0
        while not self._finishing.is_set() or self._open:
            try:
                client = self._client or self._connect()
                due = count < (time.monotonic() - began) * self._rate
                if due and len(self._open) < OPEN and not self._finishing.is_set():
                    topic, payload = self._message(count)
                    count += 1
                    number = client.next_id()
                    self._open[number] = topic, payload  # before it is sent: it counts even if the line dies meanwhile
                    client.publish(topic, payload, number=number)
                    self._hear(client, 0)
                else:
                    self._hear(client, 0.005)
            except OSError:
                self._client = None

    def finish(self) -> int:
        """Stops, and waits until the broker has confirmed all; how many messages there were."""
        self._finishing.set()
        self.join(120)
        if self.is_alive():
            raise AssertionError("the broker does not confirm what it was sent")
        return sum(len(times) for times in self.sent)

    def _message(self, count: int) -> tuple[str, bytes]:
        device = count % len(self.sent)
        times = self.sent[device]
        at = max(wall(), times[-1] + 1 if times else 0)
        times.append(at)
        breach = count % self._breach_every == self._breach_every // 2
        if breach:
            self.breaches[Breach(f"bench:s{device}", at)] = time.monotonic()
        return f"bench/s{device}", json.dumps({"ts": at, "level": 900 if breach else 10, "power": count % 1000}).encode()

    def _hear(self, client: Client, seconds: float) -> None:
        client.listen(seconds)
        for number in client.confirmed:
            self._open.pop(number, None)
        client.confirmed.clear()

    def _connect(self) -> Client:
        """A new connection on which all that is unconfirmed is sent again."""
        deadline = time.monotonic() + 60
        while True:
            try:
                client = Client(self._broker.port, "load", *login(self._broker))
                again, self._open = list(self._open.values()), {}
                numbered = [(client.next_id(), *one) for one in again]
                self._open = {number: (topic, payload) for number, topic, payload in numbered}
                for number, topic, payload in numbered:
                    client.publish(topic, payload, number=number)
                self._client = client
                return client
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


class Ear(threading.Thread):
    """Hears every alert with a session that outlives the broker's deaths. ``heard``: the id and when it was first heard,
    monotonic."""

    def __init__(self, made: Site) -> None:
        super().__init__(daemon=True)
        self.heard: dict[str, float] = {}
        self._made = made
        self._ended = threading.Event()
        self._client = made.listener()
        self.start()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._client.listen(0.1)
            except OSError:
                self._listen_anew()
            for _, payload, when in self._client.messages:
                alert = json.loads(payload)
                if alert["quantity"] in QUANTITIES:
                    self.heard.setdefault(alert["id"], when)
            self._client.messages.clear()

    def _listen_anew(self) -> None:
        heard = self._client.messages
        while not self._ended.is_set():
            try:
                self._client = self._made.listener()
                self._client.messages[:0] = heard
                return
            except OSError:
                time.sleep(0.1)

    def stop(self) -> None:
        self._ended.set()
        self.join(5)
