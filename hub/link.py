"""One connection to an MQTT broker: where it is, how it is reached, its bytes in and out, and noticing that it is dead."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hub import packets
from hub.model import Message, Now
from hub.packets import Pingresp, ProtocolError
from hub.wire import Other, Reader, Refused

READ: Final = 32_768
"""Bytes taken at a time: some 150 messages, a few milliseconds of work, then it is the other session's turn."""


class Address(Struct, frozen=True):
    """A broker. ``version`` 4 is MQTT 3.1.1, 5 is MQTT 5; ``ca_file`` "" trusts what the system trusts."""

    host: str
    port: int
    tls: bool = False
    username: str = ""
    password: str = ""
    ca_file: str = ""
    version: int = 4

    @property
    def shown(self) -> str:
        """For people and logs: without the credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Address({self.shown})"


def parse_url(url: str) -> Address:
    """The address in ``mqtt://[user[:password]@]host[:port]``; ``mqtts://`` is with TLS. Raises ValueError in plain words."""
    wanted = "write it like mqtt://user:password@host:1883, or mqtts:// with TLS"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"the broker's url cannot be read; {wanted}") from None
    if parts.scheme not in ("mqtt", "mqtts"):
        raise ValueError(f'the broker\'s url begins with "{parts.scheme}"; {wanted}')
    if not parts.hostname:
        raise ValueError(f"the broker's url names no host; {wanted}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the broker's url goes on after the port; {wanted}; in a password, write / as %2F, ? as %3F, # as %23")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password and not username:
        raise ValueError(f"the broker's url has a password but no user; {wanted}")
    tls = parts.scheme == "mqtts"
    return Address(parts.hostname, port or (8883 if tls else 1883), tls, username, password)


def trust(address: Address) -> ssl.SSLContext | None:
    """How its certificate is judged; None without TLS. Raises OSError (ssl.SSLError is one) for a CA file that is no good."""
    return ssl.create_default_context(cafile=address.ca_file or None) if address.tls else None


class Loss(Struct, frozen=True):
    """Why a connection ended. ``by_broker``: the broker closed it, for reasons of its own."""

    why: str
    by_broker: bool = False


class Link(asyncio.BufferedProtocol):
    """``ended`` tells the Loss, or raises what ``deliver`` raised: that is a fault of the hub and not of the connection.

    ``deliver`` is called with what a read completed, in order of arrival, the broker's answers apart. Until ``keepalive``
    seconds after ``open`` the broker must have let us in (``welcomed``); after that it is taken for dead when it has been
    silent for 1.25 to 1.75 times ``keepalive``.
    """

    def __init__(
        self,
        reader: Reader,
        keepalive: float,
        clock: Callable[[], Now],
        deliver: Callable[[list[Message], list[Other]], None],
        beat: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.reader = reader
        self.keepalive = keepalive
        self.welcomed = False
        self.ended: asyncio.Future[Loss] = loop.create_future()
        self._loop = loop
        self._clock = clock
        self._deliver = deliver
        self._beat = beat
        self._view = memoryview(bytearray(READ))
        self._transport: asyncio.Transport | None = None
        self._closed: asyncio.Future[None] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._began = self._heard = self._spoke = loop.time()
        self._asked = 0.0  # when a ping went out that nothing has followed yet
        self._paused = False
        self._pong: asyncio.Future[None] | None = None  # set once we are leaving

    async def open(self, address: Address, context: ssl.SSLContext | None, hello: bytes) -> None:
        """Connects and says ``hello``. Raises OSError or TimeoutError."""
        async with asyncio.timeout(self.keepalive):
            await self._loop.create_connection(
                lambda: self, address.host, address.port, ssl=context, server_hostname=address.host if context else None
            )
        self.write(hello)
        self._began = self._loop.time()
        self._tick()

    def write(self, data: bytes) -> None:
        """Sends ``data``, nothing after the connection has ended."""
        if self._transport is not None and not self._transport.is_closing():
            self._spoke = self._loop.time()
            self._transport.write(data)

    def pause(self, paused: bool) -> None:
        """Stops or resumes reading; what the broker sends meanwhile waits in the network's buffers and then with it."""
        if paused == self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = paused
        self._asked = 0.0
        if paused:
            self._transport.pause_reading()
        else:
            self._heard = self._loop.time()  # it could not be heard, which does not mean that it was silent
            self._transport.resume_reading()

    def lose(self, loss: Loss) -> None:
        """Ends the connection at once."""
        if not self.ended.done():
            self.ended.set_result(loss)
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Ends the connection in good order. What was written has been read by the broker before it hears DISCONNECT:
        nats-server forgets confirmations that are followed by it at once. Messages that still come are the broker's to keep.
        Takes at most two seconds."""
        if self._transport is None:
            return
        if self.welcomed and not self.ended.done():
            self._pong = self._loop.create_future()
            self.pause(False)
            self.write(packets.PINGREQ)
            await _at_most(1, self._pong)
            self.write(packets.DISCONNECT)
        self._transport.close()
        if not await _at_most(1, self._closed):
            self._transport.abort()

    # --- called by asyncio --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport  # asyncio has set TCP_NODELAY

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, size: int) -> None:
        if self.ended.done():
            return
        now = self._clock()
        self._heard, self._asked = self._loop.time(), 0.0
        messages: list[Message] = []
        others: list[Other] = []
        loss = None
        try:
            self.reader.feed(bytes(self._view[:size]), now.wall, now.monotonic, messages, others)
        except ProtocolError as violation:
            loss = Loss(f"the broker broke the MQTT protocol: {violation}")
        if self._pong is not None:
            messages = []
            if not self._pong.done() and any(isinstance(other, Pingresp) for other in others):
                self._pong.set_result(None)
            others = [other for other in others if not isinstance(other, Refused)]
        try:
            self._deliver(messages, others)
        except Exception as failure:  # noqa: BLE001  asyncio would only log it; whoever awaits ``ended`` gets it
            if not self.ended.done():
                self.ended.set_exception(failure)
            loss = loss or Loss("the hub failed")
        if loss is not None:
            self.lose(loss)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for waited in (self._closed, self._pong):
            if waited is not None and not waited.done():
                waited.set_result(None)
        if not self.ended.done():
            by_broker = error is None or isinstance(error, ConnectionResetError | BrokenPipeError)
            why = "the broker closed the connection" if by_broker else f"the connection broke: {error}"
            self.ended.set_result(Loss(why, by_broker))

    def _tick(self) -> None:
        """Four times in ``keepalive``: is it there, does it know that we are?"""
        if self.ended.done():
            return
        now, patience = self._loop.time(), self.keepalive
        if not self.welcomed:
            if now - self._began >= patience:
                self.lose(Loss(f"the broker has not answered CONNECT for {patience:g} s"))
                return
        else:
            if self._asked and not self._paused and now - self._asked >= patience * 0.75:
                self.lose(Loss(f"the broker has been silent for {now - self._heard:.0f} s"))
                return
            idle = now - (self._spoke if self._paused else min(self._heard, self._spoke))
            if idle >= patience / 2 and (self._paused or not self._asked):
                self._asked = now
                self.write(packets.PINGREQ)
            self._beat()
        self._timer = self._loop.call_later(patience / 4, self._tick)


async def _at_most(seconds: float, waited: "asyncio.Future[None]") -> bool:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(waited)
    except TimeoutError:
        return False
    return True
