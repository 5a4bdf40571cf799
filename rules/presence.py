"""When a device was last heard, and how long it usually takes to speak again."""

from typing import Any

GAPS = 16
ENOUGH = 3
SAME_REPORT = 1.0
"""Messages closer together than this, in seconds, belong to one report: a device often sends several topics at once."""


class Presence:
    """One device. Its interval is the longest of its last gaps but for the odd one out: the third longest of sixteen.

    So a report that was lost, or one long outage, does not blunt the watch, while a device that speaks in bursts is
    expected at the pace of its pauses. Gaps are measured on the monotonic clock, in seconds, from arrival to arrival.
    """

    __slots__ = (
        "at", "device", "due", "edition", "gaps", "heard", "learned", "previous", "quantities", "scheduled", "silent",
    )  # fmt: skip

    def __init__(self, device: str) -> None:
        self.device = device
        self.heard = float("-inf")  # monotonic s, to the second
        self.at = 0  # the same by the wall clock, ms
        self.previous: float | None = None  # as heard; None after a restart: that pause was not the device's
        self.gaps: list[float] = []
        self.learned: float | None = None  # the interval when it was last looked at
        self.silent = False
        self.quantities: tuple[str, ...] = ()
        self.edition = -1  # of the directory, when its rules were last matched
        self.due: float | None = None
        self.scheduled: float | None = None

    def hear(self, monotonic: float, at: int) -> None:
        if self.previous is not None:
            self.gaps.append(monotonic - self.previous)
            del self.gaps[:-GAPS]
        self.previous = self.heard = monotonic
        self.at = at

    def interval(self, declared: float | None) -> float | None:
        """Seconds between its reports; None while it is not known. ``declared``: what its format promises."""
        if len(self.gaps) < ENOUGH:
            return declared
        learned = self.learned = sorted(self.gaps, reverse=True)[len(self.gaps) // 8]
        return max(learned, declared) if declared else learned

    def snapshot(self) -> tuple[Any, ...]:
        return (self.learned, len(self.gaps), self.at, self.quantities, self.silent)

    def restore(self, saved: Any, monotonic: float) -> None:
        """The wait begins anew: that the hub was down is not the device's silence."""
        self.learned, count, self.at, quantities, self.silent = saved
        self.quantities = tuple(quantities)
        self.gaps = [self.learned] * count if self.learned is not None else []
        self.heard = monotonic
