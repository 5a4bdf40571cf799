"""What the contract does not ask of a server's store: outages, refusals, odd names, secrets, and servers none is here of."""

import gzip
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from hub.model import Now, Reading, Series
from hub.ports import Retention, StoreUnavailable
from hub.quantities import Vocabulary
from hub.stores import forwarder
from hub.stores.influxdb import InfluxReader, InfluxStore
from hub.stores.lanes import journal_path
from hub.stores.sent_journal import SentJournal
from tests.hub.conftest import Servers
from tests.support import timeseries_servers
from tests.support.hubs import until
from tests.support.readings import DAY, HOUR, T0, batch, power
from tests.support.timeseries_servers import Server, start_server

KINDS = [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in timeseries_servers.KINDS]
METER = Series("meter", "power.active")
EVER = (0, 2**62)


@contextmanager
def opened(folder: Path, **words: Any) -> Iterator[InfluxStore]:
    """``words``: what [store] says."""
    settings = InfluxStore.Settings.model_validate({"send_every": 100, **words})
    with closing(InfluxStore(folder, Vocabulary(), Retention(), settings, clock=lambda: T0)) as store:
        yield store


def settle(store: InfluxStore) -> None:
    store.maintain(Now(T0, 0), seal_all=True)


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_every_kind(kind: str, servers: Servers, tmp_path: Path) -> None:
    """Comma, space, equals, quotes, backslash, newline and % have a meaning in line protocol, InfluxQL or MetricsQL."""
    server = running(servers, kind)
    names = [
        "a b",
        "a,b=c",
        "it's",
        'say "so"',
        "back\\slash",
        "back\\",
        "new\nline",
        "100%",
        "%0A",
        "-",
        "厨房",
        "tab\t",
        "/.*/",
    ]
    with opened(tmp_path, **server.settings, bucket=uuid4().hex) as store:
        store.append("rest", batch(*[power(number, T0, f"x:{name}", name) for number, name in enumerate(names)]))
        settle(store)
        found = {name: store.rows(Series(f"x:{name}", "power.active", name), *EVER).value.tolist() for name in names}
        assert found == {name: [number] for number, name in enumerate(names)}


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_server_too_the_first_wins(kind: str, servers: Servers, tmp_path: Path) -> None:
    """The servers keep what came last; so nothing is sent of an identity that was sent before."""
    server, bucket = running(servers, kind), uuid4().hex
    with opened(tmp_path, **server.settings, bucket=bucket) as store:
        store.append("rest", batch(power(1, T0), power(2, T0 + HOUR)))
        settle(store)
        store.append("rest", batch(power(8, T0), power(3, T0, seq=7), power(9, T0 + HOUR), power(4, T0 + HOUR, seq=1)))
        settle(store)
        assert store.rows(METER, *EVER).value.tolist() == [1, 3, 2, 4]
    # Another journal knows nothing of it: what it finds is what the server has.
    with opened(tmp_path / "other", **server.settings, bucket=bucket) as store:
        store.append("rest", batch(power(0, T0 - HOUR)))
        settle(store)
        assert store.rows(METER, *EVER).value.tolist() == [0, 1, 3, 2, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_is_sent_again_to_a_server_that_comes_back_empty(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "SETTLES_AFTER", 2.0)
    with start_server(kind, tmp_path) as server, opened(tmp_path / "data", **server.settings, bucket="b") as store:
        store.append("rest", batch(*[power(number, T0 + number) for number in range(500)]))
        settle(store)
        server.stop()
        for name in ("data", "wal", "meta"):
            shutil.rmtree(tmp_path / kind / name, ignore_errors=True)
        server.restart()
        store.append("rest", batch(power(500, T0 + 500)))
        until(lambda: len(server.times("b", "energy", "power.active")) == 501, "all of it is there again", 20)
        assert store.forwarder.replays == 1
        assert len(store.rows(METER, *EVER).value) == 501


@pytest.mark.fault("store killed: what it had acknowledged is gone, and no request failed")
def test_what_a_killed_server_forgot_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VictoriaMetrics 1.79 loses its last seconds; started again at once, only a mark that is gone tells."""
    monkeypatch.setattr(forwarder, "SETTLES_AFTER", 2.0)
    (tmp_path / "data").mkdir()
    with closing(SentJournal(journal_path(tmp_path / "data", "rest"), "rest", Vocabulary().domain)) as journal:
        journal.append(batch(*[power(number, T0 + number) for number in range(500)]))
    with (
        start_server("victoria-metrics", tmp_path) as server,
        # nothing is asked of the server in the five seconds in which it is killed and started
        opened(tmp_path / "data", **server.settings, bucket="b", send_every=5_000) as store,
    ):

        def has(total: int) -> bool:
            return len(server.times("b", "energy", "power.active")) == total

        until(lambda: store.forwarder.sent >= 500, "sent", 10)
        total = 500
        for _ in range(8):
            failures = store.forwarder.failures
            server.kill()
            server.restart()
            if not has(total) and store.forwarder.failures == failures:
                break
            # It had just written, as once a second, or was asked while it was away: once more with another 500.
            until(partial(has, total), "it has caught up", 20)
            sent = store.forwarder.sent
            store.append("rest", batch(*[power(number, T0 + number) for number in range(total, total + 500)]))
            total += 500
            until(partial(lambda sent: store.forwarder.sent > sent, sent), "sent", 10)
        # Two seconds settle too soon for this server, so even an answer may lack rows until the mark is missed.
        until(lambda: len(store.rows(METER, *EVER).value) == total, "answers are whole", 20)
        until(partial(has, total), "all of it is there again", 20)
        assert store.forwarder.replays > 0


@pytest.mark.fault("store rejects one row (bisect, dead-letter that row)")
def test_a_row_that_is_refused_becomes_a_dead_letter(tmp_path: Path) -> None:
    """An InfluxDB that takes 40 devices only: the rest are refused with its words, each alone."""
    with (
        start_server("influxdb", tmp_path, values_per_tag=40) as server,
        opened(tmp_path / "data", **server.settings, bucket="b") as store,
    ):
        store.append("rest", batch(*[power(number, T0 + number, f"m{number}") for number in range(40)]))
        settle(store)
        store.append("rest", batch(*[power(number, T0 + number, f"m{number % 43}") for number in range(43, 430)]))
        settle(store)
        assert store.forwarder.refused == 27
        letters = store.dead_letters(1000)
        assert {letter.device for letter in letters} == {"m40", "m41", "m42"} and len(letters) == 27
        assert {letter.reason for letter in letters} == {"store_refused"}
        assert all("max-values-per-tag limit exceeded (40/40)" in letter.detail for letter in letters)
        assert letters[0].payload.startswith(b"energy,device=m")
        assert store.rows(Series("m39", "power.active"), *EVER).value.tolist() == [
            39.0,
            *(float(39 + 43 * n) for n in range(1, 10)),
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_server_can_hold_becomes_a_dead_letter(kind: str, servers: Servers, tmp_path: Path) -> None:
    far = 9_300_000_000_000  # ms: the year 2264, beyond InfluxDB's nanoseconds
    with opened(tmp_path, **running(servers, kind).settings, bucket=uuid4().hex) as store:
        store.append("rest", batch(power(1, T0), power(float("inf"), T0 + 1), power(2, far)))
        settle(store)
        assert store.rows(METER, *EVER).value.tolist() == [1]
        assert sorted(letter.payload for letter in store.dead_letters()) == [b"2.0 at %d ms" % far, b"inf at %d ms" % (T0 + 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_while_it_is_away(kind: str, tmp_path: Path) -> None:
    """The last day is answered from here; what is older is not known, and that is said."""
    with start_server(kind, tmp_path) as server:
        with opened(tmp_path / "data", **server.settings, bucket="b") as store:
            store.append("rest", batch(power(1, T0 - DAY), power(2, T0 + HOUR), power(3, T0 + 2 * HOUR)))
            settle(store)
            server.stop()
            store.append("rest", batch(power(4, T0 + 3 * HOUR)))
            assert store.rows(METER, T0 + HOUR, T0 + DAY).value.tolist() == [2, 3, 4]
            assert store.before(METER, T0 + 2 * HOUR) == power(2, T0 + HOUR)
            with pytest.raises(StoreUnavailable, match="does not answer"):
                store.rows(METER, T0 - DAY, T0 + DAY)
            with pytest.raises(StoreUnavailable, match="does not answer"):
                store.before(METER, T0)
            assert [reading.value for reading, _ in store.latest()] == [4]
        with closing(InfluxReader(tmp_path / "data", store_settings(server))) as reader:
            assert reader.series() == [METER]
        server.restart()
        with opened(tmp_path / "data", **server.settings, bucket="b") as store:
            settle(store)
            assert store.rows(METER, *EVER).value.tolist() == [1, 2, 3, 4]


def test_a_frozen_server_delays_no_end(tmp_path: Path) -> None:
    with start_server("influxdb", tmp_path) as server:
        with opened(tmp_path / "data", **server.settings, bucket="b") as store:
            settle(store)
            server.freeze()
            store.append("rest", batch(power(1, T0)))
            time.sleep(0.5)  # by now it waits for an answer; that it might not makes the test weaker, never red
            began = time.monotonic()
        assert time.monotonic() - began < 12  # of the 20 that an orderly end of the hub may take
        server.thaw()


def test_influxdb_with_a_login(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p:w ä\n", encoding="utf-8")
    with start_server("influxdb", tmp_path, auth=True) as server:
        post(server, "CREATE USER admin WITH PASSWORD 'p:w ä' WITH ALL PRIVILEGES")
        words = {**server.settings, "bucket": "b", "username": "admin", "password_file": str(secret)}
        with opened(tmp_path / "data", **words) as store:
            store.append("rest", batch(power(1, T0)))
            settle(store)
            assert store.rows(METER, *EVER).value.tolist() == [1]
        secret.write_text("wrong", encoding="utf-8")
        with opened(tmp_path / "data", **words) as store, pytest.raises(StoreUnavailable, match=r"401.*password right"):
            store.rows(METER, *EVER)


def post(server: Server, query: str) -> None:
    from hub.stores.server_http import Http

    Http(server.url).ask("POST", "/query", {"q": query})


def running(servers: Servers, kind: str) -> Server:
    server = servers(kind)
    assert server is not None
    return server


def store_settings(server: Server) -> Any:
    return InfluxStore.Settings.model_validate({**server.settings, "bucket": "b"})


# --- InfluxDB 2 and 3: what would be asked of them ---------------------------------------------------------------------


class Recorder:
    """Notes every request, and answers like a server that has taken everything: 204, and no rows but the marks."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], str, str]] = []  # method, path, words, authorization, body
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._note(b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self._note(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

            def _note(self, body: bytes) -> None:
                parts = urlsplit(self.path)
                words = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                told = (self.command, parts.path, words, self.headers.get("Authorization", ""), body.decode())
                recorder.requests.append(told)
                rows = [[0, 1]] if "gengfu_sent" in words.get("q", "") else []
                series = [{"name": "x", "columns": ["time", "batch"], "values": rows}] if rows else []
                said = json.dumps({"results": [{"series": series}]}).encode() if parts.path == "/query" else b""
                self.send_response(200 if said else 204)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, path: str, which: Callable[[dict[str, str]], bool] = lambda words: True) -> list[Any]:
        return [request for request in self.requests if request[1] == path and which(request[2])]


@pytest.mark.parametrize(("version", "authorization"), [("2", "Token secret"), ("3", "Bearer secret")])
def test_the_requests_to_influxdb_2_and_3(version: str, authorization: str, tmp_path: Path) -> None:
    """As documented for /api/v2/write and the 1.x-compatible /query of both: docs.influxdata.com/influxdb/v2/api-guide and
    docs.influxdata.com/influxdb3/core/write-data/http-api/compatibility-apis."""
    (tmp_path / "token").write_text("secret\n")
    with closing(Recorder()) as recorder:
        words = {"url": recorder.url, "version": version, "org": "home", "token_file": str(tmp_path / "token")}
        with opened(tmp_path / "data", **words) as store:
            store.append("rest", batch(Reading("shelly:a b", "power.active", 21.5, T0, "0", 3, 1), arrived=T0 + 9))
            settle(store)
            store.rows(Series("shelly:a b", "power.active", "0"), T0, T0 + 1)
    [(method, _, where, login, body)] = recorder.of("/api/v2/write")
    assert (method, where, login) == ("POST", {"org": "home", "bucket": "gengfu", "precision": "ns"}, authorization)
    point, mark = body.split("\n")
    tags = r"energy,device=shelly:a\ b,quantity=power.active,channel=0"
    assert point == f"{tags} value=21.5,received_at={T0 + 9}i,seq=3i,quality=1i {T0}000000"
    assert mark.startswith("gengfu_sent,journal=") and " batch=1i " in mark
    [(method, _, words, login, _)] = recorder.of("/query", lambda words: "received_at" in words["q"])
    assert (method, words["db"], words["epoch"], login) == ("GET", "gengfu", "ns", authorization)
    where = "\"device\" = 'shelly:a b' AND \"quantity\" = 'power.active' AND \"channel\" = '0'"
    fields = '"value", "received_at", "seq", "quality"'
    span = f"time >= {T0}000000 AND time < {T0 + 1}000000"
    assert words["q"] == f'SELECT {fields} FROM "energy" WHERE {where} AND {span}'
    assert not recorder.of("/write") and not recorder.of("/query", lambda words: "CREATE" in words["q"])
