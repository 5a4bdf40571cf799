"""The same value for hours."""

from typing import Any, ClassVar

from pydantic import Field

from hub.model import Reading
from hub.ports import Duration, RuleSettings
from hub.quantities import Quantity
from rules.words import span

_NOISE = 1e-9
"""21.1 and 21.0 are 0.1 apart, whatever binary fractions make of it."""


class Stuck:
    """Breached when a device goes on sending the same value for ``same_for``: the sensor is frozen, although it speaks.

    ``by`` is how far values may lie apart and still be the same; ``ignore`` names those that may stay as they are (a lamp
    that is off uses 0 W for days). Only readings count, at least ``at_least`` of them: a device that says nothing is not
    stuck but silent, and after a pause longer than ``same_for`` it begins anew. A value that changes ends it.

    ```toml
    [[rule]]
    id = "temperature-stuck"
    kind = "stuck"
    quantity = "air.temperature"
    same_for = "12h"
    severity = "info"
    name = { en = "Temperature does not move", zh = "温度数值不变" }
    ```
    """

    kind: ClassVar[str] = "stuck"

    class Settings(RuleSettings):
        same_for: Duration = Field(21_600_000, gt=0, description="how long the same value is too long; 6 h if left out")
        by: float = Field(0.0, ge=0, description="values no further apart than this are the same", allow_inf_nan=False)
        at_least: int = Field(3, ge=2, description="readings it takes")
        ignore: tuple[float, ...] = Field((), description="values that may stay as they are")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = None
        self._long = settings.same_for
        self._by = settings.by
        self._least = settings.at_least
        self._ignore = frozenset(settings.ignore)

    def memory(self) -> list[float]:
        """Of the run of readings with the same value: when it began, the value, when it was last read, how often."""
        return []

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        time, value = reading.time or 0, reading.value
        run: list[float] = memory
        if not run:
            run[:] = [time, value, time, 1]
            return None
        if abs(value - run[1]) - self._by > _NOISE * max(1.0, abs(value)):
            run[:] = [time, value, time, 1]
            return False
        if not 0 <= time - run[2] <= self._long:
            run[:] = [time, run[1], time, 1]  # a pause, or a clock that was put back: nobody knows what was between
            return None
        run[2] = time
        run[3] += 1
        if self._ignore and run[1] in self._ignore:
            return False
        return True if time - run[0] >= self._long and run[3] >= self._least else None

    def words(self, quantity: Quantity) -> dict[str, str]:
        long = span(self._long)
        return {"en": f"{quantity.en.capitalize()} the same for {long}", "zh": f"{quantity.zh} {long} 没有变化"}
