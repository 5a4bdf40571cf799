"""The feed: bounded, thinned, resumable."""

import asyncio

from hub.model import Alert, Reading
from hub.web import feed as feeds
from hub.web.feed import Event, Feed, Kind, Subscription
from hub.web.stream import tick
from tests.support.fakeview import FakeView


def alert(number: int) -> Alert:
    return Alert(id=f"a{number}", rule="r", severity="warning", state="firing", device="d")


async def taken(client: Subscription) -> list[Event]:
    found = []
    while (event := await client.next(0.01)) is not None:
        found.append(event)
    return found


async def test_who_comes_back_gets_what_was_missed() -> None:
    feed = Feed(1000)
    for number in range(3):
        feed.alert(alert(number))
    with feed.subscribe(after=1000) as client:
        assert not client.resync
        assert [event.id for event in await taken(client)] == [1001, 1002]


async def test_an_id_of_another_life_resyncs() -> None:
    feed = Feed(1000)
    for after in (5, 998, 1000, 5000):
        with feed.subscribe(after=after) as client:
            assert client.resync, after
    with feed.subscribe(after=999) as client:
        assert not client.resync


async def test_more_missed_than_a_queue_holds_resyncs() -> None:
    feed = Feed(1)
    for number in range(feeds.KEPT + 10):
        feed.alert(alert(number))
    with feed.subscribe(after=feeds.KEPT + 5) as client:
        assert not client.resync
        assert len(await taken(client)) == 5
    with feed.subscribe(after=feeds.KEPT // 2) as client:
        assert client.resync
    with feed.subscribe(after=3) as client:
        assert client.resync


async def test_a_slow_client_is_dropped_and_counted() -> None:
    feed = Feed(1)
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for number in range(feeds.QUEUE + 1):
            feed.alert(alert(number))
            await quick.next(0)
        assert slow.lost
        assert not quick.lost
        assert feed.dropped == 1
        assert feed.clients == 1
        assert await slow.next(1) is None
    assert feed.clients == 0


async def test_readings_are_thinned_to_the_newest_of_each_series() -> None:
    feed = Feed(1)
    feed.reading(Reading("d", "voltage", 1.0, 1))
    with feed.subscribe(kinds=["reading"]) as everyone, feed.subscribe(devices=frozenset({"d"})) as one:
        for value in (1.0, 2.0, 3.0):
            feed.reading(Reading("d", "voltage", value, 1))
        feed.reading(Reading("e", "voltage", 9.0, 1))
        feed.alert(alert(1))
        feed.flush()
        (seen,) = await taken(everyone)
        assert isinstance(seen.data, list)
        assert [(reading.device, reading.value) for reading in seen.data] == [("d", 3.0), ("e", 9.0)]
        kinds = [event.kind for event in await taken(one)]
        assert kinds == ["alert", "reading"]
    assert feed.thinned == 2
    feed.reading(Reading("d", "voltage", 4.0, 1))
    with feed.subscribe() as later:
        feed.flush()
        assert await taken(later) == []


async def test_a_batch_is_bounded_but_a_watched_device_is_always_in() -> None:
    feed = Feed(1)
    with feed.subscribe() as everyone, feed.subscribe(devices=frozenset({"mine"})) as one:
        for number in range(feeds.SERIES + 7):
            feed.reading(Reading(f"d{number}", "voltage", 1.0, 1))
        feed.reading(Reading("mine", "voltage", 1.0, 1))
        feed.flush()
        (seen,) = await taken(everyone)
        assert isinstance(seen.data, list)
        assert len(seen.data) == feeds.SERIES + 1
        assert len(await taken(one)) == 1
    assert feed.overflowed == 7


async def test_close_ends_every_wait() -> None:
    feed = Feed(1)
    with feed.subscribe() as client:
        waiting = asyncio.create_task(client.next(60))
        await asyncio.sleep(0)
        feed.close()
        async with asyncio.timeout(2):
            assert await waiting is None


async def test_a_status_follows_an_alert_and_is_not_waited_for() -> None:
    view = FakeView("quiet")
    wanted: list[Kind] = ["status"]
    ticking = asyncio.create_task(tick(view, every=0.02, status_every=1_000_000))
    try:
        with view.feed.subscribe(kinds=wanted) as client:
            view.set_fire()
            event = await client.next(10)
            assert event is not None and isinstance(event.data, dict)
            assert event.data["open"]["critical"] == 1
            assert await client.next(0.2) is None  # and none after it, as nothing has changed
    finally:
        ticking.cancel()
