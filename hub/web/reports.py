"""Reports over HTTP: the rows, the whole report with its figures, its files, and what is closed."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from hub.reports.closed import Closed
from hub.reports.files import MEDIA, Format
from hub.web.shapes import ListOut
from hub.web.view import EnergyWords, HubView

Spoken = Literal["zh", "en"]


class Reports(Protocol):
    """What the hub answers. Raises NotFound, and Refused for a wrong word or a file that cannot be made."""

    async def whole(self, words: EnergyWords) -> dict[str, Any]:
        """``hub.reports.full.full_report``."""
        ...

    async def file(self, words: EnergyWords, format: Format, language: Spoken) -> tuple[str, bytes]:
        """Its name and its bytes."""
        ...

    async def closed(self) -> Sequence[tuple[Closed, Sequence[str]]]:
        """Each with the names of its files, the newest first."""
        ...

    async def closed_file(self, id: str, name: str) -> bytes: ...


class ChangeOut(BaseModel):
    """A figure that differs from the number before."""

    group: str
    quantity: str
    start: str
    figure: str
    before: float | None
    after: float | None


class ClosedOut(BaseModel):
    """A closed report: it stays as it is, to the byte."""

    id: str
    period: str
    by: str
    number: int
    start: str
    end: str
    revision: str
    closed_at: int
    hash: str
    files: list[str]
    changes: list[ChangeOut]


def router(view: HubView, reports: Reports | None) -> APIRouter:
    """``reports`` None: only the rows, for a view that has nothing more."""
    made = APIRouter()

    @made.get("/reports/energy")
    async def energy(
        start: Annotated[str, Query(alias="from", description="first day, such as 2026-10-01")] = "",
        end: Annotated[str, Query(alias="to", description="the day after the last")] = "",
        month: Annotated[str, Query(description="such as 2026-10, instead of from and to")] = "",
        today: bool = False,
        by: Annotated[str, Query(description="device, space, community, building, unit, room or party")] = "device",
        every: Annotated[str, Query(description="quarter, hour, day, week, month, year or total")] = "day",
        full: Annotated[bool, Query(description="balance, peaks, comparison, nights, split and gaps as well")] = False,
    ) -> dict[str, Any]:
        """Consumption and cost, in the words of `gengfu report energy`."""
        words = EnergyWords(start, end, month, today, by, every)
        return await reports.whole(words) if full and reports else await view.energy(words)

    if reports is not None:
        _files(made, reports)
    return made


def _files(made: APIRouter, reports: Reports) -> None:
    @made.get("/reports/energy.{format}", response_class=Response)
    async def file(
        format: Literal["pdf", "xlsx", "csv"],
        start: Annotated[str, Query(alias="from", description="first day, such as 2026-10-01")] = "",
        end: Annotated[str, Query(alias="to", description="the day after the last")] = "",
        month: Annotated[str, Query(description="such as 2026-10, instead of from and to")] = "",
        by: str = "building",
        every: str = "total",
        language: Annotated[Spoken, Query(description="of PDF and workbook")] = "zh",
    ) -> Response:
        """The same as a PDF with charts, a workbook with formulas, or CSV."""
        name, content = await reports.file(EnergyWords(start, end, month, False, by, every), format, language)
        return _download(name, content, format)

    @made.get("/reports/closed")
    async def closed() -> ListOut[ClosedOut]:
        """Closed reports, the newest first; what changed against the number before is in `changes`."""
        items = [
            ClosedOut(
                **{field: getattr(entry, field) for field in Closed.__struct_fields__ if field != "changes"},
                files=list(files),
                changes=[ChangeOut(**{f: getattr(one, f) for f in one.__struct_fields__}) for one in entry.changes],
            )
            for entry, files in await reports.closed()
        ]
        return ListOut(items=items, next_cursor=None, total=len(items))

    @made.get("/reports/closed/{id}/{name}", response_class=Response)
    async def closed_file(id: str, name: str) -> Response:
        """A file of a closed report, as it was stored; `id` may be a month, for its newest number."""
        content = await reports.closed_file(id, name)
        format: Format = next((each for each in MEDIA if name.endswith(f".{each}")), "json")
        return _download(f"energy-{id}.{name.partition('.')[2]}", content, format)


def _download(name: str, content: bytes, format: Format) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=MEDIA[format], headers={"Content-Disposition": disposition})
