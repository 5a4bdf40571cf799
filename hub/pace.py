"""How long alerts take from bytes to the wire, and how much of that is the hub's own: all but what the disk took."""

from collections import deque
from collections.abc import Collection

LAST = 1000
BUDGET_MS = {0.5: 2.0, 0.99: 10.0}
"""What it may take on a quiet machine, by quantile; a disk that is slower than that is seen in the difference to ``own``."""


class Pace:
    """Of the last 1000 alerts that a message brought about. ``own`` is the time without the fsync of the alert's transaction."""

    def __init__(self) -> None:
        self._all: deque[float] = deque(maxlen=LAST)
        self._own: deque[float] = deque(maxlen=LAST)

    def add(self, spent: float, disk: float) -> None:
        """``spent``: seconds from the message's bytes until its alert was committed and handed out; ``disk`` of them were the
        transaction's."""
        self._all.append(spent)
        self._own.append(max(0.0, spent - disk))

    def ms(self, share: float) -> float | None:
        """A quantile of it, ms; None before the first alert."""
        return _quantile_ms(self._all, share)

    def own_ms(self, share: float) -> float | None:
        return _quantile_ms(self._own, share)


def _quantile_ms(spent: Collection[float], share: float) -> float | None:
    ordered = sorted(spent)
    return ordered[int(len(ordered) * share)] * 1000 if ordered else None
