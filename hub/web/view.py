"""What the web asks of the hub and the commands people give it. The app implements ``HubView``; nothing here does I/O.

Times are ms since 1970 UTC, as everywhere. Texts for people that exist in two languages are ``{"en": …, "zh": …}``.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from hub.model import Alert, AlertState, DeadLetter, Device, Reading, Severity, Space
from hub.pace import BUDGET_MS
from hub.quantities import Domain, Vocabulary
from hub.said import Said
from hub.web.feed import Feed
from hub.web.paging import Page as Page
from hub.web.people_view import PeopleView


class ViewError(Exception):
    """Something a person asked for that cannot be done: what, where, what to do, in both languages."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)


class NotFound(ViewError):
    """There is no such thing."""


class Conflict(ViewError):
    """It cannot be done in the state it is in: the alert is resolved already."""


class Refused(ViewError):
    """What was asked is not allowed or makes no sense: no reason given, an unknown place, a period that ends before it starts."""


class Busy(ViewError):
    """It cannot be answered now: too many ask, or the store does not answer."""


class Site(Struct, frozen=True):
    """``language`` is what the page speaks to a browser that wants neither; ``zone`` an IANA name; ``people`` the names by id."""

    community: str
    name: str
    zone: str
    language: Literal["en", "zh"] = "zh"
    version: str = ""
    people: dict[str, str] = {}


class Change(Struct, frozen=True):
    """One step in an alert's life, oldest first in its timeline."""

    at: int
    what: Literal[
        "pending", "firing", "severity", "silent", "heard", "acknowledged", "resolved", "assigned", "comment", "done", "reopened"
    ]
    by: str = ""  # the person, or "evidence"
    text: str = ""  # the comment or the reason, as it was written; to whom it was assigned
    value: float | None = None


class Told(Struct, frozen=True):
    """One notice of an alert: to whom, by which way, and how it went. ``sent_at`` None: still trying. ``state``: how far it
    got. ``tried_at``: when the last attempt began; ``accepted_at``: when the receiver took it (2xx, 250, PUBACK); ``seen_at`` and
    ``acknowledged_at``: by this person."""

    notifier: str
    why: str  # first, repeat, escalated, acknowledged, resolved
    created_at: int
    sent_at: int | None = None
    person: str = ""  # the person's name
    attempts: int = 0
    error: Said | None = None  # the last one
    state: Literal["queued", "accepted", "seen", "acknowledged", "failed"] = "queued"
    tried_at: int | None = None
    accepted_at: int | None = None
    seen_at: int | None = None
    acknowledged_at: int | None = None
    failed_at: int | None = None


class Waypoints(Struct):
    """When an alert passed each step of its way, ms; None: not (yet). ``device_at`` by the device's clock, all others by ours."""

    device_at: int
    received_at: int
    decided_at: int | None = None
    committed_at: int | None = None
    published_at: int | None = None  # the broker has it
    notified_at: int | None = None  # the first receiver besides MQTT has taken it
    seen_at: int | None = None  # somebody has opened it on the page
    acknowledged_at: int | None = None


class RuleInfo(Struct, frozen=True):
    """A rule as configured. ``settings`` are its own fields (threshold, hold_for in ms …); ``disabled`` says why it stands."""

    id: str
    kind: str
    severity: Severity
    quantity: str
    device: str = "*"
    space: str = "*"
    name: dict[str, str] = {}
    settings: dict[str, Any] = {}
    disabled: str = ""


class AlertStory(Struct, frozen=True):
    """An alert with everything that belongs to it. ``rule`` None: it is no longer configured."""

    alert: Alert
    changes: Sequence[Change] = ()
    told: Sequence[Told] = ()
    rule: RuleInfo | None = None
    receipt: Waypoints | None = None


class DeviceCard(Struct, frozen=True):
    """A device, where it is, the worst of its open alerts, and the newest reading of each of its series."""

    device: Device
    place: dict[str, str] = {}
    worst: Severity | None = None
    silent: bool = False
    latest: Sequence[Reading] = ()


class Building(Struct, frozen=True):
    """One cell of the community's plan. ``silent`` counts devices that have fallen silent."""

    id: str
    name: str
    name_en: str = ""
    devices: int = 0
    open: int = 0
    unacknowledged: int = 0  # of the open ones
    silent: int = 0
    worst: Severity | None = None


Points = Sequence[tuple[int, float]]
"""(time ms, value), ascending; a hole in the times is a gap."""


class Overview(Struct, frozen=True):
    """The community at a glance. None: not known (yet). ``usual`` is the ordinary curve of such a day, if one is known."""

    now: int
    open: dict[Severity, int]  # firing alerts by severity
    unacknowledged: int = 0
    buildings: Sequence[Building] = ()
    devices: int = 0
    unaccepted: int = 0
    dead_letters: int = 0
    newest_at: int | None = None  # arrival of the newest reading
    alert_p50_ms: float | None = None  # bytes at the hub -> alert committed and handed out, of the last ones
    alert_p99_ms: float | None = None
    alert_own_p99_ms: float | None = None  # of these, without the disk
    alert_budget_ms: float = BUDGET_MS[0.99]  # what p99 may be on a quiet machine
    power_w: float | None = None
    power_today: Points = ()
    power_usual: Points = ()
    kwh_today: float | None = None
    bays_free: int | None = None
    bays_total: int = 0
    bays_today: Points = ()  # occupied bays
    cars_in: int | None = None  # within the last hour
    cars_out: int | None = None
    detectors_healthy: int = 0
    detectors_total: int = 0
    last_drill: int | None = None
    wearers_seen: int = 0
    wearers_total: int = 0
    stopped: Sequence[str] = ()  # rules that failed and were stopped, ids, the critical ones first


class EnergyWords(Struct, frozen=True):
    """The words of ``gengfu report energy``, as they were written; '' where left out."""

    start: str = ""  # from
    end: str = ""  # to
    month: str = ""
    today: bool = False
    by: str = "device"
    every: str = "day"


class HubView(PeopleView, Protocol):
    """Every question and command of the web. Commands and look-ups raise NotFound, Conflict or Refused."""

    site: Site
    vocabulary: Vocabulary
    feed: Feed

    def overview(self) -> Overview:
        """From memory, cheap: asked every few seconds while a page is open."""
        ...

    async def alerts(
        self,
        *,
        state: AlertState | Literal["open"] | None = None,
        severity: Severity | None = None,
        device: str = "",
        search: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Alert]:
        """ "open" is firing, worst first, unacknowledged before acknowledged, oldest first. All others: newest first.

        ``search`` matches parts of place, device, rule, summary or a person's name, whatever the case."""
        ...

    async def alert(self, id: str) -> AlertStory: ...

    async def seen(self, id: str, by: str) -> None:
        """Somebody has opened it on the page; ``by`` "" where nobody said who."""
        ...

    async def acknowledge(self, id: str, by: str, comment: str) -> Alert:
        """Conflict when it is resolved. Acknowledging again changes nothing."""
        ...

    async def resolve(self, id: str, by: str, reason: str) -> Alert:
        """Conflict when it is resolved already; Refused when there must be a reason and there is none."""
        ...

    async def devices(
        self,
        *,
        search: str = "",
        space: str = "",
        domain: Domain | None = None,
        accepted: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[DeviceCard]:
        """Those with open alerts first, worst first; then by place and name. ``space`` also matches what lies inside it."""
        ...

    async def device(self, id: str) -> DeviceCard: ...

    async def accept(self, id: str, space: str, name: str) -> DeviceCard:
        """The device counts from now on. ``space`` and ``name`` '' leave what is known. Refused for an unknown space."""
        ...

    async def duty_check(self, id: str) -> None:
        """Asks at a fire alarm device whether somebody is on duty; its answer turns fire.duty.waiting to 0. Refused if it is
        not connected over TCP, or asked already."""
        ...

    async def register(self, spaces: Sequence[Space], devices: Sequence[Device]) -> None:
        """Takes places and devices from an import; returns when they are on disk."""
        ...

    async def spaces(self) -> Sequence[Space]: ...

    async def rules(self) -> Sequence[RuleInfo]: ...

    async def rows(self, device: str, quantity: str, channel: str, start: int, end: int, limit: int, packed: bool) -> bytes:
        """A page of readings as ``hub.web.tables`` makes it, in another process. Nothing stored: an empty one."""
        ...

    async def buckets(
        self, device: str, quantity: str, channel: str, start: int, end: int, every: int, packed: bool
    ) -> bytes: ...

    async def energy(self, words: EnergyWords) -> dict[str, Any]:
        """The report as the contract says it (site, time_zone, from, to, revision, rows). Refused for a wrong period."""
        ...

    async def dead_letters(self, *, device: str = "", limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        """The newest first."""
        ...

    async def dead_letter(self, id: int) -> DeadLetter: ...

    def metrics(self) -> str:
        """Prometheus text format 0.0.4."""
        ...

    def ready(self) -> Sequence[str]:
        """What keeps the hub from serving, one plain sentence each; empty when it is ready."""
        ...

    def disabled(self) -> Sequence[str]:
        """Adapters, rules and notifiers that failed and were stopped, and nobody has switched on again."""
        ...
