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
_STEPS = 5
_GLITCH = 10
"""Readings within which a register that fell may come back and never have fallen."""
_RETURNS = 0.9
_SUSPICIOUS = 10.0
"""A rise so many times faster than any before waits for the next reading to confirm it."""
_UNKNOWN = -1.0


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

    def memory(self) -> list[dict[str, Any]]:
        """One entry once there was a reading: the period, what was used in it for certain and what besides it perhaps (-1:
        nobody knows), the newest reading and the one before it, the register before it fell, the fastest rise, the last steps."""
        return []

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        if reading.quality & Quality.OUT_OF_RANGE:
            return None
        time, value = reading.time or 0, reading.value
        if not memory or memory[0]["every"] != self._every:
            memory[:] = [self._begin(time, value)]
            return None
        kept: dict[str, Any] = memory[0]
        time = max(time, kept["time"])
        length = time - kept["time"]
        step = value - kept["value"]
        sure, doubtful = True, False
        if step < 0 or reading.quality & Quality.COUNTER_RESET:
            step, sure = _fallen(kept, value, length)
        elif kept["fall"] and value >= kept["fall"][0] and step >= _RETURNS * (kept["fall"][0] - kept["value"]):
            kept["used"], kept["extra"] = kept["fall"][1], kept["fall"][2]
            step = value - kept["fall"][0]
            kept["fall"] = []
        elif step > 0 and length > 0:
            pace = step / length
            doubtful = 0 < kept["fastest"] * _SUSPICIOUS < pace
            kept["slower"] = kept["fastest"]
            kept["fastest"] = max(kept["fastest"], pace)
        if kept["fall"]:
            kept["fall"][3] += 1
            if kept["fall"][3] > _GLITCH:
                kept["fall"] = []
        kept["before"], kept["used_before"] = kept["value"], kept["used"]
        if time >= kept["end"]:
            self._turn(kept, time, step, length, sure)
        else:
            kept["used"] += step
            if not sure:
                kept["extra"] = _UNKNOWN
        kept["time"], kept["value"] = time, value
        steps = kept["steps"]
        steps.append(length)
        del steps[:-_STEPS]
        if doubtful:
            return None
        noise = 1e-9 + 1e-12 * abs(value)  # 100.3 - 100.1 is 0.2, whatever binary fractions make of it
        if kept["used"] - self._limit > noise:
            return True
        return False if kept["extra"] >= 0 and kept["used"] + kept["extra"] - self._limit <= noise else None

    def _begin(self, time: int, value: float) -> dict[str, Any]:
        start, end = self.calendar.period(time, self._every)
        return {
            "every": self._every, "start": start, "end": end, "used": 0.0, "extra": _UNKNOWN, "time": time, "value": value,
            "before": None, "used_before": 0.0, "fall": [], "fastest": 0.0, "slower": 0.0, "steps": [],
        }  # fmt: skip

    def _turn(self, kept: dict[str, Any], time: int, step: float, length: int, sure: bool) -> None:
        """Another day, or month."""
        kept["start"], kept["end"] = self.calendar.period(time, self._every)
        usual = sorted(kept["steps"])[len(kept["steps"]) // 2] if kept["steps"] else 0
        near = length <= min(max(_HOUR, 3 * usual), _LONGEST_GAP)
        inside = step * (time - kept["start"]) / length if length else 0.0
        kept["used"], kept["extra"] = (inside, 0.0) if near else (0.0, step)
        if not sure:
            kept["extra"] = _UNKNOWN
        kept["before"], kept["used_before"] = None, 0.0
        if kept["fall"]:
            kept["fall"][1:3] = [0.0, kept["extra"]]

    def shown(self, memory: Any) -> float:
        return float(memory[0]["used"]) if memory else 0.0

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = limits.said(self.settings.threshold, quantity.unit)
        when = "当日" if self._every == "day" else "当月"
        return {
            "en": f"{quantity.en.capitalize()} of the {self._every} above {limit['en']}",
            "zh": f"{when}{quantity.zh}高于 {limit['zh']}",
        }


def _fallen(kept: dict[str, Any], value: float, length: int) -> tuple[float, bool]:
    """What was used, and whether that is sure, when the register shows less than before."""
    before, top = kept["before"], kept["value"]
    if before is not None and 0 < before <= value and top - before > 10 * (value - before):
        kept["used"], kept["fastest"] = kept["used_before"], kept["slower"]  # one reading far above its neighbours
        kept["fall"] = []
        return value - before, True
    plausible = value <= kept["fastest"] * length * (1 + 1e-9)
    kept["fall"] = [top, kept["used"], kept["extra"], 0]
    return (value, True) if plausible and value >= 0 else (0.0, False)
