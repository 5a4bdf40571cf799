"""What every vendor format here has in common: a voice turns the truth of a thing into the messages its vendor sends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from simulators.building import Truth, World
from simulators.plan import Thing


class Publication(NamedTuple):
    topic: str
    payload: bytes
    retain: bool = False


class Voice(Protocol):
    """One vendor's format. ``at`` is ms since 1970 UTC."""

    def __init__(self, world: World, things: Sequence[Thing]) -> None: ...

    def hello(self, at: int) -> list[Publication]:
        """What is published on connecting, before any reading: retained where the vendor retains it."""
        ...

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        """The messages a thing sends now."""
        ...

    def lost(self, thing: Thing) -> list[Publication]:
        """What the vendor's last will, or its gateway, says once the thing has fallen silent."""
        ...

    def goodbye(self) -> list[Publication]:
        """What is published on an orderly end."""
        ...


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def iso(at: int) -> str:
    """``2026-03-05T02:00:00.000Z``"""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
