"""What meters counted between moments: their registers added up, times the transformer ratio."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct

from hub.model import Series
from hub.ports import Floats, Ints, Rows
from hub.reports.consumption import LONGEST_GAP, Register
from hub.reports.meters import Meter


class Readings(Protocol):
    """What a report needs of a store."""

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]: ...

    def rows(self, series: Series, start: int, end: int) -> Rows: ...


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
    """The consumption of every meter in every interval between the edges (ms, ascending)."""
    shape = (len(meters), len(edges) - 1)
    value, low, high, completeness, estimated = (np.zeros(shape) for _ in range(5))
    for row, meter in enumerate(meters):
        for series in meter.series:
            register = Register(store.rows(series, int(edges[0]) - LONGEST_GAP, int(edges[-1]) + LONGEST_GAP))
            for column in range(shape[1]):
                found = register.between(int(edges[column]), int(edges[column + 1]))
                known = found.value is not None
                value[row, column] += found.value if found.value is not None else np.nan
                low[row, column] += found.value or 0.0
                high[row, column] += found.value if found.value is not None and found.completeness >= 1 else np.inf
                completeness[row, column] += found.completeness
                estimated[row, column] += found.estimated if known else 0.0
        shared = len(meter.series)
        completeness[row] /= shared
        estimated[row] /= shared
    factor = np.array([meter.device.factor for meter in meters])[:, None]
    return Measured(value * factor, low * factor, high * factor, completeness, estimated)
