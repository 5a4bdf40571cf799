"""Everything the simulators say is understood by the adapters, without one refusal, and means what is true in the world."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from hub import plugins
from hub.model import DeviceInfo, Message, Quality, Reading
from hub.ports import SiteContext
from hub.quantities import Vocabulary
from hub.routing import Routes
from simulators import scenario
from simulators.building import World
from simulators.crowd import VOICES, Crowd
from simulators.plan import Thing
from simulators.speech import Publication

START = 1_772_683_200_000  # 2026-03-05 12:00 in Shanghai
SITE = SiteContext("yunqi", ZoneInfo("Asia/Shanghai"), Vocabulary())

# What a vendor's format rounds to: half a unit of its last digit, in the quantity's unit.
ROUNDED = {
    "tasmota": {"power.active": 1.5, "voltage": 0.5, "current": 5e-4, "energy.active.import.total": 5e-4},
    "shelly": {"power.active": 0.05, "voltage": 0.05, "current": 5e-4, "energy.active": 5e-6},
    "zigbee2mqtt": {
        "power.active": 0.5,
        "voltage": 0.5,
        "current": 5e-3,
        "energy.active.import.total": 5e-3,
        "air.": 5e-3,
        "device.battery": 0.5,
    },
    "wmbusmeters": {"water": 5e-4, "gas": 5e-4},
    "chirpstack": {"device.battery": 0.5},
    "theengs": {},
}


class Heard(NamedTuple):
    at: int
    thing: Thing
    reading: Reading


def adapters() -> Routes:
    """Every adapter that needs no settings, as a hub without [[adapter]] has them."""
    kinds = plugins.find("adapters").values()
    ready = [kind for kind in kinds if not any(field.is_required() for field in kind.Settings.model_fields.values())]
    return Routes([kind(kind.Settings(), SITE) for kind in ready])


def decoded(said: Publication, at: int, known: Routes) -> Iterator[Reading | DeviceInfo]:
    if said.topic.startswith("home/") and said.topic.endswith("/LWT"):
        return  # a gateway's own state: no adapter asks for it, and the hub does not subscribe to it
    taker = known.adapter(said.topic)
    assert taker is not None, f"{said.topic} is taken by no adapter"
    for item in taker.decode(Message(said.topic, said.payload, at, retained=said.retain)):
        assert isinstance(item, Reading | DeviceInfo), item
        yield item


class Listened(NamedTuple):
    world: World
    events: scenario.Scenario
    readings: list[Heard]
    infos: list[DeviceInfo]


@pytest.fixture(scope="module")
def listened() -> Listened:
    world = World(7)
    events = scenario.load(scenario.DEMO, world)
    crowd = Crowd(world, events, START)
    by_id = {thing.id: thing for thing in world.things}
    known = adapters()
    readings: list[Heard] = []
    infos: list[DeviceInfo] = []

    def hear(said: Publication, at: int) -> None:
        for item in decoded(said, at, known):
            if isinstance(item, Reading):
                assert item.device in by_id, (said.topic, item)
                readings.append(Heard(at, by_id[item.device], item))
            else:
                infos.append(item)

    for said in crowd.hello(START):
        hear(said, START)
    for at in range(START, START + 12 * 60_000, 1000):
        for said in crowd.step(at):
            hear(said, at)
    return Listened(world, events, readings, infos)


def tolerance(thing: Thing, quantity: str) -> float:
    table = ROUNDED[thing.voice]
    return next((half for start, half in table.items() if quantity.startswith(start)), 0.0) + 1e-9


def test_every_device_of_every_format_is_heard(listened: Listened) -> None:
    assert {heard.thing.id for heard in listened.readings} == {thing.id for thing in listened.world.things}
    assert {heard.thing.voice for heard in listened.readings} == set(VOICES)


def test_the_values_are_the_worlds(listened: Listened) -> None:
    compared: Counter[str] = Counter()
    for at, thing, reading in listened.readings:
        truth = listened.events.alter(thing, listened.world.truth(thing, at), at - START)
        if truth and reading.quantity in truth and reading.channel != "interconnect":
            expected = truth[reading.quantity]
            assert reading.value == pytest.approx(expected, abs=tolerance(thing, reading.quantity)), (thing.id, reading)
            compared[reading.quantity] += 1
    for quantity in ("power.active", "power.active.l2", "energy.active.import.total", "energy.active.export.total", "voltage"):
        assert compared[quantity] > 10, quantity
    for quantity in ("water.volume.total", "gas.volume.total", "parking.occupied", "air.temperature", "device.battery"):
        assert compared[quantity] > 10, quantity
    for quantity in ("fire.smoke", "fire.co", "door.open", "motion", "health.heart_rate", "health.steps.total"):
        assert compared[quantity] > 10, quantity
    assert compared["safety.sos"] == 1
    assert compared["safety.fall"] >= 1


def test_nothing_true_is_left_unsaid(listened: Listened) -> None:
    """Every quantity a thing has in the world arrives, but for events that did not happen."""
    told: dict[str, set[str]] = defaultdict(set)
    for _, thing, reading in listened.readings:
        told[thing.id].add(reading.quantity)
    for thing in listened.world.things:
        true = {name for name in listened.world.truth(thing, START) if name[0] != "~" and "#" not in name}
        missing = true - told[thing.id] - {"safety.sos", "safety.fall"}
        if thing.kind == "stairsmoke":
            missing -= {"fire.test"}  # sent with the button only
        assert not missing, (thing.id, missing)


def test_every_detector_can_sound() -> None:
    """The whole community on fire: every smoke and CO detector of every format is understood to alarm."""
    world = World(7)
    detectors = {thing.id for thing in world.things if thing.kind in ("smoke", "stairsmoke", "co")}
    blaze = scenario.Scenario([scenario.Event("fire", at=0, lasts=10**9, things=frozenset(detectors), alarm_after=0)])
    crowd = Crowd(world, blaze, START)
    known = adapters()
    for said in crowd.hello(START):
        list(decoded(said, START, known))
    sounded = {
        item.device
        for said in crowd.step(START + 20_000)
        for item in decoded(said, START + 20_000, known)
        if isinstance(item, Reading) and item.quantity in ("fire.smoke", "fire.co") and item.value == 1
    }
    assert sounded == detectors
    assert len(detectors) == 25


def test_only_the_zone_of_tasmotas_clock_had_to_be_assumed(listened: Listened) -> None:
    for _, thing, reading in listened.readings:
        assert reading.quality in ((0, Quality.TZ_ASSUMED) if thing.voice == "tasmota" else (0,)), reading


def test_devices_are_named_and_online(listened: Listened) -> None:
    online = {info.device: info.online for info in listened.infos if info.online is not None}
    for thing in listened.world.things:
        if thing.voice in ("tasmota", "shelly", "zigbee2mqtt"):
            assert online[thing.id] is (thing.id != "tasmota:meter-2-1-302"), thing
    models = {info.device: info.model for info in listened.infos if info.model}
    detector = next(thing for thing in listened.world.things if thing.kind == "smoke")
    assert models[detector.id] == "SMSZB-120"
