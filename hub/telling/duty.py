"""The duty rota: who is on duty at a moment, by weekday and hour of the site's calendar, with swaps."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from msgspec import Struct

from hub.calendar import Calendar
from hub.during import During, Schedule, hours

MINUTES = 24 * 60


class Shift(Struct, frozen=True, eq=False):
    """``person`` is on duty ``during`` these days and hours. What goes over midnight belongs to the day on which it begins."""

    person: str
    team: str = "duty"
    during: During = During()


class Swap(Struct, frozen=True):
    """On ``day`` (ISO) ``person`` takes the shifts of ``instead_of``; ``team`` "" in all teams. ``by``: who says so."""

    day: str
    person: str
    instead_of: str
    team: str = ""
    by: str = ""


class Rota:
    def __init__(self, calendar: Calendar, shifts: Sequence[Shift] = (), swaps: Sequence[Swap] = ()) -> None:
        self.calendar = calendar
        self.shifts = tuple(shifts)
        self.swaps = tuple(swaps)
        self._schedules = [Schedule(shift.during, calendar) for shift in self.shifts]

    @property
    def teams(self) -> list[str]:
        return sorted({shift.team for shift in self.shifts})

    def on_duty(self, team: str, at: int) -> list[str]:
        """The people of the team on duty at ``at`` ms, in the order of the rota."""
        local = self.calendar.local(at)
        found: list[str] = []
        for shift, schedule in zip(self.shifts, self._schedules, strict=True):
            if shift.team != team:
                continue
            day = self._began(shift, schedule, local)
            if day is not None:
                person = self._taken_over(shift, day)
                if person not in found:
                    found.append(person)
        return found

    def _began(self, shift: Shift, schedule: Schedule, local: datetime) -> date | None:
        """The day on which the shift under way began. By the wall clock: one until 06:00 ends then also in the night in
        which the clocks change."""
        at = local.hour * 60 + local.minute
        for start, end in hours(shift.during.hours):
            for day, minute in ((local.date(), at), (local.date() - timedelta(days=1), at + MINUTES)):
                last = end if end > start else end + MINUTES
                if start <= minute < last and schedule.open(self._moment(day, start)):
                    return day
        return None

    def _moment(self, day: date, minute: int) -> int:
        return round(datetime.combine(day, time(minute // 60, minute % 60), self.calendar.zone).timestamp() * 1000)

    def _taken_over(self, shift: Shift, day: date) -> str:
        for swap in reversed(self.swaps):
            if swap.day == day.isoformat() and swap.instead_of == shift.person and swap.team in ("", shift.team):
                return swap.person
        return shift.person

    def plan(self, team: str, day: date) -> list[tuple[datetime, datetime, list[str]]]:
        """The day in pieces, local times, each with who is on duty: nobody is a hole."""
        ends = {minute % MINUTES for shift in self.shifts for pair in hours(shift.during.hours) for minute in pair}
        midnight = datetime.combine(day, time(), self.calendar.zone)
        pieces: list[tuple[datetime, datetime, list[str]]] = []
        for start, end in pairwise(sorted({0, *ends} | {MINUTES})):
            people = self.on_duty(team, self._moment(day, start))
            began, ended = midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)
            if pieces and pieces[-1][2] == people:
                pieces[-1] = (pieces[-1][0], ended, people)
            else:
                pieces.append((began, ended, people))
        return pieces

    def holes(self, team: str, first: date, days: int) -> list[tuple[datetime, datetime]]:
        """When nobody of the team is on duty, local times, in order; what adjoins is one hole."""
        found: list[tuple[datetime, datetime]] = []
        for number in range(days):
            for began, ended, people in self.plan(team, first + timedelta(days=number)):
                if people:
                    continue
                if found and found[-1][1] == began:
                    found[-1] = (found[-1][0], ended)
                else:
                    found.append((began, ended))
        return found
