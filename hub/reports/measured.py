"""What meters counted between moments: their registers added up, times the transformer ratio."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from msgspec import Struct

from hub.model import Series
from hub.ports import Floats, Ints
from hub.register import Limits
from hub.reports.installed import Installed
from hub.reports.intervals import Readings, consumption
from hub.reports.meters import EXPORT, Meter

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


class _Said(TypedDict):
    manual: dict[Series, tuple[tuple[int, float], ...]]
    replaced: dict[Series, tuple[Installed, ...]]
    limits: dict[Series, Limits]


def _said(meters: Sequence[Meter]) -> _Said:
    """What people know of the registers; of a device with two, of the one for imports."""
    told = {
        series: meter.duty.register
        for meter in meters
        if meter.quantity != EXPORT
        for series in meter.series
        if meter.duty.register.known
    }
    return _Said(
        manual={series: register.manual for series, register in told.items() if register.manual},
        replaced={series: register.installed for series, register in told.items() if register.installed},
        limits={series: register.limits for series, register in told.items() if register.limits != Limits()},
    )


def measure(store: Readings, meters: Sequence[Meter], edges: Ints) -> Measured:
    """The consumption of every meter in every interval between the edges (ms, ascending). A device's channels are added: what
    is known of them is its value, and completeness and estimated share are their means."""
    found = consumption(store, [series for meter in meters for series in meter.series], edges, **_said(meters))
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
