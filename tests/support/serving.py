"""The web on a free port of loopback, in the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from hub.web.api import create_app
from hub.web.drills import Drilling
from hub.web.reports import Reports
from hub.web.view import HubView


class Web:
    """A running server: ``url``, ``port``; ``stop`` and ``start`` again on the same port."""

    def __init__(self, view: HubView, reports: Reports | None = None, drills: Drilling | None = None) -> None:
        self.view = view
        self.reports = reports
        self.drills = drills
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self.view.feed.closed = False
        app = create_app(self.view, reports=self.reports, drills=self.drills)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve([listening]))
        async with asyncio.timeout(10):
            while not self._server.started:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        assert self._server and self._task
        self.view.feed.close()
        self._server.should_exit = True
        await self._task


@asynccontextmanager
async def serving(view: HubView, reports: Reports | None = None, drills: Drilling | None = None) -> AsyncIterator[Web]:
    web = Web(view, reports, drills)
    await web.start()
    try:
        yield web
    finally:
        await web.stop()
