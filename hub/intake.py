"""Is it plausible, new, on time? Gives a reading its time and its quality flags, or says why it is refused.

Times (see "Time" in the reliability page): none -> the network's, else arrival (``missing_time``); before 2015 or more than
two minutes ahead -> the same, flagged ``clock_skew``; in the past but within what is kept -> used as it is, ``late``;
older than what is kept -> ``TooOld``. A reading's identity is device, quantity, channel, time and sequence number; the
first one wins, so an exact repetition is dropped here and, whatever this memory has forgotten, again in the store.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from hub.model import Message, Quality, Reading
from hub.ports import Retention
from hub.quantities import Quantity, Vocabulary

# Plain integers: combining members of an enumeration costs ten times as much, for every reading.
LATE, CLOCK_SKEW, MISSING_TIME = int(Quality.LATE), int(Quality.CLOCK_SKEW), int(Quality.MISSING_TIME)
SEQUENCE_GAP, COUNTER_RESET, OUT_OF_RANGE = int(Quality.SEQUENCE_GAP), int(Quality.COUNTER_RESET), int(Quality.OUT_OF_RANGE)
STALE_RETAINED, QOS0 = int(Quality.STALE_RETAINED), int(Quality.QOS0)
DUPLICATE, REPLAYED = int(Quality.DUPLICATE), int(Quality.REPLAYED)

EARLIEST = 1_420_070_400_000  # 2015-01-01: no clock that works says less
AHEAD = 120_000
LATE_AFTER = 120_000
LARGEST_SEQ = 2**63 - 1
RECENT, SPARE = 16, 8
"""Times that are remembered of a series, at least; beyond so many more the oldest go together. A list, not a deque: with
25,000 series what is remembered does not fit into the processor's cache, and a deque is three times as large."""
INFINITY = float("inf")
TURNS = "parking.occupied"
TURNED = 100_000
SERIES_LIMIT = 500_000
KINDS = 10_000
"""Quantities and channels that devices share; what goes beyond them has its own each time."""
REDELIVERY_WINDOW = 200_000
"""Messages without a device time that are remembered, to recognise a redelivered one; and topics, with their newest."""


class TooOld(Exception):
    """Older than what is kept. The reading is still judged by the rules, marked late."""

    def __init__(self, reading: Reading) -> None:
        super().__init__("older than what is kept")
        self.reading = reading


def digest(message: Message) -> int:
    """64 bits that tell one message's topic (the upper 32) and payload (the lower 32) from another's."""
    topic = blake2b(message.topic.encode(), digest_size=4, salt=b"gengfu").digest()
    payload = blake2b(message.payload, digest_size=4, salt=b"gengfu").digest()
    return int.from_bytes(topic + payload, "big", signed=True)


class Kind:
    """What all series of one quantity and channel have in common. ``key``: both, the same object for all devices, so that it
    is in the processor's cache when a device's series is looked for; ``keep``: ms."""

    __slots__ = ("counter", "domain", "high", "keep", "key", "low", "saves_lives", "turns")

    def __init__(self, key: tuple[str, str], quantity: Quantity, keep: int | None) -> None:
        self.key = key
        self.low = quantity.low
        self.high = quantity.high
        self.counter = quantity.shape == "counter"
        self.domain = quantity.domain
        self.saves_lives = quantity.name.startswith(("fire.", "safety."))
        self.turns = quantity.name == TURNS
        self.keep = keep


class Track:
    """What is remembered of one series. ``newest`` is its newest reading; ``series`` is the engine's, and the numbers are the
    journals', kept here so that a reading is looked up once."""

    __slots__ = (
        "arrived", "fire_number", "kind", "last_seq", "last_time", "last_value", "newest", "recent", "rest_number", "series",
    )  # fmt: skip

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.last_time = 0
        self.arrived = 0  # the newest time that was ours to give
        self.last_seq = 0
        self.last_value = float("-inf")
        self.recent: list[int | tuple[int, int]] = []  # times, with the sequence number where there is one
        self.newest: Reading | None = None
        self.series: Any = None
        self.fire_number: int | None = None
        self.rest_number: int | None = None


class Intake:
    """``devices``: the tracks of every device heard, by quantity and channel. ``turned``: bays that were taken or left."""

    def __init__(self, vocabulary: Vocabulary, retention: Retention) -> None:
        self._vocabulary = vocabulary
        self._retention = retention
        self.forgotten = 0  # series given up for newer ones
        self.series = 0  # how many are remembered
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._marks: dict[int, None] = {}
        self._newest: dict[int, int] = {}  # topic -> the mark of its newest message
        self.devices: dict[str, dict[tuple[str, str], Track]] = {}
        self.turned: deque[Reading] = deque(maxlen=TURNED)
        self.duplicates = 0
        self.flagged = 0

    def restore(self, digests: list[int], newest: Iterable[Reading] = ()) -> None:
        """``digests``: oldest first. ``newest``: the newest stored reading of every series."""
        for mark in digests:
            self.seen_before(mark)
        for reading in newest:
            self.track(reading).newest = reading

    def track(self, reading: Reading) -> Track:
        tracks = self.devices.get(reading.device)
        track = None if tracks is None else tracks.get((reading.quantity, reading.channel))
        return self._new(reading.device, (reading.quantity, reading.channel)) if track is None else track

    def accept(self, reading: Reading, message: Message, track: Track | None = None) -> Reading | None:
        """The reading with its time and flags; None for an exact repetition; raises TooOld."""
        if track is None:
            track = self.track(reading)
        kind = track.kind
        quality = reading.quality
        received = message.received_at
        time = reading.time
        if time is None or time < EARLIEST or time > received + AHEAD:
            time, quality = self._other_time(reading, received, quality)
            if time == received:  # two arrivals within one millisecond are two readings
                if time <= track.last_time < received + AHEAD:
                    time = track.last_time + 1
                if time <= track.arrived < received + AHEAD:
                    time = track.arrived + 1
                track.arrived = time
        if time < received - LATE_AFTER:
            quality |= LATE
            if kind.keep is not None and time < received - kind.keep:
                raise TooOld(replace(reading, time=time, quality=quality))
        seq = reading.seq
        if seq and not 0 <= seq <= LARGEST_SEQ:
            seq = 0
        if time > track.last_time:
            if kind.counter:
                if reading.value < track.last_value:
                    quality |= COUNTER_RESET
                track.last_value = reading.value
            track.last_time = time
            if seq:
                if track.last_seq and seq > track.last_seq + 1:
                    quality |= SEQUENCE_GAP
                track.last_seq = seq
        elif ((time, seq) if seq else time) in track.recent:
            self.duplicates += 1
            return None
        recent = track.recent
        recent.append((time, seq) if seq else time)
        if len(recent) >= RECENT + SPARE:
            del recent[:SPARE]
        if not kind.low <= reading.value <= kind.high:
            quality |= OUT_OF_RANGE
        if message.retained:
            quality |= STALE_RETAINED
        if message.qos == 0 and (kind.domain == "fire" or message.lane == "fire"):
            quality |= QOS0
        if quality != reading.quality or time != reading.time or seq != reading.seq:
            self.flagged += 1
            reading = Reading(
                reading.device, reading.quantity, reading.value, time, reading.channel, seq, quality, reading.network_time
            )
        before = track.newest
        if before is None or before.time <= time:  # type: ignore[operator]  # what was accepted has a time
            track.newest = reading
            if kind.turns and before is not None and before.value != reading.value:
                self.turned.append(reading)
        return reading

    def seen_before(self, mark: int) -> int:
        """Notes a message without a device time. What it is if the broker says that it comes again: DUPLICATE if the newest
        one of its topic says the same; REPLAYED with it if only an earlier one does; 0 if none that is remembered.

        A detector without a clock says "smoke", "clear" and "smoke" again in the same bytes: what is REPLAYED may be the first
        alarm, come again, or a second one that was lost on its way."""
        topic = mark >> 32
        repeated = DUPLICATE | REPLAYED if mark in self._marks else 0
        if self._newest.pop(topic, None) == mark:
            repeated = DUPLICATE
        for known in (self._newest, self._marks):
            if len(known) >= REDELIVERY_WINDOW:
                del known[next(iter(known))]
        self._newest[topic] = mark
        self._marks[mark] = None
        return repeated

    def _other_time(self, reading: Reading, received: int, quality: int) -> tuple[int, int]:
        if reading.time is not None:
            quality |= CLOCK_SKEW
        network = reading.network_time
        if network is not None and EARLIEST <= network <= received + AHEAD:
            return network, quality
        if reading.time is None:
            quality |= MISSING_TIME
        return received, quality

    def _new(self, device: str, key: tuple[str, str]) -> Track:
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kind(key)
            if len(self._kinds) < KINDS:
                self._kinds[key] = kind
        if self.series >= SERIES_LIMIT:
            self._forget()
        tracks = self.devices.setdefault(device, {})
        track = tracks[kind.key] = Track(kind)
        self.series += 1
        return track

    def _kind(self, key: tuple[str, str]) -> Kind:
        name = key[0]
        domain = self._vocabulary.domain(name)
        quantity = self._vocabulary.get(name) or Quantity(name, "", "gauge", -INFINITY, INFINITY, domain, name, name)
        return Kind(key, quantity, getattr(self._retention, domain))

    def _forget(self) -> None:
        """Gives up the oldest series of the device that came first."""
        device, tracks = next(iter(self.devices.items()))
        del tracks[next(iter(tracks))]
        if not tracks:
            del self.devices[device]
        self.series -= 1
        self.forgotten += 1
