"""How often a lane goes to the disk."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from hub.lane import LINGER, LINGER_UNCONFIRMED
from hub.model import Batch, Lane
from hub.stores.memory import MemoryStore
from tests.support.walks import RETENTION, VOCABULARY, mapping, walk


class Gate(MemoryStore):
    """Does not return from ``append`` before it is let; notes when each began and ended."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, RETENTION)
        self.open = threading.Event()
        self.began: list[float] = []
        self.ended: list[float] = []

    def append(self, lane: Lane, batch: Batch) -> None:
        self.began.append(time.monotonic())
        assert self.open.wait(20)
        super().append(lane, batch)
        self.ended.append(time.monotonic())


@pytest.mark.parametrize(("qos", "linger"), [(0, LINGER_UNCONFIRMED), (1, LINGER)])
async def test_what_comes_during_a_commit_gathers_as_long_as_what_came_before(qos: int, linger: float, tmp_path: Path) -> None:
    """Else a lane that always has something commits without a pause: thousands of syncs a second, with a message or two each."""
    gate = Gate()
    async with walk(tmp_path, mapping(), store=gate) as made, asyncio.timeout(20):
        made.give("tele/fire/a", '{"ts": 1791169445, "smoke": 1}', qos=qos)
        while not gate.began:
            await asyncio.sleep(0.001)
        made.give("tele/fire/b", '{"ts": 1791169445, "smoke": 1}', qos=qos)
        gate.open.set()
        while len(gate.ended) < 2:
            await asyncio.sleep(0.001)
        assert gate.began[1] - gate.ended[0] >= linger * 0.99


async def test_who_waits_for_a_confirmation_does_not_wait_with_those_who_do_not(tmp_path: Path) -> None:
    gate = Gate()
    gate.open.set()
    async with walk(tmp_path, mapping(), store=gate) as made:
        for qos in (0, 1):
            made.give("tele/fire/a", '{"ts": 1791169445, "smoke": 1}', qos=qos)
        timer = made.lanes["rest"]._timer
        assert timer is not None
        assert timer.when() <= asyncio.get_running_loop().time() + LINGER
