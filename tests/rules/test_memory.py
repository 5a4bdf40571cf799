"""A rule goes on with what was put aside as plain values."""

import json
from typing import Any

import pytest

from hub.model import Reading
from rules import build
from rules.memory import like, plain

T0 = 1_772_409_600_000  # 2026-03-02T00:00:00Z


@pytest.mark.parametrize("of", ["mean", "min", "max", "sum"])
def test_a_window_goes_on_from_what_was_put_aside(of: str) -> None:
    rule: Any = build("window", {"id": "w", "quantity": "air.co2", "of": of, "over": "5min", "threshold": 800})

    def told(memory: Any, minutes: range) -> list[tuple[bool | None, float]]:
        given = [Reading("d", "air.co2", 780.0 + 10 * (minute % 5), T0 + minute * 60_000) for minute in minutes]
        return [(rule.judge(reading, False, memory), rule.shown(memory)) for reading in given]

    whole, first = rule.memory(), rule.memory()
    wanted = told(whole, range(20))
    told(first, range(10))
    again = like(rule.memory(), json.loads(json.dumps(plain(first))))
    assert told(again, range(10, 20)) == wanted[10:]
    assert {verdict for verdict, _ in wanted} - {None}, "the window was full for a while"
