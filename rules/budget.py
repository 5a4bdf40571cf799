"""What a counter may count in a day or a month."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from hub.calendar import Calendar
from hub.model import Quality, Reading
from hub.ports import FromProfile, Limit, RuleSettings
from hub.quantities import Quantity
from rules import limits

_HOUR = 3_600_000
_LONGEST_GAP = 72 * _HOUR
_LAST = 5
_GLITCH = 10
"""Readings within which a register that fell may come back and never have fallen."""
_RETURNS = 0.9
_SUSPICIOUS = 10.0
"""A rise so many times faster than any before waits for the next reading to confirm it."""
_UNKNOWN = -1.0
_IMPLAUSIBLE, _RESET = int(Quality.OUT_OF_RANGE), int(Quality.COUNTER_RESET)  # an IntFlag itself is slow to compare with

_EVERY = 0  # day or month
_END = 1  # of the period, ms
_USED = 2  # in it, for certain
_EXTRA = 3  # what else may have been used in it; -1: nobody knows
_TIME, _VALUE = 4, 5  # of the newest reading
_BEFORE, _USED_BEFORE = 6, 7  # the register and what was used with the reading before it; None: of another period
_FASTEST, _SLOWER = 8, 9  # the fastest rise per ms, and as it was with the reading before
_FALL = 10  # after a fall: the register before it, what was used, what else perhaps, the readings since
_STEPS = 11  # the last times between readings, ms


class Budget:
    """Breached once a counter has counted more than ``threshold`` in the day or month it is, in the site's time zone.

    Between the readings around the day's beginning the register is interpolated. Where they are too far apart (three times
    the usual step, at least an hour), or it has been watched since later only, what is certain is judged: more than the
    threshold since then is more, less is not yet well. A register that falls and stays has been reset; what it shows then
    was used since, as far as that is plausible. One that falls and comes back, and a single reading far above the others,
    are misread. What was used is never negative. The alert ends with the first reading of the next day or month that is
    known from its beginning.

    ```toml
    [[rule]]
    id = "water-of-a-day"
    kind = "budget"
    quantity = "water.volume.total"
    tag = "flat"
    threshold = 1.5
    every = "day"
    severity = "info"
    name = { en = "Much water today", zh = "今日用水过多" }
    ```
    """

    kind: ClassVar[str] = "budget"

    class Settings(RuleSettings):
        threshold: Limit = Field(description="more than this is too much, in the quantity's unit")
        every: Literal["day", "month"] = Field("day", description="the time it is meant for, in the site's time zone")

        @field_validator("threshold")
        @classmethod
        def _positive(cls, threshold: Limit) -> Limit:
            if not isinstance(threshold, FromProfile) and threshold < 0:
                raise ValueError("what was used is never negative: give a threshold of 0 or more")
            return threshold

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = limits.number(settings.threshold)
        self._limit = limits.value(settings.threshold)
        self._every = settings.every
        self.calendar = Calendar()

    def memory(self) -> list[Any]:
        """Once there was a reading: what the names of `_EVERY` to `_STEPS` say."""
        return []

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        quality = reading.quality
        if quality & _IMPLAUSIBLE:
            return None
        time, value = reading.time or 0, reading.value
        if not memory or memory[_EVERY] != self._every:
            memory[:] = self._begin(time, value)
            return None
        before = memory[_TIME]
        time = max(time, before)
        length = time - before
        step = value - memory[_VALUE]
        sure, doubtful, fall = True, False, memory[_FALL]
        if step < 0 or quality & _RESET:
            step, sure = _fallen(memory, value, length)
        elif fall and value >= fall[0] and step >= _RETURNS * (fall[0] - memory[_VALUE]):
            memory[_USED], memory[_EXTRA] = fall[1], fall[2]
            step = value - fall[0]
            memory[_FALL] = []
        elif step > 0 and length > 0:
            pace, fastest = step / length, memory[_FASTEST]
            memory[_SLOWER] = fastest
            if pace > fastest:
                doubtful = 0 < fastest * _SUSPICIOUS < pace
                memory[_FASTEST] = pace
        if fall:
            fall[3] += 1
            if fall[3] > _GLITCH:
                memory[_FALL] = []
        used = memory[_USED]
        memory[_BEFORE], memory[_USED_BEFORE] = memory[_VALUE], used
        if time >= memory[_END]:
            self._turn(memory, time, step, length, sure)
            used = memory[_USED]
        else:
            used = memory[_USED] = used + step
            if not sure:
                memory[_EXTRA] = _UNKNOWN
        memory[_TIME], memory[_VALUE] = time, value
        steps = memory[_STEPS]
        steps.append(length)
        if len(steps) > _LAST:
            del steps[0]
        if doubtful:
            return None
        noise = 1e-9 + 1e-12 * abs(value)  # 100.3 - 100.1 is 0.2, whatever binary fractions make of it
        if used - self._limit > noise:
            return True
        extra = memory[_EXTRA]
        return False if extra >= 0 and used + extra - self._limit <= noise else None

    def _begin(self, time: int, value: float) -> list[Any]:
        _, end = self.calendar.period(time, self._every)
        return [self._every, end, 0.0, _UNKNOWN, time, value, None, 0.0, 0.0, 0.0, [], []]

    def _turn(self, memory: list[Any], time: int, step: float, length: int, sure: bool) -> None:
        """Another day, or month."""
        start, memory[_END] = self.calendar.period(time, self._every)
        steps = sorted(memory[_STEPS])
        usual = steps[len(steps) // 2] if steps else 0
        near = length <= min(max(_HOUR, 3 * usual), _LONGEST_GAP)
        inside = step * (time - start) / length if length else 0.0
        memory[_USED], memory[_EXTRA] = (inside, 0.0) if near else (0.0, step)
        if not sure:
            memory[_EXTRA] = _UNKNOWN
        memory[_BEFORE], memory[_USED_BEFORE] = None, 0.0
        if memory[_FALL]:
            memory[_FALL][1:3] = [0.0, memory[_EXTRA]]

    def shown(self, memory: Any) -> float:
        return float(memory[_USED]) if memory else 0.0

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = limits.said(self.settings.threshold, quantity.unit)
        when = "当日" if self._every == "day" else "当月"
        return {
            "en": f"{quantity.en.capitalize()} of the {self._every} above {limit['en']}",
            "zh": f"{when}{quantity.zh}高于 {limit['zh']}",
        }


def _fallen(memory: list[Any], value: float, length: int) -> tuple[float, bool]:
    """What was used, and whether that is sure, when the register shows less than before."""
    before, top = memory[_BEFORE], memory[_VALUE]
    if before is not None and 0 < before <= value and top - before > 10 * (value - before):
        memory[_USED], memory[_FASTEST] = memory[_USED_BEFORE], memory[_SLOWER]  # one reading far above its neighbours
        memory[_FALL] = []
        return value - before, True
    plausible = value <= memory[_FASTEST] * length * (1 + 1e-9)
    memory[_FALL] = [top, memory[_USED], memory[_EXTRA], 0]
    return (value, True) if plausible and value >= 0 else (0.0, False)
