"""Fire drills for the web alone: three that are over, and small ones that pass within a second."""

import time
from collections.abc import Sequence

from hub.drill_report import WAY, Report, State, Step
from hub.said import Said, sentence

MS = {"published": 0, "received": 3, "decoded": 1, "decided": 1, "committed": 6, "announced": 2, "heard": 4}
"""Of each step of the way, since the one before."""
LOST = sentence("not_announced", seconds=5.0)
UNKNOWN = sentence("recipient_refused", name="smtp.example.org", why="550 5.1.1 unknown")
NOTHING = Said("", "", "")


def wall() -> int:
    return time.time_ns() // 1_000_000


def report(number: int, at: int, large: bool = False, failed: str = "") -> Report:
    """A drill that began at ``at``, ms; ``failed``: the step that went wrong."""
    steps, now, broken = [], at, False
    for name in WAY:
        broken = broken or name == failed
        now += MS[name]
        if broken:
            why = LOST if name == failed else NOTHING
            state: State = "failed" if name == failed else "not reached"
            steps.append(Step(step=name, state=state, why=why.en, why_zh=why.zh))
        else:
            steps.append(Step(step=name, state="ok", at=now, ms=MS[name]))
        if name == "published":
            steps.append(Step(step="confirmed", state="ok", at=now + 9, ms=9))
    if large and not failed:
        committed = at + 11
        steps += [
            Step(step="told", state="ok", at=committed + 240, ms=240, notifier="im:night", person="王工"),
            Step(step="told", state="failed", notifier="email", person="李管家", why=UNKNOWN.en, why_zh=UNKNOWN.zh),
            Step(step="acknowledged", state="ok", at=committed + 41_000, ms=41_000, person="王工"),
        ]
    return Report(
        id=f"d{number}", large=large, by="", started_at=at, ended_at=now, state="failed" if failed else "passed", failed=failed,
        why=LOST.en if failed else "", why_zh=LOST.zh if failed else "", total_ms=None if failed else now - at, steps=steps,
    )  # fmt: skip


class FakeDrills:
    """Implements ``hub.web.drills.Drilling``."""

    def __init__(self, empty: bool = False) -> None:
        now = wall()
        old = [report(1, now - 60_000), report(2, now - 3_600_000, failed="announced"), report(3, now - 86_400_000, large=True)]
        self.reports = [] if empty else old

    def start(self, large: bool, by: str) -> Report:
        made = report(len(self.reports) + 1, wall(), large)
        made.by, made.state, made.total_ms, made.ended_at = by, "running", None, None
        self.reports.insert(0, made)
        return made

    async def recent(self, limit: int, large_only: bool) -> Sequence[Report]:
        return [one for one in self.reports if one.large or not large_only][:limit]

    async def one(self, id: str) -> Report | None:
        found = next((one for one in self.reports if one.id == id), None)
        if found is not None and found.state == "running" and wall() - found.started_at > 500:
            found.state, found.total_ms, found.ended_at = "passed", sum(MS.values()), wall()
        return found
