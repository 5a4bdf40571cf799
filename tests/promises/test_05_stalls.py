"""Promise 5: a stalled store, notifier, browser or name server delays nobody else. The time from a fire message to its alert is
measured while something hangs, and compared with the budget: p99 of 100 ms on a machine that is busy with it.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker, freeze
from tests.support.hubs import until
from tests.support.site import Sink, Site, burner, probe, site, wall

LEVEL = "device=bench:m&quantity=bench.level&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
pytestmark = pytest.mark.alone
PROBES = 150


def fire(made: Site, figure: Figure, while_: str, count: int = PROBES, name: str = "p", **more: Any) -> None:
    waits = probe(made, count, name=name, **more)
    figure(f"fire, {while_}", waits.said)
    assert waits.in_budget, waits.said


@pytest.mark.promise(5)
def test_nothing_else_going_on(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        probe(made, 20, name="warm")
        fire(made, figure, "nothing else going on")


@pytest.mark.promise(5)
@pytest.mark.fault("webhook hangs")
def test_a_webhook_that_hangs(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    release = threading.Event()

    def answer(notice: dict[str, Any], key: str) -> int:
        release.wait(60)
        return 204

    sink, quick = Sink(answer), Sink()
    more = sink.config + quick.config.replace("webhook:desk", "webhook:quick")
    with site(tmp_path, broker, more) as made:
        probe(made, 20, name="warm")
        fire(made, figure, "a webhook hangs")
        until(lambda: sum(quick.keys().values()) == PROBES + 20, "the other webhook is told of all", 10)
        assert made.hub.metric("outbox_depth") >= PROBES
        release.set()
    sink.close()
    quick.close()


@pytest.mark.promise(5)
@pytest.mark.fault("store frozen: the process that answers from it is stopped")
def test_a_frozen_store_process(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        device = made.client()
        device.say("bench/m", {"ts": wall(), "level": 1, "power": 1})
        until(lambda: made.stored("bench:m"), "a reading is stored")
        made.hub.get(f"/api/v1/readings?{LEVEL}")
        [worker] = [id for id in made.hub.children() if b"hub.answering" in Path(f"/proc/{id}/cmdline").read_bytes()]
        freeze(worker)
        asking = [threading.Thread(target=quietly, args=(made, n), daemon=True) for n in range(60)]
        for thread in asking:
            thread.start()
        fire(made, figure, "the store's process is frozen")
        until(lambda: made.hub.metric("questions_refused_total") >= 1, "more than 50 questions are refused", 10)
        assert made.hub.metric("questions_waiting") <= 50
        os.kill(worker, signal.SIGKILL)
        until(lambda: made.hub.metric("questions_waiting") == 0, "another process answers")
        assert made.hub.get(f"/api/v1/readings?{LEVEL}")["items"]


def quietly(made: Site, number: int) -> None:
    with contextlib.suppress(OSError):  # refused, or too late: that is what the metrics tell
        made.hub.get(f"/api/v1/readings?{LEVEL}&limit={number + 1}")


@pytest.mark.promise(5)
@pytest.mark.fault("slow browser: dropped, resyncs by its cursor")
def test_browsers_that_do_not_read(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made, ExitStack() as stack:
        port = int(made.hub.url.rpartition(":")[2])
        pages = []
        for _ in range(20):
            page = stack.enter_context(socket.socket())
            page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            page.connect(("127.0.0.1", port))
            page.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            pages.append(page)
        until(lambda: made.hub.metric("pages_open") == 20, "the pages are open")
        first = re.search(rb"id: (\d+)", pages[0].recv(4096))
        fire(made, figure, "20 browsers do not read", 300)
        assert first
        with socket.create_connection(("127.0.0.1", port), timeout=10) as back:
            head = f"Host: 127.0.0.1:{port}\r\nLast-Event-ID: {first[1].decode()}\r\n\r\n"
            back.sendall(b"GET /api/v1/stream HTTP/1.1\r\n" + head.encode())
            heard = b""
            while heard.count(b"event: alert") < 300:
                more = back.recv(1 << 16)
                assert more, "one that comes back gets every alert since its cursor"
                heard += more


@contextmanager
def dead_name_server(made: Site) -> Iterator[None]:
    """The hub in a mount namespace of its own whose resolv.conf names a server that takes questions and never answers."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("not root, or no unshare: a dead name server was NOT tested")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind(("127.0.0.99", 53))
        except OSError as error:
            pytest.skip(f"port 53 cannot be had ({error}): a dead name server was NOT tested")
        resolv = made.path / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.99\noptions timeout:5 attempts:3\n")
        tried = subprocess.run(["unshare", "-m", "mount", "--bind", str(resolv), "/etc/resolv.conf"], capture_output=True)
        if tried.returncode:
            pytest.skip("no mount namespace may be made here: a dead name server was NOT tested")
        made.hub.first = (
            f"import subprocess; subprocess.run(['mount', '--bind', {str(resolv)!r}, '/etc/resolv.conf'], check=True)"
        )
        made.hub.wrap = ["unshare", "-m", "--propagation", "private"]
        yield


@pytest.mark.promise(5)
@pytest.mark.fault("name server dead")
def test_a_dead_name_server(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    hooks = "".join(
        f'[[notifier]]\nid = "webhook:{n}"\nkind = "webhook"\nurl = "http://hook{n}.invalid-example.test/"\n' for n in range(8)
    )
    quick = Sink()
    with site(tmp_path, broker, hooks + quick.config, start=False) as made, dead_name_server(made):
        made.hub.start()
        probe(made, 20, name="warm")
        fire(made, figure, "the name server is dead")
        [alert] = made.hub.get("/api/v1/alerts?state=firing&limit=1")["items"]
        began = time.monotonic()
        assert len(made.hub.get(f"/api/v1/alerts/{alert['id']}")["told"]) == 9
        assert time.monotonic() - began < 1, "nor does it hold up the page"
        until(lambda: sum(quick.keys().values()) == PROBES + 20, "who needs no name is told of all", 10)
    quick.close()


@pytest.mark.promise(5)
@pytest.mark.fault("processors starved: four burners")
def test_four_burners(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        probe(made, 20, name="warm")
        # in sessions of their own: Linux shares a processor between sessions before it looks at their processes
        burners = [subprocess.Popen(burner(), start_new_session=True) for _ in range(4)]
        try:
            fire(made, figure, f"four processes burn {os.cpu_count()} processors")
        finally:
            for one in burners:
                one.kill()
                one.wait()


@pytest.mark.promise(5)
@pytest.mark.fault("sealing")
@pytest.mark.fault("a month-long export")
def test_while_it_seals_and_exports(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """A month of one meter, every 10 s, is sealed and asked for while alarms come in."""
    settings = '[store]\nkind = "parquet"\nseal_readings = 2000\n'
    with site(tmp_path, broker, start=False) as made:
        made.config.write_text(made.config.read_text("utf-8").replace("[web]", settings + "[web]"), "utf-8")
        fill = f"import sys; from tests.promises.test_05_stalls import fill; fill({str(made.data)!r})"
        subprocess.run([sys.executable, "-c", fill], check=True, cwd=Path(__file__).parents[2])
        made.hub.start()
        made.client().say("bench/month", {"ts": wall(), "level": 1, "power": 1})
        until(lambda: made.hub.every("/api/v1/devices"), "the meter is known")
        stop = threading.Event()
        asked: list[int] = []

        def export() -> None:
            """Every row of the month, page after page, again and again."""
            words = f"device=bench:month&quantity=bench.level&from={iso(wall() - 32 * 86_400_000)}&to={iso(wall())}&limit=10000"
            while not stop.is_set():
                cursor, rows = "", 0
                while cursor is not None and not stop.is_set():
                    page = made.hub.get(f"/api/v1/readings?{words}{cursor}")
                    rows += len(page["items"])
                    cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
                asked.append(rows)

        reading = threading.Thread(target=export)
        reading.start()
        try:
            fire(made, figure, "a month is sealed and exported", 300, every=0.03)
        finally:
            stop.set()
            reading.join(60)
        figure("rows exported meanwhile", sum(asked))
        assert sum(asked) >= 260_000
        until(lambda: len(list((made.data / "sealed").rglob("*.parquet"))) > 20, "the month is sealed")


def iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))


def fill(directory: str) -> None:
    """The child of the test above: puts the month into the journal, as it would stand after an import."""
    from hub.journal import Journal
    from hub.model import Batch, Reading

    Path(directory).mkdir(parents=True, exist_ok=True)
    journal = Journal(Path(directory) / "journal-rest.db", "rest", lambda quantity: "device")
    now = wall()
    for begin in range(0, 260_000, 5_000):
        batch = Batch()
        times = [now - (260_000 - number) * 10_000 for number in range(begin, begin + 5_000)]
        batch.readings = [Reading("bench:month", "bench.level", float(at % 97), at) for at in times]
        batch.received_at = [now] * len(times)
        journal.append(batch)
    journal.close()


@pytest.mark.promise(5)
@pytest.mark.fault("broker frozen: the page and the records go on")
async def test_a_frozen_broker_holds_up_neither_page_nor_webhook(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    sink = Sink()
    with site(tmp_path, broker, sink.config + LEVEL_SILENT) as made:
        made.client().say("bench/m", {"ts": wall(), "level": 1, "power": 1})
        until(lambda: made.stored("bench:m"), "a reading is stored")
        broker.freeze()
        began = time.monotonic()
        try:
            # The clock goes on without the broker: silence is found, told and shown.
            await asyncio.to_thread(until, lambda: sink.keys(), "the webhook is told of the silence", 20)
            assert made.alerts(state="firing")[0]["rule"] == "level-silent"
        finally:
            broker.thaw()
        figure("silence told by webhook while the broker is frozen", f"{time.monotonic() - began:.1f} s")
    sink.close()


LEVEL_SILENT = """
[[rule]]
id = "level-silent"
kind = "silent"
quantity = "bench.level"
at_least = "2s"
at_most = "3s"
severity = "warning"
"""
