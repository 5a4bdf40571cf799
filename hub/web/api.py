"""The HTTP API and the page, over a HubView. Lists are ``{"items", "next_cursor"}``, errors RFC 9457 problem details."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, FastAPI, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from hub.model import AlertState, Severity
from hub.quantities import Domain
from hub.said import quoted, sentence
from hub.web import docs, people, problems, readings, shapes, static
from hub.web.drills import Drilling
from hub.web.drills import router as drill_router
from hub.web.feed import KINDS, Kind
from hub.web.guard import Guard
from hub.web.links import LinkDesk
from hub.web.links import router as link_router
from hub.web.reports import Reports
from hub.web.reports import router as reports_router
from hub.web.rules import Rulebook, Watch, watch_router
from hub.web.rules import router as rules_router
from hub.web.shapes import (
    AlertOut,
    DeadLetterBytesOut,
    DeadLetterOut,
    DeviceOut,
    ListOut,
    OverviewOut,
    QuantityOut,
    RuleOut,
    SpaceOut,
    StoryOut,
)
from hub.web.spoken import Wanted
from hub.web.stream import EventStream, tick
from hub.web.view import HubView, Page, Refused

Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the part before")]
Search = Annotated[str, Query(max_length=200, description="part of a place, a device, a rule or a person's name")]

Record = TypeVar("Record")
T = TypeVar("T")


class Words(BaseModel):
    """What people send. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Acknowledgement(Words):
    by: str = Field(min_length=1, max_length=100, description="who has seen it and takes care")
    comment: str = Field("", max_length=2000)


class Look(Words):
    by: str = Field("", max_length=100, description="who looks, where that is known")


class Resolution(Words):
    by: str = Field(min_length=1, max_length=100, description="who closes it")
    reason: str = Field("", max_length=2000, description="what it was; a critical alert is not closed without")


class Acceptance(Words):
    space: str = Field("", max_length=200, description="id of the space it is in")
    name: str = Field("", max_length=200, description="what people call it")


def create_app(
    view: HubView,
    hosts: Collection[str] = (),
    links: LinkDesk | None = None,
    drills: Drilling | None = None,
    public: str = "",
    reports: Reports | None = None,
    rules: Rulebook | None = None,
    watch: Watch | None = None,
) -> FastAPI:
    """The web of one hub. ``hosts``: names beyond loopback by which browsers may reach it (``localhost`` always works);
    ``public``: the name by which people reach ``links``, and nothing else."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ticking = asyncio.create_task(tick(view))
        try:
            yield
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking

    app = FastAPI(
        title="Gengfu",
        version=view.site.version or "0",
        description="Telemetry hub of a residential community: devices, readings, alerts. What is said to people, such as why "
        "something was refused, is English, or Chinese with Accept-Language: zh; in a refusal, code names it for programs.",
        openapi_url=None,  # below, beside the event loop: describing everything takes 0.1 s the first time
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    app.include_router(_service(app, view))
    app.include_router(_alerts(view), prefix="/api/v1", tags=["alerts"])
    app.include_router(people.router(view), prefix="/api/v1", tags=["people"])
    app.include_router(_devices(view), prefix="/api/v1", tags=["devices"])
    app.include_router(readings.router(view), prefix="/api/v1", tags=["readings"])
    app.include_router(_live(view), prefix="/api/v1", tags=["live"])
    app.include_router(reports_router(view, reports), prefix="/api/v1", tags=["reports"])
    if rules is not None:
        app.include_router(rules_router(rules), prefix="/api/v1", tags=["rules"])
    if watch is not None:
        app.include_router(watch_router(watch), prefix="/api/v1", tags=["rules"])
    if drills is not None:
        app.include_router(drill_router(drills), prefix="/api/v1", tags=["drills"])
    if links is not None:
        app.include_router(link_router(links))
    app.include_router(_page(static.load()))
    app.add_middleware(GZipMiddleware, compresslevel=5)
    app.add_middleware(Guard, names=hosts, public=public)
    return app


def listed(page: Page[Record], shape: Callable[[Record], T]) -> ListOut[T]:
    return ListOut(items=[shape(one) for one in page.items], next_cursor=page.next_cursor, total=page.total)


def _service(app: FastAPI, view: HubView) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"description": "what is missing"}})
    async def readyz() -> Any:
        """The hub takes messages. `disabled` is what failed or never returned, and was stopped."""
        missing, off = view.ready(), list(view.disabled())
        if missing:
            return problems.problem(503, quoted(" ".join(missing)), "en", missing=list(missing), disabled=off)
        return {"status": "ready", "disabled": off}

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus text format."""
        return Response(view.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/openapi.json", include_in_schema=False)
    def described() -> dict[str, Any]:
        return app.openapi()

    @router.get("/docs", include_in_schema=False)
    def docs_page(request: Request) -> HTMLResponse:
        return HTMLResponse(docs.page(app.openapi(), str(request.base_url).rstrip("/")))

    return router


def _alerts(view: HubView) -> APIRouter:
    router = APIRouter()

    @router.get("/alerts")
    async def alerts(
        state: AlertState | Literal["open"] | None = None,
        severity: Severity | None = None,
        device: str = "",
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ListOut[AlertOut]:
        """Alerts. `state=open` are the firing ones, worst first, then not acknowledged, then oldest; otherwise newest first."""
        found = await view.alerts(state=state, severity=severity, device=device, search=search, limit=limit, cursor=cursor)
        return listed(found, AlertOut.model_validate)

    @router.get("/alerts/{id}")
    async def alert(id: str, language: Wanted) -> StoryOut:
        """One alert: its life so far, who was told, and its rule."""
        return StoryOut.model_validate(await view.alert(id), context={"language": language})

    @router.post("/alerts/{id}/seen")
    async def seen(id: str, said: Look) -> dict[str, str]:
        """Somebody has opened it; the first time is kept."""
        await view.seen(id, said.by)
        return {"status": "ok"}

    @router.post("/alerts/{id}/acknowledge")
    async def acknowledge(id: str, said: Acknowledgement) -> AlertOut:
        """Somebody has seen it and takes care."""
        return AlertOut.model_validate(await view.acknowledge(id, said.by, said.comment))

    @router.post("/alerts/{id}/resolve")
    async def resolve(id: str, said: Resolution) -> AlertOut:
        """Somebody closes it and says why."""
        return AlertOut.model_validate(await view.resolve(id, said.by, said.reason))

    @router.get("/rules")
    async def rules() -> ListOut[RuleOut]:
        """The rules that run."""
        return listed(Page(await view.rules()), RuleOut.model_validate)

    return router


def _devices(view: HubView) -> APIRouter:
    router = APIRouter()

    @router.get("/devices")
    async def devices(
        search: Search = "",
        space: Annotated[str, Query(description="id of a space; what lies inside it belongs to it")] = "",
        domain: Domain | None = None,
        accepted: bool | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ListOut[DeviceOut]:
        """Devices with their newest readings; those with open alerts first."""
        found = await view.devices(search=search, space=space, domain=domain, accepted=accepted, limit=limit, cursor=cursor)
        return listed(found, lambda card: shapes.device(card, view.vocabulary))

    @router.post("/devices/{id:path}/accept")
    async def accept(id: str, said: Acceptance) -> DeviceOut:
        """An unknown device becomes one that counts in reports."""
        return shapes.device(await view.accept(id, said.space, said.name), view.vocabulary)

    @router.post("/devices/{id:path}/duty-check", status_code=202)
    async def duty_check(id: str) -> dict[str, str]:
        """Asks at a fire alarm device whether somebody is on duty (查岗); fire.duty.waiting turns 0 with the answer."""
        await view.duty_check(id)
        return {"device": id, "state": "asked"}

    @router.get("/devices/{id:path}")
    async def device(id: str) -> DeviceOut:
        """One device."""
        return shapes.device(await view.device(id), view.vocabulary)

    @router.post("/import")
    async def register(request: Request) -> dict[str, int]:
        """Places and devices, as `gengfu import` reads them from a table."""
        try:
            given = msgspec.json.decode(await request.body(), type=shapes.Imported)
        except msgspec.DecodeError as problem:
            raise Refused(sentence("no_import", why=str(problem))) from None
        await view.register(given.spaces, given.devices)
        return {"spaces": len(given.spaces), "devices": len(given.devices)}

    @router.get("/spaces")
    async def spaces() -> ListOut[SpaceOut]:
        """The community's places, each with the one it lies in."""
        return listed(Page(await view.spaces()), SpaceOut.model_validate)

    @router.get("/quantities")
    async def quantities() -> ListOut[QuantityOut]:
        """The vocabulary: names, units, plausible ranges."""
        return listed(Page(list(view.vocabulary)), QuantityOut.model_validate)

    @router.get("/dead-letters")
    async def dead_letters(device: str = "", limit: Limit = 50, cursor: Cursor = None) -> ListOut[DeadLetterOut]:
        """Refused messages, the newest first."""
        return listed(await view.dead_letters(device=device, limit=limit, cursor=cursor), DeadLetterOut.model_validate)

    @router.get("/dead-letters/{id}")
    async def dead_letter(id: int) -> DeadLetterBytesOut:
        """One refused message with its bytes."""
        letter = await view.dead_letter(id)
        plain = DeadLetterOut.model_validate(letter).model_dump()
        return DeadLetterBytesOut(**plain, payload_base64=base64.b64encode(letter.payload).decode())

    return router


def _live(view: HubView) -> APIRouter:
    router = APIRouter()

    @router.get("/overview")
    async def overview() -> OverviewOut:
        """The community at a glance."""
        return shapes.overview(view.site, view.overview())

    @router.get("/stream", responses={200: {"content": {"text/event-stream": {}}}}, response_model=None)
    async def stream(
        last_event_id: Annotated[str | None, Header(description="resume after this event")] = None,
        after: Annotated[str | None, Query(description="the same, for those who cannot set a header")] = None,
        kinds: Annotated[str, Query(description="which of alert,reading,status")] = ",".join(KINDS),
        device: Annotated[list[str], Query(max_length=50, description="readings of these only")] = [],  # noqa: B006
    ) -> EventStream:
        """Server-sent events: `alert` (an alert that changed), `reading` (the newest values, at most once a second), `status`."""
        given = last_event_id or after or ""
        wanted: list[Kind] = [kind for kind in KINDS if kind in kinds.split(",")]
        if not wanted:
            raise Refused(sentence("no_event", given=kinds, kinds=", ".join(KINDS)))
        resume = int(given) if given.isascii() and given.isdigit() else None
        return EventStream(view, resume, wanted, frozenset(device))

    return router


def _page(files: dict[str, static.File]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(request: Request) -> Response:
        return static.serve(files, "index.html", request.headers)

    @router.get("/static/{name}")
    async def file(name: str, request: Request) -> Response:
        return static.serve(files, name, request.headers)

    return router
