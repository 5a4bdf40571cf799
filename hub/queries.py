"""Heavy questions to the store, answered by a nice process of its own so that no chart moves an alert.

The process opens the store for reading. It ends with the hub, even one that is killed: it watches its parent. One that
dies or hangs is replaced; nobody but those who ask waits for it.
"""

import asyncio
import atexit
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from hub.ports import Store
from hub.web.view import Busy

WAITING = 50
"""Questions that wait for an answer, at most; one more is refused."""
ANSWER_WITHIN = 120.0
"""Seconds one answer may take; then the process is taken for hung, and replaced."""

log = logging.getLogger("gengfu.queries")

Opener = Callable[[], Store]

_store: Store | None = None


def _start(opener: Opener, parent: int) -> None:
    global _store
    os.nice(19)
    # It only reads, so it may end at once: an orderly end makes DuckDB's binding complain about what is still open.
    atexit.register(os._exit, 0)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _store = opener()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _answer(question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    assert _store is not None
    return question(_store, *arguments)


class Queries:
    """``opener`` must be picklable: it is called in the other process."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._pool = self._new_pool()
        self._turn = asyncio.Lock()
        self.asked = 0
        self.waiting = 0
        self.refused = 0
        self.replaced = 0

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """``question(store, *arguments)``, a module-level function; one at a time, in order. Raises Busy."""
        if self.waiting >= WAITING:
            self.refused += 1
            raise Busy(f"{WAITING} questions wait for the store already; try again in a minute.")
        self.asked += 1
        self.waiting += 1
        try:
            async with self._turn:
                return await self._answered(question, arguments)
        finally:
            self.waiting -= 1

    async def _answered(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                try:
                    return await self._send(question, arguments)
                except BrokenProcessPool:
                    # The process was killed, by the system's memory guard or by hand: a new one answers.
                    self._replace("died")
                    return await self._send(question, arguments)
        except TimeoutError:
            self._replace("hangs")
            raise Busy(f"The store did not answer within {ANSWER_WITHIN:g} s; its process was started anew.") from None
        except BrokenProcessPool:
            self._replace("died again")
            raise Busy("The process that answers from the store died twice; see the log.") from None

    def _send(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        # The first question starts the process, and it inherits what is blocked: a Ctrl-C is the hub's alone.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return asyncio.get_running_loop().run_in_executor(self._pool, _answer, question, arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _replace(self, why: str) -> None:
        log.warning("the process that answers from the store %s; another one is started", why)
        self.replaced += 1
        for child in multiprocessing.active_children():  # the hub has no others of this kind
            child.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._new_pool()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(self._opener, os.getpid()))


class Here:
    """The same questions to a store that lives in this process only."""

    waiting = refused = replaced = 0

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(question, self._store, *arguments)

    def close(self) -> None:
        pass
