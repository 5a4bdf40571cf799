"""Speaks for the whole community over MQTT: ``python -m simulators.run --url mqtt://127.0.0.1:1883``.

Everything is published with QoS 1 by one client, which reconnects by itself. What cannot be sent waits, up to 10,000
messages; more than that are dropped and counted. SIGTERM and SIGINT end it.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfoNotFoundError

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simulators import scenario as scenarios
from simulators.building import World
from simulators.crowd import Crowd
from simulators.speech import Publication

WAITING = 10_000
FIRST_CONNECTION = 30.0  # seconds
FASTEST = 1000.0
TICK = 0.25  # seconds of real time between looks at what has changed


class Failed(Exception):
    """Something the person who started it can put right; the text is one sentence."""


class Line:
    """The MQTT connection. ``refused`` says why the broker would not have us; ``dropped`` counts what was not sent."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise Failed(f'the port of "{url}" is not a number between 1 and 65535') from None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise Failed(f'"{url}" is not the address of a broker; write it like mqtt://127.0.0.1:1883')
        self._where = f"{parts.hostname}:{port or (8883 if parts.scheme == 'mqtts' else 1883)}"
        self._host, self._port = parts.hostname, port or (8883 if parts.scheme == "mqtts" else 1883)
        self.refused = ""
        self.dropped = 0
        self._answered = Event()
        self._been_up = False
        self._back = False
        client = self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311, reconnect_on_failure=True)
        if parts.username is not None:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            client.tls_set()
        client.max_queued_messages_set(WAITING)
        client.max_inflight_messages_set(200)
        client.reconnect_delay_set(1, 10)
        client.will_set("zigbee2mqtt/bridge/state", '{"state":"offline"}', qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected

    def open(self) -> None:
        try:
            self._client.connect(self._host, self._port, keepalive=30)
        except OSError as error:
            raise Failed(f"no broker answers at {self._where} ({error.strerror or error}); is it started?") from None
        self._client.loop_start()
        if not self._answered.wait(FIRST_CONNECTION) or self.refused:
            self._client.loop_stop()
            raise Failed(f"the broker at {self._where} {self.refused or 'did not answer'}")

    def send(self, said: Publication) -> MQTTMessageInfo:
        info = self._client.publish(said.topic, said.payload, qos=1, retain=said.retain)
        self.dropped += info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        return info

    def came_back(self) -> bool:
        """Whether the connection was lost and is there again; tells it once."""
        back, self._back = self._back, False
        return back

    def close(self, last: MQTTMessageInfo | None) -> None:
        if last is not None and last.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            last.wait_for_publish(timeout=2)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refused = f"refused the connection: {reason}"
        else:
            self.refused = ""
            self._back = self._been_up
            self._been_up = True
        self._answered.set()

    def _disconnected(
        self, client: Client, data: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure and self._been_up:
            tell(f"lost the broker at {self._where} ({reason}); trying again")


class Stop:
    """Whether to end. A plain flag: a threading.Event that a signal sets while it is waited for can lock itself up."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def asked(self, number: int, frame: FrameType | None) -> None:
        self._set = True

    def wait(self, seconds: float) -> None:
        """At most a tick, so that nobody needs to be woken."""
        time.sleep(min(seconds, TICK))


def simulate(line: Line, crowd: Crowd, started: int, speed: float, stop: Stop) -> int:
    """Publishes until ``stop`` is set; returns how many messages. The world's clock starts at ``started`` (ms since 1970
    UTC) and runs ``speed`` times as fast as ours."""
    begin = time.monotonic()
    said, last = 0, None
    now = started
    for publication in crowd.hello(now):
        last = line.send(publication)
        said += 1
    while not stop.is_set():
        now = started + round((time.monotonic() - begin) * 1000 * speed)
        if line.came_back():
            for publication in crowd.hello(now):
                line.send(publication)
        for publication in crowd.step(now):
            last = line.send(publication)
            said += 1
        until = (crowd.next() - now) / 1000 / speed
        stop.wait(min(max(until, 0.005), TICK))
    for publication in crowd.goodbye():
        last = line.send(publication)
        said += 1
    line.close(last)
    return said


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulators.run", description="A simulated community that speaks over MQTT.")
    parser.add_argument(
        "--url", required=True, help="the broker: mqtt://[user:password@]host:port; - reads it from standard input"
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same community")
    parser.add_argument("--scenario", type=Path, help="a TOML file with what happens when (default: the demo's)")
    parser.add_argument("--calm", action="store_true", help="nothing happens: no scenario at all")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than life, 0.1 to 1000")
    parser.add_argument("--devices", type=int, default=0, help="at least this many devices, up to 20000")
    parser.add_argument("--zone", default="Asia/Shanghai", help="the community's IANA time zone")
    parser.add_argument("--since", type=int, metavar="MS", help="when the scenario began, ms since 1970 UTC (default: now)")
    options = parser.parse_args(given)
    if not 0.1 <= options.speed <= FASTEST:
        parser.error(f"--speed {options.speed:g} is not between 0.1 and 1000")
    if not 0 <= options.devices <= 20_000:
        parser.error(f"--devices {options.devices} is not between 0 and 20000")
    return options


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.asked)
    signal.signal(signal.SIGINT, stop.asked)
    url = options.url
    if url == "-":  # a password does not belong on a command line that everyone on the machine can read
        url = sys.stdin.readline().strip()
        Thread(target=_until_closed, args=(stop,), daemon=True).start()
    try:
        world = World(options.seed, options.zone, options.devices)
        events = scenarios.Scenario([]) if options.calm else scenarios.load(options.scenario or scenarios.DEMO, world)
        line = Line(url)
        line.open()
    except ZoneInfoNotFoundError:
        return _complain(f'"{options.zone}" is not an IANA time zone; write it like Asia/Shanghai')
    except OSError as error:
        return _complain(f"cannot read {error.filename}: {error.strerror}")
    except (Failed, scenarios.ScenarioError) as error:
        return _complain(str(error))
    started = time.time_ns() // 1_000_000
    if options.url != "-":  # whoever holds our standard input has said it in words of his own
        tell(f"{len(world.things)} devices speak")
    said = simulate(line, Crowd(world, events, started, options.since), started, options.speed, stop)
    dropped = f", {line.dropped} dropped because the broker was away" if line.dropped else ""
    tell(f"stopped after {said} messages{dropped}")
    return 0


def _until_closed(stop: Stop) -> None:
    """Whoever started us holds our standard input open; when it dies, even by kill -9, we stop as well."""
    sys.stdin.read()
    stop.set()


def tell(what: str) -> None:
    sys.stderr.write("".join(f"simulators: {sentence}\n" for sentence in what.splitlines()))


def _complain(what: str) -> int:
    tell(what)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
