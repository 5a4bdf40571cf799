"""Fire drills: an alarm that takes the whole way, from a device through the broker to people, and a report of each step.

Small ones go on by themselves and end at the hub's own ear; a large one goes to people, is marked as a drill in every channel and
asks for an acknowledgement. A drill's alerts are of the device ``drill:hub`` and never count as real ones.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from msgspec.structs import replace

from hub import drill_report
from hub.drill_adapter import DrillAdapter
from hub.drill_device import PATIENCE, DeviceFailed, DrillDevice, wall
from hub.drill_report import Report, Step
from hub.drill_rule import RULE
from hub.drill_run import Broken, Run
from hub.link import Address
from hub.model import Alert, Notice, Now
from hub.notices import Roster, change, why
from hub.records import RecordsReader, Sent, Work
from hub.said import Said, said_by, sentence

CHANNEL_PATIENCE = 30.0
"""Seconds for a receiver to take a drill's message."""
LOOK = 0.5
RUNS = 16
"""Drills under way or waiting, at most."""

log = logging.getLogger("gengfu.drill")


class Inside(Protocol):
    """What a drill looks at to say what is wrong; the hub."""

    def drill_alert(self) -> Alert | None: ...
    def refusals(self) -> int: ...
    def deaf(self) -> Said | None: ...
    def rule_off(self) -> Said | None: ...
    def stuck(self) -> Said | None: ...
    def gather(self) -> Work: ...
    async def introduce(self) -> None: ...


class TooMany(RuntimeError):
    """So many drills wait already."""


class Drills:
    """``trouble`` is why the last drill failed, "" while all is well; ``passed_at`` when the last one passed, ms."""

    def __init__(
        self,
        address: Callable[[], Address],
        community: str,
        roster: Roster,
        adapter: DrillAdapter,
        inside: Inside,
        reader: RecordsReader,
        wait: float,
    ) -> None:
        self._address = address
        self._community = community
        self._roster = roster
        self._adapter = adapter
        self._inside = inside
        self._reader = reader
        self._wait = wait
        self._turn = asyncio.Lock()
        self._run: Run | None = None
        self._waiting: dict[str, Run] = {}
        self._ended: deque[Report] = deque(maxlen=RUNS)  # until the records know them as well
        self._tasks: set[asyncio.Task[None]] = set()
        self._past: deque[str] = deque()  # alerts of small drills, to be forgotten
        self._reading = ThreadPoolExecutor(1, "drills-reader")
        self.trouble = ""
        self.passed_at: int | None = None
        self.passed = 0
        self.failed = 0

    # --- what the hub tells it ----------------------------------------------------------------------------------------

    def notices(self, before: Alert | None, alert: Alert, now: Now) -> list[Notice]:
        """Of a change of the drill's alert: for the drill's own ear, and in a large one for everybody."""
        run = self._run
        mine = run is not None and alert.rule == RULE and run.report.alert in ("", alert.id)
        made = [change(alert, now.wall)]
        if run is not None and mine and run.report.large and (reason := why(before, alert)):
            people = self._roster.ways_to([person.id for person in self._roster.people], alert.severity)
            everybody = self._roster.machines(alert.severity) + people
            made += [self._roster.notice(alert, address, reason, reason, now.wall) for address in everybody]
        made = [replace(notice, drill=True) for notice in made]
        if run is not None and mine:
            if alert.state == "resolved":
                run.resolved.set()
            elif alert.acknowledged_by and alert.acknowledged_at is not None:
                run.add("acknowledged", alert.acknowledged_at, alert.acknowledged_by)
            elif not run.report.alert and alert.at == run.at:
                run.decided(alert, alert.received_at, wall(), [(one.id, one.notifier, one.person) for one in made])
        return made

    def committed(self, alerts: Sequence[tuple[Alert, int]]) -> None:
        run = self._run
        if run is not None and run.report.alert and any(alert.id == run.report.alert for alert, _ in alerts):
            run.mark("committed", wall())

    def sent(self, sent: Sent) -> None:
        if self._run is not None:
            self._run.sent(sent)

    # --- what people ask ----------------------------------------------------------------------------------------------

    def start(self, large: bool, by: str) -> Report:
        """Begins one; it waits for another that is under way. Raises TooMany."""
        if len(self._waiting) >= RUNS:
            raise TooMany(sentence("drills_many", most=RUNS))
        run = Run(Report(id=f"d{secrets.token_hex(6)}", large=large, by=by, started_at=wall()))
        self._waiting[run.report.id] = run
        task = asyncio.get_running_loop().create_task(self._whole(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run.shown()

    async def recent(self, limit: int, large_only: bool) -> list[Report]:
        """Those under way, then the newest."""
        found: list[Report] = await self._ask(drill_report.recent, self._reader, limit, large_only)
        lately = [*reversed([run.shown() for run in self._waiting.values()]), *reversed(self._ended)]
        lately = [report for report in lately if report.large or not large_only]
        known = {report.id for report in lately}
        merged = lately + [report for report in found if report.id not in known]
        return sorted(merged, key=lambda report: report.started_at, reverse=True)[:limit]

    async def one(self, id: str) -> Report | None:
        if id in self._waiting:
            return self._waiting[id].shown()
        if (lately := next((report for report in self._ended if report.id == id), None)) is not None:
            return lately
        found: Report | None = await self._ask(drill_report.one, self._reader, id)
        return found

    async def _ask(self, question: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reading, question, *given)

    # --- the drill ----------------------------------------------------------------------------------------------------

    async def run(self, every: float) -> None:
        """Small ones for ever, ``every`` so many seconds; never two at once."""
        while True:
            began = time.monotonic()
            run = Run(Report(id=f"d{secrets.token_hex(6)}", large=False, by="", started_at=wall()))
            self._waiting[run.report.id] = run
            await self._whole(run)
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    async def _whole(self, run: Run) -> None:
        report = run.report
        try:
            async with self._turn:
                report.started_at = wall()
                self._run = run
                try:
                    await self._way(run)
                    report.state = "passed"
                except Broken as broken:
                    run.fail(broken)
                finally:
                    self._run = None
            report.ended_at = wall()
            self._note(run)
        finally:
            self._waiting.pop(report.id, None)
            run.changed.set()

    def _note(self, run: Run) -> None:
        report = run.report
        if report.state == "passed":
            self.passed += 1
            self.passed_at = report.ended_at
            if self.trouble:
                log.warning("the drill passes again")
            self.trouble = ""
        else:
            self.failed += 1
            trouble = f"the drill failed at {report.failed}: {report.why}"
            if trouble != self.trouble:
                log.error("%s", trouble)
            self.trouble = trouble
        work = self._inside.gather()
        self._ended.append(run.shown())
        drill_report.put(work, self._ended[-1])
        if report.alert and not report.large:
            self._past.append(report.alert)
        while len(self._past) > 1:  # its last notices are on their way
            drill_report.forget_alert(work, self._past.popleft())

    async def _way(self, run: Run) -> None:
        try:
            async with DrillDevice(self._address(), self._community) as device:
                with contextlib.suppress(TimeoutError):  # what keeps it from the records is found on the way
                    async with asyncio.timeout(PATIENCE):
                        await self._inside.introduce()
                await self._quiet(run, device)
                try:
                    await self._steps(run, device)
                finally:
                    await self._end(run, device)
        except DeviceFailed as failed:
            raise Broken(failed.step, said_by(failed)) from failed

    async def _quiet(self, run: Run, device: DrillDevice) -> None:
        """An alarm that was left behind by a hub that was killed is ended first."""
        if self._inside.drill_alert() is None:
            return
        await device.alarm(run.report.id, False, wall())
        end = time.monotonic() + PATIENCE
        while self._inside.drill_alert() is not None and time.monotonic() < end:  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.05)

    async def _steps(self, run: Run, device: DrillDevice) -> None:
        refused = self._inside.refusals()
        run.at = wall()
        run.mark("published", run.at)
        run.mark("confirmed", await device.alarm(run.report.id, True, run.at))
        if not await self._until(run, "decided", PATIENCE):
            raise self._undecided(run, refused)
        self._decoded(run)
        if not await self._until(run, "committed", PATIENCE):
            raise Broken("committed", self._inside.stuck() or sentence("not_on_disk", seconds=PATIENCE))
        if not await self._until(run, "announced", PATIENCE):
            raise Broken("announced", run.unannounced or sentence("not_announced", seconds=PATIENCE))
        try:
            async with asyncio.timeout(PATIENCE):
                run.mark("heard", await device.heard(run.report.alert))
        except TimeoutError:
            raise Broken("heard", sentence("not_heard", seconds=PATIENCE)) from None
        if run.report.large:
            await self._people(run)

    def _decoded(self, run: Run) -> None:
        drill, _, decoded = self._adapter.heard
        if drill == run.report.id:
            run.mark("decoded", decoded)

    def _undecided(self, run: Run, refused: int) -> Broken:
        """It came to nothing: where, by what is left of it."""
        drill, received, _ = self._adapter.heard
        if drill == run.report.id:
            run.mark("received", received)
            self._decoded(run)
            return Broken("decided", self._inside.rule_off() or sentence("rule_quiet", rule=RULE, seconds=PATIENCE))
        if self._inside.refusals() > refused:
            return Broken("decoded", sentence("adapter_refused"))
        return Broken("received", self._inside.deaf() or sentence("hub_deaf", seconds=PATIENCE))

    async def _people(self, run: Run) -> None:
        if not run.told:
            raise Broken("told", sentence("nobody_to_tell"))
        end = time.monotonic() + CHANNEL_PATIENCE
        while any(step.state == "waiting" for step in run.told.values()) and time.monotonic() < end:
            await self._changed(run, end)
        missed = [step for step in run.told.values() if step.state != "ok"]
        wait = time.monotonic() + self._wait
        while all(step.step != "acknowledged" for step in run.report.steps) and time.monotonic() < wait and self._reaches(run):
            await self._changed(run, wait)
            seen = await self._ask(self._reader.seen, run.report.alert)
            if seen is not None:
                run.add("seen", seen)
        if missed:
            raise Broken("told", sentence("all_failed", each=[_missed(one) for one in missed]))
        if all(step.step != "acknowledged" for step in run.report.steps):
            raise Broken("acknowledged", sentence("nobody_acknowledged", seconds=self._wait))

    @staticmethod
    def _reaches(run: Run) -> bool:
        return any(step.state == "ok" for step in run.told.values())

    async def _changed(self, run: Run, end: float) -> None:
        run.changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(LOOK, end - time.monotonic()))):
                await run.changed.wait()

    async def _until(self, run: Run, name: str, patience: float) -> bool:
        end = time.monotonic() + patience
        while run.step(name).at is None and time.monotonic() < end:
            await self._changed(run, end)
        return run.step(name).at is not None

    async def _end(self, run: Run, device: DrillDevice) -> None:
        """The device goes quiet, and its alert is resolved by that."""
        with contextlib.suppress(DeviceFailed):  # what is wrong with it is said already
            await device.alarm(run.report.id, False, max(wall(), run.at + 1))
        if run.report.alert:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await run.resolved.wait()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._reading.shutdown(wait=False, cancel_futures=True)


def _missed(step: Step) -> Said:
    why = Said("", step.why, step.why_zh) if step.why else sentence("no_answer")
    return sentence("channel_failed", channel=f"{step.notifier} {step.person}".strip(), why=why)
