"""``gengfu report``: reads the store beside a running hub, or without one."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import typer

from hub.cli import report_archive
from hub.cli.reporting import deliver, opened
from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, out
from hub.reports.meters import BY
from hub.reports.period import EVERY, Words, parse_period

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
    printed = format in ("pdf", "xlsx")
    check_word(by, BY, "a way to group")
    check_word(every or "total", EVERY, "an interval")
    hub = configured(config)
    try:  # before anything large is imported or opened
        begin, until = parse_period(Words(start, end, month, today), hub.zone, time.time_ns() // 1_000_000)
    except ValueError as error:
        raise Sorry(str(error)) from error
    with opened(hub) as here:
        found = here.report(begin, until, by, every or ("total" if printed else "day"), full=printed or full)
    if format == "table":
        from hub.reports.table import report_table

        out(report_table(found))
    else:
        deliver(found, format, language, to)


def check_word(word: str, known: Sequence[str], what: str) -> None:
    if word not in known:
        raise Sorry(f'"{word}" is not {what}; use {", ".join(known)}')
