"""A whole hub whose readings go to InfluxDB: page, report, backup, and what it says while the server is away."""

import json
import subprocess
import sys
import urllib.error
from contextlib import closing
from pathlib import Path

import pytest

from hub.moments import iso
from hub.stores.sent_journal import SentReader
from tests.hub.conftest import Servers
from tests.support.brokers import start_mosquitto
from tests.support.hubs import ROOT, until
from tests.support.site import Site, site, wall

HOUR = 3_600_000
METER = """
[[adapter]]
kind = "json"
topic = "meter/{device}"
device = "meter:{device}"
time = { path = "ts", unit = "ms" }
readings = [{ quantity = "energy.active.import.total", path = "kwh", unit = "kW.h" }]
[[device]]
id = "meter:main"
factor = 40
"""


def gengfu(made: Site, *words: str) -> str:
    command = [sys.executable, "-m", "hub", *words, "--config", str(made.config)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    return ran.stdout if ran.returncode == 0 else ran.stderr


def settled(made: Site) -> bool:
    with closing(SentReader(made.data / "journal-rest.db", "rest")) as reader:
        return not reader.pending().rows


@pytest.mark.xdist_group("influxdb")
def test_a_hub_on_influxdb(servers: Servers, tmp_path: Path) -> None:
    server = servers("influxdb")
    assert server is not None
    start = wall() // HOUR * HOUR - 3 * HOUR
    span = f"from={iso(start)}&to={iso(start + 2 * HOUR)}"
    asked = f"/api/v1/readings?device=meter:main&quantity=energy.active.import.total&{span}"
    report = ("report", "energy", "--from", str(iso(start)), "--to", str(iso(start + 2 * HOUR)), "--every", "total")
    with (
        start_mosquitto(tmp_path) as broker,
        site(tmp_path, broker, server.table("hub") + "send_every = '500ms'\n" + METER, start=False) as made,
    ):
        made.hub.first = "from hub.stores import forwarder; forwarder.SETTLES_AFTER = 1.0"
        made.hub.start()
        device = made.client()
        for quarter in range(9):  # 100 kWh on the register, then 0.25 more every quarter of an hour
            device.say("meter/main", {"ts": start + quarter * HOUR // 4, "kwh": 100 + quarter / 4})
        domain = ("hub", "energy", "energy.active.import.total")
        until(lambda: len(server.times(*domain)) == 9, "the server has all of it", 20)
        assert [row["value"] for row in made.hub.get(asked)["items"]] == [100 + quarter / 4 for quarter in range(8)]
        assert [bucket["count"] for bucket in made.hub.get(f"{asked}&every=1h")["items"]] == [4, 4]
        [row] = json.loads(gengfu(made, *report, "--format", "json"))["rows"]
        assert (row["value"], row["completeness"]) == (2 * 40, 1)  # two hours at 1 kW, through a transformer of 40
        assert "Backed up" in gengfu(made, "backup", str(tmp_path / "copy"))
        assert {path.name for path in (tmp_path / "copy").glob("journal-*.db")} == {"journal-fire.db", "journal-rest.db"}
        until(lambda: settled(made), "it is settled", 20)
        server.stop()
        try:
            with pytest.raises(urllib.error.HTTPError) as refused:
                made.hub.get(asked.replace(str(iso(start)), "2020-01-01T00:00:00Z"))
            assert refused.value.code == 503
            assert "does not answer" in json.load(refused.value)["detail"]
            made.hub.stop()
            assert "does not answer" in gengfu(made, *report).replace("\n", " ")
            made.hub.start()  # without the server, and with what was known
            assert made.hub.get("/api/v1/devices/meter:main")["latest"][0]["value"] == 102
        finally:
            server.restart()
