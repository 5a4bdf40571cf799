"""Below a limit."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from hub.model import Quality, Reading
from hub.ports import Limit, RuleSettings
from hub.quantities import Quantity
from rules import limits


class Below:
    """Breached while a value is less than ``threshold``.

    With ``clear`` an alert that has been raised ends only at or above that level.
    A limit may be the device's own: ``threshold = { profile = "rated_power", times = 1.1 }``; without that entry in its profile
    it cannot be told.

    ```toml
    [[rule]]
    id = "hydrant-pressure"
    kind = "below"
    quantity = "fire.water.pressure"
    threshold = 70
    clear = 80
    hold_for = "1min"
    severity = "critical"
    name = { en = "Too little fire water", zh = "消防水压不足" }
    ```
    """

    kind: ClassVar[str] = "below"

    class Settings(RuleSettings):
        threshold: Limit = Field(description="breached below this value, in the quantity's unit")
        clear: Limit | None = Field(None, description="ends at or above this value; left out: the threshold")
        plausible: bool = Field(False, description="leave values outside of the quantity's plausible range unjudged")

        @model_validator(mode="after")
        def _clear_is_higher(self) -> Self:
            limits.in_order(self.threshold, self.clear, below=True)
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = limits.number(settings.threshold)
        self._limit = limits.value(settings.threshold)
        self._clear = self._limit if settings.clear is None else limits.value(settings.clear)
        self._unjudged = int(Quality.OUT_OF_RANGE) if settings.plausible else 0

    def memory(self) -> None:
        return None

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        if reading.quality & self._unjudged:
            return None
        return reading.value < (self._clear if firing else self._limit)

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = limits.said(self.settings.threshold, quantity.unit)
        return {"en": f"{quantity.en.capitalize()} below {limit['en']}", "zh": f"{quantity.zh}低于 {limit['zh']}"}
