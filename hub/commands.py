"""What people decide on the way from an alert to them, beside acknowledging and closing: through the pipeline, and audited.

All of it raises ``Unfit`` in one plain sentence, and returns when it is on disk.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from hub.config import Config
from hub.model import Alert, Notice, Now
from hub.notices import Receiver, Roster
from hub.pipeline import Pipeline
from hub.ports import Directory
from hub.records import Work
from hub.records_people import Note, PeopleReader, put_note, put_silence, put_swap
from hub.said import Said, sentence
from hub.telling.duty import Rota, Swap
from hub.telling.matching import Matcher
from hub.telling.silences import AT_MOST, LONGEST, Kind, Silence, same_person
from hub.telling.telling import Telling
from rules import lifecycle

AT_ONCE = 500
"""Alerts acknowledged in one transaction."""
SWAPS_KEPT = 40 * 86_400_000
"""ms after which a swap no longer matters."""


class Unfit(Exception):
    """It cannot be done; the sentence says why."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)


class Wrong(Unfit):
    """What was asked makes no sense."""


class Missing(Unfit):
    """There is no such thing."""


class Over(Unfit):
    """It is over already."""


def restored(
    config: Config, receivers: Sequence[Receiver], places: Directory, reader: PeopleReader, alerts: Sequence[Alert], now: Now
) -> Telling:
    """Who is told, as it was when the last run ended. ``alerts``: the open ones and those closed lately."""
    telling = Telling(Roster(config.people, tuple(receivers)), places, config.telling)
    telling.silences.update({one.id: one for one in reader.silences(now.wall) if not one.over(now.wall)})
    rota = config.telling.rota
    since = rota.calendar.local(now.wall - SWAPS_KEPT).date().isoformat()
    telling.voice.rota = Rota(rota.calendar, rota.shifts, (*rota.swaps, *reader.swaps(since)))
    telling.restore(reader.telling(), alerts, reader.unsent(), now)
    return telling


class Commands:
    def __init__(self, pipeline: Pipeline, config: Config, clock: Callable[[], Now]) -> None:
        self._pipeline = pipeline
        self._telling = pipeline.telling
        self._names = {person.id: person.name for person in config.people}
        self._clock = clock

    # --- incidents ----------------------------------------------------------------------------------------------------

    async def acknowledge_incident(self, id: str, by: str, comment: str) -> int:
        """Acknowledges every firing member that nobody has; how many. Raises Missing where no such incident is open."""
        group = next((group for group in self._telling.groups if group.incident.id == id), None)
        if group is None:
            raise Missing(sentence("no_open_incident", id=id))
        waiting = [alert.id for alert in group.firing.values() if not alert.acknowledged_by]
        for start in range(0, len(waiting), AT_ONCE):
            now = self._clock()
            ids = [one for one in waiting[start : start + AT_ONCE] if one in group.firing]
            changed = [self._pipeline.engine.acknowledge(one, by, comment, now) for one in ids]
            await self._pipeline.decide(changed, [(by, "acknowledge", one) for one in ids])
        return len(waiting)

    # --- one alert ----------------------------------------------------------------------------------------------------

    async def comment(self, alert: Alert, by: str, text: str) -> None:
        await self._write(Note(alert.id, self._clock().wall, by, "comment", _said(text, "say_comment")))

    async def done(self, alert: Alert, by: str, text: str) -> None:
        await self._write(Note(alert.id, self._clock().wall, by, "done", _said(text, "say_done")))

    async def assign(self, alert: Alert, by: str, whom: str, text: str = "") -> None:
        """``whom``: a configured person, by id or name; they are told. "" to nobody."""
        if alert.state == "resolved":
            raise Over(sentence("alert_closed", id=alert.id))
        person = next((id for id, name in self._names.items() if whom in (id, name)), "") if whom else ""
        if whom and not person:
            raise Wrong(sentence("no_person", name=whom, names=_names(self._names)))
        now = self._clock()
        roster = self._telling.roster
        mark = f"assigned{now.wall}"
        told = [roster.notice(alert, way, "assigned", mark, now.wall) for way in roster.ways_to([person], alert.severity)]
        await self._write(Note(alert.id, now.wall, by, "assigned", text.strip(), person), told)

    async def reopen(self, alert: Alert, by: str, reason: str) -> Alert:
        """A person says that a closed alert is not over. It stays closed; a new one names it, and only a person closes that."""
        if alert.state != "resolved":
            raise Wrong(sentence("alert_open", id=alert.id))
        again = next((one for one in self._pipeline.open.values() if one.reopens == alert.id), None)
        if again is not None:
            raise Over(sentence("alert_again", id=again.id))
        reason = _said(reason, "say_reopen")
        now = self._clock()
        id = lifecycle.identity("reopened", alert.id, by, reason, now.wall, alert.revision)
        made = replace(
            alert, id=id, state="firing", at=now.wall, received_at=now.wall, pending_since=now.wall, raised_at=now.wall,
            last_at=now.wall, silent=False, stale=False, acknowledged_by="", acknowledged_at=None, comment="", resolved_at=None,
            resolved_by="", reason="", event=True, revision=1, reopens=alert.id,
        )  # fmt: skip
        self._pipeline.engine.adopt(made)
        notes = [Note(one, now.wall, by, "reopened", reason, other) for one, other in ((alert.id, id), (id, alert.id))]

        def put(work: Work) -> None:
            for note in notes:
                put_note(work, note)

        await self._pipeline.decide([made], [(by, "reopen", alert.id)], put)
        return made

    async def _write(self, note: Note, notices: Iterable[Notice] = ()) -> None:
        def put(work: Work) -> None:
            put_note(work, note)
            work.notices.extend(notices)

        await self._pipeline.decide([], [(note.by, note.what, note.alert)], put)

    # --- silences -----------------------------------------------------------------------------------------------------

    async def silence(self, matcher: Matcher, until: int, by: str, why: str, kind: Kind = "silence", since: int = 0) -> Silence:
        """From now, or from ``since``, to ``until``, ms."""
        now = self._clock().wall
        since = max(since, now)
        if until <= since:
            raise Wrong(sentence("silence_ends_before"))
        if until - since > LONGEST:
            raise Wrong(sentence("silence_long", days=LONGEST // 86_400_000))
        if kind != "silence" and (matcher.device == "*" or set("*?[") & set(matcher.device)):
            raise Wrong(sentence("one_device", kind=sentence(kind)))
        if matcher == Matcher():
            raise Wrong(sentence("silences_everything"))
        if len(self._telling.silences) >= AT_MOST:
            raise Wrong(sentence("silences_many", most=AT_MOST))
        made = Silence(
            id=secrets.token_hex(8), matcher=matcher, since=since, until=until, by=by, why=_said(why, "say_why"), kind=kind
        )
        await self._take(made, by, kind)
        return made

    async def second(self, id: str, by: str) -> Silence:
        """A second person agrees that also what is critical, or of fire or a person in need, is silenced."""
        silence = self._silence(id)
        if same_person(silence.by, by, self._names):
            raise Wrong(sentence("second_is_first", by=by))
        if silence.second:
            raise Over(sentence("second_agreed", by=silence.second))
        now = self._clock().wall
        agreed = replace(silence, second=by, second_at=now)
        await self._take(agreed, by, "second")
        return agreed

    async def end_silence(self, id: str, by: str) -> Silence:
        silence = self._silence(id)
        ended = replace(silence, ended_by=by, ended_at=self._clock().wall)
        await self._take(ended, by, "unsilence")
        return ended

    def _silence(self, id: str) -> Silence:
        found = self._telling.silences.get(id)
        if found is None or found.over(self._clock().wall):
            raise Missing(sentence("no_silence", id=id))
        return found

    async def _take(self, silence: Silence, by: str, what: str) -> None:
        self._telling.silences[silence.id] = silence
        self._telling.look_again()
        await self._pipeline.decide([], [(by, what, silence.id)], lambda work: put_silence(work, silence))

    # --- duty ---------------------------------------------------------------------------------------------------------

    async def swap(self, day: str, person: str, instead_of: str, team: str, by: str) -> Swap:
        rota = self._telling.voice.rota
        for one in (person, instead_of):
            if one not in self._names:
                raise Wrong(sentence("no_person", name=one, names=_names(self._names)))
        if team and team not in rota.teams:
            raise Wrong(sentence("no_team", name=team, names=_names(rota.teams)))
        try:
            given = date.fromisoformat(day)
        except ValueError:
            raise Wrong(sentence("no_date", day=day)) from None
        if given < rota.calendar.local(self._clock().wall - 86_400_000).date():
            raise Wrong(sentence("day_over", day=day))
        made = Swap(day, person, instead_of, team, by)
        self._telling.voice.rota = Rota(rota.calendar, rota.shifts, (*rota.swaps, made))
        await self._pipeline.decide(
            [], [(by, "swap", f"{day} {team} {instead_of} -> {person}")], lambda work: put_swap(work, made)
        )
        return made


def _said(text: str, otherwise: str) -> str:
    if not text.strip():
        raise Wrong(sentence(otherwise))
    return text.strip()


def _names(known: Iterable[str]) -> str | Said:
    return ", ".join(known) or sentence("nobody")
