"""The line of every key: against tables that were rendered with each key's line written down, and against tomllib."""

import tomllib
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config.lines import Path, key_lines, line_of

BY_HAND = '''# a comment with [brackets] and "quotes"
title = "no # comment \\" here" # but here

site.name = 'C:\\path' # dotted
[data]
keep = { energy = "10y", "odd key" = [1, # not in one line
    2, [3,
    4]], fire.smoke = true }
text = """
[site]
x = 1 \\"""
still text"""""
literal = \'\'\'
[[rule]]
\'\'\'

[[rule]] # first
id = "a"
when = 1979-05-27 07:32:00
[rule.scope]
"quantity.name" = 'x'
[[rule]]
id = "b"
  [[rule.step]]
  n = 1
  [[rule.step]]
  n = 2
[rule.scope.deep]
k = -inf
'''

EXPECTED: dict[Path, int] = {
    ("title",): 2,
    ("site",): 4,
    ("site", "name"): 4,
    ("data",): 5,
    ("data", "keep"): 6,
    ("data", "keep", "energy"): 6,
    ("data", "keep", "odd key"): 6,
    ("data", "keep", "odd key", 0): 6,
    ("data", "keep", "odd key", 1): 7,
    ("data", "keep", "odd key", 2): 7,
    ("data", "keep", "odd key", 2, 0): 7,
    ("data", "keep", "odd key", 2, 1): 8,
    ("data", "keep", "fire"): 8,
    ("data", "keep", "fire", "smoke"): 8,
    ("data", "text"): 9,
    ("data", "literal"): 13,
    ("rule",): 17,
    ("rule", 0): 17,
    ("rule", 0, "id"): 18,
    ("rule", 0, "when"): 19,
    ("rule", 0, "scope"): 20,
    ("rule", 0, "scope", "quantity.name"): 21,
    ("rule", 1): 22,
    ("rule", 1, "id"): 23,
    ("rule", 1, "step"): 24,
    ("rule", 1, "step", 0): 24,
    ("rule", 1, "step", 0, "n"): 25,
    ("rule", 1, "step", 1): 26,
    ("rule", 1, "step", 1, "n"): 27,
    ("rule", 1, "scope"): 28,
    ("rule", 1, "scope", "deep"): 28,
    ("rule", 1, "scope", "deep", "k"): 29,
}


def test_counted_by_hand() -> None:
    assert key_lines(BY_HAND) == EXPECTED
    assert key_lines(BY_HAND.replace("\n", "\r\n")) == EXPECTED


def test_the_nearest_thing_around_it() -> None:
    lines = key_lines("[a]\n\n[[b]]\nc = 1\n")
    assert line_of(lines, ("b", 0, "missing", 3)) == 3
    assert line_of(lines, ("nowhere",)) is None


def paths(value: Any, at: Path = ()) -> set[Path]:
    """Every path in what tomllib read."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at} - {()} | {path for step, item in inner for path in paths(item, (*at, step))}


class Writer:
    """Writes a table as TOML in one of many ways, and notes the line of every key as it goes."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {}

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def one_of(self, *choices: str) -> str:
        return str(self.draw(st.sampled_from(choices)))

    def key(self, key: str) -> str:
        bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
        quoted = '"' + "".join(f"\\u{ord(char):04x}" if char in '"\\' else char for char in key) + '"'
        return self.one_of(*[key] * bare, *[f"'{key}'"] * ("'" not in key), quoted)

    def table(self, table: dict[str, Any], at: Path = (), header: str = "") -> None:
        later = [key for key, value in table.items() if self.opens(value)]
        for key, value in table.items():
            if key not in later:
                self.text += self.one_of("", "\n", "# [x] = ' \"\n", "  ")
                self.pair(key, value, at)
                self.text += self.one_of("\n", " # ] } '''\n", "\r\n")
        for key in later:
            value, name = table[key], header + self.one_of("", " ") + self.key(key)
            if isinstance(value, dict):
                self.note((*at, key))
                self.text += f"[{name}]" + self.one_of("\n", " # one\n")
                self.table(value, (*at, key), f"{name}.")
            else:
                for index, item in enumerate(value):
                    self.note((*at, key))
                    self.note((*at, key, index))
                    self.text += f"[[ {name} ]]\n"
                    self.table(item, (*at, key, index), f"{name}.")

    def opens(self, value: Any) -> bool:
        """Whether to give it a [header] of its own."""
        if isinstance(value, list):
            return bool(value) and all(isinstance(item, dict) for item in value) and bool(self.draw(st.booleans()))
        return isinstance(value, dict) and bool(self.draw(st.booleans()))

    def pair(self, key: str, value: Any, at: Path) -> None:
        self.note((*at, key))
        self.text += self.key(key)
        while isinstance(value, dict) and len(value) == 1 and bool(self.draw(st.booleans())):
            at, [(key, value)] = (*at, key), value.items()
            self.note((*at, key))
            self.text += self.one_of(".", " . ") + self.key(key)
        self.text += self.one_of("=", " = ")
        self.value(value, (*at, key))

    def value(self, value: Any, at: Path) -> None:
        if isinstance(value, dict):
            self.text += "{ "
            for index, (key, item) in enumerate(value.items()):
                self.text += ", " * bool(index)
                self.pair(key, item, at)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for index, item in enumerate(value):
                self.text += self.one_of("", "\n", " # ], \n\n", "\t")
                self.note((*at, index))
                self.value(item, (*at, index))
                self.text += self.one_of(",", " ,", "\n,")
            self.text += self.one_of("", "\n") + "]"
        else:
            self.text += self.scalar(value)

    def scalar(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            return str(value)
        basic = "".join(f"\\u{ord(char):04x}" if char in '"\\\n' else char for char in value)
        plain = "'" not in value and "\n" not in value
        multi = "".join(f"\\u{ord(char):04x}" if char in '"\\' else char for char in value)
        raw = value.replace("'", "")
        return self.one_of(f'"{basic}"', *[f"'{value}'"] * plain, f'"""{multi}"""', f'"""\n{multi}\\"""""', f"'''\n{raw}'''")


texts = st.text(alphabet="a[]{}=#,.\"'\\\n云 ", max_size=8)
names = st.sampled_from(["id", "a-b", "rule", "1"]) | st.text(alphabet="a.#[]=\"' 云\\", max_size=4)
scalars = st.booleans() | st.integers(-9, 9) | texts
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
tables = st.dictionaries(names, nested | st.lists(st.dictionaries(names, nested, max_size=3), min_size=1, max_size=3), max_size=4)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), table=tables)
def test_against_what_was_written(data: st.DataObject, table: dict[str, Any]) -> None:
    writer = Writer(data.draw)
    writer.table(table)
    read = tomllib.loads(writer.text)
    assert set(writer.lines) == paths(read), writer.text
    assert key_lines(writer.text) == writer.lines, writer.text


def test_an_empty_text() -> None:
    assert key_lines("") == {}
