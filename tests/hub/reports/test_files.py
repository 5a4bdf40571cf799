"""Reports as files: what a spreadsheet calculates, what a PDF shows, names that try to be more than names, and what is closed."""

import csv
import hashlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from hub.model import Device
from hub.reports import fonts
from hub.reports.book import FIRST
from hub.reports.closed import NAME, Archive, Closed, Damaged, changed, sealed
from hub.reports.closing import close_month
from hub.reports.energy import energy_report
from hub.reports.files import file_name, rendered
from hub.reports.full import full_report
from hub.reports.setup import Duty, Emission, Energy
from hub.reports.words import WORDS, plain
from tests.hub.reports.helpers import IMPORT, PV, QUARTER, Yard, ms, tariff

TARIFF = tariff(price=0.288, price_name="谷", periods=[{"name": "峰", "price": 0.568, "hours": ["08:00-22:00"]}], example=True)
SPAN = ("2026-10-01", "2026-10-08")
NOW = ms("2026-11-05")


def community() -> Yard:
    """A main meter, sun, two flats of which one has a hole of two days, over the first week of October."""
    yard = Yard()
    yard.meter("main", "yunqi", "main")
    yard.meter("roof", "3", "pv")
    yard.meter("f502", "502", party="王芳")
    yard.meter("f601", "601", party="Smith & Sons")
    yard.count("main", SPAN[0], [0.5] * 96 * 7, QUARTER)
    yard.count("roof", SPAN[0], ([0.0] * 32 + [0.25] * 32 + [0.0] * 32) * 7, QUARTER, PV)
    yard.count("f502", SPAN[0], [0.125] * 96 * 7, QUARTER)
    yard.count("f601", SPAN[0], [0.25] * 96 * 3, QUARTER)
    return yard


def full(yard: Yard, by: str = "room", every: str = "total") -> dict[str, Any]:
    co2 = Emission(quantity=IMPORT, kg_per_unit=0.5, year=2022, source="paper")
    energy = Energy(duties=yard.duties, tariffs=(TARIFF,), emissions=(co2,))
    span = ms(SPAN[0]), ms(SPAN[1])
    return full_report(yard.store, yard.devices, yard.places, "云栖社区", yard.zone, *span, by, every, energy)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return full(community())


def recalculated(workbook: bytes, tmp_path: Path) -> list[list[list[str]]]:
    """The cells of every sheet after a real spreadsheet has worked out the formulas anew."""
    if not shutil.which("ssconvert"):
        pytest.skip("NOT RUN: ssconvert is missing (apt-get install gnumeric): nothing here calculates a workbook")
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    for sheet in book.worksheets:  # openpyxl writes formulas without their last values: what comes back was calculated
        sheet.title = sheet.title.replace(" ", "_")
    book.save(tmp_path / "bare.xlsx")
    command = ["ssconvert", "--recalc", "-S", str(tmp_path / "bare.xlsx"), str(tmp_path / "sheet.csv")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    files = sorted(tmp_path.glob("sheet.csv.*"), key=lambda path: int(path.suffix[1:]))
    return [list(csv.reader(path.read_text("utf-8").splitlines())) for path in files]


@pytest.mark.parametrize("by", ["room", "meter"])
def test_the_workbooks_own_formulas_give_the_same_totals(by: str, tmp_path: Path) -> None:
    found = full(community(), by, "day")
    sheets = recalculated(rendered(found, "xlsx", "en"), tmp_path)
    sums = [row for row in sheets[0] if row and row[0] == WORDS["subtotal"]["en"]]
    # main 7 * 96 * 0.5 = 336 kWh; sun 7 * 32 * 0.25 = 56 kWh
    assert [float(row[4]) for row in sums] == pytest.approx([336.0, 56.0])
    [total] = [one for one in found["totals"] if one["quantity"] == IMPORT]
    # a day: 56 quarter hours of 0.5 at 0.568 and 40 at 0.288: 28 * 0.568 + 20 * 0.288 = 15.904 + 5.76 = 21.664; 7 days 151.648
    assert total["cost"] == 151.65
    assert float(sums[0][10]) == pytest.approx(151.65)
    lines = sheets[1][-1]
    assert float(lines[6]) == pytest.approx(151.648)
    split = sheets[2][-1]
    assert [float(split[1]), float(split[3])] == pytest.approx([336.0, 151.65])


def test_a_workbook_shows_its_sums_without_calculating(report: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(rendered(report, "xlsx", "zh")), data_only=True)
    sheet = book.worksheets[0]
    shown = [row for row in sheet.iter_rows(values_only=True) if row[0] == WORDS["subtotal"]["zh"]]
    assert shown[0][4] == pytest.approx(336.0)


NASTY = [
    '=cmd|"/c calc"!A1',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    '<img src=x onerror="alert(1)">',
    "502\u202e室\u202c",
    "a\nb",
    "🔥 🏢",
]


def test_a_name_is_a_name(tmp_path: Path) -> None:
    yard = Yard()
    for number, name in enumerate(NASTY):
        yard.meter(f"m{number}", "502", party=name)
        yard.devices[f"m{number}"] = Device(f"m{number}", name=name, space="502", accepted=True)
        yard.count(f"m{number}", SPAN[0], [1.0] * 24 * 7)
    found = full(yard, "meter")
    head, *rows = csv.reader(io.StringIO(rendered(found, "csv", "en").decode("utf-8-sig"), newline=""))
    written = [row[head.index("name")] for row in rows]
    assert len(written) == len(NASTY)
    assert not [cell for cell in written if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    book = openpyxl.load_workbook(io.BytesIO(rendered(found, "xlsx", "en")))
    cells = [book.worksheets[0].cell(FIRST + 1 + number, 1) for number in range(len(NASTY))]
    assert [(cell.data_type, cell.value) for cell in cells] == [("s", plain(name)) for name in NASTY]
    text = pdf_text(rendered(found, "pdf", "en"), tmp_path)
    assert "\u202e" not in text
    assert "<img src=x" in text
    assert "\\u1f525" in text  # the font has no such letter: named, not a box


def pdf_text(pdf: bytes, tmp_path: Path) -> str:
    if not shutil.which("pdftotext"):
        pytest.skip("NOT RUN: pdftotext is missing (apt-get install poppler-utils): nobody has read the printed report")
    (tmp_path / "r.pdf").write_bytes(pdf)
    return subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "r.pdf"), "-"], check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        (
            "zh",
            [
                "云栖社区 · 能源报告",
                "2026年10月1日 – 2026年10月7日",
                "未分表计量",
                "数据说明",
                "示例，非实际",
                "不得据此收费",
                "王芳",
            ],
        ),
        (
            "en",
            [
                "Energy report",
                "1 Oct 2026 – 7 Oct 2026",
                "not sub-metered",
                "EXAMPLE",
                "not to be paid by",
                "Smith & Sons",
            ],
        ),
    ],
)
def test_the_pdf_says_what_the_report_says(report: dict[str, Any], language: Any, wanted: list[str], tmp_path: Path) -> None:
    """3 of 7 days of flat 601 are known: 42.9 %; with the four days from the 4th in one gap, main and 502 whole, the rest is
    known for the mean of main (1), 502 (1) and 601 (3/7): 81 %."""
    pdf = rendered(report, "pdf", language)
    text = pdf_text(pdf, tmp_path)
    for words in [*wanted, "336.00", "¥151.65", "42.9%", "81.0%"]:
        assert words in text, words
    made = subprocess.run(["pdffonts", str(tmp_path / "r.pdf")], check=True, capture_output=True, text=True, timeout=60).stdout
    assert all(line.split()[-5] == "yes" for line in made.splitlines()[2:])  # every font is embedded
    assert len(pdf) < 400_000


def test_the_demand_of_what_has_no_place_is_not_the_total(tmp_path: Path) -> None:
    """A flat with 0.5 kWh a quarter hour and a gate lamp in no building with 0.25: 2 kW, 1 kW and together 3 kW."""
    yard = Yard()
    yard.meter("f502", "502")
    yard.meter("gate", "yunqi")
    yard.count("f502", SPAN[0], [0.5] * 96 * 7, QUARTER)
    yard.count("gate", SPAN[0], [0.25] * 96 * 7, QUARTER)
    text = pdf_text(rendered(full(yard, "building"), "pdf", "en"), tmp_path)
    demand = text.partition("Highest quarter hour")[2].partition("Mean day")[0]
    assert re.search(r"common, or no place +1\.00 kW", demand), demand
    assert re.findall(r"Total +(\S+) kW", demand) == ["3.00"], demand


def test_the_pdf_has_a_chart_on_its_first_page(report: dict[str, Any], tmp_path: Path) -> None:
    """What stands between the tiles and the table, seen as pixels: bars in the colours of grid and sun."""
    if not shutil.which("pdftoppm"):
        pytest.skip("NOT RUN: pdftoppm is missing (apt-get install poppler-utils): nobody has read the printed report")
    (tmp_path / "r.pdf").write_bytes(rendered(report, "pdf", "zh"))
    subprocess.run(
        ["pdftoppm", "-r", "40", "-f", "1", "-l", "1", str(tmp_path / "r.pdf"), str(tmp_path / "p")], check=True, timeout=60
    )
    header, _, _, pixels = next(tmp_path.glob("p*.ppm")).read_bytes().split(b"\n", 3)
    assert header == b"P6"
    dots = [pixels[at : at + 3] for at in range(0, len(pixels), 3)]
    area = len(dots)
    assert sum(dot == bytes.fromhex("3f6b8f") for dot in dots) / area > 0.02  # bars from the grid
    assert sum(dot == bytes.fromhex("e0a030") for dot in dots) / area > 0.005


def test_without_a_chinese_font_it_says_so(report: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_KNOWN", ())
    fonts.chinese.cache_clear()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(fonts.NoFont, match="fonts-noto-cjk"):
        rendered(report, "pdf", "zh")


def test_names_of_files(report: dict[str, Any]) -> None:
    assert file_name(report, "pdf", "zh") == "energy-2026-10-01_2026-10-08-room.zh.pdf"
    assert file_name({**report, "from": "2026-12-01T00", "to": "2027-01-01T00"}, "csv", "zh") == "energy-2026-12-room.csv"


# --- closed reports -------------------------------------------------------------------------------------------------------


def closing(yard: Yard, archive: Archive, price: float = 0.5, now: int = NOW) -> Any:
    energy = Energy(duties=yard.duties, tariffs=(tariff(price=price),))
    about = yard.store, yard.devices, yard.places, "云栖社区", yard.zone
    return close_month(archive, *about, "2026-10", "room", "total", energy, now)


def store_only(yard: Yard, archive: Archive, price: float = 0.5, now: int = NOW) -> tuple[Closed, bool]:
    """Closes October without making its PDFs."""
    energy = Energy(duties=yard.duties, tariffs=(tariff(price=price),))
    span = ms("2026-10-01"), ms("2026-11-01")
    found = energy_report(yard.store, yard.devices, yard.places, "云栖社区", yard.zone, *span, "room", "total", energy)
    closed, text = sealed(found, now)
    return archive.close("2026-10", closed, {"report.json": text, "report.csv": rendered(closed, "csv", "zh")}, now)


def test_a_closed_report_stays_as_it_is(tmp_path: Path) -> None:
    yard, archive = community(), Archive(tmp_path)
    entry, new, lacking = closing(yard, archive)
    assert (entry.id, new, lacking) == ("2026-10-room-r1", True, [])
    stored = {name: archive.file(entry.id, name) for name in archive.names(entry.id)}
    assert set(stored) == {"report.json", "report.csv", "report.zh.pdf", "report.en.pdf", "report.zh.xlsx", "report.en.xlsx"}
    # the hash can be worked out by anybody: sha256 of the lines sha256sum writes, in order of name
    told = "".join(f"{hashlib.sha256(stored[name]).hexdigest()}  {name}\n" for name in sorted(stored))
    assert entry.hash == hashlib.sha256(told.encode()).hexdigest()
    # the same bytes come out of its JSON, whatever happened since
    kept = json.loads(stored["report.json"])
    for name in stored:
        _, _, rest = name.partition(".")
        language, _, format = rest.rpartition(".")
        again = stored[name] if format == "json" else rendered(kept, format, language or "zh")  # type: ignore[arg-type]
        assert again == stored[name], name
    # a new tariff changes no closed report: closing again is another number, and says what is different
    second, new = store_only(yard, archive, price=0.6, now=NOW + 1)
    assert (second.id, new) == ("2026-10-room-r2", True)
    assert {name: archive.file(entry.id, name) for name in stored} == stored
    # 601: 96 * 3 * 0.25 = 72 kWh: 36.00 becomes 43.20
    costs = {change.group: (change.figure, change.before, change.after) for change in second.changes}
    assert costs["601"] == ("cost", 36.0, 43.2)
    assert archive.find("2026-10") == second
    assert archive.find("2026-10-room-r1") == entry


def test_late_data_makes_a_new_revision_that_says_what_changed(tmp_path: Path) -> None:
    yard, archive = community(), Archive(tmp_path)
    store_only(yard, archive)
    again, new = store_only(yard, archive, now=NOW + 1)
    assert (again.number, new) == (1, False)  # nothing has changed
    yard.count("f601", ms("2026-10-04"), [0.25] * 96 * 4, QUARTER)
    entry, new = store_only(yard, archive, now=NOW + 2)
    assert (entry.number, new) == (2, True)
    found = {(change.group, change.figure): (change.before, change.after) for change in entry.changes}
    # 72 kWh of three days become 168 of seven; what was not sub-metered, 336 - 84 - 72 = 180, becomes 84
    assert found[("601", "value")] == (72.0, 168.0)
    assert found[("", "value")] == (180.0, 84.0)
    assert ("502", "value") not in found


def test_a_damaged_closed_report_is_noticed(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    entry, _ = store_only(community(), archive)
    archive.check(entry)
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("UPDATE file SET bytes = CAST(replace(bytes, '0', '1') AS BLOB) WHERE name = 'report.csv'")
    db.close()
    with pytest.raises(Damaged, match=r"report\.csv"):
        archive.check(entry)


def test_a_closed_report_that_was_forged_is_noticed(tmp_path: Path) -> None:
    """Whoever changes a figure and its file's own hash with it: the hash over all of them does not fit any more."""
    archive = Archive(tmp_path)
    entry, _ = store_only(community(), archive)
    forged = archive.file(entry.id, "report.csv").replace(b"0", b"1")
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute(
            "UPDATE file SET bytes = ?, sha256 = ? WHERE name = 'report.csv'", (forged, hashlib.sha256(forged).hexdigest())
        )
    db.close()
    with pytest.raises(Damaged, match="is not what was stored"):
        archive.check(entry)


def test_a_month_that_is_not_over_is_not_closed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not over yet"):
        closing(community(), Archive(tmp_path), now=ms("2026-10-31"))
    with pytest.raises(ValueError, match="nothing is known"):
        closing(Yard(), Archive(tmp_path))


def test_a_row_that_is_gone_is_a_change() -> None:
    row = {"group": "a", "part": "group", "quantity": IMPORT, "start": "x", "value": 1.0, "cost": None}
    [change] = changed({"rows": [row]}, {"rows": []})
    assert (change.figure, change.before, change.after) == ("value", 1.0, None)


def test_every_word_is_in_both_languages() -> None:
    assert all(said["en"].strip() and said["zh"].strip() for said in WORDS.values())
    assert Duty().role == "sub"
