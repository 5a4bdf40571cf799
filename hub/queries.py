"""Heavy questions to the store, answered by a nice process of its own so that no chart moves an alert.

The process is started by the first question and ended after a minute without one. One that dies or hangs is replaced; nobody
but those who ask waits for it.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hub.ports import Store
from hub.said import sentence
from hub.web.view import Busy

WAITING = 50
"""Questions that wait for an answer, at most; one more is refused."""
ANSWER_WITHIN = 120.0
"""Seconds one answer may take; then the process is taken for hung, and replaced."""
IDLE = 60.0
"""Seconds without a question after which the process is ended: it holds as much memory as half a hub."""

log = logging.getLogger("gengfu.queries")

Opener = Callable[[], Store]


class Died(Exception):
    """The process ended before it had answered."""


class Answering:
    """The other process. ``opener`` must be picklable: it is called there."""

    def __init__(self, opener: Opener) -> None:
        ours, theirs = Pipe()
        self._connection: Connection[Any, Any] = ours
        # Only the socket is inherited; modules are looked for where ours came from, never in the folder it is started in.
        path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hub.answering", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # a Ctrl-C is the hub's alone
                env={**os.environ, "PYTHONPATH": path},
            )
        with contextlib.suppress(OSError):  # it died at once: the first question will tell
            ours.send(opener)

    def ask(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Waits for the answer, in a thread. Raises Died, and whatever the question raises."""
        try:
            self._connection.send((question, arguments))
            worked, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise Died(f"it ended with {self._process.poll()}") from error
        if not worked:
            raise answer
        return answer

    def kill(self) -> None:
        """At once: it only reads. Whoever waits for an answer gets Died."""
        self._process.kill()

    def end(self) -> None:
        """Kills it and waits for its end."""
        self.kill()
        self._process.wait()
        self._connection.close()


class Queries:
    """``opener`` must be picklable: it is called in the other process."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._answering: Answering | None = None
        self._thread = ThreadPoolExecutor(1, "questions")
        self._turn = asyncio.Lock()
        self._rest: asyncio.TimerHandle | None = None
        self.asked = 0
        self.waiting = 0
        self.refused = 0
        self.replaced = 0

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """``question(store, *arguments)``, a module-level function; one at a time, in order. Raises Busy."""
        if self.waiting >= WAITING:
            self.refused += 1
            raise Busy(sentence("questions_many", most=WAITING))
        self.asked += 1
        self.waiting += 1
        if self._rest is not None:
            self._rest.cancel()
        try:
            async with self._turn:
                return await self._answered(question, arguments)
        finally:
            self.waiting -= 1
            if not self.waiting:
                self._rest = asyncio.get_running_loop().call_later(IDLE, self._idle)

    async def _answered(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                try:
                    return await self._send(question, arguments)
                except Died:
                    # It was killed, by the system's memory guard or by hand: a new one answers.
                    self._replaced("died")
                    return await self._send(question, arguments)
        except TimeoutError:
            self._replaced("hangs")
            if self._answering is not None:
                self._answering.kill()  # the thread gets Died, and waits for its end
            raise Busy(sentence("store_hangs", seconds=ANSWER_WITHIN)) from None
        except Died:
            self._replaced("died again")
            raise Busy(sentence("store_died")) from None

    def _send(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        return asyncio.get_running_loop().run_in_executor(self._thread, self._in_thread, question, arguments)

    def _in_thread(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """All that may wait for the process happens in the one thread, so one thing after the other."""
        if self._answering is None:
            self._answering = Answering(self._opener)
        try:
            return self._answering.ask(question, arguments)
        except Died:
            self._end()
            raise

    def _end(self) -> None:
        if self._answering is not None:
            self._answering.end()
            self._answering = None

    def _idle(self) -> None:
        self._thread.submit(self._end)

    def _replaced(self, why: str) -> None:
        log.warning("the process that answers from the store %s; another one is started", why)
        self.replaced += 1

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        if self._answering is not None:
            self._answering.kill()
        self._thread.submit(self._end)
        self._thread.shutdown(wait=False)


class Here:
    """The same questions to a store that lives in this process only."""

    waiting = refused = replaced = 0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(question, self._store, *arguments)

    def close(self) -> None:
        pass
