"""Promise 10: late, duplicated or reordered input leads to the same stored readings and figures.

The whole walk from bytes to the energy report, in any order, with repetitions. The same of the store alone is shown in
tests/hub/stores/test_contract.py, of the rules in tests/rules/test_any_order.py.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.directory import Places
from hub.model import Device, Series
from hub.reports.energy import energy_report
from tests.support.walks import NOW, SITE, mapping, walk

HOUR = 3_600_000
COUNT = 24
METER = mapping(
    topic="meter/{device}",
    time={"path": "ts", "unit": "ms"},
    seq="seq",
    readings=[{"quantity": "energy.active.import.total", "path": "kwh", "unit": "kW.h"}],
)
TIMES = [NOW - (COUNT - number) * HOUR // 4 for number in range(COUNT)]
MESSAGES = [json.dumps({"ts": at, "seq": number + 1, "kwh": 100 + number * 0.5}) for number, at in enumerate(TIMES)]
USED = (COUNT - 1) * 0.5
"""kWh between the first reading and the last, on paper."""


async def walked(order: list[int]) -> tuple[list[tuple[int, float]], list[dict[str, Any]]]:
    """What is stored, and the report over the whole time by hour, after the messages in that order."""
    with tempfile.TemporaryDirectory() as folder:
        async with walk(Path(folder), METER) as made:
            for number in order:
                made.give("meter/m", MESSAGES[number])
            await made.settled()
            rows = made.store.rows(Series("bench:m", "energy.active.import.total"), 0, 2**62)
            stored = list(zip(rows.time.tolist(), rows.value.tolist(), strict=True))
            devices = {"bench:m": Device("bench:m", accepted=True)}
            report = energy_report(
                made.store, devices, Places(), "yunqi", SITE.zone, TIMES[0], TIMES[-1] + 1, by="device", every="total"
            )
            return stored, report["rows"]


@pytest.mark.promise(10)
@settings(max_examples=25, deadline=None)
@given(st.permutations(range(COUNT)), st.lists(st.integers(0, COUNT - 1), max_size=20))
def test_any_order_and_any_repetition_gives_the_same_readings_and_figures(order: list[int], again: list[int]) -> None:
    stored, report = asyncio.run(walked([*order, *again]))
    assert stored == [(at, 100 + number * 0.5) for number, at in enumerate(TIMES)]
    assert sum(row["value"] for row in report) == pytest.approx(USED)
