"""A fault in what decides who is told must neither lose an alert nor keep people from hearing of it."""

import logging
from collections.abc import Callable, Sequence

from hub.calendar import Calendar
from hub.model import DRILL_DEVICE, Alert, Notice, Now
from hub.notices import Roster, change
from hub.ports import Directory
from hub.telling.duty import Rota
from hub.telling.flapping import Limits
from hub.telling.telling import Kept, Telling
from hub.telling.voice import Plan

log = logging.getLogger("gengfu.telling")


class Guarded:
    """``failed`` counts decisions that raised; then everybody is told."""

    def __init__(self, telling: Telling) -> None:
        self.telling = telling
        self.failed = 0
        self.drills: Callable[[Alert | None, Alert, Now], list[Notice]] | None = None

    def changed(self, before: Alert | None, alert: Alert, now: Now) -> list[Notice]:
        """The notices of one change; the one for machines is among them whatever people are told."""
        notices = [change(alert, now.wall)]
        try:
            if alert.device == DRILL_DEVICE:
                return self.drills(before, alert, now) if self.drills else []
            notices += self.telling.changed(before, alert, now)
        except Exception:
            log.exception("who is to be told of alert %s could not be decided: everybody is", alert.id)
            self.failed += 1
            if alert.device == DRILL_DEVICE:
                return []
            notices = list(self.telling.roster.plan(before, alert, now.wall))
        return notices

    def tick(self, now: Now) -> Sequence[Notice]:
        try:
            return self.telling.tick(now)
        except Exception:
            log.exception("what falls due for people could not be decided")
            self.failed += 1
            return ()


def plain(roster: Roster, places: Directory, alerts: Sequence[Alert], now: Now) -> Telling:
    """Everybody is told of everything, nothing is held for flapping. ``alerts``: those that are open."""
    telling = Telling(roster, places, Plan(Rota(Calendar()), flapping=Limits(after=0)))
    telling.restore(Kept(), alerts, (), now)
    return telling
