"""A cost that is only known within bounds is a range wherever it is printed, by arithmetic on paper.

October, 31 days, at 0.538 with tiers of a year: up to 2,760 kWh, then 0.05 more, above 4,800 kWh 0.30 more. The meters are new:
nothing is known of January to September. 310 kWh cost at least 310 * 0.538 = 166.78 and at most 310 * 0.838 = 259.78.
"""

import csv
import io
import re
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from hub.reports import fonts
from hub.reports.files import rendered
from hub.reports.full import full_report
from hub.reports.paper import CLOSING, WIDE, Paper
from hub.reports.priced import bounded
from hub.reports.setup import Energy
from hub.reports.split import split
from hub.reports.table import report_table
from hub.reports.words import Language, number
from tests.hub.reports.helpers import HOUR, PV, Yard, ms, tariff

STEPS = [{"up_to": 2760, "add": 0}, {"up_to": 4800, "add": 0.05}, {"add": 0.3}]
TIERED = tariff(price=0.538, tiers=STEPS, example=True)
SPAN = ("2026-10-01", "2026-11-01")


def flat_and_main(flat: float = 300, solar: bool = False) -> Yard:
    """A main meter that counts 310 kWh in October, evenly, and a flat behind it."""
    yard = Yard()
    yard.meter("main", "3", "main")
    yard.meter("f502", "502", party="张三")
    yard.count("main", SPAN[0], [310 / 744] * 744, HOUR)
    yard.count("f502", SPAN[0], [flat / 744] * 744, HOUR)
    if solar:
        yard.meter("roof", "3", "pv")
        yard.count("roof", SPAN[0], [0.1] * 744, HOUR, PV)
    return yard


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    yard = flat_and_main()
    about = yard.store, yard.devices, yard.places, "云栖社区", yard.zone, ms(SPAN[0]), ms(SPAN[1])
    return full_report(*about, "party", "total", Energy(duties=yard.duties, tariffs=(TIERED,)))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (51.65, 51.65, "¥51.65"),
        (51.64, 51.66, "≈ ¥51.65"),
        (51.65, 80.0, "¥51.65–80.00"),
        (-90.44, 80.0, "−¥90.44 – ¥80.00"),
        (51.65, None, "≥ ¥51.65"),
        (None, None, "¥51.65 + unknown"),
    ],
)
def test_how_a_cost_is_written(low: float | None, high: float | None, said: str) -> None:
    assert bounded(51.65, low, high, "CNY", "en") == said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pdf_never_prints_the_least_as_the_cost(report: dict[str, Any], language: Language, tmp_path: Path) -> None:
    if not shutil.which("pdftotext"):
        pytest.skip("NOT RUN: pdftotext is missing (apt-get install poppler-utils): no PDF was read")
    try:
        fonts.chinese()
    except fonts.NoFont:
        pytest.skip("NOT RUN: no font with Chinese letters (apt-get install fonts-noto-cjk): no PDF was made")
    (tmp_path / "a.pdf").write_bytes(rendered(report, "pdf", language))
    text = subprocess.run(["pdftotext", "-layout", str(tmp_path / "a.pdf"), "-"], capture_output=True, check=True).stdout.decode()
    first, *_ = text.split("\f")
    assert "¥166.78–259.78" in first
    assert re.search(r"○ (use before: known|阶梯此前用量完整率) 0\.0%", first)
    # 张三 used 300 of 310 kWh: 300/310 of 166.78 is 161.40, of 259.78 251.40
    assert "¥161.40–251.40" in text
    sums = [line for line in text.splitlines() if line.startswith(("Total", "合计")) and "¥" in line]
    assert len(sums) == 3 and all(line.endswith("¥166.78–259.78") for line in sums), sums  # rows, split, positions


def test_the_workbook_has_both_bounds_and_says_why(report: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(rendered(report, "xlsx", "en")))
    rows = [list(row) for row in book["Consumption and cost"].iter_rows(values_only=True)]
    head, total = next(row for row in rows if row[0] == "Group"), next(row for row in rows if row[0] == "Total")
    found = dict(zip(head, total, strict=True))
    assert (found["Cost at least (CNY)"], found["Cost at most (CNY)"]) == (166.78, 259.78)
    notes = [row[0] for row in book["How the figures came about"].iter_rows(values_only=True)]
    assert any("known for 0.0% of the time: the cost lies between ¥166.78 and ¥259.78" in note for note in notes)
    party = next(row for row in book["Cost by party electricity"].iter_rows(values_only=True) if row[0] == "张三")
    assert party[3:6] == (161.4, 161.4, 251.4)


def test_csv_and_table(report: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(report, "csv", "en").decode("utf-8-sig"))))
    flat = next(row for row in rows if row["group"] == "张三")
    # 300 kWh: 161.40 to 300 * 0.838 = 251.40
    assert (flat["cost_low"], flat["cost_high"], flat["tiers_known"]) == ("161.4", "251.4", "0.0")
    table = report_table(report)
    assert "¥161.40–251.40" in table
    assert "the cost lies between ¥166.78 and ¥259.78" in table
    assert "EXAMPLE prices, not to be paid by: t" in table


def test_what_no_sub_meter_counted_costs_at_least_nothing() -> None:
    [rest] = [row for row in flat_and_main().rows(*SPAN, TIERED) if row["part"] == "rest"]
    # 166.78 - 161.40 = 5.38; at most 259.78 - 161.40 = 98.38; 166.78 - 251.40 would be less than nothing
    assert (rest["cost"], rest["cost_low"], rest["cost_high"]) == (5.38, 0.0, 98.38)


def test_behind_a_main_meter_with_solar_it_can_be_less() -> None:
    [rest] = [row for row in flat_and_main(solar=True).rows(*SPAN, TIERED) if row["part"] == "rest"]
    assert (rest["cost"], rest["cost_low"], rest["cost_high"]) == (5.38, -84.62, 98.38)  # flats use what the roof gives


def test_a_little_is_not_written_as_nothing() -> None:
    assert [number(value, 2) for value in (0.0, 0.002, -0.002, 0.02)] == ["0.00", "< 0.01", "> −0.01", "0.02"]


@pytest.mark.parametrize(("rest", "amounts"), [("by_use", [20.0, 80.0]), ("equal", [35.0, 65.0])])
def test_a_rest_that_is_shared_is_still_a_line(rest: Any, amounts: list[float]) -> None:
    """100 kWh at 1.00; two parties of 10 and 40 kWh: by use 1/5 and 4/5, equally 10 + 25 and 40 + 25."""
    rows = split(Decimal(100), 100.0, {"a": 10.0, "b": 40.0}, rest)
    assert [row["amount"] for row in rows] == [*amounts, None]
    assert [row["used"] for row in rows] == [10.0, 40.0, 50.0] and rows[-1]["part"] == "shared"


@pytest.mark.parametrize("before", range(58, 64))
def test_no_chinese_line_begins_with_what_closes_the_one_before(before: int) -> None:
    try:
        paper = Paper("zh", "", datetime(2026, 11, 1, tzinfo=UTC))
    except fonts.NoFont:
        pytest.skip("NOT RUN: no font with Chinese letters (apt-get install fonts-noto-cjk): no PDF was made")
    paper.set_font("page", "", 8.5)
    text = "用" * before + "）。" + "电" * 60
    lines = paper._lines(text).split("\n")
    assert "".join(lines) == text and len(lines) > 1
    assert all(line[0] not in CLOSING and paper.get_string_width(line) < WIDE for line in lines)
