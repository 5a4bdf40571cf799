"""``gengfu report close``, ``list``, ``show``, ``reconcile``: reports that stand, and a bill beside the meters."""

import json
import time
from pathlib import Path
from typing import Any, Literal

import typer

from hub.cli.reporting import Opened, deliver_bytes, opened
from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, count, err, out, table

MONTH = typer.Option(..., metavar="YYYY-MM", help="a calendar month that is over")
BY = typer.Option("building", metavar="GROUP", help="community, building, unit, room, device, party or space")


def register(reports: typer.Typer) -> None:
    reports.command("close")(close)
    reports.command("list")(closed)
    reports.command("show")(show)
    reports.command("reconcile")(reconcile)


def close(
    month: str = MONTH,
    by: str = BY,
    every: str = typer.Option("total", metavar="PERIOD", help="day, week, month, or total"),
    config: Path | None = CONFIG,
) -> None:
    """Settles a month: its report stays as it is.

    Its JSON, CSV, PDFs and workbooks are kept with a hash. Closing it again stores another number only where a figure has
    changed since, and says which.

    \b
    Example:
      gengfu report close --month 2026-10 --by building
    """
    from hub.reports.closing import close_month

    with opened(config) as here:
        now = time.time_ns() // 1_000_000
        hub = here.hub
        about = here.store, here.places.devices, here.places, hub.name, hub.zone
        entry, new, unmade = close_month(here.archive, *about, month, by, every, hub.energy, now)
    for reason in unmade:
        err(f"without a PDF: {reason}")
    if not new:
        out(f"{entry.id}: no figure has changed since it was closed")
        return
    out(f"{entry.id}: closed, hash {entry.hash}")
    for change in entry.changes[:20]:
        figures = f"{change.figure} {_shown(change.before)} -> {_shown(change.after)}"
        out(f"  {change.group} {change.quantity} {change.start}: {figures}")
    if len(entry.changes) > 20:
        more = count(len(entry.changes) - 20, "more change")
        out(f"  … and {more}; all are in: gengfu report show {entry.id} --changes")


def closed(config: Path | None = CONFIG) -> None:
    """The closed reports, checked against their hashes.

    The newest first.

    \b
    Example:
      gengfu report list
    """
    from hub.reports.closed import Archive, Damaged
    from hub.reports.period import local

    hub = configured(config)
    archive = Archive(hub.directory)
    rows = []
    for entry in archive.every():
        try:
            archive.check(entry)
            state = "as stored"
        except Damaged:
            state = "DAMAGED"
        at = f"{local(entry.closed_at, hub.zone):%Y-%m-%d %H:%M}"
        rows.append([entry.id, entry.revision, at, str(len(entry.changes)), state, entry.hash[:16]])
    if not rows:
        out("no report is closed yet: gengfu report close --month 2026-10")
        return
    out("\n".join(table(["", "revision", f"closed ({hub.zone.key})", "changes", "", "hash"], rows, frozenset({3}))))


def show(
    id: str = typer.Argument(help="such as 2026-10-building-r1, or 2026-10 for its newest number"),
    format: Literal["json", "csv", "xlsx", "pdf"] = typer.Option("json", help="which of its files"),
    language: Literal["zh", "en"] = typer.Option("zh", help="of PDF and workbook"),
    to: Path | None = typer.Option(None, "--out", metavar="FILE", help="where it is written"),
    changes: bool = typer.Option(False, "--changes", help="only what has changed against the number before"),
    config: Path | None = CONFIG,
) -> None:
    """A closed report, to the byte as it was stored.

    \b
    Example:
      gengfu report show 2026-10 --format pdf --language en
    """
    from hub.reports.closed import Archive, Damaged
    from hub.reports.closing import stored_name

    archive = Archive(configured(config).directory)
    entry = archive.find(id)
    if entry is None:
        raise Sorry(f'no closed report is called "{id}"; see gengfu report list')
    if changes:
        head = ["", "what", "from", "figure", "before", "after"]
        rows = [[c.group, c.quantity, c.start, c.figure, _shown(c.before), _shown(c.after)] for c in entry.changes]
        out("\n".join(table(head, rows, frozenset({4, 5}))) if rows else f"{entry.id} changes nothing")
        return
    name = stored_name(format, language)
    try:
        content = archive.file(entry.id, name)
    except KeyError:
        raise Sorry(f"{entry.id} was closed without {name}") from None
    except Damaged as problem:
        raise Sorry(str(problem)) from problem
    deliver_bytes(content, format, to, f"energy-{entry.id}.{name.partition('.')[2]}")


def reconcile(
    bill: float = typer.Option(..., help="the bill's total, in kWh or m3"),
    month: str = typer.Option("", metavar="YYYY-MM", help="the month it is for"),
    start: str = typer.Option("", "--from", metavar="DATE", help="or from this day or moment"),
    end: str = typer.Option("", "--to", metavar="DATE", help="up to but not including this one"),
    meter: list[str] = typer.Option([], metavar="DEVICE", help="the main meter; the site's main meters if left out"),
    quantity: str = typer.Option("energy.active.import.total", help="what was billed"),
    format: Literal["table", "json"] = typer.Option("table", help="table for people, json for programs"),
    config: Path | None = CONFIG,
) -> None:
    """A bill beside the main meter and its sub-meters.

    Shows where the difference is: losses, gaps, or what is not metered.

    \b
    Example:
      gengfu report reconcile --bill 12345.6 --month 2026-10 --meter tasmota:main
    """
    from hub.reports.energy import Words, parse_period

    with opened(config) as here:
        begin, until = parse_period(Words(start, end, month), here.hub.zone, time.time_ns() // 1_000_000)
        found = _reconciled(here, begin, until, bill, meter, quantity)
    if format == "json":
        out(json.dumps(found, ensure_ascii=False, indent=2))
        return
    from hub.quantities import Vocabulary
    from hub.reports.words import unit_name

    unit = unit_name(Vocabulary()[quantity].unit)
    rows = [["billed", f"{found['billed']:,.3f}", "", "", ""]]
    rows += [
        [_LINES[line["line"]], f"{line['value']:,.3f}", _shown(line["low"]), _shown(line["high"]), f"{line['value'] / bill:.1%}"]
        for line in found["lines"]
    ]
    out("\n".join(table(["", unit, "at least", "at most", "of the bill"], rows, frozenset({1, 2, 3, 4}))))
    out(f"the main meter counted {found['main']['value']:,.3f} {unit}, of {found['main']['completeness']:.1%} of the time")


_LINES = {
    "sub_meters": "counted by sub-meters",
    "sub_gaps": "gaps of sub-meters",
    "unmetered": "behind the main meter, unmetered",
    "main_gaps": "gaps of the main meter",
    "losses": "before the main meter: losses, or a wrong meter",
}


def _reconciled(here: Opened, start: int, end: int, bill: float, named: list[str], quantity: str) -> dict[str, Any]:
    from hub.reports.reconcile import bill_beside_meters

    about = here.store, here.places.devices, here.places, here.hub.energy
    return bill_beside_meters(*about, start, end, bill, named, quantity)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"
