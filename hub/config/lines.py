"""On which line each key of a TOML text stands; tomllib does not tell.

Reads text that tomllib has already found valid, so it only has to know where things begin and end.
"""

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
"""Keys and list positions from the top: ``("rule", 0, "threshold")``."""

_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def key_lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every key, table and list item of a valid TOML text."""
    return _Scanner(text).document()


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of the nearest thing around it that is in the text."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.repeated: dict[Path, int] = {}  # [[tables]]: how many so far

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_BETWEEN)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text.startswith("[", self.at):
                table = self.header(1)
            else:
                self.pair(table)
            self.skip(_BETWEEN)
        return self.lines

    def header(self, brackets: int) -> Path:
        line = self.line()
        self.at += brackets
        keys = self.dotted_key()
        self.at += brackets
        path: Path = ()
        for key in keys[:-1]:
            self.lines.setdefault((*path, key), line)
            path = self.newest((*path, key))
        path = (*path, keys[-1])
        if brackets == 2:
            self.lines.setdefault(path, line)
            self.repeated[path] = self.repeated.get(path, 0) + 1
            path = self.newest(path)
        self.lines[path] = line
        return path

    def newest(self, path: Path) -> Path:
        """The last element, where ``path`` is a list of [[tables]]."""
        return (*path, self.repeated[path] - 1) if path in self.repeated else path

    def pair(self, table: Path) -> None:
        line = self.line()
        path = table
        for key in self.dotted_key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the =
        self.skip(_BLANK)
        self.value(path)

    def value(self, path: Path) -> None:
        first = self.text[self.at]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        elif first in "\"'":
            self.skip(_STRING)
        else:
            self.skip(_SCALAR)

    def array(self, path: Path) -> None:
        self.at += 1
        self.skip(_BETWEEN)
        index = 0
        while self.text[self.at] != "]":
            self.lines[(*path, index)] = self.line()
            self.value((*path, index))
            index += 1
            self.comma()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        self.skip(_BETWEEN)
        while self.text[self.at] != "}":
            self.pair(path)
            self.comma()
        self.at += 1

    def comma(self) -> None:
        self.skip(_BETWEEN)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BETWEEN)

    def dotted_key(self) -> list[str]:
        """One key or several joined by dots, with the blanks around them."""
        keys: list[str] = []
        while True:
            self.skip(_BLANK)
            keys.append(self.key())
            self.skip(_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def key(self) -> str:
        first = self.text[self.at]
        if first == "'":
            return self.skip(_STRING)[1:-1]
        if first == '"':
            return str(tomllib.loads(f"key = {self.skip(_QUOTED)}")["key"])
        return self.skip(_BARE)

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if not match:
            raise AssertionError(f"line {self.line()}: tomllib takes it, we do not: {self.text[self.at : self.at + 20]!r}")
        self.at = match.end()
        return match[0]

    def line(self) -> int:
        return bisect_right(self.breaks, self.at - 1) + 1 if self.at else 1
