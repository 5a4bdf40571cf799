"""The site's days: its time zone, its holidays, and the weekends that are worked (调休). Pure, and asked in ms since 1970."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

Period = Literal["day", "month"]

_LAST = round(datetime(9990, 1, 1, tzinfo=UTC).timestamp() * 1000)


class Calendar:
    """``holidays``: days off beside the weekend; ``working``: Saturdays and Sundays that are worked instead."""

    def __init__(self, zone: tzinfo = UTC, holidays: Iterable[date] = (), working: Iterable[date] = ()) -> None:
        self.zone = zone
        self.holidays = frozenset(holidays)
        self.working = frozenset(working)

    def local(self, moment: int) -> datetime:
        """The site's own time. A moment that no date can tell is taken for the nearest that one can."""
        return datetime.fromtimestamp(min(max(moment, 0), _LAST) // 1000, self.zone)

    def off(self, day: date) -> bool:
        """Nobody works: a holiday, or a weekend that is not worked."""
        return day in self.holidays or (day.weekday() >= 5 and day not in self.working)

    def period(self, moment: int, every: Period) -> tuple[int, int]:
        """Start and end, ms, of the day or month it lies in. A day has 23 or 25 hours when the clocks change; where they
        jump over midnight it begins with the first moment there is."""
        first = self.local(moment).date()
        if every == "month":
            first = first.replace(day=1)
            following = (first + timedelta(days=31)).replace(day=1)
        else:
            following = first + timedelta(days=1)
        return self._midnight(first), self._midnight(following)

    def _midnight(self, day: date) -> int:
        return round(datetime.combine(day, time(), self.zone).timestamp() * 1000)
