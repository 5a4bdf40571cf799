"""Watches the event loop from outside of it: says where it hangs, and ends a process that hangs for good.

A thread of its own looks forty times a second whether the loop still turns. After 100 ms it says so and keeps the loop's stack
in a file; after 10 s it notes which adapter, rule or notifier did not return and ends the process, which a supervisor starts
again. Code that never lets go of the interpreter (a regular expression that backtracks for ever) stops the thread as well; the
processor time it burns then raises SIGPROF, whose handler needs no Python: it leaves the stack in a file and ends the process.

Only time in which the process itself ran counts: neither a starved nor a suspended machine looks like a stalled loop.
"""

import asyncio
import contextlib
import faulthandler
import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TextIO

from hub import disabled
from hub.systemd import notify

TICK = 0.025
WARN_AFTER = 0.1
STOP_AFTER = 10.0
PROCESSOR_TIME = 20.0
"""Seconds of all threads together: more than two busy ones use before ``STOP_AFTER``."""
SAY_EVERY = 10.0
"""Seconds between two stalls that are said; those in between are counted."""
STACKS = "stacks.txt"
KEPT = 20
"""Stacks of stalls in that file of the data directory, the newest last."""
_MARK = "--- "
MEMORY = 2 << 30
"""Bytes of data the process may have; half of the machine's, if that is less."""
EXIT = 70
"""The exit code: an internal software error (sysexits.h)."""

log = logging.getLogger("gengfu.watchdog")


class Watchdog:
    """``known`` gives the name of an adapter, rule or notifier by the ``id`` of its object."""

    def __init__(self, directory: Path, known: Mapping[int, str], now: Callable[[], str]) -> None:
        self.stalls = 0
        self.longest = 0.0
        self._directory = directory
        self._known = known
        self._now = now
        self._turns = 0
        self._thread_id = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0.0  # when the outside was last told that we live
        self._said = -SAY_EVERY
        self._stack: TextIO | None = None

    def start(self) -> None:
        """Begins; to be called on the loop that is watched."""
        self._thread_id = threading.get_ident()
        self._stack = (self._directory / disabled.STACK).open("w", encoding="utf-8")
        faulthandler.register(signal.SIGPROF, file=self._stack, all_threads=True, chain=True)
        self._turn()
        self._thread.start()

    def stop(self) -> None:
        if self._stack is None:
            return
        self._done.set()
        if self._timer is not None:
            self._timer.cancel()
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.unregister(signal.SIGPROF)
        self._thread.join()
        self._stack.close()
        self._stack = None
        (self._directory / disabled.STACK).unlink(missing_ok=True)

    def _turn(self) -> None:
        self._turns += 1
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            signal.setitimer(signal.ITIMER_PROF, PROCESSOR_TIME)
            notify("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(TICK, self._turn)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        seen, stalled, warned = -1, 0.0, False
        before = time.monotonic()
        while not self._done.wait(TICK):
            now = time.monotonic()
            # A longer pause than ours means that this thread did not run either: the machine was busy or asleep.
            passed, before = min(now - before, 2 * TICK), now
            if self._turns != seen:
                if warned:
                    log.warning("the event loop goes on after %.2f s", stalled)
                seen, stalled, warned = self._turns, 0.0, False
                continue
            stalled += passed
            self.longest = max(self.longest, stalled)
            if stalled >= STOP_AFTER:
                self._end(stalled)
            if stalled >= WARN_AFTER and not warned:
                self.stalls += 1
                warned = self._warn(now)

    def _warn(self, now: float) -> bool:
        if now - self._said < SAY_EVERY:
            return False
        self._said = now
        _aside(self._tell, self._where()[1])
        return True

    def _tell(self, stack: str) -> None:
        said = f"the event loop has stalled for {WARN_AFTER * 1000:.0f} ms"
        try:
            kept = keep_stack(self._directory, f"{self._now()} {said}", stack)
        except OSError as error:
            log.warning("%s; its stack could not be kept (%s):\n%s", said, error.strerror, stack)
        else:
            log.warning("%s; where, is at the end of %s", said, kept)

    def _end(self, stalled: float) -> None:
        culprit, stack = self._where()
        why = f"the event loop has not turned for {stalled:.1f} s"
        try:
            if culprit:
                disabled.add(self._directory, culprit, self._now(), f"{why}; its stack:\n{stack}")
                why += f"; {culprit} did not return and is disabled from the next start on"
        finally:
            _say(logging.CRITICAL, f"{why}; the process ends, to be started again. The loop is here:\n{stack}")
            os._exit(EXIT)

    def _where(self) -> tuple[str, str]:
        """Who holds the loop up, as far as we know it by name, and its stack."""
        frame = sys._current_frames().get(self._thread_id)
        stack = "".join(traceback.format_stack(frame)) if frame else ""
        return self._culprit(frame), stack

    def _culprit(self, frame: FrameType | None) -> str:
        """The innermost object on the stack that has a name."""
        while frame is not None:
            me = frame.f_locals.get("self")
            for one in (me, getattr(me, "rule", None)):
                if one is not None and id(one) in self._known:
                    return self._known[id(one)]
            frame = frame.f_back
        return ""


def limit_memory() -> None:
    """Lets an allocation fail that would take the machine's memory: a decoder that wants it all raises MemoryError and costs
    its own message, instead of having the system kill the whole hub."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = min(MEMORY, pages // 2)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def keep_stack(directory: Path, head: str, stack: str) -> Path:
    """Adds a stack to the file of the last ``KEPT``. Raises OSError."""
    path = directory / STACKS
    before = path.read_text("utf-8", "replace") if path.exists() else ""
    stacks = [_MARK + one for one in ("\n" + before).split("\n" + _MARK)[1:]]
    stacks = [*(one.rstrip("\n") for one in stacks), f"{_MARK}{head}\n{stack}"]
    path.write_text("\n".join(stacks[-KEPT:]), "utf-8")
    return path


def _say(level: int, text: str) -> None:
    _aside(log.log, level, "%s", text)


def _aside(tell: Callable[..., None], *given: object) -> None:
    """Does it, but does not wait long for it: the loop may hang in the very lock that logging needs, or in the disk."""
    telling = threading.Thread(target=tell, args=given, daemon=True)
    with contextlib.suppress(RuntimeError):  # no room for one more thread: then it goes unsaid
        telling.start()
        telling.join(1)
