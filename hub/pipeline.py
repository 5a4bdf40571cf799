"""The walk of a message, top to bottom: route, decode, accept, judge, gather; then committed, then confirmed.

What people do (acknowledge, resolve, accept a device) comes in here as well: only the pipeline changes alerts.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from hub.committer import Committer
from hub.directory import Places
from hub.intake import Intake, TooOld, digest
from hub.lane import LaneWork
from hub.model import (
    Alert,
    DeadLetter,
    Device,
    DeviceInfo,
    Lane,
    Message,
    Now,
    Publish,
    Reading,
    Reason,
    Space,
)
from hub.notices import Roster
from hub.pace import Pace
from hub.ports import Adapter, Malformed
from hub.receipts import wanted
from hub.records import Work
from hub.records_people import put_telling
from hub.records_ticks import Tick, put_tick
from hub.remembering import Remembering
from hub.routing import Routes, Twins, fault
from hub.telling.guarded import Guarded, plain
from hub.telling.telling import Telling
from hub.turns import Turns
from hub.wire import Refused
from rules.engine import Engine

KEPT_BYTES = 64 * 1024
TICK = 0.25
HEARTBEAT = 10.0
LOOKED_AT = 10_000
LEARNED = 10_000
"""Topics that both sessions carry, at most; what speaks of fire beyond them is judged all the same."""

log = logging.getLogger("gengfu.pipeline")


class Outside(Protocol):
    """What the pipeline tells the rest of the house; nothing of it calls back."""

    def alert(self, alert: Alert) -> None: ...
    def watched(self) -> bool: ...
    def reading(self, reading: Reading) -> None: ...
    def refused(self, letter: DeadLetter) -> None: ...
    def publish(self, publish: Publish) -> None: ...
    def learned(self, topic: str) -> None: ...


class Pipeline:
    def __init__(
        self,
        adapters: Sequence[Adapter],
        intake: Intake,
        engine: Engine,
        places: Places,
        roster: Roster | Telling,
        committer: Committer,
        lanes: Mapping[Lane, LaneWork],
        outside: Outside,
        clock: Callable[[], Now],
        learned: Iterable[str] = (),
    ) -> None:
        self.adapters = adapters
        self.routes = Routes(adapters)
        self.twins = Twins(learned)
        self.intake = intake
        self.engine = engine
        self.places = places
        self.lanes = lanes
        self._committer = committer
        self._outside = outside
        self._clock = clock
        self.open = {alert.id: alert for alert in engine.open_alerts()}
        self.remembering = Remembering(adapters, engine, places, committer, clock)
        self._looked_at: set[tuple[str, str]] = set()  # alerts, and who has opened them
        self._received: dict[str, float] = {}  # alert id -> monotonic of the message that opened it
        self.pace = Pace()
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.newest_at: int | None = None
        self._watched = False
        self.telling = roster if isinstance(roster, Telling) else plain(roster, places, engine.open_alerts(), clock())
        self.told = Guarded(self.telling)

    # --- the walk -----------------------------------------------------------------------------------------------------

    def take(self, messages: list[Message]) -> None:
        """A group of messages of one lane, in the order they arrived."""
        if not messages:
            return
        lane = self.lanes[messages[0].lane]
        now = self._clock()
        self._watched = self._outside.watched()
        shedding = lane.shedding
        for message in messages:
            if message.qos:
                lane.took(message)
            elif shedding:
                lane.shed += 1
                continue
            self._one(message, lane, now)
        self.counts["messages"] += len(messages)
        self.newest_at = messages[-1].received_at
        lane.gathered()

    def refuse(self, refused: Refused) -> None:
        """Takes a message that was refused before it could be decoded: too large, or a topic MQTT does not allow."""
        message = refused.message
        lane = self.lanes[message.lane]
        if message.qos:
            lane.took(message)
        problem = Malformed(refused.reason, refused.detail)
        self._refused(message, problem, "", lane, self._clock(), (refused.size, refused.sha256))
        lane.gathered()

    def _one(self, message: Message, lane: LaneWork, now: Now) -> None:
        topic = message.topic
        adapter = self.routes.adapter(topic)
        if wrong := fault(topic) if adapter is None else "":
            self._refused(message, Malformed(Reason.BAD_TOPIC, wrong), "", lane, now)
            return
        if adapter is None:
            self.counts["unrouted"] += 1  # a subscription of an earlier configuration
            return
        if topic in self.twins.topics and self.twins.is_copy(message, digest(message)):
            return
        try:
            decoded = adapter.decode(message)
        except Malformed as problem:
            self._refused(message, problem, adapter.kind, lane, now)
            return
        except Exception as error:
            log.exception("adapter %s failed on a message of %s", adapter.kind, topic)
            ours = Malformed(Reason.ADAPTER_FAILED, f"the adapter failed: {type(error).__name__}: {error}")
            self._refused(message, ours, adapter.kind, lane, now)
            return
        device, seq = "", 0
        repeated: int | None = None
        for item in decoded:
            if type(item) is Reading:
                if item.time is None and item.network_time is None:
                    if repeated is None:
                        repeated = self._repeated(message, lane)
                    if repeated:
                        item = replace(item, quality=item.quality | repeated)
                if item.device != device:
                    device, seq = item.device, item.seq
                    self._seen(device, message.received_at)
                self._reading(item, message, lane, now)
            elif type(item) is DeviceInfo:
                self._told(item, message, lane, now)
            elif type(item) is Publish:
                self._outside.publish(item)
        if device and (message.lane == "fire" or topic in self.twins.topics):
            receipt = wanted(message.payload, device, seq)
            if receipt is not None:
                lane.owes(receipt)

    def _reading(self, given: Reading, message: Message, lane: LaneWork, now: Now) -> None:
        stale = message.retained
        track = self.intake.track(given)
        try:
            reading = self.intake.accept(given, message, track)
        except TooOld as old:
            problem = Malformed(Reason.TOO_OLD, "the reading is older than what is kept", given.device)
            self._refused(message, problem, "", lane, now)
            self._changed(self.engine.step(old.reading, message.received_at, now, stale=True), message, lane, now)
            return
        if reading is None:
            return
        batch = lane.batch
        batch.readings.append(reading)
        batch.received_at.append(message.received_at)
        batch.slots.append(track)
        if track.kind.saves_lives and message.lane == "rest":
            self._learn(message.topic)
        if changed := self.engine.step(reading, message.received_at, now, stale=stale, slot=track):
            self._changed(changed, message, lane, now)
        if self._watched:
            self._outside.reading(reading)

    def _repeated(self, message: Message, lane: LaneWork) -> int:
        """A message without a device time is known again by its topic and payload, if the broker says it is redelivered.
        Quality flags."""
        mark = digest(message)
        before = self.intake.seen_before(mark)
        lane.batch.digests.append(mark)
        return before if message.redelivered else 0

    def _told(self, info: DeviceInfo, message: Message, lane: LaneWork, now: Now) -> None:
        changed = self.places.told(info, message.received_at)
        if changed is not None:
            self._committer.gather(urgent=False).devices[changed.id] = changed
            self.engine.device_changed(changed.id)
        if info.online is not None:
            self._seen(info.device, message.received_at)
            self._reading(Reading(info.device, "device.online", float(info.online)), message, lane, now)

    def _seen(self, device: str, at: int) -> None:
        new = self.places.seen(device, at)
        if new is not None:
            self._committer.gather(urgent=False).devices[new.id] = new

    def _learn(self, topic: str) -> None:
        """Once a device has spoken of fire or safety, the fire session carries its topic as well."""
        if topic in self.twins.topics:
            return
        if len(self.twins.topics) >= LEARNED:
            self.counts["unlearned"] += 1
        else:
            self.twins.topics.add(topic)
            self._committer.gather(urgent=False).topics.append(topic)
            self._outside.learned(topic)

    def _refused(
        self, message: Message, problem: Malformed, kind: str, lane: LaneWork, now: Now, whole: tuple[int, str] | None = None
    ) -> None:
        """``whole``: size and SHA-256, where the payload at hand is only its beginning."""
        device = problem.device
        letter = DeadLetter(
            at=message.received_at,
            topic=message.topic[:1024],
            payload=message.payload[:KEPT_BYTES],
            size=whole[0] if whole else len(message.payload),
            sha256=whole[1] if whole else hashlib.sha256(message.payload).hexdigest(),
            reason=str(problem.reason),
            detail=problem.detail,
            adapter=kind,
            device=device,
            lane=message.lane,
        )
        self.refusals[kind or "hub", letter.reason] += 1
        lane.batch.dead_letters.append(letter)
        self._outside.refused(letter)
        if message.lane == "fire" or message.topic in self.twins.topics:
            unreadable = Reading(device or f"topic:{message.topic}", "fire.unreadable", 1.0, message.received_at)
            self._changed(self.engine.step(unreadable, message.received_at, now), message, lane, now)

    # --- alerts -------------------------------------------------------------------------------------------------------

    def _changed(self, alerts: Sequence[Alert], message: Message | None, lane: LaneWork | None, now: Now) -> None:
        """Puts changed alerts and their notices into the transaction that is gathering."""
        if not alerts:
            return
        work = self._committer.gather()
        for alert in alerts:
            before = self.open.get(alert.id)
            work.alerts.append((alert, now.wall))
            work.notices.extend(self.told.changed(before, alert, now))
            if alert.state == "resolved":
                self.open.pop(alert.id, None)
            else:
                self.open[alert.id] = alert
            if before is None and message is not None and not alert.stale:
                self._received[alert.id] = message.monotonic
            self.counts[f"alerts_{alert.state}"] += 1
        put_telling(work, self.telling.drain())
        if lane is not None:
            lane.alerted()

    def committed(self, alerts: Iterable[Alert]) -> None:
        """Called when alerts are on disk and have been handed out: measures the way there."""
        now = self._clock().monotonic
        for alert in alerts:
            if received := self._received.pop(alert.id, None):
                self.pace.add(now - received, self._committer.spent)
            self._outside.alert(alert)

    def tick(self) -> None:
        now = self._clock()
        changed = self.engine.tick(now)
        if self.engine.woken or self.engine.fallen:
            tick = Tick(now.wall, self.newest_at or 0, tuple(self.engine.fallen))
            put_tick(self._committer.gather(urgent=bool(changed)), tick)
        self._changed(changed, None, None, now)
        notices = self.told.tick(now)
        kept = self.telling.drain()
        if notices or kept.incidents or kept.members:
            work = self._committer.gather(urgent=bool(notices))
            work.notices.extend(notices)
            put_telling(work, kept)

    # --- what people do -----------------------------------------------------------------------------------------------

    async def acknowledge(self, id: str, by: str, comment: str) -> Alert:
        """Raises what ``Engine.acknowledge`` raises. Returns when it is on disk."""
        now = self._clock()
        return await self._by_hand(self.engine.acknowledge(id, by, comment, now), by, "acknowledge", now)

    async def acknowledge_told(self, id: str, by: str, comment: str) -> Alert:
        """The alert, and with it all of its incident that people have been told of: who answers a message answers all of it."""
        alert = await self.acknowledge(id, by, comment)
        group = self.telling.group_of(id)
        others = [one for one in group.told if one in group.waiting] if group else []
        if others:
            changed = [self.engine.acknowledge(one, by, comment, self._clock()) for one in others]
            await self.decide(changed, [(by, "acknowledge", one) for one in others])
        return alert

    async def resolve(self, id: str, by: str, reason: str) -> Alert:
        now = self._clock()
        return await self._by_hand(self.engine.resolve(id, by, reason, now), by, "resolve", now)

    def seen(self, id: str, by: str) -> None:
        """Somebody has opened the alert. Each one's first time counts; later ones are not recorded."""
        if (id, by) not in self._looked_at:
            if len(self._looked_at) >= LOOKED_AT:
                self._looked_at.clear()
            self._looked_at.add((id, by))
            self._committer.gather(urgent=False).audits.append((self._clock().wall, by, "seen", id))

    async def _by_hand(self, alert: Alert, by: str, what: str, now: Now) -> Alert:
        before = self.open.get(alert.id)
        if before is None or before.revision != alert.revision:
            self._changed([alert], None, None, now)
            self._committer.gather().audits.append((now.wall, by, what, alert.id))
            await self._committer.durable()
        return alert

    async def decide(
        self, alerts: Sequence[Alert], audits: Iterable[tuple[str, str, str]], put: Callable[[Work], None] = lambda work: None
    ) -> None:
        """What people decide beside acknowledging and closing (``hub.commands``): changed alerts, audits as (who, what,
        subject), and what ``put`` writes. Returns when it is on disk."""
        now = self._clock()
        self._changed(alerts, None, None, now)
        work = self._committer.gather()
        work.audits.extend((now.wall, who, what, subject) for who, what, subject in audits)
        put(work)
        await self._committer.durable()

    async def register(self, spaces: Sequence[Space], devices: Sequence[Device], by: str) -> None:
        """Takes places and devices from an import or from the page; what is already known of a device stays."""
        now = self._clock()
        self.places.upsert_spaces(spaces)
        merged = []
        for device in devices:
            known = self.places.device(device.id)
            if known:
                device = replace(
                    device,
                    vendor=device.vendor or known.vendor,
                    model=device.model or known.model,
                    online=known.online,
                    first_seen=known.first_seen,
                    interval=known.interval,
                )
            merged.append(device)
        self.places.upsert_devices(merged)
        self.engine.directory_changed()
        work = self._committer.gather()
        work.spaces.update((space.id, space) for space in spaces)
        work.devices.update((device.id, device) for device in merged)
        work.audits.append((now.wall, by, "register", f"{len(spaces)} spaces, {len(devices)} devices"))
        await self._committer.durable()

    # --- what goes on by itself ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ticks, and notes with each heartbeat what must survive a restart."""
        beat, turns = 0.0, Turns()
        while True:
            self.tick()
            if self._clock().monotonic >= beat:
                beat = self._clock().monotonic + HEARTBEAT
                self.remembering.beat()
            self.remembering.go_on()
            turns.look()
            await asyncio.sleep(TICK)

    def remember(self) -> None:
        """Puts the heartbeat and every state that changed into the next transaction."""
        self.remembering.all()
