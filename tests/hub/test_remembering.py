"""What survives a restart is put aside in pieces: a kill between two of them loses nothing, and waits go on."""

from pathlib import Path
from typing import cast

import msgspec
import pytest

from hub import remembering
from hub.committer import Committer
from hub.directory import Places
from hub.model import Now, Reading
from hub.records import Records, Work
from hub.remembering import Remembering, engine_state, last_seen
from rules import build, saving
from rules.engine import Engine
from tests.support.scenarios import START, VOCABULARY

HOT = {"id": "hot", "quantity": "air.temperature", "threshold": 30, "hold_for": "60s"}
DEVICES = 25


class Gathering:
    """What a committer gathers; ``commit`` puts it on disk."""

    def __init__(self, path: Path) -> None:
        self.records = Records(path)
        self.work = Work()

    def gather(self, *, urgent: bool = True) -> Work:
        return self.work

    def commit(self) -> None:
        self.records.commit(self.work)
        self.work = Work()


def now(second: float) -> Now:
    return Now(START + round(second * 1000), 100 + second)


def engine() -> Engine:
    return Engine([build("above", HOT, VOCABULARY)], Places(), VOCABULARY)


def hot(of: Engine, device: int, second: float, value: float = 31) -> list[str]:
    reading = Reading(f"a:{device}", "air.temperature", value, START + round(second * 1000))
    return [alert.state for alert in of.step(reading, now(second).wall, now(second))]


def test_a_kill_in_the_middle_of_a_round_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((saving, "WATCHES"), (saving, "DEVICES"), (remembering, "SEEN")):
        monkeypatch.setattr(module, name, 10)
    monkeypatch.setattr(remembering, "AT_ONCE", 0.0)
    disk, places, of = Gathering(tmp_path / "records.db"), Places(), engine()
    at = now(0)
    memory = Remembering([], of, places, cast(Committer, disk), lambda: at)
    alerts = []
    for device in range(DEVICES):
        places.seen(f"a:{device}", at.wall)
        assert hot(of, device, 0) == ["pending"]
    memory.beat()
    disk.commit()
    expected = {(entry[0], entry[1]) for entry in of.snapshot()["watches"]}
    assert len(expected) == DEVICES
    for second in range(10, 16):  # a second round, of one piece a tick, and no more of it than that
        at = now(second)
        of.tick(at)
        if second == 10:
            memory.beat()
        memory.go_on()
        disk.commit()
        state = engine_state(disk.records)
        found = {(entry[0], entry[1]) for part in state for entry in part.get("watches", ())}
        assert found == expected
        assert {device for part in state for device in part.get("devices", ())} == {f"a:{n}" for n in range(DEVICES)}
        assert last_seen(disk.records) == {f"a:{n}": START for n in range(DEVICES)}
    assert {part["at"] for part in state} == {START}, "the second round has not ended yet"
    alerts = of.open_alerts()
    after = engine()
    after.restore(engine_state(disk.records), alerts, disk.records.heartbeat(), now(40))
    after.expect([], now(40))
    for device in range(DEVICES):
        assert hot(after, device, 41) == []
    assert after.tick(now(59)) == []
    assert len(after.tick(now(60.1))) == DEVICES
    disk.records.close()


@pytest.mark.parametrize("heartbeat", [10, 20, 30])
def test_a_wait_goes_on_from_the_moment_its_piece_was_taken(heartbeat: int) -> None:
    """Pending since 0 s, put aside at 20 s, killed at 30 s and started at 40 s: it is due at 60 s, whenever the heartbeat was."""
    before = engine()
    assert hot(before, 1, 0) == ["pending"]
    before.tick(now(20))
    pieces = msgspec.msgpack.decode(msgspec.msgpack.encode(list(before.pieces())))
    after = engine()
    after.restore(pieces, before.open_alerts(), now(heartbeat).wall, now(40))
    assert hot(after, 1, 45) == []
    assert after.tick(now(59)) == []
    assert [alert.state for alert in after.tick(now(60))] == ["firing"]
    assert after.saved_at == now(20).wall


def test_what_an_earlier_version_kept_in_one_is_read(tmp_path: Path) -> None:
    disk, of = Gathering(tmp_path / "records.db"), engine()
    hot(of, 1, 0)
    disk.work.states = {
        "engine": msgspec.msgpack.encode(of.snapshot()),
        "last_seen": msgspec.msgpack.encode({"a:1": START}),
    }
    disk.commit()
    after = engine()
    after.restore(engine_state(disk.records), of.open_alerts(), START, now(5))
    assert [watch[1] for watch in after.snapshot()["watches"]] == ["a:1"]
    assert last_seen(disk.records) == {"a:1": START}
    disk.records.close()
