"""A rule that somebody saves on the page: stored as a version, audited, and in force at once, through the pipeline."""

from collections.abc import Callable, MutableMapping

from hub.drill_rule import RULE as DRILL
from hub.model import Now
from hub.pipeline import Pipeline
from hub.records_rules import Version, put_version
from hub.rulebook.book import Book
from hub.rulebook.live import Live
from hub.said import quoted, sentence
from hub.web.view import Conflict, NotFound, Refused

MOST = 2_000
"""Rules with versions of the page."""


class Saving:
    """``names``: what the watchdog calls the objects that may hang, by ``id()``."""

    def __init__(self, book: Book, pipeline: Pipeline, names: MutableMapping[int, str], clock: Callable[[], Now]) -> None:
        self._book = book
        self._pipeline = pipeline
        self._names = names
        self._clock = clock
        self._engine = Live(pipeline, clock)

    async def save(self, id: str, toml: str, by: str, why: str, seen: int | None) -> Version:
        """``seen``: the number of the version that was edited, 0 for none; None: whichever it is. Raises Refused and Conflict."""
        checked = self._book.check(toml, id)
        if checked.rule is None:
            raise Refused(sentence("rule_faults", faults=[quoted(fault.message) for fault in checked.faults]))
        if id == DRILL:
            raise Refused(sentence("rule_of_drills", id=DRILL))
        if id not in self._book.history and len(self._book.history) >= MOST:
            raise Refused(sentence("rules_many", most=MOST))
        self._is_newest(id, seen)
        return await self._live(self._book.next(id, self._clock().wall, by, why, toml.strip() + "\n"), "save rule")

    async def take_back(self, id: str, by: str, why: str, seen: int | None) -> Version:
        """What the file says counts again; a rule that is only on the page ends."""
        if self._book.origin(id) != "page" and id not in self._book.unusable:
            raise NotFound(sentence("rule_unedited", id=id))
        self._is_newest(id, seen)
        return await self._live(self._book.next(id, self._clock().wall, by, why, ""), "take rule back")

    def _is_newest(self, id: str, seen: int | None) -> None:
        known = self._book.history.get(id)
        newest = known[-1].number if known else 0
        if seen is not None and seen != newest:
            if known and known[-1].by:
                raise Conflict(sentence("rule_newer_by", by=known[-1].by, number=newest))
            raise Conflict(sentence("rule_newer", number=newest))

    async def _live(self, version: Version, what: str) -> Version:
        before = self._book.rule(version.rule)
        self._book.add(version)
        rule = self._book.rule(version.rule)
        if rule is not None:
            self._names[id(rule)] = f"rule {version.rule}"
        subject = f"{version.rule} version {version.number}: {version.why}"
        await self._pipeline.decide([], [(version.by, what, subject)], lambda work: put_version(work, version))
        await self._engine.replace(version.rule, rule)
        if before is not None and before is not rule:
            self._names.pop(id(before), None)
        return version
