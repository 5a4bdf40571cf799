"""A period beside the one before it and the same a year before.

A period that is not over is compared with as much of the other: today until 11:37 with yesterday until 11:37, by what the clocks
show, however many hours those days have."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hub.moments import local_iso
from hub.ports import Ints
from hub.reports.figures import figures
from hub.reports.measured import Readings, measure
from hub.reports.meters import Meter, grouped
from hub.reports.period import local, ms


def compared(store: Readings, all: Sequence[Meter], site: str, start: int, end: int, zone: ZoneInfo) -> dict[str, Any]:
    """``previous`` and ``last_year`` (from, to), and ``rows`` by quantity: ``value``, ``previous``, ``last_year`` and how much
    is known of each."""
    parts = grouped(all, "community", site)
    before, year = previous(start, end, zone), year_before(start, end, zone)
    rows: list[dict[str, Any]] = [{"quantity": part.quantity} for part in parts]
    for name, span in (("value", (start, end)), ("previous", before), ("last_year", year)):
        edges: Ints = np.array(span, np.int64)
        found = measure(store, all, edges)
        for part, row in zip(parts, rows, strict=True):
            told = figures(part, found, 0)
            row[name], row[f"{name}_completeness"] = told["value"], told["completeness"]
    return {
        "value": [local_iso(at, zone) for at in (start, end)],
        "previous": [local_iso(at, zone) for at in before],
        "last_year": [local_iso(at, zone) for at in year],
        "rows": rows,
    }


def previous(start: int, end: int, zone: ZoneInfo) -> tuple[int, int]:
    """Of whole months as many months before; of a month or a year so far the one before, so far; else as many days before."""
    first, last = local(start, zone), local(end, zone)
    if first.time() != datetime.min.time():
        return start - (end - start), start
    whole_days = last.time() == first.time()
    if first.day == 1 and whole_days and last.day == 1:
        return _earlier(first, _months(first, last)), start
    if first.day == 1 and not whole_days:
        if first.month == 1 and _months(first, last) and last.year == first.year:
            return _earlier(first, 12), _earlier(last, 12)
        if not _months(first, last):
            return _earlier(first, 1), min(_earlier(last, 1, over=True), start)
    days = timedelta(days=(last.date() - first.date()).days + (not whole_days))
    return _shown(first.date() - days, first, zone), _shown(last.date() - days, last, zone)


def year_before(start: int, end: int, zone: ZoneInfo) -> tuple[int, int]:
    """The same days of the year before; 29 February is compared with the 28th."""
    first, last = (_earlier(local(at, zone), 12) for at in (start, end))
    return first, last


def _months(first: datetime, last: datetime) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _earlier(moment: datetime, months: int, over: bool = False) -> int:
    """The same day and clock some months before. A day that month lacks is its last one, or, ``over``, the month's end."""
    number = moment.year * 12 + moment.month - 1 - months
    year, month = number // 12, number % 12 + 1
    days = monthrange(year, month)[1]
    zone = moment.tzinfo
    assert isinstance(zone, ZoneInfo)
    if over and moment.day > days:
        return _shown(
            date(year, month, days) + timedelta(days=1), moment.replace(hour=0, minute=0, second=0, microsecond=0), zone
        )
    return _shown(date(year, month, min(moment.day, days)), moment, zone)


def _shown(day: date, clock: datetime, zone: ZoneInfo) -> int:
    """When the clocks show that time on that day; of an hour that comes twice, as often as in ``clock``."""
    return ms(datetime.combine(day, clock.time(), tzinfo=zone).replace(fold=clock.fold))
