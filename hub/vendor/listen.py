"""A session of its own with the site's broker: clean, under a name nobody else has, gone when it ends."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from random import Random

from hub.model import Message, Now
from hub.mqtt import Address, Session
from hub.wire import Refused

CONNECT_WITHIN = 15.0
QUIET = 0.5  # s without a retained message: then there are no more
LONGEST_RETAINED = 10.0


class NotHeard(Exception):
    """Why nothing can be heard, in one sentence."""


def _clock() -> Now:
    return Now(time.time_ns() // 1_000_000, time.monotonic())


async def listen(
    address: Address,
    filters: Sequence[str],
    on_message: Callable[[Message], None],
    on_refused: Callable[[Refused], None],
    ready: Callable[[], None],
    until: asyncio.Event,
    seconds: float,
    beat: Callable[[float], None] = lambda _: None,
) -> None:
    """Hears until the event is set or the time is over; ``beat`` gets the seconds passed, four times a second.

    Raises NotHeard when the broker cannot be reached or refuses the filters, Unusable as ``Session.run`` does."""
    session: Session

    def take(messages: list[Message]) -> None:
        for message in messages:
            on_message(message)
        session.confirm(messages)

    def refuse(refused: Refused) -> None:
        on_refused(refused)
        session.confirm([refused.message])

    name = f"gengfu-look-{secrets.token_hex(6)}"
    session = Session(address, name, "rest", filters, take, refuse, clock=_clock, random=Random(), clean=True)
    running = asyncio.create_task(session.run())
    try:
        await _granted(session, running, until, len(filters))
        ready()
        begun = time.monotonic()
        while not until.is_set() and (passed := time.monotonic() - begun) < seconds:
            beat(passed)
            if running.done():
                running.result()
                raise NotHeard(session.fault)
            try:
                async with asyncio.timeout(min(0.25, seconds - passed)):
                    await until.wait()
            except TimeoutError:
                continue
    finally:
        await session.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def retained(address: Address, filters: Sequence[str], on_message: Callable[[Message], None]) -> None:
    """What the broker keeps under the filters, now. Raises as ``listen`` does."""
    over = asyncio.Event()
    last = time.monotonic()

    def take(message: Message) -> None:
        nonlocal last
        if message.retained:
            last = time.monotonic()
            on_message(message)

    def began() -> None:
        nonlocal last
        last = time.monotonic()

    def beat(_: float) -> None:
        if time.monotonic() - last > QUIET:
            over.set()

    await listen(address, filters, take, lambda _: None, began, over, LONGEST_RETAINED, beat)


async def _granted(session: Session, running: "asyncio.Task[None]", until: asyncio.Event, wanted: int) -> None:
    deadline = time.monotonic() + CONNECT_WITHIN
    while not until.is_set() and len(session.granted) < wanted:
        if running.done():
            running.result()
        if session.refused or time.monotonic() > deadline:
            raise NotHeard(session.fault or f"the broker at {session.address.shown} does not answer the subscription")
        if session.last_error and not session.connected:
            raise NotHeard(session.fault)
        await asyncio.sleep(0.02)
