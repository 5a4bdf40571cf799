"""The same three questions to the hub's store, to plain DuckDB over the same raw Parquet, and to InfluxDB 1.6.7 (Debian's)."""

import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
from rich.progress import Progress

from hub.reports.intervals import consumption
from hub.stores.parquet_reader import ParquetReader
from tests.benchmarks.reports_data import IMPORT, YEAR, meter
from tests.support.timeseries_servers import Server, start_server

ZONE = ZoneInfo("Asia/Shanghai")
START, END = (round(datetime(YEAR, month, 1, tzinfo=ZONE).timestamp() * 1000) for month in (7, 8))
HOUR = 3_600_000
BUILDING = 100
_LINES = 100_000
_CLOSE = 0.005
"""The others do not share a step out between two hours, so they know nothing of the quarter hour at each end of the month."""

Ask = Callable[[], Any]
NAMES = ("month, all meters", "month by the hour, all meters", "one building's hours of a month")


def beside(count: int, folder: Path, bar: Progress) -> dict[str, dict[str, float]]:
    """Seconds, warm: the best of three."""
    store = ParquetReader(folder)
    everyone = store.series(quantity=IMPORT)
    building = [meter(number) for number in range(min(BUILDING, count))]
    hours = np.arange(START, END + 1, HOUR)
    ours: list[Ask] = [
        lambda: consumption(store, everyone, np.array([START, END])).value.sum(),
        lambda: consumption(store, everyone, hours).value.sum(),
        lambda: consumption(store, building, hours).value.sum(),
    ]
    with tempfile.TemporaryDirectory() as place, start_server("influxdb", Path(place), values_per_tag=1_000_000) as server:
        fill(server, store, count, bar)
        asked = {"gengfu": ours, "duckdb": plain_duckdb(folder, store), "influxdb": influxdb(server)}
        task = bar.add_task("side by side", total=9)
        found: dict[str, dict[str, float]] = {name: {} for name in NAMES}
        for who, questions in asked.items():
            for name, question in zip(NAMES, questions, strict=True):
                took = []
                for _ in range(3):
                    began = time.perf_counter()
                    answer = question()
                    took.append(time.perf_counter() - began)
                found[name][who] = min(took)
                found[name].setdefault("_kWh", float(answer))
                if abs(float(answer) - found[name]["_kWh"]) > _CLOSE * abs(float(answer)):
                    raise SystemExit(f"{name}: {who} says {answer} kWh, gengfu {found[name]['_kWh']}")
                bar.advance(task)
    store.close()
    return {name: {who: took for who, took in row.items() if who != "_kWh"} for name, row in found.items()}


def plain_duckdb(folder: Path, store: ParquetReader) -> list[Ask]:
    """What somebody writes who has the files and no roll-ups."""
    duck = duckdb.connect(":memory:", config={"threads": 1})
    few = ", ".join(
        str(id) for journal in store._journals for id, name, _ in journal.series() if name.device < f"meter:{BUILDING:05}"
    )
    files = f"read_parquet('{folder}/sealed/energy/*/*.parquet')"
    within = f"time >= make_timestamp_ms({START}) AND time < make_timestamp_ms({END + HOUR})"
    month = f"SELECT series, arg_max(value, time) - arg_min(value, time) AS used FROM {files} WHERE {within} GROUP BY series"

    def hourly(also: str) -> str:
        hour = f"time_bucket(INTERVAL 1 HOUR, time) AS hour, arg_min(value, time) AS value FROM {files} WHERE {within}"
        edge = f"SELECT series, {hour} {also} GROUP BY series, hour"
        return f"SELECT series, hour, value - lag(value) OVER (PARTITION BY series ORDER BY hour) AS used FROM ({edge})"

    def ask(query: str) -> Ask:
        return lambda: np.nansum(np.ma.filled(duck.execute(query).fetchnumpy()["used"], np.nan))

    return [ask(month), ask(hourly("")), ask(hourly(f"AND series IN ({few})"))]


def influxdb(server: Server) -> list[Ask]:
    def ask(query: str) -> Any:
        words = urlencode({"db": "bench", "q": query, "epoch": "ms"})
        with urllib.request.urlopen(f"{server.url}/query?{words}", timeout=300) as answer:
            found = json.load(answer)["results"][0]
        if "error" in found:
            raise SystemExit(f"InfluxDB: {found['error']}")
        return [[row[1] for row in series["values"] if row[1] is not None] for series in found.get("series", [])]

    def used(query: str) -> Ask:
        return lambda: float(sum(map(sum, ask(query))))

    within = f"time >= {START}ms AND time < {END + HOUR}ms"
    spread = f"SELECT spread(value) FROM energy WHERE {within} GROUP BY device"
    hourly = f"SELECT difference(first(value)) FROM energy WHERE {within}{{also}} GROUP BY device, time(1h)"
    return [used(spread), used(hourly.format(also="")), used(hourly.format(also=" AND device =~ /^meter:000/"))]


def fill(server: Server, store: ParquetReader, count: int, bar: Progress) -> None:
    """The month and its edges."""
    task = bar.add_task("InfluxDB is filled", total=count)
    send(server, "/query?" + urlencode({"q": "CREATE DATABASE bench"}), b"")
    held: list[bytes] = []
    for number in range(count):
        held += lines(store, number)
        if len(held) >= _LINES or number == count - 1:
            send(server, "/write?db=bench&precision=ms", b"\n".join(held))
            held = []
        bar.advance(task)


def lines(store: ParquetReader, number: int) -> Iterator[bytes]:
    rows = store.rows(meter(number), START, END + HOUR)
    name = f"energy,device={meter(number).device} value=".encode()
    for value, at in zip(rows.value.tolist(), rows.time.tolist(), strict=True):
        yield b"%s%r %d" % (name, value, at)


def send(server: Server, path: str, body: bytes) -> None:
    with urllib.request.urlopen(urllib.request.Request(server.url + path, body, method="POST"), timeout=300) as answer:
        answer.read()
