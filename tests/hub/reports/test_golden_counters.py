"""Counter histories worked out on paper (tests/golden/counters), through every store, with the same result to 1e-9."""

import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from math import inf, isinf, isnan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hub.model import Batch, Now, Quality, Reading, Series
from hub.ports import Retention, Store
from hub.quantities import Vocabulary, duration_ms
from hub.register import Limits
from hub.reports.installed import Installed
from hub.reports.intervals import Intervals, consumption
from hub.stores.influxdb import InfluxStore
from hub.stores.memory import MemoryStore
from hub.stores.parquet import ParquetStore
from tests.support.timeseries_servers import KINDS, start_server

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "counters"
IMPORT = "energy.active.import.total"
HISTORIES: list[dict[str, Any]] = [
    {"file": path.stem, **history}
    for path in sorted(FOLDER.glob("*.toml"))
    for history in tomllib.loads(path.read_text("utf-8"))["history"]
]
SERVERS = [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in KINDS]
STORES = ["memory", "parquet", "rolled up", *SERVERS]
SEAL = 1_900_000_000_000  # 2030: every day and month has settled


def moment(history: dict[str, Any], text: str) -> int:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(history.get("zone", "Asia/Shanghai")))
    return round(when.timestamp() * 1000)


def series(number: int) -> Series:
    return Series(f"golden:{number}", HISTORIES[number].get("quantity", IMPORT))


def readings(number: int) -> Iterator[Reading]:
    """In order of arrival."""
    history, name = HISTORIES[number], series(number)
    if ramp := history.get("ramp"):
        start, every = moment(history, ramp["from"]), duration_ms(ramp["every"])
        for step in range(ramp["count"]):
            yield Reading(name.device, name.quantity, ramp["start"] + ramp["step"] * step, start + every * step)
    for when, value, *flag in history.get("readings", []):
        quality = int(Quality[flag[0].upper()]) if flag else 0
        yield Reading(name.device, name.quantity, value, moment(history, when), quality=quality)


def fill(store: Store) -> None:
    batch = Batch()
    for number in range(len(HISTORIES)):
        for reading in readings(number):
            batch.readings.append(reading)
            batch.received_at.append(reading.time or 0)
    store.append("rest", batch)


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    kind = request.param
    folder = tmp_path_factory.mktemp(kind.replace(" ", "-"))
    with ExitStack() as ends:
        opened: Store
        if kind == "memory":
            opened = MemoryStore(Vocabulary(), Retention())
        elif kind in KINDS:
            server = ends.enter_context(start_server(kind, folder / "server"))
            words = {**server.settings, "bucket": "golden", "send_every": 3_600_000}
            settings = InfluxStore.Settings.model_validate(words)
            opened = InfluxStore(folder / "data", Vocabulary(), Retention(), settings, clock=lambda: SEAL)
        else:
            opened = ParquetStore(folder, Vocabulary(), Retention(), clock=lambda: SEAL)
        fill(opened)
        if kind in KINDS:
            opened.maintain(Now(SEAL, 0), seal_all=True)
        if kind == "rolled up":
            opened.maintain(Now(SEAL, 0), seal_all=True)
            opened.maintain(Now(SEAL, 0))
        yield opened
        opened.close()


def report(store: Store, number: int) -> Intervals:
    history, name = HISTORIES[number], series(number)
    meters = [Installed(**{**meter, "since": moment(history, meter["since"])}) for meter in history.get("meters", [])]
    return consumption(
        store,
        [name],
        np.array([moment(history, edge) for edge in history["edges"]]),
        manual={name: [(moment(history, when), value) for when, value in history.get("manual", [])]},
        replaced={name: meters},
        limits={name: Limits(history.get("max_rate"), history.get("rolls_at"))},
    )


def same(found: float, wanted: float) -> bool:
    if isnan(wanted) or isinf(wanted):
        return isnan(found) if isnan(wanted) else found == inf
    return abs(found - wanted) <= 1e-9 * max(abs(wanted), 1e-6)


def test_there_are_forty_at_least() -> None:
    assert len(HISTORIES) >= 40
    assert len({history["name"] for history in HISTORIES}) == len(HISTORIES)
    assert all(history["arithmetic"] and history["source"] for history in HISTORIES)


def test_every_history_comes_out_as_on_paper(store: Store) -> None:
    wrong = []
    for number, history in enumerate(HISTORIES):
        found = report(store, number)
        count = len(history["edges"]) - 1
        wanted = {
            "value": history["value"],
            "low": history.get("low", history["value"]),
            "high": history.get("high", history["value"]),
            "completeness": history.get("completeness", [1.0] * count),
            "estimated": history.get("estimated", [0.0] * count),
        }
        for figure, expected in wanted.items():
            got = getattr(found, figure)[0].tolist()
            assert len(got) == len(expected) == count, history["name"]
            if not all(same(one, other) for one, other in zip(got, expected, strict=True)):
                wrong.append(f"{history['file']}: {history['name']}: {figure} is {got}, on paper {expected}")
    assert not wrong, "\n" + "\n".join(wrong)
