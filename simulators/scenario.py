"""What is made to happen, and when: scenario files, and how their events change the truth.

A scenario is data (``simulators/scenarios/demo.toml`` explains every key). Every mistake in a file is told at once, each as a
sentence with the nearest valid word.
"""

import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from math import exp
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.quantities import duration_ms
from simulators.building import Truth, World
from simulators.plan import Thing

DEMO = Path(__file__).parent / "scenarios" / "demo.toml"
KEYS = ("kind", "at", "lasts", "place", "device", "alarm_after")
HAPPENS_TO = {
    "fire": ("smoke", "stairsmoke", "co"),
    "sos": ("sos",),
    "fall": ("radar",),
    "dead": (),  # anything
    "full": ("bay",),
}
LASTS = {"fire": 300_000, "sos": 5_000, "fall": 60_000, "full": 600_000}  # ms, where the file does not say
FOR_EVER = 10**15


class ScenarioError(ValueError):
    """A scenario file with mistakes; ``sentences`` has one for each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Event(Struct, frozen=True):
    """Something that happens to ``things`` (device ids) from ``at`` for ``lasts`` ms, counted from the start."""

    kind: str
    at: int
    lasts: int
    things: frozenset[str]
    alarm_after: int = 15_000


class Scenario:
    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def alter(self, thing: Thing, truth: Truth, since_start: int) -> Truth | None:
        """The truth as the events leave it; None while the thing is dead. ``since_start`` in ms."""
        for event in self.events:
            if thing.id in event.things and since_start >= event.at:
                changed = _EFFECTS[event.kind](event, truth, since_start - event.at)
                if changed is None:
                    return None
                truth = changed
        return truth


def _fire(event: Event, truth: Truth, since: int) -> Truth:
    burning = since < event.lasts
    changed = dict(truth)
    if "air.temperature" in truth:
        hottest = 48 * (1 - exp(-min(since, event.lasts) / 40_000))
        changed["air.temperature"] += hottest if burning else hottest * exp(-(since - event.lasts) / 90_000)
    alarm = float(burning and since >= event.alarm_after)
    for quantity in ("fire.smoke", "fire.co"):
        if quantity in truth:
            changed[quantity] = alarm
    return changed


def _set(quantity: str) -> Callable[[Event, Truth, int], Truth | None]:
    def effect(event: Event, truth: Truth, since: int) -> Truth | None:
        return truth | {quantity: 1.0} if since < event.lasts else truth

    return effect


def _dead(event: Event, truth: Truth, since: int) -> Truth | None:
    return None if since < event.lasts else truth


_EFFECTS: dict[str, Callable[[Event, Truth, int], Truth | None]] = {
    "fire": _fire,
    "sos": _set("safety.sos"),
    "fall": _set("safety.fall"),
    "dead": _dead,
    "full": _set("parking.occupied"),
}


def load(path: Path, world: World) -> Scenario:
    """Reads a scenario file. Raises ScenarioError with every mistake in it, OSError when it cannot be read."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError([f"{path.name} is not valid TOML: {error}"]) from None
    reader = _Reader(path.name, world)
    for key in content:
        if key != "event":
            reader.wrong(f'{path.name}: unknown key "{key}"{_hint(key, ["event"])}; a scenario is a list of [[event]]')
    tables = content.get("event", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        reader.wrong(f"{path.name}: event must be a list of tables, each under [[event]]")
        tables = []
    events = [event for number, table in enumerate(tables, 1) if (event := reader.event(number, table))]
    if reader.sentences:
        raise ScenarioError(reader.sentences)
    return Scenario(events)


class _Reader:
    """Reads one file's events and gathers what is wrong with them."""

    def __init__(self, file: str, world: World) -> None:
        self._file = file
        self._world = world
        self.sentences: list[str] = []

    def wrong(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def event(self, number: int, table: dict[str, Any]) -> Event | None:
        where = f"{self._file}, event {number}"
        before = len(self.sentences)
        for key in table:
            if key not in KEYS:
                self.wrong(f'{where}: unknown key "{key}"{_hint(key, KEYS)}')
        kind = self._kind(where, table)
        at = self._duration(where, table, "at", None)
        lasts = self._duration(where, table, "lasts", LASTS.get(kind, FOR_EVER))
        alarm_after = self._duration(where, table, "alarm_after", 15_000)
        things = self._things(where, table, kind)
        if len(self.sentences) > before:
            return None
        return Event(kind, at, lasts, things, alarm_after)

    def _kind(self, where: str, table: dict[str, Any]) -> str:
        kind = table.get("kind")
        if kind is None:
            self.wrong(f'{where}: "kind" is missing; it is one of {", ".join(HAPPENS_TO)}')
        elif kind not in HAPPENS_TO:
            self.wrong(f'{where}: unknown kind "{kind}"{_hint(str(kind), HAPPENS_TO)}; it is one of {", ".join(HAPPENS_TO)}')
        else:
            return str(kind)
        return ""

    def _duration(self, where: str, table: dict[str, Any], key: str, default: int | None) -> int:
        value = table.get(key, default)
        if isinstance(value, str):
            try:
                return duration_ms(value)
            except ValueError as error:
                self.wrong(f"{where}: {key}: {error}")
        elif value is None:
            self.wrong(f'{where}: "{key}" is missing; write how long after the start, like "75s"')
        elif key in table:
            self.wrong(f'{where}: {key}: write a duration in quotes, like "75s", instead of {value}')
        else:
            return int(value)
        return 0

    def _things(self, where: str, table: dict[str, Any], kind: str) -> frozenset[str]:
        named = [key for key in ("place", "device") if key in table]
        if len(named) != 1:
            self.wrong(f'{where}: write either "place" or "device", so that it is known to what it happens')
            return frozenset()
        value = str(table[named[0]])
        if named == ["place"]:
            spaces = [space.id for space in self._world.spaces]
            if value not in spaces:
                self.wrong(f'{where}: unknown place "{value}"{_hint(value, spaces)}')
                return frozenset()
            found = [thing for thing in self._world.things if self._world.inside(thing.space, value)]
        else:
            found = [thing for thing in self._world.things if thing.id == value]
            if not found:
                self.wrong(f'{where}: unknown device "{value}"{_hint(value, [thing.id for thing in self._world.things])}')
                return frozenset()
        able = HAPPENS_TO.get(kind, ())
        things = frozenset(thing.id for thing in found if not able or thing.kind in able)
        if not things:
            self.wrong(f'{where}: nothing in "{value}" can have a {kind}; that happens to: {", ".join(able)}')
        return things


def _hint(word: str, known: object) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)  # type: ignore[call-overload]
    return f'; did you mean "{close[0]}"?' if close else ""
