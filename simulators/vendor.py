"""A vendor that is new here, good or bad: ``python -m simulators.vendor --url mqtt://127.0.0.1:1883 --faults unit,stuck``.

The vendor's own JSON, for ``gengfu vendor check`` to look at; ``CONFIG`` is what maps it. Each device is an MQTT client with a
last will and sends a minute's worth of readings it has held, one every 3 s of its clock; a fault has a device of its own,
named after it. Topics, of QoS 1 unless the fault is that it is not::

    acme/{device}/data     {"id": device, "seq": 7, "ts": s since 1970, "power_w": W, "energy_kwh": kWh, "voltage_v": V}
    acme/{device}/alarm    {"ts": s since 1970, "smoke": 0 or 1}
    acme/{device}/status   online | offline, retained, the last will
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from simulators.run import Failed
from simulators.speech import encode

ROUNDS = 24
STEP = 3_000  # ms of the device's clock between readings
WATTS = 900.0

CONFIG = """
[[adapter]]
kind = "json"
topic = "acme/{device}/data"
device = "acme:{device}"
id = "id"
seq = "seq"
time = { path = "ts", unit = "s" }
readings = [
  { quantity = "power.active", path = "power_w", unit = "W" },
  { quantity = "energy.active.import.total", path = "energy_kwh", unit = "kWh" },
  { quantity = "voltage", path = "voltage_v", unit = "V" },
]
[[adapter]]
kind = "json"
topic = "acme/{device}/alarm"
lane = "fire"
device = "acme:{device}"
time = { path = "ts", unit = "s" }
readings = [{ quantity = "fire.smoke", path = "smoke" }]
"""


class Said(NamedTuple):
    """One publication of one device."""

    device: str
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


Body = dict[str, Any]


def _clock(shift: float, factor: float = 1.0) -> Callable[[int, Body], None]:
    def change(number: int, body: Body) -> None:
        body["ts"] = body["ts"] * factor + shift

    return change


def _set(field: str, value: Any, *numbers: int) -> Callable[[int, Body], None]:
    def change(number: int, body: Body) -> None:
        if not numbers or number in numbers:
            body[field] = value

    return change


def _watt_hours(number: int, body: Body) -> None:
    body["energy_kwh"] = round(body["energy_kwh"] * 1000, 3)


def _no_time(number: int, body: Body) -> None:
    del body["ts"]


def _gap(number: int, body: Body) -> None:
    body["seq"] += 5 if number >= 12 else 0


def _stuck(number: int, body: Body) -> None:
    body.update(power_w=WATTS, voltage_v=230.0)


def _pauses(number: int, body: Body) -> None:
    """Its readings begin 30 s earlier and stop twice for 18 s instead of 3."""
    body["ts"] -= (15 if number < 18 else 0) + (15 if number < 6 else 0)


def _good(number: int, body: Body) -> None:
    """Nothing is changed."""


BODIES: dict[str, Callable[[int, Body], None]] = {
    "unit": _watt_hours,
    "clock_ahead": _clock(3600),
    "clock_behind": _clock(-3600),
    "epoch": _clock(0, 1000),
    "no_time": _no_time,
    "counter_falls": _set("energy_kwh", 0.0, 15),
    "irregular": _pauses,
    "out_of_range": _set("voltage_v", 23000, 9),
    "sequence_gap": _gap,
    "id_mismatch": _set("id", "another", 3),
    "refused": _set("power_w", "900", 5),
    "stuck": _stuck,
    "too_large": _set("note", "x" * 300_000, 7),
}
"""What a fault does to the reading of that number, from 0."""

FAULTS = (*BODIES, "duplicate", "out_of_order", "retained", "no_availability", "qos0", "topic", "unread")


def story(fault: str, end: int) -> list[Said]:
    """What the device with that fault sends; "" is a good one. ``end``: ms since 1970 UTC of its newest reading."""
    device = f"bad-{fault.replace('_', '-')}" if fault else "good"
    if fault == "topic":
        device = "bad topic"
    change = BODIES.get(fault, _good)
    said: list[Said] = []
    for number in range(ROUNDS):
        at = end - (ROUNDS - 1 - number) * STEP
        body: Body = {
            "id": device,
            "seq": number + 1,
            "ts": at // 1000,
            "power_w": WATTS + number % 5,
            "energy_kwh": round(1234.5 + WATTS * number * STEP / 3.6e9, 6),
            "voltage_v": 230 + number % 3 / 10,
        }
        change(number, body)
        said.append(Said(device, f"acme/{device}/data", encode(body), 1, fault == "retained"))
        if number % 8 == 0:
            alarm = encode({"ts": at // 1000, "smoke": 0})
            said.append(Said(device, f"acme/{device}/alarm", alarm, 0 if fault == "qos0" else 1))
    if fault == "unread":
        said.append(Said(device, f"acme/{device}/more", encode({"ts": end // 1000, "humidity": 51})))
    if fault == "duplicate":
        said.insert(4, said[3])
    if fault == "out_of_order":
        said[5], said[6] = said[6], said[5]
    return said


def publish(url: str, faults: Sequence[str], pause: float = 0.0) -> int:
    """Speaks for one device a fault ("" is a good one); returns how many messages the broker took. ``pause`` in seconds."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise Failed(f'"{url}" is not the address of a broker; write it like mqtt://127.0.0.1:1883')
    tls = parts.scheme == "mqtts"
    host, port = parts.hostname, parts.port or (8883 if tls else 1883)
    clients: dict[str, Client] = {}
    lines: list[list[Said]] = []
    end = time.time_ns() // 1_000_000
    for fault in faults:
        line = story(fault, end)
        device = line[0].device
        client = clients[device] = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        if parts.username:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if tls:
            client.tls_set()
        status = f"acme/{device}/status"
        if fault != "no_availability":
            client.will_set(status, b"offline", qos=1, retain=True)
        try:
            client.connect(host, port, keepalive=30)
        except OSError as error:
            raise Failed(f"no broker answers at {host}:{port} ({error.strerror or error}); is it started?") from None
        client.loop_start()
        if fault != "no_availability":
            line.insert(0, Said(device, status, b"online", 1, True))
        lines.append(line)
    count = 0
    for number in range(max(map(len, lines), default=0)):
        waiting = [
            clients[said.device].publish(said.topic, said.payload, said.qos, said.retain)
            for said in (line[number] for line in lines if number < len(line))
        ]
        for info in waiting:
            info.wait_for_publish(timeout=10)
            count += info.is_published()
        time.sleep(pause)
    for client in clients.values():
        client.disconnect()
        client.loop_stop()
    return count


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators.vendor", description="A new vendor that speaks over MQTT.")
    parser.add_argument("--url", required=True, help="the broker: mqtt://[user:password@]host:port")
    parser.add_argument("--faults", default="", help=f"which faults, with commas, or all; left out: none. {', '.join(FAULTS)}")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between messages")
    options = parser.parse_args(given)
    faults = FAULTS if options.faults == "all" else tuple(filter(None, options.faults.split(",")))
    if unknown := [fault for fault in faults if fault not in FAULTS]:
        parser.error(f"no such fault: {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    try:
        count = publish(options.url, faults or ("",), options.pause)
    except Failed as problem:
        sys.stderr.write(f"simulators: {problem}\n")
        return 1
    sys.stderr.write(f"simulators: {count} messages of a {'bad' if faults else 'good'} vendor\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
