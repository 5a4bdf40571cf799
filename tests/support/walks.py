"""The walk without a broker: real adapters, intake, engine, records and store; messages are handed in and what would be
confirmed is written down."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub import plugins
from hub.committer import Committer
from hub.directory import Places
from hub.intake import Intake
from hub.lane import LaneWork
from hub.model import LANES, Alert, DeadLetter, Lane, Message, Now, Publish, Reading
from hub.notices import Roster
from hub.pipeline import Pipeline
from hub.ports import Adapter, Retention, SiteContext, Store
from hub.quantities import Quantity, Vocabulary
from hub.records import Records, Work
from hub.stores.memory import MemoryStore
from rules.engine import Engine
from rules.loading import load_defaults

NOW = 1_791_169_445_000  # 2026-10-05T03:04:05Z
DAY = 86_400_000


class Confirmed:
    """Stands where the session is: notes what would be confirmed."""

    window = 20

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.paused = False

    def confirm(self, messages: Sequence[Message]) -> None:
        self.messages.extend(messages)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class Heard:
    """What the pipeline told the outside."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.readings: list[Reading] = []
        self.letters: list[DeadLetter] = []
        self.published: list[Publish] = []
        self.topics: list[str] = []

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def watched(self) -> bool:
        return True

    def reading(self, reading: Reading) -> None:
        self.readings.append(reading)

    def refused(self, letter: DeadLetter) -> None:
        self.letters.append(letter)

    def publish(self, publish: Publish) -> None:
        self.published.append(publish)

    def learned(self, topic: str) -> None:
        self.topics.append(topic)


class Walk:
    """``give`` hands in messages; ``settled`` returns when all of them are committed and confirmed."""

    def __init__(self, path: Path, adapters: Sequence[Adapter], store: Store | None = None) -> None:
        self.now = Now(NOW, 100.0)
        self.vocabulary = VOCABULARY
        self.store: Store = store or MemoryStore(VOCABULARY, RETENTION, lambda: self.now.wall)
        self.records = Records(path / "records.db")
        self.heard = Heard()
        self.failures: list[BaseException] = []
        places = Places()
        self.engine = Engine(load_defaults(VOCABULARY), places, VOCABULARY)
        self.committer = Committer(self.records, self._committed, self.failures.append)
        self.lanes: dict[Lane, LaneWork] = {
            lane: LaneWork(lane, self.store, self.committer, self.failures.append) for lane in LANES
        }
        self.confirmed = {lane: Confirmed() for lane in LANES}
        for lane, work in self.lanes.items():
            work.source = self.confirmed[lane]
        self.pipeline = Pipeline(
            adapters,
            Intake(VOCABULARY, RETENTION),
            self.engine,
            places,
            Roster(),
            self.committer,
            self.lanes,
            self.heard,
            lambda: self.now,
        )
        self._packet = 0

    def _committed(self, work: Work) -> None:
        self.pipeline.committed(alert for alert, _ in work.alerts)

    def give(self, topic: str, payload: bytes | str, **more: Any) -> Message:
        self._packet += 1
        data = payload.encode() if isinstance(payload, str) else payload
        given: dict[str, Any] = {"received_at": self.now.wall, "monotonic": self.now.monotonic, "packet_id": self._packet}
        message = Message(topic, data, **(given | more))
        self.pipeline.take([message])
        return message

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            for lane in self.lanes.values():
                await lane.drained()
            await self.committer.durable()

    def letters(self) -> list[DeadLetter]:
        return self.store.dead_letters(1000)


VOCABULARY = Vocabulary([Quantity("bench.level", "1", "gauge", 0, 1000, "device", "level", "液位")])
RETENTION = Retention(fire=5 * 365 * DAY, energy=3650 * DAY, device=365 * DAY)
SITE = SiteContext("yunqi", ZoneInfo("Asia/Shanghai"), VOCABULARY)


def adapter(kind: str, **settings: Any) -> Adapter:
    plugin = plugins.find("adapters")[kind]
    made: Adapter = plugin(plugin.Settings(**settings), SITE)
    return made


def mapping(**more: Any) -> Adapter:
    """The contract's own mapping: tele/fire/{device}, level and power."""
    settings: dict[str, Any] = {
        "topic": "tele/fire/{device}",
        "device": "bench:{device}",
        "time": {"path": "ts", "unit": "s"},
        "readings": [
            {"quantity": "bench.level", "path": "smoke"},
            {"quantity": "power.active", "path": "power_w", "unit": "W"},
        ],
    }
    return adapter("json", **(settings | more))


@asynccontextmanager
async def walk(path: Path, *adapters: Adapter, store: Store | None = None) -> AsyncIterator[Walk]:
    made = Walk(path, adapters or [mapping()], store)
    yield made
    assert not made.failures, made.failures
    await made.settled()
    for lane in made.lanes.values():
        await lane.close()
    await made.committer.close()
