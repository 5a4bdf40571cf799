"""``gengfu vendor check`` and ``capture`` against a real broker: every planted fault is found, and none where none is."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import tests.support.captures as captures_support
from hub.broker import PrivateBroker
from hub.cli import main
from hub.cli.vendor import shown, tell
from hub.config import load, site_context
from hub.model import Message
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.vendor.faults import FAULTS, score
from hub.vendor.raw import beginning, beside
from hub.vendor.watch import Watch
from simulators import scenario, vendor
from simulators.building import World
from simulators.crowd import Crowd
from tests.support.brokers import Broker, free_port, start_mosquitto
from tests.support.hubs import until

ROOT = Path(__file__).resolve().parents[2]
START = 1_772_683_200_000  # 2026-03-05 12:00 in Shanghai


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with start_mosquitto(tmp_path_factory.mktemp("vendor")) as running:
        yield running


class Looking:
    """A ``gengfu`` command that listens, as a process of its own."""

    def __init__(self, path: Path, broker: Broker | None, *arguments: str) -> None:
        """``broker`` None: the hub's own, in ``data/broker``."""
        config = path / "gengfu.toml"
        config.write_text((f'[mqtt]\nurl = "{broker.url}"\n' if broker else "") + vendor.CONFIG, "utf-8")
        self.out, self.err = path / "out", path / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            command = [sys.executable, "-m", "hub", *arguments, "--config", str(config)]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, stdout=out, stderr=err, cwd=path, env=environment)
        until(lambda: self.process.poll() is not None or b"Listening" in self.err.read_bytes(), "it listens")
        assert self.process.poll() is None, self.err.read_text("utf-8")

    def heard(self, what: str) -> None:
        until(lambda: what in self.out.read_text("utf-8"), f"it has heard {what}")

    def ended(self) -> tuple[int, str]:
        """Ctrl-C; the exit code and what it said."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        said = self.err.read_text("utf-8")
        assert "Traceback" not in said, said
        return code, self.out.read_text("utf-8")


def found(said: str) -> set[tuple[str, str]]:
    """The fault and subject of each row of the table."""
    rows = said.split("times  what\n")[1].split("\n\n")[0].splitlines() if "times  what\n" in said else []
    return {(row.split()[0], row) for row in rows}


LAST = "acme/bye: "


def watched(path: Path, broker: Broker, faults: tuple[str, ...], *more: str) -> tuple[int, str]:
    looking = Looking(path, broker, "vendor", "check", "--topic", "acme/#", *more)
    try:
        assert vendor.publish(broker.url, faults) > 20
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", "acme/bye", "-m", "offline"], check=True)
        looking.heard(LAST)
        return looking.ended()
    finally:
        looking.process.kill()
        looking.process.wait()
        clear(broker)


def clear(broker: Broker) -> None:
    """Nothing stays retained for the next test."""
    command = ["mosquitto_sub", "-p", str(broker.port), "-t", "#", "--remove-retained", "--retained-only", "-W", "1"]
    subprocess.run(command, capture_output=True, check=False)


# --- the bad and the good ---------------------------------------------------------------------------------------------


def test_every_fault_can_be_planted() -> None:
    assert len(vendor.FAULTS) >= 12
    assert set(vendor.FAULTS) == set(FAULTS)


def test_every_planted_fault_is_found_where_it_was_planted_and_no_other(tmp_path: Path, broker: Broker) -> None:
    report = tmp_path / "report.html"
    code, said = watched(tmp_path, broker, vendor.FAULTS, "--html", str(report))
    assert code == 1
    rows = found(said)
    assert {fault for fault, _ in rows} == set(vendor.FAULTS)
    for fault, row in rows:
        assert (f"bad {fault}" if fault == "topic" else f"bad-{fault.replace('_', '-')}") in row
    assert "Score 0 of 100" in said
    assert " messages came with QoS 0: what is lost on the way is not sent again." in said
    assert "understood acme/bad-unit/data: acme:bad-unit power.active 900 W  from power_w = 900" in said
    assert "refused    acme/bad-refused/data: wrong_type: " in said
    page = report.read_text("utf-8")
    Selfcontained().feed(page)
    assert "acme:bad-stuck" in page
    assert "离线无人知晓" in page


@pytest.mark.parametrize("fault", ["", *vendor.FAULTS])
def test_each_by_itself_and_the_good_one(fault: str) -> None:
    """Pure, over the very messages that the simulator publishes."""
    watch = watching()
    said = vendor.story(fault, START)
    device = said[0].device
    if fault != "no_availability":
        watch.take(Message(f"acme/{device}/status", b"online", START))
    for one in said:
        watch.take(Message(one.topic, one.payload, START, qos=one.qos))
    for one in said:
        if one.retain:
            watch.take_retained(Message(one.topic, one.payload, START, retained=True))
    assert {finding.fault for finding in watch.findings()} == ({fault} if fault else set())
    assert score(watch.findings()).points == 100 - (FAULTS[fault].weight if fault else 0)
    if fault.startswith("clock_"):  # planted an hour off
        assert ", which is 1 h: is local time sent as UTC" in watch.findings()[0].detail
    assert watch.unconfirmed == sum(one.qos == 0 for one in said)


def test_nothing_is_found_in_the_good_vendor(tmp_path: Path, broker: Broker) -> None:
    code, said = watched(tmp_path, broker, ("",))
    assert code == 0, said
    assert "Nothing was found." in said
    assert "Score 100 of 100." in said
    assert "acme:good energy.active.import.total 1234.5 kW.h  from energy_kwh = 1234.5" in said


def test_the_hub_s_own_broker_is_listened_to(tmp_path: Path) -> None:
    own = PrivateBroker(tmp_path / "data" / "broker", free_port())
    url = own.start_now()
    looking = None
    try:
        looking = Looking(tmp_path, None, "vendor", "check", "--topic", "acme/#")
        vendor.publish(url, ("", "stuck"))
        until(lambda: looking.out.read_text("utf-8").count(" voltage ") == 2 * vendor.ROUNDS, "every reading is heard")
        code, said = looking.ended()
        assert code == 1
        assert {fault for fault, _ in found(said)} == {"stuck"}
        left = 100 - FAULTS["stuck"].weight
        assert f"Score {left} of 100 (100 - {100 - left} stuck = {left})." in said
    finally:
        if looking is not None:
            looking.process.kill()
            looking.process.wait()
        own.stop_now()


def test_nothing_is_found_in_the_simulated_community() -> None:
    """Ten minutes of the demo's own devices, the fire among them."""
    world = World(7)
    crowd = Crowd(world, scenario.load(scenario.DEMO, world), START)
    watch = watching(False)
    kept: dict[str, Message] = {}
    now = START
    waiting = list(crowd.hello(now))
    while now < START + 600_000:
        for said in waiting:
            message = Message(said.topic, said.payload, now)
            watch.take(message)
            if said.retain:
                kept[said.topic] = Message(said.topic, said.payload, now, retained=True)
        now = max(crowd.next(), now + 1)
        waiting = list(crowd.step(now))
    for message in kept.values():
        watch.take_retained(message)
    assert watch.readings > 1_000
    assert [(each.fault, each.subject, each.detail) for each in watch.findings()] == []


def watching(acme: bool = True) -> Watch:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gengfu.toml"
        path.write_text(vendor.CONFIG if acme else "", "utf-8")
        config = load(path)
    site = site_context(config)
    assert site.zone == ZoneInfo("Asia/Shanghai")
    return Watch([plugin(settings, site) for plugin, settings in config.adapters], Vocabulary(), Retention())


class Selfcontained(HTMLParser):
    """Fails on anything that is fetched or run."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe", "object", "form")
        assert not {"src", "href", "onload", "onerror"} & {name for name, _ in attrs}


def test_what_a_vendor_says_is_escaped_everywhere(tmp_path: Path, broker: Broker) -> None:
    report = tmp_path / "report.html"
    looking = Looking(tmp_path, broker, "vendor", "check", "--topic", "acme/#", "--html", str(report))
    try:
        nasty = "<img src=x onerror=alert(1)>\x1b[31m"
        publish = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", f"acme/{nasty.split(chr(27))[0]}/data", "-m", nasty]
        subprocess.run(publish, check=True)
        looking.heard("bad_json")
        code, said = looking.ended()
    finally:
        looking.process.kill()
        looking.process.wait()
    assert code == 1
    assert "\x1b" not in said
    Selfcontained().feed(report.read_text("utf-8"))


def test_what_a_vendor_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    watch = watching()
    lines = watch.take(Message("acme/\x1b[2J\u202e/data", b"\x1b[31m", START))
    tell(watch, watch.findings())
    said = "".join(map(shown, lines)) + capsys.readouterr().out
    assert "bad_json" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


# --- capture ----------------------------------------------------------------------------------------------------------


def test_what_was_captured_is_a_capture_file(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = Looking(tmp_path, broker, "capture", "--topic", "acme/+/data")
    try:
        vendor.publish(broker.url, ("", "refused"))
        until(lambda: looking.out.read_text("utf-8").count("\n") >= 2 * vendor.ROUNDS + 1, "all messages are captured")
        code, said = looking.ended()
    finally:
        looking.process.kill()
        looking.process.wait()
        clear(broker)
    assert code == 0
    (tmp_path / "json.jsonl").write_text(said, "utf-8")
    monkeypatch.setattr(captures_support, "FOLDER", tmp_path)
    read = list(captures_support.captures("json"))
    assert len(read) == 2 * vendor.ROUNDS
    assert [captures_support.differences(capture) for capture in read] == [[]] * len(read)
    lines: list[dict[str, Any]] = [capture.line for capture in read]
    assert [line["refused"] for line in lines if "refused" in line] == ["wrong_type"]
    assert all("to be filled in" in line["source"] for line in lines)
    first = next(line for line in lines if line["topic"] == "acme/good/data")
    assert {(entry["quantity"], entry["value"]) for entry in first["expected"]} == {
        ("power.active", 900),
        ("energy.active.import.total", 1234.5),
        ("voltage", 230),
    }
    assert json.loads(first["payload"])["id"] == "good"


# --- failures and words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["vendor", "check"], ["capture"]], ids=" ".join)
def test_failures_are_sentences(
    command: list[str], tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def said(*more: str) -> str:
        assert main([*command, *more]) == 1
        err = capsys.readouterr().err
        assert "Traceback" not in err
        return err

    assert "the hub's own is not running" in said("--topic", "x/#")
    (tmp_path / "gengfu.toml").write_text('[mqtt]\nurl = "mqtt://127.0.0.1:1"\n')
    assert "not connected to the broker at mqtt://127.0.0.1:1: Connection refused" in said("--topic", "x/#")
    (tmp_path / "gengfu.toml").write_text(f'[mqtt]\nurl = "{broker.url}"\n')
    assert "nothing was heard on x/#" in said("--topic", "x/#", "--minutes", "0.01")
    assert "x/#/y" in said("--topic", "x/#/y")


def test_no_score_without_a_measurement(tmp_path: Path, broker: Broker) -> None:
    looking = Looking(tmp_path, broker, "vendor", "check", "--topic", "acme/#")
    try:
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", "acme/x/status", "-m", "online"], check=True)
        looking.heard("says online")
        code, said = looking.ended()
    finally:
        looking.process.kill()
        looking.process.wait()
    assert code == 1
    assert "Score" not in said
    assert "no measurement in any" in looking.err.read_text("utf-8")


def test_the_raw_value_is_shown_where_it_is_clear() -> None:
    assert beside(b'{"ENERGY":{"Power":91,"Total":1500}}', 1.5) == "ENERGY.Total = 1500"
    assert beside(b'{"a":1.5,"b":1.5}', 1.5) == ""
    assert beside(b"1.5", 1.5) == ""
    assert beginning(b"\xff\x00") == "ff 00"
    assert beginning("火\x1b".encode()) == "火·"
