"""Tariffs worked out by hand, in zones whose clocks are moved. The arithmetic stands beside each expectation."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.reports.tariffs import bands, wrong_tiers
from tests.hub.reports.helpers import BERLIN, EXPORT, HOUR, KOLKATA, LORD_HOWE, QUARTER, SHANGHAI, Yard, ms, tariff

PEAK = {"name": "峰", "price": 0.568, "hours": ["08:00-22:00"]}
HOME = tariff(price=0.288, price_name="谷", periods=[PEAK])


def lines(row: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {line["name"]: (line["used"], line["amount"]) for line in row["lines"]}


def test_flat() -> None:
    yard = Yard()
    yard.meter("m", factor=40)
    yard.count("m", "2026-10-01", [0.1] * 24)
    [row] = yard.rows("2026-10-01", "2026-10-02", tariff(price=0.538))
    # 24 h * 0.1 * 40 = 96 kWh; 96 * 0.538 = 51.648 -> 51.65
    assert (row["value"], row["cost"], row["currency"], row["cost_completeness"]) == (96.0, 51.65, "CNY", 1.0)
    assert (row["cost_low"], row["cost_high"]) == (51.65, 51.65)


def test_peak_and_valley() -> None:
    yard = Yard()
    yard.meter("m")
    # 0.5 kWh an hour in the night (22:00-08:00), 2 in the day
    yard.count("m", "2026-10-01", [0.5] * 8 + [2.0] * 14 + [0.5] * 2)
    [row] = yard.rows("2026-10-01", "2026-10-02", HOME)
    # day 14 * 2 = 28 kWh * 0.568 = 15.904; night 10 * 0.5 = 5 kWh * 0.288 = 1.44; 17.344 -> 17.34
    assert lines(row) == {"谷": (5.0, 1.44), "峰": (28.0, 15.904)}
    assert (row["value"], row["cost"]) == (33.0, 17.34)


def test_days_add_up_to_their_month_to_the_cent() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [0.337] * 24 * 3)
    words: dict[str, Any] = {"start": "2026-10-01", "end": "2026-10-04"}
    days = [row["cost"] for row in yard.rows(words["start"], words["end"], tariff(price=0.538), every="day")]
    # a day: 24 * 0.337 = 8.088 kWh * 0.538 = 4.351344. Running: 4.351344, 8.702688, 13.054032
    # rounded: 4.35, 8.70, 13.05; so the days cost 4.35, 4.35, 4.35
    assert days == [4.35, 4.35, 4.35]
    [whole] = yard.rows(words["start"], words["end"], tariff(price=0.538))
    assert whole["cost"] == 13.05
    # with 0.3373: a day 8.0952 * 0.538 = 4.3552176; running 4.3552, 8.7104, 13.0657 -> 4.36, 8.71, 13.07
    other = Yard()
    other.meter("m")
    other.count("m", "2026-10-01", [0.3373] * 24 * 3)
    assert [r["cost"] for r in other.rows(words["start"], words["end"], tariff(price=0.538), every="day")] == [4.36, 4.35, 4.36]


def test_the_25_hour_day_in_berlin() -> None:
    yard = Yard(BERLIN)
    yard.meter("m")
    yard.count("m", "2026-10-25", [1.0] * 25)
    night = {"name": "NT", "price": 0.2, "hours": ["22:00-06:00"]}
    [row] = yard.rows("2026-10-25", "2026-10-26", tariff(currency="EUR", price=0.3, price_name="HT", periods=[night]))
    # 25 October 2026, 03:00 CEST becomes 02:00 CET. 00:00-06:00 lasts 7 h, 22:00-24:00 2 h, 06:00-22:00 16 h
    # NT 9 kWh * 0.2 = 1.80; HT 16 * 0.3 = 4.80; 6.60
    assert lines(row) == {"NT": (9.0, 1.8), "HT": (16.0, 4.8)}
    assert (row["value"], row["cost"], row["currency"]) == (25.0, 6.6, "EUR")


def test_the_23_hour_day_in_berlin() -> None:
    yard = Yard(BERLIN)
    yard.meter("m")
    yard.count("m", "2026-03-29", [1.0] * 23)
    night = {"name": "NT", "price": 0.2, "hours": ["22:00-06:00"]}
    [row] = yard.rows("2026-03-29", "2026-03-30", tariff(currency="EUR", price=0.3, price_name="HT", periods=[night]))
    # 02:00 CET becomes 03:00 CEST: NT 5 + 2 = 7 kWh * 0.2 = 1.40; HT 16 * 0.3 = 4.80; 6.20
    assert lines(row) == {"NT": (7.0, 1.4), "HT": (16.0, 4.8)}
    assert (row["value"], row["cost"]) == (23.0, 6.2)


def test_a_price_that_changes_within_the_repeated_hour() -> None:
    # 25 October 2026 in Berlin: 02:00-02:30 is passed twice, 00:00Z-00:30Z (CEST) and 01:00Z-01:30Z (CET)
    early = {"name": "early", "price": 1, "hours": ["02:00-02:30"]}
    found = bands([tariff(price=0, periods=[early])], ms("2026-10-25", BERLIN), ms("2026-10-26", BERLIN), BERLIN)
    midnight = ms("2026-10-24T22:00", ZoneInfo("UTC"))
    assert [((band.start - midnight) / HOUR, (band.end - midnight) / HOUR) for band in found if band.name] == [
        (2.0, 2.5),
        (3.0, 3.5),
    ]


def test_a_price_inside_the_hour_that_is_left_out() -> None:
    # 29 March 2026 in Berlin there is no 02:30; a price that holds until 02:30 ends where the clock jumps, at 01:00Z
    early = {"name": "early", "price": 1, "hours": ["01:30-02:30"]}
    found = bands([tariff(price=0, periods=[early])], ms("2026-03-29", BERLIN), ms("2026-03-30", BERLIN), BERLIN)
    midnight = ms("2026-03-28T23:00", ZoneInfo("UTC"))
    assert [((b.start - midnight) / HOUR, (b.end - midnight) / HOUR) for b in found if b.name] == [(1.5, 2.0)]


def test_lord_howe_moves_its_clocks_by_half_an_hour() -> None:
    yard = Yard(LORD_HOWE)
    yard.meter("m")
    # 5 April 2026, 02:00 (UTC+11) becomes 01:30 (UTC+10:30): the day has 24.5 h, and 01:30-02:00 comes twice
    # 98 quarter hours of 0.25 kWh = 24.5 kWh
    yard.count("m", "2026-04-05", [0.25] * 98, QUARTER)
    night = {"name": "off-peak", "price": 0.2, "hours": ["00:00-07:00"]}
    [row] = yard.rows("2026-04-05", "2026-04-06", tariff(currency="AUD", price=0.4, price_name="peak", periods=[night]))
    # 00:00-07:00 lasts 7.5 h: 7.5 kWh * 0.2 = 1.50; 17 h: 17 * 0.4 = 6.80; 8.30
    assert lines(row) == {"off-peak": (7.5, 1.5), "peak": (17.0, 6.8)}
    assert (row["value"], row["cost"]) == (24.5, 8.3)
    hours = yard.rows("2026-04-05", "2026-04-06", every="hour")
    assert [hour["value"] for hour in hours[:4]] == [1.0, 1.0, 0.5, 1.0]  # the half hour is a row of its own
    # 4 October 2026, 02:00 (UTC+10:30) becomes 02:30 (UTC+11): 23.5 h, 94 quarter hours
    yard.count("m", "2026-10-04", [0.25] * 94, QUARTER)
    [spring] = yard.rows("2026-10-04", "2026-10-05", tariff(currency="AUD", price=0.4, periods=[night]))
    # 00:00-07:00 lasts 6.5 h: 6.5 * 0.2 = 1.30; 17 * 0.4 = 6.80; 8.10
    assert (spring["value"], spring["cost"]) == (23.5, 8.1)


def test_kolkata_is_half_an_hour_off_the_utc_hour() -> None:
    yard = Yard(KOLKATA)
    yard.meter("m")
    # quarter hours from local midnight (18:30Z): 0.1 kWh each before 18:00, 0.4 from then to 22:00, 0.1 after
    yard.count("m", "2026-10-01", [0.1] * 72 + [0.4] * 16 + [0.1] * 8, QUARTER)
    peak = {"name": "peak", "price": 9.5, "hours": ["18:00-22:00"]}
    [row] = yard.rows("2026-10-01", "2026-10-02", tariff(currency="INR", price=6.25, price_name="day", periods=[peak]))
    # 16 * 0.4 = 6.4 kWh * 9.5 = 60.80; 80 * 0.1 = 8 kWh * 6.25 = 50.00; 110.80
    assert lines(row) == {"day": (8.0, 50.0), "peak": (6.4, 60.8)}
    assert (row["value"], row["cost"], row["start"]) == (14.4, 110.8, "2026-10-01T00:00:00+05:30")


def test_seasons_weekends_holidays_and_days_worked_instead() -> None:
    summer = {"name": "尖", "price": 1.5, "hours": ["14:00-15:00"], "months": [7, 8], "days": ["workday"]}
    feast = {"name": "谷", "price": 0.3, "days": ["holiday"]}
    given = tariff(price=1, price_name="平", periods=[feast, summer], holidays=["2026-07-01"], make_up_days=["2026-07-04"])
    found = bands([given], ms("2026-06-30"), ms("2026-07-07"), SHANGHAI)
    peaks = [ms(f"2026-07-{day:02}T14:00") for day in (2, 3, 4, 6)]  # Thursday, Friday, the worked Saturday, Monday; no Sunday
    assert [band.start for band in found if band.name == "尖"] == peaks
    [holiday] = [band for band in found if band.name == "谷"]
    assert (holiday.start, holiday.end) == (ms("2026-07-01"), ms("2026-07-02"))


STEPS = [{"up_to": 2760, "add": 0}, {"up_to": 4800, "add": 0.05}, {"add": 0.3}]


def test_tiers_of_a_year() -> None:
    yard = Yard()
    yard.meter("m")
    # 10 kWh a day at noon, from 1 January: 2760 are used up after 276 days, with the end of 3 October 2026 (day 276)
    yard.count("m", "2025-12-31T12:00", [10.0] * 310, 24 * HOUR)
    given = tariff(price=0.538, tiers=STEPS)
    [october] = yard.rows("2026-10-01", "2026-11-01", given)
    # 31 days * 10 = 310 kWh. 273 days * 10 = 2730 before; 30 kWh are left of the first tier, 280 fall into the second
    # 310 * 0.538 = 166.78; 280 * 0.05 = 14.00; 180.78
    assert october["value"] == pytest.approx(310.0)
    assert october["cost"] == 180.78
    assert lines(october)["tiers"][1] == pytest.approx(14.0, abs=1e-4)
    days = yard.rows("2026-10-01", "2026-11-01", given, every="day")
    # 1 October: 10 * 0.538 = 5.38; 4 October is the first in the second tier: 10 * 0.588 = 5.88
    assert [days[0]["cost"], days[3]["cost"]] == [5.38, 5.88]
    assert round(sum(day["cost"] for day in days), 2) == 180.78


def test_tiers_of_a_month_begin_again() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-09-01", [1.0] * 24 * 61)
    given = tariff(price=0.5, tiers=[{"up_to": 700, "add": 0}, {"add": 0.1}], tier_every="month")
    september, october = yard.rows("2026-09-01", "2026-11-01", given, every="month")
    # 720 kWh: 20 above 700. 360 + 2 = 362. 744 kWh: 44 above. 372 + 4.4 = 376.40
    assert (september["cost"], october["cost"]) == (362.0, 376.4)
    [both] = yard.rows("2026-09-01", "2026-11-01", given)
    assert (both["cost_low"], both["cost"], both["cost_high"]) == (738.4, 738.4, 738.4)


def test_tiers_with_an_unknown_spring_have_bounds() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [10.0 / 24] * 24 * 31)  # the meter is new: nothing is known of January to September
    [row] = yard.rows("2026-10-01", "2026-11-01", tariff(price=0.538, tiers=STEPS))
    # at least 310 * 0.538 = 166.78; if all of it fell into the third tier, 310 * (0.538 + 0.3) = 259.78
    assert (row["cost"], row["cost_low"], row["cost_high"]) == (166.78, 166.78, 259.78)
    assert (row["cost_completeness"], row["tiers_known"]) == (1.0, 0.0)


def test_a_new_version_holds_from_its_day() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [1.0] * 24 * 31)
    old, new = tariff(price=0.5, valid_to="2026-10-11"), tariff(price=0.6, valid_from="2026-10-11")
    report = yard.report("2026-10-01", "2026-11-01", old, new)
    # 10 days * 24 * 0.5 = 120; 21 * 24 * 0.6 = 302.40
    assert report["rows"][0]["cost"] == 422.4
    assert [one["valid_from"] for one in report["tariffs"]] == ["1970-01-01", "2026-10-11"]


def test_no_tariff_no_cost() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [1.0] * 48)
    first, second = yard.rows("2026-10-01", "2026-10-03", tariff(price=0.5, valid_from="2026-10-02"), every="day")
    assert (first["value"], first["cost"]) == (24.0, None)
    assert (second["value"], second["cost"]) == (24.0, 12.0)


def test_demand_is_the_months_highest_quarter_hour() -> None:
    yard = Yard()
    yard.meter("m")
    # 1 kWh a quarter hour is 4 kW; one quarter hour at noon on the 15th of 5 kWh is 20 kW
    steps = [1.0] * 96 * 31
    steps[14 * 96 + 48] = 5.0
    yard.count("m", "2026-10-01", steps, QUARTER)
    given = tariff(price=0.5, demand_price=40)
    [row] = yard.rows("2026-10-01", "2026-11-01", given)
    # (2976 + 4) kWh * 0.5 = 1490; 20 kW * 40 = 800
    assert (row["cost"], lines(row)["demand"]) == (2290.0, (20.0, 800.0))
    days = yard.rows("2026-10-01", "2026-11-01", given, every="day")
    assert [day["cost"] for day in days[13:16]] == [48.0, 850.0, 48.0]  # 96 * 0.5; 100 * 0.5 + 800


def test_standing_charge_by_days() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [0.0] * 24 * 31)
    given = tariff(price=0.5, standing_price=31)
    [month] = yard.rows("2026-10-01", "2026-11-01", given)
    [ten] = yard.rows("2026-10-01", "2026-10-11", given)
    assert (month["cost"], ten["cost"]) == (31.0, 10.0)  # 31 for 31 days


def test_feed_in_is_paid_to_the_owners() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [0.0] * 10 + [3.0] * 4 + [0.0] * 10, quantity=EXPORT)
    [row] = yard.rows("2026-10-01", "2026-10-02", tariff(quantity=EXPORT, price=0.4153))
    assert (row["value"], row["cost"]) == (12.0, -4.98)  # 12 * 0.4153 = 4.9836


def test_the_cost_is_unknown_where_the_energy_is() -> None:
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-10-01", [1.0] * 24)
    rows = yard.rows("2026-10-01", "2026-10-04", HOME, every="day")
    assert [row["cost"] for row in rows][1:] == [None, None]
    assert rows[0]["cost"] is not None


def test_a_gap_over_a_change_of_price_has_bounds() -> None:
    yard = Yard()
    yard.meter("m")
    # the register is read at 00:00 … 06:00 and again at 10:00 … 24:00; 8 kWh went through between 06:00 and 10:00
    start = ms("2026-10-01")
    yard.readings("m", [(start + hour * HOUR, 1000.0 + hour) for hour in range(7)])
    yard.readings("m", [(start + hour * HOUR, 1004.0 + hour) for hour in range(10, 25)])
    [row] = yard.rows("2026-10-01", "2026-10-02", HOME)
    # 28 kWh in all. Known: 00-06 6 kWh in the valley, 10-22 12 kWh in the peak, 22-24 2 kWh in the valley.
    # The 8 kWh: all in the valley at least, all in the peak at most
    # 8 * 0.288 + 12 * 0.568 = 2.304 + 6.816 = 9.12; + 8 * 0.288 = 2.304 -> 11.424; + 8 * 0.568 = 4.544 -> 13.664
    # spread by time, 2 h of 4 on each side: 4 * (0.288 + 0.568) = 3.424 -> 12.544 -> 12.54
    assert row["value"] == 28.0
    assert (row["cost_low"], row["cost"], row["cost_high"]) == (11.42, 12.54, 13.67)


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ([{"up_to": 10, "add": 0}], "the last tier has an end"),
        ([{"up_to": 10, "add": 0}, {"up_to": 5, "add": 1}, {"add": 2}], "must grow"),
        ([{"add": 0}, {"add": 1}], "must grow"),
    ],
)
def test_wrong_tiers(tiers: list[dict[str, float]], said: str) -> None:
    assert said in (wrong_tiers(tariff(price=1, tiers=tiers)) or "")


@pytest.mark.parametrize("hours", ["8-22", "08:00-25:00", "24:00-08:00", "08:00-24:30", "08:00-08:00"])
def test_wrong_hours(hours: str) -> None:
    with pytest.raises(ValueError, match="hours"):
        tariff(price=1, periods=[{"name": "x", "price": 1, "hours": [hours]}])
