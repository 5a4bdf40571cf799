"""Plays every story of tests/telling/*.toml: who is told, why and when, on a clock of the test's own.

A file has spaces, devices, people, duties and ladders, as gengfu.toml has them; a story may bring its own instead. It begins
on Wednesday 2026-10-14 at 10:00 in Shanghai unless it says ``begins``. Each step is one line:

    "2min  hall is acknowledged by li  => wang escalated, li repeat"

the time since the beginning, what happens then (or nothing), and all who have been told since the line before, each with the
reason. A line without "=>" or with "=> nobody" says that nobody was told: too much is as wrong as too little. What happens:

    DEVICE fires [as SEVERITY] [of QUANTITY] [rule RULE] [flagged test]      (critical smoke, if nothing is said)
    DEVICE resolves | DEVICE is acknowledged by PERSON | DEVICE is in test for 1h
    silence KEY=GLOB for 1h [with SECOND]      by rule, device, space, quantity or severity
    restart | restart after 10min (down)  | clock jumps 1h      (the wall clock alone)
    NOTIFIER fails (every notice is given up at once)  |  NOTIFIER hangs

A number after "joined" is how many alerts that notice speaks of.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.tellings import Player, stories

FILES = sorted((Path(__file__).parents[1] / "telling").glob("*.toml"))
STORIES = [pytest.param(story, file, id=f"{path.stem}: {name}") for path in FILES for name, story, file in stories(path)]


@pytest.mark.parametrize(("story", "file"), STORIES)
def test_story(story: dict[str, Any], file: dict[str, Any]) -> None:
    player = Player(story, file)
    for line in story["steps"]:
        player.play(line)
