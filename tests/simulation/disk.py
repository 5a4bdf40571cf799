"""The disk: each file's commits one after the other, each written at one moment and reported at a later one.

When the power goes, what was reported stays. Of what was not, every file may have kept its commit, lost it, or been cut
in the middle of it: then the statements up to there have run and nothing after them.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

from sqlalchemy import event

from hub.records import Records
from tests.simulation.loop import SimulatedLoop, Work


class PowerCut(BaseException):
    """The machine is gone in the middle of a transaction."""


class DiskFault(OSError):
    """fsync said EIO."""


class Job:
    def __init__(self, func: Work, args: tuple[Any, ...], loop: SimulatedLoop, begins: float, fails: bool) -> None:
        self.func = func
        self.args = args
        self.begins = begins
        self.fails = fails
        self.written = False
        self.answer: asyncio.Future[Any] = loop.create_future()
        self.value: Any = None
        self.error: Exception | None = None


class Disk:
    """``slow``: seconds a write may take longer than usual."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._loop: SimulatedLoop | None = None
        self._jobs: dict[int, list[Job]] = {}  # by thread: those without an answer, oldest first
        self._free: dict[int, float] = {}
        self._broken: set[int] = set()  # threads whose file has failed: it takes no more
        self._left: int | None = None  # statements until the power goes
        self.slow = 0.0
        self.fail_next = False

    def attach(self, loop: SimulatedLoop, records: Records) -> None:
        self._loop = loop
        self._jobs, self._free = {}, {}
        self._broken.clear()
        self.fail_next = False
        event.listen(records._engine, "before_cursor_execute", self._statement)
        event.listen(records._engine, "commit", self._statement)

    def submit(self, pool: Any, func: Work, args: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """``pool``: the thread of one file; None for any thread, which only reads."""
        loop = self._loop
        if loop is None:
            return asyncio.get_running_loop().create_future()  # the machine is off: no answer ever comes
        thread = id(pool)
        if self.fail_next and pool is not None:
            self.fail_next = False
            self._broken.add(thread)
        fails = thread in self._broken
        job = Job(func, args, loop, max(loop.now, self._free.get(thread, 0.0)), fails)
        writes = job.begins + self._takes()
        self._free[thread] = answers = writes + self._takes()
        self._jobs.setdefault(thread, []).append(job)
        loop.call_at(writes, self._write, job)
        loop.call_at(answers, self._answer, thread, job)
        return job.answer

    def cut_power(self) -> list[str]:
        """What became of each file's unreported commit. Nothing is written any more until ``attach``."""
        assert self._loop is not None
        now, self._loop = self._loop.now, None
        fates = []
        for jobs in self._jobs.values():
            if not jobs or jobs[0].begins > now:
                continue
            fate = "kept" if jobs[0].written else self._random.choice(("lost", "kept", "torn", "torn"))
            if not jobs[0].written and fate != "lost":
                self._left = self._random.randrange(6) if fate == "torn" else None
                with suppress(PowerCut):
                    self._run(jobs[0])
                self._left = None
            fates.append(fate)
        return fates

    @property
    def idle(self) -> bool:
        return not any(self._jobs.values())

    def _takes(self) -> float:
        return self._random.uniform(0.0001, 0.002) + self.slow * self._random.random()

    def _write(self, job: Job) -> None:
        if self._loop is None:
            return
        if job.fails:
            job.error = DiskFault(5, "Input/output error")
            if self._random.random() < 0.5:
                return  # else it may well be on the disk, only nobody can tell
        try:
            job.value = self._run(job)
        except AssertionError:
            raise  # the oracle's
        except Exception as problem:  # noqa: BLE001 - as a thread's work: whoever waits for it hears of it
            job.error = problem

    def _run(self, job: Job) -> Any:
        value = job.func(*job.args)
        job.written = True
        return value

    def _answer(self, thread: int, job: Job) -> None:
        if self._loop is None:
            return
        self._jobs[thread].remove(job)
        if job.answer.cancelled():
            return
        if job.error is not None:
            job.answer.set_exception(job.error)
        else:
            job.answer.set_result(job.value)

    def _statement(self, *_: Any) -> None:
        if self._left is None:
            return
        if self._left == 0:
            raise PowerCut
        self._left -= 1
