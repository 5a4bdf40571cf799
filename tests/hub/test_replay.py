"""A replay is the live engine over the stored past: what it finds is what the live one did, for every kind of rule there is."""

import inspect
import pickle
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pytest

from hub import plugins
from hub.calendar import Calendar
from hub.directory import Places
from hub.intake import Intake
from hub.model import Alert, Batch, Device, Message, Now, Quality, Reading, Series, Space
from hub.ports import Retention, Rule, Store
from hub.quantities import Vocabulary
from hub.records import Records, Work
from hub.records_ticks import Tick, put_tick, read_ticks
from hub.replay.question import Question, replay
from hub.replay.run import looked_at, run
from hub.stores.arrivals import arrivals
from hub.stores.memory import MemoryStore
from hub.stores.parquet import ParquetStore
from rules import build
from rules.engine import Engine
from rules.loading import conditions

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_790_000_000_000
VOCABULARY = Vocabulary()
CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"))
SPACES = [Space("3", "3幢", "building"), Space("3-5f", "5层", "floor", "3"), Space("502", "502", "flat", "3-5f")]
DEVICES = [Device(f"bench:{number}", space="502" if number else "3-5f", accepted=True) for number in range(3)]
TICK = 250
KINDS = sorted(plugins.find("rules"))


def sample(kind: str) -> Rule:
    """The rule of the kind's own manual page, for all devices."""
    page = inspect.getdoc(plugins.find("rules")[kind]) or ""
    (table, *_) = tomllib.loads(page.split("```toml")[1].split("```")[0])["rule"]
    scope = ("kind", "device", "space", "vendor", "model", "tag", "channel")
    return build(kind, {key: value for key, value in table.items() if key not in scope})


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


class Stream:
    """Random messages for one rule: in bursts and pauses, late, twice, undated, retained, in test mode, from a faulty device."""

    def __init__(self, rule: Rule, seed: int) -> None:
        self.random = Random(seed)
        self.what: list[tuple[str, str, list[float]]] = []
        for one in conditions(rule):
            quantity = next(each for each in VOCABULARY if fnmatchcase(each.name, one.settings.quantity))
            said = [v for v in numbers(one.settings.model_dump(exclude={"hold_for", "clear_for"})) if abs(v) < 1e5]
            around = [0.0, 1.0, *(v * share for v in said for share in (0.5, 0.9, 1.0, 1.1, 2.0))]
            self.what.append((quantity.name, quantity.shape, around))
        spans = [v for v in numbers(rule.settings.model_dump()) if v >= 1000]
        self.pace = max(1000, min(int(max(spans, default=MINUTE)) // 8, 45 * MINUTE))  # ms between messages, about
        self.total: dict[str, float] = {}  # what a counter has reached, or the last value
        self.still: set[str] = set()
        self.before: list[Reading] = []

    def value(self, device: str, quantity: str, shape: str, around: list[float]) -> float:
        key = f"{device} {quantity}"
        if self.random.random() < 0.06:
            self.still ^= {key}  # frozen from now on, or no longer
        if key in self.still and key in self.total:
            return self.total[key]
        if shape != "counter":
            chosen = self.total[key] = self.random.choice(around)
            return chosen
        grown = self.total[key] = self.total.get(key, 0.0) + abs(self.random.choice(around)) * self.random.random()
        return grown

    def messages(self, count: int) -> Iterator[tuple[Message, list[Reading]]]:
        random, at, connection = self.random, START, 0
        known: set[str] = set()
        for number in range(count):
            pause = random.random() < 0.03
            at += 1 + int(random.expovariate(1) * self.pace * (40 if pause else 0.25))
            device = f"bench:{random.randrange(3)}"
            time: int | None = at - random.randrange(200)
            late, undated = random.random() < 0.08, random.random() < 0.06
            if late:
                time = at - random.randrange(2 * self.pace + 1000)
            if random.random() < 0.08:
                time = 1000  # 1970: a clock that nobody has set
            readings = [
                Reading(device, name, self.value(device, name, shape, around), None if undated else time)
                for name, shape, around in self.what
                if device not in known or random.random() < 0.6
            ]
            known.add(device)
            if random.random() < 0.05 and self.before:
                readings = self.before
            flag = random.choice([Quality.TEST_MODE, Quality.DEVICE_FAULT, Quality.STUCK]) if random.random() < 0.05 else 0
            readings = [Reading(r.device, r.quantity, r.value, r.time, quality=int(flag)) for r in readings]
            self.before = readings
            yield Message(f"bench/{number}", b"", at, 0.0, "rest", 1, random.random() < 0.03, False, 0, connection), readings


class Messages(Protocol):
    def messages(self, count: int) -> Iterator[tuple[Message, list[Reading]]]: ...


def live(rule: Rule, stream: Messages, store: Store, records: Records, count: int) -> list[Alert]:
    """The hub's walk with a clock that is turned: intake, engine, store; ticks four times a second, logged as the hub does."""
    engine = Engine([rule], Places(SPACES, DEVICES), VOCABULARY, CALENDAR)
    intake = Intake(VOCABULARY, Retention())
    told: list[Alert] = []
    tick, newest = START, 0

    def tick_until(at: int) -> int:
        nonlocal tick
        while tick <= at:
            due = engine.next_due() * 1000
            if due > tick:  # nothing would come of it
                tick += max(1, int((min(due, at + TICK) - tick) // TICK)) * TICK
                if tick > at or engine.next_due() * 1000 > tick:
                    continue
            changed = engine.tick(Now(tick, tick / 1000))
            if engine.woken or engine.fallen:
                work = Work()
                put_tick(work, Tick(tick, newest, tuple(engine.fallen)))
                records.commit(work)
                told.extend(changed)
            tick += TICK
        return tick

    for number, (message, readings) in enumerate(stream.messages(count)):
        tick_until(message.received_at)
        now = Now(message.received_at, message.received_at / 1000)
        batch = Batch()
        for given in readings:
            if (reading := intake.accept(given, message)) is not None:
                batch.readings.append(reading)
                batch.received_at.append(message.received_at)
                told.extend(engine.step(reading, message.received_at, now, stale=message.retained))
        newest = message.received_at
        store.append("rest", batch)
        if number == count // 2:
            store.maintain(now, seal_all=True)
    tick_until(newest + 12 * HOUR)
    assert not engine.failed, engine.failed
    return told


def again(rule: Rule, store: Store, records: Records) -> list[Alert]:
    engine = Engine([rule], Places(SPACES, DEVICES), VOCABULARY, CALENDAR)
    told: list[Alert] = []
    wanted = looked_at([rule], store.series())
    ticks = read_ticks(records, 0, 2**62)
    end = max([START, *(int(store.rows(one, 0, 2**62).received_at.max()) for one in wanted)])
    spans = arrivals(store, wanted, START, end + 1)
    run(engine, wanted, spans, ticks, end + 12 * HOUR, lambda alerts, _: told.extend(alerts))
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_logged_ticks_its_transitions_are_those_of_the_live_engine(kind: str, tmp_path: Path) -> None:
    rule, seen = sample(kind), 0
    for seed in range(2):
        folder = tmp_path / str(seed)
        store = ParquetStore(folder, VOCABULARY, Retention(), clock=lambda: START)
        records = Records(folder / "records.db")
        expected = live(sample(kind), Stream(rule, seed), store, records, 250)
        got = again(rule, store, records)
        store.close()
        records.close()
        assert got == expected
        seen += len(expected)
    assert seen >= 3, f"{kind}: the streams hardly move it, so that equality shows nothing"


class Hushed:
    """A door that opens and falls silent before it has been open for long enough; much later its battery is heard of."""

    def messages(self, count: int) -> Iterator[tuple[Message, list[Reading]]]:
        seconds = [*range(0, 50, 10), 1_000.4, 1_020.4, 1_040.4]
        for number, second in enumerate(seconds):
            at = START + round(second * 1000)
            reading = Reading("bench:0", "door.open", float(number >= 4), at)
            if number > 4:
                reading = Reading("bench:0", "device.battery", 80.0, at)
            yield Message(f"bench/{number}", b"", at), [reading]


def test_a_timer_that_silence_has_stopped_goes_on_when_it_did(tmp_path: Path) -> None:
    """The hold time falls due while the device is silent; it is looked at again every ten seconds, and the log tells when."""
    rule = build("state", {"id": "door", "quantity": "door.open", "hold_for": "5min"})
    store = ParquetStore(tmp_path, VOCABULARY, Retention(), clock=lambda: START)
    records = Records(tmp_path / "records.db")
    expected = live(rule, Hushed(), store, records, 8)
    assert [alert.state for alert in expected if not alert.silent][-1] == "firing"
    assert again(rule, store, records) == expected
    store.close()
    records.close()


# --- the past as it arrived -------------------------------------------------------------------------------------------


def test_readings_come_in_the_order_of_arrival_sealed_or_not_from_both_lanes(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path, VOCABULARY, Retention(), clock=lambda: START)
    random = Random(3)
    given = []
    for number in range(600):
        arrival = START + number * 50_000
        given.append(
            (Reading(f"bench:{number % 5}", "air.co2", float(number), arrival - random.choice([0, 0, 3 * DAY])), arrival)
        )
    for number, (reading, arrival) in enumerate(given):
        batch = Batch()
        batch.readings.append(reading)
        batch.received_at.append(arrival)
        store.append("fire" if number % 7 == 0 else "rest", batch)
        if number in (200, 400):
            store.maintain(Now(arrival, 0), seal_all=True)
    wanted = store.series(quantity="air.*")
    spans = list(arrivals(store, wanted, given[100][1], given[550][1]))
    assert [value for span in spans for value in span.columns.value.tolist()] == [float(n) for n in range(100, 550)]
    store.close()


# --- what a person is told --------------------------------------------------------------------------------------------

HOT = {"id": "hot", "kind": "above", "quantity": "air.temperature", "threshold": 30, "hold_for": "10min"}


def filled(store: Store) -> None:
    """One device over 30 °C from 10:00 to 10:30 and for one minute at 12:00; another never; every minute from 9 to 15."""
    batch = Batch()
    for minute in range(9 * 60, 15 * 60):
        for device, hot in (("bench:1", 600 <= minute < 630 or minute == 720), ("bench:2", False)):
            at = START + minute * MINUTE
            batch.readings.append(Reading(device, "air.temperature", 31.0 if hot else 20.0, at))
            batch.received_at.append(at)
    store.append("rest", batch)


def question(against: dict[str, Any] | None = None, rule: dict[str, Any] = HOT) -> Question:
    """As it reaches the process that answers: pickled."""
    asked = Question(rule, START, START + DAY, tuple(DEVICES), tuple(SPACES), VOCABULARY, CALENDAR, against)
    sent: Question = pickle.loads(pickle.dumps(asked))
    return sent


def test_it_tells_how_often_how_long_and_where_beside_the_rule_it_replaces() -> None:
    store = MemoryStore(VOCABULARY, Retention())
    filled(store)
    shares: list[float] = []
    found = replay(store, question(HOT | {"hold_for": "0s"}), lambda progress: shares.append(progress.share))
    new, old = found["rule"], found["against"]
    assert (found["readings"], found["series"], shares[-1]) == (720, 2, 1.0)
    # pending from 10:00, raised at 10:10, clear at 10:30; the minute at 12:00 does not hold
    assert (new["rule"], new["fired"], new["dropped"], new["seconds"], new["firing"]) == ("hot", 1, 1, 20 * 60, 0)
    assert (old["rule"], old["fired"], old["dropped"], old["seconds"]) == ("hot", 2, 0, 31 * 60)
    assert [(one["device"], one["fired"], one["seconds"]) for one in new["devices"]] == [("bench:1", 1, 1200.0)]
    (episode,) = new["episodes"]
    assert (episode["raised_at"], episode["until"]) == (START + 610 * MINUTE, START + 630 * MINUTE)
    assert episode["summary"]["zh"].startswith("3幢5层502") or episode["place"]["zh"]
    assert sum(new["strip"]) == pytest.approx(1200) and sum(new["fired_in"]) == 1
    quarter = (610 * MINUTE) // (DAY // len(new["strip"]))
    assert new["strip"][quarter] > 0 and new["fired_in"][quarter] == 1


def test_what_only_a_person_closes_is_counted_each_time() -> None:
    store = MemoryStore(VOCABULARY, Retention())
    batch = Batch()
    for minute in (1, 30, 60):
        batch.readings.append(Reading("band:1", "safety.sos", 1.0, START + minute * MINUTE))
        batch.received_at.append(START + minute * MINUTE)
    store.append("rest", batch)
    found = replay(store, question(rule={"id": "sos", "kind": "state", "quantity": "safety.sos"}))
    assert (found["rule"]["fired"], found["rule"]["seconds"], found["rule"]["firing"]) == (3, 0, 0)


def test_only_the_series_a_rule_looks_at_are_read() -> None:
    every = [Series(d, q) for d in ("bench:1", "bench:2") for q in ("air.temperature", "air.humidity", "device.rssi")]
    plain = build("above", {"id": "a", "quantity": "air.temperature", "threshold": 1, "device": "*:1"})
    assert looked_at([plain], every) == [Series("bench:1", "air.temperature")]
    holding = build("above", {"id": "a", "quantity": "air.temperature", "threshold": 1, "device": "*:1", "hold_for": "1min"})
    assert looked_at([holding], every) == [one for one in every if one.device == "bench:1"], "its silence matters as well"
