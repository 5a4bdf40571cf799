"""A file with one [[rule]]: one that is tried before it goes live."""

from pathlib import Path

from hub.config import document, plugged
from hub.config.problems import ConfigErrors
from hub.config.reader import Reader
from hub.ports import Rule
from hub.quantities import Vocabulary


def read_rule(path: Path, vocabulary: Vocabulary) -> Rule:
    """Checked like those of gengfu.toml. Raises ConfigErrors."""
    return only_rule(document.read(path), vocabulary)


def only_rule(source: document.Document, vocabulary: Vocabulary) -> Rule:
    """The same of a text that was parsed already. Raises ConfigErrors."""
    reader = Reader(source)
    reader.top((), ("rule",))
    items = list(reader.items("rule"))
    if not reader.problems and len(items) != 1:
        reader.wrong(("rule",), "", f"a rule that is tried stands alone: one [[rule]], not {len(items)}")
    rules = plugged.rules(reader, vocabulary)
    if reader.problems:
        raise ConfigErrors(reader.problems)
    id = items[0][1].get("id")
    return next(rule for rule in rules if rule.settings.id == id)
