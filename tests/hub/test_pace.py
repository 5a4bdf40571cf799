"""How long alerts took, by hand, and what a real hub says of it."""

import urllib.request
from pathlib import Path

import pytest

from hub.pace import Pace
from tests.support.brokers import start_mosquitto
from tests.support.hubs import until
from tests.support.site import Site, probe, site

QUEUES = [
    ("lane_backlog", "shed_total"),
    ("lane_waiting", "confirmed_total"),  # QoS 1 is never dropped: it stays with the broker
    ("outbox_depth", "outbox_overflow_total"),
    ("publishes_waiting", "publishes_rejected_total"),
    ("publishes_waiting", "refusals_untold_total"),
    ("questions_waiting", "questions_refused_total"),
    ("pages_waiting", "pages_dropped_total"),
    ("pages_open", "pages_overflowed_total"),
    ("series", "series_forgotten_total"),
    ("dead_letters", "dead_letters_dropped_total"),
    ("records_waiting", "readings_committed_total"),
]
"""Whatever waits in memory or is bounded on disk: its depth, and what counts what did not fit."""


def test_quantiles_and_the_hubs_own_share() -> None:
    """Alerts of 1 to 100 ms, of which the disk took half: the 51st and the 100th in order are p50 and p99."""
    pace = Pace()
    assert (pace.ms(0.5), pace.own_ms(0.99)) == (None, None)
    for number in range(1, 101):
        pace.add(number / 1000, number / 2000)
    assert [pace.ms(0.5), pace.ms(0.99), pace.own_ms(0.5), pace.own_ms(0.99)] == pytest.approx([51, 100, 25.5, 50])
    pace.add(0.001, 0.002)  # two clocks' worth of rounding is not a share
    assert pace.own_ms(0) == 0


def test_a_hub_tells_it_against_the_budget_and_every_queue_with_what_it_dropped(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, max_inflight=200) as broker, site(tmp_path, broker) as made:
        assert made.hub.get("/api/v1/overview")["alert_p99_ms"] is None
        waits = probe(made, 20)
        until(lambda: made.hub.metric("alert_seconds") > 0, "the alerts are counted")
        seen = made.hub.get("/api/v1/overview")
        assert 0 < seen["alert_own_p99_ms"] < seen["alert_p99_ms"] <= max(waits) * 1000
        assert seen["alert_budget_ms"] == 10
        # sums over both quantiles
        assert made.hub.metric("alert_own_seconds") < made.hub.metric("alert_seconds")
        assert made.hub.metric("alert_budget_seconds") == pytest.approx(0.012)
        until(lambda: "gengfu_dead_letters" in families(made), "the store has been asked")
        assert families(made) >= {f"gengfu_{name}" for pair in QUEUES for name in pair}


def families(made: Site) -> set[str]:
    with urllib.request.urlopen(f"{made.hub.url}/metrics", timeout=20) as answer:
        return {line.split()[2] for line in answer.read().decode().splitlines() if line.startswith("# TYPE")}
