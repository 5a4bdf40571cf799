"""Closing a month: the whole report is made, put into every form, and stored for good."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from hub.model import Device
from hub.ports import Directory
from hub.reports.closed import Archive, Closed, sealed
from hub.reports.files import Format, rendered
from hub.reports.fonts import NoFont
from hub.reports.full import full_report
from hub.reports.measured import Readings
from hub.reports.period import Words, parse_period
from hub.reports.setup import Energy
from hub.reports.words import Language

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def stored_name(format: Format, language: Language) -> str:
    return f"report.{language}.{format}" if format in ("pdf", "xlsx") else f"report.{format}"


def close_month(
    archive: Archive,
    store: Readings,
    devices: Mapping[str, Device],
    places: Directory,
    site: str,
    zone: ZoneInfo,
    month: str,
    by: str,
    every: str,
    energy: Energy,
    now: int,
) -> tuple[Closed, bool, list[str]]:
    """The closed report, whether it is new, and why files are lacking. Raises ValueError for a month that is not over."""
    start, end = parse_period(Words(month=month), zone, now)
    if end > now:
        raise ValueError(f"{month} is not over yet, so it cannot be closed")
    report = full_report(store, devices, places, site, zone, start, end, by, every, energy)
    if not any(row["value"] is not None for row in report["rows"]):
        raise ValueError(f"nothing is known of {month}, so there is nothing to close")
    before = archive.newest(month, by)
    if before and before.revision == report["revision"]:
        return before, False, []
    closed, text = sealed(report, now)
    files, lacking = {"report.json": text, "report.csv": rendered(closed, "csv", "zh")}, []
    for language in LANGUAGES:
        files[stored_name("xlsx", language)] = rendered(closed, "xlsx", language)
        try:
            files[stored_name("pdf", language)] = rendered(closed, "pdf", language)
        except NoFont as problem:
            lacking = [str(problem)]
    entry, new = archive.close(month, closed, files, now)
    return entry, new, lacking
