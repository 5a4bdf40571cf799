"""One public vendor payload on its way through an adapter, and what its source says of it. See ``tests/support/payloads.py``."""

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.ports import Adapter

Vector = dict[str, Any]
"""A line of ``<format>/vectors.jsonl``: id, topic, payload, enc, and expected, device … where the source gives them."""


class Stated(NamedTuple):
    """A value that the source states, in our quantity and unit. Channel None: whatever it is. ``within``: how far off it may
    be, where the source has rounded it."""

    quantity: str
    channel: str | None
    value: float
    within: float = 0.0


@dataclass
class Case:
    """A message to send and what must come of it.

    ``stated``    values to be compared; ``disputed``: values the source has wrong, with the reason why: stated, not compared
    ``untold``    how many more values of quantities we know the vector states, that are not compared (no decoder, …)
    ``whole``     no reading but those stated may come
    ``refused``   the reason (hub.model.Reason) it is rightly refused for, though no deliberate negative
    ``time``      the network's time of every reading; ``seq`` their number
    ``info``      what a DeviceInfo must say, by device id
    ``counts``    vectors in this message; 0 for one that only prepares the adapter
    """

    vector: Vector
    adapter: Adapter
    topic: str
    payload: bytes
    stated: list[Stated] = field(default_factory=list)
    disputed: list[tuple[Stated, str]] = field(default_factory=list)
    untold: int = 0
    whole: bool = False
    refused: str | None = None
    time: int | None = None
    seq: int | None = None
    info: dict[str, Any] = field(default_factory=dict)
    counts: int = 1


Cases = Callable[[list[Vector]], Iterable[Case] | Iterator[Case]]
"""A format's vectors as messages, in the order to be sent."""


class Format(NamedTuple):
    """``floor``: at least so many values compared from the folder the project was built with."""

    cases: Cases
    floor: int = 10


def payload_bytes(vector: Vector) -> bytes:
    """The vector's payload as it was published: ``enc`` is json, utf8, hex or base64."""
    encoded: str = vector["payload"]
    if vector.get("enc") == "hex":
        return bytes.fromhex(encoded)
    return base64.b64decode(encoded) if vector.get("enc") == "base64" else encoded.encode()


def negative(vector: Vector) -> bool:
    """Whether the source calls it a deliberate negative: it must be refused."""
    return any(vector.get(mark) is False for mark in ("valid", "checksum_ok", "crc_ok")) or vector.get("should") == "fail"
