"""Old people with wristbands: they sleep, get up, walk after meals, and their hearts answer."""

from math import cos, pi, sin
from random import Random

from simulators.curves import DAY, Curve, Day
from simulators.loads import HOUR, draw

PACE = 1.6  # steps a second


class Wearer:
    """One person, by name. ``at`` is in local seconds."""

    def __init__(self, seed: int, name: str) -> None:
        self._seed = seed
        self._name = name
        self._resting = Random(f"{seed}/heart/{name}").uniform(60, 72)
        self._walks = Curve(self._day)

    def steps(self, at: float) -> int:
        """Steps since the last midnight: a wristband starts each day from 0."""
        return int(self._walks.today(at) + 1e-6)

    def heart_rate(self, at: float) -> int:
        """Beats a minute: lowest before dawn, about 24 more while walking."""
        walking = self._walks.level(at) > 0
        of_day = -5 * cos(2 * pi * (at % DAY / DAY - 0.625 + 0.5))
        breath = 2 * sin(at / 7.3) + 1.5 * sin(at / 31.7)
        return round(self._resting + of_day + breath + (24 if walking else 0))

    def _day(self, day: int) -> Day:
        random = draw(self._seed, f"walk/{self._name}", day)
        rests = 24
        starts = sorted(random.uniform(6.5 * HOUR, 20.5 * HOUR) for _ in range(rests))
        walks = []
        for start, following in zip(starts, [*starts[1:], 21.5 * HOUR], strict=True):
            end = min(start + random.uniform(60, 600), following)
            walks.append((start, end, PACE))
        return Day([0.0, 0.0], walks)
