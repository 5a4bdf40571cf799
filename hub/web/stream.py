"""The page's live line: server-sent events (HTML Standard, 9.2), ``alert``, ``reading`` and ``status``.

It begins with a status. ``Last-Event-ID`` (or ``after``) brings the alerts that were missed; a first status with
``"resync": true`` says that they are no longer held, so everything must be asked for anew.
"""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache

from msgspec import json
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.model import Alert
from hub.quantities import Vocabulary
from hub.said import sentence, wanted
from hub.web import shapes
from hub.web.feed import KINDS, Event, Kind, Subscription
from hub.web.problems import problem
from hub.web.view import HubView

HEARTBEAT = 10.0  # seconds of quiet before a comment shows that the line stands
PATIENCE = 20.0  # seconds a client may take for one event before it is given up
CLIENTS = 200
LIGHT = 0.01  # seconds the loop may be held for a status out of turn
RETRY = 2000  # ms before a browser tries again


def status(view: HubView) -> dict[str, object]:
    return shapes.overview(view.site, view.overview()).model_dump(mode="json")


async def tick(view: HubView, every: float = 1.0, status_every: int = 5) -> None:
    """Runs beside the server: readings go out once in ``every`` seconds, a status each ``status_every`` times; also the next
    after an alert, so that counts and the buildings' colours follow it, where a status is quickly made."""
    count = 0
    cost = 0.0
    while True:
        await asyncio.sleep(every)
        view.feed.flush()
        count += 1
        if view.feed.clients and (count % status_every == 0 or (view.feed.stirred and cost < LIGHT)):
            began = time.perf_counter()
            view.feed.status(status(view))
            cost = time.perf_counter() - began


@lru_cache(maxsize=64)
def frame(event: Event, vocabulary: Vocabulary) -> bytes:
    """The event as it goes over the wire; made once, however many clients hear it."""
    if isinstance(event.data, Alert):
        data = shapes.AlertOut.model_validate(event.data).model_dump_json().encode()
    elif isinstance(event.data, list):
        data = json.encode([shapes.reading(one, vocabulary).model_dump() for one in event.data])
    else:
        data = json.encode(event.data)
    head = f"event: {event.kind}\n" if event.id is None else f"id: {event.id}\nevent: {event.kind}\n"
    return head.encode() + b"data: " + data + b"\n\n"


class EventStream(Response):
    """One client's line, as an ASGI answer. It ends when the client leaves, is too slow, or the feed closes."""

    def __init__(
        self,
        view: HubView,
        after: int | None = None,
        kinds: Collection[Kind] = KINDS,
        devices: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._view = view
        self._after = after
        self._kinds = kinds
        self._devices = devices

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        feed = self._view.feed
        if feed.clients >= CLIENTS:
            why = sentence("pages_many", most=CLIENTS)
            language = wanted(Headers(scope=scope).get("accept-language", ""))
            await problem(503, why, language, {"retry-after": "10"})(scope, receive, send)
            return
        with feed.subscribe(self._after, self._kinds, self._devices) as client:
            watch = asyncio.create_task(_gone(receive, client))
            try:
                with suppress(TimeoutError, OSError):  # the client is too slow, or has left
                    await self._talk(client, send)
            finally:
                watch.cancel()

    async def _talk(self, client: Subscription, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        first: dict[str, object] = {**status(self._view), "resync": client.resync}
        fresh = self._after is None or client.resync  # one that resumes keeps its own id until it has what it missed
        hello = frame(Event(client.since if fresh else None, "status", first), self._view.vocabulary)
        if "status" not in client.kinds and not client.resync:
            hello = b""
        await _say(send, f"retry: {RETRY}\n\n".encode() + hello)
        while not client.lost:
            event = await client.next(HEARTBEAT)
            if event is not None:
                await _say(send, frame(event, self._view.vocabulary))
            elif not client.lost:
                await _say(send, b":\n\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _say(send: Send, body: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive, client: Subscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.close()
