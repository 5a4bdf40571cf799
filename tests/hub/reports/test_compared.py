"""What is not over is compared with as much of the period before, by the clocks."""

from zoneinfo import ZoneInfo

import pytest

from hub.reports.compared import previous, year_before
from hub.reports.full import full_report
from hub.reports.setup import Energy
from tests.hub.reports.helpers import BERLIN, SHANGHAI, Yard, ms


@pytest.mark.parametrize(
    ("start", "end", "zone", "before", "until"),
    [
        ("2026-11-22", "2026-11-22T11:37", SHANGHAI, "2026-11-21", "2026-11-21T11:37"),
        ("2026-11-01", "2026-11-22T11:37", SHANGHAI, "2026-10-01", "2026-10-22T11:37"),
        ("2026-03-01", "2026-03-31T11:37", SHANGHAI, "2026-02-01", "2026-03-01"),  # February has no 31st: all of it
        ("2026-01-01", "2026-11-22T11:37", SHANGHAI, "2025-01-01", "2025-11-22T11:37"),
        ("2026-01-01", "2026-01-05T11:37", SHANGHAI, "2025-12-01", "2025-12-05T11:37"),
        ("2026-11-16", "2026-11-18T11:37", SHANGHAI, "2026-11-13", "2026-11-15T11:37"),  # two days and some: three before
        ("2026-10-26", "2026-10-26T11:37", BERLIN, "2026-10-25", "2026-10-25T11:37"),  # 25 h: 12:37 after its midnight
        ("2026-10-25", "2026-10-25T11:37", BERLIN, "2026-10-24", "2026-10-24T11:37"),
        ("2026-03-30", "2026-03-30T11:37", BERLIN, "2026-03-29", "2026-03-29T11:37"),  # 23 h: 10:37 after its midnight
        ("2026-11-21T08:00", "2026-11-21T10:00", SHANGHAI, "2026-11-21T06:00", "2026-11-21T08:00"),
    ],
)
def test_the_period_before_goes_as_far(start: str, end: str, zone: ZoneInfo, before: str, until: str) -> None:
    assert previous(ms(start, zone), ms(end, zone), zone) == (ms(before, zone), ms(until, zone))


def test_the_year_before_goes_by_the_clock() -> None:
    # 25 October 2026 has 25 hours in Berlin, 25 October 2025 has 24
    span = ms("2026-10-25", BERLIN), ms("2026-10-25T11:37", BERLIN)
    assert year_before(*span, BERLIN) == (ms("2025-10-25", BERLIN), ms("2025-10-25T11:37", BERLIN))


@pytest.mark.parametrize(
    ("start", "end", "value", "before"),
    [
        ("2026-11-22", "2026-11-23", 24.0, 12.0),  # 12 h of 2 kWh; 12 h of 1 kWh
        ("2026-11-22", "2026-11-22T12:00", 24.0, 12.0),
        ("2026-11-01", "2026-12-01", 528.0, 516.0),  # 21 days of 24, and 24; 21 days of 24, and 12
    ],
)
def test_of_a_day_that_is_not_over_only_what_is_past(start: str, end: str, value: float, before: float) -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [1.0] * 24 * 52 + [2.0] * 12)
    about = yard.store, yard.devices, yard.places, "云栖", SHANGHAI, ms(start), ms(end), "community", "total"
    found = full_report(*about, Energy(duties=yard.duties), now=ms("2026-11-22T12:00"))["compare"]
    [row] = found["rows"]
    assert (row["value"], row["previous"]) == (value, before)
    assert row["value_completeness"] == row["previous_completeness"] == 1
    assert found["value"][1] == "2026-11-22T12:00:00+08:00"
