"""A report in any of its forms, with its name and media type."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from hub.reports.words import Language

Format = Literal["json", "csv", "xlsx", "pdf"]
MEDIA: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def rendered(report: Mapping[str, Any], format: Format, language: Language) -> bytes:
    """Raises fonts.NoFont for a PDF on a machine without Chinese letters. The libraries are imported where they are needed."""
    if format == "pdf":
        from hub.reports.print import as_pdf

        return as_pdf(report, language)
    if format == "xlsx":
        from hub.reports.book import as_xlsx

        return as_xlsx(report, language)
    if format == "csv":
        from hub.reports.sheet import as_csv

        return as_csv(report)
    return json.dumps(report, ensure_ascii=False, indent=2).encode()


def file_name(report: Mapping[str, Any], format: Format, language: Language) -> str:
    """ "energy-2026-10-building.zh.pdf"; a period that is no month has its first and last day."""
    start, end = report["from"][:10], report["to"][:10]
    following = f"{int(start[:4]) + (start[5:7] == '12')}-{int(start[5:7]) % 12 + 1:02}-01"
    period = start[:7] if start[8:] == "01" and end == following else f"{start}_{end}"
    spoken = f".{language}" if format in ("pdf", "xlsx") else ""
    return f"energy-{period}-{report['by']}{spoken}.{format}"
