"""How the command line speaks: plain text, coloured only where somebody watches."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO
from unicodedata import east_asian_width


class Sorry(Exception):
    """Why a command cannot do what was asked, in one plain sentence."""


def out(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")


def err(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def red(text: str, stream: TextIO | None = None) -> str:
    return _coloured("31", text, stream or sys.stderr)


def green(text: str) -> str:
    return _coloured("32", text, sys.stdout)


def bold(text: str) -> str:
    return _coloured("1", text, sys.stdout)


def faint(text: str) -> str:
    return _coloured("2", text, sys.stdout)


def _coloured(code: str, text: str, stream: TextIO) -> str:
    return f"\033[{code}m{text}\033[0m" if stream.isatty() and "NO_COLOR" not in os.environ else text


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of aligned columns; ``right`` are the numbers of those that hold figures."""
    widths = [max(width(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = []
        for column, cell in enumerate(row):
            blank = " " * (widths[column] - width(cell))
            cells.append(blank + cell if column in right else cell + blank)
        return "  ".join(cells).rstrip()

    return [bold(line(head)), *(line(row) for row in rows)]


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
