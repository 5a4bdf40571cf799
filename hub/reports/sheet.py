"""A report as CSV, for any spreadsheet: one line a row of the report, numbers as numbers, what people wrote as inert text."""

import csv
import io
from collections.abc import Mapping
from typing import Any

COLUMNS = (
    "group", "name", "part", "start", "end", "quantity", "value", "unit", "low", "high", "completeness", "estimated",
    "cost", "currency", "cost_low", "cost_high", "cost_completeness", "tiers_known",
)  # fmt: skip
_STARTS = ("=", "+", "-", "@", "\t", "\r")


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what begins like one (OWASP, CSV injection)."""
    return f"'{text}" if text.lstrip().startswith(_STARTS) or text.startswith(_STARTS) else text


def as_csv(report: Mapping[str, Any]) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets read Chinese; commas, CRLF (RFC 4180). Empty: not known."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in report["rows"]:
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return inert(value) if isinstance(value, str) else f"{value}"
