"""What reports work out from consumption, by hand: groups and rests, peaks, balance, comparison, nights, split, bills."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.reports.compared import previous, year_before
from hub.reports.full import full_report
from hub.reports.measured import Measured
from hub.reports.reconcile import reconcile
from hub.reports.setup import Emission, Energy
from hub.reports.split import Unshared, shared, split
from tests.hub.reports.helpers import EXPORT, HOUR, IMPORT, PV, QUARTER, SHANGHAI, Yard, ms, tariff

DAY = ("2026-10-01", "2026-10-02")
GRID = Emission(quantity=IMPORT, kg_per_unit=0.5, zero_carbon=0.1, year=2022, source="paper")


def block() -> Yard:
    """Building 3: a main meter (5 kWh an hour), two flats of which one has two meters, and building 4 with a flat only."""
    yard = Yard()
    yard.meter("main3", "3", "main", "3", factor=5)
    yard.meter("f502", "502", party="owner-502")
    yard.meter("f502b", "502", party="owner-502")
    yard.meter("f601", "601", party="owner-601")
    yard.meter("f101", "101", party="owner-101")
    for id, step in (("main3", 1.0), ("f502", 1.0), ("f502b", 0.5), ("f601", 2.0), ("f101", 3.0)):
        yard.count(id, DAY[0], [step] * 24)
    return yard


def full(yard: Yard, start: str = DAY[0], end: str = DAY[1], by: str = "community", **setup: Any) -> dict[str, Any]:
    span = ms(start, yard.zone), ms(end, yard.zone)
    energy = Energy(duties=yard.duties, **setup)
    return full_report(yard.store, yard.devices, yard.places, "云栖", yard.zone, *span, by, "total", energy)


def shown(rows: list[dict[str, Any]]) -> list[tuple[str, str, float | None]]:
    return [(row["group"], row["part"], row["value"]) for row in rows]


def test_what_lies_behind_a_main_meter_is_counted_once() -> None:
    yard = block()
    # main 5 * 24 = 120; flats 24, 12, 48, 72
    assert shown(yard.rows(*DAY, by="community")) == [("云栖社区", "group", 192.0)]  # 120 + 72
    assert shown(yard.rows(*DAY, by="building")) == [("3", "group", 120.0), ("4", "group", 72.0)]
    assert shown(yard.rows(*DAY, by="room")) == [
        ("101", "group", 72.0),
        ("502", "group", 36.0),
        ("601", "group", 48.0),
        ("", "rest", 36.0),  # 120 - 24 - 12 - 48
    ]
    assert shown(yard.rows(*DAY, by="meter")) == [
        ("f101", "group", 72.0),
        ("f502", "group", 24.0),
        ("f502b", "group", 12.0),
        ("f601", "group", 48.0),
        ("main3", "whole", 120.0),
        ("main3", "rest", 36.0),
    ]
    assert [row["value"] for row in yard.rows(*DAY, by="tenant")] == [72.0, 36.0, 48.0, 36.0]
    # 3-1 is the flats' entrance; 101 has none, and neither has what the main meter counted beyond the flats
    assert shown(yard.rows(*DAY, by="unit")) == [("", "group", 72.0), ("3-1", "group", 84.0), ("", "rest", 36.0)]


@pytest.mark.parametrize("by", ["community", "building", "unit", "room", "meter", "space", "party"])
def test_parts_add_up_to_the_whole_in_energy_and_money(by: str) -> None:
    yard = block()
    report = yard.report(*DAY, tariff(price=0.5377), by=by, every="hour")
    parts = [row for row in report["rows"] if row["part"] != "whole"]
    assert sum(row["value"] for row in parts) == pytest.approx(192.0, rel=1e-9)
    # 120 * 0.5377 = 64.524 -> 64.52; 72 * 0.5377 = 38.7144 -> 38.71
    assert round(sum(row["cost"] for row in parts), 2) == 103.23
    [total] = report["totals"]
    assert (total["value"], total["cost"]) == (192.0, 103.23)


def test_a_dead_sub_meter_is_in_the_rest_and_the_rest_says_so() -> None:
    yard = block()
    yard.meter("f602", "601")  # in the building, and never heard of but once, long ago
    yard.readings("f602", [(ms("2026-08-01"), 7.0)])
    rest = yard.rows(*DAY, by="room")[-1]
    assert (rest["value"], rest["high"]) == (36.0, 36.0)
    assert rest["low"] is None  # all of it, or more than that, may have gone through the dead meter
    assert rest["completeness"] < 1
    assert next(row for row in yard.rows(*DAY, by="meter") if row["group"] == "f602")["value"] is None


def test_peak_base_load_and_load_factor() -> None:
    yard = Yard()
    yard.meter("m", factor=10)
    # 96 quarter hours: 6 of 0.02, 89 of 0.1, one of 0.5 at 18:00, times 10: 0.8, 4 and 20 kW
    steps = [0.02] * 6 + [0.1] * 90
    steps[72] = 0.5
    yard.count("m", DAY[0], steps, QUARTER)
    found = full(yard)["demand"]
    assert (found["peak"], found["peak_at"]) == (20.0, "2026-10-01T18:00:00+08:00")
    # mean: (6 * 0.8 + 89 * 4 + 20) / 96 = 380.8 / 96 = 3.9667; load factor 3.9667 / 20 = 0.1983
    assert (found["mean"], found["load_factor"]) == (3.967, 0.1983)
    # 5 % of 96 is 4.75, in the six of 0.8
    assert found["base"] == 0.8
    assert found["profile"]["workday"][72] == 20.0  # 1 October 2026 is a Thursday
    assert found["profile"]["weekend"][72] is None


def test_the_balance_of_sun_grid_and_battery() -> None:
    yard = Yard()
    yard.meter("main", "yunqi", "main")
    yard.meter("roof", "3", "pv")
    yard.meter("store", "3", "battery")
    yard.meter("pump", "3", "heat_pump")
    yard.meter("car", "4", "ev")
    yard.count("main", DAY[0], [2.0] * 24)  # 48 kWh from the grid
    yard.count("main", DAY[0], [0.5] * 24, quantity=EXPORT)  # 12 fed in
    yard.count("roof", DAY[0], [2.5] * 24, quantity=EXPORT)  # its meter counts the yield as export: 60
    yard.count("store", DAY[0], [0.5] * 24)  # 12 in
    yard.count("store", DAY[0], [0.375] * 24, quantity=EXPORT)  # 9 out
    yard.count("pump", DAY[0], [0.25] * 24)  # 6 kWh of electricity
    yard.count("pump", DAY[0], [0.875] * 24, quantity="heat.energy.total")  # 21 kWh of heat
    yard.count("car", DAY[0], [0.125] * 24)
    found = full(yard, emissions=(GRID,))["balance"]
    flows = {name: flow["value"] for name, flow in found["flows"].items()}
    # used = 48 + 60 + 9 - 12 - 12 = 93
    assert flows == {
        "grid": 48.0, "fed_in": 12.0, "solar": 60.0, "charged": 12.0, "discharged": 9.0, "heat": 0.0, "gas": 0.0, "used": 93.0,
    }  # fmt: skip
    assert found["self_consumption"] == 0.8  # (60 - 12) / 60
    assert found["autarky"] == round(45 / 93, 6)  # (93 - 48) / 93
    assert found["zero_carbon"] == round(52.8 / 93, 6)  # (60 - 12 + 0.1 * 48) / 93
    assert found["battery"] == {"charged": 12.0, "discharged": 9.0, "kept_or_lost": 3.0, "efficiency": 0.75}
    assert found["heat_pumps"]["factor"] == 3.5  # 21 / 6
    assert found["charged_cars"]["value"] == 3.0
    assert found["co2"]["kg"] == 24.0  # 48 * 0.5
    assert found["series"]["solar"] == [60.0]


def test_without_a_main_meter_there_is_no_autarky() -> None:
    yard = Yard()
    yard.meter("flat", "502")
    yard.meter("roof", "3", "pv")
    yard.count("flat", DAY[0], [1.0] * 24)
    yard.count("roof", DAY[0], [1.0] * 24, quantity=PV)
    found = full(yard)["balance"]
    assert (found["autarky"], found["self_consumption"], found["flows"]["used"]["value"]) == (None, None, None)


def test_gas_and_heat_count_in_the_zero_carbon_share() -> None:
    yard = Yard()
    yard.meter("main", "yunqi", "main")
    yard.meter("g", "3")
    yard.count("main", DAY[0], [1.0] * 24)
    yard.count("g", DAY[0], [0.25] * 24, quantity="gas.volume.total")
    gas = Emission(quantity="gas.volume.total", kg_per_unit=2.16, year=2011, source="paper")
    found = full(yard, emissions=(GRID, gas))["balance"]
    # 0.1 * 24 / (24 + 6 m3 * 10.81) = 2.4 / 88.86
    assert found["zero_carbon"] == round(2.4 / 88.86, 6)
    assert found["co2"]["kg"] == 24.96  # 12 + 6 * 2.16


def test_the_month_before_and_the_year_before() -> None:
    month = ms("2026-03-01"), ms("2026-04-01")
    assert previous(*month, SHANGHAI) == (ms("2026-02-01"), ms("2026-03-01"))
    assert year_before(*month, SHANGHAI) == (ms("2025-03-01"), ms("2025-04-01"))
    assert previous(ms("2026-01-01"), ms("2026-04-01"), SHANGHAI)[0] == ms("2025-10-01")
    assert previous(ms("2026-10-05"), ms("2026-10-12"), SHANGHAI)[0] == ms("2026-09-28")
    assert year_before(ms("2024-02-29"), ms("2024-03-01"), SHANGHAI) == (ms("2023-02-28"), ms("2023-03-01"))
    yard = Yard()
    yard.meter("m")
    yard.count("m", "2026-09-01", [1.0] * 24 * 30 + [2.0] * 24 * 31)
    [row] = full(yard, "2026-10-01", "2026-11-01")["compare"]["rows"]
    assert (row["value"], row["previous"], row["last_year"]) == (1488.0, 720.0, None)


def test_water_that_never_rests_at_night() -> None:
    yard = Yard()
    yard.meter("leaks", "502")
    yard.meter("rests", "601")
    for day in range(1, 5):
        start = f"2026-10-0{day}"
        yard.count("leaks", start, [0.02] * 6 + [0.2] * 18, quantity="water.volume.total")
        yard.count("rests", start, [0.02, 0.01, 0.0, 0.01, 0.01, 0.0] + [0.1] * 18, quantity="water.volume.total")
    nights = {night["device"]: night for night in full(yard, "2026-10-01", "2026-10-05")["nights"]}
    assert (nights["leaks"]["minimum"], nights["leaks"]["nights"], nights["leaks"]["leak"]) == (0.02, 4, True)
    assert (nights["rests"]["minimum"], nights["rests"]["leak"]) == (0.0, False)


def test_the_main_meters_cost_is_split_between_owners() -> None:
    yard = block()
    del yard.devices["f101"]
    [found] = full(yard, tariffs=(tariff(price=0.5377),))["split"]
    # 120 kWh cost 64.52 (64.524). 36 of 120 is 19.356, 48 is 25.808, the rest 36 again 19.356
    # cut to 19.35, 25.80, 19.35 = 64.50; the two cents over go to the largest remainders: 25.808, then by name owner-502
    assert [(row["party"], row["used"], row["amount"]) for row in found["rows"]] == [
        ("owner-502", 36.0, 19.36),
        ("owner-601", 48.0, 25.81),
        ("", 36.0, 19.35),
    ]
    by_use = full(yard, tariffs=(tariff(price=0.5377),), rest="by_use")["split"][0]["rows"]
    # 36 : 48 of 64.52: 27.6514 and 36.8686 -> 27.65 and 36.87
    assert [row["amount"] for row in by_use] == [27.65, 36.87, None]  # the rest is in both
    equal = full(yard, tariffs=(tariff(price=0.5377),), rest="equal")["split"][0]["rows"]
    # 54 : 66 of 64.52: 29.034 and 35.486 -> 29.03 and 35.49
    assert [row["amount"] for row in equal] == [29.03, 35.49, None]


def test_sub_meters_that_count_more_than_the_main_meter() -> None:
    with pytest.raises(Unshared, match="more than the main meter"):
        split(Decimal(10), 5, {"a": 6.0}, "own")


@given(
    amount=st.integers(0, 10**9),
    weights=st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), min_size=1, max_size=30),
)
def test_shares_are_the_whole_to_the_cent(amount: int, weights: dict[str, int]) -> None:
    whole = Decimal(amount) / 100
    parts = shared(whole, {name: Decimal(weight) for name, weight in weights.items()})
    assert sum(parts.values()) == (whole if any(weights.values()) else 0)
    total = sum(weights.values())
    for name, part in parts.items():
        assert not total or abs(part - whole * weights[name] / total) < Decimal("0.01")


def measured(*meters: tuple[float, float, float, float]) -> Measured:
    value, low, high, completeness = (np.array([[meter[place]] for meter in meters]) for place in range(4))
    return Measured(value, low, high, completeness, completeness * 0)


def test_a_bill_beside_complete_meters() -> None:
    # billed 1000, the main meter 985, sub-meters 400 and 520: 65 unmetered, 15 lost before the main meter
    found = reconcile(1000, measured((985, 985, 985, 1), (400, 400, 400, 1), (520, 520, 520, 1)), [0], [1, 2])
    assert {line["line"]: line["value"] for line in found["lines"]} == {
        "sub_meters": 920, "sub_gaps": 0, "unmetered": 65, "main_gaps": 0, "losses": 15,
    }  # fmt: skip
    assert (found["difference"], found["difference_share"], found["explained"]) == (15, 0.015, False)


def test_a_bill_beside_meters_with_gaps() -> None:
    # the main meter is known for 90 % of the time, 900 kWh, and was at most 200 more: likely 900 * 0.1 / 0.9 = 100
    # the sub-meter for 80 %, 400 kWh, without a bound: likely 400 * 0.2 / 0.8 = 100
    found = reconcile(1010, measured((900, 900, 1100, 0.9), (400, 400, np.inf, 0.8)), [0], [1])
    lines = {line["line"]: (line["value"], line["low"], line["high"]) for line in found["lines"]}
    assert lines["main_gaps"] == (100, 0, 200)
    assert lines["losses"] == (10, -90, 110)  # 1010 - 900 - 100
    # behind the main meter 500 are missing, and at most 200 more
    assert lines["sub_gaps"] == (100, 0, 700)
    assert lines["unmetered"] == (400, -200, 500)
    assert found["explained"]
    assert sum(line["value"] for line in found["lines"]) == 1010


def test_a_register_that_went_on_through_a_gap_leaves_no_gap_in_the_bill() -> None:
    yard = Yard()
    yard.meter("m", "yunqi", "main")
    start = ms(DAY[0])
    yard.readings("m", [(start + hour * HOUR, 100.0 + hour) for hour in (*range(4), *range(12, 25))])
    [row] = yard.rows(*DAY)
    assert (row["value"], row["low"], row["high"]) == (24.0, 24.0, 24.0)
    assert row["completeness"] < 1
