"""Nothing heard."""

import math
from typing import ClassVar, Self

from pydantic import Field, model_validator

from hub.ports import Duration, RuleSettings
from hub.quantities import Quantity


class Silent:
    """Breached when nothing at all has come from a device for ``times`` its own interval between readings.

    The interval is learned from the device itself (or taken from what its format declares, if that is longer). Until it is
    known, the device has ``at_most`` to speak again. One whose format declares it as endless speaks only when something
    happens and is never missed: a part of a fire alarm system, which its panel watches. ``quantity`` says which devices are
    meant: those that have ever sent a quantity like it. One alert a device, ended by the first reading that is neither
    retained nor a word about it by others (``device.online``).

    With ``never_heard`` it is about those that have not been heard at all since the hub began to wait for them: devices
    whose entry says how often they report (``interval``). What they measure is not known then, so ``quantity`` is ``*``.

    ```toml
    [[rule]]
    id = "lift-silent"
    kind = "silent"
    quantity = "*"
    device = "lift:*"
    times = 3
    at_least = "1min"
    at_most = "1d"
    severity = "warning"
    name = { en = "Nothing heard from the lift", zh = "电梯失联" }
    ```
    """

    kind: ClassVar[str] = "silent"

    class Settings(RuleSettings):
        times: float = Field(3, gt=1, description="how many of its own intervals a device may be silent")
        at_least: Duration = Field(10_000, gt=0, description="never sooner than this")
        at_most: Duration = Field(259_200_000, gt=0, description="never later than this; also while the interval is unknown")

        never_heard: bool = Field(False, description="about devices that are expected, and have never been heard")

        @model_validator(mode="after")
        def _in_order(self) -> Self:
            if self.at_least > self.at_most:
                raise ValueError("at_least must not be longer than at_most")
            if self.channel != "*":
                raise ValueError("a device is silent as a whole: leave channel out")
            if self.never_heard and self.quantity != "*":
                raise ValueError('nobody knows what a device measures that was never heard: write quantity = "*"')
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = None
        self.never_heard = settings.never_heard
        self._times = settings.times
        self._least = settings.at_least / 1000
        self._most = settings.at_most / 1000

    def wait(self, interval: float | None) -> float:
        if interval is None:
            return self._most
        if interval == math.inf:
            return math.inf
        return min(max(interval * self._times, self._least), self._most)

    def words(self, quantity: Quantity) -> dict[str, str]:
        if self.never_heard:
            return {"en": "Device never heard", "zh": "设备从未上线"}
        return {"en": "Nothing heard from the device", "zh": "设备失联"}
