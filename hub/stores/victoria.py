"""VictoriaMetrics: written as InfluxDB, read by its export (https://docs.victoriametrics.com/#how-to-export-data-in-json-line-format).

Every field is a series of its own: ``gengfu_value{bucket, domain, device, quantity, channel}``, ``gengfu_received_at`` and,
where they are not 0, ``gengfu_seq`` and ``gengfu_quality``, joined here by their time. Numbers only, of 15 digits; times from
1970 to two days ahead. It deletes nothing by domain: the server's own ``-retentionPeriod`` must be told how long to keep (a
month if nobody says so), the longest of the configuration's; what is past a shorter one is only left out of answers.
"""

import json
import time
from collections import defaultdict
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from hub.columns import NOTHING, Columns
from hub.ports import Floats, Ints
from hub.stores.line_protocol import Lines, Named, text
from hub.stores.server_http import Http

_HOUR = 3_600_000
_AHEAD = 47 * _HOUR
"""Two days, less an hour for clocks; beyond that it drops rows without a word."""
_BACK = (_HOUR, 24 * _HOUR, 30 * 24 * _HOUR, 400 * 24 * _HOUR)


class _Exported(Struct):
    metric: dict[str, str]
    values: list[float | None]
    timestamps: list[int]


_decode = msgspec.json.Decoder(_Exported).decode
_Points = tuple[Ints, Floats]


class VictoriaServer:
    """One server; ``bucket`` is a label. Every question raises StoreUnavailable."""

    def __init__(self, http: Http, bucket: str) -> None:
        self.http = http
        self.lines = Lines(bucket)
        self._bucket = bucket

    def write_to(self) -> tuple[str, list[tuple[str, str]]]:
        return "/api/v2/write", [("org", ""), ("bucket", self._bucket), ("precision", "ms")]

    def span(self, wall: int) -> tuple[int, int]:
        return 1, wall + _AHEAD

    def prepare(self) -> None:
        self.http.get("/ping")  # influxdb-client's health() asks for what only InfluxDB has

    def rows(self, named: Named, start: int, end: int) -> tuple[Columns, Ints]:
        series = named.series
        words = {"device": series.device, "quantity": series.quantity, "channel": series.channel}
        found = self._export('__name__=~"gengfu_(value|received_at|seq|quality)"', words, start, end)
        fields: dict[int, dict[str, _Points]] = defaultdict(dict)
        for metric, points in found:
            fields[int(metric.get("place", "0"))][metric["__name__"].removeprefix("gengfu_")] = points
        parts = [(place, _joined(by_name)) for place, by_name in fields.items() if "value" in by_name]
        columns = Columns.concat(part for _, part in parts)
        places = np.repeat([place for place, _ in parts], [part.rows for _, part in parts]).astype(np.int64)
        order = np.lexsort((places, columns.time))
        return columns.take(order), places[order]

    def newest(self, named: Named, before: int) -> tuple[Columns, Ints]:
        before = min(before, _now() + 2 * _AHEAD)
        for back in (*_BACK, before):
            found = self.rows(named, before - back, before)
            if found[0].rows:
                return found
        return NOTHING, NOTHING.time

    def marks(self, journal: str, since: int) -> set[int]:
        # It remembers for ten seconds that nothing matched: a label that nobody has makes every question a new one.
        fresh = f'__name__="gengfu_sent_batch",asked!="{time.time_ns()}"'
        found = self._export(fresh, {"journal": journal}, since, _now() + _AHEAD)
        return {int(batch) for _, (_, batches) in found for batch in batches}

    def show(self) -> None:
        """What was written last is not seen for a second; this shows it at once."""
        self.http.get("/internal/force_flush")

    def forget(self, domain: str, before: int) -> None: ...

    def _export(self, name: str, words: dict[str, str], start: int, end: int) -> list[tuple[dict[str, str], _Points]]:
        """Series of that name and those labels, each once, its points ordered by time, a time once."""
        start, end = max(start, 1), min(end, _now() + 2 * _AHEAD)
        if start >= end:
            return []
        labels = "".join(f",{label}={json.dumps(text(word), ensure_ascii=False)}" for label, word in words.items())
        match = f"{{{name},bucket={json.dumps(text(self._bucket), ensure_ascii=False)}{labels}}}"
        said = self.http.get("/api/v1/export", **{"match[]": match, "start": _seconds(start), "end": _seconds(end - 1)})
        gathered: dict[tuple[tuple[str, str], ...], list[_Exported]] = defaultdict(list)
        for line in said.splitlines():
            part: Any = _decode(line)
            gathered[tuple(sorted(part.metric.items()))].append(part)
        return [(dict(metric), _points(parts)) for metric, parts in gathered.items()]


def _points(parts: list[_Exported]) -> _Points:
    times = np.concatenate([np.array(part.timestamps, np.int64) for part in parts])
    values = np.concatenate([np.array(part.values, np.float64) for part in parts])
    once, first = np.unique(times, return_index=True)  # what was sent twice is there twice
    return once, values[first]


def _joined(fields: dict[str, _Points]) -> Columns:
    times, values = fields["value"]

    def ints(name: str) -> Ints:
        made = np.zeros(len(times), np.int64)
        if name in fields:
            at, found = fields[name]
            where = np.minimum(np.searchsorted(times, at), len(times) - 1)
            same = times[where] == at
            made[where[same]] = np.rint(found[same]).astype(np.int64)
        return made

    return Columns(np.zeros(len(times), np.int64), times, ints("seq"), ints("received_at"), values, ints("quality"))


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03}"


def _now() -> int:
    return time.time_ns() // 1_000_000
