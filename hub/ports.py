"""Every extension point, on one page: Adapter, Rule, Store, Notifier.

A plugin is a class with a ``kind``, a docstring that is its manual page (``gengfu kinds NAME`` prints it) and a nested
``Settings``, whose described, typed fields are what may stand in gengfu.toml. ``hub.plugins`` finds it by its ``kind``: a
plugin is one new file.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from hub.calendar import Calendar
from hub.during import During
from hub.model import (
    Batch,
    DeadLetter,
    Device,
    DeviceInfo,
    Lane,
    Message,
    Notice,
    Now,
    Publish,
    Reading,
    Reason,
    Series,
    Space,
)
from hub.quantities import Quantity, Vocabulary, duration_ms
from hub.said import Said


def _duration(given: object, info: ValidationInfo) -> object:
    if isinstance(given, str):
        return duration_ms(given)
    if info.context == "gengfu.toml" and given != 0:  # 30 would be taken for milliseconds
        raise ValueError('a duration has a unit: write it like "30s", "10min", "2h" or "1d"')
    return given


Duration = Annotated[int, BeforeValidator(_duration)]
"""Milliseconds; written "30s", "10min", "2h", "1d"."""


class Settings(BaseModel):
    """What a plugin lets people configure. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteContext(Struct, frozen=True):
    """What a plugin may know about the site."""

    community: str
    zone: ZoneInfo
    vocabulary: Vocabulary
    calendar: Calendar = Calendar()


# --- adapters ---------------------------------------------------------------------------------------------------------


class Malformed(Exception):
    """A message that cannot be understood. ``reason`` is typed, ``detail`` is one sentence for the vendor."""

    def __init__(self, reason: Reason, detail: str, device: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.device = device


class AdapterSettings(Settings):
    lane: Literal["fire", "rest"] = Field("rest", description="which session carries its topics")


Decoded = Reading | DeviceInfo | Publish


class Adapter(Protocol):
    """Turns one vendor's messages into readings. Pure but for what the format itself needs to remember."""

    kind: ClassVar[str]
    topics: tuple[str, ...]  # MQTT filters to subscribe; the most specific adapter gets the message
    lane: Lane

    def decode(self, message: Message) -> Sequence[Decoded]:
        """Readings in canonical units; nothing where there is no measurement; raises Malformed for a broken message."""
        ...

    def snapshot(self) -> Any:
        """What must survive a restart (names, aliases, deltas), as plain JSON values; None for nothing."""
        ...

    def restore(self, state: Any) -> None: ...


# --- rules ------------------------------------------------------------------------------------------------------------


class FromProfile(Settings):
    """A limit of the device's own: ``threshold = { profile = "rated_power", times = 1.1 }``. It cannot be told for a device whose
    profile has no such entry."""

    profile: str = Field(description="the entry of the device's profile", min_length=1)
    times: float = Field(1.0, description="what it is multiplied by", allow_inf_nan=False)


Limit = Annotated[float, Field(allow_inf_nan=False)] | FromProfile
"""A number in the quantity's unit, or what the device's own profile says."""


class RuleSettings(Settings):
    """What every rule can say. Globs follow fnmatch, case-sensitively; ``space`` also matches what lies inside it."""

    id: str = Field(description="names the rule in alerts and in the configuration", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    severity: Literal["info", "warning", "critical"] = Field("warning", description="how bad it is")
    quantity: str = Field(description="glob over quantities, such as fire.*")
    device: str = Field("*", description="glob over device ids")
    space: str = Field("*", description="glob over space ids; what lies inside a matching space belongs to it")
    channel: str = Field("*", description='glob over a quantity\'s channels at the device; "" is the one without a name')
    vendor: str = Field("*", description="glob over devices' vendors")
    model: str = Field("*", description="glob over devices' models")
    tag: str = Field("*", description="glob over tags, of which a device must have one that matches")
    during: During | None = Field(None, description="when a breach counts: days, hours, holidays; always if left out")
    hold_for: Duration = Field(0, description="pending until it has held this long")
    clear_for: Duration = Field(0, description="resolved only after it has been clear this long")
    name: dict[Literal["en", "zh"], str] = Field({}, description="what people call it, in English and Chinese")
    enabled: bool = Field(True, description="false switches the rule off, a default one as well")
    test_mode: bool = Field(False, description="also judge what a device sends in test mode; else it raises and ends nothing")


class Directory(Protocol):
    """Where devices are, as far as anyone has said."""

    def device(self, id: str) -> Device | None: ...

    def path(self, device: str) -> Sequence[Space]:
        """The spaces a device lies in, outermost first; empty when nobody has said."""
        ...

    def place(self, device: str) -> dict[str, str]:
        """Where it is, "en" and "zh", in words a stranger can follow; its name or id when nobody has said."""
        ...

    def space_place(self, id: str) -> dict[str, str]:
        """The same of a space; its id when nobody knows it."""
        ...


class ReadingRule(Protocol):
    """Judges one subject (a device's quantity and channel) at a time, a reading at a time. A kind that lacks any of this is
    refused where a rule of it is written, and by ``gengfu kinds`` (``rules.contract``).

    It may also have ``calendar``, which is set to the site's; ``shown(memory)``, the figure it has judged, where that is not
    the reading's own value; and ``momentary = True`` where a breach does not last until the next reading."""

    kind: ClassVar[str]
    settings: RuleSettings
    threshold: float | None  # what the alert shows beside the value, in the quantity's unit

    def memory(self) -> Any:
        """What it must remember of one subject, as plain JSON values that ``judge`` may change; None for nothing."""
        ...

    def judge(self, reading: Reading, firing: bool, memory: Any) -> bool | None:
        """True breached, False clear, None cannot tell. ``firing``: its alert has been raised, so a clear level counts."""
        ...

    def words(self, quantity: Quantity) -> dict[str, str]:
        """What is wrong, "en" and "zh", for a rule that nobody has named."""
        ...


@runtime_checkable
class SilenceRule(Protocol):
    """Judges a device by the clock alone: breached once nothing has come from it for as long as ``wait`` says."""

    kind: ClassVar[str]
    settings: RuleSettings
    threshold: float | None

    def wait(self, interval: float | None) -> float:
        """Seconds without a reading that are too long. ``interval``: seconds between its readings, None if not known yet."""
        ...

    def words(self, quantity: Quantity) -> dict[str, str]: ...


Rule = ReadingRule | SilenceRule


# --- stores -----------------------------------------------------------------------------------------------------------

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Rows(Struct, frozen=True, eq=False):
    """The stored readings of one series, in order of (time, seq), without duplicates: the first that arrived won."""

    series: Series
    time: Ints
    seq: Ints
    received_at: Ints
    value: Floats
    quality: Ints


class Buckets(Struct, frozen=True, eq=False):
    """One series thinned for a chart: a row for every bucket that has readings; gaps stay gaps. Peaks are kept."""

    series: Series
    start: Ints
    minimum: Floats
    maximum: Floats
    mean: Floats
    first: Floats
    last: Floats
    count: Ints


class Retention(Struct, frozen=True):
    """How long each domain is kept, in ms; None keeps for ever."""

    energy: int | None = None
    parking: int | None = None
    fire: int | None = None
    health: int | None = None
    device: int | None = None


class StoreUnavailable(Exception):
    """The server that keeps the readings does not answer, so what is asked is not known now; the text says what to do."""


class Store(Protocol):
    """Where readings live. ``append`` returns when they are durable; everything else may be read by a second process."""

    kind: ClassVar[str]

    def append(self, lane: Lane, batch: Batch) -> None:
        """Commits the batch. Called from one thread a lane."""
        ...

    def series(self, device: str = "*", quantity: str = "*") -> list[Series]:
        """The series whose device and quantity match the globs, sorted."""
        ...

    def rows(self, series: Series, start: int, end: int) -> Rows:
        """Readings with ``start <= time < end``."""
        ...

    def buckets(self, series: Series, start: int, end: int, every: int) -> Buckets:
        """As ``rows``, thinned to buckets of ``every`` ms that begin at multiples of it counted from ``start``."""
        ...

    def before(self, series: Series, time: int) -> Reading | None:
        """The newest reading with a time before ``time``."""
        ...

    def latest(self) -> list[tuple[Reading, int]]:
        """The newest reading of every series, with its arrival."""
        ...

    def digests(self, since: int) -> list[int]:
        """Marks of messages without a device time that were committed since then, oldest first."""
        ...

    def dead_letters(self, limit: int = 100, before: int | None = None, device: str = "") -> list[DeadLetter]:
        """The newest first; ``before`` is the id to go on from."""
        ...

    def dead_letter(self, id: int) -> DeadLetter | None: ...

    def maintain(self, now: Now, *, seal_all: bool = False) -> None:
        """Seals, compacts and forgets what is past its retention. Safe to be killed anywhere."""
        ...

    def close(self) -> None: ...


# --- notifiers --------------------------------------------------------------------------------------------------------


class NotSent(Exception):
    """A notice did not get through. ``retry_after`` seconds where the receiver asked for it; ``final`` where trying again
    cannot help (a 404). ``why``: in both languages, or as a receiver said it."""

    def __init__(self, why: Said, retry_after: float | None = None, final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.final = final


class Notifier(Protocol):
    """Carries a notice to people. Returns when the receiver has taken it; raises NotSent otherwise."""

    kind: ClassVar[str]

    async def send(self, notice: Notice) -> None: ...

    async def close(self) -> None: ...
