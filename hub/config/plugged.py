"""What plugins bring into the configuration: [store], [[notifier]], [[adapter]] and [[rule]].

Which kinds there are and what each may say is the plugins' own affair; here it is found, checked and put together.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path as Folder
from typing import Any
from zoneinfo import ZoneInfo

from hub import plugins
from hub.config import sections
from hub.config.lines import Path
from hub.config.reader import Reader
from hub.config.records import NotifierEntry
from hub.config.words import nearest
from hub.ports import Rule, Settings, SilenceRule, SiteContext
from hub.quantities import UnknownWord, Vocabulary, conversion
from rules.contract import complete
from rules.loading import default_tables, load_defaults

DEFAULT_STORE = "parquet"


def context(site: sections.Site | None, vocabulary: Vocabulary) -> SiteContext:
    site = site or sections.Site.model_validate({})
    return SiteContext(site.community, ZoneInfo(site.time_zone), vocabulary)


def store(reader: Reader, base: Folder) -> tuple[str, Settings | None]:
    kinds = plugins.find("hub.stores")
    table = reader.data.get("store", {})
    if not isinstance(table, dict):
        return DEFAULT_STORE, None
    plugin = _plugin(reader, kinds, {"kind": DEFAULT_STORE, **table}, ("store",), "store")
    if plugin is None:
        return DEFAULT_STORE, None
    return plugin.kind, _settings(reader, plugin, _with_files(reader, table, base, ("store",), "store"), ("store",), "store")


def notifiers(reader: Reader, base: Folder) -> tuple[NotifierEntry, ...]:
    """``base``: what the files they name are relative to."""
    kinds = plugins.find("hub.notifiers")
    found: list[NotifierEntry] = []
    for index, item in reader.items("notifier"):
        at: Path = ("notifier", index)
        key = reader.called("notifier", index)
        plugin = _plugin(reader, kinds, item, at, key)
        if not isinstance(item.get("id"), str) or not item["id"]:
            reader.wrong((*at, "id"), key, '"id" is missing: what people\'s "tell" names, like "webhook:desk"')
        elif plugin is not None:
            settings = _settings(reader, plugin, _with_files(reader, item, base, at, key), at, key)
            if settings is not None:
                found.append(NotifierEntry(item["id"], plugin.kind, settings))
    return tuple(found)


MAPPING = "json"
"""A site's own mapping, not a vendor's format."""


def _with_files(reader: Reader, item: dict[str, Any], base: Folder, at: Path, key: str) -> dict[str, Any]:
    """The table with the paths of its files, such as ``password_file``, made absolute; each must be readable text."""
    found = dict(item)
    for name, value in item.items():
        if not name.endswith("_file") or not isinstance(value, str):
            continue
        found[name] = str(base / value)
        try:
            (base / value).read_text("utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            reader.wrong((*at, name), f"{key}, {name}", f'the file "{value}" cannot be read: {reason}')
    return found


def adapters(reader: Reader, site: SiteContext) -> tuple[tuple[type[Any], Settings], ...]:
    """Those of the file, in its order. As long as it names no vendor's format, all that need no settings are on as well: a
    mapping of one's own must not silence the smoke detectors."""
    kinds = plugins.find("adapters")
    ready = [kinds[kind] for kind in sorted(kinds) if _needs_nothing(kinds[kind].Settings)]
    found: list[tuple[type[Any], Settings]] = []
    for index, item in reader.items("adapter"):
        at: Path = ("adapter", index)
        key = reader.called("adapter", index)
        plugin = _plugin(reader, kinds, item, at, key)
        before = len(reader.problems)
        _vocabulary_words(reader, item, site.vocabulary, at, key)
        settings = _settings(reader, plugin, item, at, key) if plugin else None
        if plugin is None or settings is None or len(reader.problems) > before:
            continue
        try:
            plugin(settings, site)
        except (ValueError, LookupError) as error:  # what only the whole can tell: a path that does not parse
            reader.wrong(at, key, str(error))
        else:
            found.append((plugin, settings))
    if all(plugin.kind == MAPPING for plugin, _ in found):
        found += [(plugin, plugin.Settings()) for plugin in ready]
    return tuple(found)


def rules(reader: Reader, vocabulary: Vocabulary) -> tuple[Rule | SilenceRule, ...]:
    """The default rules, each replaced by the file's rule of the same id, then the file's other rules.

    One with a default's id and no kind changes that default: ``id = "fire-co", enabled = false``."""
    kinds = plugins.find("rules")
    chosen = {rule.settings.id: rule for rule in load_defaults()}
    defaults = {table["id"]: table for table in default_tables()}
    for index, item in reader.items("rule"):
        if "kind" not in item and isinstance(item.get("id"), str):
            item = {**defaults.get(item["id"], {}), **item}
        item = {name: value for name, value in item.items() if name != "test"}  # read in rule_tests
        at: Path = ("rule", index)
        key = reader.called("rule", index)
        plugin = _plugin(reader, kinds, item, at, key)
        settings = _settings(reader, plugin, item, at, key) if plugin else None
        if isinstance(item.get("quantity"), str):
            _known_glob(reader, item["quantity"], vocabulary, (*at, "quantity"), key)
        if plugin is not None and settings is not None:
            try:
                rule = plugin(settings)
                complete(rule)
            except ValueError as error:
                reader.wrong(at, key, str(error))
            else:
                for leaf in getattr(rule, "leaves", ()):
                    _known_glob(reader, leaf.settings.quantity, vocabulary, at, key)
                chosen[rule.settings.id] = rule
    return tuple(chosen.values())


def _plugin(reader: Reader, kinds: dict[str, type[Any]], item: dict[str, Any], at: Path, key: str) -> type[Any] | None:
    kind = item.get("kind")
    known = ", ".join(sorted(kinds))
    if kind is None:
        reader.wrong(at, key, f'"kind" is missing: one of {known}')
    elif not isinstance(kind, str):
        reader.wrong((*at, "kind"), key, f"kind is one of {known}")
    elif kind not in kinds:
        reader.wrong((*at, "kind"), key, f'unknown kind "{kind}"{nearest(kind, kinds) or f"; there are {known}"}')
    else:
        return kinds[kind]
    return None


def _settings(reader: Reader, plugin: type[Any], item: dict[str, Any], at: Path, key: str) -> Settings | None:
    model: type[Settings] = plugin.Settings
    ours = {name for name in ("kind", "id") if name not in model.model_fields}
    if "id" in ours and at[0] not in ("notifier",):
        ours.remove("id")
    return reader.check({name: value for name, value in item.items() if name not in ours}, model, at, key)


def _needs_nothing(model: type[Settings]) -> bool:
    return not any(field.is_required() for field in model.model_fields.values())


def _vocabulary_words(reader: Reader, value: Any, vocabulary: Vocabulary, at: Path, key: str) -> None:
    """Wherever an adapter's settings say ``quantity`` (and beside it ``unit``), they mean the vocabulary's."""
    if isinstance(value, dict):
        name, unit = value.get("quantity"), value.get("unit")
        if isinstance(name, str):
            try:
                canonical = vocabulary[name].unit
                if isinstance(unit, str):
                    conversion(unit, canonical)
            except UnknownWord as error:
                reader.wrong((*at, "quantity" if error.word == name else "unit"), key, str(error))
            except ValueError:
                reader.wrong((*at, "unit"), key, f'"{unit}" is no unit of {name}, which is kept in "{canonical}"')
    for step, inner in _inside(value):
        _vocabulary_words(reader, inner, vocabulary, (*at, step), key)


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _known_glob(reader: Reader, glob: str, vocabulary: Vocabulary, at: Path, key: str) -> None:
    names = [quantity.name for quantity in vocabulary]
    if any(fnmatchcase(name, glob) for name in names):
        return
    if any(sign in glob for sign in "*?["):
        reader.wrong(at, key, f'no quantity is like "{glob}"{nearest(glob, names)}')
    else:
        reader.wrong(at, key, f'unknown quantity "{glob}"{nearest(glob, names)}')
