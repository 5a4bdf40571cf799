"""GET readings: what is stored of one series, row by row, or thinned to buckets for a chart."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from hub.quantities import duration_ms
from hub.said import sentence
from hub.web.shapes import BucketOut, ListOut, RowOut
from hub.web.view import HubView, NotFound, Refused

MOST_BUCKETS = 5_000
MOST_ROWS = 10_000


def moment(given: datetime, zone: ZoneInfo) -> int:
    """Milliseconds; a time without a zone is the site's."""
    placed = given if given.tzinfo else given.replace(tzinfo=zone)
    return round(placed.timestamp() * 1000)


async def series_channel(view: HubView, device: str, quantity: str, channel: str | None) -> str:
    """The channel that is meant when none is named: the plain one, or the only one."""
    if channel is not None:
        return channel
    card = await view.device(device)
    channels = sorted({one.channel for one in card.latest if one.quantity == quantity})
    if not channels:
        raise NotFound(sentence("never_sent", device=device, quantity=quantity))
    if len(channels) > 1 and "" not in channels:
        raise Refused(sentence("which_channel", quantity=quantity, channels=", ".join(channels)))
    return channels[0]


def _answer(table: bytes, packed: bool) -> Response:
    headers = {"vary": "accept-encoding"} | ({"content-encoding": "gzip"} if packed else {})
    return Response(table, media_type="application/json", headers=headers)


def router(view: HubView) -> APIRouter:
    made = APIRouter()
    zone = ZoneInfo(view.site.zone)

    @made.get("/readings", response_model=ListOut[RowOut] | ListOut[BucketOut])
    async def readings(
        device: str,
        quantity: str,
        start: Annotated[datetime, Query(alias="from", description="ISO 8601; without a zone the site's")],
        end: Annotated[datetime, Query(alias="to", description="the first moment that is left out")],
        channel: Annotated[str | None, Query(description="for devices with several")] = None,
        every: Annotated[str, Query(description='bucket width, such as "5min"; readings themselves without')] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1000,
        cursor: Annotated[str | None, Query(pattern=r"^-?\d{1,18}$")] = None,
        accept_encoding: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Stored readings of one device's quantity, oldest first; with `every` the minimum, maximum, mean, first and last of each
        span that has any."""
        since, until = moment(start, zone), moment(end, zone)
        if until <= since:
            raise Refused(sentence("ends_before"))
        packed = "gzip" in accept_encoding
        which = await series_channel(view, device, quantity, channel)
        if not every:
            since = max(since, int(cursor)) if cursor else since
            return _answer(await view.rows(device, quantity, which, since, until, limit, packed), packed)
        try:
            width = duration_ms(every)
        except ValueError:
            raise Refused(sentence("no_width", given=every)) from None
        if width < 1 or (until - since) / width > MOST_BUCKETS:
            raise Refused(sentence("many_spans", most=MOST_BUCKETS))
        return _answer(await view.buckets(device, quantity, which, since, until, width, packed), packed)

    return made
