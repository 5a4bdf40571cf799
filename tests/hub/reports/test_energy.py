"""Consumption worked out by hand. The arithmetic stands beside each expectation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.model import Batch, Device, Quality, Reading, Space
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.reports.energy import Words, energy_report, parse_period, report_table
from hub.stores.memory import MemoryStore

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
IMPORT = "energy.active.import.total"
HOUR = 3_600_000


class Block:
    """Two flats, and a meter nobody has put anywhere."""

    spaces = (Space("502", "502室", "flat"), Space("601", "601室", "flat"))
    where = {"m1": "502", "m2": "502", "m3": "601"}

    def device(self, id: str) -> Device | None:
        return None

    def path(self, device: str) -> Sequence[Space]:
        return [space for space in self.spaces if space.id == self.where.get(device)]

    def place(self, device: str) -> dict[str, str]:
        return {"en": device, "zh": device}

    def space_place(self, id: str) -> dict[str, str]:
        return {"en": id, "zh": id}


def ms(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


class Site:
    def __init__(self, zone: ZoneInfo = SHANGHAI, **factors: float) -> None:
        self.zone = zone
        self.store = MemoryStore(Vocabulary(), Retention())
        self.devices = {id: Device(id, space=Block.where.get(id, ""), accepted=True, factor=f) for id, f in factors.items()}

    def readings(
        self, device: str, *points: tuple[int, float], quantity: str = IMPORT, channel: str = "", quality: int = 0
    ) -> None:
        batch = Batch()
        for time, value in points:
            batch.readings.append(Reading(device, quantity, value, time, channel, quality=quality))
            batch.received_at.append(time)
        self.store.append("rest", batch)

    def report(self, start: int, end: int, by: str = "device", every: str = "day") -> dict[str, Any]:
        return energy_report(self.store, self.devices, Block(), "云栖社区", self.zone, start, end, by, every)

    def rows(self, start: str, end: str, by: str = "device", every: str = "day") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.report(ms(start, self.zone), ms(end, self.zone), by, every)["rows"]
        return rows


def hourly(start: int, values: Sequence[float]) -> list[tuple[int, float]]:
    return [(start + number * HOUR, value) for number, value in enumerate(values)]


def test_two_days_with_a_factor() -> None:
    site = Site(m1=40.0)
    # every hour from midnight 1 October to midnight 3 October: 0.1 kWh an hour on the first day, 0.2 on the second
    first = [100 + 0.1 * hour for hour in range(25)]  # 100.0 … 102.4 at the next midnight
    second = [102.4 + 0.2 * hour for hour in range(1, 25)]  # … 107.2
    site.readings("m1", *hourly(ms("2026-10-01"), first + second))
    one, two = site.rows("2026-10-01", "2026-10-03")
    # (102.4 - 100.0) * 40 = 96; (107.2 - 102.4) * 40 = 192
    assert (one["value"], two["value"]) == (96.0, 192.0)
    assert one["start"] == "2026-10-01T00:00:00+08:00"
    assert one["end"] == two["start"] == "2026-10-02T00:00:00+08:00"
    assert (one["completeness"], one["estimated"], one["cost"], one["unit"]) == (1.0, 0.0, None, "kW.h")


def test_edges_between_readings_are_interpolated_and_said() -> None:
    site = Site(m1=1.0)
    # 30 minutes past each hour, 2 kWh an hour, from 22:30 the day before to 01:30 the day after: 28 readings
    site.readings("m1", *hourly(ms("2026-09-30T22:30"), [10 + 2 * number for number in range(28)]))
    [row] = site.rows("2026-10-01", "2026-10-02")
    # at 00:00 the register is midway between 12 (23:30) and 14 (00:30): 13; 24 h later 13 + 48 = 61
    assert row["value"] == 48.0
    # known only by interpolation: 00:00-00:30 and 23:30-24:00, one hour of 24
    assert row["estimated"] == round(1 / 24, 6)
    assert row["completeness"] == 1.0


def test_the_day_with_25_hours() -> None:
    site = Site(BERLIN, m1=1.0)
    # 25 October 2026: clocks go back at 03:00 CEST. Midnight to midnight is 25 h; 1 kWh every hour.
    start = ms("2026-10-25", BERLIN)
    site.readings("m1", *hourly(start, range(60)))
    day, *_ = site.rows("2026-10-25", "2026-10-26")
    assert (day["start"], day["end"]) == ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00")
    assert (day["value"], day["completeness"]) == (25.0, 1.0)
    hours = site.rows("2026-10-25", "2026-10-26", every="hour")
    assert len(hours) == 25
    assert {row["value"] for row in hours} == {1.0}
    assert [row["start"][11:] for row in hours[1:5]] == [
        "01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00",
    ]  # fmt: skip


def test_the_day_with_23_hours() -> None:
    site = Site(BERLIN, m1=1.0)
    site.readings("m1", *hourly(ms("2026-03-29", BERLIN), range(48)))
    [day] = site.rows("2026-03-29", "2026-03-30")
    assert day["value"] == 23.0  # 29 March 2026: 02:00 becomes 03:00


def test_a_month_is_the_sites_month() -> None:
    site = Site(m1=1.0)
    site.readings("m1", *hourly(ms("2026-09-30"), range(24 * 34)))
    october, november = site.rows("2026-10-01", "2026-11-02", every="month")
    assert (october["value"], november["value"]) == (744.0, 24.0)  # 31 * 24; one day


def test_a_register_that_starts_again_at_zero() -> None:
    site = Site(m1=1.0)
    # 1 kWh an hour: 50, 51, 52, then reset within the hour: 0.4, 1.4
    site.readings("m1", *hourly(ms("2026-10-01"), [50, 51, 52, 0.4, 1.4]))
    [row] = site.rows("2026-10-01T00:00", "2026-10-01T04:00", every="total")
    # 1 + 1 + 0.4 (plausible: at most 1 an hour was seen) + 1 = 3.4
    assert row["value"] == 3.4
    assert row["completeness"] == 1.0


def test_a_meter_replaced_by_a_used_one() -> None:
    site = Site(m1=1.0)
    # the old one ends at 5002, the new one begins at 813: 813 kWh within an hour is not consumption
    site.readings("m1", *hourly(ms("2026-10-01"), [5000, 5001, 5002, 813, 814]))
    [row] = site.rows("2026-10-01T00:00", "2026-10-01T04:00", every="total")
    assert row["value"] == 3.0  # 1 + 1, nothing for the change, 1
    assert row["completeness"] == 0.75  # the hour of the change is not covered


@pytest.mark.parametrize("glitch", [[0.0], [0.0, 0.0], [99_999_999.0], [3.2, 3.2, 3.2]])
def test_a_glitch_is_not_a_reset(glitch: list[float]) -> None:
    site = Site(m1=1.0)
    site.readings("m1", *hourly(ms("2026-10-01"), [5000.0, 5001.0, *glitch, 5002.0, 5003.0]))
    [row] = site.rows("2026-10-01T00:00", "2026-10-01T08:00", every="total")
    assert row["value"] == 3.0  # 5003 - 5000


def test_an_implausible_value_is_left_out() -> None:
    site = Site(m1=1.0)
    site.readings("m1", *hourly(ms("2026-10-01"), [10, 11, 12]))
    site.readings("m1", (ms("2026-10-01T00:30"), -5.0), quality=int(Quality.OUT_OF_RANGE))
    [row] = site.rows("2026-10-01T00:00", "2026-10-01T02:00", every="total")
    assert row["value"] == 2.0


def test_missing_is_null_and_never_zero() -> None:
    site = Site(m1=1.0)
    # hourly on the 1st until noon, then nothing until the 5th at noon: a gap of 4 days, far above 3 h
    site.readings("m1", *hourly(ms("2026-10-01"), range(13)))
    site.readings("m1", *hourly(ms("2026-10-05T12:00"), [100 + number for number in range(13)]))
    rows = site.rows("2026-10-01", "2026-10-07")
    assert [row["value"] for row in rows] == [12.0, None, None, None, 12.0, None]
    assert [row["completeness"] for row in rows] == [0.5, 0, 0, 0, 0.5, 0]
    [total] = site.rows("2026-10-01", "2026-10-06", every="total")
    # over the whole time the register itself tells: at 00:00 on the 6th it shows 112
    assert total["value"] == 112.0
    assert total["completeness"] == 0.2  # 24 h of 120


def test_a_meter_read_once_a_day_is_interpolated() -> None:
    site = Site(m1=1.0)
    site.readings("m1", *[(ms(f"2026-10-{day:02}T06:00"), 10.0 * day) for day in range(1, 6)])
    [row] = site.rows("2026-10-02", "2026-10-03")
    # 10 a day throughout, so 10; one reading inside (06:00), everything else by interpolation
    assert (row["value"], row["completeness"], row["estimated"]) == (10.0, 1.0, 1.0)


def test_only_accepted_devices_count() -> None:
    site = Site(m1=1.0)
    site.devices["m2"] = Device("m2", accepted=False)
    for id in ("m1", "m2", "m9"):
        site.readings(id, *hourly(ms("2026-10-01"), range(25)))
    assert [row["group"] for row in site.rows("2026-10-01", "2026-10-02")] == ["m1"]


def test_groups_add_up_and_quantities_never_mix() -> None:
    site = Site(m1=1.0, m2=2.0, m3=1.0)
    for id in ("m1", "m2", "m3"):
        site.readings(id, *hourly(ms("2026-10-01"), range(25)))
    site.readings("m3", *hourly(ms("2026-10-01"), [7 + number / 8 for number in range(25)]), quantity="water.volume.total")
    rows = site.rows("2026-10-01", "2026-10-02", by="space")
    assert [(row["group"], row["name"], row["quantity"], row["value"], row["unit"]) for row in rows] == [
        ("502", "502室", IMPORT, 72.0, "kW.h"),  # 24 + 2 * 24
        ("601", "601室", IMPORT, 24.0, "kW.h"),
        ("601", "601室", "water.volume.total", 3.0, "m3"),  # 24 / 8
    ]
    total = site.rows("2026-10-01", "2026-10-02", by="community")
    assert [(row["group"], row["value"]) for row in total] == [("云栖社区", 96.0), ("云栖社区", 3.0)]


def test_a_group_with_a_dead_meter_says_that_something_is_missing() -> None:
    site = Site(m1=1.0, m2=1.0)
    site.readings("m1", *hourly(ms("2026-10-01"), range(25)))
    site.readings("m2", (ms("2026-09-20"), 4.0))
    [row] = site.rows("2026-10-01", "2026-10-02", by="community")
    assert (row["value"], row["completeness"]) == (24.0, 0.5)


def test_channels_are_added_unless_there_is_a_whole() -> None:
    site = Site(m1=1.0, m2=1.0)
    for channel in ("1", "2"):
        site.readings("m1", *hourly(ms("2026-10-01"), range(25)), channel=channel)
        site.readings("m2", *hourly(ms("2026-10-01"), range(25)), channel=channel)
    site.readings("m2", *hourly(ms("2026-10-01"), [2.5 * hour for hour in range(25)]))
    assert [row["value"] for row in site.rows("2026-10-01", "2026-10-02")] == [48.0, 60.0]


def test_late_readings_change_the_figures_and_the_revision() -> None:
    site = Site(m1=1.0)
    day = ms("2026-10-01"), ms("2026-10-02")
    site.readings("m1", *hourly(day[0], range(13)))
    before = site.report(*day)
    assert site.report(*day) == before
    site.readings("m1", *reversed(hourly(day[0], range(25))))  # late, out of order, half of them once more
    after = site.report(*day)
    assert (before["rows"][0]["value"], after["rows"][0]["value"]) == (12.0, 24.0)
    assert before["revision"] != after["revision"]
    assert (after["site"], after["time_zone"], after["from"]) == ("云栖社区", "Asia/Shanghai", "2026-10-01T00:00:00+08:00")


def test_words() -> None:
    now = ms("2026-10-05T15:00")
    assert parse_period(Words(today=True), SHANGHAI, now) == (ms("2026-10-05"), now)
    assert parse_period(Words(month="2026-12"), SHANGHAI, now) == (ms("2026-12-01"), ms("2027-01-01"))
    assert parse_period(Words(start="2026-10-01", end="2026-11-01"), SHANGHAI, now) == (ms("2026-10-01"), ms("2026-11-01"))
    assert parse_period(Words(start="2026-10-01T08:00"), SHANGHAI, now) == (ms("2026-10-01T08:00"), now)
    assert parse_period(Words(start="2026-10-01T00:00Z", end="2026-10-02"), SHANGHAI, now)[0] == ms("2026-10-01T08:00")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (Words(), "say which period"),
        (Words(today=True, month="2026-10"), "one period only"),
        (Words(month="October"), '"October" is not a month'),
        (Words(month="2026-13"), '"2026-13" is not a month'),
        (Words(start="yesterday"), '"yesterday" is not a day'),
        (Words(start="2026-02-30"), '"2026-02-30" is not a day'),
        (Words(end="2026-10-01"), "no start"),
        (Words(start="2026-10-02", end="2026-10-01"), "before it starts"),
    ],
)
def test_wrong_words(words: Words, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_period(words, SHANGHAI, ms("2026-10-05"))


def test_wrong_grouping_and_interval() -> None:
    with pytest.raises(ValueError, match='"floor" is not a way to group'):
        Site().rows("2026-10-01", "2026-10-02", by="floor")
    with pytest.raises(ValueError, match='"fortnight" is not an interval'):
        Site().rows("2026-10-01", "2026-10-02", every="fortnight")


def test_the_table_for_people() -> None:
    site = Site(m1=1.0)
    site.readings("m1", *hourly(ms("2026-10-01"), range(25)))
    head, first, second, total = report_table(site.report(ms("2026-10-01"), ms("2026-10-03"))).splitlines()
    assert "complete" in head
    day = ["2026-10-01T00:00:00+08:00", "2026-10-02T00:00:00+08:00"]
    assert first.split() == ["m1", *day, "electricity", "24.000", "kWh", "100.0%", "0.0%"]
    assert second.split()[4] == "-"
    two_days = [day[0], "2026-10-03T00:00:00+08:00"]
    assert total.split() == ["Total", *two_days, "electricity", "24.000", "kWh", "50.0%", "0.0%"]
