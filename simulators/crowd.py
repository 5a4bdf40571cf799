"""When each thing speaks: all of them once soon after the start, then each at its own interval, and at once on a change.

Pure: ``step(at)`` returns what is to be published by then; nothing here knows MQTT or sleeps. Times are ms since 1970 UTC.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from random import Random

from simulators.building import Truth, World
from simulators.chirpstack import ChirpStack
from simulators.plan import Thing
from simulators.scenario import Scenario
from simulators.shelly import Shelly
from simulators.speech import Publication, Voice
from simulators.tasmota import Tasmota
from simulators.theengs import Theengs
from simulators.wmbusmeters import WmbusMeters
from simulators.zigbee2mqtt import Zigbee2Mqtt

VOICES: dict[str, type[Voice]] = {
    "zigbee2mqtt": Zigbee2Mqtt,
    "tasmota": Tasmota,
    "shelly": Shelly,
    "chirpstack": ChirpStack,
    "theengs": Theengs,
    "wmbusmeters": WmbusMeters,
}
SPREAD = 15_000  # ms within which every thing has spoken for the first time
ALARMED = 10_000  # ms between the messages of a detector in alarm
LOST_AFTER = 45_000  # ms until a broker gives up a silent client: 1.5 times a keepalive of 30 s
WATCHED = {
    "bay": ("parking.occupied",),
    "smoke": ("fire.smoke",),
    "stairsmoke": ("fire.smoke",),
    "co": ("fire.co",),
    "contact": ("door.open",),
    "sos": ("safety.sos",),
    "radar": ("safety.fall", "motion"),
}
ALARMS = ("fire.smoke", "fire.co", "safety.fall")


class Crowd:
    """Everything in ``world``, from ``start`` on. The scenario may have begun before: ``since``."""

    def __init__(self, world: World, scenario: Scenario, start: int, since: int | None = None) -> None:
        self._world = world
        self._scenario = scenario
        self._since = start if since is None else since
        self._random = Random(f"{world.seed}/crowd")
        self._voices = {
            name: voice(world, [thing for thing in world.things if thing.voice == name]) for name, voice in VOICES.items()
        }
        order = list(range(len(world.things)))
        self._random.shuffle(order)
        self._due = [(start + SPREAD * (place + 1) // (len(order) + 1), index) for place, index in enumerate(order)]
        heapify(self._due)
        self._watched: dict[int, tuple[float, ...]] = {}
        self._silent_since: dict[int, int] = {}
        self._given_up: set[int] = set()

    def hello(self, at: int) -> list[Publication]:
        return [said for voice in self._voices.values() for said in voice.hello(at)]

    def goodbye(self) -> list[Publication]:
        return [said for voice in self._voices.values() for said in voice.goodbye()]

    def next(self) -> int:
        """When the next thing is due."""
        return self._due[0][0]

    def step(self, at: int) -> Iterator[Publication]:
        """What is due by ``at``, the scheduled and what has changed since the last step."""
        while self._due[0][0] <= at:
            _, index = heappop(self._due)
            truth, said = self._say(index, at)
            yield from said
            heappush(self._due, (at + self._pause(self._world.things[index], truth), index))
        for index, before in list(self._watched.items()):
            truth = self._truth(index, at)
            if truth is not None and _watched(self._world.things[index], truth) != before:
                yield from self._say(index, at)[1]

    def _say(self, index: int, at: int) -> tuple[Truth | None, list[Publication]]:
        thing = self._world.things[index]
        truth = self._truth(index, at)
        voice = self._voices[thing.voice]
        if truth is None:
            silent = at - self._silent_since.setdefault(index, at)
            if silent >= LOST_AFTER and index not in self._given_up:
                self._given_up.add(index)
                return None, voice.lost(thing)
            return None, []
        said = []
        if self._silent_since.pop(index, None) is not None and index in self._given_up:
            self._given_up.discard(index)
            said = [back for back in voice.hello(at) if thing.address in back.topic]
        if thing.kind in WATCHED:
            self._watched[index] = _watched(thing, truth)
        return truth, said + voice.speak(thing, truth, at)

    def _truth(self, index: int, at: int) -> Truth | None:
        thing = self._world.things[index]
        return self._scenario.alter(thing, self._world.truth(thing, at), at - self._since)

    def _pause(self, thing: Thing, truth: Truth | None) -> int:
        """Until its next message: its interval, give or take a twentieth, so that they never march in step."""
        if truth and any(truth.get(quantity) for quantity in ALARMS):
            return ALARMED
        return round(thing.interval * 1000 * self._random.uniform(0.95, 1.05))


def _watched(thing: Thing, truth: Truth) -> tuple[float, ...]:
    return tuple(truth[quantity] for quantity in WATCHED[thing.kind])
