"""The community at a glance, from memory: newest values, who is in which building, cars in and out."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from hub.directory import Places
from hub.intake import Intake
from hub.model import SEVERITIES, Alert, Now, Reading, Severity
from hub.pace import Pace
from hub.ports import SiteContext
from hub.today import HOUR, OCCUPIED, POWER, Figures, Parked, grid_meters, midnight
from hub.web.view import Building, Overview

SAMPLES = 24 * 60
SERIES = 500_000
LOOKS = 60.0
"""Seconds after a look in which somebody is taken to look on: an open page does so every few seconds."""


class Glance:
    """Looks at the newest reading of every series, which the intake remembers anyway, when somebody asks. ``started``: the hub,
    wall ms."""

    def __init__(self, places: Places, intake: Intake, started: int) -> None:
        self.started = started
        self.figures = Figures()
        self.parked: Parked | None = None  # until somebody has asked the store
        self.last_drill: Callable[[], int | None] = lambda: None  # when one last passed, ms
        self._looked = float("-inf")  # monotonic s
        self._anew = asyncio.Event()
        self._places = places
        self._intake = intake
        self._bays: deque[tuple[int, float]] = deque(maxlen=SAMPLES)

    def watched(self, now: Now) -> bool:
        """Whether somebody has looked lately, so that today's figures are worth asking for."""
        return now.monotonic - self._looked < LOOKS

    async def pause(self, seconds: float) -> None:
        """Until then, or until somebody begins to look."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._anew.wait()
        self._anew.clear()

    def latest(self, device: str) -> list[Reading]:
        """The newest reading of each of its series, by quantity and channel."""
        tracks = self._intake.devices.get(device, {})
        return [track.newest for _, track in sorted(tracks.items()) if track.newest is not None]

    def sample(self, now: Now) -> None:
        """Once a minute: how many bays are taken."""
        taken = self._states(OCCUPIED)
        if taken:
            self._bays.append((now.wall, sum(taken)))

    def _states(self, quantity: str) -> list[float]:
        found = (tracks.get((quantity, "")) for tracks in self._intake.devices.values())
        return [track.newest.value for track in found if track is not None and track.newest is not None]

    def overview(
        self,
        now: Now,
        alerts: Mapping[str, Alert],
        site: SiteContext,
        newest_at: int | None,
        pace: Pace,
    ) -> Overview:
        if not self.watched(now):
            self._anew.set()
        self._looked = now.monotonic
        firing = [alert for alert in alerts.values() if alert.state == "firing"]
        silent = {alert.device for alert in firing if alert.quantity == "" or alert.silent}
        troubled = {alert.device for alert in firing if alert.quantity.startswith("fire.")}
        counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
        for alert in firing:
            counts[alert.severity] += 1
        power = [
            watts * self._places.devices[id].factor
            for id in grid_meters(self._places)
            if id not in silent and (watts := self._power(id)) is not None
        ]
        bays = self._states(OCCUPIED)
        earlier = self.parked or Parked()
        start = midnight(now.wall, site)
        turns = [*earlier.turned, *((turn.time or 0, turn.value > 0) for turn in self._intake.turned)]
        recent = [came for at, came in turns if at > now.wall - HOUR]
        detectors, unhealthy, wearers, seen = 0, 0, 0, 0
        for id, tracks in self._intake.devices.items():
            quantities = {quantity for quantity, _ in tracks}
            if any(quantity.startswith("fire.") for quantity in quantities):
                detectors += 1
                fault = tracks.get(("fire.fault", ""))
                device = self._places.device(id)
                broken = fault is not None and fault.newest is not None and fault.newest.value > 0
                unhealthy += id in silent or id in troubled or broken or bool(device and device.online is False)
            if any(quantity.startswith(("health.", "safety.")) for quantity in quantities):
                wearers += 1
                seen += id not in silent and now.wall - (self._places.last_seen.get(id) or 0) < HOUR
        return Overview(
            now=now.wall,
            open=counts,
            unacknowledged=sum(not alert.acknowledged_by for alert in firing),
            buildings=self._buildings(firing, silent),
            devices=len(self._places.devices),
            unaccepted=sum(not device.accepted for device in self._places.devices.values()),
            last_drill=self.last_drill(),
            newest_at=newest_at,
            alert_p50_ms=pace.ms(0.5),
            alert_p99_ms=pace.ms(0.99),
            alert_own_p99_ms=pace.own_ms(0.99),
            power_w=sum(power) if power else None,
            power_today=self.figures.power_today,
            kwh_today=self.figures.kwh_today,
            bays_free=sum(value == 0 for value in bays) if bays else None,
            bays_total=len(bays),
            bays_today=[(at, taken) for at, taken in (*earlier.taken, *self._bays) if at >= start],
            cars_in=sum(recent) if bays else None,
            cars_out=len(recent) - sum(recent) if bays else None,
            detectors_healthy=detectors - unhealthy,
            detectors_total=detectors,
            wearers_seen=seen,
            wearers_total=wearers,
        )

    def _power(self, id: str) -> float | None:
        """A meter's power, or the sum of its channels, W."""
        found = {reading.channel: reading.value for reading in self.latest(id) if reading.quantity == POWER}
        return found.get("", sum(found.values())) if found else None

    def _buildings(self, firing: Sequence[Alert], silent: set[str]) -> list[Building]:
        cells = {
            space.id: Building(id=space.id, name=space.name, name_en=space.name_en)
            for space in self._places.spaces.values()
            if space.kind == "building"
        }
        home: dict[str, str] = {}
        for id in self._places.devices:
            cell = next((space.id for space in self._places.path(id) if space.kind == "building"), None)
            if cell:
                home[id] = cell
                cells[cell] = replace(cells[cell], devices=cells[cell].devices + 1, silent=cells[cell].silent + (id in silent))
        for alert in firing:
            if cell := home.get(alert.device):
                worst = max(alert.severity, cells[cell].worst or "info", key=SEVERITIES.index)
                waiting = cells[cell].unacknowledged + (not alert.acknowledged_by)
                cells[cell] = replace(cells[cell], open=cells[cell].open + 1, unacknowledged=waiting, worst=worst)
        return sorted(cells.values(), key=lambda cell: cell.id)
