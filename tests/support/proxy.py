"""A TCP proxy in a thread of its own, to put between the hub and what it talks to: delay, loss, a black hole, a tap.

with Proxy(broker.port) as proxy:      # the hub is given proxy.port
    proxy.delay = 0.2                  # seconds, each way
    proxy.blackhole = True             # takes bytes and passes nothing on; connections stay open
    proxy.cut()                        # resets every connection
    proxy.refuse = True                # new connections are closed at once
    proxy.sieve = lambda forth, number, packet: True   # of MQTT: what does not pass is swallowed, and nobody hears of it
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from random import Random
from types import TracebackType

Tap = Callable[[bool, int, bytes], None]
"""Called with (True for towards the target, number of the connection, bytes)."""
Sieve = Callable[[bool, int, bytes], bool]
"""The same of a whole MQTT packet: whether it passes."""


class Proxy:
    def __init__(self, target: int, tap: Tap | None = None, seed: int = 1) -> None:
        self.target = target
        self.tap = tap
        self.sieve: Sieve | None = None
        self.delay = 0.0
        self.jitter = 0.0
        self.loss = 0.0
        """Share of reads after which the stream stalls as a lost segment does: 0.2 s until it is sent again."""
        self.blackhole = False
        self.refuse = False
        self.connections = 0
        self.port = 0
        self._random = Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self) -> None:
        """Ends every connection with a reset, as a link that breaks does."""
        done = threading.Event()

        def now() -> None:
            for writer in list(self._open):
                with contextlib.suppress(OSError):  # it has ended by itself
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            done.set()

        self._loop.call_soon_threadsafe(now)
        assert done.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        if self.refuse:
            writer.close()
            return
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self._open |= {writer, out}
        try:
            await asyncio.gather(self._pass(reader, out, True, number), self._pass(there, writer, False, number))
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone
        finally:
            self._open -= {writer, out}
            for side in (writer, out):
                side.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, forth: bool, number: int) -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        begun = b""  # of a packet
        pending: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            while True:
                at, data = await pending.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                while self.blackhole:
                    await asyncio.sleep(0.02)
                writer.write(data)
                await writer.drain()
                if not data:
                    writer.close()
                    return

        sending = asyncio.create_task(send())
        try:
            while True:
                data = await reader.read(1 << 16)
                if data and self.tap is not None:
                    self.tap(forth, number, data)
                if data and self.sieve is not None:
                    *whole, begun = packets(begun + data)
                    data = b"".join(packet for packet in whole if self.sieve(forth, number, packet))
                    if not data:
                        continue
                late = 0.2 if self._random.random() < self.loss else 0.0
                wait = self.delay + self._random.uniform(0, self.jitter) + late
                due = max(due, loop.time() + wait)  # TCP keeps the order
                await pending.put((due, data))
                if not data:
                    await sending
                    raise ConnectionResetError
        finally:
            sending.cancel()


def packets(stream: bytes) -> list[bytes]:
    """The whole packets of it (MQTT 3.1.1, 2.2.3: the length in groups of seven bits), and last what is left."""
    cut: list[bytes] = []
    while True:
        length = size = 0
        for size, byte in enumerate(stream[1:5], 1):
            length |= (byte & 0x7F) << 7 * (size - 1)
            if not byte & 0x80:
                break
        else:
            return [*cut, stream]
        end = 1 + size + length
        if len(stream) < end:
            return [*cut, stream]
        cut.append(stream[:end])
        stream = stream[end:]
