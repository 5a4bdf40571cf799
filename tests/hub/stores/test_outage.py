"""The store's server is away for ten simulated hours, and is killed while it gets what it missed.

VictoriaMetrics forgets its last seconds when it is killed. InfluxDB does not, its disk does: half of what it wrote to its log
since it came back is gone.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.moments import iso
from tests.support import timeseries_servers
from tests.support.brokers import start_mosquitto
from tests.support.hubs import until
from tests.support.rawmqtt import Client
from tests.support.site import Site, probe, site, wall
from tests.support.timeseries_servers import start_server

MINUTE = 60_000
HOURS = 10
DEVICES = 40
PROBES = 30


SLOWER = 3.0
"""Times as long as with the server there, and a tenth of a second for the machine's own moods."""


class Ingest(list[float]):
    """Seconds from a share's first message until the hub had all of it, and the alarm after it, on disk."""

    def __init__(self, made: Site, meters: Client, begin: int) -> None:
        super().__init__()
        self._made, self._meters, self._begin = made, meters, begin
        self._committed = made.hub.metric("readings_committed_total")
        self._began = 0.0

    def share(self, number: int) -> None:
        self.settle()
        minutes = HOURS * 60 // PROBES
        self._began = time.monotonic()
        self._committed += 2 * DEVICES * minutes + 1  # and the alarm
        publish_minutes(self._meters, self._begin, range(number * minutes, (number + 1) * minutes))

    def settle(self) -> None:
        if self._began:
            until(lambda: self._made.hub.metric("readings_committed_total") >= self._committed, "ingest goes on", 20)
            self.append(time.monotonic() - self._began)
            self._began = 0.0

    @property
    def said(self) -> str:
        each = 2 * DEVICES * HOURS * 60 // PROBES
        return f"{each} readings on disk after p50 {statistics.median(self) * 1e3:.0f}, max {max(self) * 1e3:.0f} ms"


def publish_minutes(meters: Client, begin: int, minutes: range) -> None:
    """A reading of two values a minute from every device, at QoS 1; returns when the broker has confirmed all of it."""
    for minute in minutes:
        sent = {
            meters.publish(f"bench/m{number}", b'{"ts":%d,"level":%d,"power":%d}' % (begin + minute * MINUTE, number, minute))
            for number in range(DEVICES)
        }
        while not sent <= meters.confirmed:
            assert meters.listen(20), "the broker confirms"


@pytest.mark.alone
@pytest.mark.fault("store refuses: the server is stopped for ten simulated hours, and killed while it catches up")
@pytest.mark.parametrize("kind", timeseries_servers.KINDS)
def test_ten_hours_without_the_server(kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    minutes = HOURS * 60
    earlier, begin = wall() - 21 * 60 * MINUTE, wall() - 11 * 60 * MINUTE
    flags = ("-dedup.minScrapeInterval=1ms",)
    with (
        start_mosquitto(tmp_path, max_inflight=1000) as broker,
        start_server(kind, tmp_path, flags=flags) as server,
        site(tmp_path, broker, server.table("yunqi")) as made,
    ):
        hub = made.hub
        meters = made.client("meters")
        probe(made, 10, name="warm")
        usual = Ingest(made, meters, earlier)
        before = probe(made, PROBES, name="before", meanwhile=usual.share)
        usual.settle()
        until(lambda: hub.metric("store_reachable") == 1 and hub.metric("store_waiting") == 0, "all is on the server")
        server.stop()
        durable = server.written()
        probe(made, 1, name="gone")
        until(lambda: hub.metric("store_reachable") == 0, "that it is gone is noticed")
        without = Ingest(made, meters, begin)
        during = probe(made, PROBES, name="during", meanwhile=without.share)
        without.settle()
        until(lambda: hub.metric("store_waiting") >= 2 * DEVICES * minutes, "all of it waits on disk")
        assert hub.metric("store_reachable") == 0
        # the last day is here, so a chart of it can still be drawn
        assert len(readings(made, begin, "m0")) == minutes

        sent = hub.metric("store_sent_total")
        server.restart()
        until(lambda: hub.metric("store_sent_total") > sent, "the server catches up", 90)
        server.kill()
        assert hub.metric("store_waiting") > 0, "it was killed too late to be in the middle of it"
        until(lambda: hub.metric("store_reachable") == 0, "that is noticed")
        assert kind != "influxdb" or server.lose(durable) > 0
        server.restart()
        until(lambda: hub.metric("store_waiting") == 0 and hub.metric("store_reachable") == 1, "the server has caught up", 90)

        times = [start + minute * MINUTE for start in (earlier, begin) for minute in range(minutes)]
        wanted = sorted((f"bench:m{number}", time) for number in range(DEVICES) for time in times)
        until(lambda: len(server.times("yunqi", "device", "bench.level")) >= len(wanted), "the server shows it", 20)
        assert server.times("yunqi", "device", "bench.level") == wanted
        assert server.times("yunqi", "energy", "power.active") == wanted
        assert len(readings(made, begin, "m7")) == minutes
        with_it, without_it = f"fire {before.said}; {usual.said}", f"fire {during.said}; {without.said}"
        record_property(f"{kind}, while it is there", with_it)
        record_property(f"{kind}, while it is away", without_it)
        print(f"{kind}: while it is there: {with_it}; while it is away: {without_it}")
        assert during.in_budget, (with_it, without_it)
        assert statistics.median(without) <= SLOWER * statistics.median(usual) + 0.1, (with_it, without_it)


def readings(made: Site, begin: int, device: str) -> list[object]:
    span = f"from={iso(begin)}&to={iso(begin + HOURS * 60 * MINUTE)}"
    found: list[object] = made.hub.get(f"/api/v1/readings?device=bench:{device}&quantity=bench.level&limit=10000&{span}")["items"]
    return found
