"""How long a thread keeps the interpreter before another has its turn.

Python's 5 ms suit throughput; an alert that comes while the journal or a seal computes waits for them as often as its way
leads through another thread. While the loop has time to spare, turns are short: alerts at 10,000 messages a second wait a
third as long, for a fifth more processor time. When it has none, what counts is how much gets done, and turns are long.
"""

import sys
import time

SHORT, LONG = 0.0005, 0.005
"""Seconds."""
BUSY = 0.75
"""The share of its time that a loop without time to spare spends computing."""


class Turns:
    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._spent = time.thread_time()

    def look(self) -> None:
        """On the loop, some times a second."""
        wall, spent = time.monotonic(), time.thread_time()
        share = (spent - self._spent) / max(wall - self._wall, 1e-3)
        self._wall, self._spent = wall, spent
        sys.setswitchinterval(LONG if share >= BUSY else SHORT)
