"""The outbox at work, against real receivers on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from hub import delivery as module
from hub.channel_log import ChannelLog
from hub.delivery import Delivery
from hub.model import Notice, Now, Severity
from hub.notifiers.webhook import Webhook
from hub.records import Sent
from hub.said import unpacked

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def notice(number: int, notifier: str, severity: Severity = "critical", why: str = "first") -> Notice:
    return Notice(
        id=f"a{number}:{why}:{notifier}:", alert=f"a{number}", revision=1, notifier=notifier, why=why, created_at=0,
        severity=severity, body={"id": f"a{number}"},
    )  # fmt: skip


@asynccontextmanager
async def receiver(answer: Answer) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(request)

    app = web.Application()
    app.router.add_post("/alerts", handle)
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

    def __init__(self, rate: str = "", **urls: str) -> None:
        self.marks: list[Sent] = []
        self.changed = asyncio.Event()
        self.lost: list[tuple[str, str]] = []
        notifiers = {id: Webhook(Webhook.Settings(url=url, timeout=1.0, rate=rate)) for id, url in urls.items()}
        self.delivery = Delivery(notifiers, lambda: Now(0, 0.0), Random(1), self._mark, self._lost)
        self.left: list[Notice] = []

    def _mark(self, sent: Sent) -> None:
        self.marks.append(sent)
        self.changed.set()

    def _lost(self, notice: Notice, why: str) -> None:
        self.lost.append((notice.id, why))
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
async def test_a_receiver_that_fails_is_asked_again(monkeypatch, caplog) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    answers = iter([500, 429, 200])

    async def take(_: web.Request) -> web.Response:
        status = next(answers)
        return web.Response(status=status, headers={"Retry-After": "0"} if status == 429 else {})

    async with receiver(take) as url:
        desk = Desk(w=f"{url}?token=hunter2")
        async with desk.running():
            desk.delivery.put([notice(1, "w")])
            await desk.until("sent", 1)
    assert [(mark.state, mark.attempts) for mark in desk.marks] == [("queued", 1), ("queued", 2), ("sent", 3)]
    assert "answered 500" in desk.marks[0].error
    fails, works = [record.getMessage() for record in caplog.records if record.name == "gengfu.delivery"]
    host = url.removesuffix("/alerts")
    assert fails == f"the channel w does not deliver: {host} answered 500; what it has to tell is kept and tried again"
    assert works.startswith("the channel w delivers again, after") and works.endswith(" 2 failed attempts")


def test_a_channel_that_wavers_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = 1_000.0
    channels = ChannelLog(lambda: now)
    for minute in range(20):
        now = 1_000.0 + 60 * minute
        channels.failed("sms", "451 <li@example.org>: +86 138 0000 0000 is busy")
        channels.works("sms")
    assert len(caplog.records) == 4, "two of twenty failures, ten minutes apart, and that it worked again"
    assert "451 [address]: [number] is busy" in caplog.text


@pytest.mark.fault("webhook answers 404")
async def test_what_can_never_succeed_is_marked_failed() -> None:
    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=404)

    async with receiver(gone) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w"), notice(2, "nobody")])
            await desk.until("failed", 2)
    assert {mark.notice: unpacked(mark.error).en for mark in desk.marks} == {
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


# --- rates, digests, order ---------------------------------------------------------------------------------------------


class Inbox:
    """Takes everything, and keeps what came when."""

    def __init__(self, answer: Callable[[Any], int] = lambda _: 200) -> None:
        self.said: list[tuple[float, Any]] = []
        self.answer = answer

    async def __call__(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.said.append((asyncio.get_running_loop().time(), said))
        return web.Response(status=self.answer(said))

    def ids(self) -> list[str]:
        return [said.get("id", said.get("why")) for _, said in self.said]


async def test_what_is_critical_is_never_merged_and_never_faster_than_the_rate() -> None:
    inbox = Inbox()
    async with receiver(inbox) as url:
        desk = Desk(rate="20/s", w=url)
        async with desk.running():
            desk.delivery.put([notice(number, "w") for number in range(30)])
            await desk.until("sent", 30)
    assert inbox.ids() == [f"a{number}" for number in range(30)], "each alone, the oldest first"
    times = [at for at, _ in inbox.said]
    assert all(late - early >= 1.0 for early, late in zip(times, times[20:], strict=False)), "at most 20 in any second"


async def test_small_ones_that_do_not_fit_come_as_one_and_critical_ones_first() -> None:
    inbox = Inbox()
    async with receiver(inbox) as url:
        desk = Desk(rate="8/min", w=url)
        async with desk.running():
            desk.delivery.put([notice(number, "w", "warning") for number in range(40)])
            desk.delivery.put([notice(number, "w") for number in (50, 51)])
            await desk.until("sent", 42)
    assert inbox.ids() == ["a50", "a51", "digest"]
    gathered = inbox.said[2][1]
    assert (gathered["count"], [one["alert"] for one in gathered["notices"]]) == (40, [f"a{number}" for number in range(40)])
    assert {unpacked(mark.error).en for mark in desk.marks} == {"", "one of 40 in a digest"}, "the ledger says how each was told"


async def test_room_is_kept_for_what_is_critical() -> None:
    inbox = Inbox()
    async with receiver(inbox) as url:
        desk = Desk(rate="8/min", w=url)
        async with desk.running():
            for number in range(7):
                desk.delivery.put([notice(number, "w", "info")])
                await desk.until("sent", min(number + 1, 6))
            desk.delivery.put([notice(9, "w")])
            await desk.until("sent", 7)
            assert desk.delivery.depth("w") == 1, "six of eight are for the small ones; the seventh waits for the next minute"
    assert inbox.ids() == ["a0", "a1", "a2", "a3", "a4", "a5", "a9"]


async def test_what_is_critical_overtakes_what_waits() -> None:
    release = asyncio.Event()
    arrived: list[str] = []

    async def slow(request: web.Request) -> web.Response:
        arrived.append((await request.json())["id"])
        await release.wait()
        return web.Response()

    async with receiver(slow) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(number, "w", "warning") for number in range(20)])
            async with asyncio.timeout(10):
                while len(arrived) < Webhook.concurrency:
                    await asyncio.sleep(0.01)
            desk.delivery.put([notice(99, "w")])
            release.set()
            await desk.until("sent", 21)
    assert arrived.index("a99") == Webhook.concurrency


async def test_one_alert_is_told_in_order_however_often_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 60.0)
    answers = iter([500, 200, 200])
    inbox = Inbox(lambda _: next(answers))
    async with receiver(inbox) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w")])
            await desk.until("queued", 1)
            desk.delivery.put([notice(1, "w", why="resolved")])
            await desk.until("sent", 2)
    assert [mark.notice for mark in desk.marks] == ["a1:first:w:", "a1:first:w:", "a1:resolved:w:"], "and not after a minute"


async def test_channels_that_refuse_hang_or_limit_cost_no_other_a_second() -> None:
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async def limited(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "30"})

    good = Inbox()
    async with (
        receiver(Inbox(lambda _: 500)) as failing,
        receiver(hang) as slow,
        receiver(limited) as full,
        receiver(good) as url,
    ):
        desk = Desk(failing=failing, slow=slow, full=full, nobody="http://127.0.0.1:9/alerts", w=url)
        async with desk.running():
            started = asyncio.get_running_loop().time()
            for number in range(20):
                desk.delivery.put([notice(number, id) for id in ("failing", "slow", "full", "nobody", "w")])
            await desk.until("sent", 20)
            assert max(at for at, _ in good.said) - started < 1.0
            release.set()
        assert desk.delivery.outlets["full"].paused, "nothing more is sent to one that asked for a pause"


async def test_a_critical_call_that_fails_or_is_overdue_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERDUE", 0.2)
    async with receiver(Inbox(lambda _: 404)) as gone, receiver(Inbox(lambda _: 500)) as failing, receiver(Inbox()) as good:
        desk = Desk(gone=gone, failing=failing, good=good)
        async with desk.running():
            desk.delivery.put([notice(1, id) for id in ("gone", "failing", "good")])
            desk.delivery.put([notice(2, "gone", "warning"), notice(3, "gone", why="resolved")])
            async with asyncio.timeout(10):
                while len(desk.lost) < 2:
                    desk.changed.clear()
                    await desk.changed.wait()
            await desk.until("failed", 3)
    assert desk.lost == [
        ("a1:first:gone:", f"{gone} answered 404"),
        ("a1:first:failing:", "not taken by its receiver within 0.2 s"),
    ]


async def test_after_an_outage_nobody_gets_every_reminder_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 60.0)
    up = False
    inbox = Inbox(lambda _: 200 if up else 500)
    async with receiver(inbox) as url:
        desk = Desk(w=url)
        async with desk.running():
            desk.delivery.put([notice(1, "w")])
            await desk.until("queued", 1)
            for minute in range(5):
                desk.delivery.put([replace(notice(1, "w", why="repeat"), id=f"a1:repeat{minute}:w:")])
                await desk.until("queued", 2 + minute)
            up = True
            desk.delivery.put([notice(1, "w", why="resolved")])
            await desk.until("sent", 2)
    assert [mark.notice for mark in desk.marks if mark.state == "sent"] == ["a1:first:w:", "a1:resolved:w:"]
    overtaken = {unpacked(mark.error).en for mark in desk.marks if mark.state == "failed"}
    assert overtaken == {"not sent: the one before it was taken only now"}
    assert desk.delivery.depth("w") == 0 and desk.lost == []
