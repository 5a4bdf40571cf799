"""The mean, the smallest, the largest or the sum over some time, against a limit."""

from array import array
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from hub.model import Quality, Reading
from hub.ports import Duration, Limit, RuleSettings
from hub.quantities import Quantity
from rules import limits
from rules.memory import Numbers
from rules.words import span

_POINTS = 64
_EN = {"mean": "mean", "min": "lowest", "max": "highest", "sum": "sum"}
_ZH = {"mean": "平均值", "min": "最低值", "max": "最高值", "sum": "合计"}


class Window:
    """Breached while the ``of`` (mean, min, max, sum) of the readings of the last ``over`` is above ``threshold``, or below it
    with ``side = "below"``. With ``clear`` it ends only at that level or beyond.

    The mean is that of the line through the readings, so that a device that speaks often for a while does not count for more;
    a sum is meant for amounts (steps, litres of a message), a counter has the kind budget. Before the time is full only what
    can no longer change is told: a maximum above the limit, never that all is well. After a pause longer than
    ``longest_gap``, and after a clock that was put back, the time begins anew; readings that arrive out of order are left out.
    Of more than some sixty readings within the time neighbours are put together.

    ```toml
    [[rule]]
    id = "flat-too-hot"
    kind = "window"
    quantity = "air.temperature"
    of = "mean"
    over = "1h"
    threshold = 30
    clear = 28
    severity = "warning"
    name = { en = "Hot for an hour", zh = "持续高温" }
    ```
    """

    kind: ClassVar[str] = "window"

    class Settings(RuleSettings):
        of: Literal["mean", "min", "max", "sum"] = Field("mean", description="what is compared with the threshold")
        over: Duration = Field(gt=0, description="the time it is taken over")
        threshold: Limit = Field(description="the limit, in the quantity's unit")
        side: Literal["above", "below"] = Field("above", description="on which side of the threshold it is breached")
        clear: Limit | None = Field(None, description="ends at this level or beyond; left out: the threshold")
        longest_gap: Duration | None = Field(
            None, gt=0, description="a pause between readings after which the time begins anew; as long as `over` if left out"
        )
        plausible: bool = Field(False, description="leave out values outside of the quantity's plausible range")

        @model_validator(mode="after")
        def _clear_is_beyond(self) -> Self:
            limits.in_order(self.threshold, self.clear, below=self.side == "below")
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = limits.number(settings.threshold)
        self._limit = limits.value(settings.threshold)
        self._clear = self._limit if settings.clear is None else limits.value(settings.clear)
        self._over = settings.over
        self._gap = settings.longest_gap or settings.over
        self._step = settings.over // _POINTS
        self._of = settings.of
        self._below = settings.side == "below"
        self._unjudged = int(Quality.OUT_OF_RANGE) if settings.plausible else 0
        # What can be told before the time is full: True of these, False of the others, and of a mean nothing.
        self._early = settings.of == "min" if self._below else settings.of in ("max", "sum")

    def memory(self) -> list[Any]:
        """[times], [values] and, for a mean, [areas since the one before] of the readings in the window and the last one
        before it, oldest first; [the figure that was judged last]."""
        return [[], [], array("d"), [0.0]]

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        if reading.quality & self._unjudged:
            return None
        time = reading.time or 0
        times, values, areas, figure = memory
        if times and not 0 < time - times[-1] <= self._gap:
            del times[:], values[:], areas[:]
        self._take(time, reading.value, times, values, areas)
        begin = time - self._over
        while len(times) > 1 and times[1] <= begin:
            del times[0], values[0], areas[:1]
        full = times[0] <= begin
        found = self._figure(begin, full, times, values, areas)
        if found is None:
            return None
        figure[0] = found
        limit = self._clear if firing else self._limit
        beyond = limit - found if self._below else found - limit
        breached = beyond > 1e-12 * abs(limit)  # the mean of 30.1 and 30.1 is 30.1
        return breached if full or (self._of != "mean" and breached is self._early) else None

    def _take(self, time: int, value: float, times: list[float], values: list[float], areas: Numbers) -> None:
        of = self._of
        area = (values[-1] + value) / 2 * (time - times[-1]) if of == "mean" and times else 0.0
        if len(times) > 1 and times[-1] - times[-2] < self._step:  # closer together than the window needs
            times[-1] = time
            values[-1] = _together(of, values[-1], value)
            if of == "mean":
                areas[-1] += area
            return
        times.append(time)
        values.append(value)
        if of == "mean":
            areas.append(area)

    def _figure(self, begin: int, full: bool, times: list[float], values: list[float], areas: Numbers) -> float | None:
        if self._of == "mean":
            if not full or len(times) == 1:
                return None
            before, value = begin - times[0], values[0]
            cut = value + (values[1] - value) * before / (times[1] - times[0]) / 2
            return (sum(areas) - areas[0] - cut * before) / self._over
        inside = values[1:] if full and len(values) > 1 else values
        return sum(inside) if self._of == "sum" else min(inside) if self._of == "min" else max(inside)

    def shown(self, memory: Any) -> float:
        figure: float = memory[3][0]
        return figure

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit, long = limits.said(self.settings.threshold, quantity.unit), span(self._over)
        return {
            "en": f"{quantity.en.capitalize()}, {_EN[self._of]} of {long}, {self.settings.side} {limit['en']}",
            "zh": f"{quantity.zh} {long} {_ZH[self._of]}{'低于' if self._below else '高于'} {limit['zh']}",
        }


def _together(of: str, before: float, value: float) -> float:
    if of == "sum":
        return before + value
    return value if of == "mean" else min(before, value) if of == "min" else max(before, value)
