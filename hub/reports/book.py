"""A report as a workbook (XLSX): the rows with their sums as formulas, how the cost came about, the split, and the facts.

The formulas' last values are stored beside them, so that a viewer that does not calculate shows the same. Two workbooks of one
report are the same bytes: its date is the report's, not the moment's.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.reports.meters import COUNTERS
from hub.reports.priced import tier_words
from hub.reports.words import (
    FULL,
    HOW,
    Language,
    clock,
    group_name,
    main_lacks,
    period_name,
    plain,
    quantity_name,
    unit_name,
    validity,
    word,
)

FIRST = 5
"""The row of the first figure, counted from 0, on the sheet of rows."""
OURS = ("tiers", "tiers_least", "demand", "standing")
"""A bill's positions that no tariff names itself."""
_COLUMNS = (
    "group",
    "from",
    "to",
    "quantity",
    "value",
    "unit",
    "low",
    "high",
    "completeness",
    "estimated",
    "cost",
    "cost_low",
    "cost_high",
)


def as_xlsx(report: Mapping[str, Any], language: Language) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]  # only where a workbook is wanted: a hub keeps its memory

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    made = datetime.fromisoformat(report["to"]).replace(tzinfo=None)
    book.set_properties({"title": word("title", language), "subject": plain(report["site"]), "created": made})
    book.set_calc_mode("auto")
    sheets = _Sheets(book, report, language)
    sheets.rows()
    sheets.lines()
    for entry in report.get("split", []):
        sheets.split(entry)
    sheets.facts()
    book.close()
    return out.getvalue()


class _Sheets:
    def __init__(self, book: Any, report: Mapping[str, Any], language: Language) -> None:
        self.book, self.report, self.language = book, report, language
        self.title = book.add_format({"bold": True, "font_size": 15})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "vcenter", "bg_color": "#EEF2F0"})
        self.figure = book.add_format({"num_format": "#,##0.000"})
        self.money = book.add_format({"num_format": "#,##0.00"})
        self.share = book.add_format({"num_format": "0.0%"})
        self.sum = book.add_format({"bold": True, "top": 1, "num_format": "#,##0.000"})
        self.sum_money = book.add_format({"bold": True, "top": 1, "num_format": "#,##0.00"})
        self.bold = book.add_format({"bold": True, "top": 1})
        self.plain_bold = book.add_format({"bold": True})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})

    def _sheet(self, key: str, widths: Sequence[int], extra: str = "") -> Any:
        sheet = self.book.add_worksheet(f"{word(key, self.language)}{extra}"[:31])
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def rows(self) -> None:
        """One block a quantity, for only what has one unit may be added."""
        report, language = self.report, self.language
        sheet = self._sheet("consumption", (34, 20, 20, 18, 14, 7, 14, 14, 10, 10, 14, 14, 14))
        sheet.write_string(0, 0, f"{plain(report['site'])} · {word('title', language)}", self.title)
        period = period_name(report["from"], report["to"], language)
        sheet.write_string(1, 0, f"{word('period', language)}: {period} ({report['time_zone']})")
        sheet.write_string(2, 0, f"{word('revision', language)}: {report['revision']}")
        at = FIRST - 1
        for quantity in COUNTERS:
            rows = [row for row in report["rows"] if row["quantity"] == quantity]
            if not rows:
                continue
            currency = next((row["currency"] for row in rows if row.get("currency")), "")
            for column, key in enumerate(_COLUMNS):
                name = word(key, language) + (f" ({currency})" if key.startswith("cost") and currency else "")
                sheet.write_string(at, column, name, self.head)
            first = at + 1
            for number, row in enumerate(rows, first):
                self._row(sheet, number, row)
            at = self._total(sheet, self._sums(sheet, first, rows) + 1, quantity) + 2
        sheet.freeze_panes(FIRST, 1)

    def _row(self, sheet: Any, at: int, row: Mapping[str, Any]) -> None:
        texts = (
            group_name(row, self.language),
            clock(row["start"]),
            clock(row["end"]),
            quantity_name(row["quantity"], self.language),
        )
        for column, text in enumerate(texts):
            sheet.write_string(at, column, text)
        sheet.write_string(at, 5, unit_name(row["unit"]))
        cells = (("value", 4), ("low", 6), ("high", 7), ("completeness", 8), ("estimated", 9), ("cost", 10))
        formats = {"completeness": self.share, "estimated": self.share, "cost": self.money}
        for key, column in cells:
            if row.get(key) is not None:  # an empty cell is not known; a formula skips it
                sheet.write_number(at, column, row[key], formats.get(key, self.figure))
        self._bounds(sheet, at, row)

    def _bounds(self, sheet: Any, at: int, row: Mapping[str, Any]) -> None:
        """Between which the cost lies."""
        if row.get("cost") is None:
            return
        for key, column in (("cost_low", 11), ("cost_high", 12)):
            if row.get(key) is None:
                sheet.write_string(at, column, word("no_bound" if key == "cost_high" else "no_bound_below", self.language))
            else:
                sheet.write_number(at, column, row[key], self.money)

    def _sums(self, sheet: Any, first: int, rows: Sequence[Mapping[str, Any]]) -> int:
        """The sum of what counts once. Returns the row it stands in."""
        at = first + len(rows)
        sheet.write_string(at, 0, word("known_rows" if main_lacks(rows) else "subtotal", self.language), self.bold)
        wholes = [first + number for number, row in enumerate(rows) if row.get("part") == "whole"]
        for column, key, shape in ((4, "value", self.sum), (10, "cost", self.sum_money)):
            known = [row[key] for row in rows if row.get(key) is not None and row.get("part") != "whole"]
            letter = "ABCDEFGHIJK"[column]
            formula = f"=SUM({letter}{first + 1}:{letter}{at})"
            formula += "".join(f"-{letter}{whole + 1}" for whole in wholes)
            if known:
                sheet.write_formula(at, column, formula, shape, round(sum(known), 9))
        return at

    def _total(self, sheet: Any, at: int, quantity: str) -> int:
        """What the report says of the whole period, with how much of it is known. Returns the row it stands in."""
        total = next(total for total in self.report["totals"] if total["quantity"] == quantity)
        sheet.write_string(at, 0, word("total", self.language), self.plain_bold)
        cells = (("value", 4, self.figure), ("low", 6, self.figure), ("high", 7, self.figure))
        shares = (("completeness", 8, self.share), ("estimated", 9, self.share), ("cost", 10, self.money))
        for key, column, shape in (*cells, *shares):
            if total.get(key) is not None:
                sheet.write_number(at, column, total[key], shape)
        self._bounds(sheet, at, total)
        if total["value"] is None:
            sheet.write_string(at, 4, word("unknown", self.language))
        return at

    def lines(self) -> None:
        rows = [(row, line) for row in self.report["rows"] for line in row.get("lines", []) if row.get("part") != "whole"]
        if not rows:
            return
        sheet = self._sheet("lines", (34, 20, 18, 18, 14, 12, 14))
        at = 0
        for column, key in enumerate(("group", "from", "quantity", "line", "value", "price", "amount")):
            sheet.write_string(0, column, word(key, self.language), self.head)
        for row, line in rows:
            at += 1
            self._line(sheet, at, row, least_known(line, row), group_name(row, self.language))
        at += 1
        first = at + 1
        for total in self.report["totals"]:
            for line in total.get("lines", []):
                at += 1
                self._line(sheet, at, {**total, "start": ""}, least_known(line, total), word("total", self.language))
        amounts = [line["amount"] for total in self.report["totals"] for line in total.get("lines", [])]
        sheet.write_string(at + 1, 0, word("total", self.language), self.bold)
        sheet.write_formula(at + 1, 6, f"=SUM(G{first + 1}:G{at + 1})", self.sum_money, round(sum(amounts), 6))
        sheet.freeze_panes(1, 1)

    def _line(self, sheet: Any, at: int, row: Mapping[str, Any], line: Mapping[str, Any], name: str) -> None:
        sheet.write_string(at, 0, name)
        sheet.write_string(at, 1, clock(row["start"]))
        sheet.write_string(at, 2, quantity_name(row["quantity"], self.language))
        sheet.write_string(at, 3, line_name(line["name"], self.language))
        sheet.write_number(at, 4, line["used"], self.figure)
        if line["price"] is None:
            sheet.write_number(at, 6, line["amount"], self.money)
            return
        sign = "-" if line["amount"] < 0 else ""  # what is fed in is paid to the owners
        sheet.write_number(at, 5, line["price"])
        sheet.write_formula(at, 6, f"={sign}E{at + 1}*F{at + 1}", self.money, line["amount"])

    def split(self, entry: Mapping[str, Any]) -> None:
        name = quantity_name(entry["quantity"], self.language)
        sheet = self._sheet("split", (34, 14, 10, 14, 14, 14), f" {name}")
        for column, key in enumerate(("party", "value", "share", "amount", "low", "high")):
            sheet.write_string(0, column, word(key, self.language), self.head)
        amounts = [(column, key, self.money) for column, key in enumerate(("amount", "amount_low", "amount_high"), 3)]
        for at, row in enumerate(entry["rows"], 1):
            sheet.write_string(at, 0, party_name(row, self.language))
            for column, key, shape in ((1, "used", self.figure), (2, "share", self.share), *amounts):
                if row.get(key) is not None:
                    sheet.write_number(at, column, row[key], shape)
        end = len(entry["rows"]) + 1
        sheet.write_string(end, 0, word("total", self.language), self.bold)
        for letter, column, key, shape in (("B", 1, "used", self.sum), ("D", 3, "amount", self.sum_money)):
            known = [row[key] for row in entry["rows"] if row[key] is not None]
            if known:
                sheet.write_formula(end, column, f"=SUM({letter}2:{letter}{end})", shape, round(sum(known), 6))
        if "problem" in entry:
            sheet.write_string(end + 2, 0, entry.get(f"problem_{self.language}", entry["problem"]))

    def facts(self) -> None:
        sheet = self._sheet("how", (110,))
        at = 0
        tiers = [f"{quantity_name(name, self.language)}: {said}" for name, said in tier_words(self.report, self.language)]
        for text in (*tiers, *HOW[self.language]):
            sheet.write_string(at, 0, text, self.wrapped)
            at += 1
        for tariff in self.report.get("tariffs", []):
            mark = f" [{word('example', self.language)}]" if tariff["example"] else ""
            name = tariff["name"].get(self.language) or tariff["id"]
            span = validity(tariff, self.language)
            sheet.write_string(at, 0, f"{plain(name)}{mark}: {span}. {plain(tariff['source'])}", self.wrapped)
            at += 1


def line_name(name: str, language: Language) -> str:
    """A bill's position: one of ours, a period's own name, or plain energy."""
    return word(name, language) if name in OURS else plain(name) or word("flat", language)


def least_known(line: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line as it is named: a surcharge of tiers is only what it is at least where the use before is not wholly known."""
    return {**line, "name": "tiers_least"} if line["name"] == "tiers" and row.get("tiers_known", 1) < FULL else line


def party_name(row: Mapping[str, Any], language: Language) -> str:
    if row.get("part") in ("rest", "shared"):
        return word("rest" if row["part"] == "rest" else "rest_shared", language)
    return plain(str(row["party"])) or word("no_group", language)
