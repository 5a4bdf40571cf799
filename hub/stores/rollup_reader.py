"""What roll-ups tell a report: which days of each counter nothing is odd or in doubt on, and the readings around its edges."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from hub.columns import Columns
from hub.journal_reader import JournalReader, SealedFile
from hub.model import Series
from hub.ports import Ints
from hub.register import HOUR
from hub.rolled import DAY, ENOUGH, OUTSIDE, Days, Known, Moments
from hub.stores.rollup import rollup_path
from hub.stores.rollup_rows import decoded
from hub.stores.sealed import Damaged, SealedFiles, Vanished

_AT_ONCE = 16_000_000  # numbers in memory

Answer = dict[str, npt.NDArray[Any]]


def known(journals: Sequence[JournalReader], sealed: SealedFiles, series: Sequence[Series], edges: Ints) -> Known:
    """Raises Vanished when a file was replaced meanwhile: ask again."""
    low, high = int(edges[0]) // DAY - OUTSIDE, int(edges[-1]) // DAY + OUTSIDE
    shape, around = (len(series), high - low + 1), (len(series), len(edges))
    plain, sparse = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    shortest, longest = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    found = Known(
        Days(low, plain, sparse, shortest, longest, np.zeros(shape, np.float32)),
        Moments(np.full(around, -1, np.int32), np.zeros(around, np.int32), np.zeros(around), np.zeros(around)),
    )
    seen: set[Series] = set()
    for lane, tail in _lanes(journals, sealed, series, edges, low, high):
        if lane.rolled:
            lane.days(found.days)
            lane.moments(found.edges)
        touched = np.concatenate([np.stack([tail.series, tail.time // DAY], axis=1), lane.late_days()])
        row = lane.at(touched[:, 0])
        found.days.plain[row[row >= 0], touched[row >= 0, 1] - low] = False
        if seen:  # both lanes know it
            found.days.plain[[number for number in lane.rows if series[number] in seen]] = False
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
        self.rolled = [file for file in files if rollup_path(sealed.root, file).exists()]
        rolled = {file.id for file in self.rolled}
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

    def days(self, found: Days) -> None:
        sparse = f"(readings < {ENOUGH} OR longest > {HOUR}) AS sparse"
        rows = self._ask(f"series, day, fastest, shortest, longest, {sparse}", self._low, self._high)
        place = self.at(rows["series"])
        here = place >= 0
        if not here.all():
            rows, place = {name: column[here] for name, column in rows.items()}, place[here]
        flat = place * found.plain.shape[1] + (rows["day"] - self._low)
        found.plain.reshape(-1)[flat] = True
        found.fastest.reshape(-1)[flat] = rows["fastest"]
        some = rows["sparse"]
        if some.any():
            for column, name in ((found.sparse, "sparse"), (found.shortest, "shortest"), (found.longest, "longest")):
                column.reshape(-1)[flat[some]] = rows[name][some]

    def moments(self, found: Moments) -> None:
        """Around the edges that are a bucket's."""
        day, within = self._edges // DAY, self._edges % DAY
        minute = np.where(within % 60_000 == 0, within // 60_000, -1)
        has = self._columns()
        usable = [each for each in np.unique(minute).tolist() if each in has]
        unknown = ~np.isin(minute, usable)
        if len(np.unique(day[unknown])) == len(np.unique(day)):  # all days must be read anyway, as for quarters of an hour
            return
        together = max(1, _AT_ONCE // (4 * len(self._ids) * int(day[-1] - day[0] + 1)))
        for some in (usable[first : first + together] for first in range(0, len(usable), together)):
            mine = np.flatnonzero(np.isin(minute, some))
            rows = self._ask(_columns(some), int(day[mine[0]]), int(day[mine[-1]]), np.unique(day[mine]))
            for each in some:
                edge = np.full(int(day[-1] - day[0]) + 1, -1, np.int64)
                chosen = np.flatnonzero(minute == each)
                edge[day[chosen] - day[0]] = chosen
                self._put(found, rows, each, edge[rows["day"] - day[0]])

    def _put(self, found: Moments, rows: Answer, minute: int, edge: Ints) -> None:
        """``edge``: of each row, which of the report's edges is meant, or -1."""
        place = self.at(rows["series"])
        at, since, step, rise = (rows[f"{name}{minute:04}"] for name in ("at", "since", "step", "rise"))
        ours = (place >= 0) & (edge >= 0) & ~np.ma.getmaskarray(at)  # a coarser roll-up has no such edge
        if ours.all():
            flat, digits = place * found.since.shape[1] + edge, rows["digits"]
        else:
            at, since, step, rise, digits = (np.ma.getdata(column)[ours] for column in (at, since, step, rise, rows["digits"]))
            flat = place[ours] * found.since.shape[1] + edge[ours]
        before, after = decoded(digits, np.ma.getdata(at), np.ma.getdata(rise))
        for column, values in ((found.since, since), (found.step, step), (found.before, before), (found.after, after)):
            column.reshape(-1)[flat] = np.ma.getdata(values)
        open = np.flatnonzero(np.ma.getdata(step) < 0)
        if len(open):
            self._next_day(found, minute, flat[open])

    def _next_day(self, found: Moments, minute: int, flat: Ints) -> None:
        """The first reading after these moments stands in the row of the day that follows."""
        place, edge = np.divmod(flat, found.since.shape[1])
        since = found.since.reshape(-1)[flat].copy()
        days = self._edges[edge] // DAY + 1
        rows = self._ask(_columns([0]), int(days.min()), int(days.max()), np.unique(days))
        width = self._high - self._low + 2
        mine = self.at(rows["series"])
        key = np.where(mine >= 0, mine * width + rows["day"] - self._low, -1)
        order = np.argsort(key, kind="stable")
        wanted = place * width + days - self._low
        found.since.reshape(-1)[flat] = -1
        if not len(order):
            return
        where = order[np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)]
        there = key[where] == wanted
        found.since.reshape(-1)[flat[there]] = since[there]
        flat, where = flat[there], where[there]
        _, after = decoded(rows["digits"][where], rows["at0000"][where], rows["rise0000"][where])
        found.after.reshape(-1)[flat] = after
        found.step.reshape(-1)[flat] = since[there] + (DAY - minute * 60_000) + rows["step0000"][where] - rows["since0000"][where]

    def at(self, series: npt.NDArray[Any]) -> Ints:
        """The report's row of each, -1 for those nobody asked for."""
        inside = series < len(self._lookup)
        return np.where(inside, self._lookup[np.where(inside, series, 0)], -1)

    def _columns(self) -> set[int]:
        names = self._ask("*", 0, -1)
        return {int(name[2:]) for name in names if name.startswith("at") and name[2:].isdigit()}

    def _ask(self, columns: str, low: int, high: int, days: Ints | None = None) -> Answer:
        """The rows from the day ``low`` to ``high``, or of some ``days`` in between."""
        names = ", ".join("'" + str(rollup_path(self._sealed.root, file)).replace("'", "''") + "'" for file in self.rolled)
        where = f"series BETWEEN {self._ids.min()} AND {self._ids.max()} AND day BETWEEN {low} AND {high}"
        if days is not None and len(days) <= high - low:
            where += f" AND day IN ({', '.join(map(str, days.tolist()))})"
        try:
            return self._sealed.table(
                f"SELECT {columns} FROM read_parquet([{names}], union_by_name = true) WHERE {where}", [], {}
            )
        except Damaged as error:
            gone = [file.path for file in self.rolled if not rollup_path(self._sealed.root, file).exists()]
            if gone or isinstance(error.__cause__, duckdb.IOException):
                raise Vanished(gone[0] if gone else str(error)) from error
            raise


def _columns(minutes: Sequence[int]) -> str:
    each = [f"{name}{minute:04}" for minute in minutes for name in ("at", "since", "step", "rise")]
    return ", ".join(["series", "day", "digits", *each])
