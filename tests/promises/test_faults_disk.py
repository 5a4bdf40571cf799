"""Faults of the disk, injected into a whole hub: an fsync that fails, a write without room, and what comes after."""

import json
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.promises.test_01_confirmed import Tap
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.proxy import Proxy
from tests.support.site import probe, site, wall


@pytest.mark.promise(1)
@pytest.mark.fault("fsync fails with EIO: nothing confirmed, the process ends, the next one replays")
def test_a_failing_fsync_ends_the_hub_and_the_next_one_replays(
    tmp_path: Path, broker: Broker, strace: list[str], figure: Figure
) -> None:
    tap = Tap()
    with Proxy(broker.port, tap) as proxy, site(tmp_path, broker, port=proxy.port) as made:
        made.hub.stop()
        log = tmp_path / "strace.log"
        made.hub.wrap = [*strace, "-y", "-o", str(log), "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=8"]
        made.hub.start(ready=False)
        device = made.client()
        times: list[int] = []
        while made.hub.process and made.hub.process.poll() is None:
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
            time.sleep(0.01)
            assert len(times) < 2_000, "the fault is never reached"
        assert made.hub.ended() == 1
        said = made.hub.said()
        assert "disk I/O error" in said
        assert "Traceback" not in said
        failed = next(line for line in log.read_text().splitlines() if "INJECTED" in line)
        file = failed.partition("<")[2].partition(">")[0]
        after = log.read_text().partition("INJECTED")[2]
        assert f"<{file}>) = 0" not in after.replace(" ", ""), "a failed fsync is not tried again on the same file"
        made.hub.wrap = []
        confirmed = {at for name, at in tap.confirmed if name == "m"}
        assert confirmed <= set(made.stored("bench:m"))
        made.hub.start()
        made.await_stored("bench:m", times)
        figure("confirmed before the failing fsync", f"{len(confirmed)} of {len(times)}, all on disk; 0 lost after the restart")


@pytest.mark.promise(12)
@pytest.mark.fault("ENOSPC for a while: waited for, nothing lost")
def test_no_room_for_a_while(tmp_path: Path, broker: Broker, strace: list[str], figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        listener = made.listener()
        made.hub.stop()
        inject = [
            "-e",
            "trace=pwrite64",
            "-P",
            str(made.data / "journal-rest.db-wal"),
            "-e",
            "inject=pwrite64:error=ENOSPC:when=9..20",
        ]
        made.hub.wrap = [*strace, "-o", str(tmp_path / "strace.log"), *inject]
        made.hub.start()
        device = made.client()
        times: list[int] = []
        for _ in range(100):
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
            time.sleep(0.01)
        device.say("alarm/a", {"ts": wall(), "smoke": True})
        listener.wait(lambda _, payload: b"alarm:a" in payload, 30, "the alarm is told")
        made.await_stored("bench:m", times)
        until(lambda: made.hub.metric("lane_waiting") == 0, "all is confirmed")
        assert "INJECTED" in (tmp_path / "strace.log").read_text()
        assert made.hub.process and made.hub.process.poll() is None, "the hub went on"
        figure("readings over a while without room", f"{len(times)} of {len(times)}")


@pytest.mark.promise(1)
@pytest.mark.fault("torn last record and a flipped bit, found at the next start of a whole hub")
def test_a_hub_starts_on_a_torn_and_a_damaged_journal(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """The end of one log is missing and one committed batch of the other lane is damaged: both cost only themselves."""
    with site(tmp_path, broker) as made:
        device = made.client()
        times: list[int] = []
        for number in range(12):
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 100 + number, "power": 1})
            until(lambda: len(made.stored("bench:m")) == len(times), "each in a batch of its own")
        probe(made, 3)
        made.hub.kill()
        log = made.data / "journal-fire.db-wal"
        log.write_bytes(log.read_bytes()[:-1_000])
        # The log has checksums of its own: an orderly stop puts the batches into the file, then a bit of one is flipped.
        made.hub.start()
        made.hub.stop()
        path = made.data / "journal-rest.db"
        content = bytearray(path.read_bytes())
        place = content.find((times[7]).to_bytes(8, "little"))
        assert place > 0
        content[place] ^= 0x10
        path.write_bytes(bytes(content))
        made.hub.start()
        left = made.stored("bench:m")
        assert set(left) == set(times) - {times[7]}
        assert "is damaged" in made.hub.said()
        probe(made, 3, name="again")
        lines = json.dumps(made.hub.get("/readyz"))
        assert '"ready"' in lines
        figure("lost to one flipped bit", f"1 of {len(times)} readings, said in the log")


@pytest.mark.promise(12)
@pytest.mark.fault("sealing refused for want of room or right")
def test_sealing_that_is_refused_costs_nothing(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    """A file lies where the folder of sealed files belongs, so none can be made; then it is taken away."""
    with site(tmp_path, broker, start=False) as made:
        settings = '[store]\nkind = "parquet"\nseal_readings = 10\n'
        made.config.write_text(made.config.read_text("utf-8").replace("[web]", settings + "[web]"), "utf-8")
        made.hub.first = "import hub.upkeep; hub.upkeep.EVERY = 0.5"
        made.data.mkdir()
        sealed = made.data / "sealed"
        sealed.write_text("in the way")
        made.hub.start()
        device = made.client()
        times: list[int] = []
        for _ in range(40):
            times.append(max(wall(), times[-1] + 1 if times else 0))
            device.say("bench/m", {"ts": times[-1], "level": 1, "power": 1})
        until(lambda: made.hub.metric("seal_failures_total") >= 2, "sealing is tried, and tried again")
        probe(made, 3)
        waiting = "device=bench:m&quantity=bench.level&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
        assert len(made.hub.get(f"/api/v1/readings?{waiting}")["items"]) == 40, "answered from the journal"
        sealed.unlink()
        began = time.monotonic()
        until(lambda: list(sealed.rglob("*.parquet")), "it is sealed")
        made.await_stored("bench:m", times)
        figure("sealed once it could be", f"after {time.monotonic() - began:.1f} s, {len(times)} of {len(times)} readings")
