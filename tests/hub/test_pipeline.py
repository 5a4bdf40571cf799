"""The walk of a message: what is committed before what, and what bad input costs."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from hub.model import Batch, Lane, Message, Quality, Reading, Reason, Series
from hub.ports import Decoded
from hub.stores.memory import MemoryStore
from hub.wire import Refused
from tests.support.walks import NOW, RETENTION, VOCABULARY, adapter, mapping, walk

DAY = 86_400_000


def level(value: float, ts: float = NOW / 1000, power: float = 5) -> str:
    return json.dumps({"ts": ts, "smoke": value, "power_w": power})


def smoke(on: bool, **more: object) -> str:
    return json.dumps({"smoke": on} | more)


class Gate(MemoryStore):
    """A store that does not return from ``append`` before it is let."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, RETENTION)
        self.open = threading.Event()
        self.entered = threading.Event()

    def append(self, lane: Lane, batch: Batch) -> None:
        self.entered.set()
        assert self.open.wait(20)
        super().append(lane, batch)


@pytest.mark.promise(1)
async def test_nothing_is_confirmed_before_it_is_stored(tmp_path: Path) -> None:
    gate = Gate()
    async with walk(tmp_path, mapping(), adapter("zigbee2mqtt"), store=gate) as made:
        given = [made.give("tele/fire/a", level(1, NOW / 1000 + n)) for n in range(3)]
        # The alert path does not wait for the store, the confirmation does.
        made.give("zigbee2mqtt/0x00158d0001020304", smoke(True))
        await made.committer.durable()
        assert made.records.alerts()
        assert await asyncio.to_thread(gate.entered.wait, 20)
        assert made.confirmed["rest"].messages == []
        gate.open.set()
        await made.settled()
        assert made.confirmed["rest"].messages[:3] == given


@pytest.mark.promise(1)
@pytest.mark.promise(3)
async def test_an_alert_is_on_disk_before_its_message_is_confirmed(tmp_path: Path) -> None:
    async with walk(tmp_path, adapter("zigbee2mqtt")) as made:
        seen: list[int] = []
        confirm = made.confirmed["rest"].confirm

        def watched(messages: Sequence[Message]) -> None:
            seen.append(len(made.records.alerts()))
            confirm(messages)

        made.confirmed["rest"].confirm = watched  # type: ignore[method-assign]
        made.give("zigbee2mqtt/0x00158d0001020304", smoke(True))
        await made.settled()
        assert seen == [1]
        [(_, alert)] = made.records.alerts()
        assert (alert.rule, alert.severity, alert.state) == ("fire-smoke", "critical", "firing")
        assert [notice.notifier for notice in made.records.unsent()] == ["mqtt"]


@pytest.mark.promise(7)
async def test_bad_input_hurts_only_its_sender(tmp_path: Path) -> None:
    bad: list[tuple[bytes, Reason]] = [
        (b"", Reason.EMPTY),
        (b"null", Reason.WRONG_SHAPE),
        (b"42", Reason.WRONG_SHAPE),
        (b'{"smoke": 5', Reason.BAD_JSON),
        (b'{"smoke": NaN}', Reason.BAD_JSON),
        (b"\xff\xfe{\x00}\x00", Reason.BAD_ENCODING),
        (b'{"smoke": true}', Reason.WRONG_TYPE),
        (b'{"other": 1}', Reason.MISSING_FIELD),
    ]
    async with walk(tmp_path) as made:
        for number, (payload, _) in enumerate(bad):
            made.give("tele/fire/good", level(number, NOW / 1000 + number))
            made.give("tele/fire/bad", payload)
        await made.settled()
        rows = made.store.rows(Series("bench:good", "bench.level"), 0, 2**62)
        assert rows.value.tolist() == [float(number) for number in range(len(bad))]
        letters = made.letters()
        assert [(letter.payload, letter.reason) for letter in reversed(letters)] == [(p, str(r)) for p, r in bad]
        assert len(made.confirmed["rest"].messages) == 2 * len(bad), "refused messages are confirmed as well"
        assert made.pipeline.refusals["json", "wrong_shape"] == 2


class Faulty:
    """An adapter with a fault of our own."""

    kind: ClassVar[str] = "faulty"
    topics: tuple[str, ...] = ("faulty/+",)
    lane: Lane = "rest"

    def decode(self, message: Message) -> Sequence[Decoded]:
        if message.payload == b"bang":
            raise ZeroDivisionError("float division by zero")
        return [Reading("f:1", "power.active", 1.0)]

    def snapshot(self) -> None:
        return None

    def restore(self, state: object) -> None: ...


async def test_an_adapter_that_raises_costs_one_message(tmp_path: Path) -> None:
    async with walk(tmp_path, Faulty(), mapping()) as made:
        made.give("faulty/a", b"bang")
        made.give("faulty/a", b"fine")
        made.give("tele/fire/a", level(1))
        await made.settled()
        [letter] = made.letters()
        assert (letter.reason, letter.adapter) == ("adapter_failed", "faulty")
        assert "ZeroDivisionError" in letter.detail
        assert len(made.heard.readings) == 3


async def test_older_than_what_is_kept_is_refused_and_still_alarms(tmp_path: Path) -> None:
    old = (NOW - 6 * 365 * DAY) / 1000
    fire = mapping(readings=[{"quantity": "fire.smoke", "path": "smoke"}])
    async with walk(tmp_path, fire) as made:
        made.give("tele/fire/a", json.dumps({"ts": old, "smoke": 1}))
        await made.settled()
        assert [letter.reason for letter in made.letters()] == ["too_old"]
        raised = [alert for alert in made.heard.alerts if alert.rule == "fire-smoke"]
        assert [(alert.state, alert.stale) for alert in raised] == [("firing", True)]
        assert made.store.series() == []


async def test_a_topic_that_spoke_of_fire_is_carried_by_both_sessions_and_counted_once(tmp_path: Path) -> None:
    async with walk(tmp_path, adapter("zigbee2mqtt")) as made:
        topic = "zigbee2mqtt/0x00158d0001020304"
        made.give(topic, smoke(False))
        assert made.heard.topics == [topic]
        made.give(topic, smoke(False, linkquality=7), lane="fire")
        made.give(topic, smoke(False, linkquality=7), lane="rest")
        made.give(topic, smoke(True), lane="rest")
        made.give(topic, smoke(True), lane="fire")
        await made.settled()
        assert made.pipeline.twins.skipped == 2
        assert [reading.value for reading in made.heard.readings if reading.quantity == "fire.smoke"] == [0.0, 0.0, 1.0]
        assert len(made.confirmed["fire"].messages) == 2
        assert made.records.topics() == [topic]


async def test_an_unreadable_message_of_a_fire_device_is_an_alert(tmp_path: Path) -> None:
    async with walk(tmp_path, adapter("zigbee2mqtt")) as made:
        topic = "zigbee2mqtt/0x00158d0001020304"
        made.give(topic, smoke(False))
        made.give(topic, b'{"smoke": tr')
        await made.settled()
        [alert] = made.heard.alerts
        assert (alert.rule, alert.state, alert.event) == ("fire-unreadable", "firing", True)


async def test_a_retained_alarm_is_raised_once_to_be_verified(tmp_path: Path) -> None:
    async with walk(tmp_path, adapter("zigbee2mqtt")) as made:
        topic = "zigbee2mqtt/0x00158d0001020304"
        made.give(topic, smoke(True), retained=True)
        made.give(topic, smoke(True), retained=True)
        await made.settled()
        [alert] = made.heard.alerts
        assert (alert.state, alert.stale) == ("firing", True)
        assert all(reading.quality & Quality.STALE_RETAINED for reading in made.heard.readings)


async def test_a_redelivered_message_without_a_time_is_flagged(tmp_path: Path) -> None:
    async with walk(tmp_path, mapping(time=None)) as made:
        made.give("tele/fire/a", level(1))
        made.give("tele/fire/a", level(1))
        made.give("tele/fire/a", level(1), redelivered=True)
        await made.settled()
        flags = [
            bool(reading.quality & Quality.DUPLICATE) for reading in made.heard.readings if reading.quantity == "bench.level"
        ]
        assert flags == [False, False, True], "the same payload again is no duplicate unless the broker says so"


@pytest.mark.parametrize("topic", ["/tele//fire/", "$SYS/broker/uptime", "a/" * 200 + "b", "x" * 2000])
async def test_a_bad_topic_is_refused(topic: str, tmp_path: Path) -> None:
    async with walk(tmp_path) as made:
        made.give(topic, level(1))
        await made.settled()
        assert [letter.reason for letter in made.letters()] == ["bad_topic"]
        assert len(made.confirmed["rest"].messages) == 1


async def test_what_is_too_large_is_kept_by_its_beginning(tmp_path: Path) -> None:
    async with walk(tmp_path) as made:
        message = Message("tele/fire/a", b"x" * 65536, NOW, packet_id=9)
        made.pipeline.refuse(Refused(message, Reason.TOO_LARGE, "4000000 bytes, at most 1048576 are taken", 4_000_000, "ab" * 32))
        await made.settled()
        [letter] = made.letters()
        assert (letter.size, letter.sha256, len(letter.payload)) == (4_000_000, "ab" * 32, 65536)
        assert made.confirmed["rest"].messages == [message]


async def test_what_a_person_decides_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    async with walk(tmp_path, adapter("zigbee2mqtt")) as made:
        made.give("zigbee2mqtt/0x00158d0001020304", smoke(True))
        await made.settled()
        [alert] = made.heard.alerts
        await made.pipeline.acknowledge(alert.id, "li", "on my way")
        kept = made.records.alert(alert.id)
        assert kept is not None
        assert (kept.acknowledged_by, kept.comment, kept.state) == ("li", "on my way", "firing")
        await made.pipeline.resolve(alert.id, "li", "burnt rice")
        kept = made.records.alert(alert.id)
        assert kept is not None
        assert (kept.state, kept.resolved_by, kept.reason) == ("resolved", "li", "burnt rice")


async def test_a_commit_that_fails_confirms_nothing(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        def append(self, lane: Lane, batch: Batch) -> None:
            raise OSError(5, "Input/output error")

    async with walk(tmp_path, store=Broken(VOCABULARY, RETENTION)) as made:
        made.give("tele/fire/a", level(1))
        async with asyncio.timeout(10):
            while not made.failures:
                await asyncio.sleep(0.01)
        assert made.confirmed["rest"].messages == []
        assert isinstance(made.failures.pop(), OSError)
        made.lanes["rest"]._busy = False  # nothing is left to wait for
