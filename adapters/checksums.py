"""16-bit checksums of meters. Not an adapter itself. Names and check values as in the catalogue of parametrised CRCs.

arc      CRC-16/ARC: polynomial 0x8005 reflected, begins with 0: P1 telegrams
x25      CRC-16/X-25: polynomial 0x1021 reflected, begins and ends inverted: SML
kermit   CRC-16/KERMIT: the same, begins with 0, nothing inverted
"""

from array import array
from binascii import crc_hqx
from functools import cache
from sys import byteorder

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def arc(data: bytes) -> int:
    """Two bytes at a time: they fill the register, so that one look into a table of all its values does."""
    step, pairs = _arc_tables()
    words = array("H", data[: len(data) & ~1])
    if byteorder == "big":
        words.byteswap()
    crc = 0
    for word in words:
        crc = pairs[crc ^ word]
    return crc >> 8 ^ step[(crc ^ data[-1]) & 0xFF] if len(data) & 1 else crc


def x25(data: bytes) -> int:
    return _reflected(data, 0xFFFF) ^ 0xFFFF


def kermit(data: bytes) -> int:
    return _reflected(data, 0)


def _reflected(data: bytes, begin: int) -> int:
    """``crc_hqx`` reads the highest bit first: mirrored in, mirrored out, it reads the lowest first."""
    crc = crc_hqx(data.translate(_MIRRORED), begin)
    return _MIRRORED[crc & 0xFF] << 8 | _MIRRORED[crc >> 8]


@cache
def _arc_tables() -> tuple[list[int], list[int]]:
    """What one byte does to the register, and what two do."""
    step = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        step.append(crc)
    once = [crc >> 8 ^ step[crc & 0xFF] for crc in range(65536)]
    return step, [crc >> 8 ^ step[crc & 0xFF] for crc in once]
