"""A hub as a process: started, run until a signal or a fault, and ended within a time."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NoReturn

from hub import memory
from hub.app import Hub
from hub.broker import BrokerFailed
from hub.config import Config
from hub.essentials import Fault
from hub.journal_reader import JournalUnusable
from hub.lock import Locked
from hub.records import RecordsFailed
from hub.watchdog import limit_memory

STOP_WITHIN = 20.0
"""Seconds an orderly end may take."""

Beside = Callable[[Hub], AbstractAsyncContextManager[None]]


async def serve(config: Config, say: Callable[[str], None], beside: Beside | None = None) -> NoReturn:
    """Runs one hub until SIGINT or SIGTERM, and ends the process. ``beside`` is an async context manager for what runs next to
    it (the demo)."""
    hub = Hub(config, partial(_said, say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, hub.end)
    try:
        await hub.start()
    except (Locked, RecordsFailed, JournalUnusable, BrokerFailed, OSError) as problem:
        raise Fault(str(problem)) from problem
    code = 0
    try:
        async with beside(hub) if beside else contextlib.nullcontext():
            hub.say(f"Gengfu keeps watch over {config.name}: {hub.url}  (Ctrl-C ends it)")
            await hub.run()
    except Fault as fault:
        code = 1
        _said(_complain, str(fault))
    await _leave(hub, code)


async def _leave(hub: Hub, code: int) -> NoReturn:
    """Puts things away if they can be, within a time; a start from here loses nothing, as after a kill, so what hangs or is
    broken is left as it is."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, os._exit, 1)  # whoever asks twice means now
    hub.say("Putting things away …")
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await (hub.abandon() if hub.broken else hub.stop())
    except TimeoutError:
        _said(_complain, f"it could not be ended in order within {STOP_WITHIN:g} s; what was confirmed is on disk")
        code = 1
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # all is closed, but for threads that may hang in the disk or a name server: nobody waits for those


def _complain(text: str) -> None:
    sys.stderr.write(f"gengfu: {text}\n")


def _said(say: Callable[[str], None], text: str) -> None:
    """Says it; a watch goes on when nobody listens any more."""
    with contextlib.suppress(OSError, ValueError):
        say(text)


def main(config: Config, say: Callable[[str], None] = print, beside: Beside | None = None) -> int:
    """Exits with 0 after Ctrl-C or SIGTERM, with 1 when something essential ended; returns 1 when it cannot start."""
    limit_memory()
    memory.keep_little()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(config, say, beside))
    except Fault as fault:
        _said(_complain, str(fault))
    return 1
