"""A rule comes into force on a hub that keeps watch: a little at a time, so that ten thousand detectors hold up no alarm.

What is so already is raised at once, not with the next reading of a detector that speaks once an hour."""

import asyncio
from collections.abc import Callable

from hub.model import Now, Reading
from hub.pipeline import Pipeline
from hub.ports import Rule
from rules.edit import pieces

AT_ONCE = 0.005
"""Seconds of work before the others have their turn, but for the piece that exceeds them."""


class Live:
    def __init__(self, pipeline: Pipeline, clock: Callable[[], Now]) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def replace(self, id: str, rule: Rule | None) -> None:
        """Returns when every device is judged by it, and what it has raised is on disk. One rule after the other, in the order
        of the calls; it goes on to the end also when nobody waits for it any more. None: there is no such rule any more."""
        task = asyncio.create_task(self._replace(id, rule), name=f"edit of rule {id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def _newest(self, device: str) -> list[Reading]:
        tracks = self._pipeline.intake.devices.get(device, {})
        return [track.newest for track in tracks.values() if track.newest is not None]

    async def _replace(self, id: str, rule: Rule | None) -> None:
        async with self._lock:
            until = self._clock().monotonic + AT_ONCE
            heard = list(self._pipeline.intake.devices)
            for raised in pieces(self._pipeline.engine, id, rule, self._clock, heard, self._newest):
                if raised:
                    await self._pipeline.decide(raised, [])
                elif self._clock().monotonic < until:
                    continue
                await asyncio.sleep(0)
                until = self._clock().monotonic + AT_ONCE
