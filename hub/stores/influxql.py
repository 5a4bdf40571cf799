"""InfluxDB 1, 2 and 3, asked in InfluxQL over /query, the one language all three have.

A measurement a domain. 2 needs a DBRP mapping from a database of the bucket's name to the bucket, which it makes itself for
new buckets (https://docs.influxdata.com/influxdb/v2/api-guide/influxdb-1x/query); in 3 a database takes the bucket's place
(https://docs.influxdata.com/influxdb3/core/write-data/http-api/compatibility-apis/).
"""

import json
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from hub.columns import NOTHING, Columns
from hub.moments import iso
from hub.ports import Buckets, Ints, StoreUnavailable
from hub.stores.line_protocol import Lines, Named, text
from hub.stores.server_http import Http

_NS = 1_000_000
_FIRST, _LAST = -9_223_372_036_000, 9_223_372_036_000
"""ms; nanoseconds have no more room: the years 1678 to 2261."""
_FIELDS = '"value", "received_at", "seq", "quality"'
_SAME_MS = 32
"""Points asked for where the newest reading is wanted: several may lie in one ms, in any order."""


class _Series(Struct):
    columns: list[str]
    values: list[list[Any]] = []


class _Result(Struct):
    series: list[_Series] = []
    error: str = ""


class _Answer(Struct):
    results: list[_Result] = []
    error: str = ""


class InfluxServer:
    """One bucket of one server. Every question raises StoreUnavailable."""

    def __init__(self, http: Http, version: Literal["1", "2", "3"], bucket: str, org: str = "") -> None:
        self.http = http
        self.lines = Lines(None)
        self._version = version
        self._bucket = bucket
        self._org = org

    def write_to(self) -> tuple[str, list[tuple[str, str]]]:
        """Path and words of a write."""
        if self._version == "1":
            return "/write", [("db", self._bucket), ("precision", "ns")]
        return "/api/v2/write", [("org", self._org), ("bucket", self._bucket), ("precision", "ns")]

    def span(self, wall: int) -> tuple[int, int]:
        """The times it can hold, in ms; the end is out."""
        return _FIRST, _LAST

    def prepare(self) -> None:
        """Sees that it is there; in InfluxDB 1 makes the database, if it may."""
        self.http.get("/ping")
        if self._version == "1":
            try:
                self._query(f"CREATE DATABASE {_quoted(self._bucket)}", change=True)
            except StoreUnavailable as error:
                if "not authorized" not in str(error) and "403" not in str(error):
                    raise  # whoever may only write finds it there

    def rows(self, named: Named, start: int, end: int) -> tuple[Columns, Ints]:
        """Readings with ``start <= time < end`` ordered by time, series 0, and the place of each in its ms."""
        return self._select(named, f"time >= {max(start, _FIRST) * _NS} AND time < {min(end, _LAST) * _NS}")

    def newest(self, named: Named, before: int) -> tuple[Columns, Ints]:
        """The last few readings before that moment, the newest among them."""
        return self._select(named, f"time < {min(before, _LAST) * _NS} ORDER BY time DESC LIMIT {_SAME_MS}")

    def buckets(self, named: Named, start: int, end: int, every: int) -> Buckets:
        """As a store's: thinned by the server, which is ten times faster over a year than to send all of it. First and last of
        several readings in one ms are by arrival, not by sequence number."""
        what = ", ".join(f'{name}("value")' for name in ("min", "max", "mean", "first", "last", "count"))
        span = f"time >= {start * _NS} AND time < {end * _NS}"
        by = f"GROUP BY time({every}ms, {start % every}ms) fill(none)"
        found = self._query(f"SELECT {what} FROM {_quoted(named.domain)} WHERE {_of(named)} AND {span} {by}")
        times, *figures, counts = zip(*found, strict=True) if found else [()] * 7
        low, high, mean, first, last = (np.array(column, np.float64) for column in figures)
        start_of = np.array(times, np.int64) // _NS
        return Buckets(named.series, start_of, low, high, mean, first, last, np.array(counts, np.int64))

    def marks(self, journal: str, since: int) -> set[int]:
        """The batches that the marks since then tell of."""
        where = f"journal = {_text(journal)} AND time >= {since * _NS}"
        return {int(row[1]) for row in self._query(f'SELECT "batch" FROM "gengfu_sent" WHERE {where}')}

    def show(self) -> None:
        """What was written can be read at once."""

    def forget(self, domain: str, before: int) -> None:
        """Deletes what is past its retention; InfluxDB 3 must be told its own."""
        if self._version == "1":
            self._query(f"DELETE FROM {_quoted(domain)} WHERE time < {max(before, _FIRST) * _NS}", change=True)
        elif self._version == "2":
            span = {"start": "1677-09-21T00:12:44Z", "stop": iso(before), "predicate": f'_measurement="{domain}"'}
            words = {"org": self._org, "bucket": self._bucket}
            self.http.ask("POST", "/api/v2/delete", words, json.dumps(span).encode(), {"Content-Type": "application/json"})

    def _select(self, named: Named, when: str) -> tuple[Columns, Ints]:
        found = self._query(f"SELECT {_FIELDS} FROM {_quoted(named.domain)} WHERE {_of(named)} AND {when}")
        found = [row for row in found if row[1] is not None]
        if not found:
            return NOTHING, NOTHING.time
        time, value, received_at, seq, quality = zip(*found, strict=True)
        at = np.array(time, np.int64)
        columns = Columns(
            np.zeros(len(found), np.int64), at // _NS, _ints(seq), _ints(received_at), np.array(value, np.float64), _ints(quality)
        )
        return columns, at % _NS

    def _query(self, query: str, change: bool = False) -> list[list[Any]]:
        words = {"db": self._bucket, "q": query, "epoch": "ns"}
        said = self.http.ask("POST" if change else "GET", "/query", words)
        answer = msgspec.json.decode(said, type=_Answer)
        error = answer.error or next((result.error for result in answer.results if result.error), "")
        if error:
            raise StoreUnavailable(f"the store's server at {self.http.url} answers: {error}; does {self._bucket} exist there?")
        return [row for result in answer.results for series in result.series for row in series.values]


def _of(named: Named) -> str:
    series = named.series
    words = {"device": series.device, "quantity": series.quantity, "channel": series.channel}
    return " AND ".join(f'"{tag}" = {_text(text(word))}' for tag, word in words.items())


def _ints(values: tuple[int | None, ...]) -> Ints:
    return np.array([value or 0 for value in values], np.int64)


def _text(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
