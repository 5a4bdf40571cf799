"""A session under test with what it brought, and waiting for conditions instead of sleeping for luck."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
import msgspec

from hub.model import Message, Now
from hub.mqtt import Refused, Session, parse_url


def clock() -> Now:
    return Now(time.time_ns() // 1_000_000, time.monotonic())


async def until(condition: Callable[[], object], seconds: float = 15, what: str = "") -> None:
    """Waits until it holds; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.01)


class Listener:
    """Keeps what a session brings, in ``reads`` and ``messages``; confirms at once if told to."""

    def __init__(self, url: str, filters: Sequence[str], *, confirming: bool = False, version: int = 4, **options: Any) -> None:
        self.messages: list[Message] = []
        self.reads: list[list[Message]] = []
        self.refused: list[Refused] = []
        self.confirming = confirming
        ca_file = options.pop("ca_file", "")
        address = msgspec.structs.replace(parse_url(url), version=version, ca_file=str(ca_file))
        settings: dict[str, Any] = {"client_id": "hub-under-test", "lane": "rest", "clock": clock, "random": Random(1)} | options
        self.session = Session(address, filters=filters, on_messages=self._take, on_refused=self.refused.append, **settings)
        self.task: asyncio.Task[None] | None = None

    def _take(self, messages: list[Message]) -> None:
        self.reads.append(messages)
        self.messages += messages
        if self.confirming:
            self.session.confirm(messages)

    @property
    def payloads(self) -> list[str]:
        return [message.payload.decode() for message in self.messages]

    async def subscribed(self) -> None:
        session = self.session
        await until(
            lambda: session.connected and session.granted | session.refused >= set(session.subscriptions.filters),
            what=session.fault,
        )

    async def close(self) -> None:
        await self.session.close()
        if self.task is not None:
            await asyncio.wait_for(self.task, 5)
            self.task = None


@asynccontextmanager
async def listening(url: str, *filters: str, **options: Any) -> AsyncIterator[Listener]:
    """A running session whose filters the broker has answered; what it brought stays readable after the end."""
    listener = Listener(url, filters, **options)
    listener.task = asyncio.create_task(listener.session.run())
    try:
        await listener.subscribed()
        yield listener
    finally:
        if listener.task is not None:
            listener.task.cancel()
            await asyncio.gather(listener.task, return_exceptions=True)


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[aiomqtt.Client]:
    """An ordinary client of somebody else's making."""
    parts = urlsplit(url)
    async with aiomqtt.Client(
        parts.hostname or "", parts.port or 1883, username=parts.username, password=parts.password, **options
    ) as other:
        yield other


async def publish(url: str, *messages: tuple[str, str | bytes], qos: int = 1, retain: bool = False) -> None:
    """Publishes in order, each confirmed by the broker before the next."""
    async with client(url) as other:
        for topic, payload in messages:
            await other.publish(topic, payload, qos=qos, retain=retain)
