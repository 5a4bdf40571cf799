"""Rules carry their own stories; ``gengfu check`` plays them and says which line went another way."""

from pathlib import Path

import pytest

from tests.support.asking import Ask, ask, sentence

__all__ = ["ask"]

RULE = """
[[space]]
id = "3-5f"
name = "5层"
kind = "floor"

[[quantity]]
name = "bench.level"

[[rule]]
id = "level-high"
kind = "above"
quantity = "bench.level"
device = "bench:*"
space = "3-*"
threshold = 500
hold_for = "1min"

[[rule.test]]
name = "a minute above is told"
story = '''
10s   reads 510     => pending
70s   waits         => firing
80s   reads 400     => resolved
'''
"""
TOGETHER = """
[[rule]]
id = "fire"
kind = "together"
each = "floor"
all = [{ kind = "state", quantity = "fire.smoke" }, { kind = "above", quantity = "air.temperature", threshold = 57 }]
[[rule.test]]
device = "zigbee:1"
story = '''
0s  reads 1
1s  reads 60 of air.temperature   => firing
'''
[[device]]
id = "zigbee:1"
space = "3-5f"
"""
NIGHT = """
[[rule]]
id = "door"
kind = "state"
quantity = "door.open"
during = { hours = "22:00-06:00" }
[[rule.test]]
begins = "2026-10-01T21:00"
story = '''
0s     reads 1 every 10min until 21:50
22:00  waits   => firing
'''
"""


def written(folder: Path, text: str) -> None:
    (folder / "gengfu.toml").write_text(text)


def test_stories_that_hold_are_counted(tmp_path: Path, ask: Ask) -> None:
    written(tmp_path, RULE + TOGETHER)
    code, said, complained = ask("check")
    assert code == 0, complained
    assert "2 stories of rules" in said


def test_the_line_that_went_another_way_is_told(tmp_path: Path, ask: Ask) -> None:
    written(tmp_path, RULE.replace("70s   waits ", "60s   waits "))
    said = sentence(ask("check"))
    line = RULE.split("[[rule.test]]")[0].count("\n") + 1
    assert said.startswith(f'gengfu.toml line {line}, rule level-high, test "a minute above is told": “60s   waits')
    assert "expected firing, but it said nothing" in said


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("reads 510", "sings", 'nobody knows how to do "sings"'),
        ("reads 510", "reads high", "high"),
        ("10s ", "soon ", '"soon" is not a duration'),
        ("80s ", "900d ", "too far ahead"),
        ("story =", "stroy =", 'unknown key "stroy"; did you mean "story"?'),
        ("[[rule.test]]", "[rule.test]", "write each as [[rule.test]]"),
        ('name = "a minute', 'begins = "noon"\nname = "a minute', '"noon" is no moment'),
    ],
)
def test_a_story_that_cannot_be_played_says_why(tmp_path: Path, ask: Ask, was: str, now: str, says: str) -> None:
    written(tmp_path, RULE.replace(was, now, 1))
    assert says in sentence(ask("check"))


def test_a_story_may_begin_at_an_hour_of_the_site(tmp_path: Path, ask: Ask) -> None:
    written(tmp_path, NIGHT)
    code, said, complained = ask("check")
    assert code == 0, complained
    assert "1 story of a rule" in said
