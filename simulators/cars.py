"""Cars that come and go. Residents have a bay of their own; visitors take the first free shared bay, and drive on when
there is none. A day is worked through once; every answer is a function of absolute time."""

from functools import lru_cache
from typing import NamedTuple

from simulators.curves import DAY, INSTALLED, MONTH, Curve, Day, weekday
from simulators.loads import HOUR, MINUTE, draw

CHARGING = 3300.0  # W, one phase at 16 A less what a cable is allowed to carry for hours


class Stay(NamedTuple):
    """A car in a bay from ``arrives`` until ``leaves``, seconds of the day; 0 and 86400 where it stands over midnight."""

    car: str
    bay: int
    arrives: float
    leaves: float


class CarPark:
    """``own`` bays (numbers 0 …) belong to residents' cars, the ``shared`` ones after them to whoever comes."""

    def __init__(self, seed: int, own: int, shared: int, visits: int = 120) -> None:
        self.own = own
        self.shared = shared
        self._seed = seed
        self._visits = visits
        self._of_day = lru_cache(maxsize=4)(self._work_through)

    def stays(self, day: int) -> tuple[Stay, ...]:
        """Every stay of that local day, and of the same day of every month of 28 days."""
        return self._of_day(INSTALLED + (day - INSTALLED) % MONTH)

    def standing(self, at: float) -> dict[int, str]:
        """Bay number to car, at ``at`` (local seconds)."""
        day, second = divmod(at, DAY)
        return {stay.bay: stay.car for stay in self.stays(int(day)) if stay.arrives <= second < stay.leaves}

    def charger(self, bay: int) -> Curve:
        """Watts of the charging point at an own bay: it starts minutes after the car has come home and ends when the day's
        drive is made good, before midnight."""

        def of_day(day: int) -> Day:
            random = draw(self._seed, f"charge/{bay}", day)
            blocks = []
            for stay in self.stays(day):
                if stay.bay == bay and stay.arrives > 0:
                    start = stay.arrives + 3 * MINUTE
                    needed = random.uniform(2.5, 9.0) * 3.6e6 / CHARGING
                    end = min(start + needed, stay.leaves - MINUTE, DAY)
                    if end > start:
                        blocks.append((start, end, CHARGING))
            return Day([2.5, 2.5], blocks)

        return Curve(of_day, ripple=1.5, wave=40.0)

    def _work_through(self, day: int) -> tuple[Stay, ...]:
        return (*self._residents(day), *self._visitors(day))

    def _residents(self, day: int) -> list[Stay]:
        stays = []
        for bay in range(self.own):
            random = draw(self._seed, f"car/{bay}", day)
            car = f"resident-{bay}"
            if bay == 0:  # the estate's own car: out in the morning and in the afternoon, charges at noon
                hours = [(8.2, 11.4), (14.2, 17.0)]
            elif random.random() < (0.5 if weekday(day) >= 5 else 0.1):
                hours = []
            else:
                hours = [(random.gauss(7.9, 0.5), random.gauss(18.2, 0.7))]
            since = 0.0
            for out, back in hours:
                stays.append(Stay(car, bay, since, out * HOUR))
                since = min(back, 20.5) * HOUR
            stays.append(Stay(car, bay, since, DAY))
        return stays

    def _visitors(self, day: int) -> list[Stay]:
        random = draw(self._seed, "visitors", day)
        free_from = [0.0] * self.shared
        stays = []
        arrivals = sorted(random.triangular(6.5 * HOUR, 22 * HOUR, 17 * HOUR) for _ in range(self._visits))
        for number, arrives in enumerate(arrivals):
            leaves = min(arrives + random.triangular(6 * MINUTE, 150 * MINUTE, 20 * MINUTE), DAY - MINUTE)
            order = [place for place in range(self.shared) if free_from[place] <= arrives]
            if order:
                place = order[0]
                free_from[place] = leaves
                stays.append(Stay(f"visitor-{number}", self.own + place, arrives, leaves))
        return stays
