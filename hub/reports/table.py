"""A report as a table to read on a terminal."""

from collections.abc import Mapping
from typing import Any
from unicodedata import east_asian_width

from hub.quantities import Vocabulary


def report_table(report: Mapping[str, Any]) -> str:
    """The same, as a table to read: "-" where nothing is known."""
    head = ["", "from", "to", "", "value", "unit", "complete", "estimated", "cost"]
    words = {quantity.name: quantity.en for quantity in Vocabulary()}
    lines = [head]
    for row in report["rows"]:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        shares = [f"{row[share]:.1%}" for share in ("completeness", "estimated")]
        unit = row["unit"].replace("kW.h", "kWh").replace("m3", "m³")
        what = words.get(row["quantity"], row["quantity"])
        cost = "" if row["cost"] is None else f"{row['cost']:.2f} {row['currency']}"
        name = row["name"] or row["group"] or "(no place)"
        name += {"rest": ", not sub-metered", "whole": ", whole"}.get(row["part"], "")
        lines.append([name, row["start"], row["end"], what, value, unit, *shares, cost])
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    right = {4, 6, 7, 8}
    return "\n".join(
        "  ".join(_padded(cell, widths[column], column in right) for column, cell in enumerate(line)).rstrip() for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank
