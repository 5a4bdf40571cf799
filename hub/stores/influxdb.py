"""A server of readings: InfluxDB 1, 2 or 3, or VictoriaMetrics, behind the hub's own journals."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from hub import ports
from hub.columns import Columns
from hub.journal import wall_ms
from hub.model import LANES, Batch, Lane, Now, Reading, Series
from hub.ports import Buckets, Duration, Retention, Rows, StoreUnavailable
from hub.quantities import DOMAINS, Vocabulary
from hub.stores.chunk import Dialect
from hub.stores.forwarder import Forwarder
from hub.stores.influxql import InfluxServer
from hub.stores.lanes import LanesReader, journal_path, newer, reading
from hub.stores.line_protocol import Named
from hub.stores.sent_journal import SentJournal, SentReader, Tail
from hub.stores.server_http import PATIENCE, Http, basic
from hub.stores.thin import thin
from hub.stores.victoria import VictoriaServer

_DAY = 86_400_000
_FORWARDER_PATIENCE = 8.0
_AHEAD = 900_000  # ms; a clock that runs ahead of ours by more than ten minutes is not believed

log = logging.getLogger("gengfu.store")


class InfluxSettings(ports.Settings):
    url: str = Field(description="where the server listens, like http://127.0.0.1:8086")
    version: Literal["1", "2", "3", "victoria-metrics"] = Field("2", description="of InfluxDB; or victoria-metrics")
    bucket: str = Field(
        "gengfu",
        description="the bucket; in InfluxDB 1 and 3 the database, in VictoriaMetrics a label",
        min_length=1,
        max_length=200,
    )
    org: str = Field("", description="the organization, in InfluxDB 2")
    token: str = Field("", description="better in a file: token_file")
    token_file: str | None = Field(None, description="a file with nothing but the token; relative to this file")
    username: str = Field("", description="where the server asks for one instead of a token, as InfluxDB 1 does")
    password_file: str | None = Field(None, description="a file with nothing but its password; relative to this file")
    send_every: Duration = Field(5_000, description="how often what has been committed is sent", ge=100)

    @field_validator("url")
    @classmethod
    def _url(cls, given: str) -> str:
        if not given.startswith(("http://", "https://")):
            raise ValueError(f'"{given}" is no address of a server: write it like "http://127.0.0.1:8086"')
        return given

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.token and self.token_file:
            raise ValueError("there is a token and a token_file: keep one of the two")
        if bool(self.username) != bool(self.password_file):
            raise ValueError("username and password_file go together")
        if self.username and (self.token or self.token_file):
            raise ValueError("there is a token and a username: keep one of the two")
        if self.version == "2" and not self.org:
            raise ValueError('InfluxDB 2 needs an "org"')
        return self

    def __repr__(self) -> str:  # a token must not reach a log
        return f"InfluxSettings({self.url})"


def server(settings: InfluxSettings, patience: float = PATIENCE) -> Dialect:
    """Raises StoreUnavailable when a file with a secret cannot be read."""
    http = Http(settings.url, _authorization(settings), patience)
    if settings.version == "victoria-metrics":
        return VictoriaServer(http, settings.bucket)
    return InfluxServer(http, settings.version, settings.bucket, settings.org)


def _authorization(settings: InfluxSettings) -> str:
    if settings.username:
        return basic(settings.username, _secret(settings.password_file))
    token = settings.token or (_secret(settings.token_file) if settings.token_file else "")
    return f"{'Token' if settings.version == '2' else 'Bearer'} {token}" if token else ""


def _secret(path: str | None) -> str:
    try:
        return Path(path or "").read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise StoreUnavailable(f"{path} cannot be read: {error}") from error


class InfluxReader(LanesReader):
    """Answers from the server and from what is not settled there yet. Raises JournalUnusable where there is no data, and
    StoreUnavailable while the server is away, unless the last day, which is here, holds the answer."""

    kind: ClassVar[str]
    _journals: Sequence[SentReader]

    def __init__(self, directory: Path, settings: InfluxSettings, journals: list[SentReader] | None = None) -> None:
        super().__init__(directory, journals or [SentReader(journal_path(directory, lane), lane) for lane in LANES])
        self._server = server(settings)

    def rows(self, series: Series, start: int, end: int) -> Rows:
        tails = self._tails(series, start, end)  # before the server: what is settled meanwhile is seen twice, not never
        parts = [tail.rows for tail in tails]
        start = max([start, *(tail.forgotten for tail in tails)])
        if any(tail.served for tail in tails) and start < end:
            try:
                parts.append(self._server.rows(Named(series, tails[0].domain), start, end)[0])
            except StoreUnavailable:
                kept = self._tails(series, start, end, settled=True)
                if not all(tail.kept_since + _AHEAD <= start for tail in kept):
                    raise
                parts = [tail.rows for tail in kept]
        found = _as_one(parts)
        return Rows(series, *found.take(found.time >= start)[1:])

    def buckets(self, series: Series, start: int, end: int, every: int) -> Buckets:
        """What is settled is thinned by a server that can. Raises ValueError as ``thin`` does."""
        tails = self._tails(series, start, end)
        late = min((int(tail.rows.time.min()) for tail in tails if tail.rows.rows), default=end)
        cut = start + (late - start) // max(every, 1) * every
        able = self._server
        served = any(tail.served for tail in tails) and all(tail.forgotten <= start for tail in tails)
        if not isinstance(able, InfluxServer) or not served or cut <= start:
            return thin(self.rows(series, start, end), start, every)
        try:
            head = able.buckets(Named(series, tails[0].domain), start, cut, every)
        except StoreUnavailable:
            return thin(self.rows(series, start, end), start, every)  # which may be here, or says why not
        rest = thin(self.rows(series, cut, end), cut, every)
        columns = [np.concatenate([getattr(part, name) for part in (head, rest)]) for name in Buckets.__struct_fields__[1:]]
        return Buckets(series, *columns)

    def before(self, series: Series, time: int) -> Reading | None:
        tails = self._tails(series, -(2**62), time)
        if not tails:
            return None
        parts = [tail.rows for tail in tails]
        try:
            if any(tail.served for tail in tails):
                parts.append(self._server.newest(Named(series, tails[0].domain), time)[0])
        except StoreUnavailable:
            kept = self._tails(series, -(2**62), time, settled=True)
            parts = [tail.rows for tail in kept]
            newest = max((int(part.time.max()) for part in parts if part.rows), default=-(2**62))
            if not all(tail.kept_since + _AHEAD <= newest for tail in kept):
                raise
        found = _as_one(parts)
        if not found.rows or found.time[-1] < max(tail.forgotten for tail in tails):
            return None
        return reading(series, found, found.rows - 1)

    def latest(self) -> list[tuple[Reading, int]]:
        """From the journals alone."""
        newest: dict[Series, tuple[Reading, int]] = {}
        for journal in self._journals:
            forgotten = journal.forgotten()
            domains = {name: domain for _, name, domain in journal.series()}
            names, columns = journal.newest()
            if columns is None:
                log.error("%s: the record of the newest readings is damaged; it fills again as they come in", journal.path)
                columns = journal.unsealed(2**62).newest()
            for row, id in enumerate(columns.series.tolist()):
                name = names[id]
                found = (reading(name, columns, row), int(columns.received_at[row]))
                if int(columns.time[row]) < forgotten.get(domains[name], -(2**62)):
                    continue
                if name not in newest or newer(found, newest[name]):
                    newest[name] = found
        return [newest[name] for name in sorted(newest)]

    def close(self) -> None:
        for journal in self._journals:
            journal.close()
        self._server.http.close()

    def _tails(self, series: Series, start: int, end: int, *, settled: bool = False) -> list[Tail]:
        found = [journal.tail(series, start, end, settled=settled) for journal in self._journals]
        return [tail for tail in found if tail is not None]


def _as_one(parts: list[Columns]) -> Columns:
    """Sorted, without duplicates: what arrived first wins."""
    both = Columns.concat(part._replace(series=np.zeros(part.rows, np.int64)) for part in parts)
    return both.take(np.argsort(both.received_at, kind="stable")).first_wins()


class InfluxStore(InfluxReader):
    """Keeps readings in InfluxDB 1, 2 or 3, or in VictoriaMetrics.

    A batch is committed to the hub's own journal first, as with every store, and sent to the server beside the watch: a
    server that is slow or away delays nothing, and gets everything when it is back. What has been sent stays in the journal
    for a day; a server that was killed or restored gets once more what it may have lost. A row that the server refuses
    becomes a dead letter with the server's words. Of two readings with the same device, quantity, channel, time and sequence
    number the first that arrived stays, though the servers would keep the last.

    On the server: a measurement a domain (energy, parking, fire, health, device) with the tags device, quantity and channel
    ("-" for none) and the fields value, received_at, seq and quality. VictoriaMetrics has them as gengfu_value,
    gengfu_received_at … with a label domain; give it -retentionPeriod=10y (it keeps a month otherwise) and
    -dedup.minScrapeInterval=1ms (a repeated row then counts once in queries of your own). It keeps 15 digits of a number, and
    one sequence number more in the same ms is a label place. How long domains are kept follows [data] keep: InfluxDB 1 and 2
    are told to delete; InfluxDB 3 and VictoriaMetrics must be told by whoever runs them, and older readings are left out of
    answers. InfluxDB 1 gets its database made; in 2 make the bucket (one that was upgraded from 1 may lack its DBRP mapping).
    A backup of the hub holds its journal, not the server: back that up by its own means.

    Example:

        [store]
        kind = "influxdb"
        url = "http://127.0.0.1:8086"
        version = "2"
        org = "home"
        token_file = "influx-token"
    """

    kind: ClassVar[str] = "influxdb"
    Settings = InfluxSettings

    def __init__(
        self,
        directory: Path,
        vocabulary: Vocabulary,
        retention: Retention,
        settings: InfluxSettings,
        clock: Callable[[], int] = wall_ms,
    ) -> None:
        """``clock`` is the wall clock in ms, for what is committed when. Raises JournalUnusable."""
        self._retention = retention
        directory.mkdir(parents=True, exist_ok=True)
        self._writers = {lane: SentJournal(journal_path(directory, lane), lane, vocabulary.domain, clock) for lane in LANES}
        super().__init__(directory, settings, [journal.reader for journal in self._writers.values()])
        left = sum(len(journal.reader.files()) for journal in self._writers.values())
        if left:
            log.warning("%s holds %d files of the parquet store; this store does not read them", directory / "sealed", left)
        self.forwarder = Forwarder(self._writers, server(settings, _FORWARDER_PATIENCE), settings.send_every / 1000, clock)

    @classmethod
    def open_reader(cls, directory: Path, settings: InfluxSettings) -> InfluxReader:
        """For another process: reads while a hub writes. Raises JournalUnusable."""
        return InfluxReader(directory, settings)

    def append(self, lane: Lane, batch: Batch) -> None:
        """Raises JournalFailed when the disk does not take it: nothing of the batch may then be confirmed."""
        self._writers[lane].append(batch)

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        """Forgets what is past its time; ``seal_all`` returns when all is on the server. Raises JournalFailed, and with
        ``seal_all`` StoreUnavailable."""
        if self.forwarder.failure is not None:
            raise self.forwarder.failure
        if seal_all:
            self.forwarder.flush()
        for journal in self._writers.values():
            journal.forget_digests()
            journal.drop(now.wall - _DAY, now.wall)
        if self.forwarder.reachable:
            self._forget(now.wall)

    def close(self) -> None:
        self.forwarder.close()
        for journal in self._writers.values():
            journal.close()
        self._server.http.close()

    def _forget(self, now: int) -> None:
        """By the day: deleting is dear on a server."""
        for domain in DOMAINS:
            keep = getattr(self._retention, domain)
            forgotten = max(journal.reader.forgotten().get(domain, -(2**62)) for journal in self._writers.values())
            if keep is None or now - keep - forgotten < _DAY:
                continue
            try:
                self._server.forget(domain, now - keep)
            except StoreUnavailable as problem:
                log.warning("%s", problem)
                return
            for journal in self._writers.values():
                journal.forget(domain, now - keep)
