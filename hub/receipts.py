"""Receipts: a device that numbers its fire messages is told which of them are on disk, and can resend the others.

Published on ``gengfu/{community}/receipts/{device}`` once the readings of a message, and every alert that came of it, are
committed. A message carries a receipt's wish in its payload's top-level ``id`` or ``seq``, or in the sequence number that
its format has elsewhere; a second copy gets its receipt like the first.
"""

from typing import Any

import msgspec
from msgspec import Struct


class Receipt(Struct, frozen=True):
    """``id`` and ``seq`` as the device wrote them; None where it did not."""

    device: str
    id: str | int | None
    seq: int | None


class _Marks(Struct):
    id: Any = None
    seq: Any = None


_decode = msgspec.json.Decoder(_Marks).decode


def wanted(payload: bytes, device: str, seq: int) -> Receipt | None:
    """The receipt this message asks for, if it does. ``seq``: what its adapter found, 0 for nothing."""
    try:
        marks = _decode(payload)
    except msgspec.DecodeError:  # not a JSON object: then only the adapter knows a number
        marks = _Marks()
    id = marks.id if isinstance(marks.id, str | int) and not isinstance(marks.id, bool) else None
    number = marks.seq if isinstance(marks.seq, int) and not isinstance(marks.seq, bool) else seq or None
    return None if id is None and number is None else Receipt(device, id, number)
