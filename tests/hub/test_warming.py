"""A kill -9 between the rules' snapshot and the next: what was judged and stored meanwhile is still counted."""

from pathlib import Path

import msgspec
import pytest

from hub.directory import Places
from hub.model import Batch, Now, Quality, Reading
from hub.ports import Retention
from hub.stores.parquet import ParquetStore
from hub.warming import warm
from rules import build
from rules.engine import Engine
from tests.support.scenarios import START, VOCABULARY

RULE = {"id": "twice", "quantity": "fire.smoke", "times": 2, "within": "60s", "severity": "critical"}


def now(second: float) -> Now:
    return Now(START + round(second * 1000), 100 + second)


def engine() -> Engine:
    return Engine([build("count", RULE, VOCABULARY)], Places(), VOCABULARY)


def smoke(second: float, quality: int = 0) -> Reading:
    return Reading("zigbee:1", "fire.smoke", 1.0, START + round(second * 1000), quality=quality)


@pytest.mark.parametrize("flag", [0, int(Quality.TEST_MODE)])
def test_smoke_between_the_snapshot_and_the_kill_is_the_first_of_two(tmp_path: Path, flag: int) -> None:
    store = ParquetStore(tmp_path, VOCABULARY, Retention(), clock=lambda: START)
    before = engine()
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.snapshot()))
    batch = Batch()
    for second in (5.0, 6.5):
        calm = Reading("zigbee:1", "fire.smoke", 1.0 if second == 5 else 0.0, START + round(second * 1000), quality=flag)
        assert not before.step(calm, now(second).wall, now(second))
        batch.readings.append(calm)
        batch.received_at.append(now(second).wall)
    store.append("fire", batch)
    after = engine()
    after.restore(state, [], START, now(20))
    after.expect(store.latest(), now(20))
    assert warm(after, store, START, now(20).wall) == 2
    raised = after.step(smoke(30), now(30).wall, now(30))
    assert [alert.state for alert in raised] == ([] if flag else ["firing"]), "what was sent in test mode counts for nothing"
    store.close()
