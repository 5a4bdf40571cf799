"""A table of places and devices (CSV, as Excel and WPS write it) -> spaces and devices, with every bad line told.

A row names a place, a device in a place, or both. Columns: ``space`` (id), ``space_name``, ``parent`` (id), ``kind``,
``code``, ``device`` (id), ``name``, ``factor``, ``tags`` (separated by blanks or ;). Only ``space`` or ``device`` is needed.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from hub.cli.shown import Sorry
from hub.config.sections import DeviceSection, SpaceSection
from hub.config.words import mistakes, nearest
from hub.model import Device, Space

COLUMNS = ("space", "space_name", "parent", "kind", "code", "device", "name", "factor", "tags")
SPACE_KEYS = {"space": "id", "space_name": "name", "parent": "parent", "kind": "kind", "code": "code"}
DEVICE_KEYS = {"device": "id", "name": "name", "factor": "factor", "tags": "tags"}


class Row(NamedTuple):
    line: int
    cells: dict[str, str]  # only what is filled in


class Bad(NamedTuple):
    line: int
    message: str


class Sheet:
    """What a table says. ``spaces`` and ``devices`` are by id, with the line that gave each."""

    def __init__(self, known_spaces: Mapping[str, Space], known_devices: Mapping[str, Device]) -> None:
        self.known_spaces = known_spaces
        self.known_devices = known_devices
        self.spaces: dict[str, tuple[int, Space]] = {}
        self.devices: dict[str, tuple[int, Device]] = {}
        self.bad: list[Bad] = []

    def take(self, row: Row) -> None:
        """Checks one row by itself."""
        if not {"space", "device"} & row.cells.keys():
            self.bad.append(Bad(row.line, "it names neither a space nor a device"))
        elif {"space_name", "parent", "kind", "code"} & row.cells.keys() and "space" not in row.cells:
            self.bad.append(Bad(row.line, "it describes a place but does not name it: fill in space"))
        elif self._space(row) and "device" in row.cells:
            self._device(row)

    def finish(self) -> None:
        """Checks what the rows say of each other; what stands on a bad one is bad too."""
        while lost := list(self._lost()):
            for line, id, message in lost:
                self.bad.append(Bad(line, message))
                self.spaces.pop(id, None)
                self.devices.pop(id, None)
        self.bad.sort()

    def _space(self, row: Row) -> bool:
        if not {"space_name", "parent", "kind", "code"} & row.cells.keys():
            return True
        known = self.known_spaces.get(row.cells["space"])
        table = {SPACE_KEYS[column]: cell for column, cell in row.cells.items() if column in SPACE_KEYS}
        section = self._checked(row, SpaceSection, {"name": known.name if known else table["id"], **table})
        if section is None:
            return False
        changes = {key: getattr(section, key) for key in table}
        space = replace(known, **changes) if known else Space(**section.model_dump())
        before = self.spaces.get(space.id)
        if before and before[1] != space:
            self.bad.append(Bad(row.line, f'"{space.id}" is described differently on line {before[0]}'))
            return False
        self.spaces.setdefault(space.id, (row.line, space))
        return True

    def _device(self, row: Row) -> None:
        table: dict[str, Any] = {DEVICE_KEYS[column]: cell for column, cell in row.cells.items() if column in DEVICE_KEYS}
        if "tags" in table:
            table["tags"] = tuple(table["tags"].replace(";", " ").split())
        if "factor" in table:
            try:
                table["factor"] = float(table["factor"])
            except ValueError:
                self.bad.append(Bad(row.line, f'factor "{table["factor"]}" is no number'))
                return
        if "space" in row.cells:
            table["space"] = row.cells["space"]
        section = self._checked(row, DeviceSection, table)
        if section is None:
            return
        known = self.known_devices.get(section.id) or Device(section.id)
        if section.id in self.devices:
            self.bad.append(Bad(row.line, f'"{section.id}" is on line {self.devices[section.id][0]} already'))
            return
        device = replace(known, accepted=True, **{key: getattr(section, key) for key in table})
        self.devices[section.id] = (row.line, device)

    def _checked(self, row: Row, model: type[BaseModel], table: dict[str, Any]) -> Any:
        try:
            return model.model_validate(table)
        except ValidationError as error:
            columns = {key: column for column, key in (SPACE_KEYS if model is SpaceSection else DEVICE_KEYS).items()}
            for mistake in mistakes(error, model, table):
                column = columns.get(str(mistake.path[0]), str(mistake.path[0])) if mistake.path else ""
                self.bad.append(Bad(row.line, f"{column}: {mistake.message}" if column else mistake.message))
        return None

    def _lost(self) -> Iterator[tuple[int, str, str]]:
        places = {**self.known_spaces, **{id: space for id, (_, space) in self.spaces.items()}}
        for id, (line, space) in self.spaces.items():
            if space.parent and space.parent not in places:
                yield line, id, f'parent "{space.parent}" is nowhere{nearest(space.parent, places)}'
            elif space.parent and _circle(space, places):
                yield line, id, f'"{id}" lies inside itself'
        for id, (line, device) in self.devices.items():
            if device.space and device.space not in places:
                yield line, id, f'space "{device.space}" is nowhere{nearest(device.space, places)}'


def _circle(space: Space, places: Mapping[str, Space]) -> bool:
    seen = {space.id}
    above = places.get(space.parent)
    while above is not None:
        if above.id in seen:
            return above.id == space.id
        seen.add(above.id)
        above = places.get(above.parent)
    return False


def rows(path: Path) -> list[Row]:
    """The filled rows below the head. Raises Sorry for what is no such table."""
    text = _text(path.read_bytes(), path)
    head, _, _ = text.partition("\n")
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found: list[Row] = []
    columns: list[str] = []
    try:
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                break
            if not columns:
                columns = _columns(cells, path)
                continue
            filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()}
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                raise Sorry(f"{path} line {line}: it has more cells than the head has columns")
            if filled:
                found.append(Row(line, filled))
    except csv.Error as error:
        raise Sorry(f"{path} line {reader.line_num}: this is no CSV ({error})") from error
    if not columns:
        raise Sorry(f"{path} is empty; its first line is the head, such as {','.join(COLUMNS)}")
    return found


def _columns(cells: list[str], path: Path) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    for column in columns:
        if column not in COLUMNS:
            hint = nearest(column, COLUMNS) or f"; there are {', '.join(COLUMNS)}"
            raise Sorry(f'{path} line 1: unknown column "{column}"{hint}')
        if columns.count(column) > 1:
            raise Sorry(f'{path} line 1: the column "{column}" is there twice')
    if not {"space", "device"} & set(columns):
        raise Sorry(f"{path} line 1: the head has neither space nor device; write it like {','.join(COLUMNS)}")
    return columns


def _text(raw: bytes, path: Path) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else what a Chinese Windows writes."""
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Sorry(f"{path} is neither UTF-8 nor GBK text: save it as CSV UTF-8")
