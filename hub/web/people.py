"""The HTTP API of the way from an alert to a person: incidents, notes, silences, duty."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from msgspec.structs import asdict
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.model import Severity
from hub.said import Language, sentence
from hub.telling.incidents import Incident
from hub.telling.matching import Matcher
from hub.telling.silences import Silence
from hub.web.people_view import AlertPeople, Duty, IncidentStory, SilenceWords, ToldOf
from hub.web.shapes import AlertOut, ListOut, Out, Time, ToldOut, Words, what_to_do
from hub.web.spoken import Wanted
from hub.web.view import HubView, Refused

Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the part before")]
Who = Annotated[str, Field(min_length=1, max_length=100)]


class Said(BaseModel):
    """What people send. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    by: Who = Field(description="who says so")


class Comment(Said):
    text: str = Field(min_length=1, max_length=4000)


class Assignment(Said):
    to: str = Field(max_length=100, description="a configured person, by id or name; empty: to nobody")
    text: str = Field("", max_length=4000)


class Reopening(Said):
    reason: str = Field(min_length=1, max_length=2000, description="why it is not over")


class Answer(Said):
    comment: str = Field("", max_length=2000)


class SilenceIn(Said):
    why: str = Field(min_length=1, max_length=2000)
    rule: str = Field("*", max_length=200, description="glob")
    device: str = Field("*", max_length=300, description="glob")
    space: str = Field("*", max_length=200, description="glob; what lies inside a space belongs to it")
    quantity: str = Field("*", max_length=200, description="glob")
    severity: Literal["", "info", "warning", "critical"] = Field(
        "", description="all, if left out; but what is critical is told until a second person confirms, see told_anyway"
    )
    until: AwareDatetime | None = Field(None, description="ISO 8601; or say minutes")
    minutes: int | None = Field(None, ge=1, le=43_200, description="from its beginning")
    since: AwareDatetime | None = Field(None, description="now, if left out")
    kind: Literal["silence", "maintenance", "test"] = Field("silence", description="maintenance and test are for one device")


class SwapIn(Said):
    day: str = Field(max_length=10, description="on which the shift begins, such as 2026-10-01")
    person: str = Field(min_length=1, max_length=120, description="who takes it, id")
    instead_of: str = Field(min_length=1, max_length=120, description="whose shift it was, id")
    team: str = Field("", max_length=60, description="only in this team")


class IncidentOut(Out):
    """Alerts of one cause in one place. Counts of its members."""

    id: str
    kind: str = Field(description='"fire", or the rule')
    space: str
    place: Words
    summary: Words
    lead: str = Field(description="the alert it was first told by")
    state: str
    severity: Severity
    members: int
    firing: int
    critical: int
    unacknowledged: int
    opened_at: Time
    changed_at: Time
    resolved_at: Time | None
    told_at: Time | None = Field(description="when people were first told; null: nobody was")


class RungOut(Out):
    at: Time
    tell: list[str]
    people: list[str] = Field(description="names of those it means now")
    done: bool


class NextOut(Out):
    at: Time
    people: list[str] = Field(description="names; of a channel that is nobody's own its id")
    again: bool = Field(description="a reminder to people who know already")


class IncidentToldOut(ToldOut):
    alert: str


class IncidentStoryOut(Out):
    incident: IncidentOut
    members: list[AlertOut] = Field(description="in the order in which they joined")
    more: int
    told: list[IncidentToldOut] = Field(description="the ledger: who was told what, and how it went")
    held: dict[str, int] = Field(description="why members are not told now: silence, maintenance, test, explained, flapping")
    ladder: list[RungOut] = Field(description="empty once nobody has to be waited for")
    next: NextOut | None = Field(description="who is told next if nobody answers; null: nobody any more")
    steps: list[Words] = Field(description="what to do, in order")


class NoteOut(Out):
    at: Time
    by: str
    what: str
    text: str
    whom: str


class FrozenOut(Out):
    device: str
    quantity: str
    channel: str
    points: list[tuple[int, float, int]] = Field(description="[ms since 1970, value, quality bits]")


class AlertPeopleOut(Out):
    incident: str
    assigned: str = Field(description="id of the person")
    held: str = Field(description="why nobody is told of it now; empty where people are")
    notes: list[NoteOut]
    evidence: list[FrozenOut] | None = Field(description="the readings before it, as they were then; null: not frozen (yet)")


class SilenceOut(Out):
    id: str
    kind: str
    rule: str
    device: str
    space: str
    quantity: str
    severity: str
    since: Time
    until: Time
    by: str
    why: str
    waits_for_second: bool = Field(description="what is critical or of fire is told until a second person agrees")
    told_anyway: Words | None = Field(description="what it does not hold back until then, in words; null: nothing such")
    second: str
    second_at: Time | None
    ended_by: str
    ended_at: Time | None


class DutyPieceOut(Out):
    start: Time
    end: Time
    people: list[str]
    names: list[str]


class DutyOut(Out):
    now: dict[str, list[str]] = Field(description="by team: who is on duty, ids")
    days: dict[str, list[DutyPieceOut]] = Field(description="by team; nobody in people is a hole")
    swaps: list[dict[str, str]]
    ladders: dict[str, Any] = Field(description="by severity: steps, repeat_s, accepted_within_s")
    people: list[Mapping[str, Any]]


def incident_out(found: Incident) -> IncidentOut:
    fields: dict[str, Any] = asdict(found)
    told_at = found.told_at if found.told_rank >= 0 else None
    return IncidentOut.model_validate({**fields, "kind": found.cause, "told_at": told_at})


def _told(one: ToldOf, language: Language) -> IncidentToldOut:
    return IncidentToldOut(alert=one.alert, **ToldOut.model_validate(one.told, context={"language": language}).model_dump())


def _story(story: IncidentStory, most: int, language: Language) -> IncidentStoryOut:
    lead = next((one for one in story.members if one.id == story.incident.lead), None) or next(iter(story.members), None)
    return IncidentStoryOut(
        incident=incident_out(story.incident),
        members=[AlertOut.model_validate(one) for one in story.members[:most]],
        more=story.more + max(0, len(story.members) - most),
        told=[_told(one, language) for one in story.told],
        held=story.held,
        ladder=[RungOut.model_validate(one) for one in story.ladder],
        next=NextOut.model_validate(story.next) if story.next else None,
        steps=what_to_do(AlertOut.model_validate(lead)) if lead else [],
    )


def _silence(found: Silence) -> SilenceOut:
    said = {"waits_for_second": found.waits_for_second, "told_anyway": found.told_anyway}
    return SilenceOut.model_validate({**asdict(found.matcher), **asdict(found), **said})


def _alert(found: AlertPeople) -> AlertPeopleOut:
    return AlertPeopleOut.model_validate(found)


def _duty(found: Duty) -> DutyOut:
    return DutyOut.model_validate(found)


def _ms(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _words(said: SilenceIn) -> SilenceWords:
    matcher = Matcher(said.rule, said.device, said.space, said.quantity, said.severity)
    since = _ms(said.since) if said.since else 0
    if (said.until is None) == (said.minutes is None):
        raise Refused(sentence("say_until"))
    until = _ms(said.until) if said.until is not None else 0
    return SilenceWords(matcher, until, (said.minutes or 0) * 60_000, said.by, said.why, said.kind, since)


def router(view: HubView) -> APIRouter:
    router = APIRouter()
    _incidents(router, view)
    _notes(router, view)
    _silences(router, view)
    _rota(router, view)
    return router


def _incidents(router: APIRouter, view: HubView) -> None:
    @router.get("/incidents")
    async def incidents(
        state: Literal["firing", "resolved"] | None = None, limit: Limit = 50, cursor: Cursor = None
    ) -> ListOut[IncidentOut]:
        """Incidents: firing ones worst first, otherwise newest first."""
        found = await view.incidents(state=state, limit=limit, cursor=cursor)
        items = [incident_out(one) for one in found.items]
        return ListOut(items=items, next_cursor=found.next_cursor, total=found.total)

    @router.get("/incidents/{id}")
    async def incident(
        id: str, language: Wanted, members: Annotated[int, Query(ge=0, le=200, description="how many of them at most")] = 200
    ) -> IncidentStoryOut:
        """One incident: its members, who was told, and who is next."""
        return _story(await view.incident(id), members, language)

    @router.post("/incidents/{id}/acknowledge")
    async def acknowledge(id: str, said: Answer) -> dict[str, int]:
        """Acknowledges all its firing members."""
        return {"acknowledged": await view.acknowledge_incident(id, said.by, said.comment)}


def _notes(router: APIRouter, view: HubView) -> None:
    @router.get("/alerts/{id}/people")
    async def people(id: str) -> AlertPeopleOut:
        """What belongs to an alert beside its own story: incident, notes, to whom it is assigned, frozen evidence."""
        return _alert(await view.alert_people(id))

    @router.post("/alerts/{id}/comments")
    async def comment(id: str, said: Comment) -> AlertPeopleOut:
        """A comment, also on a closed alert."""
        return _alert(await view.comment(id, said.by, said.text))

    @router.post("/alerts/{id}/done")
    async def done(id: str, said: Comment) -> AlertPeopleOut:
        """What was done."""
        return _alert(await view.done(id, said.by, said.text))

    @router.post("/alerts/{id}/assign")
    async def assign(id: str, said: Assignment) -> AlertPeopleOut:
        """Somebody is to take care of it, and is told so."""
        return _alert(await view.assign(id, said.by, said.to, said.text))

    @router.post("/alerts/{id}/reopen", status_code=201)
    async def reopen(id: str, said: Reopening) -> AlertOut:
        """A closed alert is not over: a new one, which names it in `reopens`."""
        return AlertOut.model_validate(await view.reopen(id, said.by, said.reason))


def _silences(router: APIRouter, view: HubView) -> None:
    @router.get("/silences")
    async def silences(
        over: Annotated[bool, Query(description="those of the last 30 days as well")] = False,
    ) -> ListOut[SilenceOut]:
        """What is silenced, until when, by whom and why; the first to end first."""
        found = [_silence(one) for one in await view.silences(over)]
        return ListOut(items=found, next_cursor=None, total=len(found))

    @router.post("/silences", status_code=201)
    async def silence(said: SilenceIn) -> SilenceOut:
        """Nobody is told of what it matches; alerts are raised, published and resolved all the same."""
        return _silence(await view.silence(_words(said)))

    @router.post("/silences/{id}/second")
    async def second(id: str, said: Said) -> SilenceOut:
        """Another person agrees that it also silences what is critical or of fire."""
        return _silence(await view.second_silence(id, said.by))

    @router.delete("/silences/{id}")
    async def end(id: str, said: Said) -> SilenceOut:
        """Ends it now; what is still firing is told."""
        return _silence(await view.end_silence(id, said.by))


def _rota(router: APIRouter, view: HubView) -> None:
    @router.get("/rota")
    async def rota(days: Annotated[int, Query(ge=1, le=62, description="from today")] = 7) -> DutyOut:
        """Who is on duty now and in the next days, with its holes; the ladders."""
        return _duty(await view.duty(days))

    @router.post("/rota/swaps", status_code=201)
    async def swap(said: SwapIn) -> DutyOut:
        """One person takes another's shifts of a day."""
        return _duty(await view.swap(said.day, said.person, said.instead_of, said.team, said.by))
