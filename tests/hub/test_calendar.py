"""The site's days and hours. Times of clock changes: IANA time zone database, as told in each case."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from hub.calendar import Calendar
from hub.during import During, Schedule

HOUR = 3_600_000


def at(zone: str, text: str, fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "noon", "hours"),
    [
        ("Asia/Shanghai", "2026-03-29T12:00", 24),
        ("Europe/Berlin", "2026-03-29T12:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00", 25),
        ("Australia/Lord_Howe", "2026-04-05T12:00", 24.5),  # its clocks change by half an hour
        ("America/Santiago", "2026-09-06T12:00", 23),  # from 24:00 to 01:00: the day has no midnight
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, noon: str, hours: float) -> None:
    calendar = Calendar(ZoneInfo(zone))
    start, end = calendar.period(at(zone, noon), "day")
    assert end - start == hours * HOUR
    assert calendar.period(start, "day") == calendar.period(end - 1, "day") == (start, end)
    assert calendar.period(end, "day")[0] == end


def test_a_month_is_as_long_as_its_days() -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    start, end = calendar.period(at("Europe/Berlin", "2026-10-31T23:59"), "month")
    assert end - start == 31 * 24 * HOUR + HOUR
    start, end = calendar.period(at("Europe/Berlin", "2024-02-29T12:00"), "month")
    assert end - start == 29 * 24 * HOUR


def test_a_moment_that_no_date_can_tell_is_taken_for_the_nearest() -> None:
    calendar = Calendar(ZoneInfo("Asia/Kolkata"))
    schedule = Schedule(During(hours="00:00-24:00"), calendar)
    for moment in (-(10**18), 0, 10**15, 10**18):
        assert schedule.open(moment)
        calendar.period(moment, "month")


def test_half_hour_zones_and_both_passes_of_a_repeated_hour() -> None:
    night = During(hours="22:00-06:00")
    kolkata = Schedule(night, Calendar(ZoneInfo("Asia/Kolkata")))
    assert not kolkata.open(at("UTC", "2026-09-21T16:29"))
    assert kolkata.open(at("UTC", "2026-09-21T16:30"))
    berlin = Schedule(During(hours="02:15-02:45"), Calendar(ZoneInfo("Europe/Berlin")))
    first, second = at("Europe/Berlin", "2026-10-25T02:30"), at("Europe/Berlin", "2026-10-25T02:30", fold=1)
    assert second - first == HOUR
    assert berlin.open(first) and berlin.open(second) and not berlin.open(first + HOUR // 2)
    assert not any(berlin.open(at("Europe/Berlin", "2026-03-29T00:00") + minute * 60_000) for minute in range(23 * 60))


def test_working_days_and_days_off() -> None:
    """2026-10-01 is a Thursday, the 3rd a Saturday, the 10th a Saturday that is worked."""
    calendar = Calendar(ZoneInfo("Asia/Shanghai"), [date(2026, 10, 1), date(2026, 10, 3)], [date(2026, 10, 10)])
    days = {day: at("Asia/Shanghai", f"2026-10-{day:02}T12:00") for day in (1, 2, 3, 4, 10)}

    def of(**during: str) -> list[int]:
        schedule = Schedule(During.model_validate(during), calendar)
        return [day for day, noon in days.items() if schedule.open(noon)]

    assert of() == [1, 2, 3, 4, 10]
    assert of(days="mon-fri") == [1, 2]
    assert of(days="working") == of(days="mon-fri", holidays="exclude") == [2, 10]
    assert of(days="off") == [1, 3, 4]
    assert of(holidays="only") == [1, 3]
    assert of(days="mon-fri", holidays="only") == [1]
    assert of(days="sat,sun", holidays="exclude") == [4]
    assert of(days="fri-sun") == [2, 3, 4, 10]


@pytest.mark.parametrize(
    ("during", "words"),
    [
        ({"days": "mo-fr"}, '"mo-fr" names no days'),
        ({"days": ""}, "names no days"),
        ({"hours": "8-18"}, '"8-18" are no hours'),
        ({"hours": "08:00-24:30"}, "are no hours"),
        ({"hours": "08:00-08:00"}, "is no time at all"),
        ({"days": "off", "holidays": "exclude"}, "leave holidays out"),
        ({"day": "mon"}, "day"),
    ],
)
def test_a_wrong_schedule_is_refused_in_words(during: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        During.model_validate(during)
