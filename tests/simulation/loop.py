"""An event loop whose time is simulated: nothing waits, nothing runs in a thread, and every run is the same.

When nothing is ready, time jumps to the next timer. What the hub hands to a thread goes to ``Disk`` instead, which says when
it is written and when the loop hears of it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

Work = Callable[..., Any]
Executor = Callable[[Any, Work, tuple[Any, ...]], "asyncio.Future[Any]"]


class Stuck(Exception):
    """Nothing is scheduled any more: the hub waits for something that will never come."""


class _NoSockets:
    """Stands where the selector is: instead of waiting for sockets, time passes."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is scheduled any more")
        self._loop.now += max(timeout, 0.0)
        return []

    def close(self) -> None: ...


class SimulatedLoop(asyncio.BaseEventLoop):
    """``problems``: what callbacks and tasks raised; the first one stops the loop."""

    def __init__(self, now: float, executor: Executor) -> None:
        super().__init__()
        self._selector = _NoSockets(self)
        self._executor = executor
        self.now = now
        self.problems: list[BaseException] = []
        self.set_exception_handler(self._problem)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Work, *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        return self._executor(executor, func, args)

    def run_to(self, moment: float) -> None:
        """Runs until then, or until ``stop``; raises the first problem."""
        timer = self.call_at(moment, self.stop)
        self.run_forever()
        timer.cancel()
        if self.problems:
            raise self.problems[0]

    def end(self) -> None:
        """Throws away whatever is still going on."""
        self.set_exception_handler(lambda loop, context: None)
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        for _ in range(20):
            if all(task.done() for task in tasks):
                break
            self.call_soon(self.stop)
            self.run_forever()
        self.close()

    def _problem(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.problems.append(context.get("exception") or RuntimeError(context["message"]))
        self.stop()

    def _process_events(self, events: list[Any]) -> None: ...

    def _write_to_self(self) -> None: ...
