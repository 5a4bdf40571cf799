"""Heavy questions to the store, answered by a nice process of its own so that no chart moves an alert.

The process opens the store for reading. It ends with the hub, even one that is killed: it watches its parent.
"""

import asyncio
import atexit
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
        self.asked = 0

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """``question(store, *arguments)``, a module-level function; one at a time, in order."""
        self.asked += 1
        try:
            return await self._send(question, arguments)
        except BrokenProcessPool:
            # The process was killed, by the system's memory guard or by hand: a new one answers.
            self._pool = self._new_pool()
            return await self._send(question, arguments)

    def _send(self, question: Callable[..., Any], arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        # The first question starts the process, and it inherits what is blocked: a Ctrl-C is the hub's alone.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return asyncio.get_running_loop().run_in_executor(self._pool, _answer, question, arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(self._opener, os.getpid()))


class Here:
    """The same questions to a store that lives in this process only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(question, self._store, *arguments)

    def close(self) -> None:
        pass
