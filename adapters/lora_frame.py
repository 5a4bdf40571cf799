"""What a LoRaWAN device's own bytes say: the result every decoder in ``adapters/lora_*.py`` gives. Not an adapter itself.

A decoder is a function ``decode(port, data) -> Frame`` whose module's header is the protocol document;
``adapters/lora_decoders.py`` lists them by name. It raises BadFrame for bytes that cannot be what the document describes.
"""

from collections.abc import Callable
from typing import NamedTuple


class BadFrame(ValueError):
    """The bytes do not have the layout of their port; the text says where."""


class UnknownCode(ValueError):
    """A state the document does not have; the text names it."""


class Value(NamedTuple):
    quantity: str
    value: float  # in the quantity's canonical unit
    channel: str = ""
    time: int | None = None  # ms since 1970, where the device itself says when it measured
    quality: int = 0


class Frame(NamedTuple):
    """``partial``: some of the bytes, or the whole port, are not described in the document. ``testing``: the device says it
    is being tested."""

    values: tuple[Value, ...] = ()
    firmware: str | None = None
    partial: bool = False
    testing: bool = False


Decoder = Callable[[int, bytes], Frame]


def big(data: bytes, at: int, size: int = 2, signed: bool = False) -> int:
    """The whole number of ``size`` bytes at ``at``, most significant byte first. Raises BadFrame where they are missing."""
    return _whole(data, at, size, signed, "big")


def little(data: bytes, at: int, size: int = 2, signed: bool = False) -> int:
    """As ``big``, least significant byte first."""
    return _whole(data, at, size, signed, "little")


def _whole(data: bytes, at: int, size: int, signed: bool, order: str) -> int:
    if at + size > len(data):
        raise BadFrame(f"{len(data)} bytes; byte {at + size - 1} is missing")
    return int.from_bytes(data[at : at + size], "big" if order == "big" else "little", signed=signed)
