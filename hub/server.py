"""The web server inside the hub's loop: uvicorn on a socket that is bound first, so that a taken port is known at once."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

BACKLOG = 16
"""Connections that wait to be accepted. Without a free descriptor asyncio tries, and logs, each of them once a second:
with uvicorn's 2,048 that took most of the second, and alarms with it."""
CONNECTIONS = 400
"""Beyond them the page answers 503: the rest of the hub needs descriptors too."""


class _Server(uvicorn.Server):
    on_startup: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_startup()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The hub handles signals; the server must not."""
        yield


class PageServer:
    """``moved`` tells that the wanted port was taken; ``url`` is where the page is."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.moved = False
        try:
            self._socket.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            self._socket.bind((host, 0))
            self.moved = True
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=3,
            backlog=BACKLOG,
            limit_concurrency=CONNECTIONS,
        )
        self._server = _Server(config)
        self._started = asyncio.Event()
        self._server.on_startup = self._started.set

    async def run(self) -> None:
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Asks ``run`` to return, after open requests."""
        self._server.should_exit = True

    async def started(self) -> None:
        """Returns once the page is served."""
        await self._started.wait()
