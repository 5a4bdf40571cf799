"""What the web asks and people command on the way from an alert to a person: incidents, silences, duty, notes, evidence."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from hub.model import Alert, Severity
from hub.records_people import Frozen, Note
from hub.telling.incidents import Incident
from hub.telling.matching import Matcher
from hub.telling.silences import Kind, Silence
from hub.web.paging import Page


class IncidentStory(Struct, frozen=True):
    """``ladder``: the steps still to come or done, while somebody has to answer. ``next``: what happens if nobody does.
    ``held``: why members are not told, counted."""

    incident: Incident
    members: Sequence[Alert] = ()
    more: int = 0  # members beyond those listed
    told: Sequence["ToldOf"] = ()
    held: dict[str, int] = {}
    ladder: Sequence["Rung"] = ()
    next: "Next | None" = None


class ToldOf(Struct, frozen=True):
    """``told``: a ``hub.web.view.Told``; ``alert``: the one it spoke of."""

    alert: str
    told: Any


class Rung(Struct, frozen=True):
    """One step: who is meant now, and when it is due. ``done``: it has been told."""

    at: int
    tell: Sequence[str]
    people: Sequence[str]  # names
    done: bool


class Next(Struct, frozen=True):
    """Who is told next, and when. ``again``: all of them know already."""

    at: int
    people: Sequence[str]  # names; of a channel that is nobody's own its id
    again: bool


class AlertPeople(Struct, frozen=True):
    """What belongs to an alert beside its own story. ``held``: why nobody is told of it now; "" where people are."""

    incident: str = ""
    assigned: str = ""
    held: str = ""
    notes: Sequence[Note] = ()
    evidence: Sequence[Frozen] | None = None  # None: not frozen (yet)


class DutyPiece(Struct, frozen=True):
    """Nobody in ``people`` is a hole. ms."""

    start: int
    end: int
    people: Sequence[str]
    names: Sequence[str]


class Duty(Struct, frozen=True):
    """The rota. ``days``: by team, the pieces of the days asked for; ``swaps`` from today on; ``ladders`` by severity."""

    now: Mapping[str, Sequence[str]]  # team -> people on duty, ids
    days: Mapping[str, Sequence[DutyPiece]]
    swaps: Sequence[dict[str, str]]
    ladders: Mapping[Severity, dict[str, Any]]
    people: Sequence[Mapping[str, Any]]


class SilenceWords(Struct, frozen=True):
    """``until`` in ms, or 0 and ``lasts``, ms from its beginning; ``since`` 0 is now."""

    matcher: Matcher
    until: int
    lasts: int
    by: str
    why: str
    kind: Kind = "silence"
    since: int = 0


class PeopleView(Protocol):
    """Raises NotFound, Conflict or Refused, as all of HubView."""

    async def incidents(
        self, *, state: Literal["firing", "resolved"] | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Incident]:
        """Firing ones, worst first and unacknowledged before acknowledged; others newest first."""
        ...

    async def incident(self, id: str) -> IncidentStory: ...

    async def acknowledge_incident(self, id: str, by: str, comment: str) -> int:
        """How many alerts that acknowledged."""
        ...

    async def alert_people(self, id: str) -> AlertPeople: ...

    async def comment(self, id: str, by: str, text: str) -> AlertPeople: ...

    async def done(self, id: str, by: str, text: str) -> AlertPeople: ...

    async def assign(self, id: str, by: str, whom: str, text: str) -> AlertPeople: ...

    async def reopen(self, id: str, by: str, reason: str) -> Alert:
        """The new alert, which names the old one."""
        ...

    async def silences(self, over: bool = False) -> Sequence[Silence]:
        """In force and to come, the first to end first; ``over``: those of the last 30 days as well."""
        ...

    async def silence(self, words: SilenceWords) -> Silence: ...

    async def second_silence(self, id: str, by: str) -> Silence: ...

    async def end_silence(self, id: str, by: str) -> Silence: ...

    async def duty(self, days: int) -> Duty: ...

    async def swap(self, day: str, person: str, instead_of: str, team: str, by: str) -> Duty: ...
