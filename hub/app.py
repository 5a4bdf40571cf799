"""Wires the parts together and supervises them; nothing else does.

The end of an essential task, or a commit that failed, ends the process with its reason: a supervisor starts it again, and
what was not confirmed comes again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from random import Random

from hub import collecting, plugins
from hub.bookkeeper import Bookkeeper
from hub.broker import PrivateBroker
from hub.commands import restored
from hub.committer import Committer
from hub.config import Config, site_context
from hub.delivery import Delivery
from hub.desk import Desk
from hub.directory import Places, learned
from hub.disabled import Plugged
from hub.drill_adapter import DrillAdapter
from hub.drill_inside import drills
from hub.drill_rule import with_drill
from hub.essentials import Essentials
from hub.evidence import Evidence
from hub.fire_tcp import Both, FireTcp
from hub.front import front
from hub.glance import Glance
from hub.heartbeat import Heartbeat
from hub.intake import Intake
from hub.journal_reader import JournalUnusable
from hub.lane import LaneWork
from hub.link_desk import LinkDesk
from hub.links import Links, secret
from hub.lock import Lock
from hub.model import DRILL_DEVICE, LANES, Lane, Notice, Now
from hub.moments import iso
from hub.mqtt import Address, Session, parse_url
from hub.notices import MQTT, Receiver, Roster
from hub.notifiers.mqtt import MqttNotifier
from hub.notifiers.words import Words
from hub.outside import Outside
from hub.pipeline import Pipeline
from hub.ports import Notifier
from hub.queries import Here, Queries
from hub.records import Records, Sent, Work
from hub.records_people import PeopleReader
from hub.records_rules import read_versions
from hub.remembering import engine_state, last_seen
from hub.reports.buckets import bucket_minutes
from hub.reserve import Reserve
from hub.rulebook.book import Book
from hub.server import PageServer
from hub.status import metrics, not_ready, not_watching
from hub.stores import opening
from hub.stores.memory import MemoryStore
from hub.systemd import notify
from hub.upkeep import Upkeep
from hub.warming import warm
from hub.watchdog import Watchdog
from hub.web.feed import Feed
from rules.engine import Engine

RECENT = 7 * 86_400_000
REDELIVERY = 600_000
REFRESH_EVERY = 30.0
NAMES = 32
"""Threads that look up host names, and do nothing else: each may hang for half a minute when the name server is dead."""

log = logging.getLogger("gengfu")


def clock() -> Now:
    return Now(time.time_ns() // 1_000_000, time.monotonic())


def open_store(config: Config) -> opening.AnyStore:
    kind, bucket = config.store_kind, bucket_minutes(config.zone, config.energy.tariffs)
    return opening.open_store(kind, config.store_settings, config.directory, config.vocabulary, config.retention, bucket)


open_reader = opening.open_reader  # the store, for reading in another process


class Hub:
    """One running hub. ``start`` returns when the page is served; ``run`` goes on until ``stop`` is called or something
    essential ends."""

    def __init__(self, config: Config, say: Callable[[str], None] = print) -> None:
        self.config = config
        self.say = say
        self.random = Random()
        self.url = ""
        self.broker_url = ""
        self.broken = False  # a commit failed: nothing may be written or confirmed any more
        self.essentials = Essentials()
        self._outbox = ThreadPoolExecutor(1, "outbox")

    # --- start --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        config = self.config
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(NAMES, "names"))
        loop.set_exception_handler(self.essentials.raised)
        self.lock = Lock(config.directory)
        self.records = Records(config.directory / "records.db")
        self.reader = PeopleReader(config.directory / "records.db")
        self.reserve = Reserve(config.directory)
        self.store = self._open_store()
        self.upkeep = Upkeep(self.store, self.records, self.reserve, clock)
        self.places = self._places()
        site = site_context(config)
        now = clock()
        self.links = Links(secret(config.directory), config.web.public_url)
        names = {one.id: one.name for one in config.people}
        self.words = Words(config.name, config.zone, self.links.link, names, self.places.name)
        self.feed = Feed(now.wall)
        intake = Intake(config.vocabulary, config.retention)
        self.glance = Glance(self.places, intake, now.wall)
        self.outside = Outside(config.community, self.feed, clock)
        drilled = DrillAdapter(config.community)
        formats = [*(plugin(settings, site) for plugin, settings in config.adapters), drilled]
        self.book = Book(config, read_versions(self.reader))
        self.plugged = Plugged(formats, with_drill(self.book.rules), self._notifiers())
        self.plugged.look(config.directory, iso(now.wall) or "")
        self.watchdog = Watchdog(config.directory, self.plugged.names, lambda: iso(clock().wall) or "")
        self.engine = Engine(self.plugged.rules(), self.places, config.vocabulary, config.calendar)
        self.engine.failed.update(self.plugged.rules_off())
        alerts = self.reader.open_and_recent(now.wall - RECENT)
        self.engine.restore(engine_state(self.reader), alerts, self.reader.heartbeat(), now)
        latest = self.store.latest()
        self.engine.expect(latest, now)
        warm(self.engine, self.store, self.engine.saved_at, now.wall)
        self.engine.await_devices(self.places.devices.values(), now)
        adapters = self.plugged.adapters()
        for adapter in adapters:
            if (state := self.reader.state(f"adapter:{adapter.kind}")) is not None:
                adapter.restore(state)
        intake.restore(self.store.digests(now.wall - REDELIVERY), (reading for reading, _ in latest))
        self.committer = Committer(self.records, self._committed, self._broken, self.reserve)
        self.lanes: dict[Lane, LaneWork] = {
            lane: LaneWork(lane, self.store, self.committer, self._broken, self.reserve) for lane in LANES
        }
        for work in self.lanes.values():
            work.receipts = self.outside.receipts
        learned = self.reader.topics()
        real = [alert for alert in alerts if alert.device != DRILL_DEVICE]
        telling = restored(config, self._receivers(), self.places, self.reader, real, now)
        self.pipeline = Pipeline(
            adapters, intake, self.engine, self.places, telling, self.committer, self.lanes, self.outside, clock, learned
        )
        self.fire_tcp = self._fire_tcp()
        await self._connect(learned)
        address, _ = _address(config, self.broker_url)
        self.drills = drills(self, Roster(config.people, tuple(self._receivers())), address, drilled)
        self.delivery = Delivery(self.plugged.notifiers(), clock, self.random, self._sent)
        beat = config.heartbeat
        self.heartbeat = Heartbeat(beat.url, beat.every, lambda: not_watching(self)) if beat else None
        in_memory = isinstance(self.store, MemoryStore)
        opener = partial(open_reader, config.directory, config.store_kind, config.store_settings)
        self.queries = Here(self.store) if in_memory else Queries(opener)
        self.evidence = Evidence(self.queries, self.committer, clock, self.reader)
        self.desk = Desk(
            config,
            site,
            self.pipeline,
            self.reader,
            self.queries,
            self.glance,
            self.feed,
            clock,
            version("gengfu"),
            lambda: metrics(self),
            lambda: not_ready(self),
            lambda: list(dict.fromkeys([*self.plugged.off, *(f"rule {id}" for id in self.engine.failed)])),
        )
        self.desk.fire_tcp = self.fire_tcp
        people = {person.id: person for person in config.people}
        self.link_desk = LinkDesk(self.links, self.words, self.pipeline, self.reader, self.committer, people, clock)
        self.bookkeeper = Bookkeeper(config, lambda: self.pipeline.places, self.queries, self.words, clock)
        self.server = PageServer(front(self), config.web.host, config.web.port)
        self.url = self.server.url
        if self.server.moved:
            self.say(f"Port {config.web.port} is taken; the page is at {self.url} instead.")
        self.lock.tell(self.url)
        essential = self.essentials.start
        self._page = essential("page", self.server.run())
        essential("pipeline", self.pipeline.run())
        essential("delivery", self.delivery.run(self._unsent))
        for session in self.sessions.values():
            essential(f"MQTT session {session.lane}", session.run())
        essential("store's upkeep", self.upkeep.run())
        essential("records' log", self.upkeep.copy_log())
        essential("overview", self._refresh())
        essential("bookkeeper", self.bookkeeper.run())
        essential("evidence", self.evidence.run())
        if self.heartbeat is not None:
            essential("heartbeat", self.heartbeat.run())
        if config.drill.every is not None:
            essential("drill", self.drills.run(config.drill.every))
        await self.server.started()
        if self.fire_tcp is not None:
            await self.fire_tcp.start()
        collecting.start()
        self.watchdog.start()
        notify("READY=1")

    def _open_store(self) -> opening.AnyStore:
        try:
            return open_store(self.config)
        except JournalUnusable:
            if not self.reserve.release():
                raise
            return open_store(self.config)  # a disk that filled up while the hub was down

    def _places(self) -> Places:
        """What the records know, with what the configuration says on top."""
        places = Places(self.reader.spaces(), self.reader.devices())
        places.last_seen.update(last_seen(self.reader))
        places.upsert_spaces(self.config.spaces)
        places.upsert_devices(learned(places.device(device.id), device) for device in self.config.devices)
        return places

    def _fire_tcp(self) -> FireTcp | None:
        given = self.config.fire_tcp
        if given is None:
            return None
        return FireTcp(given.host, given.port, given.allow, self.config.zone, self.pipeline.take, clock)

    def _receivers(self) -> list[Receiver]:
        given = [entry for entry in self.config.notifiers if entry.kind != MQTT]
        return [Receiver(entry.id, getattr(entry.settings, "at_least", "info")) for entry in given]

    def _notifiers(self) -> dict[str, Notifier]:
        found = plugins.find("hub.notifiers")
        notifiers: dict[str, Notifier] = {MQTT: MqttNotifier(self.config.community, self.outside.send)}
        for entry in self.config.notifiers:
            if entry.kind != MQTT:
                notifiers[entry.id] = found[entry.kind](entry.settings, self.words)
        return notifiers

    async def _connect(self, learned: Sequence[str]) -> None:
        """Two sessions, one a lane; the private broker first, if there is no other."""
        config = self.config
        self.broker: PrivateBroker | None = None
        if config.mqtt is None:
            self.broker = PrivateBroker(config.directory / "broker")
            self.broker_url = await self.broker.start()
        address, client_id = _address(config, self.broker_url)
        self.sessions: dict[Lane, Session] = {}
        for lane in LANES:
            filters = self.pipeline.routes.filters(lane) + (list(learned) if lane == "fire" else [])
            session = Session(
                address,
                f"{client_id}-{lane}",
                lane,
                filters,
                self.pipeline.take,
                self.pipeline.refuse,
                clock=clock,
                random=self.random,
            )
            self.sessions[lane] = session
            self.lanes[lane].source = session
        if self.fire_tcp is not None:
            self.lanes["fire"].source = Both(self.sessions["fire"], self.fire_tcp)
        self.outside.connect(self.sessions["fire"])

    # --- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Goes on until ``stop``; raises Fault with the reason when something essential ended."""
        await self.essentials.over()

    def end(self, reason: str = "") -> None:
        """Asks ``run`` to return; with a reason it raises it."""
        self.essentials.end(reason)

    def _broken(self, error: BaseException) -> None:
        log.critical("a commit failed: %s", error)
        self.broken = True
        self.end(f"what has arrived cannot be written to {self.config.directory}: {error}")

    def _committed(self, work: Work) -> None:
        self.delivery.put(work.notices)
        self.drills.committed(work.alerts)
        self.pipeline.committed(alert for alert, _ in work.alerts)
        self.evidence.raised(alert for alert, _ in work.alerts)

    def _sent(self, sent: Sent) -> None:
        self.committer.gather(urgent=False).sent.append(sent)
        self.pipeline.telling.sent(sent.notice, sent.state)
        self.drills.sent(sent)

    def _unsent(self) -> "asyncio.Future[list[Notice]]":
        return asyncio.get_running_loop().run_in_executor(self._outbox, self.reader.unsent)

    async def _refresh(self) -> None:
        while True:
            self.glance.sample(clock())
            try:
                await self.desk.refresh()
            except Exception as problem:  # noqa: BLE001  today's figures are missing then; the watch goes on
                log.warning("today's figures are missing: %s: %s", type(problem).__name__, problem)
            await self.glance.pause(REFRESH_EVERY)

    # --- stop ---------------------------------------------------------------------------------------------------------

    async def stop(self, *, broker: bool = True) -> None:
        """Commits and confirms what has arrived, remembers what must survive, and lets go."""
        notify("STOPPING=1")
        self.watchdog.stop()
        for lane in self.lanes.values():
            if lane.source is not None:
                lane.source.pause()
        for lane in self.lanes.values():
            await lane.drained()
        if self.fire_tcp is not None:
            await self.fire_tcp.close()
        self.pipeline.remember()
        if not self.committer.stuck:
            await self.committer.durable()
        self.feed.close()
        for session in self.sessions.values():
            await session.close()
        self.server.stop()
        await asyncio.wait([self._page], timeout=5)
        await self.essentials.cancel()
        for lane in self.lanes.values():
            await lane.close()
        await self.committer.close()
        self.upkeep.close()
        self._outbox.shutdown()
        self.queries.close()
        self.desk.close()
        self.link_desk.close()
        self.drills.close()
        self.store.close()
        self.reader.close()
        self.records.close()
        if broker and self.broker is not None:
            await self.broker.stop()
        self.lock.release()
        collecting.stop()

    async def abandon(self) -> None:
        """Lets go without writing or confirming anything."""
        notify("STOPPING=1")
        self.watchdog.stop()
        self.queries.close()
        if self.broker is not None:
            await self.broker.stop()


def _address(config: Config, private: str) -> tuple[Address, str]:
    """Where the broker is, and what the hub's client ids begin with."""
    if config.mqtt is None:
        return parse_url(private), f"gengfu-{config.community}"
    mqtt = config.mqtt
    address = Address(
        mqtt.host,
        mqtt.port,
        mqtt.tls,
        mqtt.username or "",
        mqtt.password or "",
        str(mqtt.ca_file or ""),
        5 if mqtt.version == "5" else 4,
    )
    return address, mqtt.client_id
