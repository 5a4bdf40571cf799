"""What stands behind the links in messages: looks an alert up, and acknowledges it for the person it was sent to."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hub import notices
from hub.committer import Committer
from hub.links import LinkRefused, Links, Ticket
from hub.model import DRILL_DEVICE, Alert, Notice, Now, Person
from hub.notifiers.words import Words
from hub.pipeline import Pipeline
from hub.records import RecordsReader
from hub.said import LINK, named
from hub.steps import steps
from hub.web.links import LinkPage
from rules.engine import AlreadyClosed, UnknownAlert


class LinkDesk:
    """Implements ``hub.web.links.LinkDesk``. ``opened`` links were looked at, ``used`` ones acknowledged, ``refused`` ones
    forged, expired or used before."""

    def __init__(
        self,
        links: Links,
        words: Words,
        pipeline: Pipeline,
        records: RecordsReader,
        committer: Committer,
        people: Mapping[str, Person],
        clock: Callable[[], Now],
    ) -> None:
        self._links = links
        self._words = words
        self._pipeline = pipeline
        self._records = records
        self._committer = committer
        self._people = people
        self._clock = clock
        self._reading = ThreadPoolExecutor(1, "links-reader")
        self._under_way: set[str] = set()
        self.opened = 0
        self.used = 0
        self.refused = 0

    async def look(self, token: str, opened: bool) -> LinkPage:
        ticket, alert = await self._read(token)
        self.opened += 1
        if opened:
            self._pipeline.seen(alert.id, ticket.person)
        return self._page(alert, ticket, _state(alert))

    async def use(self, token: str, name: str) -> LinkPage:
        ticket, alert = await self._read(token)
        if ticket.mark in self._under_way:  # pressed twice
            raise self._used()
        self._under_way.add(ticket.mark)
        try:
            if (state := _state(alert)) != "open":
                return self._page(alert, ticket, state)
            by = ticket.person or name or f"{LINK}:{ticket.channel}".removesuffix(":")
            self._committer.gather(urgent=False).audits.append((self._clock().wall, by, LINK, _subject(ticket)))
            try:
                alert = await self._pipeline.acknowledge_told(alert.id, by, "")
            except (AlreadyClosed, UnknownAlert):
                return self._page(await self._alert(ticket), ticket, "closed")
            self.used += 1
            return self._page(alert, ticket, "thanks")
        finally:
            self._under_way.discard(ticket.mark)

    async def _read(self, token: str) -> tuple[Ticket, Alert]:
        """Of a channel's link that somebody has used the others see who takes care; a person's own is spent."""
        try:
            ticket = self._links.read(token, self._clock().wall)
        except LinkRefused:
            self.refused += 1
            raise
        used = await self._ask(self._records.noted, _subject(ticket), LINK) is not None
        if used and ticket.person:
            raise self._used()
        alert = await self._alert(ticket)
        if used and _state(alert) == "open":
            raise self._used()
        return ticket, alert

    def _used(self) -> LinkRefused:
        self.refused += 1
        return LinkRefused("used")

    async def _alert(self, ticket: Ticket) -> Alert:
        alert: Alert | None = self._pipeline.open.get(ticket.alert) or await self._ask(self._records.alert, ticket.alert)
        if alert is None:
            raise KeyError(ticket.alert)
        return alert

    async def _ask(self, question: Callable[..., Any], *given: str) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reading, question, *given)

    def _page(self, alert: Alert, ticket: Ticket, state: str) -> LinkPage:
        person = self._people.get(ticket.person)
        notice = Notice(
            id="", alert=alert.id, revision=alert.revision, notifier="", why="resolved" if alert.state == "resolved" else "first",
            created_at=0, severity=alert.severity, body=notices.body(alert), language=person.language if person else "zh",
            drill=alert.device == DRILL_DEVICE,
        )  # fmt: skip
        text = self._words.say(notice)
        return LinkPage(
            state,
            text.title,
            text.facts,
            critical=alert.severity == "critical",
            fire=alert.quantity.startswith("fire."),
            person=person.name if person else "",
            by=named(alert.acknowledged_by, {person.id: person.name for person in self._people.values()}),
            drill=notice.drill,
            anybody=not ticket.person,
            steps=steps(alert.quantity, alert.silent and alert.value is None),
        )

    def close(self) -> None:
        self._reading.shutdown(wait=False, cancel_futures=True)


def _state(alert: Alert) -> str:
    if alert.state == "resolved":
        return "closed"
    return "taken" if alert.acknowledged_by else "open"


def _subject(ticket: Ticket) -> str:
    return f"{LINK}:{ticket.mark}"
