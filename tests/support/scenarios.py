"""Plays the stories of tests/scenarios/*.toml; tests/rules/test_scenarios.py tells how they are written."""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub import rehearsal
from hub.calendar import Calendar
from hub.directory import Places
from hub.model import Device, Space
from hub.ports import Rule
from hub.quantities import Quantity, Vocabulary, duration_ms
from hub.rehearsal import START, WrongStory, act
from rules import build, load_defaults

__all__ = ["START", "VOCABULARY", "Player", "WrongStory", "play", "stories"]

VOCABULARY = Vocabulary([Quantity("bench.level", "1", "gauge", 0, 1e6, "device", "level", "水平")])


def stories(path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(name, scenario, file) of each scenario of a file."""
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    for scenario in file["scenario"]:
        yield scenario["name"], scenario, file


class Player(rehearsal.Player):
    """With the rules, places and times of a scenario and its file."""

    def __init__(self, scenario: dict[str, Any], file: dict[str, Any]) -> None:
        self.tables = scenario.get("rules", [scenario["rule"]] if "rule" in scenario else [])
        self.defaults = scenario.get("defaults", [])
        site = {**file, **scenario}
        zone = ZoneInfo(site.get("zone", "Asia/Shanghai"))
        begins = site.get("begins")
        super().__init__(
            self._made,
            Places(
                [Space(**space) for space in file.get("space", [])],
                [Device(**device) for device in file.get("device", [])],
            ),
            VOCABULARY,
            Calendar(
                zone, **{name: [date.fromisoformat(day) for day in days] for name, days in site.get("calendar", {}).items()}
            ),
            scenario.get("quantity", self.tables[0].get("quantity", "") if self.tables else ""),
            scenario.get("device", "bench:1"),
            round(datetime.fromisoformat(begins).replace(tzinfo=zone).timestamp() * 1000) if begins else START,
            duration_ms(site.get("tick", "250ms")),
        )

    def _made(self) -> list[Rule]:
        rules = [rule for rule in load_defaults(VOCABULARY) if rule.settings.id in self.defaults]
        for table in self.tables:
            settings = {key: value for key, value in table.items() if key != "kind"}
            rules.append(build(table["kind"], {"id": table["kind"], **settings}, VOCABULARY))
        return rules


def play(scenario: dict[str, Any], file: dict[str, Any]) -> Player:
    """Raises WrongStory with the line where the engine did something else."""
    player = Player(scenario, file)
    rules = [*player.defaults, *(table.get("id", table["kind"]) for table in player.tables)]
    act(player, scenario["story"], rules[0])
    return player
