"""A hub for the web alone: a HubView over a made-up community in memory.

``python -m tests.support.fakeview --port 8080 [--mode lively|quiet|empty|flood] [--fire-in SECONDS]`` shows the page with it.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import uvicorn
from msgspec.structs import replace

from hub.model import Alert, DeadLetter, Device, Reading, Series, Severity, Space
from hub.ports import Buckets, Floats, Ints, Rows
from hub.quantities import Vocabulary
from hub.said import sentence
from hub.web.api import create_app
from hub.web.feed import Feed
from hub.web.tables import buckets_json, rows_json
from hub.web.view import (
    AlertStory,
    Building,
    Change,
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
from tests.support import fakecommunity as made
from tests.support.fakedrills import FakeDrills
from tests.support.fakepeople import FakePeople, made_told, mentions

RANK = {"critical": 0, "warning": 1, "info": 2}
DOMAIN_MODELS = {"energy": "SDM120", "parking": "TPS110", "fire": "HS1SA", "health": "Mi Band"}


def wall() -> int:
    return time.time_ns() // 1_000_000


class FakeView(FakePeople):
    def __init__(self, mode: str = "lively") -> None:
        self.site = Site("yunqi", "云栖社区", "Asia/Shanghai", "zh", "0.1.0", {"li": "李管家"})
        self.vocabulary = Vocabulary()
        self.mode = mode
        now = wall()
        self.feed = Feed(now)
        spaces = made.places({"empty": 0, "flood": 120}.get(mode, 8))
        self.spaces_by_id = {space.id: space for space in spaces if mode != "empty" or space.id == "yunqi"}
        devices = [] if mode == "empty" else made.devices(spaces, now, random.Random(1))
        if mode == "flood":
            devices += [Device(f"bench:{n:05d}", f"Meter {n}", "garage", "Bench", "SDM120", True) for n in range(10_000)]
        self.devices_by_id = {device.id: device for device in devices}
        self.alerts_by_id: dict[str, Alert] = {}
        self.stories: dict[str, list[Change]] = {}
        self.letters = made.dead_letters(now) if mode != "empty" else []
        self.missing: list[str] = []
        if mode in ("lively", "flood"):
            for alert in made.alerts(devices, now):
                self.put(alert)
        if mode == "flood":
            for n in range(5_000):
                self.put(self.smoke(devices[n % len(devices)].id, now - n * 1000, f"flood-{n}", "warning"))
        if mode in ("lively", "quiet", "flood"):
            for alert in made.past_alerts(devices, now):
                self.put(alert)

    # --- making things happen

    def place(self, space: str) -> dict[str, str]:
        return made.place_words(self.spaces_by_id, space)

    def put(self, alert: Alert) -> Alert:
        alert = replace(alert, place=alert.place or self.place(alert.space))
        self.alerts_by_id[alert.id] = alert
        self.stories.setdefault(alert.id, [Change(alert.raised_at or alert.at, "firing", "", "", alert.value)])
        if alert.acknowledged_by and len(self.stories[alert.id]) == 1:
            self.stories[alert.id].append(
                Change(alert.acknowledged_at or 0, "acknowledged", alert.acknowledged_by, alert.comment)
            )
        self.feed.alert(alert)
        return alert

    def smoke(self, device: str, at: int, id: str, severity: Severity = "critical") -> Alert:
        return Alert(
            id=id,
            rule="fire-smoke",
            severity=severity,
            state="firing",
            device=device,
            quantity="fire.smoke",
            value=1.0,
            unit="1",
            at=at,
            received_at=at + 2,
            pending_since=at,
            raised_at=at + 3,
            last_value=1.0,
            last_at=at,
            space=self.devices_by_id[device].space,
            summary={"en": "Smoke detected", "zh": "烟雾报警"},
        )

    def set_fire(self) -> Alert:
        device = next(one for one in self.devices_by_id.values() if one.space == "6-1-301-kitchen")
        return self.put(self.smoke(device.id, wall(), f"fire-{wall()}"))

    stopped: tuple[str, ...] = ()  # rules

    # --- questions

    def open_alerts(self) -> list[Alert]:
        return [one for one in self.alerts_by_id.values() if one.state == "firing"]

    def overview(self) -> Overview:
        now = wall()
        open_alerts = self.open_alerts()
        if self.mode == "empty":
            return Overview(now=now, open={})
        buildings = []
        for space in (one for one in self.spaces_by_id.values() if one.kind == "building"):
            inside = [one for one in open_alerts if self.within(one.space, space.id)]
            worst = min((one.severity for one in inside), key=RANK.__getitem__, default=None)
            count = sum(self.within(one.space, space.id) for one in self.devices_by_id.values())
            silent = sum(one.silent for one in inside)
            waiting = sum(not one.acknowledged_by for one in inside)
            buildings.append(Building(space.id, space.name, space.name_en, count, len(inside), waiting, silent, worst))
        midnight = (now + 8 * made.HOUR) // made.DAY * made.DAY - 8 * made.HOUR
        day = range(midnight, midnight + made.DAY, 10 * made.MINUTE)
        counts = {model: sum(one.model == model for one in self.devices_by_id.values()) for model in DOMAIN_MODELS.values()}
        return Overview(
            now=now,
            stopped=self.stopped,
            open={severity: sum(one.severity == severity for one in open_alerts) for severity in ("critical", "warning", "info")},
            unacknowledged=sum(not one.acknowledged_by for one in open_alerts),
            buildings=buildings,
            devices=len(self.devices_by_id),
            unaccepted=sum(not one.accepted for one in self.devices_by_id.values()),
            dead_letters=len(self.letters),
            newest_at=now - 800,
            alert_p50_ms=1.1,
            alert_p99_ms=4.2,
            alert_own_p99_ms=0.9,
            power_w=21_000 * made.value("x", "current.l1", now),
            power_today=[
                (at, 21_000 * made.value("x", "current.l1", at))
                for at in day
                if at < now and not 4 < (at - midnight) / made.HOUR < 5
            ],
            power_usual=[(at, 19_500 * made.value("y", "current.l1", at - made.HOUR // 3)) for at in day],
            kwh_today=612.4,
            bays_free=37,
            bays_total=counts["TPS110"],
            bays_today=[(at, 83 + 25 * made.value("z", "current.l1", at) - 60) for at in day if at < now],
            cars_in=9,
            cars_out=14,
            detectors_healthy=counts["HS1SA"] - 2,
            detectors_total=counts["HS1SA"],
            last_drill=now - 12 * made.DAY,
            wearers_seen=counts["Mi Band"] - 1,
            wearers_total=counts["Mi Band"],
        )

    def within(self, space: str, outer: str) -> bool:
        while space:
            if space == outer:
                return True
            space = self.spaces_by_id[space].parent if space in self.spaces_by_id else ""
        return False

    async def alerts(
        self,
        *,
        state: str | None = None,
        severity: str | None = None,
        device: str = "",
        search: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Alert]:
        found = [
            one
            for one in self.alerts_by_id.values()
            if state in (None, one.state, "open" if one.state == "firing" else None)
            and severity in (None, one.severity)
            and device in ("", one.device)
            and mentions(f"{one.place} {one.device} {one.rule} {one.summary} {one.acknowledged_by}", search)
        ]
        if state == "open":
            found.sort(key=lambda one: (RANK[one.severity], bool(one.acknowledged_by), one.raised_at or 0))
        else:
            found.sort(key=lambda one: -(one.raised_at or 0))
        return self.page(found, limit, cursor)

    @staticmethod
    def page(found: list[Any], limit: int, cursor: str | None) -> Page[Any]:
        if cursor is not None and not cursor.isdigit():
            raise Refused(sentence("cursor", cursor=cursor))
        start = int(cursor or 0)
        end = start + limit
        return Page(found[start:end], str(end) if end < len(found) else None, len(found))

    async def alert(self, id: str) -> AlertStory:
        alert = self.known(id)
        told = made_told(alert.raised_at or 0)
        rules = {rule.id: rule for rule in await self.rules()}
        return AlertStory(alert, self.stories[id], told if alert.severity == "critical" else (), rules.get(alert.rule))

    async def seen(self, id: str, by: str) -> None:
        self.known(id)

    def known(self, id: str) -> Alert:
        if id not in self.alerts_by_id:
            raise NotFound(sentence("no_alert", id=id))
        return self.alerts_by_id[id]

    async def acknowledge(self, id: str, by: str, comment: str) -> Alert:
        alert = self.known(id)
        if alert.state == "resolved":
            raise Conflict(sentence("alert_closed", id=id))
        if alert.acknowledged_by:
            return alert
        now = wall()
        self.stories[id].append(Change(now, "acknowledged", by, comment))
        changed = replace(alert, acknowledged_by=by, acknowledged_at=now, comment=comment, revision=alert.revision + 1)
        return self.put(changed)

    async def resolve(self, id: str, by: str, reason: str) -> Alert:
        alert = self.known(id)
        if alert.state == "resolved":
            raise Conflict(sentence("alert_closed", id=id))
        if alert.severity == "critical" and not reason:
            raise Refused(sentence("needs_reason"))
        now = wall()
        self.stories[id].append(Change(now, "resolved", by, reason))
        return self.put(
            replace(alert, state="resolved", resolved_at=now, resolved_by=by, reason=reason, revision=alert.revision + 1)
        )

    def card(self, device: Device) -> DeviceCard:
        mine = [one for one in self.open_alerts() if one.device == device.id]
        worst = min((one.severity for one in mine), key=RANK.__getitem__, default=None)
        smoking = {one.quantity for one in mine if one.quantity == "fire.smoke"}
        latest = [replace(one, value=1.0) if one.quantity in smoking else one for one in made.latest(device, wall() - 2500)]
        return DeviceCard(device, self.place(device.space), worst, any(one.silent for one in mine), latest)

    async def devices(
        self,
        *,
        search: str = "",
        space: str = "",
        domain: str | None = None,
        accepted: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[DeviceCard]:
        worst: dict[str, int] = {}
        for alert in self.open_alerts():
            worst[alert.device] = min(worst.get(alert.device, 9), RANK[alert.severity])
        found = [
            one
            for one in self.devices_by_id.values()
            if search.lower() in f"{one.id} {one.name} {one.model} {self.place(one.space)}".lower()
            and (not space or self.within(one.space, space))
            and (domain is None or one.model == DOMAIN_MODELS.get(domain))
            and accepted in (None, one.accepted)
        ]
        found.sort(key=lambda one: (worst.get(one.id, 9), one.space, one.name))
        page: Page[Device] = self.page(found, limit, cursor)
        return Page([self.card(one) for one in page.items], page.next_cursor, page.total)

    async def device(self, id: str) -> DeviceCard:
        if id not in self.devices_by_id:
            raise NotFound(sentence("no_device", id=id))
        return self.card(self.devices_by_id[id])

    async def accept(self, id: str, space: str, name: str) -> DeviceCard:
        device = (await self.device(id)).device
        if space and space not in self.spaces_by_id:
            raise Refused(sentence("no_place", id=space))
        self.devices_by_id[id] = replace(device, accepted=True, space=space or device.space, name=name or device.name)
        return await self.device(id)

    async def duty_check(self, id: str) -> None:
        raise Refused(sentence("no_fire_tcp"))

    async def register(self, spaces: Sequence[Space], devices: Sequence[Device]) -> None:
        self.spaces_by_id |= {space.id: space for space in spaces}
        self.devices_by_id |= {device.id: device for device in devices}

    async def spaces(self) -> Sequence[Space]:
        return list(self.spaces_by_id.values())

    async def rules(self) -> Sequence[RuleInfo]:
        return [
            RuleInfo("fire-smoke", "state", "critical", "fire.smoke", name={"en": "Smoke", "zh": "烟雾"}, settings={"is": 1}),
            RuleInfo(
                "fire-water-low", "below", "warning", "fire.water.pressure", settings={"threshold": 400, "hold_for": 60_000}
            ),
        ]

    async def rows(self, device: str, quantity: str, channel: str, start: int, end: int, limit: int, packed: bool) -> bytes:
        return rows_json(self.all_rows(device, quantity, channel, start, end), limit, packed)

    def all_rows(self, device: str, quantity: str, channel: str, start: int, end: int) -> Rows:
        times = self.times(device, quantity, start, end)
        values = np.array([self.measured(device, quantity, int(at)) for at in times], dtype=np.float64)
        zeros = np.zeros(len(times), dtype=np.int64)
        return Rows(Series(device, quantity, channel), times, zeros, times + 40, values, zeros)

    def times(self, device: str, quantity: str, start: int, end: int) -> Ints:
        step = max(round((self.devices_by_id[device].interval or 60) * 1000), (end - start) // 20_000)
        end = min(end, wall())
        times = np.arange((start + step - 1) // step * step, max(end, start), step, dtype=np.int64)
        kept: Ints = times[(times // made.HOUR) % 19 != 7]  # an hour without readings, now and then: a gap
        return kept

    def measured(self, device: str, quantity: str, at: int) -> float:
        burning = quantity == "fire.smoke" and any(
            one.device == device and one.at <= at for one in self.open_alerts() if one.quantity == quantity
        )
        return 1.0 if burning else made.value(device, quantity, at)

    async def buckets(self, device: str, quantity: str, channel: str, start: int, end: int, every: int, packed: bool) -> bytes:
        rows = self.all_rows(device, quantity, channel, start, end)
        slots = (rows.time - start) // every
        parts = [rows.value[slots == slot] for slot in np.unique(slots)]

        def each(pick: Callable[[Floats], float]) -> Floats:
            return np.array([pick(part) for part in parts])

        counts = np.array([len(part) for part in parts], dtype=np.int64)
        low, high, mean = each(lambda part: part.min()), each(lambda part: part.max()), each(lambda part: part.mean())
        first, last = each(lambda part: part[0]), each(lambda part: part[-1])
        found = Buckets(rows.series, start + np.unique(slots) * every, low, high, mean, first, last, counts)
        return buckets_json(found, packed)

    async def energy(self, words: EnergyWords) -> dict[str, Any]:
        if words.month == "2026-13":
            raise Refused(sentence("period_month", month="2026-13"))
        return {"site": "yunqi", "time_zone": self.site.zone, "from": words.start, "to": words.end, "revision": 1, "rows": []}

    async def dead_letters(self, *, device: str = "", limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        return self.page([one for one in self.letters if device in ("", one.device)], limit, cursor)

    async def dead_letter(self, id: int) -> DeadLetter:
        for letter in self.letters:
            if letter.id == id:
                return letter
        raise NotFound(sentence("no_refusal", id=id))

    def metrics(self) -> str:
        return f"# TYPE gengfu_page_clients gauge\ngengfu_page_clients {self.feed.clients}\n"

    def ready(self) -> Sequence[str]:
        return self.missing

    def disabled(self) -> Sequence[str]:
        return []


async def liven(view: FakeView, fire_in: float) -> None:
    started = time.monotonic()
    burnt = fire_in <= 0
    while True:
        await asyncio.sleep(1)
        for device in list(view.devices_by_id.values())[:2000]:
            for reading in made.latest(device, wall()):
                view.feed.reading(Reading(reading.device, reading.quantity, reading.value, reading.time))
        if not burnt and time.monotonic() - started > fire_in:
            burnt = True
            view.set_fire()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--mode", default="lively", choices=["lively", "quiet", "empty", "flood"])
    parser.add_argument("--fire-in", type=float, default=0)
    given = parser.parse_args()
    view = FakeView(given.mode)
    app = create_app(view, drills=FakeDrills(given.mode == "empty"))
    server = uvicorn.Server(uvicorn.Config(app, port=given.port, log_level="warning", timeout_graceful_shutdown=2))
    print(f"http://127.0.0.1:{given.port}", flush=True)
    living = asyncio.create_task(liven(view, given.fire_in))
    await server.serve()
    living.cancel()


if __name__ == "__main__":
    asyncio.run(main())
