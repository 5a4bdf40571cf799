"""Fire drills, with real devices, brokers and receivers: the report, its times, and each step broken once."""

import contextlib
import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.cli.drill import conclude
from hub.drill_report import WAY
from tests.support.brokers import Broker, start_mosquitto
from tests.support.hubs import ROOT, until
from tests.support.proxy import Proxy, Sieve
from tests.support.receivers import Answer, Request, Sink, sink
from tests.support.site import Site, site

PEOPLE = """
[[person]]
id = "li"
name = "李管家"
tell = ["desk"]
[[notifier]]
id = "desk"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
"""
HASTE = """
import hub.drill, hub.drill_device
hub.drill.PATIENCE = hub.drill_device.PATIENCE = hub.drill.CHANNEL_PATIENCE = 2.0
"""
"""A broken step is found after two seconds instead of five."""


@contextmanager
def held(path: Path, desk: Sink, more: str = "", drill: str = 'wait = "20s"') -> Iterator[tuple[Site, Broker]]:
    """A hub with one person; started by the test."""
    text = f"[drill]\n{drill}\n" + PEOPLE.format(port=desk.port) + more
    with start_mosquitto(path) as broker, site(path, broker, text, start=False) as made:
        words = made.config.read_text("utf-8").replace("[web]", '[web]\npublic_url = "https://hub.example.org"')
        made.config.write_text(words, "utf-8")
        made.hub.first = HASTE
        yield made, broker


def ended(made: Site, id: str) -> Any:
    def done() -> Any:
        found = made.hub.get(f"/api/v1/drills/{id}")
        return found if found["state"] != "running" else None

    return until(done, "the drill has ended", 40)


def drill(made: Site, to_people: bool = False) -> Any:
    status, report = made.hub.post("/api/v1/drills", {"to_people": to_people, "by": "test"})
    assert status == 200, report
    return ended(made, report["id"])


def small(made: Site) -> Any:
    """The first of those that go on by themselves."""

    def first() -> Any:
        found = [one for one in made.hub.get("/api/v1/drills")["items"] if not one["by"] and one["state"] != "running"]
        return found[-1] if found else None

    return until(first, "a small drill has ended", 40)


def steps(report: Any) -> dict[str, Any]:
    return {step["step"]: step for step in report["steps"]}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def streamed(made: Site) -> list[bytes]:
    """What an open page hears of alerts, from now on."""
    heard: list[bytes] = []
    answer = urllib.request.urlopen(f"{made.hub.url}/api/v1/stream?kinds=alert", timeout=60)

    def read() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            heard.extend(answer)

    threading.Thread(target=read, daemon=True).start()
    return heard


def test_to_people_and_back_with_times_that_add_up(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk) as (made, _):
        made.hub.start()
        small(made)
        page = streamed(made)
        # What an outsider sees of it, by his own clock: the alarm on the wire, the alert on the wire, the message.
        outsider = made.listener("gengfu/yunqi/drill", "gengfu/yunqi/drills", "gengfu/yunqi/alerts/+")
        arrived: list[float] = []

        def take(_: Request) -> Answer:
            arrived.append(time.time() * 1000)
            return 200, {}, b""

        desk.answer = take
        command = [sys.executable, "-m", "hub", "drill", "--to-people", "--by", "wang", "--config", str(made.config)]
        asked = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        message = until(lambda: desk.requests and desk.requests[0].json(), "the message arrives")
        _, _, alarm = outsider.wait(lambda topic, _: topic == "gengfu/yunqi/drill", 20, "the alarm")
        _, _, alert = outsider.wait(lambda topic, _: topic == "gengfu/yunqi/drills", 20, "the alert")
        assert message["drill"] is True and message["text"].startswith("【演练】")
        path = urlsplit(message["link"]).path
        pressed = http.client.HTTPConnection(urlsplit(made.hub.url).netloc, timeout=10)
        with closing(pressed):
            pressed.request("POST", path, headers={"Host": "hub.example.org"})
            answered = pressed.getresponse().read().decode()
            assert "已确认" in answered and "<h1 class=critical>【演练】" in answered
        said, wrong = asked.communicate(timeout=40)
        assert (asked.returncode, wrong) == (0, ""), said
        assert "accepted by desk li" in said and "acknowledged by li" in said and "The drill passed." in said

        [report] = made.hub.get("/api/v1/drills?to_people=true")["items"]
        found = steps(report)
        assert {step["state"] for step in report["steps"]} == {"ok"}
        assert [step["step"] for step in report["steps"] if step["step"] in WAY] == list(WAY)
        assert sum(found[name]["ms"] for name in WAY) == report["total_ms"]
        assert all(found[name]["ms"] >= 0 for name in WAY)
        assert abs(report["total_ms"] - (alert - alarm) * 1000) < 150, "as long as it was for an outsider"
        way_to_desk = sum(found[name]["ms"] for name in WAY[: WAY.index("committed") + 1]) + found["told"]["ms"]
        assert abs(way_to_desk - (arrived[0] - ms(found["published"]["at"]))) < 150
        assert (found["told"]["notifier"], found["told"]["person"]) == ("desk", "li")

        # It is nothing real: not for the page, not for machines, not for the history.
        assert made.alerts(state="open") == [] and made.alerts() == []
        assert made.hub.get("/api/v1/overview")["open"] == {"info": 0, "warning": 0, "critical": 0}
        assert made.hub.get("/api/v1/overview")["last_drill"] is not None
        assert not [topic for topic, _, _ in outsider.messages if topic.startswith("gengfu/yunqi/alerts/")]
        assert [one.json()["why"] for one in desk.requests] == ["first", "acknowledged", "resolved"]
        made.client("real").say("alarm/real", {"ts": round(time.time() * 1000), "smoke": True})
        until(lambda: b"alarm:real" in b"".join(page), "a real alert reaches the open page")
        assert b"drill:hub" not in b"".join(page), "and the drill's has not"


def test_small_drills_go_on_and_leave_only_their_reports(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk) as (made, _):
        made.hub.start()
        assert small(made)["state"] == "passed"
        for _ in range(3):
            assert drill(made)["state"] == "passed"
        until(lambda: len(made.alerts(device="drill:hub")) <= 1, "the alerts of earlier ones are forgotten")
        made.hub.kill()
        made.hub.start()
        assert len([one for one in made.hub.get("/api/v1/drills")["items"] if one["state"] == "passed"]) >= 4
        assert drill(made)["state"] == "passed", "an alarm that was left behind does not stand in the way"
        assert desk.requests == [], "nobody is told of a small one"


# --- each step broken ----------------------------------------------------------------------------------------------------


def test_the_broker_is_down(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk) as (made, broker):
        made.hub.start()
        small(made)
        broker.kill()
        report = drill(made)
    assert (report["failed"], "no broker answers" in report["why"]) == ("published", True)


def test_the_device_has_the_wrong_password(tmp_path: Path) -> None:
    (tmp_path / "drill-password").write_text("wrong\n")
    with sink() as desk, start_mosquitto(tmp_path, username="gengfu", password="right") as broker:
        text = '[drill]\nusername = "gengfu"\npassword_file = "drill-password"\n' + PEOPLE.format(port=desk.port)
        with site(tmp_path, broker, text) as made:
            report = small(made)
    assert (report["failed"], "refuses the drill device" in report["why"]) == ("published", True)


def test_the_adapter_is_off(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk) as (made, _):
        made.data.mkdir()
        off = {"adapter drill on gengfu/yunqi/drill": {"since": "2026-03-05T00:00:00.000Z", "why": "it did not return"}}
        (made.data / "disabled.json").write_text(json.dumps(off))
        made.hub.start()
        report = small(made)
    assert (report["failed"], "it is disabled" in report["why"]) == ("decoded", True)


def test_the_rule_is_off_and_so_the_checker_outside_hears_no_more(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "drill"\nkind = "state"\nquantity = "device.drill"\nenabled = false\n'
    with sink() as desk, sink() as checker:
        beat = f'[heartbeat]\nurl = "http://127.0.0.1:{checker.port}/"\nevery = "1s"\n'
        with held(tmp_path, desk, rule + beat) as (made, _):
            made.hub.start()
            report = small(made)
            assert (report["failed"], report["why"]) == ("decided", "the rule drill is switched off in the configuration")
            until(lambda: made.hub.metric("heartbeats_held_total"), "the heartbeat is held")
            sent = len(checker.requests)
            until(lambda: made.hub.metric("heartbeats_held_total") >= 3, "and again")
            assert len(checker.requests) == sent
            assert made.hub.is_ready(), "it takes messages all the same"


def test_the_records_are_frozen(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk) as (made, _):
        made.hub.start()
        small(made)
        with closing(sqlite3.connect(made.data / "records.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            status, report = made.hub.post("/api/v1/drills", {"to_people": False, "by": "test"})
            assert status == 200
            until(lambda: made.hub.get(f"/api/v1/drills/{report['id']}")["failed"], "the step is found", 8)
            other.rollback()
        report = ended(made, report["id"])
        assert report["failed"] == "committed"
        assert steps(report)["decided"]["state"] == "ok"
        assert steps(report)["heard"]["state"] == "not reached"
        assert drill(made)["state"] == "passed", "and then it passes again"


def test_a_channel_answers_500_and_the_drill_names_it(tmp_path: Path) -> None:
    with sink(lambda _: (500, {}, b"")) as desk, held(tmp_path, desk) as (made, _):
        made.hub.start()
        small(made)
        done = subprocess.run(
            [sys.executable, "-m", "hub", "drill", "--to-people", "--config", str(made.config)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
    assert done.returncode == 1
    assert "The drill failed at: told" in done.stdout and f"desk li: http://127.0.0.1:{desk.port}/ answered 500" in done.stdout


def test_nobody_acknowledges(tmp_path: Path) -> None:
    with sink() as desk, held(tmp_path, desk, drill='wait = "1s"') as (made, _):
        made.hub.start()
        report = drill(made, to_people=True)
    assert (report["failed"], report["why"]) == ("acknowledged", "nobody has acknowledged within 1 s")
    assert steps(report)["told"]["state"] == "ok"


PUBLISH, PUBACK = 3, 4
DEVICE = b"gengfu-drill-"  # how the drill device's client id begins


def on(topic: str) -> Callable[[bytes], bool]:
    """PUBLISHes on this very topic."""
    name = len(topic).to_bytes(2, "big") + topic.encode()
    return lambda packet: packet[0] >> 4 == PUBLISH and name in packet[: 5 + len(name)]


def swallowing(step: str) -> Sieve:
    """Takes away what makes this step, and nothing else."""
    devices: set[int] = set()

    def passes(forth: bool, number: int, packet: bytes) -> bool:
        if forth and DEVICE in packet[:64]:
            devices.add(number)
        match step:
            case "confirmed":  # the broker's PUBACK of the alarm
                return forth or number not in devices or packet[0] >> 4 != PUBACK
            case "received":  # the alarm on its way to the hub
                return forth or not on("gengfu/yunqi/drill")(packet)
            case "announced":  # the alert on its way to the broker
                return not forth or not on("gengfu/yunqi/drills")(packet)
            case "heard":  # the alert on its way back to the device
                return forth or not on("gengfu/yunqi/drills")(packet)
        raise AssertionError(step)

    return passes


BROKEN = {
    "confirmed": ("the broker did not confirm the drill alarm within 1 s", "MQTT 代理在 1 秒内没有确认演练报警"),
    "received": ("the hub heard nothing of the alarm within 1 s", "中枢在 1 秒内没有收到报警"),
    "announced": ("the broker did not confirm the alert within 1 s", "MQTT 代理在 1 秒内没有确认警报"),
    "heard": ("the published alert did not come back within 1 s", "发布的警报在 1 秒内没有回到演练装置"),
}
NAMED = {"confirmed": "代理确认", "received": "中枢收到", "announced": "对外发布", "heard": "设备收到回传"}


def test_the_network_loses_one_packet_and_the_drill_names_its_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each in its turn, between the hub with its drill device and a real broker; named in both languages, by the command and
    over HTTP."""
    with sink() as desk, start_mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy, ExitStack() as more:
        made = more.enter_context(
            site(tmp_path, broker, "[drill]\n" + PEOPLE.format(port=desk.port), start=False, port=proxy.port)
        )
        made.hub.first = HASTE.replace("2.0", "1.0")
        made.hub.start()
        assert small(made)["state"] == "passed"
        for step, (en, zh) in BROKEN.items():
            proxy.sieve = swallowing(step)
            asked = subprocess.run(
                [sys.executable, "-m", "hub", "drill", "--language", "zh", "--config", str(made.config)],
                cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, "NO_COLOR": "1"},
            )  # fmt: skip
            proxy.sieve = None
            proxy.cut()  # what was lost is sent again
            assert (asked.returncode, asked.stderr) == (1, ""), asked.stdout
            assert asked.stdout.endswith(f"演练失败，止步于：{NAMED[step]}（{step}）。{zh}。\n")
            report, chinese = (told(made, language) for language in ("en", "zh"))
            assert (report["failed"], report["why"], chinese["failed"], chinese["why"]) == (step, en, step, zh)
            assert [one["step"] for one in report["steps"] if one["state"] == "failed"] == [step]
            assert (steps(report)[step]["why"], steps(chinese)[step]["why"]) == (en, zh)
            capsys.readouterr()
            assert conclude(report, "en") == 1
            assert capsys.readouterr().out == f"The drill failed at: {step}. {en[0].upper()}{en[1:]}.\n"
            until(lambda: drill(made)["state"] == "passed", "and it passes again")


def told(made: Site, language: str) -> Any:
    """The last drill that somebody asked for."""
    request = urllib.request.Request(f"{made.hub.url}/api/v1/drills", headers={"Accept-Language": language})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return next(one for one in json.load(answer)["items"] if one["state"] == "failed")
