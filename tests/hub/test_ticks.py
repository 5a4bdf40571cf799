"""The hub's own walk logs its ticks, and a replay of what it stored tells the same alerts."""

import json
from pathlib import Path

from hub.directory import Places
from hub.model import Alert, Now
from hub.records_ticks import read_ticks
from hub.replay.run import looked_at, run
from hub.stores.arrivals import arrivals
from rules import load_defaults
from rules.engine import Engine
from tests.support.walks import NOW, VOCABULARY, Walk, mapping, walk

GAS = mapping(readings=[{"quantity": "fire.co.level", "path": "co"}])


async def let(made: Walk, seconds: float) -> None:
    """The clock goes on, with a tick every quarter of a second."""
    for _ in range(round(seconds * 4)):
        made.now = Now(made.now.wall + 250, made.now.monotonic + 0.25)
        made.pipeline.tick()
    await made.committer.durable()


async def test_a_replay_of_the_walk_tells_what_the_walk_told(tmp_path: Path) -> None:
    async with walk(tmp_path, GAS) as made:
        for minute in range(24):  # over 100 ppm from minute 5 to 17, then silent
            made.give("tele/fire/a", json.dumps({"ts": made.now.wall / 1000, "co": 150 if 5 <= minute < 18 else 10}))
            await let(made, 60.1)
        await let(made, 400)
        await made.settled()
        ticks = read_ticks(made.records, 0, 2**62)
        rules = load_defaults(VOCABULARY)
        engine = Engine(rules, Places(), VOCABULARY)
        told: list[Alert] = []
        wanted = looked_at(rules, made.store.series())
        spans = arrivals(made.store, wanted, NOW - 1, made.now.wall + 1)
        run(engine, wanted, spans, ticks, made.now.wall, lambda alerts, now: told.extend(alerts))
        assert [(one.rule, one.state) for one in told] == [
            ("fire-co-level", "pending"), ("fire-co-level", "firing"), ("fire-co-level", "resolved"),
            ("fire-silent", "firing"),
        ]  # fmt: skip
        assert told == made.heard.alerts
        assert any(tick.silent == ("bench:a",) for tick in ticks), "who fell silent is in the log"
        assert len(ticks) < 20, "only what was due is logged, not every tick"
