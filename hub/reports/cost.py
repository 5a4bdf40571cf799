"""What it costs: decimal arithmetic from metered energy to money, meter by meter.

Energy enters as kWh to six places. A period's energy is cut wherever the price changes; what is known of the whole but not of
its pieces is spread over the pieces that are not covered, by time, and the bounds say how far off that may be. The amount of a
meter is rounded once it is added up, half up, to the cent: an interval costs what the rounded sum grows by, so that days add up
to their month and meters to their building. Nothing is rounded in between.

The cost is unknown where the energy is. Feed-in is negative.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import isfinite
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct, field

from hub.ports import Floats, Ints
from hub.reports.measured import Measured, Readings, measure
from hub.reports.meters import EXPORT, Meter
from hub.reports.peaks import monthly_peaks
from hub.reports.period import day_start, local
from hub.reports.tariffs import Band, Tariff, bands, days

CENT = Decimal("0.01")
_MICRO = Decimal("0.000001")


class Line(Struct):
    """One position of a bill: how much at which price. ``amount`` is not rounded."""

    used: Decimal
    amount: Decimal


class Cost(Struct):
    """What one meter cost in one interval. ``value`` is rounded to the cent and None where the energy is unknown; ``low`` and
    ``high`` bound it, None for no bound. ``lines``: by the period's name and price; tiers, demand and standing by their own
    names. ``completeness``: of the energy; ``tiers_known``: of what was used before in the tiers' month or year. ``tariffs``: the
    places of the versions that were applied."""

    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    completeness: float = 0.0
    tiers_known: float = 1.0
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    tariffs: frozenset[int] = frozenset()


def kwh(value: float) -> Decimal:
    return Decimal(repr(round(value, 6))).quantize(_MICRO)


def cents(amount: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
    return amount.quantize(CENT, rounding=rounding)


class Use(Struct):
    """What a meter has used since its tiers' year or month began: as far as is known, at least, at most."""

    known: Decimal = Decimal(0)
    low: float = 0.0
    high: float = 0.0
    completeness: float = 1.0

    def lost(self) -> None:
        """An interval of which nothing is known."""
        self.high, self.completeness = float("inf"), 0.0

    def step(self, tariff: Tariff, energy: Decimal, low: float, high: float) -> tuple[Decimal, Decimal, Decimal]:
        """What the tiers add for the next energy, at least and at most; tiers grow dearer, so more use before costs more."""
        added = tariff.surcharge(self.known + energy) - tariff.surcharge(self.known)
        least = tariff.surcharge(kwh(self.low + low)) - tariff.surcharge(kwh(self.low))
        most = Decimal("Infinity")
        if isfinite(self.high + high):
            most = tariff.surcharge(kwh(self.high + high)) - tariff.surcharge(kwh(self.high))
        elif isfinite(high):
            most = kwh(high) * tariff.tiers[-1].add
        self.known += energy
        self.low += low
        self.high += high
        return added, least, most


class Bill:
    """Prices one list of tariff versions for the meters that have it. ``edges``: of the report's intervals (ms)."""

    def __init__(self, versions: Sequence[Tariff], edges: Ints, zone: ZoneInfo) -> None:
        start, end = int(edges[0]), int(edges[-1])
        self._versions, self._edges, self._zone = versions, edges, zone
        pieces = bands(versions, start, end, zone)
        since = {band.use_since for band in pieces if band.use_since and versions[band.version].tiers}
        cuts = {*edges.tolist(), *(band.start for band in pieces), *(one for one in since if one < start)}
        self.edges: Ints = np.array(sorted(cuts), np.int64)
        """Of the pieces; they may begin before the report, with the tiers' year."""
        self._lead = int(np.searchsorted(self.edges, start))
        starts = self.edges[self._lead : -1]
        self._interval: Ints = np.searchsorted(edges, starts, "right") - 1
        where = np.searchsorted(np.array([band.start for band in pieces]), starts, "right") - 1
        self._band: list[Band] = [pieces[number] for number in where.tolist()]

    def costs(self, store: Readings, meters: Sequence[Meter], totals: Measured) -> list[list[Cost]]:
        """For every meter the cost of every interval. ``totals``: their energy in the intervals."""
        if not meters:
            return []
        pieces = measure(store, meters, self.edges)
        filled = self._filled(pieces, totals)
        peaks = self._peaks(store, meters)
        return [
            self._meter(row, filled[row], pieces, totals, peaks[row], -1 if meter.quantity == EXPORT else 1)
            for row, meter in enumerate(meters)
        ]

    def _filled(self, pieces: Measured, totals: Measured) -> Floats:
        """The pieces' energy so that they add up to their interval's, where that is known."""
        known = np.nan_to_num(pieces.value[:, self._lead :])
        missing = (1 - pieces.completeness[:, self._lead :]).clip(0, 1) * np.diff(self.edges[self._lead :])
        filled = known.copy()
        for number in range(len(self._edges) - 1):
            inside = np.flatnonzero(self._interval == number)
            left = np.nan_to_num(totals.value[:, number]) - known[:, inside].sum(axis=1)
            weight = missing[:, inside]
            weight[weight.sum(axis=1) == 0] = np.diff(self.edges[self._lead :])[inside]
            filled[:, inside] += left[:, None] * weight / weight.sum(axis=1)[:, None]
        return filled

    def _peaks(self, store: Readings, meters: Sequence[Meter]) -> list[list[tuple[int, float]]]:
        if not any(version.demand_price for version in self._versions):
            return [[] for _ in meters]
        return monthly_peaks(store, meters, int(self._edges[0]), int(self._edges[-1]), self._zone)

    def _meter(
        self, row: int, filled: Floats, pieces: Measured, totals: Measured, peaks: list[tuple[int, float]], sign: int
    ) -> list[Cost]:
        found: list[Cost] = []
        use = self._before(row, pieces)
        running = rounded = Decimal(0)
        for number in range(len(self._edges) - 1):
            cost, value = Cost(), totals.value[row, number]
            inside = np.flatnonzero(self._interval == number).tolist()
            priced = [piece for piece in inside if self._band[piece].version >= 0]
            if np.isnan(value) or len(priced) < len(inside):
                for since in {self._band[piece].use_since for piece in inside}:
                    use[since].lost()
                found.append(cost)
                continue
            low = high = Decimal(0)
            floor = pieces.low[row, self._lead :]
            spare_low = max(0.0, float(totals.low[row, number]) - float(floor[inside].sum()))
            spare_high = max(0.0, float(totals.high[row, number]) - float(floor[inside].sum()))
            prices = [self._band[piece].price for piece in inside]
            for piece in inside:
                band = self._band[piece]
                energy = kwh(float(filled[piece]))
                _add(cost, (band.name, str(band.price)), energy, energy * band.price)
                low += kwh(float(floor[piece])) * band.price
            high = low + kwh(spare_high) * max(prices) if isfinite(spare_high) else Decimal("Infinity")
            low += kwh(spare_low) * min(prices)
            cost.completeness = float(totals.completeness[row, number])
            for since, version, energy in self._segments(inside, filled):
                if self._versions[version].tiers:
                    least, most = float(totals.low[row, number]), float(totals.high[row, number])
                    extra, extra_low, extra_high = use[since].step(self._versions[version], energy, least, most)
                    _add(cost, ("tiers", ""), energy, extra)
                    low, high = low + extra_low, high + extra_high
                    cost.tiers_known = min(cost.tiers_known, use[since].completeness)
            fixed = self._fixed(cost, number, peaks)
            exact = sign * sum((line.amount for line in cost.lines.values()), Decimal(0))
            running += exact
            cost.value = cents(running) - rounded
            rounded = cents(running)
            bounds = sorted((sign * (low + fixed), sign * (high + fixed)))
            if bounds[1].is_finite() and bounds[1] - bounds[0] < CENT / 100:
                cost.low = cost.high = cost.value
            else:
                cost.low = min(cost.value, cents(bounds[0], ROUND_FLOOR)) if bounds[0].is_finite() else None
                cost.high = max(cost.value, cents(bounds[1], ROUND_CEILING)) if bounds[1].is_finite() else None
            cost.tariffs = frozenset(self._band[piece].version for piece in inside)
            found.append(cost)
        return found

    def _before(self, row: int, pieces: Measured) -> dict[int, "Use"]:
        """What was used since each tier year or month began, up to the report."""
        use = {band.use_since: Use() for band in self._band}
        for since, one in use.items():
            for piece in range(int(np.searchsorted(self.edges, since)) if since else self._lead, self._lead):
                value = float(pieces.value[row, piece])
                one.known += kwh(0.0 if np.isnan(value) else value)
                one.low += float(pieces.low[row, piece])
                one.high += float(pieces.high[row, piece])
                one.completeness = min(one.completeness, float(pieces.completeness[row, piece]))
        return use

    def _segments(self, inside: Sequence[int], filled: Floats) -> list[tuple[int, int, Decimal]]:
        """An interval's energy by tier year or month and tariff version, in order."""
        energy: dict[tuple[int, int], Decimal] = {}
        for piece in inside:
            key = self._band[piece].use_since, self._band[piece].version
            energy[key] = energy.get(key, Decimal(0)) + kwh(float(filled[piece]))
        return [(since, version, amount) for (since, version), amount in energy.items()]

    def _fixed(self, cost: Cost, number: int, peaks: list[tuple[int, float]]) -> Decimal:
        """Standing charge and demand charge of an interval."""
        start, end = int(self._edges[number]), int(self._edges[number + 1])
        total = Decimal(0)
        if any(version.standing_price for version in self._versions):
            total += self._standing(cost, start, end)
        for at, kilowatts in peaks:
            if start <= at < end:
                price = self._versions[self._band_at(at).version].demand_price
                power = kwh(kilowatts)
                _add(cost, ("demand", str(price)), power, power * price)
                total += power * price
        return total

    def _standing(self, cost: Cost, start: int, end: int) -> Decimal:
        shares: dict[Decimal, Fraction] = defaultdict(Fraction)
        for share, at in month_shares(start, end, self._zone):
            shares[self._versions[self._band_at(at).version].standing_price] += share
        total = Decimal(0)
        for price, share in shares.items():
            if price:
                amount = price * share.numerator / share.denominator
                _add(cost, ("standing", str(price)), Decimal(share.numerator) / share.denominator, amount)
                total += amount
        return total

    def _band_at(self, at: int) -> Band:
        return self._band[int(np.searchsorted(self.edges, at, "right")) - 1 - self._lead]


def month_shares(start: int, end: int, zone: ZoneInfo) -> list[tuple[Fraction, int]]:
    """Of each day the share it is of its month, one of 28 to 31 however many hours it has, with its start."""
    found = []
    for first, last in days(start, end, zone):
        day = local(first, zone).date()
        whole = day_start(day + timedelta(days=1), zone) - day_start(day, zone)
        found.append((Fraction(last - first, whole * monthrange(day.year, day.month)[1]), first))
    return found


def _add(cost: Cost, key: tuple[str, str], used: Decimal, amount: Decimal) -> None:
    line = cost.lines.get(key)
    if line is None:
        cost.lines[key] = Line(used, amount)
    else:
        line.used += used
        line.amount += amount
