"""A storm: 5,000 detectors of one building in 10 s are one incident. The first is told within a second, the others in a few
updates that count them; all are published for machines; when all are quiet, that is told once."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.promises.conftest import Figure
from tests.support import storm
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Sink, site

COUNT = 5000
SECONDS = 10.0
EVERY = 5.0
"""Seconds between two updates with critical members, as configured when nothing is."""
ROBOT = 2
"""A minute: a robot in a chat that takes no more (DingTalk's takes 20, more than one incident ever says)."""
MEMORY = 200.0
"""MB that 5,000 open alerts and their incident may take."""


def memory(pid: int) -> float:
    """MB of the process's own memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.promise(14)
def test_five_thousand_detectors_of_one_building_are_one_incident(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    heard: list[tuple[float, dict[str, Any]]] = []

    def answer(notice: dict[str, Any], key: str) -> int:
        heard.append((time.monotonic(), notice))
        return 204

    told_robot: list[tuple[float, dict[str, Any]]] = []

    def count_robot(notice: dict[str, Any], key: str) -> int:
        told_robot.append((time.monotonic(), notice))
        return 204

    sink, robot = Sink(answer), Sink(count_robot)
    limited = robot.config.replace("webhook:desk", "webhook:robot") + f'rate = "{ROBOT}/min"\n'
    with site(tmp_path, broker, sink.config + limited) as made:
        status, _ = made.hub.post("/api/v1/import", storm.homes(COUNT))
        assert status == 200
        listener = made.listener()
        before = memory(made.hub.pid)
        began = storm.burn(made.client("storm"), COUNT, SECONDS)
        sent = time.monotonic()
        first = until(lambda: heard, "the first notice")[0][0] - began
        figure("first notice after", f"{first * 1000:.0f} ms")
        assert first < 1.0

        def counted() -> bool:
            listener.listen(0.2)
            return len({alert["id"] for alert, _ in storm.changes(listener) if alert["state"] == "firing"}) == COUNT

        until(counted, "every alert is published", 60)
        figure(
            "all published after", f"{max(at for _, at in storm.changes(listener)) - began:.1f} s (sent in {sent - began:.1f} s)"
        )
        grown = memory(made.hub.pid) - before
        figure("memory grew by", f"{grown:.0f} MB")
        assert grown < MEMORY
        [incident] = made.hub.get("/api/v1/incidents?state=firing")["items"]
        assert (incident["members"], incident["critical"], incident["space"]) == (COUNT, COUNT, storm.BUILDING)
        told = until(lambda: (total := count(heard)) >= COUNT and total, "everybody has been counted", 30)
        assert told == COUNT, "each is told once"
        said = len(heard)
        figure("notices to a receiver", f"{said} for {COUNT} alerts")
        assert said <= 2 + (time.monotonic() - began) / EVERY
        storm.burn(made.client("calm"), COUNT, SECONDS / 2, False)
        until(lambda: heard[-1][1]["why"] == "resolved", "the end is told", 60)
        assert [notice["why"] for _, notice in heard].count("resolved") == 1
        assert made.hub.get("/api/v1/incidents?state=firing")["items"] == []
        assert made.hub.metric("alerts_open") == 0
        assert len(heard) > ROBOT, "as many as would have been too many for the robot"
        assert told_robot[0][0] - began < 1.0 and told_robot[0][1]["why"] == "first"
        fullest = max(sum(at <= other < at + 60 for other, _ in told_robot) for at, _ in told_robot)
        figure("notices within a minute to a receiver that takes 2", str(fullest))
        assert fullest <= ROBOT
    sink.close()
    robot.close()


def count(heard: list[tuple[float, dict[str, Any]]]) -> int:
    """How many alerts the notices have spoken of."""
    return sum(notice.get("joined", {}).get("count", 1) for _, notice in heard if notice["why"] in ("first", "joined"))
