"""Fire alarm devices over TCP: a real listener, real clients, the real walk behind it."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.config import ConfigErrors, load
from hub.fire_duty import DutyFailed
from hub.fire_tcp import UNREAD, FireTcp
from hub.model import Batch, Lane, Now
from hub.stores.memory import MemoryStore
from tests.support.hubs import HubProcess, running_hub, until
from tests.support.panels import CENTRE, PANEL, Answer, Panel, packet, smoke
from tests.support.walks import NOW, RETENTION, VOCABULARY, Walk, adapter, walk

DETECTOR = "gb26875:790300000000-1.1-0a000200"
SEND, CONTROL, CONFIRM, DENY = 2, 1, 3, 6


class Gated(MemoryStore):
    """A store whose commit takes until somebody opens the gate."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY, RETENTION, lambda: NOW)
        self.begun = threading.Event()
        self.gate = threading.Event()

    def append(self, lane: Lane, batch: Batch) -> None:
        self.begun.set()
        assert self.gate.wait(20)
        super().append(lane, batch)


class Listening:
    def __init__(self, tcp: FireTcp, walk: Walk) -> None:
        self.tcp = tcp
        self.walk = walk

    async def panel(self) -> Panel:
        return await Panel.connect(self.tcp.port)

    async def until(self, condition: Any, what: str) -> None:
        try:
            async with asyncio.timeout(10):
                while not condition():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"not within 10 s: {what}") from None

    def values(self, quantity: str) -> list[float]:
        return [reading.value for reading in self.walk.heard.readings if reading.quantity == quantity and not reading.channel]


def clock() -> Now:
    return Now(NOW, time.monotonic())


@asynccontextmanager
async def listening(
    path: Path, store: MemoryStore | None = None, allow: tuple[str, ...] = (), **waits: float
) -> AsyncIterator[Listening]:
    async with walk(path, adapter("gb26875"), store=store) as made:
        tcp = FireTcp("127.0.0.1", 0, allow, ZoneInfo("Asia/Shanghai"), made.pipeline.take, clock, **waits)
        made.lanes["fire"].source = tcp
        await tcp.start()
        yield Listening(tcp, made)
        await tcp.close()


# --- confirmed means on disk ---------------------------------------------------------------------------------------------


async def test_a_packet_is_confirmed_only_after_its_commit(tmp_path: Path) -> None:
    store = Gated()
    async with listening(tmp_path, store) as hub:
        panel = await hub.panel()
        panel.send(smoke(0b11, serial=7))
        await hub.until(store.begun.is_set, "the commit begins")
        assert await panel.nothing()
        store.gate.set()
        assert await panel.hears() == Answer(7, CONFIRM, CENTRE, PANEL, b"")
        assert [row.value for row, _ in store.latest() if row.quantity == "fire.smoke"] == [1]
        assert [alert.state for alert in hub.walk.heard.alerts if alert.quantity == "fire.smoke"] == ["firing"]


async def test_a_packet_that_was_not_confirmed_comes_again_and_counts_once(tmp_path: Path) -> None:
    store = Gated()
    async with listening(tmp_path, store) as hub:
        panel = await hub.panel()
        panel.send(smoke(0b11, serial=7))
        await hub.until(store.begun.is_set, "the commit begins")
        await panel.close()
        await hub.until(lambda: not hub.tcp.connections, "the hub has noticed")
        store.gate.set()
        panel = await hub.panel()
        panel.send(smoke(0b11, serial=7))
        assert (await panel.hears()).command == CONFIRM
        series = next(one for one in store.series() if one.quantity == "fire.smoke")
        assert len(store.rows(series, 0, NOW * 2).value) == 1


async def test_packets_in_pieces_and_several_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await hub.panel()
        for byte in smoke(0b11, serial=1):
            panel.send(bytes([byte]))
            await panel.writer.drain()
        assert (await panel.hears()).serial == 1
        panel.send(smoke(1, serial=2, second=3) + packet(3, SEND) + smoke(0b11, serial=4, second=4)[:40])
        assert [(await panel.hears()).serial for _ in range(2)] == [2, 3]
        panel.send(smoke(0b11, serial=4, second=4)[40:])
        assert (await panel.hears()).serial == 4
        assert hub.values("fire.smoke") == [1, 0, 1]


async def test_two_devices_are_answered_each_on_its_own_line(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        one, two = await hub.panel(), await hub.panel()
        one.send(packet(11, SEND))
        two.send(packet(22, SEND, source=bytes([9] * 6)))
        assert await one.hears() == Answer(11, CONFIRM, CENTRE, PANEL, b"")
        assert await two.hears() == Answer(22, CONFIRM, CENTRE, bytes([9] * 6), b"")


# --- what is wrong -------------------------------------------------------------------------------------------------------


async def test_a_wrong_checksum_is_denied_and_expected_again(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await hub.panel()
        good = smoke(0b11, serial=5)
        panel.send(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        assert await panel.hears() == Answer(5, DENY, CENTRE, PANEL, b"")
        panel.send(good)
        assert await panel.hears() == Answer(5, CONFIRM, CENTRE, PANEL, b"")
        (letter,) = hub.walk.letters()
        assert letter.reason == "bad_frame"
        assert "checksum" in letter.detail
        assert hub.tcp.denied == hub.tcp.confirmed == 1


async def test_three_wrong_packets_in_a_row_end_the_connection(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await hub.panel()
        panel.send((packet(1, SEND)[:-3] + b"\x00##") * 3)
        assert await panel.ended()
        await hub.walk.settled()
        assert len(hub.walk.letters()) == 3


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "expected 40 40"),
        (b"@@" + bytes(22) + b"\xff\xff" + bytes(4), "65535 bytes of application data"),
        (packet(1, SEND)[:-2] + b"xx", "ends with 78 78"),
    ],
)
async def test_garbage_ends_the_connection_with_a_reason(
    tmp_path: Path, garbage: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path) as hub:
        panel = await hub.panel()
        panel.send(garbage)
        assert await panel.ended()
        assert reason in caplog.text
        await hub.walk.settled()
        assert [letter.payload for letter in hub.walk.letters()] == [garbage]
        other = await hub.panel()
        other.send(packet(1, SEND))
        assert (await other.hears()).command == CONFIRM


async def test_a_packet_that_never_ends_and_a_line_without_heartbeat(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(tmp_path, packet_within=0.3, idle=0.6) as hub:
        slow, idle = await hub.panel(), await hub.panel()
        slow.send(smoke(1)[:30])
        assert await slow.ended()
        assert "a packet did not end within 0.3 s" in caplog.text
        assert await idle.ended()
        assert "nothing for 0.6 s" in caplog.text
        assert hub.tcp.cut_off == 2


async def test_a_device_that_does_not_read_its_answers_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(tmp_path) as hub:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", hub.tcp.port))
        writing = asyncio.create_task(asyncio.get_running_loop().sock_sendall(plain, packet(1, SEND) * (8 * UNREAD // 30)))
        await hub.until(lambda: hub.tcp.cut_off, "it is cut off")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        plain.close()
        await hub.until(lambda: "has not read" in caplog.text, "the log says why")


async def test_who_may_connect(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(tmp_path, allow=("10.0.0.0/8",)) as hub:
        panel = await hub.panel()
        assert await panel.ended()
        assert "allows" in caplog.text
        assert (hub.tcp.refused, hub.tcp.connections) == (1, 0)


async def test_the_lane_can_hold_it_back(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await hub.panel()
        panel.send(packet(1, SEND))
        await panel.hears()
        hub.tcp.pause()
        panel.send(packet(2, SEND))
        assert (await panel.hears()).serial == 2  # the read that was under way
        panel.send(packet(3, SEND))
        assert await panel.nothing()
        assert hub.tcp.received == 2
        hub.tcp.resume()
        assert (await panel.hears()).serial == 3


# --- duty check ----------------------------------------------------------------------------------------------------------


async def on_line(hub: Listening) -> Panel:
    panel = await hub.panel()
    panel.send(packet(1, SEND))
    assert (await panel.hears()).command == CONFIRM
    return panel


def answered(serial: int) -> bytes:
    return packet(serial, SEND, bytes([24, 1, 0b100000, 1]) + bytes([30, 58, 9, 5, 3, 26]))


async def test_a_duty_check_is_timed(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await on_line(hub)
        check = hub.tcp.duty_check(PANEL.hex())
        begun = time.monotonic()
        question = await panel.hears()
        assert (question.command, question.source, question.target) == (CONTROL, CENTRE, PANEL)
        assert question.data == bytes([91, 1, 10])
        panel.send(packet(question.serial, CONFIRM))
        assert await panel.nothing(0.3)
        panel.send(answered(2))
        took = await check
        assert 0.3 <= took <= time.monotonic() - begun + 0.01
        assert hub.values("fire.duty.waiting") == [1, 0]
        assert (await panel.hears()).serial == 2


async def test_a_duty_check_is_asked_three_times_and_then_given_up(tmp_path: Path) -> None:
    async with listening(tmp_path, confirm_within=0.1) as hub:
        panel = await on_line(hub)
        with pytest.raises(DutyFailed, match="did not confirm"):
            await hub.tcp.duty_check(PANEL.hex())
        asked = [await panel.hears() for _ in range(3)]
        assert len({question.serial for question in asked}) == 1
        assert await panel.nothing()


async def test_what_else_a_duty_check_can_end_in(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        with pytest.raises(DutyFailed, match="no fire alarm device 790300000000 is connected"):
            await hub.tcp.duty_check(PANEL.hex())
        with pytest.raises(DutyFailed, match="no fire alarm device hall is connected"):
            await hub.tcp.duty_check("hall")
        panel = await on_line(hub)
        check = hub.tcp.duty_check(PANEL.hex())
        question = await panel.hears()
        with pytest.raises(DutyFailed, match="asked already"):
            await hub.tcp.duty_check(PANEL.hex())
        panel.send(packet(question.serial, DENY))
        with pytest.raises(DutyFailed, match="denied"):
            await check
        check = hub.tcp.duty_check(PANEL.hex(), within=0.4)
        panel.send(packet((await panel.hears()).serial, CONFIRM))
        with pytest.raises(DutyFailed, match="nobody answered"):
            await check


async def test_a_duty_check_is_answered_after_a_reconnect(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        panel = await on_line(hub)
        check = hub.tcp.duty_check(PANEL.hex())
        panel.send(packet((await panel.hears()).serial, CONFIRM))
        await panel.close()
        panel = await on_line(hub)
        panel.send(answered(3))
        assert await check > 0


# --- configuration -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('listen = "5200"', 'write it like "127.0.0.1:8080"'),
        ('listen = "0.0.0.0:5200"', "say in allow from which networks"),
        ('listen = "0.0.0.0:5200"\nallow = ["10.1.0.0/33"]', "is no network"),
        ('listen = "0.0.0.0:5200"\nallow = ["10.1.2.3/16"]', "is no network"),
        ("allow = []", '"listen" is missing'),
        ('listen = "127.0.0.1:5200"\nport = 1', 'unknown key "port"'),
        ('listen = "127.0.0.1:5200"\n[[adapter]]\nkind = "shelly"', 'kind = "gb26875"'),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "gengfu.toml").write_text(f"[fire_tcp]\n{text}\n")
    with pytest.raises(ConfigErrors) as error:
        load(tmp_path / "gengfu.toml")
    assert wanted in str(error.value)
    assert "fire_tcp" in str(error.value)


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    assert load(None).fire_tcp is None
    (tmp_path / "gengfu.toml").write_text('[fire_tcp]\nlisten = "0.0.0.0:5200"\nallow = ["10.1.0.0/16"]\n')
    given = load(tmp_path / "gengfu.toml").fire_tcp
    assert given is not None
    assert (given.host, given.port, given.allow) == ("0.0.0.0", 5200, ("10.1.0.0/16",))


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match=r"\[fire_tcp\] cannot listen"):
        FireTcp("127.0.0.1", other.getsockname()[1], (), ZoneInfo("UTC"), print, lambda: Now(0, 0))


# --- a whole hub ---------------------------------------------------------------------------------------------------------


@contextmanager
def whole_hub(path: Path) -> Iterator[tuple[HubProcess, int]]:
    """A hub process and the port for fire alarm devices."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = path / "gengfu.toml"
    config.write_text(f'[web]\nlisten = "127.0.0.1:0"\n[fire_tcp]\nlisten = "127.0.0.1:{port}"\n')
    with running_hub(config, path / "data") as hub:
        yield hub, port


def test_what_was_confirmed_outlives_a_killed_hub(tmp_path: Path) -> None:
    async def fire(port: int) -> Answer:
        panel = await Panel.connect(port)
        panel.send(smoke(0b11, serial=9))
        return await panel.hears()

    with whole_hub(tmp_path) as (hub, port):
        assert asyncio.run(fire(port)).command == CONFIRM
        hub.kill()
        hub.start()
        assert [alert["quantity"] for alert in hub.every("/api/v1/alerts?state=firing")] == ["fire.smoke"]
        until(lambda: DETECTOR in [one["id"] for one in hub.every("/api/v1/devices")], "the detector is listed")
        assert hub.metric("fire_tcp_connections") == 0


def test_a_duty_check_over_http(tmp_path: Path) -> None:
    device = f"gb26875:{PANEL.hex()}"

    async def talk(hub: HubProcess, port: int) -> None:
        async def post(id: str) -> tuple[int, Any]:
            return await asyncio.to_thread(hub.post, f"/api/v1/devices/{id}/duty-check", {})

        panel = await Panel.connect(port)
        panel.send(packet(1, SEND))
        await panel.hears()
        assert (await post(device))[0] == 202
        question = await panel.hears()
        assert (question.command, question.data[0]) == (CONTROL, 91)
        status, problem = await post(device)
        assert (status, "asked already" in problem["detail"]) == (422, True)
        panel.send(packet(question.serial, CONFIRM))
        panel.send(answered(2))
        assert (await panel.hears()).serial == 2
        assert (await post("gb26875:010203040506"))[0] == 422
        await panel.close()

    with whole_hub(tmp_path) as (hub, port):
        asyncio.run(talk(hub, port))
        card = hub.get(f"/api/v1/devices/{device}")
        waiting = [one["value"] for one in card["latest"] if one["quantity"] == "fire.duty.waiting"]
        assert waiting == [0]
