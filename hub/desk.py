"""The desk: answers what the page asks and takes what people decide. Implements ``hub.web.view.HubView``."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from hub import stories
from hub.config import Config
from hub.desk_people import PeopleDesk
from hub.directory import Places
from hub.fire_duty import DutyFailed
from hub.fire_tcp import FireTcp
from hub.glance import Glance
from hub.model import DRILL_DEVICE, SEVERITIES, Alert, AlertState, DeadLetter, Device, Now, Series, Severity, Space
from hub.pipeline import Pipeline
from hub.ports import Rule, SiteContext, Store
from hub.quantities import Domain
from hub.queries import Here, Queries
from hub.records_people import PeopleReader
from hub.reports.energy import energy_report, parse_period
from hub.said import said_by, sentence
from hub.today import figures, grid_meters, midnight, parked
from hub.web.feed import Feed
from hub.web.tables import buckets_page, rows_page
from hub.web.view import (
    AlertStory,
    Conflict,
    DeviceCard,
    EnergyWords,
    NotFound,
    Overview,
    Page,
    Refused,
    RuleInfo,
    Site,
)
from rules.engine import AlreadyClosed, NeedsReason, UnknownAlert

T = TypeVar("T")

SEARCHED = 5_000
"""Alerts looked through when the history is searched."""


def ask_dead_letters(store: Store, limit: int, before: int | None, device: str) -> list[DeadLetter]:
    return store.dead_letters(limit, before, device)


def ask_dead_letter(store: Store, id: int) -> DeadLetter | None:
    return store.dead_letter(id)


class Desk(PeopleDesk):
    def __init__(
        self,
        config: Config,
        site: SiteContext,
        pipeline: Pipeline,
        records: PeopleReader,
        queries: Here | Queries,
        glance: Glance,
        feed: Feed,
        clock: Callable[[], Now],
        version: str,
        metrics: Callable[[], str],
        ready: Callable[[], Sequence[str]],
        disabled: Callable[[], Sequence[str]],
    ) -> None:
        super().__init__(config, pipeline, records, clock)
        self.site = Site(config.community, config.name, str(config.zone), version=version, people=self._people)
        self.vocabulary = config.vocabulary
        self.feed = feed
        self.metrics = metrics
        self.ready = ready
        self.disabled = disabled
        self.fire_tcp: FireTcp | None = None
        self.in_force: Callable[[], Sequence[Rule]] = lambda: config.rules
        self._context = site
        self._queries = queries
        self._glance = glance

    @property
    def _places(self) -> Places:
        return self.pipeline.places

    def close(self) -> None:
        self._reading.shutdown(wait=False, cancel_futures=True)

    # --- at a glance --------------------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        seen = self._glance.overview(self.clock(), self._real(), self._context, self.pipeline.newest_at, self.pipeline.pace)
        failed = self.pipeline.engine.failed
        if not failed:
            return seen
        graver = {rule.settings.id: -SEVERITIES.index(rule.settings.severity) for rule in self.in_force()}
        return replace(seen, stopped=sorted(failed, key=lambda id: (graver.get(id, 0), id)))

    def _real(self) -> dict[str, Alert]:
        """The open alerts; those of drills are none."""
        return {id: alert for id, alert in self.pipeline.open.items() if alert.device != DRILL_DEVICE}

    async def refresh(self) -> None:
        """Asks the store for what only it knows of today, while somebody looks."""
        if not self._glance.watched(self.clock()):
            return
        meters = grid_meters(self._places)
        small = Places(self._places.spaces.values(), [self._places.devices[id] for id in meters])
        now = self.clock().wall
        self._glance.figures = await self._queries.ask(figures, small, meters, self._context, now)
        if self._glance.parked is None:
            self._glance.parked = await self._queries.ask(parked, midnight(now, self._context), self._glance.started)

    # --- alerts -------------------------------------------------------------------------------------------------------

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
        if state == "open":
            return self._open(severity, device, search, limit, cursor)
        before = _number(cursor)
        wanted = SEARCHED if search else limit + 1
        found = await self.recorded(self._records.alerts, state or "", severity or "", device, wanted, before)
        further = str(found[-1][0]) if search and len(found) == wanted else None  # the history goes on where the search stopped
        if search:
            found = [(seq, alert) for seq, alert in found if self._mentions(alert, search)]
        if len(found) > limit:
            found = found[:limit]
            further = str(found[-1][0])
        return Page([alert for _, alert in found], further)

    def _open(self, severity: str | None, device: str, search: str, limit: int, cursor: str | None) -> Page[Alert]:
        found = [
            alert
            for alert in self._real().values()
            if alert.state == "firing"
            and severity in (None, alert.severity)
            and device in ("", alert.device)
            and (not search or self._mentions(alert, search))
        ]
        found.sort(
            key=lambda alert: (-SEVERITIES.index(alert.severity), bool(alert.acknowledged_by), alert.raised_at or 0, alert.id)
        )
        start = _number(cursor) or 0
        return Page(found[start : start + limit], str(start + limit) if start + limit < len(found) else None, len(found))

    def _mentions(self, alert: Alert, search: str) -> bool:
        device = self._places.devices.get(alert.device)
        words = [alert.device, device.name if device else "", alert.space, alert.rule, *alert.place.values()]
        words += [*alert.summary.values(), alert.acknowledged_by, alert.resolved_by, self._people.get(alert.acknowledged_by, "")]
        text = "\n".join(words).casefold()
        return all(word in text for word in search.casefold().split())

    async def alert(self, id: str) -> AlertStory:
        alert = await self.recorded(self._records.alert, id)
        if alert is None:
            raise NotFound(sentence("no_alert", id=id))
        steps = await self.recorded(self._records.timeline, id)
        ledger = await self.recorded(self._records.ledger, id)
        seen = await self.recorded(self._records.seen, id)
        rule = next((rule for rule in await self.rules() if rule.id == alert.rule), None)
        lookers = await self.recorded(self._records.noted_by, id, "seen")
        told = stories.told(ledger, self._people, alert, lookers)
        notes = await self.recorded(self._records.notes, id)
        changes = stories.with_notes(stories.changes(steps), notes, self._people)
        return AlertStory(alert, changes, told, rule, stories.waypoints(alert, steps, ledger, seen))

    async def seen(self, id: str, by: str) -> None:
        if await self.recorded(self._records.alert, id) is None:
            raise NotFound(sentence("no_alert", id=id))
        self.pipeline.seen(id, by)

    async def acknowledge(self, id: str, by: str, comment: str) -> Alert:
        return await self._decide(id, self.pipeline.acknowledge(id, by, comment))

    async def resolve(self, id: str, by: str, reason: str) -> Alert:
        return await self._decide(id, self.pipeline.resolve(id, by, reason))

    async def _decide(self, id: str, decision: Any) -> Alert:
        try:
            alert: Alert = await decision
        except AlreadyClosed as problem:
            raise Conflict(sentence("alert_closed", id=id)) from problem
        except NeedsReason as problem:
            raise Refused(sentence("needs_reason")) from problem
        except UnknownAlert as problem:
            if (closed := await self.recorded(self._records.alert, id)) is None:
                raise NotFound(sentence("no_alert", id=id)) from problem
            by = closed.resolved_by
            how = sentence("alert_closed_by", id=id, by=self._people.get(by, by)) if by else sentence("alert_over", id=id)
            raise Conflict(how) from problem
        return alert

    # --- devices and places -------------------------------------------------------------------------------------------

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
        worst = self._worst()
        found = [
            device
            for device in self._places.devices.values()
            if accepted in (None, device.accepted)
            and (not space or any(inside.id == space for inside in self._places.path(device.id)))
            and (domain is None or domain in self._domains(device.id))
            and (not search or self._named(device, search))
        ]
        found.sort(
            key=lambda device: (
                -SEVERITIES.index(worst[device.id]) if device.id in worst else 1,
                self._places.place(device.id)["zh"],
                device.name,
                device.id,
            )
        )
        start = _number(cursor) or 0
        cards = [self._card(device, worst) for device in found[start : start + limit]]
        return Page(cards, str(start + limit) if start + limit < len(found) else None, len(found))

    def _domains(self, device: str) -> set[str]:
        return {self.vocabulary.domain(reading.quantity) for reading in self._glance.latest(device)}

    def _named(self, device: Device, search: str) -> bool:
        words = [device.id, device.name, device.model, device.vendor, *self._places.place(device.id).values()]
        return search.casefold() in "\n".join(words).casefold()

    def _worst(self) -> dict[str, Severity]:
        worst: dict[str, Severity] = {}
        for alert in self._real().values():
            if alert.state == "firing":
                worst[alert.device] = max(alert.severity, worst.get(alert.device, "info"), key=SEVERITIES.index)
        return worst

    def _card(self, device: Device, worst: dict[str, Severity]) -> DeviceCard:
        silent = any(alert.device == device.id and (alert.silent or not alert.quantity) for alert in self.pipeline.open.values())
        seen = self._places.last_seen.get(device.id)
        latest = self._glance.latest(device.id)
        return DeviceCard(replace(device, last_seen=seen), self._places.place(device.id), worst.get(device.id), silent, latest)

    async def device(self, id: str) -> DeviceCard:
        device = self._places.device(id)
        if device is None:
            raise NotFound(sentence("no_device", id=id))
        return self._card(device, self._worst())

    async def accept(self, id: str, space: str, name: str) -> DeviceCard:
        device = self._places.device(id)
        if device is None:
            raise NotFound(sentence("no_device", id=id))
        if space and space not in self._places.spaces:
            raise Refused(sentence("no_place", id=space))
        accepted = replace(device, accepted=True, space=space or device.space, name=name or device.name)
        await self.pipeline.register([], [accepted], "page")
        return await self.device(id)

    async def duty_check(self, id: str) -> None:
        if self.fire_tcp is None:
            raise Refused(sentence("no_fire_tcp"))
        try:
            self.fire_tcp.duty_check(id.removeprefix("gb26875:"))
        except DutyFailed as problem:
            raise Refused(said_by(problem)) from None

    async def register(self, spaces: Sequence[Space], devices: Sequence[Device]) -> None:
        known = self._places.spaces.keys() | {space.id for space in spaces}
        wrong = [space.id for space in spaces if space.parent and space.parent not in known]
        wrong += [device.id for device in devices if device.space and device.space not in known]
        if wrong:
            raise Refused(sentence("unknown_places", ids=", ".join(wrong[:10])))
        await self.pipeline.register(spaces, devices, "import")

    async def spaces(self) -> Sequence[Space]:
        return list(self._places.spaces.values())

    async def rules(self) -> Sequence[RuleInfo]:
        common = {"id", "severity", "quantity", "device", "space", "name", "enabled"}
        return [
            RuleInfo(
                id=rule.settings.id,
                kind=rule.kind,
                severity=rule.settings.severity,
                quantity=rule.settings.quantity,
                device=rule.settings.device,
                space=rule.settings.space,
                name={str(language): text for language, text in rule.settings.name.items()},
                settings={key: value for key, value in rule.settings.model_dump().items() if key not in common},
                disabled=self.pipeline.engine.failed.get(rule.settings.id, ""),
            )
            for rule in self.in_force()
        ]

    # --- the store ----------------------------------------------------------------------------------------------------

    async def rows(self, device: str, quantity: str, channel: str, start: int, end: int, limit: int, packed: bool) -> bytes:
        page: bytes = await self._queries.ask(rows_page, Series(device, quantity, channel), start, end, limit, packed)
        return page

    async def buckets(self, device: str, quantity: str, channel: str, start: int, end: int, every: int, packed: bool) -> bytes:
        page: bytes = await self._queries.ask(buckets_page, Series(device, quantity, channel), start, end, every, packed)
        return page

    async def energy(self, words: EnergyWords) -> dict[str, Any]:
        try:
            start, end = parse_period(words, self._config.zone, self.clock().wall)
        except ValueError as problem:
            raise Refused(said_by(problem)) from problem
        report: dict[str, Any] = await self._queries.ask(
            energy_report,
            self._places.devices,
            self._places,
            self._config.name,
            self._config.zone,
            start,
            end,
            words.by,
            words.every,
            self._config.energy,
        )
        return report

    async def dead_letters(self, *, device: str = "", limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        found: list[DeadLetter] = await self._queries.ask(ask_dead_letters, limit + 1, _number(cursor), device)
        return Page(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)

    async def dead_letter(self, id: int) -> DeadLetter:
        letter: DeadLetter | None = await self._queries.ask(ask_dead_letter, id)
        if letter is None:
            raise NotFound(sentence("no_refusal", id=id))
        return letter


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdigit():
        raise Refused(sentence("cursor", cursor=cursor))
    return int(cursor)
