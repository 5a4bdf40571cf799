"""Below a limit."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from hub.model import Quality, Reading
from hub.ports import RuleSettings
from hub.quantities import Quantity
from rules.words import figure


class Below:
    """Breached while a value is less than ``threshold``.

    With ``clear`` an alert that has been raised ends only at or above that level.

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
        threshold: float = Field(description="breached below this value, in the quantity's unit", allow_inf_nan=False)
        clear: float | None = Field(None, description="ends at or above this value; left out: the threshold", allow_inf_nan=False)
        plausible: bool = Field(False, description="leave values outside of the quantity's plausible range unjudged")

        @model_validator(mode="after")
        def _clear_is_higher(self) -> Self:
            if self.clear is not None and self.clear < self.threshold:
                raise ValueError(f"clear ({self.clear:g}) must not be below the threshold ({self.threshold:g})")
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = settings.threshold
        self._clear = settings.threshold if settings.clear is None else settings.clear
        self._unjudged = int(Quality.OUT_OF_RANGE) if settings.plausible else 0

    def memory(self) -> None:
        return None

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        if reading.quality & self._unjudged:
            return None
        return reading.value < (self._clear if firing else self.threshold)

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = figure(self.threshold, quantity.unit)
        return {"en": f"{quantity.en.capitalize()} below {limit}", "zh": f"{quantity.zh}低于 {limit}"}
