"""What meters counted between moments: their registers added up, times the transformer ratio."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from hub.ports import Floats, Ints
from hub.reports.intervals import Readings, consumption
from hub.reports.meters import Meter

__all__ = ["Measured", "Readings", "measure"]


class Measured(Struct, frozen=True, eq=False):
    """A row for each meter, a column for each interval. ``value`` is nan where nothing is known; the truth lies between ``low``
    and ``high`` (inf: no bound). ``completeness`` and ``estimated`` are shares of the interval's time."""

    value: Floats
    low: Floats
    high: Floats
    completeness: Floats
    estimated: Floats

    def rows(self, numbers: Sequence[int]) -> "Measured":
        chosen = list(numbers)
        return Measured(*(getattr(self, field)[chosen] for field in self.__struct_fields__))


def measure(store: Readings, meters: Sequence[Meter], edges: Ints) -> Measured:
    """The consumption of every meter in every interval between the edges (ms, ascending). A device's channels are added: what
    is known of them is its value, and completeness and estimated share are their means."""
    found = consumption(store, [series for meter in meters for series in meter.series], edges)
    factor = np.array([meter.device.factor for meter in meters])[:, None]
    counts = [len(meter.series) for meter in meters]
    if all(count == 1 for count in counts):
        return Measured(found.value * factor, found.low * factor, found.high * factor, found.completeness, found.estimated)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    share = np.array(counts)[:, None]

    def added(values: Floats) -> Floats:
        total: Floats = np.add.reduceat(values, starts, axis=0)
        return total

    known = np.isfinite(found.value)
    value = np.where(added(known.astype(np.float64)) > 0, added(np.where(known, found.value, 0.0)), np.nan)
    return Measured(
        value * factor,
        added(found.low) * factor,
        added(found.high) * factor,
        added(found.completeness) / share,
        added(found.estimated) / share,
    )
