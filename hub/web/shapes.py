"""The JSON the web speaks, one shape for the API and the stream, read off the hub's records field by field.

Times go out as ISO 8601 UTC with milliseconds, quality as the flags' names, what is not a finite number as null.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import asdict
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, computed_field

from hub.model import AlertState, Device, Reading, Severity, Space, quality_names
from hub.quantities import Domain, Shape, Vocabulary
from hub.said import Said
from hub.steps import steps
from hub.web.view import DeviceCard, Overview, Site

T = TypeVar("T")

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999  # what a calendar holds: years 1 to 9999


def iso(ms: int) -> str:
    """ISO 8601, UTC, milliseconds; a time outside the calendar becomes its nearest end."""
    ms = min(max(ms, _FIRST), _LAST)
    return datetime.fromtimestamp(ms // 1000, UTC).replace(tzinfo=None).isoformat() + f".{ms % 1000:03d}Z"


def _finite(value: Any) -> Any:
    return value if value is not None and math.isfinite(value) else None


def _spoken(given: Any, about: ValidationInfo) -> Any:
    """``context`` says the ``language``."""
    return given.speak((about.context or {}).get("language", "en")) if isinstance(given, Said) else given or ""


Time = Annotated[str, BeforeValidator(lambda ms: iso(ms) if isinstance(ms, int) else ms)]
Number = Annotated[float | None, BeforeValidator(_finite)]
Flags = Annotated[list[str], BeforeValidator(lambda bits: quality_names(bits) if isinstance(bits, int) else bits)]
Sentence = Annotated[str, BeforeValidator(_spoken)]
Words = dict[str, str]
Curve = Annotated[list[tuple[int, float]], BeforeValidator(lambda points: [one for one in points if math.isfinite(one[1])])]


class Out(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class ListOut(Out, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(None, description="give it as `cursor` for the next part; null at the end")
    total: int | None = Field(None, description="how many match in all, where that is known")


class ReadingOut(Out):
    device: str
    quantity: str
    channel: str
    value: Number
    unit: str = Field(description="UCUM")
    time: Time | None = Field(description="device time")
    quality: Flags


class AlertOut(Out):
    """An alert. `place` and `summary` are words for people, in en and zh."""

    id: str
    rule: str
    severity: Severity
    state: AlertState
    acknowledged_by: str = Field(
        description="as given in `by`, or a configured person's id: their name is in the site's `people`; "
        "or `link:` and the channel in which somebody pressed the link"
    )
    acknowledged_at: Time | None
    comment: str
    device: str
    quantity: str
    channel: str
    space: str
    place: Words
    value: Number
    unit: str
    threshold: Number
    at: Time = Field(description="device time of the reading that opened it, or when silence began")
    received_at: Time
    pending_since: Time
    raised_at: Time | None
    last_value: Number
    last_at: Time
    silent: bool = Field(description="its device has fallen silent while it was open")
    stale: bool = Field(description="raised from a retained or late message: verify")
    event: bool = Field(description="closed by a person only")
    resolved_at: Time | None
    resolved_by: str = Field(description="a person, or evidence")
    reason: str
    quality: Flags
    revision: int
    reopens: str = Field(description="the closed alert that a person said is not over, or empty")
    summary: Words


class ChangeOut(Out):
    at: Time
    what: str
    by: str
    text: str
    value: Number


class ToldOut(Out):
    notifier: str
    person: str
    why: str
    created_at: Time
    sent_at: Time | None = Field(description="null: still trying")
    attempts: int
    error: Sentence = Field(description="why it did not get through, or not yet, in the language asked for")
    state: Literal["queued", "accepted", "seen", "acknowledged", "failed"] = Field(description="how far it got")
    tried_at: Time | None = Field(description="the last attempt began")
    accepted_at: Time | None = Field(description="its receiver took it: 2xx, 250, PUBACK")
    seen_at: Time | None = Field(description="this person opened the alert")
    acknowledged_at: Time | None = Field(description="this person acknowledged it")
    failed_at: Time | None = Field(description="given up")


class RuleOut(Out):
    id: str
    kind: str
    severity: Severity
    quantity: str
    device: str
    space: str
    name: Words
    settings: dict[str, Any]
    disabled: str = Field(description="why it stands, or empty")


class WaypointsOut(Out):
    """When the alert passed each step; null: not (yet)."""

    device_at: Time = Field(description="by the device's clock, all others by the hub's")
    received_at: Time
    decided_at: Time | None
    committed_at: Time | None
    published_at: Time | None = Field(description="the broker has it")
    notified_at: Time | None = Field(description="the first receiver besides MQTT has taken it")
    seen_at: Time | None = Field(description="somebody has opened it on the page")
    acknowledged_at: Time | None


class StoryOut(Out):
    alert: AlertOut
    changes: list[ChangeOut]
    told: list[ToldOut]
    rule: RuleOut | None
    receipt: WaypointsOut | None

    @computed_field(description="what to do, in order")  # type: ignore[prop-decorator]
    @property
    def steps(self) -> list[Words]:
        return what_to_do(self.alert)


def what_to_do(alert: AlertOut) -> list[Words]:
    return steps(alert.quantity, alert.silent and alert.value is None)


class DeviceOut(Out):
    id: str
    name: str
    place: Words
    space: str
    vendor: str
    model: str
    accepted: bool
    factor: Number
    online: bool | None
    first_seen: Time | None
    last_seen: Time | None
    interval: Number = Field(description="seconds between its readings, as far as known")
    tags: list[str]
    worst: Severity | None = Field(description="of its open alerts")
    silent: bool
    latest: list[ReadingOut]


class Imported(Struct, frozen=True, forbid_unknown_fields=True):
    """What `gengfu import` sends: places and devices, field by field as the hub keeps them."""

    spaces: list[Space] = []
    devices: list[Device] = []


class SpaceOut(Out):
    id: str
    name: str
    name_en: str
    kind: str
    parent: str
    code: str


class QuantityOut(Out):
    name: str
    unit: str
    shape: Shape
    domain: Domain
    low: Number
    high: Number
    en: str
    zh: str


class RowOut(Out):
    """A stored reading."""

    time: Time
    value: Number
    seq: int
    received_at: Time
    quality: Flags


class BucketOut(Out):
    """What was stored within one span that begins at `time`."""

    time: Time
    min: Number
    max: Number
    mean: Number
    first: Number
    last: Number
    count: int


class DeadLetterOut(Out):
    id: int
    at: Time
    topic: str
    reason: str
    detail: str
    adapter: str
    device: str
    lane: str
    size: int
    sha256: str


class DeadLetterBytesOut(DeadLetterOut):
    payload_base64: str = Field(description="its bytes, at most the first 64 KiB")


class BuildingOut(Out):
    id: str
    name: str
    name_en: str
    devices: int
    open: int
    unacknowledged: int = Field(description="of the open ones")
    silent: int
    worst: Severity | None


class SiteOut(Out):
    community: str
    name: str
    zone: str
    language: str
    version: str
    people: dict[str, str] = Field(description="by id, as in `acknowledged_by`: their names")


class OverviewOut(Out):
    """The community at a glance; curves are [ms since 1970, value]."""

    site: SiteOut
    now: Time
    open: dict[Severity, int]
    unacknowledged: int
    buildings: list[BuildingOut]
    devices: int
    unaccepted: int
    dead_letters: int
    newest_at: Time | None
    alert_p50_ms: Number = Field(description="bytes at the hub to alert committed and handed out, of the last ones")
    alert_p99_ms: Number
    alert_own_p99_ms: Number = Field(description="the hub's own share of it: without the disk")
    alert_budget_ms: Number = Field(description="what alert_p99_ms may be on a quiet machine")
    power_w: Number
    power_today: Curve
    power_usual: Curve
    kwh_today: Number
    bays_free: int | None
    bays_total: int
    bays_today: Curve = Field(description="occupied bays")
    cars_in: int | None = Field(description="within the last hour")
    cars_out: int | None
    detectors_healthy: int
    detectors_total: int
    last_drill: Time | None
    wearers_seen: int
    wearers_total: int
    stopped: list[str] = Field(description="rules that failed and were stopped: they raise no alert")


def reading(record: Reading, vocabulary: Vocabulary) -> ReadingOut:
    known = vocabulary.get(record.quantity)
    return ReadingOut.model_validate({**asdict(record), "unit": known.unit if known else ""})


def device(card: DeviceCard, vocabulary: Vocabulary) -> DeviceOut:
    latest = [reading(one, vocabulary) for one in card.latest]
    return DeviceOut.model_validate({**asdict(card.device), **asdict(card), "latest": latest})


def overview(site: Site, seen: Overview) -> OverviewOut:
    return OverviewOut.model_validate({**asdict(seen), "site": site})
