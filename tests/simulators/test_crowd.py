"""What is published when: all within the first seconds, then each at its pace, and at once when something happens."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest

from simulators import scenario
from simulators.building import World
from simulators.crowd import Crowd
from simulators.speech import Publication

START = 1_772_683_200_000  # 2026-03-05 12:00 in Shanghai
BARE = {b"Online", b"Offline", b"online", b"true", b"false"}


def listen(world: World, minutes: float, step: int = 500) -> Iterator[tuple[float, Publication]]:
    """Everything published in that time with the demo's scenario: seconds since the start, publication."""
    crowd = Crowd(world, scenario.load(scenario.DEMO, world), START)
    for said in crowd.hello(START):
        yield 0.0, said
    for at in range(START, START + round(minutes * 60_000), step):
        for said in crowd.step(at):
            yield (at - START) / 1000, said


@pytest.fixture(scope="module")
def heard() -> list[tuple[float, Publication]]:
    return list(listen(World(7), 12))


def speaks(said: Publication) -> bool:
    return not said.retain


def test_everything_published_is_json_on_a_topic_without_spaces(heard: list[tuple[float, Publication]]) -> None:
    for _, said in heard:
        assert not any(character.isspace() or character in "+#\0" for character in said.topic), said.topic
        assert not said.topic.startswith(("/", "$")) and "//" not in said.topic
        if said.payload not in BARE:
            json.loads(said.payload.decode("utf-8"), parse_constant=pytest.fail)


def test_every_device_has_spoken_within_twenty_seconds(heard: list[tuple[float, Publication]]) -> None:
    world = World(7)
    early = [said.topic for second, said in heard if second <= 20 and speaks(said)]
    for thing in world.things:
        address = thing.address.upper() if thing.voice == "theengs" else thing.address
        assert any(address in topic.split("/") for topic in early), thing


def test_each_keeps_its_pace(heard: list[tuple[float, Publication]]) -> None:
    times: dict[str, list[float]] = defaultdict(list)
    for second, said in heard:
        if speaks(said):
            times[said.topic].append(second)
    meter = times["tele/meter-3-2-502/SENSOR"]
    gaps = [later - earlier for earlier, later in pairwise(meter)]
    assert min(gaps) >= 7 and max(gaps) <= 9  # 8 s give or take 5 %, seen in steps of half a second


def test_the_same_seed_says_the_same(heard: list[tuple[float, Publication]]) -> None:
    assert [entry for entry in heard if entry[0] < 60] == list(listen(World(7), 1))


def test_smoke_is_told_at_once_and_repeated(heard: list[tuple[float, Publication]]) -> None:
    told = [
        (second, json.loads(said.payload))
        for second, said in heard
        if said.topic == "zigbee2mqtt/smoke_3-2-502-kitchen" and speaks(said)
    ]
    alarmed = [second for second, state in told if state["smoke"]]
    assert alarmed[0] == 90
    assert 25 <= len(alarmed) <= 32  # 285 s, every 10 s
    assert all(state["temperature"] > 30 for second, state in told if 90 <= second < 375)
    assert next(second for second, state in told if not state["smoke"] and second > 90) == 375


def test_a_call_is_told_once(heard: list[tuple[float, Publication]]) -> None:
    calls = [second for second, said in heard if speaks(said) and b'"action":"emergency"' in said.payload]
    assert calls == [180]


def test_the_dead_meter_is_silent_and_then_given_up(heard: list[tuple[float, Publication]]) -> None:
    spoke = [second for second, said in heard if said.topic == "tele/meter-2-1-302/SENSOR"]
    assert max(spoke) < 120
    wills = [(second, said.retain) for second, said in heard if said == ("tele/meter-2-1-302/LWT", b"Offline", True)]
    assert len(wills) == 1
    assert 160 <= wills[0][0] <= 190


def test_it_comes_back_online_with_its_register() -> None:
    world = World(7)
    told = [(second, said) for second, said in listen(world, 24, 2000) if said.topic.startswith("tele/meter-2-1-302/")]
    online = [second for second, said in told if said.payload == b"Online"]
    assert online[0] == 0
    assert 1320 <= online[1] <= 1330
    totals = [json.loads(said.payload)["ENERGY"]["Total"] for _, said in told if said.topic.endswith("SENSOR")]
    assert totals == sorted(totals)


def test_retained_is_what_the_vendors_retain(heard: list[tuple[float, Publication]]) -> None:
    kept = {said.topic.split("/")[-1] for _, said in heard if said.retain}
    assert kept == {"state", "devices", "availability", "LWT", "online"}
    devices = next(json.loads(said.payload) for _, said in heard if said.topic == "zigbee2mqtt/bridge/devices")
    addresses = {f"zigbee:{entry['ieee_address']}" for entry in devices if entry["type"] != "Coordinator"}
    assert addresses == {thing.id for thing in World(7).things if thing.voice == "zigbee2mqtt"}
    assert len({entry["network_address"] for entry in devices}) == len(devices)


def test_frames_are_counted_without_a_gap(heard: list[tuple[float, Publication]]) -> None:
    counts: dict[str, list[int]] = defaultdict(list)
    for _, said in heard:
        if said.topic.endswith("/event/up"):
            counts[said.topic].append(json.loads(said.payload)["fCnt"])
    assert len(counts) == 26
    assert all(numbers == list(range(len(numbers))) for numbers in counts.values())
