"""A report as a table to read on a terminal."""

from collections.abc import Mapping
from typing import Any
from unicodedata import east_asian_width

from hub.reports.priced import cost_words, tier_words
from hub.reports.words import group_name, in_reading_order, quantity_name, unit_name, word


def report_table(report: Mapping[str, Any]) -> str:
    """The same, as a table to read: "-" where nothing is known. Its last lines are the totals."""
    head = ["", "from", "to", "", "value", "unit", "complete", "estimated", "cost"]
    lines = [head]
    sums = [{**total, "start": report["from"], "end": report["to"], "total": True} for total in report["totals"]]
    for row in [*in_reading_order(report["rows"], "en"), *sums]:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        shares = [f"{row[share]:.1%}" for share in ("completeness", "estimated")]
        unit = unit_name(row["unit"])
        what = quantity_name(row["quantity"], "en")
        cost = "" if row["cost"] is None else cost_words(row, "en")
        name = word("total", "en") if "total" in row else group_name(row, "en")
        lines.append([name, row["start"], row["end"], what, value, unit, *shares, cost])
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    right = {4, 6, 7, 8}
    table = [
        "  ".join(_padded(cell, widths[column], column in right) for column, cell in enumerate(line)).rstrip() for line in lines
    ]
    return "\n".join([*table, *_remarks(report)])


def _remarks(report: Mapping[str, Any]) -> list[str]:
    """What a reader must know of the costs."""
    said = [f"{quantity_name(quantity, 'en')}: {words}" for quantity, words in tier_words(report, "en")]
    examples = sorted({tariff["id"] for tariff in report.get("tariffs", []) if tariff["example"]})
    if examples:
        said.append(f"EXAMPLE prices, not to be paid by: {', '.join(examples)}")
    return ["", *said] if said else []


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank
