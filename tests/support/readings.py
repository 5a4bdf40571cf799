"""Short ways to make readings and batches."""

from collections.abc import Iterable
from hashlib import sha256
from itertools import count

from hub.model import Batch, DeadLetter, Reading

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T0 = 1_772_409_600_000  # 2026-03-02T00:00:00Z
_arrivals = count(T0)


def batch(*readings: Reading, arrived: int | None = None) -> Batch:
    """Each arrives a ms after the one before, or all at ``arrived``."""
    made = Batch()
    made.readings = list(readings)
    made.received_at = [next(_arrivals) if arrived is None else arrived for _ in readings]
    return made


def power(value: float, time: int, device: str = "meter", channel: str = "", seq: int = 0) -> Reading:
    return Reading(device, "power.active", value, time, channel, seq)


def dead_letter(at: int, device: str = "meter", topic: str = "tele/x", payload: bytes = b"{") -> DeadLetter:
    return DeadLetter(at, topic, payload, len(payload), sha256(payload).hexdigest(), "bad_json", "ends early", "json", device)


def refused(letters: Iterable[DeadLetter]) -> Batch:
    made = Batch()
    made.dead_letters = list(letters)
    return made
