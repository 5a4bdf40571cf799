"""What a LoRaWAN device's own bytes say: the result every decoder in ``adapters/lora_*.py`` gives. Not an adapter itself.

A decoder is a function ``decode(port, data) -> Frame`` whose module's header is the protocol document; ``adapters/lorawan.py``
lists them by name. It raises BadFrame for bytes that cannot be what the document describes.
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


class Frame(NamedTuple):
    """``partial``: some of the bytes, or the whole port, are not described in the document. ``testing``: the device says it
    is being tested."""

    values: tuple[Value, ...] = ()
    firmware: str | None = None
    partial: bool = False
    testing: bool = False


Decoder = Callable[[int, bytes], Frame]
