"""The simulators over real MQTT: what an ordinary subscriber hears, reconnecting, ending, and complaining in sentences."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
import pytest

from simulators.building import World
from tests.support.brokers import KINDS, Broker, free_port, start_broker, start_mosquitto

ROOT = Path(__file__).parents[2]


def simulators(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "simulators.run", *arguments]


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*simulators(*arguments), cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def subscriber(broker: Broker) -> aiomqtt.Client:
    parts = urlsplit(broker.url)
    return aiomqtt.Client(broker.host, broker.port, username=parts.username, password=parts.password)


async def until(
    client: aiomqtt.Client, heard: list[aiomqtt.Message], enough: Callable[[list[aiomqtt.Message]], bool], seconds: float
) -> None:
    """Gathers messages until there is enough; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        async for message in client.messages:
            heard.append(message)
            if enough(heard):
                return


def telemetry(message: aiomqtt.Message) -> bool:
    last = message.topic.value.rpartition("/")[2]
    return last not in ("LWT", "online", "availability", "state", "devices")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_subscriber_hears_every_device_within_twenty_seconds(kind: str, tmp_path: Path) -> None:
    world = World(7)
    with start_broker(kind, tmp_path) as broker:
        async with subscriber(broker) as client:
            await client.subscribe("#", qos=1)
            async with running("--url", broker.url) as process:
                heard: list[aiomqtt.Message] = []
                wanted = {thing.address.upper() for thing in world.things}

                def all_spoke(messages: list[aiomqtt.Message]) -> bool:
                    message = messages[-1]
                    if telemetry(message):
                        wanted.difference_update(level.upper() for level in message.topic.value.split("/"))
                    return not wanted

                await until(client, heard, all_spoke, 20)
                assert all(message.qos == 1 for message in heard)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 5) == 0
                assert process.stderr is not None
                assert b"stopped after" in await process.stderr.read()

            def bridge_is_off(messages: list[aiomqtt.Message]) -> bool:
                return messages[-1].topic.value == "zigbee2mqtt/bridge/state" and b"offline" in bytes(messages[-1].payload)

            await until(client, heard, bridge_is_off, 5)


async def test_the_retained_list_waits_for_who_comes_later(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path) as broker:
        async with running("--url", broker.url):
            async with subscriber(broker) as early:
                await early.subscribe("zigbee2mqtt/bridge/devices", qos=1)
                await until(early, [], bool, 10)
            async with subscriber(broker) as late:
                await late.subscribe("zigbee2mqtt/bridge/devices", qos=1)
                heard: list[aiomqtt.Message] = []
                await until(late, heard, bool, 5)
                assert heard[0].retain
                assert len(json.loads(bytes(heard[0].payload))) > 30


async def test_killed_it_leaves_its_last_will(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path) as broker:
        async with subscriber(broker) as client:
            await client.subscribe("zigbee2mqtt/bridge/state", qos=1)
            heard: list[aiomqtt.Message] = []
            async with running("--url", broker.url) as process:
                await until(client, heard, bool, 10)
                process.kill()
                await until(client, heard, lambda messages: len(messages) == 2, 10)
            assert [json.loads(bytes(message.payload))["state"] for message in heard] == ["online", "offline"]


async def test_it_comes_back_when_the_broker_does(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path) as broker:
        async with running("--url", broker.url, "--speed", "4") as process:
            async with subscriber(broker) as client:
                await client.subscribe("#", qos=1)
                await until(client, [], lambda messages: len(messages) > 100, 20)
            broker.kill()
            broker.restart()
            async with subscriber(broker) as client:
                await client.subscribe("#", qos=1)
                heard: list[aiomqtt.Message] = []
                await until(client, heard, lambda messages: sum(map(telemetry, messages)) > 50, 30)
                topics = {message.topic.value for message in heard}
                assert "zigbee2mqtt/bridge/devices" in topics  # told again: the broker had forgotten it
            assert process.returncode is None


async def test_a_restart_goes_on_where_the_registers_were(tmp_path: Path) -> None:
    totals: list[float] = []
    with start_mosquitto(tmp_path) as broker:
        for _ in range(2):
            async with subscriber(broker) as client, running("--url", broker.url, "--speed", "20"):
                await client.subscribe("tele/meter-3-2-502/SENSOR", qos=1)
                heard: list[aiomqtt.Message] = []
                await until(client, heard, lambda messages: len(messages) == 3, 20)
                totals.append(json.loads(bytes(heard[0].payload))["ENERGY"]["Total"])
    assert totals[0] <= totals[1] <= totals[0] + 1  # kWh; two starts lie seconds apart


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--url", "http://127.0.0.1"], 'simulators: "http://127.0.0.1" is not the address of a broker'),
        (["--url", "mqtt://127.0.0.1:notaport"], 'the port of "mqtt://127.0.0.1:notaport" is not a number'),
        (["--url", "mqtt://127.0.0.1:1", "--zone", "Mars/Base"], 'simulators: "Mars/Base" is not an IANA time zone'),
        (["--url", "mqtt://127.0.0.1:1", "--scenario", "nowhere.toml"], "simulators: cannot read nowhere.toml: No such file"),
        (["--url", "mqtt://127.0.0.1:1", "--speed", "0"], "--speed 0 is not between 0.1 and 1000"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: list[str], told: str) -> None:
    done = subprocess.run(simulators(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_answers() -> None:
    port = free_port()
    done = subprocess.run(
        simulators("--url", f"mqtt://127.0.0.1:{port}"), cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"simulators: no broker answers at 127.0.0.1:{port} ({os.strerror(111)}); is it started?\n",
    )


def test_a_broker_that_wants_a_password(tmp_path: Path) -> None:
    with start_broker("nats", tmp_path) as broker:
        anonymous = simulators("--url", f"mqtt://{broker.host}:{broker.port}")
        done = subprocess.run(anonymous, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert f"simulators: the broker at {broker.host}:{broker.port} refused the connection: " in done.stderr


def test_who_starts_it_has_told_how_many_speak(tmp_path: Path) -> None:
    """The demo says so itself, and closes the standard input when it ends."""
    with start_broker("nats", tmp_path) as broker:
        asked = subprocess.run(
            simulators("--url", "-"), cwd=ROOT, input=f"{broker.url}\n", capture_output=True, text=True, timeout=60, check=False
        )
    assert asked.returncode == 0
    assert re.fullmatch(r"simulators: stopped after \d+ messages\n", asked.stderr)


def test_every_mistake_of_a_scenario_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[event]]\nkind = "fier"\nat = "5s"\nplace = "garage"\n[[event]]\nkind = "sos"\nplace = "x"\n')
    arguments = simulators("--url", "mqtt://127.0.0.1:1", "--scenario", str(file))
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["simulators"] * 3
    assert 'did you mean "fire"?' in done.stderr
