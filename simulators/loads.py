"""What draws power, water and gas in the community, as curves: households, stairs and lifts, fridges, solar roofs.

Every curve is drawn from ``Random(seed, name, day)``: the same seed makes the same kettle boil at the same minute."""

from collections.abc import Callable
from datetime import date, timedelta
from math import asin, cos, exp, pi, radians, sin
from random import Random

from simulators.curves import DAY, YEAR, Curve, Day, weekday

LATITUDE, LONGITUDE = 30.27, 120.15  # degrees; the hills west of Hangzhou
MINUTE, HOUR = 60, 3600
Blocks = list[tuple[float, float, float]]


def draw(seed: int, name: str, day: int) -> Random:
    return Random(f"{seed}/{name}/{day}")


def household(seed: int, name: str, people: int) -> Curve:
    """Watts of a flat: a base that never sleeps, a morning, an evening, and the things people switch on."""

    def of_day(day: int) -> Day:
        random = draw(seed, name, day)
        base = Random(f"{seed}/{name}").uniform(60, 140)
        weekend = weekday(day) >= 5
        up = random.gauss(8.2 if weekend else 6.9, 0.4)
        home = random.gauss(14.0 if weekend else 18.4, 0.6)
        bed = random.gauss(22.6, 0.5)

        def level(hour: float) -> float:
            morning = 90 * people * exp(-(((hour - up) / 0.9) ** 2))
            evening = 160 * people / (1 + exp(-(hour - home) * 3)) / (1 + exp((hour - bed) * 3))
            return base + (morning + evening) * random.uniform(0.85, 1.15)

        knots = [level(quarter / 4) for quarter in range(97)]
        return Day(knots, _appliances(random, up, home, bed, people, weekend))

    return Curve(of_day, ripple=14.0, wave=96.0)


def _appliances(random: Random, up: float, home: float, bed: float, people: int, weekend: bool) -> Blocks:
    uses = [
        (up, 4, 1800.0),  # kettle
        (up + 0.3, 12, 1200.0),  # hob
        (home + 0.4, 28, 650.0),  # rice cooker
        (home + 0.7, random.uniform(12, 25), 1900.0),  # hob
        (bed - random.uniform(0.8, 2.0), 9 * people, 1500.0),  # water heater
    ]
    if weekend or random.random() < 0.35:
        uses += [(12.1, 25, 650.0), (12.4, 14, 1700.0)]
    if random.random() < (0.8 if weekend else 0.25):
        uses.append((random.uniform(9, 19), 48, 420.0))  # washing machine
    return [_block(hour * HOUR + random.uniform(-600, 600), minutes * MINUTE, watts) for hour, minutes, watts in uses]


def _block(start: float, length: float, level: float) -> tuple[float, float, float]:
    start = min(max(start, 0.0), DAY - length)
    return start, start + length, level


def stairs(seed: int, name: str) -> Curve:
    """Watts of one phase of a house's common supply: pumps, stair lights after dark, the lift's rides."""

    def of_day(day: int) -> Day:
        random = draw(seed, name, day)
        knots = [180.0 + (140.0 if hour < 6 or hour >= 18 else 0.0) for hour in range(25)]
        rides = [_block(_waking(random), random.uniform(20, 45), 2600.0) for _ in range(90)]
        return Day(knots, rides)

    return Curve(of_day, ripple=20.0, wave=40.0)


def _waking(random: Random) -> float:
    """A second of the day at which people are about."""
    return random.triangular(6 * HOUR, 23 * HOUR, random.choice((7.6, 18.3)) * HOUR)


def cycling(seed: int, name: str, watts: float, every: float, share: float) -> Curve:
    """Watts of a compressor that runs ``share`` of every ``every`` minutes: a fridge, a freezer."""

    def of_day(day: int) -> Day:
        random = draw(seed, name, day)
        length = every * MINUTE
        starts = [index * length + random.uniform(0, length * (1 - share)) for index in range(int(DAY / length))]
        return Day([3.0, 3.0], [_block(start, length * share * random.uniform(0.8, 1.0), watts) for start in starts])

    return Curve(of_day, ripple=1.0, wave=40.0)


def tap(seed: int, name: str, litres_a_day: float) -> Curve:
    """Litres a second of a flat's water (or gas): short draws while people are about."""

    def of_day(day: int) -> Day:
        random = draw(seed, name, day)
        draws = random.randint(18, 30)
        each = litres_a_day * random.uniform(0.7, 1.3) / draws
        return Day([0.0, 0.0], [_flow(_waking(random), each, random.uniform(40, 300)) for _ in range(draws)])

    return Curve(of_day)


def _flow(start: float, volume: float, length: float) -> tuple[float, float, float]:
    return _block(start, length, volume / length)


def solar(seed: int, zone_offset: float) -> Curve:
    """Watts of one kilowatt peak of roof. ``zone_offset`` is the community's standard time ahead of UTC, in seconds."""

    def of_day(day: int) -> Day:
        sky = _clouds(seed, day)
        knots = []
        for step in range(289):
            second = step * 300
            height = sin(radians(elevation(day * DAY + second - zone_offset)))
            knots.append(1000 * max(0.0, height) ** 1.15 * sky(second / HOUR))
        return Day(knots)

    return Curve(of_day, cycle=YEAR)


def _clouds(seed: int, day: int) -> Callable[[float], float]:
    """The share of the sun that comes through, by hour of the day, 0.15 to 1."""
    random = draw(seed, "sky", day)
    clear = random.triangular(0.25, 1.0, 0.9)
    hours = [min(1.0, max(0.15, random.gauss(clear, 0.12))) for _ in range(26)]

    def share(hour: float) -> float:
        index = int(hour)
        return hours[index] + (hours[index + 1] - hours[index]) * (hour - index)

    return share


def elevation(at: float) -> float:
    """Degrees of the sun above the community's horizon at ``at`` (UTC seconds since 1970), good to about half a degree:
    declination by the day of the year, hour angle by mean solar time."""
    today = date(1970, 1, 1) + timedelta(days=at // DAY)
    declination = radians(-23.44 * cos(2 * pi / 365 * (today.timetuple().tm_yday + 10)))
    turn = radians(15 * ((at + LONGITUDE * 240) % DAY / HOUR - 12))
    latitude = radians(LATITUDE)
    return asin(sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(turn)) * 180 / pi


def outdoors(seed: int, at: float) -> float:
    """Degrees Celsius in the shade at ``at`` (local seconds): a year, a day, and weather that drifts over a few days."""
    day = at / DAY
    phase = Random(f"{seed}/weather").uniform(0, 2 * pi)
    year = 17 + 11.5 * cos(2 * pi * (day - 200) / 365.25)
    return year + 4 * cos(2 * pi * (day - 0.61)) + 2.5 * sin(2 * pi * day / 5.3 + phase) + 0.2 * sin(at / 97)
