"""The process that answers from the store: a real one, left alone, killed and hung."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hub import queries
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.queries import Queries
from hub.stores.opening import open_reader
from hub.stores.parquet import ParquetStore
from hub.web.view import Busy
from tests.support.hubs import ROOT
from tests.support.questions import about, hang, refuse


def started(folder: Path) -> Queries:
    ParquetStore(folder, Vocabulary(), Retention()).close()
    return Queries(partial(open_reader, folder))


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Queries]:
    made = started(tmp_path)
    yield made
    made.close()


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.02)


async def test_one_small_nice_process_answers_all(asked: Queries) -> None:
    pid, nice, loaded = await asked.ask(about)
    assert pid != os.getpid()
    assert nice == 19
    assert not loaded & {"sqlalchemy", "fastapi", "aiohttp", "typer", "hub.app", "hub.cli", "hub.web.api"}
    with pytest.raises(ValueError, match="no such day") as raised:
        await asked.ask(refuse, "no such day")
    assert "in refuse" in raised.value.__notes__[0]  # where it happened
    assert (await asked.ask(about))[0] == pid
    assert (asked.asked, asked.waiting, asked.replaced) == (3, 0, 0)


async def test_it_ends_when_nobody_asks_and_comes_again(asked: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "IDLE", 0.1)
    first, _, _ = await asked.ask(about)
    await gone(first)
    second, _, _ = await asked.ask(about)
    assert second != first
    assert asked.replaced == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_one_that_is_killed_or_hangs_is_replaced(
    asked: Queries, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    first, _, _ = await asked.ask(about)
    os.kill(first, number)
    if number == signal.SIGSTOP:
        monkeypatch.setattr(queries, "ANSWER_WITHIN", 0.3)
        with pytest.raises(Busy, match="did not answer within"):
            await asked.ask(about)
        monkeypatch.undo()
    second, _, _ = await asked.ask(about)
    assert second != first
    assert asked.replaced == 1
    await gone(first)


async def test_it_ends_with_a_killed_hub_even_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    a_hub = subprocess.Popen([sys.executable, "-c", A_HUB, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert a_hub.stdout
    pid = int(a_hub.stdout.readline())
    a_hub.kill()
    a_hub.wait()
    await gone(pid)


A_HUB = """
import asyncio, sys
from pathlib import Path
from tests.hub.test_queries import started
from tests.support.hubs import ROOT
from tests.support.questions import about, hang

async def main():
    asked = started(Path(sys.argv[1]))
    pid, _, _ = await asked.ask(about)
    asyncio.get_running_loop().call_later(0.1, lambda: print(pid, flush=True))
    await asked.ask(hang)

asyncio.run(main())
"""


async def test_it_ends_with_the_hub_even_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    asked = started(tmp_path)
    pid, _, _ = await asked.ask(about)
    waiting = asyncio.create_task(asked.ask(hang))
    while not asked.waiting:
        await asyncio.sleep(0)
    asked.close()
    await gone(pid)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
