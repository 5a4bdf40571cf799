"""The HTTP API of rules: the list, one rule and its versions, checking, replay, saving; why and why not; the armed map."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.model import Severity
from hub.quantities import Domain
from hub.said import sentence
from hub.web.shapes import ListOut, Number, Out, Time, Words
from hub.web.view import Refused


class Rulebook(Protocol):
    """What the hub answers. Raises NotFound, Conflict and Refused."""

    async def rules(self) -> Sequence[Mapping[str, Any]]: ...

    def forms(self) -> Sequence[Any]: ...

    async def rule(self, id: str) -> Mapping[str, Any]: ...

    async def check(self, id: str, toml: str | None, table: Mapping[str, Any] | None, stories: bool) -> Mapping[str, Any]: ...

    async def replay(self, id: str, toml: str, days: int) -> Mapping[str, Any]: ...

    async def save(self, id: str, toml: str, by: str, why: str, seen: int | None) -> Any: ...

    async def take_back(self, id: str, by: str, why: str, seen: int | None) -> Any: ...


class Watch(Protocol):
    async def why(self, device: str, at: int | None) -> Mapping[str, Any]: ...

    async def armed(self) -> Mapping[str, Any]: ...


class RuleRow(Out):
    """A rule as it runs now."""

    id: str
    kind: str
    severity: Severity
    name: Words
    quantity: str
    watches: Domain
    enabled: bool
    stopped: str = Field(description="what it raised, or that it hung: it does not run")
    origin: Literal["default", "file", "page"] = Field(description="who says so: we, gengfu.toml, or the page")
    unusable: str = Field(description="why the page's newest version does not count")
    version: int = Field(description="of the page; 0: never edited there")
    open: int
    fired: int = Field(description="in the last 30 days")


class FieldOut(Out):
    name: str
    widget: Literal["text", "choice", "switch", "duration", "number", "value"]
    about: str
    required: bool
    default: str
    choices: list[str]
    common: bool


class FormOut(Out):
    kind: str
    about: str
    fields: list[FieldOut]


class VersionOut(Out):
    number: int
    at: Time
    by: str
    why: str
    toml: str = Field(description="empty: what the page said was taken back")


class OneRuleOut(Out):
    id: str
    rule: RuleRow | None = Field(description="null: there is no such rule any more")
    toml: str
    table: dict[str, Any]
    base: str = Field(description="what gengfu.toml or the default says; empty: nothing")
    versions: list[VersionOut]
    tests: int


class FaultOut(Out):
    field: str = Field(description="the setting it is about; empty: the whole")
    line: int | None
    message: str


class StoryResult(Out):
    name: str
    ok: bool
    message: str


class CheckedOut(Out):
    toml: str
    table: dict[str, Any]
    faults: list[FaultOut]
    tests: list[StoryResult]
    stories: int = Field(description="how many it carries")


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


Id = Annotated[str, Field(max_length=100)]
Toml = Annotated[str, Field(max_length=50_000)]


class CheckIn(Said):
    id: Id = Field("", description="the rule that is edited; empty: a new one")
    toml: Toml | None = None
    table: dict[str, Any] | None = Field(None, description='instead of toml; {"$toml": "…"} is a value as TOML')
    stories: bool = Field(False, description="play its own stories too")


class ReplayIn(Said):
    id: Id = Field("", description="the rule it takes the place of; empty: none")
    toml: Toml
    days: int = Field(30, ge=1, le=366)


class SaveIn(Said):
    toml: Toml
    by: str = Field(min_length=1, max_length=100, description="who says so")
    why: str = Field(min_length=1, max_length=500, description="what it is for")
    seen: int | None = Field(None, ge=0, description="the version that was edited; 409 if there is a newer one")


class TakeBackIn(Said):
    by: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)
    seen: int | None = Field(None, ge=0)


class DeviceTally(Out):
    device: str
    space: str
    place: Words
    fired: int
    seconds: float


class Episode(Out):
    device: str
    space: str
    raised_at: Time
    until: Time | None
    seconds: float
    value: Number
    unit: str
    place: Words


class SideOut(Out):
    rule: str
    failed: str
    fired: int
    dropped: int = Field(description="pending that did not hold")
    firing: int = Field(description="at the end")
    seconds: float
    device_count: int
    devices: list[DeviceTally]
    episodes: list[Episode]
    strip: list[float] = Field(description="of each part of the time, the seconds firing, all devices added up")
    fired_in: list[int]


class ReplayOut(Out):
    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    readings: int
    series: int
    took: float
    rule: SideOut
    against: SideOut | None = Field(description="the rule in force with that id")


def router(book: Rulebook) -> APIRouter:
    made = APIRouter()

    @made.get("/rulebook")
    async def rules() -> ListOut[RuleRow]:
        """The rules that run, with what is open of each and how often it has fired."""
        found = [RuleRow.model_validate(one) for one in await book.rules()]
        return ListOut(items=found, next_cursor=None, total=len(found))

    @made.get("/rulebook/kinds")
    async def kinds() -> ListOut[FormOut]:
        """The kinds of rules, with what each may say."""
        found = [FormOut.model_validate(one) for one in book.forms()]
        return ListOut(items=found, next_cursor=None, total=len(found))

    @made.get("/rulebook/rules/{id}")
    async def one(id: str) -> OneRuleOut:
        """One rule as TOML and as a table, and the versions that were saved on the page, the newest first."""
        return OneRuleOut.model_validate(await book.rule(id))

    @made.post("/rulebook/check")
    async def check(said: CheckIn) -> CheckedOut:
        """What is wrong with a rule, each mistake at its field; nothing is saved."""
        return CheckedOut.model_validate(await book.check(said.id, said.toml, said.table, said.stories))

    @made.post("/rulebook/replay")
    async def replay(said: ReplayIn) -> ReplayOut:
        """How often it would have fired in the last days; nothing is saved. It may take a minute."""
        return ReplayOut.model_validate(await book.replay(said.id, said.toml, said.days))

    @made.post("/rulebook/rules/{id}")
    async def save(id: str, said: SaveIn) -> VersionOut:
        """A new version, in force at once. Every other rule goes on as it is."""
        return VersionOut.model_validate(await book.save(id, said.toml, said.by, said.why, said.seen))

    @made.post("/rulebook/rules/{id}/take-back")
    async def take_back(id: str, said: TakeBackIn) -> VersionOut:
        """What gengfu.toml or the default says counts again; a rule that is only on the page ends."""
        return VersionOut.model_validate(await book.take_back(id, said.by, said.why, said.seen))

    return made


# --- why, and what could not fire -------------------------------------------------------------------------------------


class ReasonOut(Out):
    code: str
    en: str
    zh: str


class JudgedOut(Out):
    rule: str
    kind: str
    severity: Severity
    name: Words
    sees: bool
    quantity: str
    channel: str
    value: Number
    at: Time | None
    threshold: Number
    verdict: bool | None = Field(description="null: it cannot tell")
    state: Literal["quiet", "pending", "firing"]
    alert: str | None
    why: list[ReasonOut]


class HeardOut(Out):
    quantity: str
    channel: str
    value: Number
    time: Time | None
    received_at: Time | None
    quality: list[str]


class WhyOut(Out):
    device: str
    at: Time
    live: bool = Field(description="as it is now; else worked out from what had arrived by then")
    place: Words
    rules: list[JudgedOut]
    readings: list[HeardOut]


class BlindOut(Out):
    rule: str
    name: Words
    device: str
    quantity: str
    channel: str
    space: str
    place: Words
    why: list[ReasonOut]
    resting: bool = Field(description="only because it is outside of the rule's hours")


class BuildingOut(Out):
    id: str
    place: Words | None
    armed: int
    blind: int
    resting: int
    places: list[BlindOut]


class ArmedRule(Out):
    rule: str
    kind: str
    name: Words
    armed: int
    blind: int
    why: list[ReasonOut]


class UnheardOut(Out):
    device: str
    name: str
    space: str
    place: Words


class ArmedOut(Out):
    at: Time
    blind: int = Field(description="places and devices in which a critical rule could not fire now")
    resting: int = Field(description="only because of the hour")
    rules: list[ArmedRule]
    buildings: list[BuildingOut]
    unheard: list[UnheardOut] = Field(description="accepted devices from which nothing has ever come")
    unheard_count: int


class BlindCount(Out):
    at: Time
    blind: int
    resting: int


def watch_router(watch: Watch) -> APIRouter:
    made = APIRouter()

    @made.get("/why")
    async def why(
        device: Annotated[str, Query(max_length=300)],
        at: Annotated[AwareDatetime | None, Query(description="ISO 8601; now, if left out")] = None,
    ) -> WhyOut:
        """Which rules saw a device's readings, what each decided and what held it back; a past moment is worked out anew."""
        try:
            moment = None if at is None else round(at.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise Refused(sentence("no_moment")) from None
        return WhyOut.model_validate(await watch.why(device, moment))

    @made.get("/armed")
    async def armed() -> ArmedOut:
        """Which critical rules could not fire now, and why, by building."""
        return ArmedOut.model_validate(await watch.armed())

    @made.get("/armed/count")
    async def count() -> BlindCount:
        """How many places are blind."""
        return BlindCount.model_validate(await watch.armed())

    return made
