"""Faults of the network and of the broker, around a whole hub."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker, start_mosquitto, start_nats
from tests.support.hubs import until
from tests.support.proxy import Proxy
from tests.support.site import Site, probe, site, wall


def descriptors(made: Site) -> int:
    return len(list(Path(f"/proc/{made.hub.pid}/fd").iterdir()))


@pytest.mark.fault("broker kill -9, its state kept")
def test_a_broker_killed_under_load_loses_nothing_it_has_confirmed(tmp_path: Path, figure: Figure) -> None:
    with start_nats(tmp_path) as broker, site(tmp_path, broker) as made:
        times: list[int] = []
        began = 0.0
        for round in range(3):
            device = made.client(f"device-{round}")
            for _ in range(100):
                times.append(max(wall(), times[-1] + 1 if times else 0))
                device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
            broker.kill()
            began = time.monotonic()
            broker.restart()
            until(lambda: made.hub.metric("mqtt_connected") == 2, "both sessions are back")
        made.await_stored("bench:m", times)
        assert made.hub.metric("mqtt_sessions_forgotten_total") == 0
        probe(made, 3)
        figure("broker killed 3 times", f"{len(times)} of {len(times)} confirmed messages stored, back {back(began)}")


def back(began: float) -> str:
    return f"after {time.monotonic() - began:.1f} s"


@pytest.mark.fault("broker's state wiped")
def test_a_broker_that_has_forgotten_us_is_subscribed_anew(tmp_path: Path, figure: Figure) -> None:
    with start_mosquitto(tmp_path, persistence=False) as broker, site(tmp_path, broker) as made:
        probe(made, 3, name="before")
        broker.kill()
        broker.restart()
        began = time.monotonic()
        until(lambda: made.hub.is_ready(), "it is connected again")
        until(lambda: heard_again(made), "it hears again")
        figure("hears a broker without memory", back(began))
        assert made.hub.metric("mqtt_sessions_forgotten_total") == 2, "both sessions say so"
        assert len(made.alerts(state="firing")) >= 4


def heard_again(made: Site) -> bool:
    device = made.client("again")
    device.say("alarm/again", {"ts": wall(), "smoke": True})
    device.close()
    return bool([alert for alert in made.alerts(state="firing") if alert["device"] == "alarm:again"])


@pytest.mark.fault("broker flapping: jittered backoff, no leak")
def test_a_flapping_connection_leaks_nothing_and_is_not_hurried(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with Proxy(broker.port) as proxy, site(tmp_path, broker, port=proxy.port) as made:
        probe(made, 3, name="before")
        before, connections = descriptors(made), proxy.connections
        proxy.refuse = True
        proxy.cut()
        began = time.monotonic()
        while time.monotonic() - began < 6:  # each attempt is let in and closed
            time.sleep(0.5)
        attempts = proxy.connections - connections
        # two sessions, each after 0.1, 0.2, 0.4 … s times 0.5 to 1: at most 1 + 7 attempts in 6 s
        assert 4 <= attempts <= 16
        proxy.refuse = False
        until(lambda: made.hub.is_ready(), "it is connected again")
        probe(made, 3, name="after")
        assert descriptors(made) <= before + 3
        figure("attempts in 6 s of refusal", f"{attempts} by two sessions")
        figure("descriptors before and after", f"{before}, {descriptors(made)}")


@pytest.mark.fault("delay and loss on the way to the broker")
def test_a_bad_line_is_slow_and_loses_nothing(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """100 ms each way with jitter, every twentieth segment late by a retransmission, and the line breaks twice."""
    with Proxy(broker.port) as proxy, site(tmp_path, broker, port=proxy.port) as made:
        proxy.delay, proxy.jitter, proxy.loss = 0.1, 0.05, 0.05
        device = made.client()
        times: list[int] = []
        waits = probe(made, 15)
        for number in range(200):
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
            if number in (60, 140):
                proxy.cut()
        made.await_stored("bench:m", times)
        figure("fire over a line of 0.2 s and 5 % loss", waits.said)
        figure("readings over it, with two breaks", f"{len(times)} of {len(times)}, each once")
        assert max(waits) < 3


@pytest.mark.promise(5)
@pytest.mark.fault("black hole between hub and broker")
def test_a_black_hole_is_noticed_and_what_was_confirmed_stays(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """The connection stands but nothing comes through. Noticed within two keepalives; here of 2 s instead of 20."""
    with Proxy(broker.port) as proxy, site(tmp_path, broker, port=proxy.port, start=False) as made:
        made.hub.first = "import hub.mqtt as m; m.Session.__init__.__kwdefaults__['keepalive'] = 2"
        made.hub.start()
        probe(made, 3, name="before")
        proxy.blackhole = True
        began = time.monotonic()
        device = made.client()
        device.say("alarm/lost", {"ts": wall(), "smoke": True})  # the broker has it, the hub cannot hear it
        until(lambda: not ready(made), "it is noticed", 10)
        noticed = time.monotonic() - began
        proxy.cut()
        proxy.blackhole = False
        until(lambda: [a for a in made.alerts() if a["device"] == "alarm:lost"], "the alarm comes with the next connection")
        figure("black hole noticed, keepalive 2 s", f"after {noticed:.1f} s")
        assert noticed <= 4.5


def ready(made: Site) -> bool:
    return made.hub.is_ready()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server whose every connection is handed to ``answer`` in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=quietly, args=(link,), daemon=True).start()

        def quietly(link: socket.socket) -> None:
            with link:
                try:
                    link.recv(1 << 16)
                    answer(link)
                except OSError:
                    pass  # the hub has hung up

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def drip(link: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine.":
        link.sendall(bytes([byte]))
        time.sleep(0.5)


def endless(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        link.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def garbage(link: socket.socket) -> None:
    link.sendall(b"\x00\xff" * 100)


def hang(link: socket.socket) -> None:
    time.sleep(30)


@pytest.mark.alone
@pytest.mark.promise(5)
@pytest.mark.fault("webhook hangs, drips, sends an endless body, or garbage")
def test_webhooks_that_misbehave_cost_only_themselves(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with (
        raw_server(drip) as slow, raw_server(endless) as big, raw_server(garbage) as odd, raw_server(hang) as dead,
    ):  # fmt: skip
        hooks = "".join(
            f'[[notifier]]\nid = "webhook:{name}"\nkind = "webhook"\ntimeout = 2\nurl = "http://127.0.0.1:{port}/"\n'
            for name, port in (("slow", slow), ("big", big), ("odd", odd), ("dead", dead))
        )
        with site(tmp_path, broker, hooks) as made:
            before = memory(made)
            waits = probe(made, 100)
            until(lambda: made.hub.metric("notices_failed_total") >= 8, "they are given up and tried again")
            figure("fire while four webhooks misbehave", waits.said)
            figure("memory before and after", f"{before >> 20} MB, {memory(made) >> 20} MB")
            assert waits.in_budget, waits.said
            assert memory(made) - before < 100 << 20


def memory(made: Site) -> int:
    line = next(line for line in Path(f"/proc/{made.hub.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) << 10
