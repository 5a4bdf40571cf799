"""Readings in batched payloads: gateways that send twenty devices with five values each, 100 readings a message.

    python -m tests.benchmarks.batches [--messages 4000] [--runs 3]

QoS 1, 250 gateways, so 25,000 series; each packet is encoded beforehand and only its time is patched in. A run ends when the
alert of the very last message is out. The hub runs as shipped, with one rule on each device besides the default ones.
"""

import argparse
import json
import socket
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.subjects import Failed, Subject, Witness, compile_c, cpu_seconds, subject, wait_for
from tests.support.brokers import Broker, start_mosquitto

GATEWAYS, DEVICES, VALUES = 250, 20, 5
READINGS = DEVICES * VALUES
WINDOW = 100  # messages unconfirmed
SETTLE = 2.0

ADAPTER = """
[[adapter]]
kind = "json"
topic = "batch/{gateway}"
device = "bench:{gateway}-{d}"
each = "r"
fields = { d = "d" }
time = { path = "ts", unit = "s" }
readings = [
  { quantity = "bench.level", path = "smoke" },
  { quantity = "power.active", path = "power_w", unit = "W" },
  { quantity = "air.temperature", path = "temp_c", unit = "Cel" },
  { quantity = "air.humidity", path = "humidity", unit = "%" },
  { quantity = "device.battery", path = "battery", unit = "%" },
]
"""


def payload(gateway: int, at: float, *, smoke: int = 100) -> bytes:
    """``smoke`` is the last device's."""
    rows = [
        {
            "d": f"d{device:02d}", "smoke": smoke if device == DEVICES - 1 else 100, "power_w": 1000.5 + device + gateway,
            "temp_c": 20.25 + device % 10, "humidity": 40.5 + gateway % 10, "battery": 90,
        }
        for device in range(DEVICES)
    ]  # fmt: skip
    return b'{"ts":%017.6f,' % at + json.dumps({"r": rows}, separators=(",", ":")).encode()[1:]


def packet(gateway: int, id: int, body: bytes) -> bytes:
    topic = b"batch/g%03d" % gateway
    rest = len(topic).to_bytes(2, "big") + topic + id.to_bytes(2, "big") + body
    length, size = b"", len(rest)
    while True:
        length += bytes([size % 128 | (128 if size >= 128 else 0)])
        size //= 128
        if not size:
            return b"\x32" + length + rest


class Sender:
    """One MQTT connection that publishes at QoS 1, with a window."""

    def __init__(self, broker: Broker) -> None:
        self._socket = socket.create_connection((broker.host, broker.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(60)
        self._socket.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05batch")
        if self._socket.recv(4)[3:] != b"\x00":
            raise Failed("the broker refused the connection")
        self._unconfirmed = 0
        self._held = b""

    def send(self, packet: bytes) -> None:
        self._socket.sendall(packet)
        self._unconfirmed += 1
        while self._unconfirmed >= WINDOW:
            self._take()

    def finish(self) -> None:
        while self._unconfirmed:
            self._take()

    def _take(self) -> None:
        self._held += self._socket.recv(4096)
        self._unconfirmed -= len(self._held) // 4
        self._held = self._held[len(self._held) // 4 * 4 :]

    def close(self) -> None:
        self._socket.close()


def run(broker: Broker, witness: Witness, measured: Subject, messages: int) -> dict[str, float]:
    sender = Sender(broker)
    packets = [packet(gateway, gateway + 1, payload(gateway, 0.0)) for gateway in range(GATEWAYS)]
    time_at = packets[0].index(b'"ts":') + 5
    last = f"g{GATEWAYS - 1:03d}-d{DEVICES - 1:02d}"
    sender.send(packet(GATEWAYS - 1, 1, payload(GATEWAYS - 1, time.time())))  # quiet: its alert can be raised anew
    sender.finish()
    witness.alerts()
    before, began = cpu_seconds(measured.pid), time.time_ns()
    for number in range(messages - 1):
        at = b"%017.6f" % (began / 1e9 + number // GATEWAYS / 1000)
        made = packets[number % (GATEWAYS - 1)]
        sender.send(made[:time_at] + at + made[time_at + len(at) :])
    sender.send(packet(GATEWAYS - 1, 1, payload(GATEWAYS - 1, time.time(), smoke=900)))
    sender.finish()
    ended: list[int] = []

    def told() -> bool:
        ended.extend(at for device, at in witness.alerts() if device == last)
        return bool(ended)

    wait_for("the alert of the last message", told)
    sender.close()
    time.sleep(SETTLE)
    readings = messages * READINGS
    spent = cpu_seconds(measured.pid) - before
    return {"readings_per_s": readings / ((ended[0] - began) / 1e9), "cpu_s_per_million": spent / readings * 1e6}


def measure(runs: int = 3, messages: int = 4000) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        compile_c("watch", folder, "mosquitto")
        with (
            start_mosquitto(folder, persistence=False, max_inflight=500, max_queued=0) as broker,
            Witness(folder / "watch", broker, folder / "seen") as witness,
            subject("hub", broker, 1, folder, folder / "hub", more=ADAPTER) as hub,
        ):
            wait_for("the hub to be ready", hub.ready, 60)
            run(broker, witness, hub, GATEWAYS)  # every series is new once
            done = [run(broker, witness, hub, messages) for _ in range(runs)]
    return {key: statistics.median(one[key] for one in done) for key in done[0]} | {"runs": done}


def table(found: dict[str, Any]) -> str:
    rates = sorted(one["readings_per_s"] for one in found["runs"])
    return (
        f"{READINGS} readings a message, QoS 1: {found['readings_per_s']:,.0f} readings/s ({rates[0]:,.0f} to {rates[-1]:,.0f}), "
        f"{found['cpu_s_per_million']:.1f} CPU-s per million"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.batches", description="Readings in batched payloads.")
    parser.add_argument("--messages", type=int, default=4000, help="a run")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown")
    options = parser.parse_args(arguments)
    print(table(measure(options.runs, options.messages)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
