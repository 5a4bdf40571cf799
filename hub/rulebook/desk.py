"""Answers what the page asks about rules. Implements ``hub.web.rules.Rulebook``."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from hub.config import Config
from hub.config.rule_tests import RuleTest
from hub.desk_people import PeopleDesk
from hub.model import Now
from hub.ports import Rule, Store
from hub.queries import Here, Queries
from hub.records import RecordsReader
from hub.records_rules import Version, raised_by_rule
from hub.records_ticks import read_ticks
from hub.rehearsal import Site, WrongStory, rehearse
from hub.replay.question import Question, replay, table_of
from hub.rulebook.book import Book
from hub.rulebook.forms import forms
from hub.rulebook.saving import Saving
from hub.rulebook.text import Checked, Fault, write
from hub.said import quoted, sentence
from hub.web.view import NotFound, Refused
from rules.loading import conditions

DAY = 86_400_000
RECENT = 30
"""Days of which a list tells how often each rule fired."""
COUNTED_FOR = 60_000
"""ms for which that count is good."""
STORIES = 50
"""Stories of one rule that are played when somebody asks on the page."""


def ask_stories(store: Store, rule: Rule, tests: Sequence[RuleTest], site: Site) -> list[dict[str, Any]]:
    """Plays them in the process that answers questions: one may be of many days."""
    told = []
    for test in tests:
        try:
            rehearse(rule, test.story, site, test.quantity, test.device, test.begins, test.tick)
        except WrongStory as wrong:
            told.append({"name": test.name, "ok": False, "message": str(wrong)})
        else:
            told.append({"name": test.name, "ok": True, "message": ""})
    return told


class RuleDesk:
    def __init__(
        self,
        config: Config,
        book: Book,
        saving: Saving,
        desk: PeopleDesk,
        records: RecordsReader,
        queries: Here | Queries,
        clock: Callable[[], Now],
    ) -> None:
        self.book = book
        self._config = config
        self._saving = saving
        self._desk = desk
        self._pipeline = desk.pipeline
        self._records = records
        self._queries = queries
        self._clock = clock
        self._counted: tuple[int, Mapping[str, int]] | None = None

    # --- which there are ----------------------------------------------------------------------------------------------

    async def rules(self) -> list[dict[str, Any]]:
        """Each with what is open of it and how often it has fired."""
        open = Counter(alert.rule for alert in self._pipeline.open.values() if alert.state == "firing")
        fired = await self._fired()
        return [self._row(rule, open, fired) for rule in self.book.rules]

    def _row(self, rule: Rule, open: Mapping[str, int], fired: Mapping[str, int]) -> dict[str, Any]:
        settings = rule.settings
        id = settings.id
        versions = self.book.history.get(id)
        return {
            "id": id,
            "kind": rule.kind,
            "severity": settings.severity,
            "name": {str(language): text for language, text in settings.name.items()},
            "quantity": conditions(rule)[0].settings.quantity,
            "watches": self._watches(rule),
            "enabled": settings.enabled,
            "stopped": self._pipeline.engine.failed.get(id, ""),
            "origin": self.book.origin(id),
            "unusable": self.book.unusable.get(id, ""),
            "version": versions[-1].number if versions else 0,
            "open": open.get(id, 0),
            "fired": fired.get(id, 0),
        }

    def _watches(self, rule: Rule) -> str:
        """The domain of what it is about."""
        glob = conditions(rule)[0].settings.quantity
        found = {one.domain for one in self._config.vocabulary if fnmatchcase(one.name, glob)}
        return found.pop() if len(found) == 1 else "device"

    async def _fired(self) -> Mapping[str, int]:
        wall = self._clock().wall
        if self._counted is None or not 0 <= wall - self._counted[0] < COUNTED_FOR:
            self._counted = wall, await self._desk.recorded(raised_by_rule, self._records, wall - RECENT * DAY)
        return self._counted[1]

    def forms(self) -> list[Any]:
        return forms()

    async def rule(self, id: str) -> dict[str, Any]:
        rule = self.book.rule(id)
        versions = self.book.history.get(id, [])
        if rule is None and not versions:
            raise NotFound(sentence("no_rule", id=id))
        text = self.book.text(id) or next((one.toml for one in reversed(versions) if one.toml), "")
        checked = self.book.check(text, id)
        row = self._row(rule, Counter(one.rule for one in self._pipeline.open.values()), await self._fired()) if rule else None
        return {
            "id": id,
            "rule": row,
            "toml": text,
            "table": checked.table,
            "base": self.book.base_text(id),
            "versions": list(reversed(versions)),
            "tests": len(checked.tests),
        }

    # --- before it goes live ------------------------------------------------------------------------------------------

    def _given(self, id: str, toml: str | None, table: Mapping[str, Any] | None) -> tuple[str, Checked]:
        try:
            text = write(table) if toml is None and table is not None else toml or ""
        except (TypeError, RecursionError) as problem:
            return "", Checked(None, (), {}, (Fault("", None, f"this cannot be written as TOML: {problem}"),))
        return text, self.book.check(text, id)

    async def check(self, id: str, toml: str | None, table: Mapping[str, Any] | None, stories: bool) -> dict[str, Any]:
        """``id`` "": a new rule, which must not be called like another."""
        text, checked = self._given(id, toml, table)
        faults = list(checked.faults)
        named = checked.table.get("id")
        if not id and named in self.book.ids():
            faults.append(Fault("id", None, f'there is a rule "{named}" already: choose another id, or edit that one'))
        played: list[dict[str, Any]] = []
        if stories and checked.rule is not None and checked.tests:
            site = Site(self._config.spaces, self._config.devices, self._config.vocabulary, self._config.calendar)
            played = await self._queries.ask(ask_stories, checked.rule, checked.tests[:STORIES], site)
        return {"toml": text, "table": checked.table, "faults": faults, "tests": played, "stories": len(checked.tests)}

    async def replay(self, id: str, toml: str, days: int) -> dict[str, Any]:
        """What it would have done in the last days, beside the rule in force with its id."""
        checked = self.book.check(toml, id)
        if checked.rule is None:
            raise Refused(sentence("rule_faults", faults=[quoted(fault.message) for fault in checked.faults]))
        end = self._clock().wall
        start = end - days * DAY
        before = self.book.rule(id) if id else None
        places = self._pipeline.places
        question = Question(
            rule=table_of(checked.rule),
            start=start,
            end=end,
            devices=tuple(places.devices.values()),
            spaces=tuple(places.spaces.values()),
            vocabulary=self._config.vocabulary,
            calendar=self._config.calendar,
            against=table_of(before) if before is not None and before.settings.enabled else None,
            ticks=tuple(await self._desk.recorded(read_ticks, self._records, start, end)),
        )
        told: dict[str, Any] = await self._queries.ask(replay, question)
        return told

    # --- and when it does ---------------------------------------------------------------------------------------------

    async def save(self, id: str, toml: str, by: str, why: str, seen: int | None) -> Version:
        return await self._saving.save(id, toml, by, why, seen)

    async def take_back(self, id: str, by: str, why: str, seen: int | None) -> Version:
        return await self._saving.take_back(id, by, why, seen)
