"""What falls due when, on the monotonic clock: a heap, so that a tick looks only at what is due."""

import heapq
from itertools import count
from math import inf
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    due: float | None  # when it wants to be woken; None: not at all
    scheduled: float | None  # when the heap will look at it; set here only


T = TypeVar("T", bound=Timed)


class Timers(Generic[T]):
    """One entry an object in the usual case: a due time that moves later is found when the earlier one comes up."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def set(self, item: T, due: float | None) -> None:
        item.due = due
        if due is not None and (item.scheduled is None or due < item.scheduled):
            item.scheduled = due
            heapq.heappush(self._heap, (due, next(self._order), item))

    def first(self) -> float:
        """When something may fall due next, at the earliest; inf: never."""
        return self._heap[0][0] if self._heap else inf

    def due(self, monotonic: float, at_most: int) -> list[T]:
        """Takes out what is due, in order; each has its ``due`` set to None."""
        found: list[T] = []
        heap = self._heap
        while heap and heap[0][0] <= monotonic and len(found) < at_most:
            at, _, item = heapq.heappop(heap)
            if item.scheduled != at:
                continue  # an entry that an earlier one has made needless
            item.scheduled = None
            if item.due is None:
                continue
            if item.due <= monotonic:
                item.due = None
                found.append(item)
            else:
                self.set(item, item.due)
        return found
