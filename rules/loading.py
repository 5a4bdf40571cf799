"""Makes rules out of tables, such as those of gengfu.toml, and loads the ones that are on by default."""

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from hub import plugins
from hub.ports import Rule
from hub.quantities import UnknownWord, Vocabulary
from rules.contract import complete

DEFAULTS = Path(__file__).with_name("defaults.toml")


def build(kind: str, table: dict[str, Any], vocabulary: Vocabulary | None = None) -> Rule:
    """A rule of that kind; ``table`` holds its settings without the kind.

    Raises UnknownWord for a kind, or with a vocabulary a quantity, that does not exist, with the nearest one that does, and
    pydantic's ValidationError for wrong settings; ValueError for a kind that lacks what the engine asks of it."""
    kinds = plugins.find("rules")
    if kind not in kinds:
        raise UnknownWord("kind of rule", kind, kinds)
    plugin = kinds[kind]
    rule: Rule = plugin(plugin.Settings.model_validate(table))
    complete(rule)
    if vocabulary is not None:
        names = [quantity.name for quantity in vocabulary]
        for glob in quantities(rule):
            if not any(fnmatchcase(name, glob) for name in names):
                raise UnknownWord("quantity", glob, names)
    return rule


def conditions(rule: Rule) -> Sequence[Rule]:
    """What looks at readings: the conditions of a rule that has several, else the rule itself."""
    return getattr(rule, "leaves", None) or (rule,)


def quantities(rule: Rule) -> list[str]:
    """The globs over quantities that it looks at: its own, or those of its conditions."""
    return [one.settings.quantity for one in conditions(rule)]


def load_defaults(vocabulary: Vocabulary | None = None) -> list[Rule]:
    """The rules that are on without any configuration, in the order of their file."""
    return [
        build(table["kind"], {key: value for key, value in table.items() if key != "kind"}, vocabulary)
        for table in default_tables()
    ]


@cache
def default_tables() -> list[dict[str, Any]]:
    """The same as tables, with their ``kind``: what a site may repeat with other values."""
    tables: list[dict[str, Any]] = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))["rule"]
    return tables
