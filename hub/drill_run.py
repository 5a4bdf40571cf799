"""One drill under way: what has happened so far, step by step, and what is wrong where nothing happens."""

import asyncio

from msgspec.structs import replace

from hub.drill_report import AFTER, WAY, Report, Step
from hub.model import Alert
from hub.notices import MQTT
from hub.records import Sent
from hub.said import Said, unpacked


class Broken(Exception):
    """A step failed; the sentence says why, for whoever has to put it right."""

    def __init__(self, step: str, why: Said) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


class Run:
    """``changed`` is set whenever something has happened."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.at = 0  # the alarm's own time, ms
        self.outgoing = ""  # the notice that publishes it for machines
        self.unannounced: Said | None = None  # why it did not get out, at the last attempt
        self.told: dict[str, Step] = {}  # by notice
        self.acknowledged = False
        self.resolved = asyncio.Event()
        self.changed = asyncio.Event()
        names = list(WAY)
        names.insert(1, "confirmed")
        report.steps = [Step(step=name) for name in names]

    def step(self, name: str) -> Step:
        return next(step for step in self.report.steps if step.step == name)

    def mark(self, name: str, at: int) -> None:
        step = self.step(name)
        if step.at is None:
            step.at, step.state = at, "ok"
            self._reckon()

    def add(self, name: str, at: int, person: str = "") -> None:
        if any(step.step == name for step in self.report.steps):
            return
        self.report.steps.append(Step(step=name, at=at, state="ok", person=person))
        self._reckon()

    def fail(self, broken: Broken) -> None:
        found = [step for step in self.report.steps if step.step == broken.step and step.state != "ok"]
        if not found:
            found = [Step(step=broken.step)]
            self.report.steps += found
        for step in found:
            step.state = "failed"
            if not step.why:
                step.why, step.why_zh = broken.why.en, broken.why.zh
        for step in self.report.steps:
            if step.state == "waiting":
                step.state = "not reached"
        self.report.state, self.report.failed = "failed", broken.step
        self.report.why, self.report.why_zh = broken.why.en, broken.why.zh
        self.changed.set()

    def sent(self, sent: Sent) -> None:
        """How one of its notices fared."""
        if sent.notice == self.outgoing:
            self.unannounced = unpacked(sent.error) if sent.error else None
            if sent.state == "sent":
                self.mark("announced", sent.began)
        step = self.told.get(sent.notice)
        if step is None or step.state in ("ok", "failed"):
            return
        error = unpacked(sent.error)
        step.why, step.why_zh = error.en, error.zh
        if sent.state == "sent":
            step.at, step.state = sent.at, "ok"
        elif sent.state == "failed":
            step.state = "failed"
        self._reckon()

    def decided(self, alert: Alert, received_at: int, now: int, notices: list[tuple[str, str, str]]) -> None:
        """The rule has raised it. ``notices``: id, notifier and person of each that is on its way."""
        self.report.alert = alert.id
        self.outgoing = f"{alert.id}:r{alert.revision}:{MQTT}:"
        for id, notifier, person in notices:
            if notifier != MQTT:
                self.told[id] = Step(step="told", notifier=notifier, person=person)
                self.report.steps.append(self.told[id])
        self.mark("received", received_at)
        self.mark("decided", now)

    def _reckon(self) -> None:
        """The time of each step: since the one it follows on the way, or hangs on."""
        times = {step.step: step.at for step in self.report.steps if step.at is not None and step.step in (*WAY, "confirmed")}
        for step in self.report.steps:
            if step.at is None:
                continue
            if step.step in WAY:
                place = WAY.index(step.step)
                before = times.get(WAY[place - 1]) if place else step.at
            else:
                before = times.get(AFTER[step.step])
            step.ms = step.at - before if before is not None else None
        if "published" in times and "heard" in times:
            self.report.total_ms = times["heard"] - times["published"]
        self.changed.set()

    def shown(self) -> Report:
        """As it is now; later changes do not reach it."""
        return replace(self.report, steps=[replace(step) for step in self.report.steps])
