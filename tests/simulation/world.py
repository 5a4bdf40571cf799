"""One run: the hub is started, loaded, disturbed, killed and started again, until all is quiet; then it is judged."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import duckdb
import msgspec

from hub import delivery, lane
from hub.model import LANES, Alert, Batch, Lane, Message, Notice, Now
from hub.ports import Notifier
from hub.records import Work
from hub.telling import incidents
from rules.engine import AlreadyClosed, UnknownAlert
from tests.simulation import life as lives
from tests.simulation.broker import Broker, Publication, SimulatedSession
from tests.simulation.disk import Disk
from tests.simulation.life import SILENT_AFTER, Life
from tests.simulation.loop import SimulatedLoop
from tests.simulation.oracle import Broken, Oracle
from tests.simulation.plan import BASE, Action, Maker, Measure, Plan, make
from tests.simulation.receivers import Receiver
from tests.simulation.verdict import check_acknowledged, judge

SETTLED = SILENT_AFTER + 25
"""Seconds after the last action at which silence must have been noticed."""
LONGEST = 900.0
"""Seconds in which all that was left to do must have been done."""
FAULT = "a commit failed"
GROUP = 100
"""Readings that one read of a socket brings, at most."""
MEMORY = Path("/dev/shm")


class World:
    def __init__(self, seed: int, directory: Path) -> None:
        self.seed = seed
        self.plan = make(seed)
        self.trace: list[str] = []
        self.now = 0.0
        self._directory = directory
        self._offset = 0  # ms by which the hub's wall clock is wrong
        self._booted = -1000.0
        self._random = Random(f"world {seed}")
        self.broker = Broker(Random(f"broker {seed}"), self.plan.window)
        self.oracle = Oracle(self.broker, self.plan)
        self._disk = Disk(Random(f"disk {seed}"))
        self._receivers = {id: Receiver(id, Random(f"{id} {seed}"), self._heard) for id in ("desk", "board")}
        self._life: Life | None = None
        self._ending = ""
        self._stopping = False
        self._next = 0
        self._published = 0
        for adapter in lives.adapters():
            self.broker.filters[adapter.lane].extend(adapter.topics)

    # --- the run --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises Broken, or whatever the hub itself raised."""
        while not self._live():
            pass

    def _live(self) -> bool:
        """From one start to one death; True when all is quiet and has been judged."""
        loop = SimulatedLoop(self.now, self._disk.submit)
        self.oracle.life += 1
        self.oracle.starts.append(self.now)
        notifiers: dict[str, Notifier] = {**lives.out(self._publish_out), **self._receivers}
        life = Life(self._directory, loop, self._clock, Random(f"life {self.seed}"), notifiers, self._announced, self._die)
        life.records.written = self._committed
        life.store.written = self._appended
        for work in life.lanes.values():
            work.receipts = self.oracle.receipts
        self._life, self._ending, self._stopping = life, "", False
        self._say(f"life {self.oracle.life} begins")
        try:
            self._disk.attach(loop, life.records)
            self.oracle.found([alert for _, alert in life.records.alerts(limit=100_000)], self.now)
            check_acknowledged(self.oracle, life.records)
            loop.call_soon(self._connect, life)
            if self._next < len(self.plan.actions):
                loop.call_at(max(self.plan.actions[self._next].moment, loop.now), self._act)
                self._until(loop, lambda: self._next == len(self.plan.actions) and not self._stopping)
            if not self._ending:
                self._settle(loop, life)
                judge(self.oracle, self.plan, life.records, life.people, life.store, self._silent())
                return True
            if self._ending == FAULT:
                self._ends(loop, life)
            self.now = loop.now
            fates = self._disk.cut_power()
            self._say(f"{self._ending}: under way were {', '.join(fates) or 'nothing'}")
            for session in life.sessions.values():
                session.lose()
        finally:
            self.broker.sessions.clear()
            self._life = None
            loop.end()
            life.close()
        down = self._random.choice((0.05, 1.0, 5.0, 20.0)) * self._random.uniform(0.5, 1)
        while self._next < len(self.plan.actions) and self.plan.actions[self._next].moment <= self.now + down:
            action = self.plan.actions[self._next]
            self._next += 1
            self._do(action)
        self.now += down
        if self._ending == "power":
            self._booted = self.now
        return False

    def _until(self, loop: SimulatedLoop, done: Any) -> None:
        while not done() and not self._ending:
            loop.run_to(loop.now + 1.0)
            self.now = loop.now
            self._look()

    def _ends(self, loop: SimulatedLoop, life: Life) -> None:
        """Whatever else has failed: the process comes to its end, so that it can be started again."""
        stopping = loop.create_task(life.stop())
        stopping.add_done_callback(lambda done: loop.stop())
        loop.run_to(loop.now + 30)
        if not stopping.done():
            raise Broken("a commit failed, and the hub does not end")

    def _settle(self, loop: SimulatedLoop, life: Life) -> None:
        for receiver in self._receivers.values():
            receiver.mood = "good"
        self._disk.slow, self._disk.fail_next = 0.0, False
        began = loop.now
        self._until(loop, lambda: loop.now - began > SETTLED)
        self._until(loop, lambda: self._quiet(life) or loop.now - began > LONGEST)
        if self._ending:
            raise Broken(f"the hub ended by itself: {self._ending}")
        if not self._quiet(life):
            left = [len(queue) for queue in self.broker.queues.values()]
            raise Broken(f"it does not become quiet: {left} messages, {len(life.records.unsent())} notices are left")

    def _quiet(self, life: Life) -> bool:
        return not any(self.broker.queues.values()) and not life.records.unsent() and self._disk.idle

    def _silent(self) -> set[str]:
        """Those that somebody must be told of by now; what was QoS 0 and never on the disk is as if it had not been sent."""
        known = {device for device, _ in self.oracle.arrived}
        late = self.now - SETTLED + 5
        return {device for device, heard in self.oracle.deliveries.items() if device in known and heard[-1].moment < late}

    # --- the hub's surroundings -----------------------------------------------------------------------------------------

    def _clock(self) -> Now:
        now = self._life.loop.now if self._life else self.now
        return Now(BASE + round(now * 1000) + self._offset, now - self._booted)

    def _connect(self, life: Life) -> None:
        sessions: dict[Lane, SimulatedSession] = {
            lane: SimulatedSession(lane, self.broker, life.loop, self._clock, life.pipeline.take, self._handed, self._confirming)
            for lane in LANES
        }
        life.start(sessions, self._learned)
        for topic in life.learned_before:
            self._learned(topic)
        for session in sessions.values():
            session.connect()

    def _learned(self, topic: str) -> None:
        if topic not in self.broker.filters["fire"]:
            self.broker.filters["fire"].append(topic)

    def _handed(self, message: Message, publication: Publication, again: bool) -> None:
        assert self._life is not None
        self._say(
            f"{message.lane} <- {publication.number} {publication.topic} {publication.payload!r}{' again' if again else ''}"
        )
        self.oracle.handed(message, publication, self._life.loop.now)

    def _confirming(self, message: Message, publication: Publication) -> None:
        assert self._life is not None
        self._say(f"{message.lane} -> confirms {publication.number}")
        self.oracle.confirming(message, publication, self._life.pipeline.open.values())

    def _appended(self, lane: Lane, batch: Batch) -> None:
        self._say(f"disk: journal {lane}, {len(batch)} readings, {len(batch.dead_letters)} refused")
        self.oracle.written(batch)

    def _committed(self, work: Work) -> None:
        changes = [f"{alert.rule} {alert.device} {alert.id} r{alert.revision} {alert.state}" for alert, _ in work.alerts]
        if changes:
            self._say(f"disk: {'; '.join(changes)}")
        self.oracle.committed(work, self._life.loop.now if self._life else self.now)

    def _announced(self, alert: Alert) -> None:
        self.oracle.announce(alert)

    def _heard(self, receiver: str, notice: Notice) -> None:
        self._say(f"{receiver} hears {notice.id}")
        self.oracle.heard(receiver, notice)

    def _publish_out(self, topic: str, payload: bytes) -> "asyncio.Future[None]":
        """As ``hub.mqtt.Session.publish``: repeated until the broker has confirmed it, now and then refused."""
        assert self._life is not None
        life, answer = self._life, self._life.loop.create_future()

        def attempt() -> None:
            if answer.done():
                return
            if life.sessions["fire"].up and self._random.random() < 0.97:
                said = json.loads(payload)
                self.oracle.published(said["id"], said["revision"])
                life.loop.call_later(0.001, lambda: None if answer.done() else answer.set_result(None))
            elif self._random.random() < 0.2:
                answer.set_exception(ConnectionError("the broker does not take it"))
            else:
                life.loop.call_later(0.1, attempt)

        life.loop.call_later(0.001, attempt)
        return answer

    def _die(self, reason: str) -> None:
        if self._life is not None and not self._ending:
            self._ending = reason
            self._life.loop.stop()

    def _look(self) -> None:
        life = self._life
        if life is None or self._ending:
            return
        self.oracle.look(life.pipeline.open.values(), life.loop.now)
        for id in ("desk", "board", "mqtt"):
            if life.delivery.depth(id) > delivery.QUEUE:
                raise Broken(f"the queue of {id} holds {life.delivery.depth(id)} notices")
        for work in life.lanes.values():
            if max(work.waiting, len(work.batch)) > lane.MOST + GROUP:
                raise Broken(f"lane {work.lane} holds {work.waiting} messages and {len(work.batch)} readings")

    def _say(self, line: str) -> None:
        now = self._life.loop.now if self._life else self.now
        self.trace.append(f"{now:10.4f} {line}")

    # --- what the plan brings -------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Does what is due, and comes again for the next."""
        assert self._life is not None
        loop = self._life.loop
        action = self.plan.actions[self._next]
        self._next += 1
        self.now = loop.now
        if self._next < len(self.plan.actions):
            loop.call_at(max(self.plan.actions[self._next].moment, loop.now), self._act)
        self._do(action)

    def _do(self, action: Action) -> None:
        getattr(self, f"_{action.what}")(*action.args)

    def _send(self, maker: Maker, measure: Measure) -> None:
        payload = maker.payload(measure)
        said = {name: float(value) for name, value in msgspec.json.decode(payload).items()}
        key = None if measure.time is None else (maker.id, measure.time)
        index = next(n for n, one in enumerate(maker.measures) if one.moment == measure.moment)
        self._publish(maker, payload, said, key, index)

    def _garble(self, maker: Maker) -> None:
        self._publish(maker, b'{"smoke": tr', {}, None, -1)

    def _publish(self, maker: Maker, payload: bytes, said: dict[str, float], key: tuple[str, int] | None, index: int) -> None:
        self._published += 1
        publication = Publication(self._published, maker.topic, payload, maker.qos, maker.id, said, key, index)
        self.oracle.sent[maker.id].append(publication)
        self.broker.publish(publication)

    def _flood(self, number: int) -> None:
        for n in range(number):
            payload = msgspec.json.encode({"ts": BASE + round(self.now * 1000) + n, "power": 1.0})
            self._published += 1
            self.broker.publish(Publication(self._published, "level/flood", payload, 0, "level:flood", {"power": 1.0}, None, -2))

    def _crash(self, kind: str) -> None:
        life = self._life
        if life is None or self._ending:
            return
        if kind == "fault":
            self._disk.fail_next = True
        elif kind == "stop" and not self._stopping:
            self._stopping = True
            life.loop.create_task(life.stop()).add_done_callback(lambda done: self._die("stopped"))
        elif kind != "stop":
            self._die(kind)

    def _reconnect(self, lane: Lane) -> None:
        life = self._life
        if life is not None and (session := life.sessions.get(lane)) and session.up:
            session.lose()
            life.loop.call_later(self._random.uniform(0.05, 3), session.connect)
            self._say(f"{lane} session: connection lost")

    def _slow_disk(self, seconds: float) -> None:
        self._disk.slow = seconds

    def _seal(self) -> None:
        if self._life is not None and not self._ending:
            seal = partial(self._life.store.maintain, self._clock(), seal_all=True)
            sealed = self._life.loop.run_in_executor("sealer", seal)
            sealed.add_done_callback(lambda done: self._die(FAULT) if not done.cancelled() and done.exception() else None)

    def _jump(self, offset: int) -> None:
        self._say(f"the wall clock jumps: {offset} ms off")
        self._offset = offset

    def _mood(self, receiver: str, mood: str) -> None:
        self._receivers[receiver].mood = mood

    def _acknowledge(self, which: float) -> None:
        if self._life is not None and (open_alerts := list(self._life.pipeline.open)):
            self._life.loop.create_task(self._acknowledging(self._life, open_alerts[int(which * len(open_alerts))]))

    async def _acknowledging(self, life: Life, id: str) -> None:
        try:
            alert = await life.pipeline.acknowledge(id, f"li at {self.now:.1f}", "")
        except (AlreadyClosed, UnknownAlert):
            return
        self._say(f"{id} acknowledged by {alert.acknowledged_by}")
        self.oracle.acknowledged[id] = alert.acknowledged_by

    def _resolve(self, which: float) -> None:
        if self._life is not None and (open_alerts := list(self._life.pipeline.open)):
            self._life.loop.create_task(self._resolving(self._life, open_alerts[int(which * len(open_alerts))]))

    async def _resolving(self, life: Life, id: str) -> None:
        self.oracle.closing.add(id)
        self._say(f"{id} is resolved by a person")
        try:
            await life.pipeline.resolve(id, "li", "seen to")
        except (AlreadyClosed, UnknownAlert):
            return


@contextmanager
def _machine(plan: Plan) -> Iterator[None]:
    """One DuckDB for all lives, since opening one takes longer than a life; and small queues, if the plan has it so."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(incidents, "NAMED", 1000))  # every alert that a message speaks of is seen
        stack.enter_context(patch.object(duckdb, "connect", lambda *_, **__: _duck().cursor()))
        if plan.small:
            stack.enter_context(patch.object(delivery, "QUEUE", 3))
            for name, value in (("BACKLOG", 40), ("MOST", 80), ("FULL", 20)):
                stack.enter_context(patch.object(lane, name, value))
        yield


_duck = cache(partial(duckdb.connect, ":memory:", config={"threads": 1}))


class Failed(AssertionError):
    """A seed that breaks an invariant, with what led there."""

    def __init__(self, seed: int, problem: BaseException, trace: list[str]) -> None:
        super().__init__(f"seed {seed}: {problem if isinstance(problem, Broken) else repr(problem)}")
        self.seed = seed
        self.trace = trace


def simulate(seed: int) -> World:
    """Runs one seed; raises Failed."""
    directory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None, prefix="gengfu-simulation-"))
    world = World(seed, directory)
    try:
        with _machine(world.plan):
            world.run()
    except Exception as problem:
        raise Failed(seed, problem, world.trace) from problem
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return world
