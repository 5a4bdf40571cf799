"""Changing too fast."""

from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from hub.model import Quality, Reading
from hub.ports import Duration, RuleSettings
from hub.quantities import Quantity
from rules import limits
from rules.words import figure, span

_POINTS = 64
_PAUSE = 3
"""So many times the window without a reading: what comes then begins anew, unless the device always speaks so seldom."""
_RESET = int(Quality.COUNTER_RESET)  # an IntFlag itself is slow to compare with


class Rate:
    """Breached while a value changes by more than ``threshold`` per ``per``; a negative threshold means falling.

    The change is measured over the last ``over`` (``per`` if left out) of event time and never blown up: what rose by 3
    within the first ten seconds has not risen by 18 a minute. With less than two readings, or before the window is full, it
    cannot tell that all is well; nor can one reading after a pause of more than three times as long: nobody knows how fast
    it changed at the end of it. With ``clear`` a raised alert ends only at that rate or a slower one. After a counter's reset,
    and for readings that arrive out of order, it does not guess.

    ```toml
    [[rule]]
    id = "kitchen-heating-up"
    kind = "rate"
    quantity = "air.temperature"
    threshold = 8
    per = "1min"
    over = "2min"
    severity = "warning"
    name = { en = "Heating up fast", zh = "温度骤升" }
    ```
    """

    kind: ClassVar[str] = "rate"

    class Settings(RuleSettings):
        threshold: float = Field(
            description="change, in the quantity's unit, that is too much per `per`; below 0: falling", allow_inf_nan=False
        )
        per: Duration = Field(60_000, gt=0, description="the time the threshold is meant for")
        clear: float | None = Field(
            None, description="ends at this change per `per` or a smaller one; left out: the threshold", allow_inf_nan=False
        )
        over: Duration | None = Field(None, gt=0, description="the time it is measured over; as long as `per` if left out")

        @field_validator("threshold")
        @classmethod
        def _not_zero(cls, threshold: float) -> float:
            if threshold == 0:
                raise ValueError("a rate of 0 is no change; give one above 0 for rising, below 0 for falling")
            return threshold

        @model_validator(mode="after")
        def _clear_is_smaller(self) -> Self:
            limits.in_order(self.threshold, self.clear, below=self.threshold < 0)
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = settings.threshold
        self._clear = settings.threshold if settings.clear is None else settings.clear
        self._over = settings.over or settings.per
        self._per = settings.per
        self._step = self._over // _POINTS
        self._pause = self._over * _PAUSE

    def memory(self) -> list[list[float]]:
        """[time in ms, value] of the readings in the window and the last one before it, at most some 64, oldest first."""
        return []

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        time = reading.time or 0
        points: list[list[float]] = memory
        if reading.quality & _RESET or (points and time <= points[-1][0]):
            points.clear()
        known = len(points)
        if known > 1 and points[-1][0] - points[-2][0] < self._step:
            points[-1] = [time, reading.value]  # closer together than the window needs: thinned
        else:
            points.append([time, reading.value])
        begin = time - self._over
        while len(points) > 1 and points[1][0] <= begin:
            del points[0]
        if len(points) == 1:
            return None
        elapsed = time - points[0][0]
        rate = (reading.value - points[0][1]) / max(elapsed, self._over) * self._per
        limit = self._clear if firing else self.threshold
        if rate > limit if self.threshold > 0 else rate < limit:
            return True
        if elapsed > self._pause and known > 1:
            del points[:-1]
            return None
        return False if elapsed >= self._over else None

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = f"{figure(abs(self.threshold), quantity.unit)} / {span(self._per)}"
        if self.threshold > 0:
            return {"en": f"{quantity.en.capitalize()} rising faster than {limit}", "zh": f"{quantity.zh}上升超过 {limit}"}
        return {"en": f"{quantity.en.capitalize()} falling faster than {limit}", "zh": f"{quantity.zh}下降超过 {limit}"}
