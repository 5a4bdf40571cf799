"""Promise 12: a full disk costs telemetry before it costs alerts, and nothing is deleted unasked."""

import json
import os
import shutil
import urllib.error
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.rawmqtt import Client
from tests.support.site import Sink, Site, probe, site, wall


def fill(disk: Path, leave: int) -> Path:
    """Somebody else's file takes all but so many bytes."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave)
    return filler


@pytest.mark.promise(12)
@pytest.mark.fault("disk full, on tmpfs")
def test_readings_wait_alerts_go_on_and_nothing_is_lost(tmp_path: Path, broker: Broker, small_disk: Path, figure: Figure) -> None:
    sink = Sink()
    with site(tmp_path, broker, sink.config, start=False) as made:
        made.config.write_text(made.config.read_text("utf-8").replace('directory = "data"', f'directory = "{small_disk}/data"'))
        made.data = made.hub.directory = small_disk / "data"
        made.hub.start()
        device = made.client()
        device.say("bench/m", {"ts": wall(), "level": 1, "power": 1})
        until(lambda: made.stored("bench:m"), "there is room")
        assert made.hub.metric("reserve_bytes") > 0
        before = {path.name for path in made.data.iterdir()}
        filler = fill(small_disk, 200_000)
        times = made.stored("bench:m")
        until(lambda: disk_is_full(made, device, times), "readings find no room", 60)
        confirmed = made.hub.metric("confirmed_total")
        waits = probe(made, 300, name="full")
        figure("fire while the disk is full", waits.said)
        assert made.hub.metric("reserve_bytes") == 0, "alerts use what was kept for them"
        until(lambda: sum(sink.keys().values()) == 300, "everybody is told")
        assert any("disk is full" in sentence for sentence in what_is_missing(made))
        assert "the disk below" in made.hub.said()
        assert {path.name for path in made.data.iterdir()} >= before - {"reserve"}, "nothing else is deleted"
        filler.unlink()
        made.await_stored("bench:m", times, deadline=60)
        until(lambda: made.hub.metric("reserve_bytes") > 0, "the reserve is there again", 30)
        until(lambda: made.hub.is_ready(), "and all is well", 30)
        assert len(made.alerts(state="firing")) == 300
        figure("alarms while the disk was full", "300 of 300 raised, recorded and told")
        figure("readings confirmed before and after, lost", f"{confirmed:.0f} before, {len(times)} in all, 0 lost")
        made.hub.stop()
    sink.close()


def disk_is_full(made: Site, device: Client, times: list[int]) -> bool:
    for _ in range(200):
        times.append(max(wall(), times[-1] + 1))
        device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
    return bool(made.hub.metric("disk_full"))


def what_is_missing(made: Site) -> list[str]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        made.hub.get("/readyz")
    missing: list[str] = json.load(refused.value)["missing"]
    return missing
