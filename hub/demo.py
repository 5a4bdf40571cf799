"""The demo: a simulated community beside the hub, with its places registered and the past hours filled in.

The simulator is a process of its own that speaks real vendor formats over real MQTT. It ends with the hub.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from hub.app import Hub, clock
from hub.config import DEMO, Config, load
from hub.config.records import Drill
from hub.model import Batch, Reading
from hub.process import main
from simulators.building import World, history, registry

SEED = 7
PAST = 36 * 3_600_000
STEP = 300_000
BATCH = 20_000
STORY = 1_800_000
SITE = """\
# Written by gengfu demo, and used where there is no gengfu.toml in the folder above.
[site]
community = "yunqi"
name = "云栖社区"

[data]
directory = "."
"""
PATIENCE = 5.0
"""Seconds the simulator may take to say goodbye."""


@contextlib.asynccontextmanager
async def beside(hub: Hub) -> AsyncIterator[None]:
    spaces, devices = registry(SEED, str(hub.config.zone))
    if not hub.places.spaces:
        await hub.pipeline.register(spaces, devices, "demo")
        await asyncio.to_thread(_fill_in, hub)
    things = len(World(SEED, str(hub.config.zone)).things)
    hub.say(
        f"A simulated community of {things} devices speaks over MQTT, {things - len(devices)} of them unannounced; "
        "in about a minute and a half a kitchen catches fire."
    )
    command = [sys.executable, "-m", "simulators.run", "--url", "-", "--seed", str(SEED), "--zone", str(hub.config.zone)]
    command += ["--since", str(_since(hub.config.directory / "demo-since"))]
    # In a session of its own: a Ctrl-C is the hub's, which then ends it.
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, start_new_session=True)
    assert child.stdin is not None
    child.stdin.write(f"{hub.broker_url or _url(hub)}\n".encode())
    watch = asyncio.create_task(_watch(hub, child))
    try:
        yield
    finally:
        watch.cancel()
        if child.returncode is None:
            child.terminate()
            try:
                async with asyncio.timeout(PATIENCE):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()


def demo(config: Config, say: Callable[[str], None] = print) -> int:
    """Runs a hub with its community until Ctrl-C; the exit code."""
    if config.path is None:
        config = replace(load(write_site(config.directory)), path=None, drill=Drill(every=60.0))
    return main(config, say, beside)


def write_site(directory: Path) -> Path:
    """The demo's configuration, in its own folder: a report made beside it is about the same community."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / DEMO
    file.write_text(SITE, "utf-8")
    return file


def _since(kept: Path) -> int:
    """When the story began. A demo that is started again within the half hour goes on with it: what burnt, burns."""
    now = clock().wall
    before = int(kept.read_text()) if kept.exists() else 0
    if now - before > STORY:
        kept.write_text(str(now))
        return now
    return before


def _url(hub: Hub) -> str:
    assert hub.config.mqtt is not None
    return hub.config.mqtt.url


async def _watch(hub: Hub, child: asyncio.subprocess.Process) -> None:
    code = await child.wait()
    hub.end(f"the simulator ended with exit code {code}")


def _fill_in(hub: Hub) -> None:
    """Writes the hours before the start, so that the charts have something to show. All of it is simulated."""
    now = clock().wall
    readings: Iterator[Reading] = history(World(SEED, str(hub.config.zone)), now - PAST, now - STEP, STEP)
    while some := list(islice(readings, BATCH)):
        batch = Batch()
        batch.readings = some
        batch.received_at = [reading.time or now for reading in some]
        hub.store.append("rest", batch)
