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

    sink = Sink(answer)
    with site(tmp_path, broker, sink.config) as made:
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
        figure("memory grew by", f"{memory(made.hub.pid) - before:.0f} MB")
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
    sink.close()


def count(heard: list[tuple[float, dict[str, Any]]]) -> int:
    """How many alerts the notices have spoken of."""
    return sum(notice.get("joined", {}).get("count", 1) for _, notice in heard if notice["why"] in ("first", "joined"))
