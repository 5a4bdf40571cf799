"""A site in memory for reports: a block of two buildings, and the readings of meters that count evenly."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.directory import Places
from hub.model import Batch, Device, Reading, Space
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.reports.energy import energy_report
from hub.reports.setup import Duty, Energy, Role
from hub.reports.tariffs import Tariff
from hub.stores.memory import MemoryStore

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
IMPORT, EXPORT, PV = "energy.active.import.total", "energy.active.export.total", "energy.pv.total"
HOUR, QUARTER = 3_600_000, 900_000

SPACES = [
    Space("yunqi", "云栖社区", "community"),
    Space("3", "3幢", "building", "yunqi"),
    Space("3-1", "1单元", "entrance", "3"),
    Space("502", "502室", "flat", "3-1"),
    Space("601", "601室", "flat", "3-1"),
    Space("4", "4幢", "building", "yunqi"),
    Space("101", "101室", "flat", "4"),
]


def ms(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def tariff(**said: Any) -> Tariff:
    return Tariff.model_validate({"id": "t", **said})


class Yard:
    """``meter`` puts one up, ``count`` lets it count so much in each of a number of equal steps."""

    def __init__(self, zone: ZoneInfo = SHANGHAI) -> None:
        self.zone = zone
        self.store = MemoryStore(Vocabulary(), Retention())
        self.devices: dict[str, Device] = {}
        self.duties: dict[str, Duty] = {}
        self.registers: dict[tuple[str, str], tuple[int, float]] = {}

    def meter(
        self, id: str, space: str = "", role: Role = "sub", measures: str = "", party: str = "", factor: float = 1.0
    ) -> None:
        self.devices[id] = Device(id, name=id, space=space, accepted=True, factor=factor)
        self.duties[id] = Duty(role, measures, party)

    def count(self, id: str, since: str | int, steps: Sequence[float], every: int = HOUR, quantity: str = IMPORT) -> None:
        """The register begins at 1000, or goes on where it was."""
        at = since if isinstance(since, int) else ms(since, self.zone)
        _, shown = self.registers.get((id, quantity), (at, 1000.0))
        points = [(at, shown)]
        for step in steps:
            at, shown = at + every, shown + step
            points.append((at, shown))
        self.registers[id, quantity] = at, shown
        self.readings(id, points, quantity)

    def readings(self, id: str, points: Sequence[tuple[int, float]], quantity: str = IMPORT) -> None:
        batch = Batch()
        for time, value in points:
            batch.readings.append(Reading(id, quantity, value, time))
            batch.received_at.append(time)
        self.store.append("rest", batch)

    @property
    def places(self) -> Places:
        return Places(SPACES, self.devices.values())

    def report(
        self, start: str, end: str, *tariffs: Tariff, by: str = "device", every: str = "total", **more: Any
    ) -> dict[str, Any]:
        setup = Energy(duties=self.duties, tariffs=tariffs, **more)
        span = ms(start, self.zone), ms(end, self.zone)
        return energy_report(self.store, self.devices, self.places, "云栖社区", self.zone, *span, by, every, setup)

    def rows(self, start: str, end: str, *tariffs: Tariff, **words: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.report(start, end, *tariffs, **words)["rows"]
        return rows
