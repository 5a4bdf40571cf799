"""One register's readings, asked for one interval at a time. Reports that ask for many use ``hub.reports.intervals``."""

import math

import numpy as np
from msgspec import Struct

from hub.ports import Rows
from hub.register import LONGEST_GAP, steps
from hub.reports.intervals import cut

__all__ = ["LONGEST_GAP", "Consumed", "Register"]


class Consumed(Struct, frozen=True):
    """``value`` in the register's unit, None where nothing is known; the shares, of the interval's time, from 0 to 1."""

    value: float | None
    completeness: float
    estimated: float


class Register:
    """The readings of one counter, ordered by time."""

    def __init__(self, rows: Rows) -> None:
        self._steps = steps(np.array([0, len(rows.time)]), rows.time, rows.value, rows.quality)

    def between(self, start: int, end: int) -> Consumed:
        found = cut(self._steps, np.array([start, end]), [None])
        value = float(found.value[0, 0])
        return Consumed(None if math.isnan(value) else value, float(found.completeness[0, 0]), float(found.estimated[0, 0]))
