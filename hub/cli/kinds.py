"""``gengfu kinds``: which plugins there are, and each one's manual page, from the code itself."""

import inspect
import json
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import typer
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from hub import plugins
from hub.cli.shown import Sorry, bold, faint, out, table
from hub.config.words import duration, nearest
from hub.ports import Duration
from hub.quantities import DOMAINS, Vocabulary
from rules.contract import sampled

WIDEST = 40
FAMILIES = {
    "adapters": "[[adapter]] formats",
    "rules": "[[rule]] kinds",
    "hub.notifiers": "[[notifier]] kinds",
    "hub.stores": "[store] kinds",
}


def register(app: typer.Typer) -> None:
    app.command()(kinds)


def kinds(
    name: str = typer.Argument("", metavar="[NAME]", help="a kind, to read its manual page; or quantities, for the vocabulary"),
) -> None:
    """Lists formats, rules and other kinds.

    What can stand after kind = in gengfu.toml; with a name, that kind's manual page.

    \b
    Example:
      gengfu kinds json
      gengfu kinds quantities
    """
    found = [(family, kind, plugin) for family in FAMILIES for kind, plugin in sorted(plugins.find(family).items())]
    if not name:
        _list(found)
        _fit(found)
    elif name == "quantities":
        _vocabulary()
    else:
        pages = [(family, plugin) for family, kind, plugin in found if kind == name]
        if not pages:
            known = [kind for _, kind, _ in found]
            raise Sorry(f'there is no kind "{name}"{nearest(name, known) or "; gengfu kinds lists them"}')
        for family, plugin in pages:
            _page(family, plugin)
        _fit((family, name, plugin) for family, plugin in pages)


def _list(found: list[tuple[str, str, type[Any]]]) -> None:
    width = max(len(kind) for _, kind, _ in found)
    for family, title in FAMILIES.items():
        out(bold(title))
        for kind, plugin in ((kind, plugin) for where, kind, plugin in found if where == family):
            out(f"  {kind:{width}}  {_first_sentence(plugin)}")
        out()
    out("gengfu kinds NAME prints one kind's manual page, gengfu kinds quantities the vocabulary.")


def _fit(found: Iterable[tuple[str, str, type[Any]]]) -> None:
    """A kind of rule that lacks what the engine asks of it is told here, before a rule of it is written."""
    for family, _, plugin in found:
        if family == "rules":
            try:
                sampled(plugin)
            except ValueError as problem:
                raise Sorry(str(problem)) from problem


def _first_sentence(plugin: type[Any]) -> str:
    first = " ".join((inspect.getdoc(plugin) or "").split("\n\n")[0].split())
    return first.split(". ")[0].rstrip(".:")


def _vocabulary() -> None:
    for domain in DOMAINS:
        out(bold(domain))
        rows = [(each.name, each.unit, each.shape, each.en, each.zh) for each in Vocabulary() if each.domain == domain]
        for line in table(("name", "unit", "shape", "", ""), rows)[1:]:
            out(f"  {line}")
        out()


def _page(family: str, plugin: type[Any]) -> None:
    out(f"{bold(plugin.kind)}  {faint(FAMILIES[family])}\n")
    out(inspect.getdoc(plugin) or "")
    out()
    rows = list(_rows(plugin.Settings))
    if not rows:
        out("It has no settings.")
        return
    for line in table(("key", "type", "left out", "what it is"), rows):
        out(line)


def _rows(model: type[BaseModel], indent: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in sorted(model.model_fields.items(), key=lambda item: not item[1].is_required()):
        words, about = _type(field), field.description or ""
        if len(words) > WIDEST:
            words, about = "one of these", f"{about}: {words}"
        yield indent + (field.serialization_alias or name), words, _default(field), about  # `is` and `not`, as they are written
        for inner in _models(field.annotation):
            yield from _rows(inner, indent + "  ")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and not isinstance(annotation, types.GenericAlias) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "table", type(None): ""}


def _is_duration(field: FieldInfo) -> bool:
    marks = typing.get_args(Duration)[1:]
    inside = [mark for argument in typing.get_args(field.annotation) for mark in typing.get_args(argument)[1:]]  # or None
    return any(mark in field.metadata or mark in inside for mark in marks)


def _type(field: FieldInfo) -> str:
    return "duration" if _is_duration(field) else _in_words(field.annotation)


def _in_words(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _in_words(arguments[0])
    if origin is typing.Literal:
        return " | ".join(str(argument) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(word for argument in arguments if (word := _in_words(argument)))
    if origin in (tuple, list, set, frozenset):
        return f"list of {_several(arguments[0])}"
    if origin is dict:
        values = arguments[1]
        return "table" if values in (typing.Any, JsonValue) else f"table of {_several(values)}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "table"
    return _NAMES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _several(annotation: Any) -> str:
    words = _in_words(annotation)
    return f"{words}s" if words in ("text", "number", "whole number", "table") else words


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, [], ""):
        return "–"
    if _is_duration(field) and isinstance(value, int):
        return duration(value)
    if isinstance(value, BaseModel):
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)
