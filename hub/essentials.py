"""What a hub cannot do without: tasks of which none may end, and callbacks of which none may raise. When one does, the hub ends,
with the reason."""

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("gengfu")


class Fault(Exception):
    """Why the hub cannot start or go on, in one plain sentence."""


class Essentials:
    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._reason = ""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                log.error("%s ended", task.get_name(), exc_info=error)
            self.end(f"the {task.get_name()} ended: {error or 'it returned'}")

    def raised(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler. What a timer or the end of a commit was to do is not done if it raises, and nobody else
        would do it; what a library's callback raises is only logged."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if "handle" in context and error is not None and _ours(error):
            self.end(f"a step of the watch failed: {type(error).__name__}: {error}")

    def end(self, reason: str = "") -> None:
        """The first reason counts; "" where it was asked for."""
        if not self._over.is_set():
            self._reason = reason
            self._over.set()

    async def over(self) -> None:
        """Returns once it was asked to end; raises Fault with the reason when something essential ended."""
        await self._over.wait()
        if self._reason:
            raise Fault(self._reason)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _ours(error: BaseException) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith(("hub.", "rules.", "adapters.")) for frame in frames)
