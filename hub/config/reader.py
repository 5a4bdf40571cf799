"""Checks the tables of a document one by one and collects what is wrong."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hub.config import sections
from hub.config.document import Document
from hub.config.lines import Path
from hub.config.problems import Problem
from hub.config.words import mistakes, nearest

Section = TypeVar("Section", bound=BaseModel)


class Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.data = document.data
        self.problems: list[Problem] = []

    def wrong(self, path: Path, key: str, message: str) -> None:
        problem = self.document.problem(path, key, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def top(self, tables: tuple[str, ...], lists: tuple[str, ...]) -> None:
        """Refuses what is neither a table nor a list of tables that we know."""
        for name, value in self.data.items():
            if name in tables and not isinstance(value, dict):
                self.wrong((name,), name, f"write it as a table: [{name}] in single brackets")
            elif name in lists and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
                self.wrong((name,), name, f"there may be several: write each as [[{name}]] in two brackets")
            elif name not in tables + lists:
                self.wrong((name,), name, _unknown(name, value, tables + lists))

    def table(self, name: str, model: type[Section]) -> Section | None:
        """[name]; without it, the defaults. None if something in it is wrong."""
        value = self.data.get(name, {})
        return self.check(value, model, (name,), name) if isinstance(value, dict) else None

    def items(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The [[name]] tables, unchecked, with their position."""
        value = self.data.get(name)
        if isinstance(value, list):
            yield from ((index, item) for index, item in enumerate(value) if isinstance(item, dict))

    def numbered(self, name: str, model: type[Section]) -> Iterator[tuple[int, Section]]:
        """The [[name]] tables that are right, with their position."""
        for index, item in self.items(name):
            section = self.check(item, model, (name, index), self.called(name, index))
            if section is not None:
                yield index, section

    def each(self, name: str, model: type[Section]) -> list[Section]:
        return [section for _, section in self.numbered(name, model)]

    def called(self, name: str, index: int) -> str:
        """What people call the table: "rule level-high", "adapter 2 (json)"."""
        item = self.data[name][index]
        for key in ("id", "name"):
            if isinstance(item.get(key), str) and item[key]:
                return f"{name} {item[key]}"
        kind = item.get("kind")
        return f"{name} {index + 1} ({kind})" if isinstance(kind, str) else f"{name} {index + 1}"

    def check(self, data: dict[str, Any], model: type[Section], at: Path, key: str) -> Section | None:
        """Strictly: "5" is no number and 1 is not true, though a whole number will do where any number does."""
        try:
            text = json.dumps(data, default=str)  # lists count as tuples only when they come as JSON
            return model.model_validate_json(text, strict=True, context="gengfu.toml")
        except ValidationError as error:
            for mistake in mistakes(error, model, data):
                self.wrong((*at, *mistake.path), _within(key, mistake.path, mistake.message), mistake.message)
        except (RecursionError, ValueError) as error:
            self.wrong(at, key, f"this cannot be read: {error}")
        return None


def _unknown(name: str, value: Any, known: tuple[str, ...]) -> str:
    home = next((table for table, model in sections.TABLES.items() if name in model.model_fields), None)
    if not isinstance(value, dict | list) and home:
        return f'"{name}" belongs into a table: write it below [{home}]'
    what = "table" if isinstance(value, dict | list) else "key"
    return f'unknown {what} "{name}"' + (nearest(name, known) or f"; there are {', '.join(known)}")


def _within(key: str, path: Path, message: str) -> str:
    """The key with the way to the place, but for its last step where the message names it."""
    if path and f'"{path[-1]}"' in message and message.startswith((f'"{path[-1]}" is missing', "unknown key")):
        path = path[:-1]
    steps = [f"{step + 1}" if isinstance(step, int) else step for step in path]
    return ", ".join([key, " ".join(steps)]) if steps else key
