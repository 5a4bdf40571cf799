"""What energy costs: a tariff's prices and when they apply, in the site's own time.

One [[tariff]] is one version of a tariff; several may share an id, each with its dates. The price of a moment is that of the
first period that holds at its local time, else ``price``; a tier adds to it by what was used since the month or year began.
Where the clock goes back, a period holds in both runs of the repeated hour; where it jumps, it holds only as long as it lasts.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import AfterValidator, Field

from hub.ports import Settings
from hub.reports.period import day_start, local, ms

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "workday", "weekend", "holiday"]
_WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def _hours(given: str) -> str:
    wanted = 'write it like "08:00-22:00"; "22:00-08:00" goes on after midnight'
    match = _HOURS.fullmatch(given)
    if not match:
        raise ValueError(f'"{given}" is no span of hours: {wanted}')
    begin, end = _span(given)
    if begin >= 1440 or end > 1440:
        raise ValueError(f'"{given}" goes beyond 24:00: {wanted}')
    if begin == end:
        raise ValueError(f'"{given}" has no length; leave hours out for the whole day')
    return given


def _span(given: str) -> tuple[int, int]:
    """Minutes of the day of "08:00-22:00"."""
    begin, end = given.split("-")
    first, last = ((int(word[:2]) * 60 + int(word[3:])) for word in (begin, end))
    return first, last


def _currency(given: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", given):
        raise ValueError(f'"{given}" is no currency: write its three letters (ISO 4217), like "CNY"')
    return given


Hours = Annotated[str, AfterValidator(_hours)]
Money = Annotated[Decimal, Field(max_digits=18, decimal_places=9)]


class Period(Settings):
    """When another price holds. What is left out does not restrict it."""

    name: str = Field(description="what bills call it: 尖, 峰, 平, 谷, peak, off-peak …", min_length=1, max_length=40)
    price: Money = Field(description="per unit of the quantity, such as per kWh")
    hours: tuple[Hours, ...] = Field((), description='local time: ["08:00-11:00", "22:00-06:00"]')
    days: tuple[Day, ...] = Field((), description="mon … sun, workday, weekend, holiday")
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field((), description="1 to 12: its season")


class Tier(Settings):
    up_to: float | None = Field(None, description="to this use since the month or year began; left out: without end", gt=0)
    add: Money = Field(description="what each unit of this tier costs above the price")


class Tariff(Settings):
    id: str = Field(description="names it; the versions of one tariff share it", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: dict[Literal["en", "zh"], str] = Field({}, description="what people call it, in English and Chinese")
    quantity: str = Field(
        "energy.active.import.total",
        description="what it prices; energy.active.export.total is paid to the owners (feed-in), so it lowers the cost",
    )
    currency: Annotated[str, AfterValidator(_currency)] = Field("CNY", description="three letters, ISO 4217")
    device: str = Field("*", description="glob over the ids of the meters it applies to")
    space: str = Field("*", description="glob over spaces; what lies inside a matching one belongs to it")
    valid_from: date = Field(date(1970, 1, 1), description="the first day it holds, in local time")
    valid_to: date | None = Field(None, description="the day after the last; left out: until further notice")
    price: Money = Field(description="per unit, wherever no period says otherwise")
    price_name: str = Field("", description="what bills call that price, such as 平; empty for a flat tariff", max_length=40)
    periods: tuple[Period, ...] = Field((), description="when another price holds; the first that fits counts")
    tiers: tuple[Tier, ...] = Field((), description="steps by use (阶梯), in growing order; each adds to the price")
    tier_every: Literal["month", "year"] = Field("year", description="when the use that counts for tiers begins again")
    demand_price: Money = Field(
        Decimal(0), description="per kW of the highest quarter hour of a month (需量); counted where that quarter hour lies"
    )
    standing_price: Money = Field(Decimal(0), description="per month whatever is used, spread over its days")
    holidays: tuple[date, ...] = Field(
        (), description="days that are neither workday nor weekend; those of [calendar] if left out"
    )
    make_up_days: tuple[date, ...] = Field(
        (), description="Saturdays and Sundays that are worked (调休); those of [calendar] if left out"
    )
    source: str = Field("", description="the document these prices stand in, and its date", max_length=500)
    example: bool = Field(False, description="true: invented or unchecked prices; every report says so")

    @property
    def edges(self) -> list[int]:
        """The minutes of the day at which a price may change."""
        spans = [_span(hours) for period in self.periods for hours in period.hours]
        return sorted({minute % 1440 for span in spans for minute in span} | {0})

    def band(self, moment: datetime) -> tuple[str, Decimal]:
        """Name and price at a local moment."""
        minute, kinds = moment.hour * 60 + moment.minute, self._kinds(moment.date())
        for period in self.periods:
            if period.months and moment.month not in period.months:
                continue
            if period.days and not kinds & set(period.days):
                continue
            if not period.hours or any(_inside(minute, *_span(hours)) for hours in period.hours):
                return period.name, period.price
        return self.price_name, self.price

    def _kinds(self, day: date) -> set[Day]:
        weekday = _WEEK[day.weekday()]
        if day in self.holidays:
            return {weekday, "holiday"}
        worked = day.weekday() < 5 or day in self.make_up_days
        return {weekday, "workday" if worked else "weekend"}

    def surcharge(self, used: Decimal) -> Decimal:
        """What the tiers add to the first ``used`` units of their month or year."""
        total, floor = Decimal(0), Decimal(0)
        for tier in self.tiers:
            ceiling = used if tier.up_to is None else min(used, Decimal(repr(tier.up_to)))
            if ceiling > floor:
                total += (ceiling - floor) * tier.add
                floor = ceiling
        return total


def wrong_tiers(tariff: Tariff) -> str | None:
    """What is wrong with its tiers, in one sentence."""
    bounds = [tier.up_to for tier in tariff.tiers]
    if not bounds:
        return None
    if bounds[-1] is not None:
        return "the last tier has an end, so what is used beyond it has no price: leave its up_to out"
    known = [bound for bound in bounds[:-1] if bound is not None]
    if len(known) < len(bounds) - 1 or known != sorted(set(known)):
        return "its tiers must grow: each up_to above the one before, and only the last without"
    return None


class Band(Struct, frozen=True):
    """One price from ``start`` to ``end`` (ms, exclusive). ``use_since``: where the tiers' month or year began; ``version``:
    its tariff's place in the list of all, or -1 where none holds."""

    start: int
    end: int
    name: str
    price: Decimal
    use_since: int
    version: int


def bands(tariffs: Sequence[Tariff], start: int, end: int, zone: ZoneInfo) -> list[Band]:
    """The prices of the period, in order and without a gap. The first tariff that is valid on a day holds all of it."""
    found: list[Band] = []
    for first, last in days(start, end, zone):
        day = local(first, zone).date()
        version = next((number for number, one in enumerate(tariffs) if valid(one, day)), -1)
        if version < 0:
            pieces = [(first, "", Decimal(0))]
        else:
            tariff = tariffs[version]
            pieces = [(at, *tariff.band(local(at, zone))) for at in _cuts(day, tariff.edges, first, last, zone)]
        since = _use_since(tariffs[version], day, zone) if version >= 0 else first
        for number, (at, name, price) in enumerate(pieces):
            until = pieces[number + 1][0] if number + 1 < len(pieces) else last
            before = found[-1] if found else None
            if before and (before.name, before.price, before.use_since, before.version) == (name, price, since, version):
                found[-1] = Band(before.start, until, name, price, since, version)
            elif until > at:
                found.append(Band(at, until, name, price, since, version))
    return found


def valid(tariff: Tariff, day: date) -> bool:
    return tariff.valid_from <= day and (tariff.valid_to is None or day < tariff.valid_to)


def days(start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """The local days of a period, the first and the last cut to it."""
    while start < end:
        following = min(end, day_start(local(start, zone).date() + timedelta(days=1), zone))
        yield start, following
        start = following


def _use_since(tariff: Tariff, day: date, zone: ZoneInfo) -> int:
    if not tariff.tiers:
        return 0
    return day_start(day.replace(day=1) if tariff.tier_every == "month" else day.replace(month=1, day=1), zone)


def _cuts(day: date, minutes: Sequence[int], first: int, last: int, zone: ZoneInfo) -> list[int]:
    """Where the wall clock shows one of these minutes, in both runs of a repeated hour, and where the clock is moved."""
    found = {first}
    for minute in minutes:
        shown = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
        found |= {ms(shown), ms(shown.replace(fold=1))}
    if _offset(first, zone) != _offset(last - 1, zone):
        low, high = first, last - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(middle, zone) == _offset(first, zone) else (low, middle)
        found.add(high)
    return sorted(cut for cut in found if first <= cut < last)


def _offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return local(at, zone).utcoffset()


def _inside(minute: int, begin: int, end: int) -> bool:
    return begin <= minute < end if begin < end else minute >= begin or minute < end
