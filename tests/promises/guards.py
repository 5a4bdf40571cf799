"""The guards of the promises, from guards.toml."""

import tomllib
from pathlib import Path
from typing import NamedTuple


class Change(NamedTuple):
    file: str
    old: str
    new: str


class Guard(NamedTuple):
    """``gone``: what the hub is without, in words that follow "seen red without"."""

    gone: str
    tests: tuple[str, ...]
    changes: tuple[Change, ...]


GUARDS = [
    Guard(one["gone"], tuple(one["tests"]), tuple(Change(**change) for change in one["change"]))
    for one in tomllib.loads(Path(__file__).with_name("guards.toml").read_text("utf-8"))["guard"]
]
