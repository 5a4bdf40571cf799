"""Pydantic's errors in the words of someone who edits a file: what is wrong and what would be right."""

import json
import types
import typing
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.config.lines import Path
from hub.quantities import nearest_word


def nearest(word: object, known: Iterable[str]) -> str:
    """'; did you mean "…"?' for the closest of the known words, else ''."""
    close = nearest_word(str(word), known)
    return f'; did you mean "{close}"?' if close else ""


def shown(value: object) -> str:
    """A value as it stands in the file, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


class Mistake(typing.NamedTuple):
    path: Path  # below the table that was checked
    message: str


def mistakes(error: ValidationError, model: type[BaseModel], data: dict[str, Any]) -> list[Mistake]:
    """One for each place that is wrong. Where a value may have several forms, what is said about the deepest counts."""
    found: dict[Path, list[str]] = {}
    details = [(_place(detail, data), detail) for detail in error.errors()]
    meant = {(*path[:-1], _meant(path, model)) for path, detail in details if detail["type"] == "extra_forbidden"}
    for path, detail in details:
        if detail["type"] == "missing" and path in meant:
            continue  # it is there, misspelt
        messages = found.setdefault(path, [])
        message = _explain(detail, path, model, data)
        if message not in messages:
            messages.append(message)
    inner = [path for path in found if not any(other[: len(path)] == path and other != path for other in found)]
    return [Mistake(path, ", or ".join(found[path])) for path in inner]


def _place(detail: ErrorDetails, data: Any) -> Path:
    """The location without the names pydantic gives to the forms of a union: only what is, or should be, in the file."""
    path: Path = ()
    here: Any = data
    for position, part in enumerate(detail["loc"]):
        last = position == len(detail["loc"]) - 1
        if _has(here, part):
            here = here[part]
        elif not (last and detail["type"] == "missing"):
            continue
        path = (*path, part)
    return path


def _has(value: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list) and part < len(value)
    return isinstance(value, dict) and part in value


def _explain(detail: ErrorDetails, path: Path, model: type[BaseModel], data: dict[str, Any]) -> str:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        keys = _keys(model, path)
        hint = _as_value(path, model) or _alike(str(path[-1]), keys) or f"; it may have {', '.join(keys)}"
        return f'unknown key "{path[-1]}"{hint}'
    if kind == "missing":
        about = _description(model, path)
        return f'"{path[-1]}" is missing' + (f": {about}" if about else "")
    if kind in ("literal_error", "enum"):
        words = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        return f"{shown(given)} is not one of {', '.join(words)}{nearest(given, words)}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    wanted = _WANTED.get(kind)
    if wanted:
        return f"write {wanted}, not {shown(given)}"
    if kind == "string_pattern_mismatch":
        about = _description(model, path)
        return f"{shown(given)} does not fit {context['pattern']}" + (f" ({about})" if about else "")
    if kind in _BOUNDS and isinstance(written := _at(data, path), str):  # a duration: as it is written, not in milliseconds
        beyond, limit, name = _BOUNDS[kind]
        return f'{shown(written)} is too {beyond}: write {limit} "{duration(int(context[name]))}"'
    message = detail["msg"].removeprefix("Input should ").removeprefix("Value error, ")
    return f"{shown(given)} is wrong: it should {message}"


_BOUNDS = {"greater_than_equal": ("short", "at least", "ge"), "less_than_equal": ("long", "at most", "le")}


def duration(milliseconds: int) -> str:
    """As the configuration writes it: "2h"."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part] if _has(data, part) else None
    return data


_TEXT = 'a text in "quotes"'
_WHOLE = "a whole number without quotes"
_NUMBER = "a number without quotes"
_LIST = "a list in [ brackets ]"
_TABLE = "a table { key = … }"
_WANTED = {
    "string_type": _TEXT, "string_unicode": _TEXT, "path_type": _TEXT, "is_instance_of": _TEXT,
    "int_type": _WHOLE, "int_parsing": _WHOLE, "int_from_float": _WHOLE,
    "float_type": _NUMBER, "float_parsing": _NUMBER, "finite_number": "a finite number",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "list_type": _LIST, "tuple_type": _LIST, "set_type": _LIST, "frozen_set_type": _LIST,
    "dict_type": _TABLE, "model_type": _TABLE, "model_attributes_type": _TABLE,
    "string_too_short": "something between the quotes", "too_short": "something into the list",
}  # fmt: skip


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """What may stand beside ``path``."""
    fields = [item for each in _models(model, path) for item in each.model_fields.items()]
    return sorted({field.serialization_alias or name for name, field in fields})  # `is`, not `is_`


def _alike(word: str, keys: list[str]) -> str:
    """As ``nearest``, but stricter: "tls" is not "at_least" only because its letters are in it."""
    return nearest(word, [key for key in keys if SequenceMatcher(None, word.casefold(), key).ratio() >= 0.6])


def _as_value(path: Path, model: type[BaseModel]) -> str:
    """'; did you mean security = "tls"?' for a key that is one of the words another key takes, else ''."""
    for each in _models(model, path):
        for name, field in each.model_fields.items():
            if typing.get_origin(field.annotation) is typing.Literal and path[-1] in typing.get_args(field.annotation):
                return f'; did you mean {name} = "{path[-1]}"?'
    return ""


def _meant(path: Path, model: type[BaseModel]) -> str:
    return nearest_word(str(path[-1]), _keys(model, path))


def _description(model: type[BaseModel], path: Path) -> str | None:
    fields = (each.model_fields.get(str(path[-1])) for each in _models(model, path))
    return next((field.description for field in fields if field), None)


def _models(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The models that may describe the table ``path`` lies in."""
    here = [model]
    for part in path[:-1]:
        inner = [
            found for each in here if str(part) in each.model_fields for found in _inside(each.model_fields[str(part)].annotation)
        ]
        here = inner or here
    return here


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _inside(argument)
