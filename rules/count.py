"""So many times within some time."""

from math import inf, nextafter
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from hub.model import Reading
from hub.ports import Duration, RuleSettings
from hub.quantities import Quantity
from rules.words import span


class Count:
    """Breached when at least ``times`` readings within ``within`` are ``is`` a value (1 if nothing is said), ``above`` or
    ``below`` one; with ``of``, among the last so many readings. With ``changes`` only readings count that begin it: a door
    opened five times, not a door that five readings found open.

    Readings closer together than ``apart`` count once: a message sent twice is no second witness. A raised alert ends with
    the first reading that finds no more than ``clear`` of them within the time, if it has counted as long. The time is that
    of the devices, and counting goes on over a restart; readings that arrive out of order are not counted.

    ```toml
    [[rule]]
    id = "smoke-twice"
    kind = "count"
    quantity = "fire.smoke"
    times = 2
    within = "1min"
    severity = "critical"
    name = { en = "Smoke, confirmed", zh = "烟雾已确认" }
    ```
    """

    kind: ClassVar[str] = "count"
    momentary = True

    class Settings(RuleSettings):
        times: int = Field(2, ge=1, le=1000, description="how many are too many")
        within: Duration = Field(60_000, gt=0, description="the time in which they are counted")
        of: int | None = Field(None, ge=1, le=1000, description="count among the last so many readings only")
        is_: float | None = Field(
            None,
            description="readings with this value count; 1 if none of is, above and below is given",
            validation_alias=AliasChoices("is", "is_"),
            serialization_alias="is",
            allow_inf_nan=False,
        )
        above: float | None = Field(None, description="readings above this value count", allow_inf_nan=False)
        below: float | None = Field(None, description="readings below this value count", allow_inf_nan=False)
        changes: bool = Field(False, description="count only readings that begin it")
        apart: Duration = Field(1000, ge=0, description="readings closer together than this count once")
        clear: int = Field(0, ge=0, description="ends when no more than this many are left")

        @model_validator(mode="after")
        def _makes_sense(self) -> Self:
            if sum(limit is not None for limit in (self.is_, self.above, self.below)) > 1:
                raise ValueError("give one of is, above and below")
            if self.clear >= self.times:
                raise ValueError(f"clear ({self.clear}) must be less than times ({self.times})")
            if self.of is not None and self.of < self.times:
                raise ValueError(f"of the last {self.of} readings, {self.times} cannot be it")
            if self.of is not None and self.changes:
                raise ValueError("give either of or changes, not both")
            return self

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.threshold = None
        self._times = settings.times
        self._within = settings.within
        self._clear = settings.clear
        self._apart = settings.apart
        self._changes = settings.changes
        self._of = settings.of or 0
        self._low, self._high = _range(settings)

    def memory(self) -> list[list[float]]:
        """[times of what counts, newest last], [1 or 0 for each, with ``of``], [whether the newest reading was it, and since
        when it is counted]."""
        return [[], [], []]

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        times, hits, last = memory
        time = reading.time or 0
        hit = self._low <= reading.value <= self._high
        before, since = last or (1.0, time)  # what it was already when first heard is no change
        last[:] = [float(hit), min(since, time)]
        fresh = not times or not 0 <= time - times[-1] < self._apart
        if times and time < times[-1]:  # a clock that was put back: the readings came one after the other all the same
            back = times[-1] - time
            times[:] = [each - back for each in times]
        if self._of:
            if fresh or hit > hits[-1]:
                times.append(time)
                hits.append(float(hit))
                del times[: -self._of], hits[: -self._of]
        elif hit and fresh and not (self._changes and before):
            times.append(time)
            del times[: -self._times]
        begin = time - self._within
        while times and times[0] <= begin:
            del times[0], hits[:1]
        found = sum(hits) if self._of else len(times)
        if not firing:
            return found >= self._times
        if found > self._clear:
            return True
        known = time - since >= self._within or 0 < self._of <= len(times)
        return False if known else None  # counted for less than its time

    def words(self, quantity: Quantity) -> dict[str, str]:
        long, times = span(self._within), self._times
        return {"en": f"{quantity.en.capitalize()} {times} times within {long}", "zh": f"{quantity.zh} {long} 内 {times} 次"}


def _range(settings: Count.Settings) -> tuple[float, float]:
    """The lowest and the highest value that counts."""
    if settings.above is not None:
        return nextafter(settings.above, inf), inf
    if settings.below is not None:
        return -inf, nextafter(settings.below, -inf)
    value = 1.0 if settings.is_ is None else settings.is_
    return value, value
