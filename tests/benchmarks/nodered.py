"""Node-RED as a peer, from npm: the same message, the same rule, the same alert, with and without InfluxDB 1.6 behind it.

The flow is what its users build: MQTT in (parsed as JSON), a function with the comparison, MQTT out; with a store, points
gathered for at most a second or a thousand of them and written with node-red-contrib-influxdb's batch node.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.brokers import Broker

VERSIONS = {"node-red": "4.1.15", "node-red-contrib-influxdb": "0.7.0"}
HOME = Path(__file__).parents[2] / "build" / "nodered"
"""Where npm puts it, once."""

SETTINGS = """\
module.exports = {{
  uiHost: "127.0.0.1", uiPort: {port}, httpAdminRoot: false, httpNodeRoot: "/", userDir: {home}, flowFile: {flows},
  credentialSecret: false, telemetry: {{ enabled: false, updateNotification: false }},
  logging: {{ console: {{ level: "info", metrics: false, audit: false }} }},
}};
"""

JUDGE = """\
const reading = msg.payload, device = msg.topic.split("/").pop();
const alert = reading.smoke > {limit} ? {{ topic: {alerts}, payload: JSON.stringify({{ device }}) }} : null;
const point = {{ measurement: "fire", tags: {{ device }}, timestamp: new Date(reading.ts * 1000), fields: {{
  smoke: reading.smoke, power_w: reading.power_w, temp_c: reading.temp_c,
  humidity: reading.humidity, battery: reading.battery }} }};
return [alert, {{ payload: point }}];
"""

GATHER = """\
const points = context.get("points"); points.push(msg.payload);
if (points.length >= 1000) { node.send({ payload: points.splice(0) }); }
"""
GATHER_START = """\
context.set("points", []);
context.set("timer", setInterval(() => {
  const points = context.get("points");
  if (points.length) node.send({ payload: points.splice(0) });
}, 1000));
"""


class Missing(Exception):
    """Node-RED or InfluxDB cannot be had on this machine; the text says why."""


def install() -> Path:
    """Installs Node-RED with npm, once; its folder. Raises Missing."""
    if not shutil.which("npm"):
        raise Missing("npm is not installed, so Node-RED is left out")
    if not (HOME / "node_modules" / ".bin" / "node-red").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / "package.json").write_text('{"private": true}')
        wanted = [f"{name}@{version}" for name, version in VERSIONS.items()]
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", *wanted]
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"npm could not install Node-RED: {done.stderr.strip().splitlines()[-1]}")
    return HOME


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _flow(broker: Broker, qos: int, topic: str, alerts: str, limit: str, influx: int | None) -> list[dict[str, Any]]:
    flow: list[dict[str, Any]] = [
        {"id": "tab", "type": "tab", "label": "fire"},
        {
            "id": "broker", "type": "mqtt-broker", "broker": broker.host, "port": str(broker.port), "clientid": "nodered",
            "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": True,
        },
        {
            "id": "in", "z": "tab", "type": "mqtt in", "topic": topic, "qos": str(qos), "datatype": "json", "broker": "broker",
            "inputs": 0, "wires": [["judge"]],
        },
        {
            "id": "judge", "z": "tab", "type": "function", "outputs": 2, "initialize": "", "finalize": "", "libs": [],
            "func": JUDGE.format(limit=limit, alerts=json.dumps(alerts)), "wires": [["out"], ["gather"] if influx else []],
        },
        {"id": "out", "z": "tab", "type": "mqtt out", "topic": "", "qos": "1", "retain": "", "broker": "broker", "wires": []},
    ]  # fmt: skip
    if influx:
        flow += [
            {
                "id": "gather", "z": "tab", "type": "function", "outputs": 1, "func": GATHER, "initialize": GATHER_START,
                "finalize": 'clearInterval(context.get("timer"));', "libs": [], "wires": [["store"]],
            },
            {"id": "server", "type": "influxdb", "hostname": "127.0.0.1", "port": str(influx), "protocol": "http",
             "database": "bench", "name": "", "usetls": False, "tls": "", "influxdbVersion": "1.x"},
            {"id": "store", "z": "tab", "type": "influxdb batch", "influxdb": "server", "precision": "", "retentionPolicy": "",
             "name": "", "wires": []},
        ]  # fmt: skip
    return flow


@contextlib.contextmanager
def nodered(
    broker: Broker, qos: int, topic: str, alerts: str, limit: str, folder: Path, influx: int | None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Node-RED at work. ``influx``: the port of an InfluxDB 1 with a database "bench"."""
    home = install()
    folder.mkdir(parents=True, exist_ok=True)
    flows, settings, log = folder / "flows.json", folder / "settings.js", folder / "log"
    flows.write_text(json.dumps(_flow(broker, qos, topic, alerts, limit, influx)))
    settings.write_text(SETTINGS.format(port=_free_port(), home=json.dumps(str(home)), flows=json.dumps(str(flows.absolute()))))
    command = [str(home / "node_modules" / ".bin" / "node-red"), "-s", str(settings)]
    process = subprocess.Popen(command, cwd=folder, stdout=log.open("wb"), stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while "Connected to broker" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"Node-RED did not come up: {log.read_text(errors='replace')[-800:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


INFLUX = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[logging]
level = "error"
"""


class Influx:
    """A private InfluxDB 1 with a database "bench"."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("influxd"):
            raise Missing("InfluxDB is not installed, so Node-RED with InfluxDB is left out: apt-get install influxdb")
        folder.mkdir(parents=True)
        self.port = _free_port()
        (folder / "influx.conf").write_text(INFLUX.format(folder=folder.absolute(), rpc=_free_port(), port=self.port))
        self._process = subprocess.Popen(
            ["influxd", "-config", str(folder / "influx.conf")], stdout=(folder / "log").open("wb"), stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self._ask("CREATE DATABASE bench")
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    self.close()
                    raise Missing(f"InfluxDB did not come up: {error}") from error
                time.sleep(0.1)

    def _ask(self, question: str) -> Any:
        data = urllib.parse.urlencode({"db": "bench", "q": question}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/query", data=data, timeout=60) as answer:
            return json.loads(answer.read())

    def count(self) -> int:
        """Messages stored: points with a smoke."""
        found = self._ask('SELECT COUNT("smoke") FROM "fire"')["results"][0]
        return int(found["series"][0]["values"][0][1]) if "series" in found else 0

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
