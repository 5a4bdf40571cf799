"""[calendar]: the site's holidays and the weekends that are worked (调休)."""

import re
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from hub.calendar import Calendar
from hub.config.reader import Reader
from hub.ports import Settings

_LONGEST = 31


def dates(given: str) -> list[date]:
    """The days of "2026-10-01", or of "2026-10-01..2026-10-08" with both ends. Raises ValueError."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:\s*\.\.\s*(\d{4}-\d\d-\d\d))?", given.strip())
    try:
        if not match:
            raise ValueError
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2] or match[1])
    except ValueError:
        raise ValueError(f'"{given}" is no day: write it like "2026-10-01", or several like "2026-10-01..2026-10-08"') from None
    if not 0 <= (last - first).days < _LONGEST:
        raise ValueError(f'"{given}" does not run from a day to one at most {_LONGEST} days later')
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def _dates(given: str) -> str:
    dates(given)
    return given


def _weekend(given: str) -> str:
    for day in dates(given):
        if day.weekday() < 5:
            raise ValueError(f"{day} is a {day:%A}: only a Saturday or Sunday can be worked instead of another day")
    return given


class CalendarSection(Settings):
    holidays: tuple[Annotated[str, AfterValidator(_dates)], ...] = Field(
        (), description='days off beside the weekend: "2026-10-01" or "2026-10-01..2026-10-08"'
    )
    working: tuple[Annotated[str, AfterValidator(_weekend)], ...] = Field(
        (), description="Saturdays and Sundays that are worked instead (调休)"
    )


def calendar(reader: Reader, zone: ZoneInfo) -> Calendar:
    section = reader.table("calendar", CalendarSection) or CalendarSection.model_validate({})
    holidays = {day for given in section.holidays for day in dates(given)}
    for index, given in enumerate(section.working):
        if both := holidays.intersection(dates(given)):
            message = f"{min(both)} is among the holidays too: keep one"
            reader.wrong(("calendar", "working", index), "calendar, working", message)
    return Calendar(zone, holidays, (day for given in section.working for day in dates(given)))
