"""Which time a report is about: the words people write, and the days and months of the site's zone.

A day has 23 or 25 hours twice a year; nothing here counts in hours of a day.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.moments import EPOCH
from hub.said import sentence

Every = Literal["quarter", "hour", "day", "week", "month", "year", "total"]
EVERY: tuple[Every, ...] = get_args(Every)
_QUARTER = 900_000
_HOUR = 3_600_000


class PeriodWords(Protocol):
    """As they were written; '' where left out. ``end`` is exclusive."""

    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...
    @property
    def month(self) -> str: ...
    @property
    def today(self) -> bool: ...


class Words(Struct, frozen=True):
    start: str = ""
    end: str = ""
    month: str = ""
    today: bool = False


def parse_period(words: PeriodWords, zone: ZoneInfo, now: int) -> tuple[int, int]:
    """Start and end (exclusive), ms. Raises ValueError, in words for people.

    ``today`` ends now. ``start`` and ``end`` are days (2026-10-01) or moments (2026-10-01T08:00, with or without an offset);
    without ``end`` the period ends now."""
    given = [bool(words.today), bool(words.month), bool(words.start or words.end)]
    if sum(given) != 1:
        how = sentence("period_how")
        raise ValueError(sentence("period_one", how=how) if any(given) else sentence("period_none", how=how))
    if words.today:
        return day_start(local(now, zone).date(), zone), now
    if words.month:
        match = re.fullmatch(r"(\d{4})-(\d{2})", words.month)
        if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1970:
            raise ValueError(sentence("period_month", month=words.month))
        first = date(int(match[1]), int(match[2]), 1)
        return day_start(first, zone), day_start(_next_month(first), zone)
    if not words.start:
        raise ValueError(sentence("period_no_start"))
    start, end = _moment(words.start, zone), _moment(words.end, zone) if words.end else now
    if start >= end:
        raise ValueError(sentence("period_backwards", start=words.start, end=words.end or sentence("now")))
    return start, end


def intervals(start: int, end: int, every: Every, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Cuts the period at the zone's quarter hours, hours, midnights, Mondays or first days of the month or year; the first and
    the last may be shorter."""
    while start < end:
        following = end if every == "total" else min(end, _following(start, every, zone))
        yield start, following
        start = following


def _following(at: int, every: Every, zone: ZoneInfo) -> int:
    now = local(at, zone)
    if every in ("quarter", "hour"):  # counted in real time: the repeated hour of autumn is an hour of its own
        length = _HOUR if every == "hour" else _QUARTER
        return at + length - (now.minute * 60_000 + now.second * 1000 + at % 1000) % length
    day = now.date()
    if every == "month":
        return day_start(_next_month(day), zone)
    if every == "year":
        return day_start(date(day.year + 1, 1, 1), zone)
    return day_start(day + timedelta(days=7 - day.weekday() if every == "week" else 1), zone)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def local(at: int, zone: ZoneInfo) -> datetime:
    """What the site's clocks show at a moment (ms UTC)."""
    return (EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def day_start(day: date, zone: ZoneInfo) -> int:
    """Its local midnight, ms UTC."""
    return ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def ms(moment: datetime) -> int:
    """A moment with its offset as ms UTC."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def _moment(word: str, zone: ZoneInfo) -> int:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
            return day_start(date.fromisoformat(word), zone)
        moment = datetime.fromisoformat(word)
        return ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ValueError(sentence("period_day", word=word)) from None
