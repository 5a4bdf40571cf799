"""The outbox at work, against real receivers on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import web

from hub import delivery as module
from hub.delivery import Delivery
from hub.model import Notice, Now
from hub.notifiers.webhook import Webhook
from hub.records import Sent

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def notice(number: int, notifier: str) -> Notice:
    return Notice(
        id=f"a{number}:first:{notifier}:", alert=f"a{number}", revision=1, notifier=notifier, why="first", created_at=0,
        severity="critical", body={"id": f"a{number}"},
    )  # fmt: skip


@asynccontextmanager
async def receiver(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/alerts", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/alerts"
    finally:
        await runner.cleanup()


class Desk:
    """A delivery under test with its marks."""

    def __init__(self, **urls: str) -> None:
        self.marks: list[Sent] = []
        self.changed = asyncio.Event()
        notifiers = {id: Webhook(Webhook.Settings(url=url, timeout=1.0)) for id, url in urls.items()}
        self.delivery = Delivery(notifiers, lambda: Now(0, 0.0), Random(1), self._mark)
        self.left: list[Notice] = []

    def _mark(self, sent: Sent) -> None:
        self.marks.append(sent)
        self.changed.set()

    def _reload(self) -> "asyncio.Future[list[Notice]]":
        future: asyncio.Future[list[Notice]] = asyncio.get_running_loop().create_future()
        future.set_result(self.left)
        return future

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.delivery.run(self._reload))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, state: str, count: int) -> None:
        async with asyncio.timeout(20):
            while sum(mark.state == state for mark in self.marks) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_a_notice_is_posted_with_its_identity_and_marked() -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.headers["Idempotency-Key"], await request.json()))
        return web.Response(status=204)

    async with receiver(take) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w"), notice(1, "w")])
            await desk.until("sent", 1)
    assert seen == [("a1:first:w:", {"id": "a1"})], "one notice, however often it is put"
    assert desk.marks == [Sent("a1:first:w:", "sent", 1, 0)]


@pytest.mark.promise(3)
@pytest.mark.fault("webhook answers 500 and 429")
async def test_a_receiver_that_fails_is_asked_again(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    answers = iter([500, 429, 200])

    async def take(_: web.Request) -> web.Response:
        status = next(answers)
        return web.Response(status=status, headers={"Retry-After": "0"} if status == 429 else {})

    async with receiver(take) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w")])
            await desk.until("sent", 1)
    assert [(mark.state, mark.attempts) for mark in desk.marks] == [("queued", 1), ("queued", 2), ("sent", 3)]
    assert "answered 500" in desk.marks[0].error


@pytest.mark.fault("webhook answers 404")
async def test_what_can_never_succeed_is_marked_failed() -> None:
    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=404)

    async with receiver(gone) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w"), notice(2, "nobody")])
            await desk.until("failed", 2)
    assert {mark.notice: mark.error for mark in desk.marks} == {
        "a2:first:nobody:": 'there is no notifier "nobody" any more',
        "a1:first:w:": f"{url} answered 404",
    }


async def test_a_receiver_that_hangs_delays_no_other() -> None:
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    async with receiver(hang) as slow, receiver(take) as quick:
        desk = Desk(slow=slow, quick=quick)
        async with desk.running():
            desk.delivery.put([notice(number, "slow") for number in range(100)])
            started = asyncio.get_running_loop().time()
            desk.delivery.put([notice(number, "quick") for number in range(20)])
            await desk.until("sent", 20)
            assert asyncio.get_running_loop().time() - started < 1.0, "the slow one's own time-out is one second"
            release.set()


async def test_what_the_records_still_hold_is_sent_after_a_restart() -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response()

    async with receiver(take) as url:
        desk = Desk(w=url)
        desk.left = [notice(1, "w"), notice(2, "w")]
        async with desk.running():
            await desk.until("sent", 2)


async def test_a_full_queue_leaves_the_rest_in_the_records(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "QUEUE", 3)
    desk = Desk(w="http://127.0.0.1:9/alerts")
    desk.delivery.put([notice(number, "w") for number in range(5)])
    assert desk.delivery.depth("w") == 3
    assert desk.delivery.overflowed == 2


@pytest.mark.promise(3)
async def test_what_did_not_fit_is_read_again_until_nothing_is_left(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """More is queued than memory holds, and what cannot be sent does not count against what can."""
    monkeypatch.setattr(module, "QUEUE", 3)
    monkeypatch.setattr(module, "RELOAD_EVERY", 0.05)

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    async with receiver(take) as url:
        desk = Desk(dead="http://127.0.0.1:9/alerts", w=url)
        desk.left = [notice(number, id) for number in range(20) for id in ("dead", "w")]
        sent = desk.delivery._sent

        def mark(sent_: Sent) -> None:
            desk.left = [one for one in desk.left if one.id != sent_.notice or sent_.state == "queued"]
            sent(sent_)

        desk.delivery._sent = mark
        async with desk.running():
            await desk.until("sent", 20)
    assert desk.delivery.depth("dead") == 3, "what waits to be tried again is bounded too"
