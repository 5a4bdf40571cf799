"""``gengfu import``: places and devices from a table, into a running hub or into the records of a stopped one."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from hub.cli import sheet
from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, count, err, green, out, red
from hub.model import Device, Space

MANY = 1000
TIMEOUT = 60
PIECE = 48 * 1024  # the hub takes no request over 64 KiB


def register(app: typer.Typer) -> None:
    app.command("import")(import_)


def import_(
    file: Path = typer.Argument(metavar="FILE", help="a CSV table; its first line names the columns"),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="take the good lines although others are wrong"),
    config: Path | None = CONFIG,
) -> None:
    """Takes places and devices from a table.

    Its columns: space, space_name, parent, kind, code, device, name, factor, tags. A line names a place, a device, or both;
    an empty cell leaves what is known. Every wrong line is told with its number, and nothing is taken unless all are right.
    The hub may be running or not.

    \b
    Example:
      gengfu import devices.csv
      gengfu import devices.csv --skip-bad --config gengfu.toml
    """
    from hub.lock import locked

    hub = configured(config)
    rows = sheet.rows(file)
    spaces, devices = _known(hub.directory)
    spaces |= {space.id: space for space in hub.spaces}
    found = sheet.Sheet(spaces, devices)
    for row in _watched(rows):
        found.take(row)
    found.finish()
    for bad in found.bad:
        err(red(f"{file} line {bad.line}: {bad.message}"))
    if found.bad and not skip_bad:
        raise Sorry(f"nothing is imported: {count(len(found.bad), 'line is', 'lines are')} wrong; --skip-bad takes the others")
    new_spaces = [space for _, space in found.spaces.values()]
    new_devices = [device for _, device in found.devices.values()]
    url = locked(hub.directory)
    if url is None:
        _write(hub.directory, new_spaces, new_devices)
    elif url:
        _send(url, new_spaces, new_devices)
    else:
        raise Sorry("the hub is just starting; try again in a moment")
    left_out = f"; {count(len(found.bad), 'line')} left out" if found.bad else ""
    where = f"the hub at {url}" if url else str(hub.directory)
    out(green(f"{count(len(new_spaces), 'place')} and {count(len(new_devices), 'device')} imported into {where}{left_out}."))


def _watched(rows: list[sheet.Row]) -> Any:
    if len(rows) < MANY or not sys.stdout.isatty():
        return rows

    def moving() -> Any:
        for number, row in enumerate(rows, 1):
            yield row
            if number % 200 == 0 or number == len(rows):
                sys.stdout.write(f"\r\033[K{number:,} of {len(rows):,} lines read")
        sys.stdout.write("\r\033[K")

    return moving()


def _known(directory: Path) -> tuple[dict[str, Space], dict[str, Device]]:
    from hub.records import RecordsReader

    path = directory / "records.db"
    if not path.exists():
        return {}, {}
    reader = RecordsReader(path)
    try:
        return {space.id: space for space in reader.spaces()}, {device.id: device for device in reader.devices()}
    finally:
        reader.close()


def _write(directory: Path, spaces: list[Space], devices: list[Device]) -> None:
    from hub.lock import Lock, Locked
    from hub.records import Records, RecordsFailed

    try:
        lock = Lock(directory)  # no hub may start meanwhile
        records = Records(directory / "records.db")
    except (Locked, RecordsFailed) as error:
        raise Sorry(str(error)) from error
    try:
        records.upsert_spaces(spaces)
        records.upsert_devices(devices)
    finally:
        records.close()
        lock.release()


def _send(url: str, spaces: list[Space], devices: list[Device]) -> None:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy: it is this machine
    for body in _pieces(spaces, devices):
        request = urllib.request.Request(f"{url}/api/v1/import", body, {"Content-Type": "application/json"})
        try:
            with straight.open(request, timeout=TIMEOUT) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise Sorry(f"the hub at {url} refused it: {_detail(error.read()) or error.reason}") from error
        except OSError as error:
            raise Sorry(f"the hub at {url} does not answer: {getattr(error, 'reason', error)}") from error


def _pieces(spaces: list[Space], devices: list[Device]) -> Iterator[bytes]:
    """``{"spaces": […], "devices": […]}``, each small enough for the hub; places before what lies in them."""
    piece: dict[str, list[bytes]] = {"spaces": [], "devices": []}
    size = 0
    for name, item in [("spaces", space) for space in spaces] + [("devices", device) for device in devices]:
        text = msgspec.json.encode(item)
        if size + len(text) > PIECE:
            yield _joined(piece)
            piece, size = {"spaces": [], "devices": []}, 0
        piece[name].append(text)
        size += len(text) + 1
    if size:
        yield _joined(piece)


def _joined(piece: dict[str, list[bytes]]) -> bytes:
    return b'{"spaces":[%b],"devices":[%b]}' % (b",".join(piece["spaces"]), b",".join(piece["devices"]))


def _detail(body: bytes) -> str:
    """The sentence in a problem document (RFC 9457)."""
    try:
        problem = json.loads(body)
    except ValueError:
        return ""
    return str(problem.get("detail") or problem.get("title") or "") if isinstance(problem, dict) else ""
