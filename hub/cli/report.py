"""``gengfu report``: reads the store beside a running hub, or without one."""

import time
from pathlib import Path
from typing import Literal

import typer

from hub.cli import report_archive
from hub.cli.reporting import deliver, opened
from hub.cli.service import CONFIG
from hub.cli.shown import out

reports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(reports, name="report")
    report_archive.register(reports)


@reports.callback()
def report() -> None:
    """Reports, closed months, and a bill compared.

    \b
    Example:
      gengfu report energy --today
    """


@reports.command()
def energy(
    today: bool = typer.Option(False, "--today", help="since midnight at the site"),
    month: str = typer.Option("", metavar="YYYY-MM", help="one calendar month"),
    start: str = typer.Option("", "--from", metavar="DATE", help="from this day (2026-10-01) or moment (2026-10-01T08:00)"),
    end: str = typer.Option("", "--to", metavar="DATE", help="up to but not including this day or moment"),
    by: str = typer.Option(
        "device", metavar="GROUP", help="what a row stands for: community, building, unit, room, device, party or space"
    ),
    every: str = typer.Option(
        "", metavar="PERIOD", help="quarter, hour, day, week, month, year, or total; day if left out, in a PDF or workbook total"
    ),
    format: Literal["table", "json", "csv", "xlsx", "pdf"] = typer.Option(
        "table", help="table for people, json and csv for programs, xlsx with formulas, pdf with charts"
    ),
    full: bool = typer.Option(False, "--full", help="json: balance, peaks, comparison, night flow, split and gaps as well"),
    language: Literal["zh", "en"] = typer.Option("zh", help="of PDF and workbook"),
    to: Path | None = typer.Option(None, "--out", metavar="FILE", help="where it is written; a PDF is named by its period"),
    config: Path | None = CONFIG,
) -> None:
    """What was consumed, and what it cost.

    By device, place or party, and by period. A running hub is not disturbed.

    \b
    Example:
      gengfu report energy --month 2026-10 --by device --every month --format json
      gengfu report energy --month 2026-10 --by building --format pdf
      gengfu report energy --from 2026-10-01 --to 2026-11-01
    """
    from hub.reports.energy import Words, parse_period, report_table

    printed = format in ("pdf", "xlsx")
    with opened(config) as here:
        begin, until = parse_period(Words(start, end, month, today), here.hub.zone, time.time_ns() // 1_000_000)
        found = here.report(begin, until, by, every or ("total" if printed else "day"), full=printed or full)
    if format == "table":
        out(report_table(found))
    else:
        deliver(found, format, language, to)
