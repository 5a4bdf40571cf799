"""Is it plausible, new, on time? Gives a reading its time and its quality flags, or says why it is refused.

Times (see "Time" in the reliability page): none -> the network's, else arrival (``missing_time``); before 2015 or more than
two minutes ahead -> the same, flagged ``clock_skew``; in the past but within what is kept -> used as it is, ``late``;
older than what is kept -> ``TooOld``. A reading's identity is device, quantity, channel, time and sequence number; the
first one wins, so an exact repetition is dropped here and, whatever this memory has forgotten, again in the store.
"""

from collections import deque
from hashlib import blake2b

from msgspec.structs import replace

from hub.model import Message, Quality, Reading
from hub.ports import Retention
from hub.quantities import Vocabulary

# Plain integers: combining members of an enumeration costs ten times as much, for every reading.
LATE, CLOCK_SKEW, MISSING_TIME = int(Quality.LATE), int(Quality.CLOCK_SKEW), int(Quality.MISSING_TIME)
SEQUENCE_GAP, COUNTER_RESET, OUT_OF_RANGE = int(Quality.SEQUENCE_GAP), int(Quality.COUNTER_RESET), int(Quality.OUT_OF_RANGE)
STALE_RETAINED, QOS0 = int(Quality.STALE_RETAINED), int(Quality.QOS0)

EARLIEST = 1_420_070_400_000  # 2015-01-01: no clock that works says less
AHEAD = 120_000
LATE_AFTER = 120_000
LARGEST_SEQ = 2**63 - 1
RECENT = 16
SERIES_LIMIT = 500_000
REDELIVERY_WINDOW = 200_000
"""Topics whose newest message without a device time is remembered, to recognise it when it is redelivered."""


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


class _Track:
    """What is remembered of one series."""

    __slots__ = ("arrived", "counter", "domain", "high", "keep", "last_seq", "last_time", "last_value", "low", "recent")

    def __init__(self, low: float, high: float, counter: bool, domain: str, keep: int | None) -> None:
        self.low = low
        self.high = high
        self.counter = counter
        self.domain = domain
        self.keep = keep
        self.last_time = 0
        self.arrived = 0  # the newest time that was ours to give
        self.last_seq = 0
        self.last_value = float("-inf")
        self.recent: deque[tuple[int, int]] = deque(maxlen=RECENT)


class Intake:
    def __init__(self, vocabulary: Vocabulary, retention: Retention) -> None:
        self._vocabulary = vocabulary
        self._retention = retention
        self._tracks: dict[tuple[str, str, str], _Track] = {}
        self._newest: dict[int, int] = {}  # topic -> the mark of its newest message
        self.duplicates = 0
        self.flagged = 0

    def restore(self, digests: list[int]) -> None:
        """``digests``: oldest first."""
        for mark in digests:
            self.seen_before(mark)

    def accept(self, reading: Reading, message: Message) -> Reading | None:
        """The reading with its time and flags; None for an exact repetition; raises TooOld."""
        key = (reading.device, reading.quantity, reading.channel)
        track = self._tracks.get(key)
        if track is None:
            track = self._track(key)
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
            if track.keep is not None and time < received - track.keep:
                raise TooOld(replace(reading, time=time, quality=quality))
        seq = reading.seq if 0 <= reading.seq <= LARGEST_SEQ else 0
        if time > track.last_time:
            if seq and track.last_seq and seq > track.last_seq + 1:
                quality |= SEQUENCE_GAP
            if track.counter:
                if reading.value < track.last_value:
                    quality |= COUNTER_RESET
                track.last_value = reading.value
            track.last_time = time
            if seq:
                track.last_seq = seq
        elif (time, seq) in track.recent:
            self.duplicates += 1
            return None
        track.recent.append((time, seq))
        if not track.low <= reading.value <= track.high:
            quality |= OUT_OF_RANGE
        if message.retained:
            quality |= STALE_RETAINED
        if message.qos == 0 and (track.domain == "fire" or message.lane == "fire"):
            quality |= QOS0
        if time == reading.time and quality == reading.quality and seq == reading.seq:
            return reading
        self.flagged += 1
        return Reading(reading.device, reading.quantity, reading.value, time, reading.channel, seq, quality, reading.network_time)

    def seen_before(self, mark: int) -> bool:
        """Notes a message without a device time; True if the newest one of its topic says the same.

        Only the newest: a detector without a clock says "smoke", "clear" and "smoke" again in the same bytes, and the second
        alarm must not be taken for the first, come again."""
        topic = mark >> 32
        if self._newest.pop(topic, None) == mark:
            self._newest[topic] = mark
            return True
        if len(self._newest) >= REDELIVERY_WINDOW:
            del self._newest[next(iter(self._newest))]
        self._newest[topic] = mark
        return False

    def _other_time(self, reading: Reading, received: int, quality: int) -> tuple[int, int]:
        if reading.time is not None:
            quality |= CLOCK_SKEW
        network = reading.network_time
        if network is not None and EARLIEST <= network <= received + AHEAD:
            return network, quality
        if reading.time is None:
            quality |= MISSING_TIME
        return received, quality

    def _track(self, key: tuple[str, str, str]) -> _Track:
        quantity = self._vocabulary.get(key[1])
        domain = self._vocabulary.domain(key[1])
        keep = getattr(self._retention, domain)
        if quantity is None:
            track = _Track(float("-inf"), float("inf"), False, domain, keep)
        else:
            track = _Track(quantity.low, quantity.high, quantity.shape == "counter", domain, keep)
        if len(self._tracks) >= SERIES_LIMIT:
            del self._tracks[next(iter(self._tracks))]
        self._tracks[key] = track
        return track
