"""Why a rule did or did not fire, and which critical rules could not fire now. Part of ``hub.web.rules.Rulebook``."""

import asyncio
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from hub.config import Config
from hub.glance import Glance
from hub.model import DRILL_DEVICE, Alert, Device, Now, Reading, quality_names
from hub.pipeline import Pipeline
from hub.queries import Here, Queries
from hub.records import RecordsReader
from hub.records_ticks import read_ticks
from hub.rulebook.book import Book
from hub.said import sentence
from hub.telling import silences
from hub.web.view import NotFound, Refused
from hub.why import BACK, Past, tables, why_then
from rules.armed import armed
from rules.edit import AT_ONCE, meet
from rules.explain import explain
from rules.loading import quantities

JUST_NOW = 5_000
"""ms for which a moment is now."""
GOOD_FOR = 60.0
"""Seconds for which the armed map is not worked out again."""
SHOWN = 300
"""Blind places of one building that are listed; the rest is counted."""
BY_DESIGN = "out_of_hours"

Recorded = Callable[..., Any]


class Watching:
    """``recorded`` asks the records in a thread of their own."""

    def __init__(
        self,
        config: Config,
        book: Book,
        pipeline: Pipeline,
        glance: Glance,
        records: RecordsReader,
        recorded: Recorded,
        queries: Here | Queries,
        clock: Callable[[], Now],
    ) -> None:
        self._config = config
        self._book = book
        self._pipeline = pipeline
        self._glance = glance
        self._records = records
        self._recorded = recorded
        self._queries = queries
        self._clock = clock
        self._map: tuple[float, dict[str, Any]] | None = None

    async def why(self, device: str, at: int | None) -> dict[str, Any]:
        """Of a device, now or at a moment in the past, ms."""
        now = self._clock()
        places = self._pipeline.places
        newest = self._glance.latest(device)
        if places.device(device) is None and not newest:
            raise NotFound(sentence("no_device", id=device))
        if at is not None and at > now.wall + JUST_NOW:
            raise Refused(sentence("not_yet"))
        if at is None or at > now.wall - JUST_NOW:
            told = explain(
                self._pipeline.engine, self._book.rules, device, now, {(one.quantity, one.channel): one for one in newest}
            )
            told["readings"] = [_reading(one) for one in sorted(newest, key=lambda one: -(one.time or 0))]
            return told | {"place": places.place(device), "live": True}
        past = Past(
            device=device,
            at=at,
            rules=tables(self._book.rules),
            devices=tuple(places.devices.values()),
            spaces=tuple(places.spaces.values()),
            vocabulary=self._config.vocabulary,
            calendar=self._config.calendar,
            ticks=tuple(await self._recorded(read_ticks, self._records, at - BACK, at + 1)),
        )
        then: dict[str, Any] = await self._queries.ask(why_then, past)
        return then | {"place": places.place(device), "live": False}

    async def armed(self) -> dict[str, Any]:
        """The armed map by building, at most GOOD_FOR seconds old."""
        now = self._clock()
        if self._map is None or not 0 <= now.monotonic - self._map[0] < GOOD_FOR:
            await self._meet()
            self._map = now.monotonic, self._made(now)
        return self._map[1]

    async def _meet(self) -> None:
        """What was heard before the last restart, and not since, is watched too; a few at a time, for alarms come first."""
        critical = [rule for rule in self._book.rules if rule.settings.severity == "critical"]
        globs = {glob for rule in critical for glob in quantities(rule)}
        keys = [
            (one.device, one.quantity, one.channel)
            for device in list(self._pipeline.places.devices)
            for one in self._glance.latest(device)
            if any(fnmatchcase(one.quantity, glob) for glob in globs)
        ]
        for start in range(0, len(keys), AT_ONCE):
            meet(self._pipeline.engine, keys[start : start + AT_ONCE])
            await asyncio.sleep(0)

    def _made(self, now: Now) -> dict[str, Any]:
        places = self._pipeline.places
        devices = [one for one in places.devices.values() if one.id != DRILL_DEVICE]
        latest: Mapping[tuple[str, str, str], Reading] = {
            (one.device, one.quantity, one.channel): one for device in devices for one in self._glance.latest(device.id)
        }
        told = armed(
            self._pipeline.engine, self._book.rules, places, now, devices, places.spaces.values(), latest, self._silenced
        )
        buildings: dict[str, dict[str, Any]] = {}
        blind: set[str] = set()
        resting: set[str] = set()
        for rule in told["rules"]:
            for place in rule.pop("places"):
                path = places.path(place["device"]) if place["device"] else places.space_path(place["space"])
                building = next((one for one in path if one.kind == "building"), path[0] if path else None)
                entry = buildings.setdefault(
                    building.id if building else "",
                    {"id": building.id if building else "", "place": places.space_place(building.id) if building else None}
                    | {"armed": 0, "blind": 0, "resting": 0, "places": []},
                )
                if place["armed"] and not rule["why"]:
                    entry["armed"] += 1
                    continue
                why = rule["why"] or place["why"]
                by_design = all(one["code"] == BY_DESIGN for one in why)
                (resting if by_design else blind).add(place["device"] or place["space"])
                entry["resting" if by_design else "blind"] += 1
                if len(entry["places"]) < SHOWN:
                    entry["places"].append(
                        {key: place[key] for key in ("device", "quantity", "channel", "space", "place")}
                        | {"rule": rule["rule"], "name": rule["name"], "why": why, "resting": by_design}
                    )
        blind.update(one["device"] for one in told["unheard"])
        ordered = sorted(buildings.values(), key=lambda one: (-one["blind"], one["id"] == "", one["id"]))
        return {
            "at": now.wall,
            "blind": len(blind) + sum(bool(rule["why"]) and not rule["blind"] for rule in told["rules"]),
            "resting": len(resting - blind),
            "rules": told["rules"],
            "buildings": ordered,
            "unheard": told["unheard"][:SHOWN],
            "unheard_count": len(told["unheard"]),
        }

    def _silenced(self, rule: str, device: Device | None, space: str) -> str:
        wall = self._clock().wall
        active = [one for one in self._pipeline.telling.silences.values() if one.active(wall)]
        if not active:
            return ""
        about = Alert(id="", rule=rule, severity="critical", state="firing", device=device.id if device else "", space=space)
        inside = {one.id for one in self._pipeline.places.space_path(space)} if space else set()
        for one in active:
            if silences.held(about, inside, [one], wall):
                return f"{one.by}: {one.why}"
        return ""


def _reading(one: Reading) -> dict[str, Any]:
    return {
        "quantity": one.quantity, "channel": one.channel, "value": one.value, "time": one.time, "received_at": None,
        "quality": quality_names(one.quality),
    }  # fmt: skip
