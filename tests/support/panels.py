"""A fire alarm transmission device over TCP, made from the layout in GB/T 26875.3-2011, 6.6: the independent side of the
tests of ``hub.fire_tcp``."""

import asyncio
import contextlib
from typing import NamedTuple

PANEL = bytes.fromhex("790300000000")
CENTRE = bytes.fromhex("385b01000000")
SENT = bytes([2, 58, 9, 5, 3, 26])  # 2026-03-05 09:58:02


def packet(serial: int, command: int, data: bytes = b"", source: bytes = PANEL, target: bytes = CENTRE) -> bytes:
    body = serial.to_bytes(2, "little") + b"\x01\x01" + SENT + source + target
    body += len(data).to_bytes(2, "little") + bytes([command]) + data
    return b"@@" + body + bytes([sum(body) % 256]) + b"##"


def smoke(state: int, serial: int = 1, second: int = 2) -> bytes:
    """The state of smoke detector 10-2 of system 1.1; bit 0 normal, bit 1 fire."""
    when = bytes([second, *SENT[1:]])
    detector = bytes([1, 1, 40]) + bytes.fromhex("0a000200")
    return packet(serial, 2, b"\x02\x01" + detector + state.to_bytes(2, "little") + bytes(31) + when)


class Answer(NamedTuple):
    serial: int
    command: int
    source: bytes
    target: bytes
    data: bytes


class Panel:
    """One connection of the device."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Panel":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def hears(self, within: float = 10.0) -> Answer:
        """The next packet from the hub; checks its form."""
        async with asyncio.timeout(within):
            head = await self._reader.readexactly(27)
            rest = await self._reader.readexactly(int.from_bytes(head[24:26], "little") + 3)
        assert head[:2] == b"@@", head
        assert rest[-2:] == b"##", rest
        assert rest[-3] == sum(head[2:] + rest[:-3]) % 256
        return Answer(int.from_bytes(head[2:4], "little"), head[26], head[12:18], head[18:24], rest[:-3])

    async def nothing(self, within: float = 0.2) -> bool:
        """Whether nothing comes for so long."""
        try:
            async with asyncio.timeout(within):
                return not await self._reader.read(1)
        except TimeoutError:
            return True

    async def ended(self, within: float = 10.0) -> bool:
        """Waits until the hub has ended the connection; whatever it still says is passed over."""
        async with asyncio.timeout(within):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(4096):
                    pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
