"""A sum of which a part is unknown is what is known of it, with its completeness, the same wherever it is shown."""

import io
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from hub.reports.files import rendered
from hub.reports.full import full_report
from hub.reports.setup import Emission, Energy
from tests.hub.reports.helpers import EXPORT, IMPORT, PV, Yard, ms, tariff
from tests.hub.reports.test_files import pdf_text

DAY = ("2026-10-01", "2026-10-02")


def site() -> Yard:
    """Two main meters that count both ways, of which one has been dead since August, and a roof."""
    yard = Yard()
    for id in ("north", "south"):
        yard.meter(id, "yunqi", "main")
    yard.meter("roof", "3", "pv")
    yard.count("north", DAY[0], [2.0] * 24)  # 48 kWh from the grid
    yard.count("north", DAY[0], [0.5] * 24, quantity=EXPORT)  # 12 fed in
    yard.count("roof", DAY[0], [2.5] * 24, quantity=PV)  # 60
    for quantity in (IMPORT, EXPORT):
        yard.readings("south", [(ms("2026-08-01"), 7.0)], quantity)
    return yard


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    yard = site()
    co2 = Emission(quantity=IMPORT, kg_per_unit=0.5, year=2022, source="paper")
    energy = Energy(duties=yard.duties, emissions=(co2,))
    span = ms(DAY[0]), ms(DAY[1])
    return full_report(yard.store, yard.devices, yard.places, "云栖", yard.zone, *span, "community", "total", energy)


def test_balance_totals_and_comparison_agree(report: dict[str, Any]) -> None:
    balance = report["balance"]
    told = {name: (balance["flows"][name]["value"], balance["flows"][name]["completeness"]) for name in balance["flows"]}
    # one of two meters; used = 48 + 60 - 12 = 96, of five registers north's two and the roof's are known: 3/5
    assert [told[name] for name in ("grid", "fed_in", "solar", "used")] == [(48.0, 0.5), (12.0, 0.5), (60.0, 1.0), (96.0, 0.6)]
    totals = {total["quantity"]: (total["value"], total["completeness"]) for total in report["totals"]}
    assert totals == {IMPORT: (48.0, 0.5), EXPORT: (12.0, 0.5), PV: (60.0, 1.0)}
    compared = {row["quantity"]: (row["value"], row["value_completeness"]) for row in report["compare"]["rows"]}
    assert compared == totals
    assert (balance["co2"]["kg"], balance["co2"]["completeness"]) == (24.0, 0.5)  # 48 * 0.5
    # half of the grid's meters say nothing of its share
    assert (balance["autarky"], balance["self_consumption"], balance["zero_carbon"]) == (None, None, None)
    assert (balance["series"]["grid"], balance["series"]["completeness"]) == ([48.0], [0.6])


def test_tile_table_and_workbook_agree(report: dict[str, Any], tmp_path: Any) -> None:
    lines = pdf_text(rendered(report, "pdf", "en"), tmp_path).splitlines()
    at = next(number for number, line in enumerate(lines) if "electricity used" in line)
    tiles = " ".join(" ".join(lines[at : at + 6]).split())
    assert "96.0 kWh 48.0 kWh 60.0 kWh 12.0 kWh" in tiles
    assert "◐ Known 60.0% ◐ Known 50.0% ● Known 100.0% ◐ Known 50.0%" in tiles
    totals = [line.split() for line in lines if line.strip().startswith("Total")]
    assert [line[1:4] for line in totals[:3]] == [
        ["48.00", "50.0%", "◐"], ["12.00", "50.0%", "◐"], ["60.00", "100.0%", "●"],
    ]  # fmt: skip
    book = openpyxl.load_workbook(io.BytesIO(rendered(report, "xlsx", "en")), data_only=True)
    rows = [row for row in book.worksheets[0].iter_rows(values_only=True) if row[0] == "Total"]
    assert [(row[4], row[8]) for row in rows] == [(48.0, 0.5), (12.0, 0.5), (60.0, 1.0)]


def test_without_the_main_meter_pdf_and_workbook_say_no_total_and_what_the_sub_meters_know(tmp_path: Any) -> None:
    """24 * 1 + 24 * 0.25 = 30 kWh of two flats, at 0.5 15.00; of what else was used nothing is known."""
    yard = Yard()
    yard.meter("main", "yunqi", "main")
    yard.meter("f502", "502")
    yard.meter("f601", "601")
    yard.readings("main", [(ms("2026-08-01"), 7.0)])
    yard.count("f502", DAY[0], [1.0] * 24)
    yard.count("f601", DAY[0], [0.25] * 24)
    energy = Energy(duties=yard.duties, tariffs=(tariff(price=0.5),))
    span = ms(DAY[0]), ms(DAY[1])
    found = full_report(yard.store, yard.devices, yard.places, "云栖", yard.zone, *span, "room", "total", energy)
    assert [total["value"] for total in found["totals"]] == [None]
    lines = [line.split() for line in pdf_text(rendered(found, "pdf", "en"), tmp_path).splitlines() if line.strip()]
    at = next(number for number, line in enumerate(lines) if line[:1] == ["Total"])
    assert " ".join(lines[at - 1]) == "known rows; main meter unknown 30.00 ¥15.00"
    assert lines[at] == ["Total", "unknown", "0.0%", "○", "0.0%", "–"]
    book = openpyxl.load_workbook(io.BytesIO(rendered(found, "xlsx", "en")), data_only=True)
    rows = [(row[0], row[4], row[10]) for row in book.worksheets[0].iter_rows(values_only=True)]
    assert rows[-2:] == [("known rows; main meter unknown", 30.0, 15.0), ("Total", "unknown", None)]
