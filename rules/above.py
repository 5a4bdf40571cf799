"""Above a limit."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from hub.model import Quality, Reading
from hub.ports import RuleSettings
from hub.quantities import Quantity
from rules.words import figure


class Above:
    """Breached while a value is greater than ``threshold``.

    With ``clear`` an alert that has been raised ends only at or below that level, so a value that trembles around the
    threshold is one alert and not fifty.

    ```toml
    [[rule]]
    id = "co2-high"
    kind = "above"
    quantity = "air.co2"
    threshold = 1500
    clear = 1200
    hold_for = "10min"
    severity = "warning"
    name = { en = "Stuffy air", zh = "空气不流通" }
    ```
    """

    kind: ClassVar[str] = "above"

    class Settings(RuleSettings):
        threshold: float = Field(description="breached above this value, in the quantity's unit", allow_inf_nan=False)
        clear: float | None = Field(None, description="ends at or below this value; left out: the threshold", allow_inf_nan=False)
        plausible: bool = Field(False, description="leave values outside of the quantity's plausible range unjudged")

        @model_validator(mode="after")
        def _clear_is_lower(self) -> Self:
            if self.clear is not None and self.clear > self.threshold:
                raise ValueError(f"clear ({self.clear:g}) must not be above the threshold ({self.threshold:g})")
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
        return reading.value > (self._clear if firing else self.threshold)

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = figure(self.threshold, quantity.unit)
        return {"en": f"{quantity.en.capitalize()} above {limit}", "zh": f"{quantity.zh}高于 {limit}"}
