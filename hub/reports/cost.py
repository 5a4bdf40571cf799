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

from hub.ports import Ints
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
    """To six places."""
    return Decimal(round(value * 1e6)) * _MICRO


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


class _Slot(Struct, frozen=True, eq=False):
    """The pieces of one interval that have one price; ``since``: where their tiers' month or year began."""

    name: str
    price: Decimal
    since: int
    version: int
    pieces: Ints


class _Filled(Struct, frozen=True, eq=False):
    """[meter][slot] of one interval: the energy as it is priced, at least and at most."""

    energy: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]


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
        where = np.searchsorted(np.array([band.start for band in pieces]), starts, "right") - 1
        self._band: list[Band] = [pieces[number] for number in where.tolist()]
        self._since = list(dict.fromkeys(band.use_since for band in self._band))
        interval = np.searchsorted(edges, starts, "right") - 1
        self._slots = [self._cut(np.flatnonzero(interval == number).tolist()) for number in range(len(edges) - 1)]
        self._tiers = [self._tiered(slots) for slots in self._slots]
        self._used = [frozenset(slot.version for slot in slots) for slots in self._slots]
        self._stands = any(version.standing_price for version in versions)

    def _cut(self, inside: Sequence[int]) -> list[_Slot]:
        alike: dict[tuple[str, Decimal, int, int], list[int]] = {}
        for piece in inside:
            band = self._band[piece]
            alike.setdefault((band.name, band.price, band.use_since, band.version), []).append(piece)
        return [_Slot(*key, np.array(pieces, np.int64)) for key, pieces in alike.items()]

    def costs(self, store: Readings, meters: Sequence[Meter], totals: Measured) -> list[list[Cost]]:
        """For every meter the cost of every interval. ``totals``: their energy in the intervals."""
        if not meters:
            return []
        pieces = measure(store, meters, self.edges)
        filled = [self._filled(number, pieces, totals) for number in range(len(self._slots))]
        peaks = self._peaks(store, meters)
        return [
            self._meter(row, filled, pieces, totals, peaks[row], -1 if meter.quantity == EXPORT else 1)
            for row, meter in enumerate(meters)
        ]

    def _filled(self, number: int, pieces: Measured, totals: Measured) -> _Filled:
        """An interval's energy by slot, so that it adds up to the interval's where that is known."""
        slots = self._slots[number]
        inside = self._lead + np.concatenate([slot.pieces for slot in slots])
        lengths = np.diff(self.edges)[inside]
        known = np.nan_to_num(pieces.value[:, inside])
        weight = (1 - pieces.completeness[:, inside]).clip(0, 1) * lengths
        weight[weight.sum(axis=1) == 0] = lengths
        left = np.nan_to_num(totals.value[:, number]) - known.sum(axis=1)
        energy = known + left[:, None] * weight / weight.sum(axis=1)[:, None]
        starts = np.cumsum([0, *(len(slot.pieces) for slot in slots[:-1])])
        sums = (np.add.reduceat(each, starts, axis=1) for each in (energy, pieces.low[:, inside], pieces.high[:, inside]))
        return _Filled(*(each.tolist() for each in sums))

    def _peaks(self, store: Readings, meters: Sequence[Meter]) -> list[list[tuple[int, float]]]:
        if not any(version.demand_price for version in self._versions):
            return [[] for _ in meters]
        return monthly_peaks(store, meters, int(self._edges[0]), int(self._edges[-1]), self._zone)

    def _meter(
        self,
        row: int,
        filled: Sequence[_Filled],
        pieces: Measured,
        totals: Measured,
        peaks: list[tuple[int, float]],
        sign: int,
    ) -> list[Cost]:
        found: list[Cost] = []
        use = self._before(row, pieces)
        running = rounded = Decimal(0)
        for number, slots in enumerate(self._slots):
            cost = Cost()
            found.append(cost)
            if np.isnan(totals.value[row, number]) or -1 in self._used[number]:
                for since in {slot.since for slot in slots}:
                    use[since].lost()
                continue
            least, most = float(totals.low[row, number]), float(totals.high[row, number])
            energy, floor, ceiling = (each[row] for each in (filled[number].energy, filled[number].low, filled[number].high))
            low = Decimal(0)
            for place, slot in enumerate(slots):
                used = kwh(energy[place])
                _add(cost, (slot.name, str(slot.price)), used, used * slot.price)
                low += kwh(floor[place]) * slot.price
            prices = [slot.price for slot in slots]
            spare = sum(floor)
            high = low + kwh(max(0.0, most - spare)) * max(prices) if isfinite(most) else Decimal("Infinity")
            low += kwh(max(0.0, least - spare)) * min(prices)
            cost.completeness = float(totals.completeness[row, number])
            for (since, version), places in self._tiers[number].items():
                sums = [sum(each[place] for place in places) for each in (energy, floor, ceiling)]
                if len(places) == len(slots):
                    sums[1:] = least, most  # the whole's bounds are closer than the sums of its parts'
                extra = use[since].step(self._versions[version], kwh(sums[0]), sums[1], min(sums[2], most))
                _add(cost, ("tiers", ""), kwh(sums[0]), extra[0])
                low, high = low + extra[1], high + extra[2]
                cost.tiers_known = min(cost.tiers_known, use[since].completeness)
            fixed = self._fixed(cost, number, peaks)
            running += sign * sum((line.amount for line in cost.lines.values()), Decimal(0))
            cost.value = cents(running) - rounded
            rounded = cents(running)
            _bounded(cost, cost.value, sorted((sign * (low + fixed), sign * (high + fixed))))
            cost.tariffs = self._used[number]
        return found

    def _before(self, row: int, pieces: Measured) -> dict[int, "Use"]:
        """What was used since each tier year or month began, up to the report."""
        use = {since: Use() for since in self._since}
        for since, one in use.items():
            for piece in range(int(np.searchsorted(self.edges, since)) if since else self._lead, self._lead):
                value = float(pieces.value[row, piece])
                one.known += kwh(0.0 if np.isnan(value) else value)
                one.low += float(pieces.low[row, piece])
                one.high += float(pieces.high[row, piece])
                one.completeness = min(one.completeness, float(pieces.completeness[row, piece]))
        return use

    def _tiered(self, slots: Sequence[_Slot]) -> dict[tuple[int, int], list[int]]:
        """The places of an interval's slots by tier year or month and tariff version, in order of time."""
        found: dict[tuple[int, int], list[int]] = {}
        for place, slot in enumerate(slots):
            if slot.version >= 0 and self._versions[slot.version].tiers:
                found.setdefault((slot.since, slot.version), []).append(place)
        return dict(sorted(found.items(), key=lambda each: min(int(slots[place].pieces[0]) for place in each[1])))

    def _fixed(self, cost: Cost, number: int, peaks: list[tuple[int, float]]) -> Decimal:
        """Standing charge and demand charge of an interval."""
        start, end = int(self._edges[number]), int(self._edges[number + 1])
        total = Decimal(0)
        if self._stands:
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


def _bounded(cost: Cost, value: Decimal, bounds: Sequence[Decimal]) -> None:
    low, high = bounds
    if high.is_finite() and low.is_finite() and high - low < CENT / 100:
        cost.low = cost.high = value
        return
    cost.low = min(value, cents(low, ROUND_FLOOR)) if low.is_finite() else None
    cost.high = max(value, cents(high, ROUND_CEILING)) if high.is_finite() else None


def _add(cost: Cost, key: tuple[str, str], used: Decimal, amount: Decimal) -> None:
    line = cost.lines.get(key)
    if line is None:
        cost.lines[key] = Line(used, amount)
    else:
        line.used += used
        line.amount += amount
