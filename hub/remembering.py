"""What must survive a restart and changes all the time, put into the records a little with each tick.

A round begins with a heartbeat and ends with the row that names its pieces: until then the round before counts, and a kill
leaves one of the two, whole. Fifty thousand devices at once would hold up the loop for a fifth of a second, and the disk too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec

from hub.committer import Committer
from hub.directory import Places
from hub.model import Now
from hub.ports import Adapter
from rules.engine import Engine

AT_ONCE = 0.002
"""Seconds of work in one tick, but for the piece that exceeds them; a small site's round is done in one."""
SEEN = 5_000
"""Devices in one piece of ``last_seen``."""


class Kept(Protocol):
    """Where states are kept; ``records.RecordsReader``."""

    def state(self, name: str) -> Any: ...


class Remembering:
    def __init__(
        self, adapters: Sequence[Adapter], engine: Engine, places: Places, committer: Committer, clock: Callable[[], Now]
    ) -> None:
        self._adapters = adapters
        self._engine = engine
        self._places = places
        self._committer = committer
        self._clock = clock
        self._marks: dict[str, int] = {}  # what each state was when it was last written
        self._rounds = 0
        self._round: Iterator[None] | None = None

    def beat(self) -> None:
        """The heartbeat, and the beginning of a round unless one is under way."""
        self._committer.gather(urgent=False).heartbeat = self._clock().wall
        if self._round is None:
            first = self._rounds == 0
            self._round = self._pieces()
            if first:  # the last run's pieces may bear the same names: replaced in one transaction, or not at all
                self._finish()

    def go_on(self) -> None:
        """With each tick."""
        if self._round is None:
            return
        until = self._clock().monotonic + AT_ONCE
        for _ in self._round:
            if self._clock().monotonic >= until:
                return
        self._round = None

    def all(self) -> None:
        """Everything, now."""
        self._finish()
        self.beat()
        self._finish()

    def _finish(self) -> None:
        for _ in self._round or ():
            pass
        self._round = None

    def _pieces(self) -> Iterator[None]:
        self._rounds += 1
        for adapter in self._adapters:
            self._put(f"adapter:{adapter.kind}", adapter.snapshot())
        yield
        seen = iter(list(self._places.last_seen.items()))
        number = 0
        while part := dict(islice(seen, SEEN)):
            self._put(f"last_seen:{number}", part)
            number += 1
            yield
        names: list[str] = []
        for piece in self._engine.pieces():
            names.append(f"engine:{'ab'[self._rounds % 2]}:{len(names)}")
            self._put(names[-1], piece)
            yield
        self._put("last_seen", number)
        self._put("engine", names)

    def _put(self, name: str, state: Any) -> None:
        if state is None:
            return
        packed = msgspec.msgpack.encode(state)
        if self._marks.get(name) != (mark := hash(packed)):
            self._marks[name] = mark
            self._committer.gather(urgent=False).states[name] = packed


def engine_state(records: Kept) -> Any:
    """For ``Engine.restore``: the pieces of the last round, or what an earlier version kept in one."""
    state = records.state("engine")
    return [records.state(name) for name in state] if isinstance(state, list) else state


def last_seen(records: Kept) -> Mapping[str, int]:
    """When each device was last heard, ms."""
    state = records.state("last_seen") or {}
    if isinstance(state, Mapping):
        return state
    found: dict[str, int] = {}
    for number in range(state):
        found.update(records.state(f"last_seen:{number}") or {})
    return found
