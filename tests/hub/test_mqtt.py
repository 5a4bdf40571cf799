"""The session against real brokers: order, confirmation, what comes again, our own publishes."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.model import Reason
from hub.mqtt import Full, NotPublished
from tests.support.brokers import KINDS, Broker, start_broker, start_mosquitto
from tests.support.sessions import client, listening, publish, until


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with start_broker(request.param, tmp_path) as running:
        yield running


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path) as running:
        yield running


def numbered(count: int, topic: str = "tele/a") -> list[tuple[str, str]]:
    return [(topic, str(number)) for number in range(count)]


async def test_qos_1_arrives_in_order_and_is_all_of_it(broker: Broker) -> None:
    async with listening(broker.url, "tele/#", confirming=True) as listener:
        before = time.time_ns() // 1_000_000
        await publish(broker.url, *numbered(300))
        await until(lambda: len(listener.messages) == 300)
        assert listener.payloads == [str(number) for number in range(300)]
        first = listener.messages[0]
        assert (first.topic, first.lane, first.qos, first.retained, first.redelivered) == ("tele/a", "rest", 1, False, False)
        assert before <= first.received_at <= time.time_ns() // 1_000_000
        session = listener.session
        assert (session.received, session.confirmed, session.in_flight) == (300, 300, 0)


async def test_qos_0_and_an_empty_payload(broker: Broker) -> None:
    async with listening(broker.url, "tele/#") as listener:
        await publish(broker.url, ("tele/a", ""), qos=0)
        await until(lambda: listener.messages)
        message = listener.messages[0]
        assert (message.payload, message.qos, message.packet_id) == (b"", 0, 0)
        assert listener.session.in_flight == 0


async def test_the_usual_window_of_20_fills_and_each_confirmation_lets_more_in(mosquitto: Broker) -> None:
    """mosquitto's default max_inflight_messages is 20: the 21st waits for a confirmation."""
    async with listening(mosquitto.url, "tele/#") as listener:
        await publish(mosquitto.url, *numbered(50))
        session = listener.session
        await until(lambda: len(listener.messages) == 20)
        await publish(mosquitto.url, ("other", "x"))  # the broker has worked since, and sent nothing more
        assert (len(listener.messages), session.in_flight, session.window) == (20, 20, 20)
        session.confirm(listener.messages[:5])
        await until(lambda: len(listener.messages) >= 25)  # 2.0.11 now sends all that waits, later ones 5 more
        listener.confirming = True
        session.confirm(listener.messages)
        await until(lambda: len(listener.messages) == 50)
        assert listener.payloads == [str(number) for number in range(50)]
        assert (session.confirmed, session.in_flight) == (50, 0)


async def test_the_window_is_learned_from_a_broker_that_allows_more(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, max_inflight=100) as broker:
        async with listening(broker.url, "tele/#") as listener:
            await publish(broker.url, *numbered(120))
            await until(lambda: listener.session.window == 100)
            assert listener.session.in_flight == 100


async def test_nothing_is_confirmed_before_confirm_and_comes_again(broker: Broker) -> None:
    async with listening(broker.url, "tele/#") as listener:
        await publish(broker.url, *numbered(12))
        await until(lambda: len(listener.messages) == 12)
        listener.session.confirm(listener.messages[:4])
        listener.session.pause()  # as the hub does when it stops
        await listener.close()
    async with listening(broker.url, "tele/#", confirming=True) as again:
        await until(lambda: len(again.messages) >= 8)
        assert again.payloads == [str(number) for number in range(4, 12)]
        assert all(message.redelivered for message in again.messages)
        await again.close()
    async with listening(broker.url, "tele/#") as third:
        await publish(broker.url, ("tele/a", "new"))
        await until(lambda: third.messages)
        assert third.payloads == ["new"]


async def test_what_waited_arrives_although_it_comes_before_the_suback(broker: Broker) -> None:
    async with listening(broker.url, "tele/#", confirming=True) as listener:
        await listener.close()
    await publish(broker.url, *numbered(5))
    async with listening(broker.url, "tele/#", confirming=True) as again:
        await until(lambda: len(again.messages) == 5)
        assert again.payloads == ["0", "1", "2", "3", "4"]


async def test_a_killed_broker_is_found_again(broker: Broker) -> None:
    async with listening(broker.url, "tele/#") as listener:
        await publish(broker.url, *numbered(3))
        await until(lambda: len(listener.messages) == 3)
        old = list(listener.messages)
        broker.kill()
        await until(lambda: not listener.session.connected)
        assert "not connected to the broker at mqtt://127.0.0.1" in listener.session.fault
        broker.restart()
        await listener.subscribed()
        assert listener.session.reconnects == 1
        listener.session.confirm(old)  # of a connection that is gone: not to be said to this one
        assert listener.session.confirmed == 0
        await publish(broker.url, ("tele/a", "after"))
        await until(lambda: "after" in listener.payloads)
        if broker.kind == "nats":  # it keeps what it has confirmed to the device; mosquitto may not have written it yet
            await until(lambda: sorted(listener.payloads[3:]) == ["0", "1", "2", "after"])
            assert {message.connection for message in listener.messages} == {1, 2}


async def test_what_nats_repeats_while_it_is_unconfirmed_is_not_handed_out_twice(tmp_path: Path) -> None:
    with start_broker("nats", tmp_path) as broker:
        async with listening(broker.url, "tele/#") as listener:
            await publish(broker.url, *numbered(3))
            link = listener.session._link
            assert link is not None
            await until(lambda: link.reader.repeated >= 3)  # ack_wait is 2 s
            assert listener.payloads == ["0", "1", "2"]
            assert listener.session.in_flight == 3
            await listener.close()
            assert listener.session.repeated >= 3


async def test_a_read_is_never_longer_than_its_turn(mosquitto: Broker) -> None:
    """The other lane gets the loop back after 32 KiB."""
    async with listening(mosquitto.url, "tele/#", confirming=True) as listener:
        listener.session.pause()
        async with client(mosquitto.url, max_inflight_messages=1000) as other:
            for _ in range(600):
                await other.publish("tele/a", b"." * 1000, qos=0)
        listener.session.resume()
        await until(lambda: len(listener.messages) == 600)
        assert max(sum(len(message.payload) for message in read) for read in listener.reads) <= 32_768 + 1000
        assert len(listener.reads) >= 600_000 // 32_768


async def test_pause_leaves_the_messages_with_the_broker(broker: Broker) -> None:
    async with listening(broker.url, "tele/#", confirming=True, keepalive=1) as listener:
        listener.session.pause()
        await publish(broker.url, *numbered(10))
        await asyncio.sleep(5)  # five times the keepalive: neither must take the other for dead
        assert listener.messages == []
        listener.session.resume()
        await until(lambda: len(listener.messages) == 10)
        await asyncio.wait_for(listener.session.publish("out", b"x"), 5)  # what waited may have hidden that it was closed
        assert listener.session.reconnects == 0


async def test_reading_stops_by_itself_at_the_most_that_may_be_unconfirmed(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, max_inflight=0) as broker:
        async with listening(broker.url, "tele/#", most_unconfirmed=50) as listener:
            listener.session.pause()
            await publish(broker.url, *[("tele/a", "." * 2000)] * 200)
            listener.session.resume()
            await until(lambda: listener.session.in_flight >= 50)
            count = len(listener.messages)
            assert count < 50 + 32_768 // 2000 + 1
            await publish(broker.url, ("other", "x"))
            assert len(listener.messages) == count
            listener.confirming = True
            listener.session.confirm(listener.messages)
            await until(lambda: len(listener.messages) == 200)


@pytest.mark.parametrize("version", [4, 5])
async def test_a_message_too_large_is_reported_and_the_session_lives(mosquitto: Broker, version: int) -> None:
    payload = bytes(range(256)) * 16_384  # 4 MiB
    async with listening(mosquitto.url, "tele/#", confirming=True, version=version) as listener:
        await publish(mosquitto.url, ("tele/a", "before"), ("tele/big", payload), ("tele/a", "after"))
        await until(lambda: len(listener.messages) == 2 and listener.refused)
        [refused] = listener.refused
        assert (refused.reason, refused.size, refused.message.topic) == (Reason.TOO_LARGE, 4_194_304, "tele/big")
        assert refused.message.payload == payload[:65536]
        assert listener.session.in_flight == 1
        listener.session.confirm([refused.message])
        assert listener.session.in_flight == 0
        assert listener.session.reconnects == 0


async def test_our_publishes_are_confirmed_and_carry_retain(broker: Broker) -> None:
    async with listening(broker.url, "none") as listener:
        await asyncio.wait_for(asyncio.gather(*[listener.session.publish(f"out/{n}", b"%d" % n, n == 7) for n in range(500)]), 10)
        assert listener.session.published == 500
    async with listening(broker.url, "out/#", client_id="late") as late:
        await until(lambda: late.messages)
        assert [(m.topic, m.payload, m.retained) for m in late.messages] == [("out/7", b"7", True)]


async def test_our_publishes_are_repeated_until_confirmed(broker: Broker) -> None:
    async with listening(broker.url, "none", keepalive=2) as listener:
        broker.freeze()
        waiting = [listener.session.publish(f"out/{n}", b"%d" % n, retain=True) for n in range(150)]
        broker.kill()
        await until(lambda: not listener.session.connected)
        waiting.append(listener.session.publish("out/150", b"150", retain=True))
        assert listener.session.published == 0
        broker.restart()
        await asyncio.wait_for(asyncio.gather(*waiting), 15)
    async with listening(broker.url, "out/#", client_id="late", confirming=True) as late:
        await until(lambda: len(late.messages) == 151)
        assert {message.payload: message.topic for message in late.messages} == {b"%d" % n: f"out/{n}" for n in range(151)}


async def test_a_topic_that_nats_closes_the_connection_for_is_given_up(tmp_path: Path) -> None:
    with start_broker("nats", tmp_path) as broker:
        async with listening(broker.url, "none") as listener:
            bad = listener.session.publish("rejected/living room", b"x")
            good = listener.session.publish("rejected/kitchen", b"x")
            with pytest.raises(NotPublished, match="living room"):
                await asyncio.wait_for(bad, 20)
            await asyncio.wait_for(good, 20)
            assert (listener.session.publisher.rejected, listener.session.published) == (1, 1)


async def test_publishes_are_bounded_and_their_topics_checked(mosquitto: Broker) -> None:
    async with listening(mosquitto.url, "none", publishes=3, keepalive=2) as listener:
        for topic in ("", "a/+", "#", "a\0b", "x" * 65536):
            with pytest.raises(ValueError, match="not a topic"):
                listener.session.publish(topic, b"")
        mosquitto.freeze()
        waiting = [listener.session.publish("out", b"") for _ in range(3)]
        with pytest.raises(Full):
            listener.session.publish("out", b"")
        mosquitto.thaw()
        await asyncio.wait_for(asyncio.gather(*waiting), 10)


async def test_filters_learned_later_stay(broker: Broker) -> None:
    await publish(broker.url, ("fire/kitchen", "state"), retain=True)
    async with listening(broker.url, "tele/#", lane="fire", confirming=True) as listener:
        await asyncio.wait_for(listener.session.subscribe(["fire/kitchen"]), 5)
        await until(lambda: listener.messages)
        assert (listener.messages[0].retained, listener.messages[0].lane) == (True, "fire")
        assert listener.session.granted == {"tele/#", "fire/kitchen"}
        broker.kill()
        await until(lambda: not listener.session.connected)
        with pytest.raises(ConnectionError):
            await listener.session.subscribe(["fire/cellar"])
        broker.restart()
        await listener.subscribed()
        assert listener.session.granted == {"tele/#", "fire/kitchen", "fire/cellar"}


async def test_mqtt_5(mosquitto: Broker) -> None:
    async with listening(mosquitto.url, "tele/#", version=5) as listener:
        async with client(mosquitto.url) as other:
            for number in range(15):
                await other.publish("tele/a", str(number), qos=1)
        await until(lambda: len(listener.messages) == 15)
        listener.session.confirm(listener.messages[:5])
        await asyncio.wait_for(listener.session.publish("out", b"x"), 5)
        await listener.close()
    async with listening(mosquitto.url, "tele/#", version=5, confirming=True) as again:
        await until(lambda: len(again.messages) == 10)
        assert again.payloads == [str(number) for number in range(5, 15)]


async def test_mqtt_5_tells_the_broker_how_much_may_be_unconfirmed(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, max_inflight=0) as broker:
        async with listening(broker.url, "tele/#", version=5, most_unconfirmed=30) as listener:
            await publish(broker.url, *numbered(60))
            await until(lambda: len(listener.messages) == 30)
            await publish(broker.url, ("other", "x"))
            assert listener.session.in_flight == 30


async def test_small_writes_go_out_at_once(mosquitto: Broker) -> None:
    async with listening(mosquitto.url, "tele/#") as listener:
        assert listener.session._link is not None
        assert listener.session._link._transport is not None
        own = listener.session._link._transport.get_extra_info("socket")
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_closing_does_not_wait_for_a_frozen_broker(mosquitto: Broker) -> None:
    async with listening(mosquitto.url, "tele/#") as listener:
        mosquitto.freeze()
        started = time.monotonic()
        await listener.close()
        assert time.monotonic() - started < 3
