"""Readings that are odd."""

from functools import reduce
from operator import or_
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.model import Quality, Reading
from hub.ports import RuleSettings
from hub.quantities import Quantity

_EN = {"out_of_range": "implausible", "test_mode": "in test mode", "device_fault": "from a faulty device"}
_ZH = {"out_of_range": "数值不可信", "test_mode": "测试中", "device_fault": "设备故障"}


class Flagged:
    """Breached while readings carry one of the quality ``flags``, clear with the first one that carries none of them.

    ```toml
    [[rule]]
    id = "meter-clock"
    kind = "flagged"
    quantity = "energy.*"
    flags = ["clock_skew"]
    clear_for = "1h"
    severity = "info"
    name = { en = "Meter's clock is wrong", zh = "电表时钟不准" }
    ```
    """

    kind: ClassVar[str] = "flagged"

    class Settings(RuleSettings):
        flags: tuple[
            Literal[
                "late", "missing_time", "clock_skew", "tz_assumed", "sequence_gap", "counter_reset", "out_of_range",
                "stuck", "unit_assumed", "decode_partial", "device_fault", "test_mode", "qos0",
            ],
            ...,
        ] = Field(min_length=1, description="the quality flags of which one is enough")  # fmt: skip

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = None
        self._mask = int(reduce(or_, (Quality[flag.upper()] for flag in settings.flags)))

    def memory(self) -> None:
        return None

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        return reading.quality & self._mask != 0

    def words(self, quantity: Quantity) -> dict[str, str]:
        en = ", ".join(_EN.get(flag, flag.replace("_", " ")) for flag in self.settings.flags)
        zh = "、".join(_ZH.get(flag, flag) for flag in self.settings.flags)
        return {"en": f"{quantity.en.capitalize()} readings {en}", "zh": f"{quantity.zh}读数异常（{zh}）"}
