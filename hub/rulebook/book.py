"""Which rules are in force: those of gengfu.toml and the default ones, and over them what was edited on the page.

The file is the base. A version made on the page stands in the place of the rule with its id until it is taken back; a rule that
is only on the page ends with that. ``gengfu rules`` lists both, and ``gengfu rules export`` writes the page's as TOML, to be
moved into the file.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from hub.config import Config, document
from hub.config.problems import ConfigErrors
from hub.ports import Rule
from hub.records_rules import Version
from hub.rulebook.text import Checked, check, write
from rules.loading import default_tables

Origin = Literal["default", "file", "page"]

log = logging.getLogger("gengfu.rules")


class Book:
    """``history``: the versions of each rule, oldest first. ``unusable``: versions of the page that are no longer valid, by
    rule, with what is wrong; what the file says counts for them."""

    def __init__(self, config: Config, versions: Iterable[Version] = ()) -> None:
        self._config = config
        self._base: dict[str, Rule] = {rule.settings.id: rule for rule in config.rules}
        self._tables, self._from_file = _tables(config)
        self._page: dict[str, Checked] = {}
        self.history: dict[str, list[Version]] = {}
        self.unusable: dict[str, str] = {}
        for version in versions:
            self.history.setdefault(version.rule, []).append(version)
        for id, of_one in self.history.items():
            self._apply(id, of_one[-1])

    def _apply(self, id: str, version: Version) -> None:
        self._page.pop(id, None)
        self.unusable.pop(id, None)
        if not version.toml:
            return
        checked = self.check(version.toml, id)
        if checked.rule is None:
            self.unusable[id] = "; ".join(fault.message for fault in checked.faults)
            log.warning("rule %s: version %d of the page does not count: %s", id, version.number, self.unusable[id])
        else:
            self._page[id] = checked

    def check(self, text: str, id: str = "") -> Checked:
        return check(text, self._config.vocabulary, self._config.zone, id)

    # --- what is in force ---------------------------------------------------------------------------------------------

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In the order of the file; what only the page has comes last."""
        return tuple(rule for id in self.ids() if (rule := self.rule(id)) is not None)

    def ids(self) -> list[str]:
        return list(dict.fromkeys([*self._base, *self._page]))

    def rule(self, id: str) -> Rule | None:
        on_page = self._page.get(id)
        return on_page.rule if on_page else self._base.get(id)

    def base(self, id: str) -> Rule | None:
        """What the file, or the default, says."""
        return self._base.get(id)

    def origin(self, id: str) -> Origin:
        if id in self._page:
            return "page"
        return "file" if id in self._from_file or id not in self._tables else "default"

    def text(self, id: str) -> str:
        """The rule in force as TOML, as it was written where the page wrote it; "" for none."""
        return self.history[id][-1].toml if id in self._page else self.base_text(id)

    def base_text(self, id: str) -> str:
        """The rule of the file as TOML, or the default one; "" for none."""
        return write(self._tables[id]) if id in self._tables else ""

    def edited(self) -> list[Version]:
        """The page's versions in force."""
        return [self.history[id][-1] for id in self._page]

    # --- a new version ------------------------------------------------------------------------------------------------

    def next(self, id: str, at: int, by: str, why: str, toml: str) -> Version:
        known = self.history.get(id, ())
        return Version(id, known[-1].number + 1 if known else 1, at, by, why, toml)

    def add(self, version: Version) -> None:
        """It is in force from now on."""
        self.history.setdefault(version.rule, []).append(version)
        self._apply(version.rule, version)


def _tables(config: Config) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
    """Each rule of the configuration as it is written, a default's own words filled in, by id; and which the file names."""
    tables: dict[str, Mapping[str, Any]] = {table["id"]: table for table in default_tables()}
    named: set[str] = set()
    if config.path is not None:
        try:
            given = document.read(config.path).data.get("rule", ())
        except ConfigErrors:  # edited meanwhile: what it said at the start is in force, and cannot be shown
            given = ()
        for item in given if isinstance(given, list) else ():
            id = item.get("id") if isinstance(item, dict) else None
            if isinstance(id, str):
                tables[id] = item if "kind" in item else {**tables.get(id, {}), **item}
                named.add(id)
    known = {rule.settings.id for rule in config.rules}
    return {id: table for id, table in tables.items() if id in known}, named
