"""The desk's part on the way from an alert to a person. Implements ``hub.web.people_view.PeopleView``."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from hub import stories
from hub.commands import Commands, Missing, Over, Wrong
from hub.config import Config
from hub.model import SEVERITIES, Alert, Now, Severity
from hub.pipeline import Pipeline
from hub.records_people import PeopleReader
from hub.said import said_by, sentence
from hub.telling.incidents import Group, Incident
from hub.telling.silences import Silence
from hub.web.people_view import AlertPeople, Duty, DutyPiece, IncidentStory, Next, Rung, SilenceWords, ToldOf
from hub.web.view import Conflict, NotFound, Page, Refused

T = TypeVar("T")

MEMBERS = 200
"""Members that are shown with an incident."""
MONTH = 30 * 86_400_000


class PeopleDesk:
    def __init__(self, config: Config, pipeline: Pipeline, records: PeopleReader, clock: Callable[[], Now]) -> None:
        self._config = config
        self.pipeline = pipeline
        self._records = records
        self.clock = clock
        self._reading = ThreadPoolExecutor(2, "records-reader")
        self._people = {person.id: person.name for person in config.people}
        self._commands = Commands(pipeline, config, clock)

    async def recorded(self, question: Callable[..., T], *arguments: Any) -> T:
        """An answer from the records, in threads of their own: a name server that hangs holds up the others."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, partial(question, *arguments))

    @staticmethod
    async def _decided(decision: Awaitable[T]) -> T:
        try:
            return await decision
        except Wrong as problem:
            raise Refused(said_by(problem)) from problem
        except Missing as problem:
            raise NotFound(said_by(problem)) from problem
        except Over as problem:
            raise Conflict(said_by(problem)) from problem

    # --- incidents ----------------------------------------------------------------------------------------------------

    async def incidents(
        self, *, state: Literal["firing", "resolved"] | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Incident]:
        if cursor is not None and not cursor.isdigit():
            raise Refused(sentence("cursor", cursor=cursor))
        if state == "firing":
            found = [group.incident for group in self.pipeline.telling.groups]
            found.sort(key=lambda one: (-SEVERITIES.index(one.severity), not one.unacknowledged, one.opened_at, one.id))
            start = int(cursor or 0)
            more = str(start + limit) if start + limit < len(found) else None
            return Page(found[start : start + limit], more, len(found))
        rows = await self.recorded(self._records.incidents, state or "", limit + 1, int(cursor) if cursor else None)
        more = str(rows[limit - 1][0]) if len(rows) > limit else None
        return Page([incident for _, incident in rows[:limit]], more)

    async def incident(self, id: str) -> IncidentStory:
        group = next((group for group in self.pipeline.telling.groups if group.incident.id == id), None)
        incident = group.incident if group else await self.recorded(self._records.incident, id)
        if incident is None:
            raise NotFound(sentence("no_incident", id=id))
        rows = await self.recorded(self._records.incident_ledger, id)
        told = [ToldOf(row["alert"], one) for row, one in zip(rows, stories.told(rows, self._people), strict=True)]
        members = await self.recorded(self._records.members, id, MEMBERS)
        held = dict(Counter(group.held.values())) if group else {}
        rungs = self.pipeline.telling.voice.rungs(group, self.clock()) if group else []
        ladder = [Rung(at, tell, [self._people[one] for one in meant], done) for at, tell, meant, done in rungs]
        more = max(0, incident.members - len(members))
        return IncidentStory(incident, members, more, told, held, ladder, self._next(group))

    def _next(self, group: Group | None) -> Next | None:
        found = self.pipeline.telling.voice.next(group, self.clock()) if group else None
        if found is None:
            return None
        at, ways, again = found
        return Next(at, list(dict.fromkeys(self._people.get(way.person, way.notifier) for way in ways)), again)

    async def acknowledge_incident(self, id: str, by: str, comment: str) -> int:
        return await self._decided(self._commands.acknowledge_incident(id, by, comment))

    # --- one alert ----------------------------------------------------------------------------------------------------

    async def _known(self, id: str) -> Alert:
        alert = self.pipeline.open.get(id) or await self.recorded(self._records.alert, id)
        if alert is None:
            raise NotFound(sentence("no_alert", id=id))
        return alert

    async def alert_people(self, id: str) -> AlertPeople:
        await self._known(id)
        group = self.pipeline.telling.group_of(id)
        return AlertPeople(
            await self.recorded(self._records.incident_of, id),
            await self.recorded(self._records.assigned, id),
            group.held.get(id, "") if group else "",
            await self.recorded(self._records.notes, id),
            await self.recorded(self._records.evidence, id),
        )

    async def comment(self, id: str, by: str, text: str) -> AlertPeople:
        await self._decided(self._commands.comment(await self._known(id), by, text))
        return await self.alert_people(id)

    async def done(self, id: str, by: str, text: str) -> AlertPeople:
        await self._decided(self._commands.done(await self._known(id), by, text))
        return await self.alert_people(id)

    async def assign(self, id: str, by: str, whom: str, text: str) -> AlertPeople:
        await self._decided(self._commands.assign(await self._known(id), by, whom, text))
        return await self.alert_people(id)

    async def reopen(self, id: str, by: str, reason: str) -> Alert:
        return await self._decided(self._commands.reopen(await self._known(id), by, reason))

    # --- silences -----------------------------------------------------------------------------------------------------

    async def silences(self, over: bool = False) -> Sequence[Silence]:
        now = self.clock().wall
        if over:
            return await self.recorded(self._records.silences, now - MONTH)
        found = [silence for silence in self.pipeline.telling.silences.values() if not silence.over(now)]
        return sorted(found, key=lambda silence: silence.until)

    async def silence(self, words: SilenceWords) -> Silence:
        until = words.until or (words.since or self.clock().wall) + words.lasts
        return await self._decided(self._commands.silence(words.matcher, until, words.by, words.why, words.kind, words.since))

    async def second_silence(self, id: str, by: str) -> Silence:
        return await self._decided(self._commands.second(id, by))

    async def end_silence(self, id: str, by: str) -> Silence:
        return await self._decided(self._commands.end_silence(id, by))

    # --- duty ---------------------------------------------------------------------------------------------------------

    async def duty(self, days: int) -> Duty:
        rota = self.pipeline.telling.voice.rota
        now = self.clock().wall
        today = rota.calendar.local(now).date()
        plans = {
            team: [
                DutyPiece(_ms(begin), _ms(end), people, [self._people.get(one, one) for one in people])
                for day in range(days)
                for begin, end, people in rota.plan(team, today + timedelta(days=day))
            ]
            for team in rota.teams
        }
        ladders: dict[Severity, dict[str, Any]] = {
            severity: {
                "steps": [{"after_s": step.after, "tell": list(step.tell)} for step in ladder.steps],
                "repeat_s": ladder.repeat,
                "accepted_within_s": ladder.accepted_within,
            }
            for severity, ladder in self._config.telling.ladders.items()
        }
        swaps = [
            {"day": one.day, "person": one.person, "instead_of": one.instead_of, "team": one.team, "by": one.by}
            for one in rota.swaps
            if one.day >= today.isoformat()
        ]
        people = [
            {"id": one.id, "name": one.name, "spaces": list(one.spaces), "tell": list(one.tell), "language": one.language}
            for one in self._config.people
        ]
        return Duty({team: rota.on_duty(team, now) for team in rota.teams}, plans, swaps, ladders, people)

    async def swap(self, day: str, person: str, instead_of: str, team: str, by: str) -> Duty:
        await self._decided(self._commands.swap(day, person, instead_of, team, by))
        return await self.duty(7)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
