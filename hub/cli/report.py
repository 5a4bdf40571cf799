"""``gengfu report``: reads the store beside a running hub, or without one."""

import json
import time
from pathlib import Path
from typing import Literal

import typer

from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, out

reports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(reports, name="report")


@reports.callback()
def report() -> None:
    """Prints a report, as a table or as JSON.

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
    by: str = typer.Option("device", metavar="GROUP", help="what a row stands for: device, space or community"),
    every: str = typer.Option("day", metavar="PERIOD", help="hour, day, month, or total for the whole period"),
    format: Literal["table", "json"] = typer.Option("table", help="table for people, json for programs"),
    config: Path | None = CONFIG,
) -> None:
    """What was consumed.

    By device or place, and by period. A running hub is not disturbed.

    \b
    Example:
      gengfu report energy --month 2026-10 --by device --every month --format json
      gengfu report energy --from 2026-10-01 --to 2026-11-01
    """
    from hub.app import open_reader
    from hub.directory import Places
    from hub.journal_reader import JournalUnusable
    from hub.ports import StoreUnavailable
    from hub.records import RecordsReader
    from hub.reports.energy import Words, energy_report, parse_period, report_table

    hub = configured(config)
    records = hub.directory / "records.db"
    if not records.exists():
        raise Sorry(f"there is nothing in {hub.directory} yet; start the hub first, or name its configuration with --config")
    reader = RecordsReader(records)
    places = Places(reader.spaces(), reader.devices())
    reader.close()
    places.upsert_spaces(hub.spaces)
    places.upsert_devices(hub.devices)
    try:
        store = open_reader(hub.directory, hub.store_kind, hub.store_settings)
    except (JournalUnusable, StoreUnavailable) as error:
        raise Sorry(str(error)) from error
    try:
        begin, until = parse_period(Words(start, end, month, today), hub.zone, time.time_ns() // 1_000_000)
        found = energy_report(store, places.devices, places, hub.name, hub.zone, begin, until, by, every)
    except (ValueError, JournalUnusable, StoreUnavailable) as error:
        raise Sorry(str(error)) from error
    finally:
        store.close()
    if format == "json":
        out(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        out(report_table(found))
