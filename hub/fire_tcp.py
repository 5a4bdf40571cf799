"""The TCP side of GB/T 26875.3-2011: fire alarm transmission devices (用户信息传输装置) connect here and send packets.

Each whole packet goes into the fire lane as a message ``gb26875/<address of the peer>``, which the adapter ``gb26875`` reads,
and is confirmed to the device (command 3) only once the lane has committed it: confirmed means on disk. A packet with a
wrong checksum is denied (command 6), kept as a dead letter, and expected again. What is no packet ends the connection, with
the reason in the log; so do three wrong packets in a row, a packet that does not end within 10 s, five minutes without a
heartbeat (20-30 s by custom), and a device that does not read its answers.

``duty_check`` asks whether somebody is on duty (查岗) and times the answer; its question goes through the lane too, so that
the wait is stored and the rules see it. The protocol has no login: who may connect is a matter of ``allow``.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from adapters.gb26875_frame import CONFIRM, DENY, HEAD, SEND, Frame, frame_size, read_frame, time_label, write_frame
from hub.fire_duty import CONFIRM_WITHIN, DutyChecks, DutyFailed
from hub.lane import Source
from hub.model import Message, Now
from hub.ports import Malformed
from hub.said import sentence

CONNECTIONS = 200
UNCONFIRMED = 64
"""Packets of one connection that wait for their commit; further ones wait in the network."""
UNREAD = 64 * 1024
"""Bytes of answers a device may leave unread."""
READ = 4096
WRONG = 3
SOURCES = 16
"""Devices behind one connection that a duty check can reach."""
PACKET_WITHIN = 10.0
IDLE = 300.0

log = logging.getLogger("gengfu.fire_tcp")


class _Device:
    """One connection."""

    def __init__(self, number: int, peer: str, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.peer = peer
        self.writer = writer
        self.waiting = 0
        self.wrong = 0
        self.sources: set[bytes] = set()
        self.room = asyncio.Event()
        self.room.set()
        self.cut = ""

    def write(self, packet: bytes) -> None:
        transport = self.writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNREAD:
            self.cut = f"it has not read {UNREAD} bytes of answers"
            transport.abort()
            return
        self.writer.write(packet)


class FireTcp:
    """Bound when it is made (raises OSError with a plain sentence), accepting from ``start`` on.

    ``take`` gets groups of messages of the fire lane; ``confirm``, ``pause`` and ``resume`` are the lane's side of it."""

    window = UNCONFIRMED

    def __init__(
        self,
        host: str,
        port: int,
        allow: Iterable[str],
        zone: ZoneInfo,
        take: Callable[[list[Message]], None],
        clock: Callable[[], Now],
        *,
        idle: float = IDLE,
        packet_within: float = PACKET_WITHIN,
        confirm_within: float = CONFIRM_WITHIN,
    ) -> None:
        self._allow = [ip_network(network) for network in allow]
        self._zone = zone
        self._take = take
        self._clock = clock
        self._idle, self._packet_within = idle, packet_within
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=64)
        except OSError as error:
            raise OSError(f"[fire_tcp] cannot listen on {host}:{port}: {error.strerror or error}") from error
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, READ)  # answers are small: unread ones show soon
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._devices: dict[int, _Device] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._at: dict[bytes, tuple[_Device, bytes]] = {}  # each device's address: where it was last heard, and whom it told
        self._answers: dict[int, tuple[_Device, Frame, int]] = {}  # by packet id: what its commit is answered with
        self._duties = DutyChecks(self._ask, lambda: clock().monotonic, confirm_within)
        self._number = self._packet = 0
        self._running = asyncio.Event()
        self._running.set()
        self.received = self.confirmed = self.denied = self.refused = self.cut_off = 0

    @property
    def connections(self) -> int:
        return len(self._devices)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, sock=self._socket, limit=READ)
        log.info("fire alarm devices may connect to port %d", self.port)

    async def close(self) -> None:
        """Ends every connection. What was committed and not yet confirmed is sent again by its device."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the lane's side ----------------------------------------------------------------------------------------------

    def confirm(self, messages: Sequence[Message]) -> None:
        """Answers those messages that came over TCP: they are on disk."""
        for message in messages:
            waiting = self._answers.pop(message.packet_id, None) if message.connection < 0 else None
            if waiting is None:
                continue
            device, frame, command = waiting
            device.waiting -= 1
            device.room.set()
            device.write(self._answer(frame, command))
            if command == CONFIRM:
                self.confirmed += 1
            else:
                self.denied += 1

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        peer = str((writer.get_extra_info("peername") or ("unknown",))[0])
        if why := self._unwelcome(peer):
            self.refused += 1
            log.warning("fire device at %s turned away: %s", peer, why)
            writer.close()
            return
        self._number += 1
        device = self._devices[self._number] = _Device(self._number, peer, writer)
        log.info("fire device at %s connected", peer)
        try:
            why = await self._read(device, reader)
        except OSError as error:
            why = error.strerror or str(error)
        except asyncio.CancelledError:  # only ``close`` does that
            why = "the hub ends"
        except Exception:
            log.exception("fire device at %s: our own fault", peer)
            why = "our own fault"
        finally:
            self._gone(device)
        self.cut_off += bool(device.cut)
        log.warning("fire device at %s: connection ended: %s", peer, device.cut or why)

    def _unwelcome(self, peer: str) -> str:
        if self._allow and not any(ip_address(peer.partition("%")[0]) in network for network in self._allow):
            return "its address is not one that [fire_tcp] allows"
        return f"there are {CONNECTIONS} connections already" if len(self._devices) >= CONNECTIONS else ""

    def _gone(self, device: _Device) -> None:
        del self._devices[device.number]
        for source in device.sources:
            if self._at[source][0] is device:
                del self._at[source]
        for packet in [packet for packet, (owner, _, _) in self._answers.items() if owner is device]:
            del self._answers[packet]
        device.writer.close()

    async def _read(self, device: _Device, reader: asyncio.StreamReader) -> str:
        """Reads until the connection ends; returns why."""
        loop = asyncio.get_running_loop()
        buffer = b""
        began = 0.0
        while True:
            await self._running.wait()
            await device.room.wait()
            until = began + self._packet_within if buffer else loop.time() + self._idle
            try:
                async with asyncio.timeout_at(until):
                    data = await reader.read(READ)
            except TimeoutError:
                self.cut_off += 1
                return f"a packet did not end within {self._packet_within:g} s" if buffer else f"nothing for {self._idle:g} s"
            if not data:
                return "it closed the connection"
            messages: list[Message] = []
            if not buffer:
                began = loop.time()
            buffer, why = self._cut(device, buffer + data, messages)
            if messages:
                began = loop.time()
                self.received += len(messages)
                self._take(messages)
            if why:
                self.cut_off += 1
                return why

    def _cut(self, device: _Device, buffer: bytes, messages: list[Message]) -> tuple[bytes, str]:
        """The whole packets of the buffer, as messages; returns what is left, and why this must be the end."""
        while buffer:
            try:
                if not buffer.startswith(b"@@"[: len(buffer)]):
                    frame_size(buffer)
                size = frame_size(buffer) if len(buffer) >= HEAD else HEAD
            except Malformed as problem:
                self._message(device, buffer, messages)
                return b"", f"it sent what is no packet: {problem.detail}"
            if len(buffer) < size or size == HEAD:
                break
            packet, buffer = buffer[:size], buffer[size:]
            if why := self._one(device, packet, messages):
                return b"", why
        return buffer, ""

    def _one(self, device: _Device, packet: bytes, messages: list[Message]) -> str:
        """Takes one packet; returns why the connection must end."""
        number = self._message(device, packet, messages)
        try:
            frame = read_frame(packet)
        except Malformed as problem:
            device.wrong += 1
            if device.wrong >= WRONG or not packet.endswith(b"##"):
                return f"it sent wrong packets, the last: {problem.detail}"
            head = Frame(int.from_bytes(packet[2:4], "little"), packet[26], packet[12:18], packet[18:24], version=packet[4:6])
            self._owe(device, number, head, DENY)
            return ""
        device.wrong = 0
        if frame.command == SEND:
            self._heard(device, frame)
            self._owe(device, number, frame, CONFIRM)
        self._duties.hear(frame)
        return ""

    def _heard(self, device: _Device, frame: Frame) -> None:
        """Notes where a device's address speaks from, and to whom."""
        if frame.source in device.sources or len(device.sources) < SOURCES:
            device.sources.add(frame.source)
            self._at[frame.source] = (device, frame.target)

    def _message(self, device: _Device, payload: bytes, messages: list[Message]) -> int:
        self._packet += 1
        now = self._clock()
        topic = f"gb26875/{device.peer}"
        messages.append(
            Message(topic, payload, now.wall, now.monotonic, "fire", packet_id=self._packet, connection=-device.number)
        )
        return self._packet

    def _owe(self, device: _Device, number: int, frame: Frame, command: int) -> None:
        self._answers[number] = (device, frame, command)
        device.waiting += 1
        if device.waiting >= UNCONFIRMED:
            device.room.clear()

    def _answer(self, frame: Frame, command: int) -> bytes:
        return write_frame(Frame(frame.serial, command, frame.target, frame.source, time=self._time(), version=frame.version))

    def _time(self) -> bytes:
        return time_label(datetime.fromtimestamp(self._clock().wall / 1000, UTC).astimezone(self._zone))

    # --- duty check ---------------------------------------------------------------------------------------------------

    def duty_check(self, address: str, within: float = 600.0) -> "asyncio.Task[float]":
        """Asks the device of this address (hexadecimal, as in its id) whether somebody is on duty; the seconds until the
        answer. Raises DutyFailed at once if the device is not connected or asked already; the task does if it denies the
        question, does not confirm it or does not answer ``within`` seconds."""
        try:
            source = bytes.fromhex(address)
        except ValueError:
            source = b""
        if source not in self._at:
            raise DutyFailed(sentence("duty_away", name=address))
        device, centre = self._at[source]
        duty = self._duties.begin(centre, source, self._time(), within)
        messages: list[Message] = []
        self._message(device, write_frame(duty.question), messages)
        self._take(messages)
        task = asyncio.create_task(self._duties.answer(duty, within))
        self._tasks.add(task)
        task.add_done_callback(self._checked)
        return task

    def _checked(self, task: "asyncio.Task[float]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if error := task.exception():
            log.warning("duty check: %s", error)
        else:
            log.info("duty check: answered after %.1f s", task.result())

    def _ask(self, question: Frame) -> None:
        if question.target in self._at:
            self._at[question.target][0].write(write_frame(replace(question, time=self._time())))


class Both:
    """The fire lane's two sources: the MQTT session and the TCP listener. Each knows its own messages."""

    def __init__(self, session: Source, tcp: FireTcp) -> None:
        self._sources = (session, tcp)
        self._session = session

    @property
    def window(self) -> int:
        return self._session.window

    def confirm(self, messages: Sequence[Message]) -> None:
        for source in self._sources:
            source.confirm(messages)

    def pause(self) -> None:
        for source in self._sources:
            source.pause()

    def resume(self) -> None:
        for source in self._sources:
            source.resume()
