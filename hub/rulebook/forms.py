"""What a form for a kind of rule asks: each field with its description, its widget and what it is when left out."""

import types
import typing
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from pydantic.fields import FieldInfo

from hub import plugins
from hub.ports import Duration, RuleSettings

_OURS = ("id", "name", "enabled")  # stand apart in a form
_COMMON = tuple(name for name in RuleSettings.model_fields if name not in _OURS)


class Field(Struct, frozen=True):
    """``widget``: text, choice, switch, duration ("30s"), number, or value: whatever TOML can say, such as a table or a list.
    ``common``: every kind has it. ``default``: as it would be written; "" for none."""

    name: str
    widget: str
    about: str
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    common: bool = False


class Form(Struct, frozen=True):
    """One kind of rule. ``about``: the first paragraph of its manual page."""

    kind: str
    about: str
    fields: tuple[Field, ...]


def forms() -> list[Form]:
    """By kind."""
    return [form(plugin) for _, plugin in sorted(plugins.find("rules").items())]


def form(plugin: Any) -> Form:
    first = " ".join((plugin.__doc__ or "").strip().split("\n\n")[0].split())
    return Form(plugin.kind, first.replace("``", ""), tuple(_fields(plugin.Settings)))


def _fields(model: type[RuleSettings]) -> Iterator[Field]:
    own = [name for name in model.model_fields if name not in RuleSettings.model_fields]
    for name in (*own, *_COMMON):
        field = model.model_fields[name]
        if name == "quantity" and not field.is_required():
            continue  # its conditions name their own
        widget, choices = _widget(field)
        yield Field(
            name=field.serialization_alias or name,
            widget=widget,
            about=field.description or "",
            required=field.is_required(),
            default=_default(field, widget),
            choices=choices,
            common=name in _COMMON,
        )


def _widget(field: FieldInfo) -> tuple[str, tuple[str, ...]]:
    if is_duration(field):
        return "duration", ()
    given = [one for one in _parts(field.annotation) if one is not type(None)]
    if len(given) == 1:
        if typing.get_origin(given[0]) is typing.Literal:
            return "choice", tuple(map(str, typing.get_args(given[0])))
        simple = {str: "text", bool: "switch", int: "number", float: "number"}.get(given[0])
        if simple:
            return simple, ()
    return "value", ()


def _parts(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def is_duration(field: FieldInfo) -> bool:
    marks = typing.get_args(Duration)[1:]
    inside = [mark for part in typing.get_args(field.annotation) for mark in typing.get_args(part)[1:]]  # or None
    return any(mark in field.metadata or mark in inside for mark in marks)


def _default(field: FieldInfo, widget: str) -> str:
    if field.is_required():
        return ""
    default = field.get_default(call_default_factory=True)
    if default is None or default in ((), {}, ""):
        return ""
    if widget == "duration" and isinstance(default, int):
        return duration(default)
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default)


def duration(ms: int) -> str:
    """ "90s", "10min": the largest unit in which it is whole."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms" if ms else "0s"
