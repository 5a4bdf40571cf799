"""The hub between one start and one death: the parts that ``hub.app`` puts together, without page and sockets."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any, cast
from zoneinfo import ZoneInfo

from adapters.json_mapping import JsonMapping
from hub.calendar import Calendar
from hub.committer import Committer
from hub.delivery import Delivery
from hub.directory import Places
from hub.intake import Intake
from hub.lane import LaneWork
from hub.model import LANES, Alert, Batch, DeadLetter, Device, Lane, Notice, Now, Person, Publish, Reading, Space
from hub.notices import MQTT, Receiver, Roster
from hub.notifiers.mqtt import MqttNotifier
from hub.pipeline import Pipeline
from hub.ports import Adapter, Notifier, Retention, SiteContext
from hub.quantities import Quantity, Vocabulary
from hub.records import Records, Sent, Work
from hub.records_people import PeopleReader
from hub.remembering import engine_state, last_seen
from hub.stores.parquet import ParquetStore
from hub.telling.duty import Rota
from hub.telling.flapping import Limits
from hub.telling.telling import Telling
from hub.telling.voice import Plan
from rules.engine import Engine
from rules.loading import build
from tests.simulation.broker import SimulatedSession
from tests.simulation.loop import SimulatedLoop
from tests.simulation.plan import HOLD

VOCABULARY = Vocabulary([Quantity("bench.level", "1", "gauge", 0, 1000, "device", "level", "液位")])
RETENTION = Retention(fire=5 * 365 * 86_400_000)
SITE = SiteContext("yunqi", ZoneInfo("Asia/Shanghai"), VOCABULARY)
SILENT_AFTER = 60.0
"""Seconds without a word after which any of the simulated devices counts as silent at the latest."""
RECENT, REDELIVERY = 7 * 86_400_000, 600_000  # as in hub.app

_TIME = {"path": "ts", "unit": "ms"}
_SMOKE = [{"quantity": "fire.smoke", "path": "smoke"}]
_LEVEL = [{"quantity": "bench.level", "path": "level"}, {"quantity": "power.active", "path": "power", "unit": "W"}]
_CARE = [{"quantity": "safety.sos", "path": "sos"}, {"quantity": "health.heart_rate", "path": "hr"}]
_RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("state", {"id": "smoke", "quantity": "fire.smoke", "severity": "critical"}),
    ("state", {"id": "sos", "quantity": "safety.sos", "severity": "critical"}),
    ("state", {"id": "unreadable", "quantity": "fire.unreadable"}),
    ("above", {"id": "level-high", "quantity": "bench.level", "threshold": 500, "hold_for": f"{HOLD:g}s"}),
    ("above", {"id": "power-high", "quantity": "power.active", "threshold": 40, "clear": 20, "clear_for": "5s"}),
    ("silent", {"id": "silent", "quantity": "*", "at_least": "30s", "at_most": f"{SILENT_AFTER:g}s"}),
)
_PEOPLE = (Person(id="li", name="李管家", tell=("desk",)),)
_RECEIVERS = (Receiver("desk"), Receiver("board"))
_BUILDING = Space("3", "3幢", "building")
_DETECTORS = [Device(f"{kind}:{number}", space="3", accepted=True) for kind in ("smoke", "plain", "zig") for number in range(9)]
"""In one building: their alarms are one incident. Of the others nobody has said where they are."""
FLAPPING = 3
"""Alerts of one rule and device within a minute after which what is not critical is held back until it has been calm."""
_PLAN = Plan(Rota(Calendar()), flapping=Limits(after=FLAPPING, within=60.0, calm=30.0), critical_updates=2.0, updates=5.0)


def adapters() -> list[Adapter]:
    def mapping(kind: str, **more: Any) -> Adapter:
        settings = JsonMapping.Settings(topic=f"{kind}/{{device}}", device=f"{kind}:{{device}}", **more)
        made: Any = JsonMapping(settings, SITE)
        return cast(Adapter, made)

    return [
        mapping("smoke", lane="fire", time=_TIME, readings=_SMOKE),
        mapping("plain", lane="fire", readings=_SMOKE),
        mapping("zig", readings=_SMOKE),
        mapping("level", time=_TIME, readings=_LEVEL),
        mapping("care", time=_TIME, readings=_CARE),
    ]


class MqttOut(MqttNotifier):
    concurrency = 4


class WatchedRecords(Records):
    """The real ones, and ``written`` hears of each commit once it is on the disk."""

    written: Callable[[Work], None] = staticmethod(lambda work: None)

    def commit(self, work: Work) -> None:
        super().commit(work)
        self.written(work)


class WatchedStore(ParquetStore):
    written: Callable[[Lane, Batch], None] = staticmethod(lambda lane, batch: None)

    def append(self, lane: Lane, batch: Batch) -> None:
        super().append(lane, batch)
        self.written(lane, batch)


class Life:
    """``announced`` hears every alert the page would be shown, ``died`` why the hub ended itself."""

    def __init__(
        self,
        directory: Path,
        loop: SimulatedLoop,
        clock: Callable[[], Now],
        random: Random,
        notifiers: dict[str, Notifier],
        announced: Callable[[Alert], None],
        died: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.began = loop.now
        self._announced = announced
        self._died = died
        self.records = WatchedRecords(directory / "records.db")
        self.store = WatchedStore(directory, VOCABULARY, RETENTION, clock=lambda: clock().wall)
        now = clock()
        places = Places(self.records.spaces(), self.records.devices())
        places.upsert_spaces([_BUILDING])
        places.upsert_devices([places.device(one.id) or one for one in _DETECTORS])
        places.last_seen.update(last_seen(self.records))
        self.engine = Engine([build(kind, table) for kind, table in _RULES], places, VOCABULARY)
        alerts = self.records.open_and_recent(now.wall - RECENT)
        self.engine.restore(engine_state(self.records), alerts, self.records.heartbeat(), now)
        self.engine.expect(self.store.latest(), now)
        self.people = PeopleReader(directory / "records.db")
        telling = Telling(Roster(_PEOPLE, _RECEIVERS), places, _PLAN)
        telling.restore(self.people.telling(), alerts, self.people.unsent(), now)
        intake = Intake(VOCABULARY, RETENTION)
        intake.restore(self.store.digests(now.wall - REDELIVERY))
        self.committer = Committer(self.records, self._committed, self._broken)
        self.lanes: dict[Lane, LaneWork] = {lane: LaneWork(lane, self.store, self.committer, self._broken) for lane in LANES}
        self.learned_before = self.records.topics()
        self.pipeline = Pipeline(
            adapters(),
            intake,
            self.engine,
            places,
            telling,
            self.committer,
            self.lanes,
            self,
            clock,
            self.learned_before,
        )
        self.delivery = Delivery(notifiers, clock, random, self._sent)
        self.sessions: dict[Lane, SimulatedSession] = {}
        self._learned: Callable[[str], None] = lambda topic: None

    def start(self, sessions: dict[Lane, SimulatedSession], learned: Callable[[str], None]) -> None:
        self.sessions = sessions
        self._learned = learned
        for lane, session in sessions.items():
            self.lanes[lane].source = session
        self._essential(self.pipeline.run())
        self._essential(self.delivery.run(self._unsent))

    async def stop(self) -> None:
        """As ``hub.app`` stops on SIGTERM."""
        for session in self.sessions.values():
            session.pause()
        for lane in self.lanes.values():
            await lane.drained()
        self.pipeline.remember()
        if not self.committer.stuck:
            await self.committer.durable()
        for lane in self.lanes.values():
            await lane.close()
        await self.committer.close()

    def close(self) -> None:
        """Lets go of the files; nothing is written that was not written before."""
        self.people.close()
        self.records.close()
        self.store.close()

    # --- what the pipeline tells the rest of the house ------------------------------------------------------------------

    def alert(self, alert: Alert) -> None:
        self._announced(alert)

    def watched(self) -> bool:
        return False

    def reading(self, reading: Reading) -> None: ...

    def refused(self, letter: DeadLetter) -> None: ...

    def publish(self, publish: Publish) -> None: ...

    def learned(self, topic: str) -> None:
        self._learned(topic)

    # --- as hub.app has it ----------------------------------------------------------------------------------------------

    def _committed(self, work: Work) -> None:
        self.delivery.put(work.notices)
        self.pipeline.committed(alert for alert, _ in work.alerts)

    def _sent(self, sent: Sent) -> None:
        self.committer.gather(urgent=False).sent.append(sent)
        self.pipeline.telling.sent(sent.notice, sent.state)

    def _unsent(self) -> "asyncio.Future[list[Notice]]":
        return self.loop.run_in_executor(None, self.records.unsent)

    def _broken(self, error: BaseException) -> None:
        self._died("a commit failed")

    def _essential(self, work: Coroutine[Any, Any, None]) -> None:
        def ended(done: "asyncio.Task[None]") -> None:
            if not done.cancelled():
                raise done.exception() or RuntimeError("an essential task returned")

        self.loop.create_task(work).add_done_callback(ended)


def out(publish: Callable[[str, bytes], "asyncio.Future[None]"]) -> dict[str, Notifier]:
    return {MQTT: MqttOut(SITE.community, publish)}
