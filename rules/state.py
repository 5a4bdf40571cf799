"""In a state, or not in one."""

from typing import Any, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from hub.model import Reading
from hub.ports import RuleSettings
from hub.quantities import Quantity


class State:
    """Breached while a state ``is`` a value, or ``is_not`` one. Without either: while it is 1.

    On a quantity of the shape event (``safety.sos``, ``safety.fall``) each breach is something that has happened: its alert
    is closed by a person only.

    ```toml
    [[rule]]
    id = "pump-room-open"
    kind = "state"
    quantity = "door.open"
    space = "pump-room"
    is = 1
    hold_for = "5min"
    name = { en = "Pump room left open", zh = "水泵房门未关" }
    ```
    """

    kind: ClassVar[str] = "state"

    class Settings(RuleSettings):
        is_: float | None = Field(
            None,
            description="breached while the state is this",
            validation_alias=AliasChoices("is", "is_"),
            serialization_alias="is",
            allow_inf_nan=False,
        )
        is_not: float | None = Field(None, description="breached while the state is anything but this", allow_inf_nan=False)

        @model_validator(mode="after")
        def _one_of_them(self) -> Self:
            if self.is_ is not None and self.is_not is not None:
                raise ValueError("give either is or is_not, not both")
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = None
        self._negated = settings.is_not is not None
        self._state = settings.is_not if settings.is_not is not None else 1.0 if settings.is_ is None else settings.is_

    def memory(self) -> None:
        return None

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        return (reading.value == self._state) is not self._negated

    def words(self, quantity: Quantity) -> dict[str, str]:
        en = quantity.en.capitalize()
        if self._state == 1 and not self._negated:
            return {"en": en, "zh": quantity.zh}
        if self._state in (0, 1) and quantity.high == 1:  # is 0, is not 0, is not 1
            on = (self._state == 1) is not self._negated
            return {"en": en, "zh": quantity.zh} if on else {"en": f"Not {quantity.en}", "zh": f"不再{quantity.zh}"}
        if self._negated:
            return {"en": f"{en} is not {self._state:g}", "zh": f"{quantity.zh}不为 {self._state:g}"}
        return {"en": f"{en} is {self._state:g}", "zh": f"{quantity.zh}为 {self._state:g}"}
