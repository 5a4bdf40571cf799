"""One rule as TOML: written, and read with every mistake at its field. The same checks as ``gengfu check``."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.config import document, plugged
from hub.config.lines import Path, line_of
from hub.config.problems import ConfigErrors
from hub.config.reader import Reader
from hub.config.rule_tests import RuleTest, rule_tests
from hub.ports import Rule
from hub.quantities import Vocabulary

FIRST = ("id", "kind", "name", "severity", "quantity", "device", "space", "channel", "vendor", "model", "tag")
"""The order in which a rule is written; what it does not name follows as it came."""
FRAGMENT = "$toml"
"""The key of a form's field that holds a value as it stands behind the = of a TOML file."""
LONGEST = 40_000
"""Characters of a rule, its stories included."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Fault(Struct, frozen=True):
    """``field``: the setting it is about, "" for the whole; ``line`` of the text, from 1."""

    field: str
    line: int | None
    message: str


class Checked(Struct, frozen=True):
    """``rule`` None: something is wrong. ``table``: the rule as far as it can be read."""

    rule: Rule | None
    tests: tuple[RuleTest, ...]
    table: dict[str, Any]
    faults: tuple[Fault, ...]


class _Reader(Reader):
    """Remembers at which field a mistake was made."""

    def __init__(self, source: document.Document) -> None:
        super().__init__(source)
        self.faults: list[Fault] = []

    def wrong(self, path: Path, key: str, message: str) -> None:
        super().wrong(path, key, message)
        field = str(path[2]) if len(path) > 2 and path[0] == "rule" else ""
        fault = Fault(field, line_of(self.document.lines, path), message)
        if fault not in self.faults:
            self.faults.append(fault)


def check(text: str, vocabulary: Vocabulary, zone: ZoneInfo, id: str = "") -> Checked:
    """``id``: what the rule must be called; "" for any name."""
    if len(text) > LONGEST:
        return Checked(None, (), {}, (Fault("", None, f"a rule is no longer than {LONGEST:,} characters"),))
    try:
        source = document.parse(text, "rule")
    except ConfigErrors as errors:
        return Checked(None, (), {}, tuple(Fault("", one.line, one.message) for one in errors.problems))
    reader = _Reader(source)
    reader.top((), ("rule",))
    items = [item for _, item in reader.items("rule")]
    table = dict(items[0]) if items else {}
    if len(items) != 1 and not reader.faults:
        reader.wrong(("rule",), "", f"one [[rule]] is edited at a time, not {len(items)}")
    if id and table.get("id") != id:
        reader.wrong(("rule", 0, "id"), "", f'the id stays "{id}": another id is another rule')
    rules = plugged.rules(reader, vocabulary)
    tests = rule_tests(reader, zone)
    if reader.faults or reader.problems:
        return Checked(None, (), table, tuple(sorted(reader.faults, key=lambda one: one.line or 0)))
    rule = next(one for one in rules if one.settings.id == table["id"])
    return Checked(rule, tests, table, ())


# --- writing ----------------------------------------------------------------------------------------------------------


def write(table: Mapping[str, Any]) -> str:
    """The text of one [[rule]], its stories below it. ``table`` as it stands in a file; what a form wrote as a fragment stands as
    it was written, or, where that is no TOML, as the text it is."""
    names = [name for name in FIRST if name in table] + [name for name in table if name not in (*FIRST, "test")]
    lines = ["[[rule]]", *(f"{_key(name)} = {value(table[name])}" for name in names)]
    for test in table.get("test", ()):
        lines += ["", "[[rule.test]]", *(f"{_key(name)} = {value(given)}" for name, given in test.items())]
    return "\n".join(lines) + "\n"


def value(given: Any) -> str:
    """As it stands behind the =. Raises TypeError for what TOML does not have."""
    if isinstance(given, Mapping):
        if FRAGMENT in given:
            return _fragment(str(given[FRAGMENT]))
        inside = ", ".join(f"{_key(name)} = {value(inner)}" for name, inner in given.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(given, str):
        return _text(given)
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return _number(given)
    if isinstance(given, list | tuple):
        return _list([value(one) for one in given])
    raise TypeError(f"TOML has nothing like {given!r}")


def _fragment(text: str) -> str:
    """What somebody wrote into a field, if it is one value and nothing more."""
    text = text.strip()
    try:
        if list(tomllib.loads(f"x = {text}")) == ["x"]:
            return text
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        pass
    return _text(text)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _text(text: str) -> str:
    if "\n" in text and "'''" not in text and not text.endswith("'") and _plain(text):
        return f"'''\n{text}'''"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


def _number(given: float) -> str:
    if isinstance(given, float) and given.is_integer() and abs(given) < 1e15:
        return str(int(given))
    return repr(given)


def _list(parts: list[str]) -> str:
    flat = f"[{', '.join(parts)}]"
    if len(flat) <= 100 or not parts:
        return flat
    return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
