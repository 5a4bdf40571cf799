"""The numbers that a lane's journal gives to series: kept in memory, so that no seal has to list half a million of them."""

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

import numpy as np

from hub.model import Batch, Lane, Reading
from hub.ports import Ints

PER_BLOCK = 256

Key = tuple[str, str, str]
"""Device, quantity, channel."""


class Numbers:
    """``ids``: the number of each series. A device has blocks of its own, so that its series lie side by side in sealed
    files. Not safe for threads: the journal's lock is held around every call."""

    def __init__(self, lane: Lane, rows: Iterable[tuple[int, str, str, str, str]] = ()) -> None:
        """``rows``: number, device, quantity, channel and domain, by number."""
        self.ids: dict[Key, int] = {}
        self._slot = f"{lane}_number"
        self._kept = attrgetter(self._slot)
        self._domains: dict[str, array[int]] = {}
        self._newest: dict[str, int] = {}  # device -> its newest number
        self._highest = 0
        for id, device, quantity, channel, domain in rows:
            self._note(id, (device, quantity, channel), domain)

    def kept(self, batch: Batch) -> "array[int] | None":
        """The number of each reading's series, where all the slots know theirs."""
        try:
            found = array("q", map(self._kept, batch.slots))
        except TypeError:  # None is no number
            return None
        return found if len(found) == len(batch.readings) else None

    def of(self, readings: Iterable[Reading]) -> "array[int]":
        """Raises KeyError where a series has no number yet."""
        ids = self.ids
        return array("q", [ids[reading.device, reading.quantity, reading.channel] for reading in readings])

    def note(self, batch: Batch) -> None:
        """Puts them into the slots. Only once they are on disk: what is given up half-way is numbered anew."""
        for slot, reading in zip(batch.slots, batch.readings, strict=False):
            setattr(slot, self._slot, self.ids[reading.device, reading.quantity, reading.channel])

    def learn(self, connection: sqlite3.Connection, readings: Iterable[Reading], domain_of: Callable[[str], str]) -> None:
        """Numbers the series that are new, in the file as well."""
        new: list[tuple[int, str, str, str, str]] = []
        for reading in readings:
            key = (reading.device, reading.quantity, reading.channel)
            if key in self.ids:
                continue
            id = self._newest.get(reading.device, -1) + 1
            if id % PER_BLOCK == 0:  # a new device, or its block is full
                id = (self._highest // PER_BLOCK + 1) * PER_BLOCK
            domain = domain_of(reading.quantity)
            self._note(id, key, domain)
            new.append((id, *key, domain))
        connection.executemany("INSERT INTO series(id, device, quantity, channel, domain) VALUES (?, ?, ?, ?, ?)", new)

    def by_domain(self) -> Mapping[str, Ints]:
        """The numbers of each domain's series, ascending."""
        return {domain: np.sort(np.array(numbers, np.int64)) for domain, numbers in self._domains.items()}

    def _note(self, id: int, key: Key, domain: str) -> None:
        self.ids[key] = id
        self._newest[key[0]] = max(id, self._newest.get(key[0], id))
        self._highest = max(id, self._highest)
        self._domains.setdefault(domain, array("q")).append(id)
