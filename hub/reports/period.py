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

Every = Literal["hour", "day", "month", "total"]
EVERY: tuple[Every, ...] = get_args(Every)
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
        how = "today, or a month such as 2026-10, or from and to"
        raise ValueError(f"say which period: {how}" if not any(given) else f"say one period only: {how}")
    if words.today:
        return _midnight(_local(now, zone).date(), zone), now
    if words.month:
        match = re.fullmatch(r"(\d{4})-(\d{2})", words.month)
        if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1970:
            raise ValueError(f'"{words.month}" is not a month; write it like 2026-10')
        first = date(int(match[1]), int(match[2]), 1)
        return _midnight(first, zone), _midnight(_next_month(first), zone)
    if not words.start:
        raise ValueError('the period has an end but no start; say "from" as well, like 2026-10-01')
    start, end = _moment(words.start, zone), _moment(words.end, zone) if words.end else now
    if start >= end:
        raise ValueError(f"the period ends ({words.end or 'now'}) before it starts ({words.start})")
    return start, end


def intervals(start: int, end: int, every: Every, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Cuts the period at the zone's hours, midnights or first days of the month; the first and the last may be shorter."""
    while start < end:
        following = end if every == "total" else min(end, _following(start, every, zone))
        yield start, following
        start = following


def _following(at: int, every: Every, zone: ZoneInfo) -> int:
    local = _local(at, zone)
    if every == "hour":  # counted in real time: the repeated hour of autumn is an hour of its own
        return at + _HOUR - (local.minute * 60_000 + local.second * 1000 + at % 1000)
    day = _next_month(local.date()) if every == "month" else local.date() + timedelta(days=1)
    return _midnight(day, zone)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _local(at: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return _ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _ms(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def _moment(word: str, zone: ZoneInfo) -> int:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", word):
            return _midnight(date.fromisoformat(word), zone)
        moment = datetime.fromisoformat(word)
        return _ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ValueError(f'"{word}" is not a day or a moment; write it like 2026-10-01 or 2026-10-01T08:00') from None
