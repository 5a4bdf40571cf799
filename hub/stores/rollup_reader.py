"""Registers at the edges of a report, from roll-ups: for the counters and days on which nothing is odd or in doubt."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from msgspec import Struct

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


def grid(journals: Sequence[JournalReader], sealed: SealedFiles, series: Sequence[Series], edges: Ints) -> Grid:
    """Raises Vanished when a file was replaced meanwhile: ask again."""
    found = Grid(np.full((len(series), len(edges)), np.nan), np.zeros(len(series), np.bool_), np.zeros(len(series)))
    place = {name: number for number, name in enumerate(series)}
    seen: set[Series] = set()
    for journal in journals:
        low, high = int(edges[0]) // DAY - 1, int(edges[-1]) // DAY + 1
        names, files, tail = journal.glimpse(low * DAY, (high + 1) * DAY)
        mine = [(id, place[name]) for id, name, _ in names if name in place]
        if not mine:
            continue
        domains = {domain for _, name, domain in names if name in place}
        lane = _Lane(sealed, [file for file in files if file.domain in domains], mine, edges, low, high)
        doubt = set(np.unique(tail.series).tolist()) | lane.late()
        both = [row for id, row in mine if id in doubt or series[row] in seen]
        seen |= {series[row] for _, row in mine}
        lane.fill(found)
        found.plain[both] = False
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

    def late(self) -> set[int]:
        """The series with readings in files that no roll-up knows."""
        if not self._late:
            return set()
        bounds = f"time >= make_timestamp_ms({self._low * DAY}) AND time < make_timestamp_ms({(self._high + 1) * DAY})"
        found = self._sealed.distinct_series(self._late, bounds)
        return set(found.tolist())

    def fill(self, found: Grid) -> None:
        if not self._rolled:
            return
        counted = self._ask(
            "series, count(*) AS days, max(fastest) AS fastest", f"day BETWEEN {self._low} AND {self._high} GROUP BY series"
        )
        rows = self._at(counted["series"])
        known = rows >= 0
        found.plain[rows[known]] = counted["days"][known] == self._high - self._low + 1
        found.fastest[rows[known]] = counted["fastest"][known]
        day, within = self._edges // DAY, self._edges % DAY
        columns = self._columns()
        minute = np.where(within % 60_000 == 0, within // 60_000, -1)
        usable = np.isin(minute, columns)
        if not usable.all():
            found.plain[self._rows] = False
            return
        days = np.unique(day)
        if len(self._edges) >= _ALL_DAY * len(days):
            self._whole_days(found, day, minute)
        else:
            self._single(found, day, minute)

    def _single(self, found: Grid, day: Ints, minute: Ints) -> None:
        wanted = np.unique(minute)
        names = [f"m{number:04}" for number in wanted.tolist()]
        listed = ", ".join(str(number) for number in np.unique(day).tolist())
        rows = self._ask(", ".join(["series", "day", *names]), f"day IN ({listed})")
        place = self._at(rows["series"])
        for edge, (on, at) in enumerate(zip(day.tolist(), minute.tolist(), strict=True)):
            here = (rows["day"] == on) & (place >= 0)
            found.register[place[here], edge] = np.ma.filled(rows[f"m{at:04}"], np.nan)[here]

    def _whole_days(self, found: Grid, day: Ints, minute: Ints) -> None:
        wanted = np.unique(minute)
        names = [f"m{number:04}" for number in wanted.tolist()]
        rows = self._ask(", ".join(["series", "day", *names]), f"day BETWEEN {day[0]} AND {day[-1]}")
        count = int(day[-1] - day[0]) + 1
        table = np.full((len(found.plain) * count, len(names)), np.nan)
        place = self._at(rows["series"])
        here = place >= 0
        target = place[here] * count + (rows["day"][here] - day[0])
        for column, name in enumerate(names):
            table[target, column] = np.ma.filled(rows[name], np.nan)[here]
        flat = table.reshape(len(found.plain), -1)
        index = (day - day[0]) * len(names) + np.searchsorted(wanted, minute)
        chosen = flat[:, index[0] : index[-1] + 1] if (np.diff(index) == 1).all() else flat[:, index]
        found.register[self._rows] = chosen[self._rows]

    def _at(self, series: npt.NDArray[Any]) -> Ints:
        """The answer's row of each, -1 for those nobody asked for."""
        inside = series < len(self._lookup)
        return np.where(inside, self._lookup[np.where(inside, series, 0)], -1)

    def _columns(self) -> list[int]:
        names = self._ask("*", "false")
        return [int(name[1:]) for name in names if name.startswith("m") and name[1:].isdigit()]

    def _ask(self, columns: str, where: str) -> dict[str, npt.NDArray[Any]]:
        names = ", ".join("'" + str(rollup_path(self._sealed.root, file)).replace("'", "''") + "'" for file in self._rolled)
        few = "" if len(self._ids) > 1000 else f"series IN ({', '.join(map(str, self._ids.tolist()))}) AND "
        try:
            return self._sealed.table(
                f"SELECT {columns} FROM read_parquet([{names}], union_by_name = true) WHERE {few}{where}", [], {}
            )
        except Damaged as error:
            gone = [file.path for file in self._rolled if not rollup_path(self._sealed.root, file).exists()]
            if gone or isinstance(error.__cause__, duckdb.IOException):
                raise Vanished(gone[0] if gone else str(error)) from error
            raise
