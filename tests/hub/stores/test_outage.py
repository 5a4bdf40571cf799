"""The store's server is away for ten simulated hours, and is killed while it gets what it missed."""

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
def test_ten_hours_without_the_server(kind: str, tmp_path: Path) -> None:
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

        def hours(number: int, begin: int) -> None:
            share = minutes // PROBES
            publish_minutes(meters, begin, range(number * share, (number + 1) * share))

        probe(made, 10, name="warm")
        before = probe(made, PROBES, name="before", meanwhile=lambda number: hours(number, earlier))
        until(lambda: hub.metric("store_reachable") == 1 and hub.metric("store_waiting") == 0, "all is on the server")
        server.stop()
        during = probe(made, PROBES, name="during", meanwhile=lambda number: hours(number, begin))
        expected = DEVICES * minutes
        until(lambda: hub.metric("readings_committed_total") >= 4 * expected, "ingest went on")
        until(lambda: hub.metric("store_waiting") >= 2 * expected, "all of it waits on disk")
        assert hub.metric("store_reachable") == 0
        # the last day is here, so a chart of it can still be drawn
        assert len(readings(made, begin, "m0")) == minutes

        sent = hub.metric("store_sent_total")
        server.restart()
        until(lambda: hub.metric("store_sent_total") > sent, "the server catches up", 90)
        server.kill()
        assert hub.metric("store_waiting") > 0, "it was killed too late to be in the middle of it"
        until(lambda: hub.metric("store_reachable") == 0, "that is noticed")
        server.restart()
        until(lambda: hub.metric("store_waiting") == 0 and hub.metric("store_reachable") == 1, "the server has caught up", 90)

        times = [start + minute * MINUTE for start in (earlier, begin) for minute in range(minutes)]
        wanted = sorted((f"bench:m{number}", time) for number in range(DEVICES) for time in times)
        until(lambda: len(server.times("yunqi", "device", "bench.level")) >= len(wanted), "the server shows it", 20)
        assert server.times("yunqi", "device", "bench.level") == wanted
        assert server.times("yunqi", "energy", "power.active") == wanted
        assert len(readings(made, begin, "m7")) == minutes
        assert during.in_budget, f"before {before.said}; during {during.said}"
        print(f"{kind}: before {before.said}; during {during.said}")


def readings(made: Site, begin: int, device: str) -> list[object]:
    span = f"from={iso(begin)}&to={iso(begin + HOURS * 60 * MINUTE)}"
    found: list[object] = made.hub.get(f"/api/v1/readings?device=bench:{device}&quantity=bench.level&limit=10000&{span}")["items"]
    return found
