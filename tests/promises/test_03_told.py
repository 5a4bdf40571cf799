"""Promise 3: a raised alert survives kill -9, is notified at least once and shown once.

The hub is killed before its commit, after it and before anything is sent, after the receiver has taken it and before that
is marked. The receiver counts by the id that every copy of a notice carries.
"""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Sink, Site, site, wall


def shown_once(made: Site, device: str) -> str:
    """The one alert of the device, as the page lists it and as it stands in the records."""
    [alert] = until(lambda: [one for one in made.alerts() if one["device"] == device], f"{device}'s alert")
    assert alert["state"] == "firing"
    return str(alert["id"])


def told_and_marked(made: Site, sink: Sink, id: str) -> int:
    """How often the receiver was told; waits until the hub knows that it was."""
    until(
        lambda: [t for t in made.hub.get(f"/api/v1/alerts/{id}")["told"] if t["notifier"] == "webhook:desk" and t["sent_at"]],
        "the webhook is marked as told",
    )
    return sum(count for key, count in sink.keys().items() if key.startswith(id))


@pytest.mark.promise(3)
def test_killed_before_the_commit_it_is_raised_from_what_the_broker_kept(
    tmp_path: Path, broker: Broker, strace: list[str], figure: Figure
) -> None:
    sink = Sink()
    with site(tmp_path, broker, sink.config) as made:
        made.client().say("alarm/first", {"ts": wall(), "smoke": False})
        made.hub.stop()
        log = tmp_path / "strace.log"
        # The first fdatasync of an alert's transaction: written, not durable, not told.
        made.hub.wrap = [*strace, "-y", "-o", str(log), "-e", "trace=fdatasync", "-P", str(made.data / "records.db-wal"), "-e",
                         "inject=fdatasync:signal=KILL:when=1"]  # fmt: skip
        made.hub.start(ready=False)
        made.client("other").say("alarm/a", {"ts": wall(), "smoke": True})
        made.hub.ended(30)
        assert sink.got == []
        made.hub.wrap = []
        made.hub.start()
        id = shown_once(made, "alarm:a")
        times = told_and_marked(made, sink, id)
        assert times == 1
        figure("told, killed before the commit", times)
    sink.close()


@pytest.mark.promise(3)
def test_killed_after_the_commit_and_before_it_is_sent(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """The receiver does not answer, so the notice is committed and on its way when the hub dies."""
    waiting = threading.Event()
    let = threading.Event()

    def answer(notice: dict[str, Any], key: str) -> int:
        waiting.set()
        let.wait(20)
        return 503  # not taken

    sink = Sink(answer)
    with site(tmp_path, broker, sink.config) as made:
        made.client().say("alarm/a", {"ts": wall(), "smoke": True})
        assert waiting.wait(10)
        before = shown_once(made, "alarm:a")
        made.hub.kill()
        let.set()
        until(lambda: sink.got, "the receiver has refused it")
        sink.got.clear()
        taken = Sink()
        made.config.write_text(made.config.read_text("utf-8").replace(f":{sink.port}/", f":{taken.port}/"), "utf-8")
        made.hub.start()
        assert shown_once(made, "alarm:a") == before
        times = told_and_marked(made, taken, before)
        assert times == 1
        figure("told, killed before it was sent", times)
        taken.close()
    sink.close()


@pytest.mark.promise(3)
def test_killed_after_it_is_sent_and_before_it_is_marked(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """The receiver has it, the hub does not know: it is told again, with the same id, and still shown once."""
    sink = Sink()
    with site(tmp_path, broker, sink.config) as made:
        killed = threading.Event()

        def answer(notice: dict[str, Any], key: str) -> int:
            if not killed.is_set():
                killed.set()
                made.hub.kill()
            return 204

        sink_two = Sink(answer)
        made.hub.stop()
        made.config.write_text(made.config.read_text("utf-8").replace(f":{sink.port}/", f":{sink_two.port}/"), "utf-8")
        made.hub.start()
        made.client().say("alarm/a", {"ts": wall(), "smoke": True})
        assert killed.wait(10)
        time.sleep(0.1)
        began = time.monotonic()
        made.hub.start()
        id = shown_once(made, "alarm:a")
        times = told_and_marked(made, sink_two, id)
        assert times == 2
        assert len(sink_two.keys()) == 1, "one id, by which the receiver knows it again"
        figure("told, killed before it was marked", f"{times}, under one id")
        figure("told again after the kill", f"{time.monotonic() - began:.1f} s")
        sink_two.close()
    sink.close()
