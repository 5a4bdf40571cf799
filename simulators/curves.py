"""Curves whose integral is exact: what a meter's register is made of.

A curve is a cycle of days. A day is a level drawn as straight lines between evenly spaced knots, plus rectangles (a kettle,
a charging car), plus a small ripple whose mean over the day is zero. Both the level and its integral are arithmetic, so a
register is a function of absolute time: a simulator that was stopped goes on where the world is, and never falls back.

Times are local seconds: seconds since 1970-01-01 00:00 of the community's standard time. Levels are in units per second of
the integral; for power that is watts, and the integral is watt seconds (joules).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import cos, pi, sin

DAY = 86_400
INSTALLED = 19_656  # the local day every register began at (2023-10-26), a multiple of both cycles below
MONTH = 28  # days; whole weeks, so that a weekday stays a weekday
YEAR = 364  # days; whole weeks and whole months


class Day:
    """One day of a curve. ``knots`` are evenly spaced from midnight to midnight, both included; ``blocks`` are
    ``(start, end, level)`` with 0 <= start < end <= 86400."""

    __slots__ = ("_before", "_step", "blocks", "knots")

    def __init__(self, knots: Sequence[float], blocks: Sequence[tuple[float, float, float]] = ()) -> None:
        self.knots = tuple(knots)
        self.blocks = tuple(blocks)
        self._step = DAY / (len(knots) - 1)
        before = [0.0]
        for left, right in pairwise(knots):
            before.append(before[-1] + (left + right) / 2 * self._step)
        self._before = before

    def level(self, second: float) -> float:
        index, share = self._locate(second)
        left, right = self.knots[index], self.knots[index + 1]
        base = left + (right - left) * share
        return base + sum(height for start, end, height in self.blocks if start <= second < end)

    def integral(self, second: float) -> float:
        """From midnight to ``second``."""
        index, share = self._locate(second)
        left, right = self.knots[index], self.knots[index + 1]
        base = self._before[index] + (left + (right - left) * share / 2) * share * self._step
        return base + sum((min(second, end) - start) * height for start, end, height in self.blocks if start < second)

    def _locate(self, second: float) -> tuple[int, float]:
        index = min(int(second / self._step), len(self.knots) - 2)
        return index, second / self._step - index


class Curve:
    """Days that repeat after ``cycle`` days. ``draw(day)`` makes the day with that local number, of the first cycle.

    ``ripple`` is the height of a wave that keeps a live figure moving; it must be lower than every knot."""

    def __init__(self, draw: Callable[[int], Day], cycle: int = MONTH, ripple: float = 0.0, wave: float = 96.0) -> None:
        if DAY % wave:
            raise ValueError(f"a ripple of {wave} s does not fit a day a whole number of times")
        self._draw = lru_cache(maxsize=3)(draw)
        self._cycle = cycle
        self._ripple = ripple
        self._wave = wave
        self._sums: list[int] = []

    def level(self, at: float) -> float:
        day, second = divmod(at, DAY)
        turn = 2 * pi * second / self._wave
        return self._day(int(day)).level(second) + self._ripple * cos(turn)

    def integral(self, at: float) -> float:
        """From the day everything was installed to ``at``; falls back for no later time."""
        day, second = divmod(at, DAY)
        cycles, within = divmod(int(day) - INSTALLED, self._cycle)
        sums = self._totals()
        wave = self._ripple * self._wave / (2 * pi) * sin(2 * pi * second / self._wave)
        return (cycles * sums[-1] + sums[within] + _thousandths(self._day(int(day)).integral(second) + wave)) / 1000

    def today(self, at: float) -> float:
        """From the last local midnight to ``at``."""
        return self.integral(at) - self.integral(at // DAY * DAY)

    def _day(self, day: int) -> Day:
        return self._draw(INSTALLED + (day - INSTALLED) % self._cycle)

    def _totals(self) -> list[int]:
        """Whole thousandths before each day of the cycle, and of all of it: added up in any order they are the same, so
        that not even the last bit of a register falls at midnight."""
        if not self._sums:
            sums = [0]
            for day in range(INSTALLED, INSTALLED + self._cycle):
                sums.append(sums[-1] + _thousandths(self._draw(day).integral(DAY)))
            self._sums = sums
        return self._sums


def _thousandths(amount: float) -> int:
    return round(amount * 1000)


def weekday(day: int) -> int:
    """0 is Monday; local day 0, 1970-01-01, was a Thursday."""
    return (day + 3) % 7
