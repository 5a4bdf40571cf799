"""The armed map by building: worked out a little at a time, so that ten thousand detectors hold up no alarm."""

import asyncio
from collections.abc import Callable, Generator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from hub.intake import Intake
from hub.model import DRILL_DEVICE, Alert, Device, Now, Reading
from hub.pipeline import Pipeline
from hub.rulebook.book import Book
from hub.telling import silences
from rules.armed import pieces
from rules.edit import meet
from rules.loading import quantities
from rules.subjects import Key

AT_ONCE = 0.005
"""Seconds of work before the others have their turn, but for the piece that exceeds them."""
PLACES = 100
"""Places looked at in one piece."""
GOOD_FOR = 60.0
"""Seconds for which the map is not worked out again."""
SHOWN, LISTED = 300, 1_000
"""Blind places of one building, and of all, that are listed; the rest is counted."""
BY_DESIGN = "out_of_hours"

Pieces = Generator[None, None, dict[str, Any]]


class ArmedMap:
    def __init__(self, book: Book, pipeline: Pipeline, clock: Callable[[], Now]) -> None:
        self._book = book
        self._pipeline = pipeline
        self._clock = clock
        self._lock = asyncio.Lock()
        self._map: tuple[float, dict[str, Any]] | None = None

    async def ask(self) -> dict[str, Any]:
        """At most GOOD_FOR seconds old."""
        async with self._lock:
            now = self._clock()
            if self._map is None or not 0 <= now.monotonic - self._map[0] < GOOD_FOR:
                self._map = now.monotonic, await self._in_turns(self._made(now))
            return self._map[1]

    async def _in_turns(self, work: Pieces) -> dict[str, Any]:
        until = self._clock().monotonic + AT_ONCE
        while True:
            try:
                next(work)
            except StopIteration as done:
                told: dict[str, Any] = done.value
                return told
            if self._clock().monotonic >= until:
                await asyncio.sleep(0)
                until = self._clock().monotonic + AT_ONCE

    def _made(self, now: Now) -> Pieces:
        yield from self._meet()
        places = self._pipeline.places
        devices = [one for one in places.devices.values() if one.id != DRILL_DEVICE]
        newest = _Newest(self._pipeline.intake)
        told = yield from pieces(
            self._pipeline.engine, self._book.rules, places, now, devices, places.spaces.values(), newest, self._silenced(now)
        )
        buildings: dict[str, dict[str, Any]] = {}
        blind: set[str] = set()
        resting: set[str] = set()
        for rule in told["rules"]:
            for number, place in enumerate(rule.pop("places"), 1):
                self._put(rule, place, buildings, blind, resting)
                if number % PLACES == 0:
                    yield
        blind.update(one["device"] for one in told["unheard"])
        ordered = sorted(buildings.values(), key=lambda one: (-one["blind"], one["id"] == "", one["id"]))
        troubled = [one for one in ordered if one["places"]]
        for one in troubled:
            del one["places"][max(1, LISTED // len(troubled)) :]
        return {
            "at": now.wall,
            "blind": len(blind) + sum(bool(rule["why"]) and not rule["blind"] for rule in told["rules"]),
            "resting": len(resting - blind),
            "rules": told["rules"],
            "buildings": ordered,
            "unheard": told["unheard"][:SHOWN],
            "unheard_count": len(told["unheard"]),
        }

    def _meet(self) -> Generator[None, None, None]:
        """What was heard before the last restart, and not since, is watched too."""
        critical = [rule for rule in self._book.rules if rule.settings.severity == "critical"]
        globs = {glob for rule in critical for glob in quantities(rule)}
        about = cache(lambda quantity: any(fnmatchcase(quantity, glob) for glob in globs))
        known, heard = self._pipeline.places.devices, self._pipeline.intake.devices
        for number, device in enumerate(list(known), 1):
            keys = [(device, *kind) for kind, track in heard.get(device, {}).items() if track.newest and about(kind[0])]
            meet(self._pipeline.engine, keys)
            if number % PLACES == 0:
                yield

    def _put(
        self,
        rule: dict[str, Any],
        place: dict[str, Any],
        buildings: dict[str, dict[str, Any]],
        blind: set[str],
        resting: set[str],
    ) -> None:
        """``blind``, ``resting``: the devices or places of which something is."""
        places = self._pipeline.places
        path = places.path(place["device"]) if place["device"] else places.space_path(place["space"])
        building = next((one for one in path if one.kind == "building"), path[0] if path else None)
        id = building.id if building else ""
        entry = buildings.get(id)
        if entry is None:
            named = places.space_place(id) if building else None
            entry = buildings[id] = {"id": id, "place": named, "armed": 0, "blind": 0, "resting": 0, "places": []}
        if place["armed"] and not rule["why"]:
            entry["armed"] += 1
            return
        why = rule["why"] or place["why"]
        by_design = all(one["code"] == BY_DESIGN for one in why)
        (resting if by_design else blind).add(place["device"] or place["space"])
        entry["resting" if by_design else "blind"] += 1
        if len(entry["places"]) < SHOWN:
            entry["places"].append(
                {key: place[key] for key in ("device", "quantity", "channel", "space", "place")}
                | {"rule": rule["rule"], "name": rule["name"], "why": why, "resting": by_design}
            )

    def _silenced(self, now: Now) -> Callable[[str, Device | None, str], str]:
        active = [one for one in self._pipeline.telling.silences.values() if one.active(now.wall)]

        def silenced(rule: str, device: Device | None, space: str) -> str:
            if not active:
                return ""
            about = Alert(id="", rule=rule, severity="critical", state="firing", device=device.id if device else "", space=space)
            inside = {one.id for one in self._pipeline.places.space_path(space)} if space else set()
            for one in active:
                if silences.held(about, inside, [one], now.wall):
                    return f"{one.by}: {one.why}"
            return ""

        return silenced


class _Newest:
    """The newest reading of every series, as the intake remembers it."""

    def __init__(self, intake: Intake) -> None:
        self._devices = intake.devices

    def get(self, key: Key, /) -> Reading | None:
        track = self._devices.get(key[0], {}).get(key[1:])
        return None if track is None else track.newest
