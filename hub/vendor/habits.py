"""What only a row of messages shows: of one device, its interval, values that never move, energy that does not fit its power."""

from itertools import pairwise
from statistics import median

import msgspec

from hub.model import Reading
from hub.quantities import Quantity

ROWS = 1_000  # quantities and channels of one device
GAPS = 8  # intervals heard before one is called irregular
LONG = 3.0  # times the usual interval
LONGEST_USUAL = 2.0  # s: a shorter pause is the network's
MISSING = 1_000  # numbers behind the newest that may still come
SAME = 10  # readings before a value is called stuck
STEPS = 4  # of a register, and seconds, before its speed is compared with the power
UNTIMED = 60.0  # s of arrivals before they say anything about speed: what was held comes all at once
RATIO = 100.0
LEAST_POWER = 100.0  # W: below, one step of a coarse register looks like a lot
MOVING = ("power.", "voltage", "current", "health.heart_rate")
"""Quantities that never stand still to the last digit for long."""

_ONLINE = frozenset(("online", "offline", "connected", "disconnected"))
_KEYS = ("state", "status", "availability", "online", "connected")


def says_available(payload: bytes) -> bool:
    """Whether a message is about the connection: "online", or {"state": "offline"} and the like."""
    if len(payload) > 200:
        return False
    try:
        text = payload.decode().strip().strip('"').lower()
        if text in _ONLINE:
            return True
        told = msgspec.json.decode(payload)
    except (ValueError, UnicodeDecodeError):
        return False
    if not isinstance(told, dict):
        return False
    return any(isinstance(told.get(key), bool) or str(told.get(key)).lower() in _ONLINE for key in _KEYS if key in told)


class _Row:
    """One quantity of a device, in the order it came."""

    __slots__ = ("count", "first", "first_at", "last", "last_at", "moved", "steps", "timed")

    def __init__(self, value: float, at: int) -> None:
        self.first = self.last = value
        self.first_at = self.last_at = at
        self.count = 1
        self.moved = False
        self.steps = 0
        self.timed = True

    def take(self, value: float, at: int) -> None:
        self.count += 1
        self.moved = self.moved or value != self.first
        self.steps += value > self.last
        self.last, self.last_at = value, at


class Device:
    """``name``: its id without the scheme. Times in ms."""

    def __init__(self, id: str, kind: str) -> None:
        self.id = id
        self.kind = kind
        self.available = False
        self.name = id.split(":", 1)[-1]
        self.last_seq = 0
        self._missing: set[int] = set()
        self.newest: dict[tuple[str, str], int] = {}
        self._rows: dict[tuple[str, str], _Row] = {}
        self._measured: list[int] = []  # when its gauges and counters were measured

    def heard(self, reading: Reading, told: int | None, received: int, quantity: Quantity | None) -> None:
        key = (reading.quantity, reading.channel)
        at = received if told is None else told
        if reading.seq:
            self._number(reading.seq)
        if key not in self.newest and len(self.newest) >= ROWS:
            return
        if told is not None:
            self.newest[key] = max(told, self.newest.get(key, 0))
        if quantity is None or quantity.shape not in ("gauge", "counter") or quantity.name.startswith("device."):
            return
        if key not in self._rows and len(self._rows) >= ROWS:
            return
        if (row := self._rows.get(key)) is None:
            row = self._rows[key] = _Row(reading.value, at)
        else:
            row.take(reading.value, at)
        row.timed = row.timed and told is not None
        if key == next(iter(self._rows)) and len(self._measured) < 10_000:
            self._measured.append(at)

    def _number(self, seq: int) -> None:
        """A number that comes late is not missing."""
        self._missing.discard(seq)
        if self.last_seq and self.last_seq + 1 < seq and len(self._missing) < MISSING:
            self._missing.update(range(self.last_seq + 1, min(seq, self.last_seq + MISSING)))
        self.last_seq = max(seq, self.last_seq) if seq > self.last_seq - MISSING else seq

    def gap(self) -> str:
        if not self._missing:
            return ""
        few = ", ".join(map(str, sorted(self._missing)[:5]))
        return f"{len(self._missing)} missing: {few}{' …' if len(self._missing) > 5 else ''}"

    def irregular(self) -> str:
        """Where at least two pauses are three times the usual one: in words, else ""."""
        times = sorted(self._measured)
        gaps = [(after - before) / 1000 for before, after in pairwise(times) if after > before]
        if len(gaps) < GAPS:
            return ""
        usual = median(gaps)
        long = [gap for gap in gaps if gap > max(LONG * usual, LONGEST_USUAL)]
        return f"usually every {usual:g} s, but up to {max(long):g} s" if len(long) >= 2 else ""

    def stuck(self) -> str:
        """Where all that ought to move stood still, and not at 0: in words, else ""."""
        rows = [(name, row) for (name, _), row in self._rows.items() if name.startswith(MOVING) and row.count >= SAME]
        if not rows or any(row.moved for _, row in rows) or all(row.first == 0 for _, row in rows):
            return ""
        name, row = rows[0]
        return f"{name} was {row.first:.10g} {row.count} times in a row"

    def energy_against_power(self) -> str:
        """Where a register runs a hundred times faster than the power: Wh sent as kWh, most likely. In words, else ""."""
        for (name, channel), row in self._rows.items():
            power = self._rows.get(("power.active", channel))
            seconds = (row.last_at - row.first_at) / 1000
            if name != "energy.active.import.total" or power is None or row.steps < STEPS:
                continue
            if seconds < (STEPS if row.timed else UNTIMED):
                continue
            implied = (row.last - row.first) * 3.6e6 / seconds  # kWh are 3.6e6 W s
            largest = max(abs(power.first), abs(power.last), LEAST_POWER)
            if implied > RATIO * largest:
                return f"{name} grows as if by {implied / 1000:,.0f} kW, but the power is {power.last:g} W; is it Wh?"
        return ""
