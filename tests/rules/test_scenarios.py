"""Every kind of rule has its stories in tests/scenarios/KIND.toml. They can be read, and written, without knowing Python.

A scenario names a rule as gengfu.toml does (or the default rules it is about) and tells a story, one line a moment:

    10s   reads 510               => pending
    70s   waits                   => firing

At the left the time since the story began; then what happens; behind the arrow what the hub must say because of it, in
order, separated by commas. Nothing behind a line means that the hub must say nothing. `waits` says that it speaks by itself,
within the second before. Where days matter a scenario, or its file, says when it `begins`, in which `zone` (Asia/Shanghai if it
does not say), with which `calendar`; its lines may then name the site's own time: `22:00` is when it next is that late,
`fri 22:00` when it next is on a Friday. A longer `tick` makes a story of weeks short.

What can happen:
    reads 510                     a reading of the scenario's quantity, with the time of the device
    reads 510 every 10s until 2min
    reads 1 of fire.smoke by zigbee:2
    reads 510 on night            of a channel with that name
    reads 510 at 5s               its device time is 5 s: it comes late ("at -1h": from before the story)
    reads 510 number 7            with a sequence number
    reads 510 undated             without a device time
    reads 1 undated retained      a retained message, as after a reconnect
    reads 1 undated redelivered   a message the broker has sent before
    reads 1 flagged test_mode     with a quality flag
    waits                         nothing happens
    restarts after 30s            the hub is killed and back 30 s later; it saved its state every 10 s, its alerts at once
    restarts after 30s forgetting the same, but only its alerts are left
    clock jumps 1h                the hub's wall clock; the devices' clocks stay right. "-1h" is back
    li acknowledges · li resolves: why
    zigbee:2 moves to hall

What the hub can say: pending, firing, firing stale (verify), confirmed, again (the same event once more), silent, heard,
acknowledged by li, resolved, resolved by li, dropped (it was pending and has not held). With more than one rule, the words
of all but the first have the rule's id before them: `fire-silent: firing`.
"""

from pathlib import Path
from typing import Any

import pytest

import rules
from hub import plugins
from rules.loading import default_tables
from tests.support.scenarios import WrongStory, play, stories

FOLDER = Path(__file__).parents[1] / "scenarios"
ALL = [(path.stem, *story) for path in sorted(FOLDER.glob("*.toml")) for story in stories(path)]


@pytest.mark.parametrize(
    ("scenario", "file"), [(scenario, file) for _, _, scenario, file in ALL], ids=[f"{stem}: {name}" for stem, name, _, _ in ALL]
)
def test_story(scenario: dict[str, Any], file: dict[str, Any]) -> None:
    play(scenario, file)


def test_every_kind_has_its_stories() -> None:
    assert rules.load_defaults()
    missing = set(plugins.find("rules")) - {path.stem for path in FOLDER.glob("*.toml")}
    assert not missing, f"kinds of rule without tests/scenarios/KIND.toml: {sorted(missing)}"


def test_every_default_rule_has_a_story() -> None:
    told = {id for _, _, scenario, _ in ALL for id in scenario.get("defaults", [])}
    missing = {table["id"] for table in default_tables()} - told
    assert not missing, f"default rules that no story in tests/scenarios/defaults.toml is about: {sorted(missing)}"


def test_a_wrong_story_is_noticed() -> None:
    rule = {"kind": "above", "quantity": "bench.level", "threshold": 500}
    for story in ("0s reads 510", "0s reads 490 => firing", "0s reads 510 => pending", "0s sings"):
        with pytest.raises(WrongStory):
            play({"rule": rule, "story": story}, {})
