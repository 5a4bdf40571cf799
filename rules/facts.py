"""What is asked of every rule whenever one of them changes: found out once, for ten thousand rules take half a second."""

from collections.abc import Iterable

from hub.calendar import Calendar
from hub.during import Schedule
from hub.ports import Rule, SilenceRule
from rules.limits import wanted
from rules.together import Together


class Facts:
    """It is one of three: ``judge`` looks at readings, ``silence`` at the clock (``never``: at devices that were never heard),
    ``together`` at several conditions. ``fits``: a limit comes from the device's profile; ``schedule``: when it counts."""

    __slots__ = ("fits", "id", "judge", "never", "rule", "schedule", "silence", "together")

    def __init__(self, rule: Rule, calendar: Calendar) -> None:
        self.rule = rule
        self.id = rule.settings.id
        self.silence = rule if isinstance(rule, SilenceRule) else None
        self.together = rule if isinstance(rule, Together) else None
        self.judge = None if isinstance(rule, SilenceRule | Together) else rule
        self.never = bool(getattr(rule, "never_heard", False))
        self.fits = self.silence is None and bool(wanted(rule.settings))
        self.schedule = Schedule(rule.settings.during, calendar) if rule.settings.during else None
        for one in (rule, *(self.together.leaves if self.together else ())):
            if hasattr(one, "calendar"):
                one.calendar = calendar


def found(rules: Iterable[Rule], before: list[Facts], calendar: Calendar) -> list[Facts]:
    """In the order of the rules; those that were known are taken from ``before``."""
    known = {id(one.rule): one for one in before}  # their rules live, so no other has the same id
    return [known.get(id(rule)) or Facts(rule, calendar) for rule in rules]
