"""Promise 9: the hub's own death is noticed from outside, by a checker that hears a heartbeat."""

import json
import time
import urllib.request
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Sink, site

EVERY = 1.0


def silent_for(checker: Sink) -> float:
    return time.monotonic() - (checker.beats[-1] if checker.beats else 0)


@pytest.mark.promise(9)
def test_a_killed_or_deaf_hub_is_noticed_by_the_checker(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    checker = Sink()
    heartbeat = f'[heartbeat]\nurl = "http://127.0.0.1:{checker.port}/ping"\nevery = "{EVERY:g}s"\n'
    with site(tmp_path, broker, heartbeat) as made:
        until(lambda: len(checker.beats) >= 3, "it beats")
        gaps = [after - before for before, after in zip(checker.beats, checker.beats[1:], strict=False)]
        assert max(gaps) < 1.5 * EVERY
        made.hub.kill()
        died = time.monotonic()
        until(lambda: silent_for(checker) > 2 * EVERY, "the checker misses it")
        figure(f"hub killed, missed with a beat every {EVERY:g} s", f"after {time.monotonic() - died:.1f} s")
        made.hub.start()
        until(lambda: silent_for(checker) < EVERY, "it beats again")
        broker.kill()  # alive, but it hears nothing any more: that is no watch either
        died = time.monotonic()
        until(lambda: silent_for(checker) > 2 * EVERY, "the checker misses the watch")
        figure("hub without a broker, missed", f"after {time.monotonic() - died:.1f} s")
        with pytest.raises(urllib.error.HTTPError) as refused:
            made.hub.get("/readyz")
        assert "not connected" in json.load(refused.value)["detail"]
        broker.restart()
        until(lambda: silent_for(checker) < EVERY, "it hears again, and beats")
    checker.close()
