"""When something counts: on which days, at which hours, on holidays or not."""

import re
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.calendar import Calendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORKDAYS = frozenset(range(5))
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)")
_MINUTE = 60_000


class During(BaseModel):
    """``during = { days = "mon-fri", hours = "22:00-06:00", holidays = "exclude" }``, in the site's own time.

    Hours that end before they begin go over midnight, and belong to the day on which they began. Where holidays are heeded,
    a weekend that is worked (调休) is a working day like any from Monday to Friday."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: str = Field("mon-sun", description='"mon-fri", "sat,sun"; or "working" and "off", which follow the calendar')
    hours: str = Field("00:00-24:00", description='"08:00-18:00", "22:00-06:00", or several with commas between them')
    holidays: Literal["include", "exclude", "only"] = Field("include", description="what the calendar's holidays are")

    @field_validator("days")
    @classmethod
    def _days(cls, given: str) -> str:
        days(given)
        return given

    @field_validator("hours")
    @classmethod
    def _hours(cls, given: str) -> str:
        hours(given)
        return given

    @model_validator(mode="after")
    def _once(self) -> "During":
        if self.days in ("working", "off") and self.holidays != "include":
            raise ValueError(f'days = "{self.days}" follows the calendar already: leave holidays out')
        return self


def days(given: str) -> frozenset[int]:
    """Days of the week, Monday 0, of "mon-fri", "sat,sun", "fri-mon", "working", "off". Raises ValueError."""
    if given == "working":
        return _WORKDAYS
    if given == "off":
        return frozenset((5, 6))
    found: set[int] = set()
    for part in given.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f'"{given}" names no days: write it like "mon-fri" or "sat,sun", or "working" or "off"')
        begin = DAYS.index(first)
        found.update((begin + step) % 7 for step in range((DAYS.index(last or first) - begin) % 7 + 1))
    return frozenset(found)


def hours(given: str) -> tuple[tuple[int, int], ...]:
    """(start, end) in minutes of the day; the end is the smaller one where it lies after midnight. Raises ValueError."""
    found = []
    for part in given.split(","):
        match = _HOURS.fullmatch(part.strip())
        start, end = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
        if not match or end > 1440:
            raise ValueError(f'"{given}" are no hours: write them like "08:00-18:00" or "22:00-06:00"')
        if start == end:
            raise ValueError(f'"{part.strip()}" is no time at all; "00:00-24:00" is the whole day')
        found.append((start, end))
    return tuple(found)


class Schedule:
    """``During`` on a site's calendar. What the clocks jump over does not come, what they repeat comes twice."""

    def __init__(self, during: During, calendar: Calendar) -> None:
        self._calendar = calendar
        self._days = days(during.days)
        self._hours = hours(during.hours)
        self._off = during.days == "off"
        self._holidays = "exclude" if during.days == "working" else during.holidays
        self._minute = -1
        self._answer = False

    def open(self, moment: int) -> bool:
        """Whether it counts at that moment, ms since 1970."""
        minute = moment // _MINUTE
        if minute != self._minute:  # zones and hours change with the minute at most
            self._answer = self._look(moment)
            self._minute = minute
        return self._answer

    def _look(self, moment: int) -> bool:
        local = self._calendar.local(moment)
        today = local.date()
        at = local.hour * 60 + local.minute
        for start, end in self._hours:
            if start < end:
                if start <= at < end and self._has(today):
                    return True
            elif (at >= start and self._has(today)) or (at < end and self._has(today - timedelta(days=1))):
                return True
        return False

    def _has(self, day: date) -> bool:
        calendar = self._calendar
        if self._off:
            return calendar.off(day)
        if self._holidays == "include":
            return day.weekday() in self._days
        holiday = day in calendar.holidays
        if self._holidays == "only":
            return holiday and day.weekday() in self._days
        if holiday:
            return False
        if day in calendar.working and day.weekday() >= 5:
            return bool(self._days & _WORKDAYS)
        return day.weekday() in self._days
