"""Roll-ups are as fine as a zone and its tariffs need."""

from zoneinfo import ZoneInfo

import pytest

from hub.reports.buckets import bucket_minutes
from hub.reports.tariffs import Period, Tariff


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("Asia/Shanghai", 60), ("Europe/Berlin", 60), ("Asia/Kolkata", 30), ("Asia/Kathmandu", 15),
        ("Australia/Lord_Howe", 30),  # 10:30 and 11:00
        ("Australia/Adelaide", 30), ("Pacific/Chatham", 15), ("UTC", 60),
    ],
)  # fmt: skip
def test_zones(zone: str, minutes: int) -> None:
    assert bucket_minutes(ZoneInfo(zone)) == minutes


@pytest.mark.parametrize(
    ("hours", "minutes"), [("08:00-22:00", 60), ("08:30-22:00", 30), ("07:15-22:00", 15), ("07:10-22:00", 15)]
)
def test_tariffs(hours: str, minutes: int) -> None:
    peak = Period.model_validate({"name": "peak", "price": "1", "hours": [hours]})
    tariff = Tariff.model_validate({"id": "t", "price": "0.5", "periods": [peak]})
    assert bucket_minutes(ZoneInfo("Asia/Shanghai"), [tariff]) == minutes
