"""What goes to the server next: batches of both lanes as one, without what it has already, each reading with its place.

The servers let the last one win where the contract says the first. So nothing is sent of whose identity something was sent
before: what is newer than everything sent of its series cannot have been; of the rest (late, repeated, several in one ms) the
server and the unsettled batches are asked.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hub.columns import NOTHING, Columns
from hub.model import Lane, Series
from hub.ports import Ints
from hub.stores.influxql import InfluxServer
from hub.stores.line_protocol import Named
from hub.stores.sent_journal import SentJournal
from hub.stores.victoria import VictoriaServer

LONG_AGO = -(2**62)
Dialect = InfluxServer | VictoriaServer
Bools = npt.NDArray[np.bool_]
_Taken = dict[tuple[int, int], dict[int, int]]  # (series, time) -> sequence number -> place
_APART = 3_600_000  # ms; times further apart are asked for one by one


class Chunk(Struct, frozen=True):
    """``series`` of the columns counts in ``Sent.names``; ``upto`` is each lane's last batch in it, ``newest`` each lane's newest
    readings, by the lane's own numbers."""

    columns: Columns
    places: Ints
    upto: dict[Lane, int]
    newest: dict[Lane, Columns]


class Sent:
    """What has been sent, as far as the next chunk must know."""

    def __init__(self, journals: dict[Lane, SentJournal]) -> None:
        self.names: list[Named] = []
        self.upto: dict[Lane, int] = {}
        self.latest: dict[Lane, Columns] = {}  # the newest sent of every series, by the lane's numbers
        self._journals = journals
        self._numbers: dict[Series, int] = {}
        self._of_lane: dict[Lane, dict[int, int]] = {lane: {} for lane in journals}
        self._newest: Ints = np.empty(0, np.int64)  # by our numbers, the newest time sent
        self.back()

    def back(self, *, all_anew: bool = False) -> None:
        """To what is settled: the rest is sent again. ``all_anew``: the server may have come back empty."""
        self._newest[:] = LONG_AGO
        for lane, journal in self._journals.items():
            self.upto[lane] = journal.reader.settled()
            latest = journal.reader.latest_sealed()
            self.latest[lane] = NOTHING if latest is None else latest
            if not all_anew:
                self._note(self._numbered(lane, self.latest[lane]))

    def next(self, server: Dialect, rows: int) -> Chunk | None:
        """Up to ``rows`` readings of each lane, in order of arrival; None when all is sent. Raises StoreUnavailable."""
        upto, newest, parts = dict(self.upto), {}, []
        for lane, journal in self._journals.items():
            upto[lane], found = journal.reader.next(self.upto[lane], rows)
            if found.rows:
                newest[lane] = found.newest()
                parts.append(self._numbered(lane, found.take(_first(found))))
        if upto == self.upto:
            return None
        columns = Columns.concat(parts)
        if len(parts) > 1:
            columns = columns.take(np.argsort(columns.received_at, kind="stable"))
            columns = columns.take(_first(columns))
        places, keep = self._places(server, columns)
        return Chunk(columns.take(keep), places[keep], upto, newest)

    def done(self, chunk: Chunk) -> None:
        self.upto = dict(chunk.upto)
        for lane, newest in chunk.newest.items():
            self.latest[lane] = Columns.concat([self.latest[lane], newest]).newest()
        self._note(chunk.columns)

    def _note(self, columns: Columns) -> None:
        np.maximum.at(self._newest, columns.series, columns.time)

    def _numbered(self, lane: Lane, columns: Columns) -> Columns:
        """The same, with our numbers for the lane's."""
        known = self._of_lane[lane]
        ids, where = np.unique(columns.series, return_inverse=True)
        if any(id not in known for id in ids.tolist()):
            for id, series, domain in self._journals[lane].reader.series():
                known[id] = self._numbers.setdefault(series, len(self.names))
                if known[id] == len(self.names):
                    self.names.append(Named(series, domain))
            more = np.full(len(self.names) - len(self._newest), LONG_AGO, np.int64)
            self._newest = np.concatenate([self._newest, more])
        ours = np.array([known[id] for id in ids.tolist()], np.int64)
        return columns._replace(series=ours[where] if len(ours) else columns.series)

    # --- doubts -------------------------------------------------------------------------------------------------------

    def _places(self, server: Dialect, columns: Columns) -> tuple[Ints, Bools]:
        """The place of each reading in its ms, and whether it is to be sent at all."""
        places, keep = np.zeros(columns.rows, np.int64), np.ones(columns.rows, np.bool_)
        late = columns.time <= self._newest[columns.series]
        taken = self._taken(server, columns.take(late)) if late.any() else {}
        for row in np.flatnonzero(late | _crowded(columns)).tolist():
            there = taken.setdefault((int(columns.series[row]), int(columns.time[row])), {})
            seq = int(columns.seq[row])
            if seq in there:
                keep[row] = False
            else:
                places[row] = there[seq] = _free(there)
        return places, keep

    def _taken(self, server: Dialect, late: Columns) -> _Taken:
        """What was sent at the times of these readings: the places by sequence number."""
        taken: _Taken = {}
        for number in np.unique(late.series).tolist():
            for start, end in _spans(np.unique(late.time[late.series == number])):
                found, places = server.rows(self.names[number], start, end)
                for time, seq, place in zip(found.time.tolist(), found.seq.tolist(), places.tolist(), strict=True):
                    taken.setdefault((number, time), {}).setdefault(seq, place)
        parts: list[Columns] = []
        for lane, journal in self._journals.items():
            ours = self._of_lane[lane]
            wanted = set(late.series.tolist())
            ids = np.array([id for id, number in ours.items() if number in wanted], np.int64)
            unsettled = journal.reader.unsettled_at(ids, np.unique(late.time), self.upto[lane])
            parts += [self._numbered(lane, part) for part in unsettled]
        both = Columns.concat(parts)
        both = both.take(np.argsort(both.received_at, kind="stable"))
        for number, time, seq in zip(both.series.tolist(), both.time.tolist(), both.seq.tolist(), strict=True):
            there = taken.setdefault((number, time), {})
            if seq not in there:
                there[seq] = _free(there)
        return taken


def _first(columns: Columns) -> Ints:
    """Where the readings stand that came first of their identity, in order of arrival."""
    order = np.lexsort((columns.seq, columns.time, columns.series))  # stable
    fresh = np.ones(columns.rows, np.bool_)
    fresh[1:] = False
    for column in (columns.series, columns.time, columns.seq):
        fresh[1:] |= np.diff(column[order]) != 0
    return np.sort(order[fresh])


def _crowded(columns: Columns) -> Bools:
    """Which readings share their series and ms with another."""
    order = np.lexsort((columns.time, columns.series))
    same = (np.diff(columns.series[order]) == 0) & (np.diff(columns.time[order]) == 0)
    crowded = np.zeros(columns.rows, np.bool_)
    crowded[order[1:][same]] = crowded[order[:-1][same]] = True
    return crowded


def _free(there: dict[int, int]) -> int:
    """The smallest place nobody has."""
    taken = set(there.values())
    return next(place for place in count() if place not in taken)


def _spans(times: Ints) -> Iterator[tuple[int, int]]:
    """From and to, around times that lie close together."""
    for part in np.split(times, np.flatnonzero(np.diff(times) > _APART) + 1):
        yield int(part[0]), int(part[-1]) + 1
