"""The HTTP API of fire drills: what they found, and starting one."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from hub.said import Language, said_by, sentence
from hub.web.shapes import ListOut, Out, Time
from hub.web.spoken import Wanted
from hub.web.view import Conflict, NotFound


class Drilling(Protocol):
    def start(self, large: bool, by: str) -> Any: ...

    async def recent(self, limit: int, large_only: bool) -> Sequence[Any]: ...

    async def one(self, id: str) -> Any: ...


class DrillStart(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    by: str = Field("", max_length=100, description="who asks for it")
    to_people: bool = Field(False, description="tell everybody, marked as a drill, and wait for an acknowledgement")


class StepOut(Out):
    step: str = Field(
        description="published, confirmed, received, decoded, decided, committed, announced, heard, told, seen, acknowledged"
    )
    state: Literal["waiting", "ok", "failed", "not reached"]
    at: Time | None
    ms: int | None = Field(
        description="since the step before; confirmed since published; told, seen, acknowledged since committed"
    )
    notifier: str
    person: str
    why: str = Field(description="what is wrong, in the language asked for")


class DrillOut(Out):
    id: str
    large: bool = Field(description="to people")
    by: str
    started_at: Time
    ended_at: Time | None
    state: Literal["running", "passed", "failed"]
    failed: str = Field(description="the first step that failed")
    why: str
    total_ms: int | None = Field(description="from the device's sending to its hearing of the alert; the sum of these steps' ms")
    alert: str
    steps: list[StepOut]


def _out(found: Any, language: Language) -> DrillOut:
    if language == "zh":
        steps = [replace(step, why=step.why_zh or step.why) for step in found.steps]
        found = replace(found, why=found.why_zh or found.why, steps=steps)
    return DrillOut.model_validate(found)


def router(drills: Drilling) -> APIRouter:
    router = APIRouter()

    @router.get("/drills")
    async def recent(
        language: Wanted,
        limit: Annotated[int, Query(ge=1, le=1000, description="how many at most")] = 20,
        to_people: Annotated[bool, Query(description="only the large ones")] = False,
    ) -> ListOut[DrillOut]:
        """Fire drills, the newest first, each with the time of every step."""
        found = await drills.recent(limit, to_people)
        return ListOut(items=[_out(one, language) for one in found], next_cursor=None)

    @router.get("/drills/{id}")
    async def one(id: str, language: Wanted) -> DrillOut:
        """One drill, while it goes on as well."""
        found = await drills.one(id)
        if found is None:
            raise NotFound(sentence("no_drill", id=id))
        return _out(found, language)

    @router.post("/drills")
    async def start(said: DrillStart, language: Wanted) -> DrillOut:
        """Begins a drill; ask for it by its id to see it go on."""
        try:
            return _out(drills.start(said.to_people, said.by), language)
        except RuntimeError as problem:
            raise Conflict(said_by(problem)) from problem

    return router
