"""The bookkeeper: reports for the page, closed reports, and reports by mail. What is heavy is done in the other process."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.config import Config
from hub.directory import Places
from hub.journal_reader import JournalUnusable
from hub.model import Device, Now, Person
from hub.notifiers.words import Words
from hub.ports import Store
from hub.queries import Here, Queries
from hub.report_mail import NotSent, mailer
from hub.reports.closed import Archive, Closed, Damaged
from hub.reports.files import Format, file_name, rendered
from hub.reports.fonts import NoFont
from hub.reports.full import full_report
from hub.reports.period import local, parse_period
from hub.reports.setup import Energy, ReportMail
from hub.reports.words import Language
from hub.said import said_by, sentence
from hub.web.reports import Spoken
from hub.web.view import Busy, EnergyWords, NotFound, Refused

EVERY = 60.0
"""Seconds between two looks at the calendar."""

log = logging.getLogger("gengfu.bookkeeper")


About = tuple[Mapping[str, Device], Places, str, ZoneInfo, int, int, str, str, Energy]
"""Of what a report is: devices, places, site, zone, from, to, by, every, and what is configured."""


def ask_full(store: Store, about: About, now: int) -> dict[str, Any]:
    return full_report(store, *about, now=now)


def ask_file(store: Store, about: About, now: int, format: Format, language: Language) -> tuple[str, bytes] | str:
    """Name and bytes; or why it cannot be made."""
    report = full_report(store, *about, now=now)
    try:
        return file_name(report, format, language), rendered(report, format, language)
    except NoFont as problem:
        return str(problem)


class Bookkeeper:
    """Implements ``hub.web.reports.Reports``. ``mailed`` and ``failed`` count reports sent by mail, and attempts that failed."""

    def __init__(
        self, config: Config, places: Callable[[], Places], queries: Here | Queries, words: Words, clock: Callable[[], Now]
    ) -> None:
        self.mailed = self.failed = 0
        self._config = config
        self._places = places
        self._queries = queries
        self._clock = clock
        self._mailer = mailer(config, words)
        self._archive = Archive(config.directory)

    def _about(self, words: EnergyWords) -> About:
        config, places = self._config, self._places()
        try:
            start, end = parse_period(words, config.zone, self._clock().wall)
        except ValueError as problem:
            raise Refused(said_by(problem)) from problem
        return places.devices, places, config.name, config.zone, start, end, words.by, words.every, config.energy

    async def whole(self, words: EnergyWords) -> dict[str, Any]:
        try:
            report: dict[str, Any] = await self._queries.ask(ask_full, self._about(words), self._clock().wall)
        except ValueError as problem:
            raise Refused(said_by(problem)) from problem
        return report

    async def file(self, words: EnergyWords, format: Format, language: Spoken) -> tuple[str, bytes]:
        try:
            about, now = self._about(words), self._clock().wall
            made: tuple[str, bytes] | str = await self._queries.ask(ask_file, about, now, format, language)
        except ValueError as problem:
            raise Refused(said_by(problem)) from problem
        if isinstance(made, str):
            raise Refused(sentence("report_wrong", why=made))
        return made

    async def closed(self) -> Sequence[tuple[Closed, Sequence[str]]]:
        def read() -> list[tuple[Closed, Sequence[str]]]:
            return [(entry, self._archive.names(entry.id)) for entry in self._archive.every()]

        return await asyncio.to_thread(read)

    async def closed_file(self, id: str, name: str) -> bytes:
        def read() -> bytes:
            entry = self._archive.find(id)
            if entry is None:
                raise NotFound(sentence("no_closed_report", id=id))
            try:
                return self._archive.file(entry.id, name)
            except KeyError:
                raise NotFound(sentence("no_report_file", id=entry.id, name=name)) from None
            except Damaged as problem:
                raise Refused(sentence("report_wrong", why=str(problem))) from problem

        return await asyncio.to_thread(read)

    # --- by mail ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sends what is due, until cancelled. What fails is tried again at the next look, and said once an hour."""
        said = -1e9
        while True:
            try:
                await self.send_due()
            except Exception as problem:
                self.failed += 1
                now = self._clock().monotonic
                if now - said >= 3600:
                    said = now
                    known = isinstance(problem, NotSent | Refused | Busy | OSError | JournalUnusable)
                    log.warning("a report could not be sent by mail: %s", problem, exc_info=None if known else problem)
            await asyncio.sleep(EVERY)

    async def send_due(self) -> None:
        """Each report of the month that is over, to each person once; from its day and hour on."""
        now = self._clock().wall
        today = local(now, self._config.zone)
        month = (today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        for mail in self._config.energy.mails:
            if (today.day, today.hour) < (mail.day, mail.hour):
                continue
            for id in mail.to:
                person = next(person for person in self._config.people if person.id == id)
                what = f"{month} {mail.by} {mail.every} {','.join(mail.formats)} {id}"
                if not await asyncio.to_thread(self._archive.mailed, what):
                    await self._send(month, mail, person)
                    await asyncio.to_thread(self._archive.mark_mailed, what, now)
                    self.mailed += 1

    async def _send(self, month: str, mail: ReportMail, person: Person) -> None:
        if self._mailer is None:
            raise Refused(sentence("no_mailer"))
        words = EnergyWords(month=month, by=mail.by, every=mail.every)
        files = [await self.file(words, format, person.language) for format in mail.formats]
        await self._mailer.send(person, self._config.name, month, files)
