"""A TOML file as data, with the line of every key; what cannot be read is said in plain words."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.config.lines import Path as KeyPath
from hub.config.lines import key_lines, line_of
from hub.config.problems import ConfigErrors, Problem


class Document(Struct, frozen=True):
    """A parsed file. ``name`` is what messages call it."""

    name: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def problem(self, path: KeyPath, key: str, message: str) -> Problem:
        return Problem(line_of(self.lines, path), one_line(key), one_line(message), self.name)


def one_line(text: str) -> str:
    """What stands in a file may hold line breaks and a terminal's commands: shown as \\n and \\x1b."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


# tomllib's message -> what a person can do about it
_PLAIN = (
    ("Expected '=' after a key", 'after the key comes "=" and its value, like name = "value"'),
    ("Invalid value", 'this is no TOML value: texts stand in quotes ("like this"), numbers, true and false do not'),
    ("Expected newline or end of document", "one key a line: something follows the value that does not belong there"),
    ("Unterminated string", "a text is not closed: its last quote is missing"),
    ("Illegal character '\\n'", "a text is not closed on its line: its last quote is missing"),
    ("Illegal character", "a control character: take it out"),
    ('Expected \'"""\'', "a text in three quotes is not closed"),
    ('Expected "\'"', "a text is not closed: its last quote is missing"),
    ("Expected \"'''\"", "a text in three quotes is not closed"),
    ("Unclosed array", "a list is not closed, or a comma is missing in it: write [ 1, 2 ]"),
    ("Unclosed inline table", "a { table } is not closed, or a comma is missing in it; it may not span several lines"),
    ("Expected ']]'", "a [[table]] in two brackets must be closed by two"),
    ("Expected ']'", "a [table] must be closed by its bracket"),
    ("Unescaped '\\'", "a backslash in a text is written twice, or put the text into 'single quotes'"),
    ("Invalid hex value", "\\u wants four hexadecimal digits, \\U eight"),
    ("Escaped character is not", "\\u and \\U name a character that does not exist"),
    ("Cannot overwrite a value", "this key is given twice: keep one"),
    ("Duplicate inline table key", "this key is given twice: keep one"),
    ("Invalid date or datetime", "there is no such date or time"),
    ("Invalid initial character", "a key is made of letters, digits, - and _; put any other into quotes"),
    ("Invalid statement", 'a line is a [table], a key = "value" or a # comment'),
    ("Found invalid character", "a control character: take it out"),
)
_POSITION = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)$")
_TWICE = re.compile(r"(?:Cannot declare|Cannot mutate immutable namespace|Cannot redefine namespace) \((.*?),?\)")


def read(path: Path) -> Document:
    """Reads and parses. Raises ConfigErrors."""
    return parse(_text(path), path.name)


def parse(text: str, name: str = "gengfu.toml") -> Document:
    """Raises ConfigErrors for what is not TOML."""
    text = text.removeprefix("\ufeff")
    try:
        data = tomllib.loads(text)
        return Document(name, data, key_lines(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors([_syntax(error, text, name)]) from None
    except RecursionError:
        raise ConfigErrors([Problem(None, "", "lists or tables are nested too deeply", name)]) from None
    except ValueError as error:  # an integer of thousands of digits, which tomllib lets through to int()
        raise ConfigErrors([Problem(None, "", f"a number cannot be read: {error}", name)]) from None


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigErrors([Problem(None, "", f"there is no file {path}", path.name)]) from None
    except IsADirectoryError:
        raise ConfigErrors([Problem(None, "", f"{path} is a folder, not a file", path.name)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigErrors([Problem(None, "", f"{path} cannot be read: {reason}", path.name)]) from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "this line is not UTF-8 text: save the file with the encoding UTF-8"
        raise ConfigErrors([Problem(line, "", message, path.name)]) from None


def _syntax(error: tomllib.TOMLDecodeError, text: str, name: str) -> Problem:
    said = str(error)
    position = _POSITION.search(said)
    number = int(position[1]) if position and position[1] else text.rstrip("\n").count("\n") + 1
    said = said[: position.start()].strip() if position else said
    twice = _TWICE.match(said)
    if twice:
        table = ".".join(part.strip().strip("'\"") for part in twice[1].split(","))
        return Problem(number, "", f"[{table}] is given twice: keep one", name)
    plain = next((plain for start, plain in _PLAIN if said.startswith(start)), said)
    return Problem(number, "", plain, name)
