"""Scenario files: what happens when, and every mistake told at once."""

from pathlib import Path

import pytest

from simulators import scenario
from simulators.building import Truth, World
from simulators.plan import Thing

START = 1_772_683_200_000  # 2026-03-05 12:00 in Shanghai


@pytest.fixture(scope="module")
def world() -> World:
    return World(7)


def thing_at(world: World, space: str, kind: str) -> Thing:
    return next(thing for thing in world.things if thing.space == space and thing.kind == kind)


def after(world: World, events: scenario.Scenario, thing: Thing, seconds: float) -> Truth | None:
    return events.alter(thing, world.truth(thing, START + round(seconds * 1000)), round(seconds * 1000))


def test_the_demo_burns_when_it_says(world: World) -> None:
    demo = scenario.load(scenario.DEMO, world)
    detector = thing_at(world, "3-2-502-kitchen", "smoke")
    truths = {second: after(world, demo, detector, second) for second in (0, 74, 80, 89, 90, 200, 374, 375, 900)}
    smoke = {second: truth["fire.smoke"] for second, truth in truths.items() if truth}
    assert smoke == {0: 0, 74: 0, 80: 0, 89: 0, 90: 1, 200: 1, 374: 1, 375: 0, 900: 0}
    warm = [truth["air.temperature"] for truth in truths.values() if truth]
    assert warm[1] < warm[2] < warm[4] < warm[5]
    assert warm[5] - warm[0] > 40  # 48 (1 - e^(-125/40)) = 45.9
    assert warm[8] - warm[0] < 3


def test_only_what_is_there_is_touched(world: World) -> None:
    demo = scenario.load(scenario.DEMO, world)
    for thing in world.things:
        if thing.kind == "smoke" and thing.space != "3-2-502-kitchen":
            assert after(world, demo, thing, 120) == world.truth(thing, START + 120_000)


def test_a_dead_meter_comes_back_with_its_register(world: World) -> None:
    demo = scenario.load(scenario.DEMO, world)
    meter = next(thing for thing in world.things if thing.id == "tasmota:meter-2-1-302")
    assert after(world, demo, meter, 119)
    assert after(world, demo, meter, 121) is None
    assert after(world, demo, meter, 120 + 19 * 60) is None
    assert after(world, demo, meter, 121 + 20 * 60) == world.truth(meter, START + (121 + 20 * 60) * 1000)


def test_call_fall_and_full_car_park(world: World) -> None:
    demo = scenario.load(scenario.DEMO, world)
    button = thing_at(world, "1-1-302-bedroom", "sos")
    radar = thing_at(world, "1-2-201-living", "radar")
    assert [(after(world, demo, button, second) or {})["safety.sos"] for second in (179, 181, 190)] == [0, 1, 0]
    assert [(after(world, demo, radar, second) or {})["safety.fall"] for second in (479, 481, 560)] == [0, 1, 0]
    shared = [thing for thing in world.things if thing.kind == "bay" and world.inside(thing.space, "parking-ground")]
    assert len(shared) == 10
    assert all((after(world, demo, bay, 300) or {})["parking.occupied"] for bay in shared)
    assert not all((after(world, demo, bay, 700) or {})["parking.occupied"] for bay in shared)


GOOD = '[[event]]\nkind = "fire"\nat = "75s"\nplace = "3-2-502-kitchen"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("kind", "knid"), ['event 1: unknown key "knid"; did you mean "kind"?', 'event 1: "kind" is missing']),
        (GOOD.replace('"fire"', '"fier"'), ['event 1: unknown kind "fier"; did you mean "fire"?']),
        (GOOD.replace('"75s"', "75"), ['event 1: at: write a duration in quotes, like "75s", instead of 75']),
        (GOOD.replace('"75s"', '"soon"'), ['event 1: at: "soon" is not a duration']),
        (GOOD.replace('at = "75s"\n', ""), ['event 1: "at" is missing']),
        (GOOD.replace("kitchen", "kitchn"), ['unknown place "3-2-502-kitchn"; did you mean "3-2-502-kitchen"?']),
        (GOOD.replace("place", "device"), ['unknown device "3-2-502-kitchen"']),
        (GOOD + 'device = "x"\n', ['write either "place" or "device"']),
        (GOOD.replace("3-2-502-kitchen", "garage"), ['nothing in "garage" can have a fire; that happens to: smoke']),
        (GOOD.replace("event", "evnt"), ['unknown key "evnt"; did you mean "event"?']),
        ("event = 3\n", ["event must be a list of tables"]),
        ("[[event]\n", ["is not valid TOML"]),
        (GOOD.replace("knid", "kind") + GOOD.replace("fire", "x").replace("75s", "y"), ["event 2: unknown kind", "event 2: at:"]),
    ],
)
def test_mistakes_are_told_all_at_once(world: World, tmp_path: Path, text: str, told: list[str]) -> None:
    file = tmp_path / "story.toml"
    file.write_text(text)
    with pytest.raises(scenario.ScenarioError) as caught:
        scenario.load(file, world)
    assert len(caught.value.sentences) == len(told)
    for sentence, expected in zip(caught.value.sentences, told, strict=True):
        assert expected in sentence
        assert sentence.startswith("story.toml")
