"""A rule edited on the page of a real hub: checked, replayed, saved, in force at once, there after a kill; the others go on."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.brokers import start_mosquitto
from tests.support.hubs import HubProcess, until
from tests.support.site import Site, site

LEVELS = """
[[space]]
id = "3"
name = "3幢"
kind = "building"
[[device]]
id = "bench:a"
space = "3"
[[device]]
id = "bench:b"
space = "3"
[[quantity]]
name = "bench.level"
unit = "1"
shape = "gauge"
[[adapter]]
kind = "json"
topic = "bench/{device}"
device = "bench:{device}"
readings = [{ quantity = "bench.level", path = "level" }]
[[rule]]
id = "level-high" # said in the file
kind = "above"
quantity = "bench.level"
threshold = 500
severity = "critical"
[[rule]]
id = "level-long"
kind = "above"
quantity = "bench.level"
threshold = 300
hold_for = "6s"
"""
EDITED = '[[rule]]\nid = "level-high"\nkind = "above"\nquantity = "bench.level"\nthreshold = 700\nseverity = "critical"\n'
ONE = "/api/v1/rulebook/rules/level-high"


@contextmanager
def levels(path: Path) -> Iterator[Site]:
    """A hub with two rules of the file over two devices' levels."""
    with start_mosquitto(path) as broker, site(path, broker, LEVELS, bench=False) as made:
        yield made


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Site]:
    with levels(tmp_path) as made:
        yield made


def say(made: Site, device: str, level: float) -> None:
    made.client().say(f"bench/{device}", {"level": level})


def alerts(hub: HubProcess, rule: str) -> list[dict[str, Any]]:
    return [one for one in hub.get(f"/api/v1/alerts?search={rule}")["items"] if one["rule"] == rule]


def command(*words: str) -> str:
    return subprocess.run([sys.executable, "-m", "hub", *words], capture_output=True, text=True, check=True, timeout=60).stdout


def newest(hub: HubProcess, device: str) -> Any:
    latest = hub.get(f"/api/v1/devices/bench:{device}")["latest"]
    return latest[0]["value"] if latest else None


def test_from_the_form_to_the_engine_and_over_a_kill(made: Site) -> None:
    hub = made.hub
    say(made, "a", 600)
    (high,) = until(lambda: alerts(hub, "level-high"), "600 is above 500")
    (long,) = until(lambda: alerts(hub, "level-long"), "600 is above 300, and waits")
    assert (high["state"], long["state"]) == ("firing", "pending")

    # wrong words come back at their field, with the nearest right one, and are not saved
    given = {"id": "level-high", "table": {"id": "level-high", "kind": "above", "quantity": "bench.levl", "threshold": 700}}
    wrong = hub.post("/api/v1/rulebook/check", given)[1]["faults"]
    assert [(one["field"], one["line"]) for one in wrong] == [("quantity", 4)]
    assert 'did you mean "bench.level"?' in wrong[0]["message"]
    broken = EDITED.replace("bench.level", "bench.levl")
    status, answer = hub.post(ONE, {"toml": broken, "by": "Li", "why": "try"})
    assert status == 422 and "bench.level" in answer["detail"]
    assert hub.get(ONE)["versions"] == []

    # saved: its own alert goes on and is judged by the new version, the other rule's timer runs on
    status, version = hub.post(ONE, {"toml": EDITED, "by": "Li", "why": "it rang at noon", "seen": 0})
    assert (status, version["number"], version["by"]) == (200, 1, "Li")
    assert alerts(hub, "level-high")[0]["state"] == "firing"
    fired = until(lambda: [one for one in alerts(hub, "level-long") if one["state"] == "firing"], "the other rule fires")[0]
    assert fired["id"] == long["id"] and fired["pending_since"] == long["pending_since"]
    waited = (_ms(fired["raised_at"]) - _ms(long["pending_since"])) / 1000
    assert 6 <= waited < 9, f"an edit that restarted its timer would make this longer: {waited}"
    say(made, "a", 650)
    until(lambda: alerts(hub, "level-high")[0]["state"] == "resolved", "650 is not above 700")
    assert hub.post(ONE, {"toml": EDITED, "by": "Wang", "why": "the same", "seen": 0})[0] == 409, "somebody was faster"

    # a kill, and it is still there
    hub.kill()
    hub.start()
    kept = hub.get(ONE)
    assert [(one["number"], one["by"], one["why"]) for one in kept["versions"]] == [(1, "Li", "it rang at noon")]
    assert kept["rule"]["origin"] == "page" and kept["toml"] == EDITED and "threshold = 500" in kept["base"]
    exported = command("rules", "export", "--config", str(hub.config))
    assert exported.startswith("# version 1 of ") and exported.endswith(EDITED + "\n"), exported
    told = "rule level-high: version 1 of the page counts instead of this file's, by Li"
    assert told in command("check", "--config", str(hub.config))
    say(made, "b", 650)
    until(lambda: newest(hub, "b") == 650, "the reading is in")
    assert not [one for one in alerts(hub, "level-high") if one["device"] == "bench:b"]

    # the file's again
    status, version = hub.post(f"{ONE}/take-back", {"by": "Li", "why": "it was right", "seen": 1})
    assert (status, version["number"], version["toml"]) == (200, 2, "")
    say(made, "b", 651)
    until(lambda: [one for one in alerts(hub, "level-high") if one["device"] == "bench:b"], "651 is above 500")

    # why, what it would have done, and where nobody watches
    why = hub.get("/api/v1/why?device=bench:b")
    said = {one["rule"]: (one["verdict"], one["state"]) for one in why["rules"] if one["rule"].startswith("level")}
    assert said == {"level-high": (True, "firing"), "level-long": (True, said["level-long"][1])} and why["live"]
    status, told = hub.post("/api/v1/rulebook/replay", {"id": "level-high", "toml": EDITED, "days": 1})
    assert status == 200 and (told["rule"]["fired"], told["against"]["fired"]) == (0, 2), told
    assert {one["device"] for one in told["against"]["devices"]} == {"bench:a", "bench:b"}
    armed = hub.get("/api/v1/armed")
    assert {one["rule"]: one["armed"] for one in armed["rules"]}["level-high"] == 2
    assert hub.get("/api/v1/armed/count")["blind"] == armed["blind"]


def test_a_new_rule_with_a_story_of_its_own(made: Site) -> None:
    hub = made.hub
    say(made, "a", 5)
    story = '\n[[rule.test]]\nname = "low"\nstory = """\n10s reads 5 => firing\n"""\n'
    text = '[[rule]]\nid = "level-low"\nkind = "below"\nquantity = "bench.level"\nthreshold = 10\n' + story
    checked = hub.post("/api/v1/rulebook/check", {"toml": text, "stories": True})[1]
    assert (checked["faults"], checked["stories"]) == ([], 1) and checked["tests"][0]["ok"], checked
    wrong = hub.post("/api/v1/rulebook/check", {"toml": text.replace("reads 5", "reads 50"), "stories": True})[1]
    assert not wrong["tests"][0]["ok"] and wrong["tests"][0]["message"]
    taken = hub.post("/api/v1/rulebook/check", {"toml": EDITED})[1]
    assert [one["field"] for one in taken["faults"]] == ["id"], "another rule has that name"
    assert hub.post("/api/v1/rulebook/rules/level-low", {"toml": text, "by": "Li", "why": "new", "seen": 0})[0] == 200
    assert [one["state"] for one in alerts(hub, "level-low")] == ["firing"], "5 is below 10 already, and nothing more is heard"
    row = next(one for one in hub.get("/api/v1/rulebook")["items"] if one["id"] == "level-low")
    assert (row["origin"], row["version"], row["open"]) == ("page", 1, 1)
    assert hub.post("/api/v1/rulebook/rules/level-low/take-back", {"by": "Li", "why": "enough"})[0] == 200
    (alert,) = alerts(hub, "level-low")
    assert alert["state"] == "firing", "it stays open, for a person"
    assert hub.get("/api/v1/rulebook/rules/level-low")["rule"] is None


def _ms(moment: str) -> float:
    return time.mktime(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(moment[20:23])
