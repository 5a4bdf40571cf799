"""One running hub, as its supervisor and its neighbours meet it."""

import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hub.lock import locked
from tests.support.brokers import Broker, start_mosquitto
from tests.support.hubs import ROOT, running_hub, until
from tests.support.proxy import Proxy
from tests.support.rawmqtt import SUBACK
from tests.support.site import site

CONFIG = """
[site]
community = "yunqi"
name = "云栖社区"
[mqtt]
url = "mqtt://127.0.0.1:{broker}"
[web]
listen = "127.0.0.1:{web}"
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path) as running:
        yield running


def write(tmp_path: Path, broker: Broker, web: int = 0, more: str = "") -> Path:
    config = tmp_path / "gengfu.toml"
    config.write_text(CONFIG.format(broker=broker.port, web=web) + more, encoding="utf-8")
    return config


def say(broker: Broker, topic: str, **body: object) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish(topic, json.dumps(body), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_a_taken_port_is_replaced_and_said(tmp_path: Path, broker: Broker) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running_hub(write(tmp_path, broker, port), tmp_path / "data") as hub:
            assert hub.get("/healthz")
            assert str(port) not in hub.url
            assert f"Port {port} is taken" in hub.log.read_text()


def test_it_is_ready_once_the_broker_has_granted_what_it_subscribes(tmp_path: Path, broker: Broker) -> None:
    with Proxy(broker.port) as proxy, site(tmp_path, broker, port=proxy.port, start=False) as made:
        proxy.sieve = lambda forth, number, packet: forth or packet[0] >> 4 != SUBACK
        made.hub.start(ready=False)

        def let_in() -> bool:
            try:
                return made.hub.metric("mqtt_connected") == 2
            except (OSError, ValueError):  # the page is not there yet
                return False

        until(let_in, "both sessions are let in")
        with pytest.raises(urllib.error.HTTPError) as refused:
            made.hub.get("/readyz")
        said = "lane: the broker has not answered yet what is subscribed."
        assert json.load(refused.value)["missing"] == [f"fire {said}", f"rest {said}"]
        proxy.sieve = None
        proxy.cut()
        until(made.hub.is_ready, "it is ready once the broker answers")


@pytest.mark.fault("two hubs on one directory")
def test_a_second_hub_on_the_same_directory_refuses_in_a_sentence(tmp_path: Path, broker: Broker) -> None:
    config = write(tmp_path, broker)
    with running_hub(config, tmp_path / "data") as hub:
        assert locked(tmp_path / "data") == hub.url
        second = subprocess.run(
            [sys.executable, "-m", "hub", "run", "--config", str(config)], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 1
        assert "another Gengfu works on" in second.stderr
        assert hub.url in second.stderr
        assert "Traceback" not in second.stderr
    assert locked(tmp_path / "data") is None


@pytest.mark.promise(4)
@pytest.mark.fault("SIGTERM")
def test_sigterm_ends_it_in_order_and_it_knows_what_it_knew(tmp_path: Path, broker: Broker) -> None:
    config = write(tmp_path, broker)
    with running_hub(config, tmp_path / "data") as hub:
        say(broker, "zigbee2mqtt/0x00158d0001020304", smoke=True, battery=80)
        until(lambda: hub.get("/api/v1/alerts?state=firing")["items"], "the alarm is raised")
        [before] = hub.get("/api/v1/alerts?state=firing")["items"]
        status, _ = hub.post(f"/api/v1/alerts/{before['id']}/acknowledge", {"by": "li", "comment": "on my way"})
        assert status == 200
        assert hub.stop() == 0
        hub.start()
        [after] = hub.get("/api/v1/alerts?state=firing")["items"]
        assert (after["id"], after["acknowledged_by"]) == (before["id"], "li")
        assert hub.get("/api/v1/devices")["items"][0]["id"] == "zigbee:0x00158d0001020304"
        url, heard = hub.url, threading.Event()

        def page() -> None:
            """As an open page does: a line that ends is opened again at once."""
            with suppress(OSError):
                while True:
                    with urllib.request.urlopen(f"{url}/api/v1/stream", timeout=20) as line:
                        while line.readline():
                            heard.set()

        threading.Thread(target=page, daemon=True).start()
        assert heard.wait(10)
        assert hub.stop() == 0
        assert "Traceback" not in hub.said()
        assert "Traceback" not in hub.log.read_text()


BAYS = """
[[adapter]]
kind = "json"
topic = "bay/{device}"
device = "bay:{device}"
readings = [{ quantity = "parking.occupied", path = "taken" }]
"""


def test_cars_of_the_last_hour_are_known_again_after_a_restart(tmp_path: Path, broker: Broker) -> None:
    with running_hub(write(tmp_path, broker, more=BAYS), tmp_path / "data") as hub:

        def cars() -> tuple[int, int]:
            seen = hub.get("/api/v1/overview")
            return seen["cars_in"], seen["cars_out"]

        for device, states in (("east", (0, 1)), ("west", (1, 0)), ("north", (0, 1))):
            for taken in states:
                say(broker, f"bay/{device}", taken=taken)
        until(lambda: cars() == (2, 1), "two came and one left")
        assert hub.stop() == 0
        hub.start()
        until(lambda: cars() == (2, 1), "the store is asked when somebody looks")
        say(broker, "bay/west", taken=1)
        until(lambda: cars() == (3, 1), "and what comes now is added")


def test_a_webhook_is_told_by_a_real_hub(tmp_path: Path, broker: Broker) -> None:
    told: list[dict[str, object]] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    sink = HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    more = f"""
[[person]]
id = "li"
name = "李管家"
tell = ["page", "webhook:desk"]
[[notifier]]
id = "webhook:desk"
kind = "webhook"
url = "http://127.0.0.1:{sink.server_address[1]}/alerts"
"""
    with running_hub(write(tmp_path, broker, more=more), tmp_path / "data") as hub:
        say(broker, "zigbee2mqtt/0x00158d0001020304", smoke=True)
        until(lambda: told, "the webhook is told")
        story = until(
            lambda: [s for s in hub.get(f"/api/v1/alerts/{told[0]['id']}")["told"] if s["sent_at"] and s["notifier"] != "mqtt"],
            "the ledger says so",
        )
        assert (told[0]["why"], told[0]["told"], story[0]["person"]) == ("first", "li", "李管家")
    sink.shutdown()


def test_what_is_refused_is_listed_and_told_to_the_vendor(tmp_path: Path, broker: Broker) -> None:
    rejected: list[tuple[str, dict[str, object]]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: rejected.append((message.topic, json.loads(message.payload)))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("gengfu/yunqi/rejected/#", 1)
    client.loop_start()
    with running_hub(write(tmp_path, broker), tmp_path / "data") as hub:
        publisher = paho.Client(CallbackAPIVersion.VERSION2)
        publisher.connect("127.0.0.1", broker.port)
        publisher.loop_start()
        publisher.publish("tele/plug7/SENSOR", b'{"ENERGY": {"Power": NaN}}', qos=1).wait_for_publish(10)
        publisher.disconnect()
        publisher.loop_stop()
        until(lambda: rejected, "the vendor hears of it where he publishes")
        [letter] = until(lambda: hub.get("/api/v1/dead-letters")["items"], "the page lists it")
        assert (letter["reason"], letter["adapter"], letter["topic"]) == ("bad_json", "tasmota", "tele/plug7/SENSOR")
        topic, said = rejected[0]
        assert topic == "gengfu/yunqi/rejected/tasmota:plug7"
        assert (said["reason"], said["topic"]) == ("bad_json", "tele/plug7/SENSOR")
        with urllib.request.urlopen(f"{hub.url}/api/v1/dead-letters/{letter['id']}") as answer:
            assert b"payload_base64" in answer.read()
    client.disconnect()
    client.loop_stop()


def test_a_second_process_reports_and_queries_while_the_hub_takes_readings(tmp_path: Path, broker: Broker) -> None:
    more = """
[store]
kind = "parquet"
seal_readings = 50
[[device]]
id = "tasmota:meter"
factor = 1
"""
    config = write(tmp_path, broker, more=more)
    with running_hub(config, tmp_path / "data") as hub:
        stop = threading.Event()

        def load() -> None:
            client = paho.Client(CallbackAPIVersion.VERSION2)
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            total = 100.0
            while not stop.wait(0.01):
                total += 0.001
                client.publish("tele/meter/SENSOR", json.dumps({"ENERGY": {"Total": round(total, 3), "Power": 360}}), qos=1)
            client.disconnect()
            client.loop_stop()

        loading = threading.Thread(target=load)
        loading.start()
        try:
            sealed = tmp_path / "data" / "sealed"
            until(lambda: list(sealed.rglob("*/*/*.parquet")), "something is sealed while readings come in")
            [(count,)] = duckdb.connect().execute(f"SELECT count(*) FROM read_parquet('{sealed}/energy/**/*.parquet')").fetchall()
            assert count > 0
            command = [sys.executable, "-m", "hub", "report", "energy", "--today", "--format", "json", "--config", str(config)]
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
            assert ran.returncode == 0, ran.stderr
            [row] = [row for row in json.loads(ran.stdout)["rows"] if row["quantity"] == "energy.active.import.total"]
            assert row["group"] == "tasmota:meter"
            assert row["value"] is None or 0 < row["value"] < 100
            before = hub.metric("readings_committed_total")
            until(lambda: hub.metric("readings_committed_total") > before, "the hub goes on taking readings")
        finally:
            stop.set()
            loading.join()


def test_import_reaches_a_running_hub(tmp_path: Path, broker: Broker) -> None:
    table = tmp_path / "devices.csv"
    lines = ["space,space_name,kind,parent,device,name", "3,3幢,building,,,", "3-2-502,3幢2单元502,flat,3,zigbee:0x1,厨房烟感"]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = write(tmp_path, broker)
    with running_hub(config, tmp_path / "data") as hub:
        command = [sys.executable, "-m", "hub", "import", str(table), "--config", str(config)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        [device] = hub.get("/api/v1/devices")["items"]
        assert (device["id"], device["name"], device["accepted"]) == ("zigbee:0x1", "厨房烟感", True)
        assert {space["id"] for space in hub.get("/api/v1/spaces")["items"]} == {"3", "3-2-502"}


def test_the_process_that_answers_charts_ends_with_a_killed_hub(tmp_path: Path, broker: Broker) -> None:
    with running_hub(write(tmp_path, broker), tmp_path / "data") as hub:
        hub.get("/api/v1/reports/energy?today=true")  # the first question starts it
        children = hub.children()
        assert children
        hub.kill()
        until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "the child ends by itself")
