"""Rules out of tables: what is refused, and in which words."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import rules
from hub import plugins
from hub.cli.kinds import kinds
from hub.cli.shown import Sorry
from hub.config import ConfigErrors, load
from hub.quantities import UnknownWord
from rules import above
from tests.support.scenarios import VOCABULARY

GOOD = {"id": "level-high", "quantity": "bench.level", "threshold": 500}


@pytest.mark.parametrize(
    ("kind", "table", "words"),
    [
        ("abov", GOOD, 'unknown kind of rule "abov"; did you mean "above"?'),
        ("above", GOOD | {"quantity": "bench.levl"}, 'unknown quantity "bench.levl"; did you mean "bench.level"?'),
        ("state", {"id": "x", "quantity": "fir.*"}, 'unknown quantity "fir.*"'),
        ("above", GOOD | {"treshold": 1}, "treshold"),
        ("above", {"id": "x", "quantity": "bench.level"}, "threshold"),
        ("above", GOOD | {"clear": 600}, "clear (600) must not be above the threshold (500)"),
        ("below", GOOD | {"clear": 400}, "clear (400) must not be below the threshold (500)"),
        ("above", GOOD | {"hold_for": "10 minutes"}, '"10 minutes" is not a duration'),
        ("above", GOOD | {"severity": "fatal"}, "severity"),
        ("above", GOOD | {"id": "Level High"}, "id"),
        ("above", GOOD | {"threshold": float("nan")}, "threshold"),
        ("state", {"id": "x", "quantity": "fire.smoke", "is": 1, "is_not": 0}, "either is or is_not"),
        ("rate", GOOD | {"threshold": 0}, "a rate of 0 is no change"),
        ("rate", GOOD | {"per": "0s"}, "per"),
        ("silent", {"id": "x", "quantity": "*", "times": 1}, "times"),
        ("silent", {"id": "x", "quantity": "*", "at_least": "2h", "at_most": "1h"}, "at_least must not be longer"),
        ("flagged", {"id": "x", "quantity": "*", "flags": ["odd"]}, "flags"),
        ("flagged", {"id": "x", "quantity": "*", "flags": []}, "flags"),
        ("above", GOOD | {"name": {"de": "hoch"}}, "name"),
        ("above", GOOD | {"during": {"hours": "22-6"}}, '"22-6" are no hours'),
        ("above", GOOD | {"threshold": {"profil": "rated_power"}}, "profil"),
        ("silent", {"id": "x", "quantity": "*", "channel": "a"}, "leave channel out"),
        ("silent", {"id": "x", "quantity": "fire.*", "never_heard": True}, 'write quantity = "*"'),
        ("stuck", {"id": "x", "quantity": "*", "same_for": "0s"}, "same_for"),
        ("stuck", {"id": "x", "quantity": "*", "at_least": 1}, "at_least"),
        ("count", {"id": "x", "quantity": "*", "times": 3, "of": 2}, "of the last 2 readings, 3 cannot be it"),
        ("count", {"id": "x", "quantity": "*", "above": 1, "below": 0}, "give one of is, above and below"),
        ("count", {"id": "x", "quantity": "*", "clear": 2}, "clear (2) must be less than times (2)"),
        ("count", {"id": "x", "quantity": "*", "of": 5, "changes": True}, "either of or changes"),
        ("window", GOOD, "over"),
        ("window", GOOD | {"over": "1h", "of": "median"}, "of"),
        ("window", GOOD | {"over": "1h", "clear": 600}, "clear (600) must not be above the threshold (500)"),
        ("window", GOOD | {"over": "1h", "side": "below", "clear": 400}, "clear (400) must not be below"),
        ("budget", GOOD | {"every": "week"}, "every"),
        ("budget", GOOD | {"threshold": -1}, "never negative"),
        ("rate", GOOD | {"clear": 600}, "clear (600) must not be above the threshold (500)"),
        ("rate", GOOD | {"threshold": -5, "clear": -6}, "clear (-6) must not be below the threshold (-5)"),
    ],
)
def test_a_wrong_rule_is_refused_in_words(kind: str, table: dict[str, Any], words: str) -> None:
    with pytest.raises((UnknownWord, ValidationError), match=re.escape(words)):
        rules.build(kind, table, VOCABULARY)


@pytest.mark.parametrize("kind", sorted(plugins.find("rules")))
def test_the_sample_on_a_kinds_manual_page_loads(kind: str) -> None:
    page = plugins.find("rules")[kind].__doc__ or ""
    (sample,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (table,) = tomllib.loads(re.sub(r"^    ", "", sample, flags=re.MULTILINE))["rule"]
    assert table.pop("kind") == kind
    rule = rules.build(kind, table, VOCABULARY)
    assert set(rule.words(VOCABULARY["bench.level"])) == {"en", "zh"}


def test_a_kind_that_lacks_what_the_engine_asks_is_refused_before_it_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it is stopped at its first breach, and that breach raises no alert."""
    file = tmp_path / "zz_between.py"
    text = (
        Path(above.__file__).read_text(encoding="utf-8").replace('"above"', '"between"').replace("class Above:", "class Between:")
    )
    file.write_text(text.replace("self.threshold = limits.number(settings.threshold)", "pass"), encoding="utf-8")
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    plugins.find.cache_clear()
    try:
        lacks = 'the kind "between" cannot be used: rules.zz_between.Between has no threshold; .* hub/ports.py, ReadingRule'
        with pytest.raises(ValueError, match=lacks):
            rules.build("between", GOOD)
        with pytest.raises(ValidationError, match=lacks):
            rules.build(
                "together", {"id": "x", "each": "device", "all": [{"kind": "between", "quantity": "bench.level", "threshold": 5}]}
            )
        config = tmp_path / "gengfu.toml"
        config.write_text('[[rule]]\nid = "b"\nkind = "between"\nquantity = "air.co2"\nthreshold = 5\n', encoding="utf-8")
        with pytest.raises(ConfigErrors, match=lacks):
            load(config)
        with pytest.raises(Sorry, match=lacks):
            kinds("between")
    finally:
        sys.modules.pop("rules.zz_between", None)
        plugins.find.cache_clear()


@pytest.mark.parametrize("kind", sorted(plugins.find("rules")))
def test_every_setting_is_described(kind: str) -> None:
    fields = plugins.find("rules")[kind].Settings.model_fields
    assert not [name for name, field in fields.items() if not field.description]


def test_the_default_rules_are_named_in_both_languages_and_their_quantities_exist() -> None:
    loaded = rules.load_defaults(VOCABULARY)
    assert all(set(rule.settings.name) == {"en", "zh"} for rule in loaded)
    assert len({rule.settings.id for rule in loaded}) == len(loaded)
