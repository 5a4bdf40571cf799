"""A large site: the armed map, and a rule that comes into force, leave the loop its turns, and alarms come in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hub.config import load
from hub.model import Device, Now, Space
from hub.rulebook.armed_map import LISTED, ArmedMap
from hub.rulebook.book import Book
from hub.rulebook.live import Live
from rules import build
from rules.watch import Watch
from tests.support.walks import Walk, adapter, walk

DETECTORS = 1_200
SMOKE = "fire-smoke"


def detector(number: int) -> str:
    return f"0x{number:016x}"


@asynccontextmanager
async def site(path: Path) -> AsyncIterator[tuple[Walk, Callable[[], Now], Callable[[], int]]]:
    """Detectors in six buildings that see no smoke; a clock on which every look takes a millisecond; how many turns the loop
    has had meanwhile."""
    async with walk(path, adapter("zigbee2mqtt")) as made:
        places = made.pipeline.places
        places.upsert_spaces([Space(f"b{number}", f"{number}幢", "building") for number in range(6)])
        places.upsert_devices([Device(f"zigbee:{detector(n)}", space=f"b{n % 6}", accepted=True) for n in range(DETECTORS)])
        for number in range(DETECTORS):
            made.give(f"zigbee2mqtt/{detector(number)}", '{"smoke": false}')
        looks = turns = 0

        def clock() -> Now:
            nonlocal looks
            looks += 1
            return Now(made.now.wall, made.now.monotonic + looks / 1000)

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        try:
            yield made, clock, lambda: turns
        finally:
            task.cancel()


async def test_the_armed_map_of_a_large_site(tmp_path: Path) -> None:
    async with site(tmp_path) as (made, clock, turns):
        armed = ArmedMap(Book(load(None)), made.pipeline, clock)
        told = await armed.ask()
        assert turns() > 8, "five milliseconds of work, and then the others"
        assert next(one for one in told["rules"] if one["rule"] == SMOKE)["armed"] == DETECTORS
        assert (told["blind"], len(told["buildings"]), told["buildings"][0]["armed"]) == (0, 6, DETECTORS // 6)
        before = turns()
        assert await armed.ask() is told and turns() - before <= 1, "it is good for a minute"

        known = made.pipeline.places.devices.values()
        made.pipeline.places.upsert_devices([Device(one.id, space=one.space, accepted=True, online=False) for one in known])
        blind = await ArmedMap(Book(load(None)), made.pipeline, clock).ask()
        listed = [len(one["places"]) for one in blind["buildings"]]
        assert (blind["blind"], sum(one["blind"] for one in blind["buildings"])) == (DETECTORS, DETECTORS)
        assert sum(listed) <= LISTED and min(listed) == max(listed) == LISTED // 6, "every building has its share of the list"


async def test_a_rule_over_a_large_site_comes_into_force_in_turns(tmp_path: Path) -> None:
    async with site(tmp_path) as (made, clock, turns):
        live = Live(made.pipeline, clock)
        calm = build("state", {"id": "calm", "quantity": "fire.smoke", "is": 0})
        waiting = asyncio.create_task(live.replace("calm", calm))
        while not made.pipeline.open:
            await asyncio.sleep(0)
        assert len(made.pipeline.open) < DETECTORS, "it has begun, and others have their turn"
        made.give(f"zigbee2mqtt/{detector(DETECTORS - 1)}", '{"smoke": true}')
        assert [alert.rule for alert in made.pipeline.open.values() if alert.rule != "calm"] == [SMOKE]
        await waiting
        calm_ones = [alert for alert in made.pipeline.open.values() if alert.rule == "calm"]
        assert len(calm_ones) == DETECTORS - 1 and turns() > 20
        assert len(made.records.open_and_recent(0)) == DETECTORS, "each is on disk"

        other = build("state", {"id": "calm", "quantity": "fire.smoke", "is": 3})
        before = turns()
        await live.replace("calm", other)
        assert turns() - before > 10, "also where nothing is raised"
        await asyncio.gather(*(live.replace("calm", one) for one in (None, calm, other)))
        watches = [one for series in made.engine._subjects.series.values() for one in series.watches if isinstance(one, Watch)]
        assert [watch.rule for watch in watches if watch.settings.id == "calm"] == [other] * DETECTORS, "the last one counts"
