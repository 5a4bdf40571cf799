"""Above a limit."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from hub.model import Quality, Reading
from hub.ports import Limit, RuleSettings
from hub.quantities import Quantity
from rules import limits


class Above:
    """Breached while a value is greater than ``threshold``.

    With ``clear`` an alert that has been raised ends only at or below that level, so a value that trembles around the
    threshold is one alert and not fifty.
    A limit may be the device's own: ``threshold = { profile = "rated_power", times = 1.1 }``; without that entry in its profile
    it cannot be told.

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
        threshold: Limit = Field(description="breached above this value, in the quantity's unit")
        clear: Limit | None = Field(None, description="ends at or below this value; left out: the threshold")
        plausible: bool = Field(False, description="leave values outside of the quantity's plausible range unjudged")

        @model_validator(mode="after")
        def _clear_is_lower(self) -> Self:
            limits.in_order(self.threshold, self.clear, below=False)
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
        return reading.value > (self._clear if firing else self._limit)

    def words(self, quantity: Quantity) -> dict[str, str]:
        limit = limits.said(self.settings.threshold, quantity.unit)
        return {"en": f"{quantity.en.capitalize()} above {limit['en']}", "zh": f"{quantity.zh}高于 {limit['zh']}"}
