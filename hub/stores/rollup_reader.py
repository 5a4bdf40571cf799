"""Registers at the edges of a report, from roll-ups: for the counters and days on which nothing is odd or in doubt."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hub.columns import Columns
from hub.journal_reader import JournalReader, SealedFile
from hub.model import Series
from hub.ports import Floats, Ints
from hub.stores.rollup import DAY, rollup_path
from hub.stores.sealed import Damaged, SealedFiles, Vanished

_ALL_DAY = 8  # edges a day from which on whole days are read

Flags = npt.NDArray[np.bool_]


class Grid(Struct, frozen=True, eq=False):
    """``register`` [series, edges]: what each showed at each edge. ``plain`` [series]: it is known at every edge, and nothing
    is odd, missing or in doubt from the day before the first edge to the day after the last. ``fastest`` [series]: units an
    hour, of any step on these days."""

    register: Floats
    plain: Flags
    fastest: Floats


class Calendar(Struct, frozen=True, eq=False):
    """``plain`` [series, days]: nothing on that day is odd, missing or in doubt; ``first``: the first of the days since 1970.
    ``fastest`` [series, days]: units an hour, of any step that ends on it. ``register`` [series, edges], NaN where not known."""

    first: int
    plain: Flags
    register: Floats
    fastest: Floats


def calendar(
    journals: Sequence[JournalReader], sealed: SealedFiles, series: Sequence[Series], edges: Ints, outside: int
) -> Calendar:
    """``outside``: so many days on both sides of the edges. Raises Vanished."""
    low, high = int(edges[0]) // DAY - outside, int(edges[-1]) // DAY + outside
    shape = (len(series), high - low + 1)
    register = np.full((len(series), len(edges)), np.nan)
    found = Calendar(low, np.zeros(shape, np.bool_), register, np.zeros(shape))
    registers = Grid(register, np.zeros(len(series), np.bool_), np.zeros(len(series)))
    seen: set[Series] = set()
    for lane, tail in _lanes(journals, sealed, series, edges, low, high):
        lane.days(found)
        lane.registers(registers)
        touched = np.concatenate([np.stack([tail.series, tail.time // DAY], axis=1), lane.late_days()])
        row = lane.at(touched[:, 0])
        found.plain[row[row >= 0], touched[row >= 0, 1] - low] = False
        found.plain[[number for number in lane.rows if series[number] in seen]] = False
        seen |= {series[number] for number in lane.rows}
    return found


def _lanes(
    journals: Sequence[JournalReader], sealed: SealedFiles, series: Sequence[Series], edges: Ints, low: int, high: int
) -> Iterator[tuple["_Lane", Columns]]:
    """The lanes that know any of the series, with what is not sealed of those days."""
    place = {name: number for number, name in enumerate(series)}
    for journal in journals:
        names, files, tail = journal.glimpse(low * DAY, (high + 1) * DAY)
        mine = [(id, place[name]) for id, name, _ in names if name in place]
        domains = {domain for _, name, domain in names if name in place}
        if mine:
            yield _Lane(sealed, [file for file in files if file.domain in domains], mine, edges, low, high), tail


def grid(journals: Sequence[JournalReader], sealed: SealedFiles, series: Sequence[Series], edges: Ints) -> Grid:
    """Raises Vanished when a file was replaced meanwhile: ask again."""
    found = Grid(np.full((len(series), len(edges)), np.nan), np.zeros(len(series), np.bool_), np.zeros(len(series)))
    low, high = int(edges[0]) // DAY - 1, int(edges[-1]) // DAY + 1
    seen: set[Series] = set()
    for lane, tail in _lanes(journals, sealed, series, edges, low, high):
        doubt = np.union1d(np.unique(tail.series), lane.late_days()[:, 0])
        row = lane.at(doubt)
        lane.count(found)
        lane.registers(found)
        found.plain[row[row >= 0]] = False
        found.plain[[number for number in lane.rows if series[number] in seen]] = False
        seen |= {series[number] for number in lane.rows}
    np.logical_and(found.plain, ~np.isnan(found.register).any(axis=1), out=found.plain)
    return found


class _Lane:
    """One lane's files. ``mine``: series numbers and their rows in the answer."""

    def __init__(
        self, sealed: SealedFiles, files: list[SealedFile], mine: list[tuple[int, int]], edges: Ints, low: int, high: int
    ) -> None:
        self._sealed = sealed
        self._edges, self._low, self._high = edges, low, high
        self._ids = np.array([id for id, _ in mine], np.int64)
        self._rows = np.array([row for _, row in mine], np.int64)
        self._lookup = np.full(int(self._ids.max()) + 1, -1, np.int64)
        self._lookup[self._ids] = self._rows
        self._rolled = [file for file in files if rollup_path(sealed.root, file).exists()]
        rolled = {file.id for file in self._rolled}
        self._late = [file for file in files if file.id not in rolled]

    @property
    def rows(self) -> list[int]:
        return [int(row) for row in self._rows]

    def late_days(self) -> Ints:
        """[n, 2] series and day of the readings in files that no roll-up knows."""
        if not self._late:
            return np.empty((0, 2), np.int64)
        bounds = f"time >= make_timestamp_ms({self._low * DAY}) AND time < make_timestamp_ms({(self._high + 1) * DAY})"
        return self._sealed.days_touched(self._late, bounds)

    def count(self, found: Grid) -> None:
        """Which series are plain on all days."""
        if not self._rolled:
            return
        counted = self._ask(
            "series, count(*) AS days, max(fastest) AS fastest", f"day BETWEEN {self._low} AND {self._high} GROUP BY series"
        )
        rows = self.at(counted["series"])
        known = rows >= 0
        found.plain[rows[known]] = counted["days"][known] == self._high - self._low + 1
        found.fastest[rows[known]] = counted["fastest"][known]

    def days(self, found: Calendar) -> None:
        if not self._rolled:
            return
        rows = self._ask("series, day, fastest", f"day BETWEEN {self._low} AND {self._high}")
        place = self.at(rows["series"])
        here = place >= 0
        found.plain[place[here], rows["day"][here] - self._low] = True
        found.fastest[place[here], rows["day"][here] - self._low] = rows["fastest"][here]

    def registers(self, found: Grid) -> None:
        """At the edges that are a bucket's."""
        if not self._rolled:
            return
        day, within = self._edges // DAY, self._edges % DAY
        minute = np.where(within % 60_000 == 0, within // 60_000, -1)
        usable = np.flatnonzero(np.isin(minute, self._columns()))
        if not len(usable):
            return
        days = len(np.unique(day))
        if len(usable) == len(self._edges) and len(self._edges) >= _ALL_DAY * days:
            self._whole_days(found, day, minute)
        else:
            self._single(found, usable, day, minute)

    def _single(self, found: Grid, usable: Ints, day: Ints, minute: Ints) -> None:
        wanted = np.unique(minute[usable])
        names = [f"m{number:04}" for number in wanted.tolist()]
        listed = ", ".join(str(number) for number in np.unique(day[usable]).tolist())
        rows = self._ask(", ".join(["series", "day", *names]), f"day IN ({listed})")
        place = self.at(rows["series"])
        for edge in usable.tolist():
            on, at = int(day[edge]), int(minute[edge])
            here = (rows["day"] == on) & (place >= 0)
            found.register[place[here], edge] = np.ma.filled(rows[f"m{at:04}"], np.nan)[here]

    def _whole_days(self, found: Grid, day: Ints, minute: Ints) -> None:
        wanted = np.unique(minute)
        names = [f"m{number:04}" for number in wanted.tolist()]
        rows = self._ask(", ".join(["series", "day", *names]), f"day BETWEEN {day[0]} AND {day[-1]}")
        count = int(day[-1] - day[0]) + 1
        table = np.full((len(found.plain) * count, len(names)), np.nan)
        place = self.at(rows["series"])
        here = place >= 0
        target = place[here] * count + (rows["day"][here] - day[0])
        whole = len(target) == len(table) and bool((np.diff(target) == 1).all())
        for column, name in enumerate(names):
            values = np.ma.filled(rows[name], np.nan)
            if whole and len(values) == len(table):
                table[:, column] = values
            else:
                table[target, column] = values[here]
        flat = table.reshape(len(found.plain), -1)
        index = (day - day[0]) * len(names) + np.searchsorted(wanted, minute)
        chosen = flat[:, index[0] : index[-1] + 1] if (np.diff(index) == 1).all() else flat[:, index]
        if len(self._rows) == len(found.register):
            found.register[:] = chosen
        else:
            found.register[self._rows] = chosen[self._rows]

    def at(self, series: npt.NDArray[Any]) -> Ints:
        """The report's row of each, -1 for those nobody asked for."""
        inside = series < len(self._lookup)
        return np.where(inside, self._lookup[np.where(inside, series, 0)], -1)

    def _columns(self) -> list[int]:
        names = self._ask("*", "false")
        return [int(name[1:]) for name in names if name.startswith("m") and name[1:].isdigit()]

    def _ask(self, columns: str, where: str) -> dict[str, npt.NDArray[Any]]:
        names = ", ".join("'" + str(rollup_path(self._sealed.root, file)).replace("'", "''") + "'" for file in self._rolled)
        few = f"series BETWEEN {self._ids.min()} AND {self._ids.max()} AND "
        try:
            return self._sealed.table(
                f"SELECT {columns} FROM read_parquet([{names}], union_by_name = true) WHERE {few}{where}", [], {}
            )
        except Damaged as error:
            gone = [file.path for file in self._rolled if not rollup_path(self._sealed.root, file).exists()]
            if gone or isinstance(error.__cause__, duckdb.IOException):
                raise Vanished(gone[0] if gone else str(error)) from error
            raise
