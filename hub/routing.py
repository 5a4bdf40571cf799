"""Which adapter a topic belongs to, and which topics both sessions carry.

The most specific filter wins, so that ``tele/fire/{device}`` of a site's own mapping goes before an adapter's ``tele/#``.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from hub.model import LANES, Lane, Message
from hub.ports import Adapter

LONGEST_TOPIC = 1024
DEEPEST_TOPIC = 32
TOPICS = 200_000
TWINS = 10_000
TWIN_WITHIN = 3600.0
"""Seconds after which a copy is no longer waited for: a flood may keep the rest session behind for long."""
COPIES = 100
BROUGHT = 16
"""Messages of a topic that are remembered to be known again, on a lane, when they are redelivered."""


def matches(filter: str, topic: str) -> bool:
    """MQTT 3.1.1, 4.7: ``+`` one level, ``#`` the rest; neither matches a first level that begins with $."""
    wanted, given = filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


def fault(topic: str) -> str:
    """What is wrong with a topic, in plain words; "" for a good one."""
    if len(topic) > LONGEST_TOPIC:
        return f"the topic is {len(topic)} characters long, at most {LONGEST_TOPIC} are taken"
    if topic.startswith("$"):
        return "topics that begin with $ belong to the broker"
    levels = topic.split("/")
    if len(levels) > DEEPEST_TOPIC:
        return f"the topic has {len(levels)} levels, at most {DEEPEST_TOPIC} are taken"
    if "" in levels:
        return "the topic has an empty level"
    return ""


def _specific(filter: str) -> tuple[int, int]:
    levels = filter.split("/")
    return sum(level not in ("+", "#") for level in levels), len(levels)


class Routes:
    def __init__(self, adapters: Sequence[Adapter]) -> None:
        self._filters = sorted(
            ((filter, adapter) for adapter in adapters for filter in adapter.topics),
            key=lambda entry: _specific(entry[0]),
            reverse=True,
        )
        self._known: dict[str, Adapter | None] = {}

    def filters(self, lane: Lane) -> list[str]:
        return sorted({filter for filter, adapter in self._filters if adapter.lane == lane})

    def adapter(self, topic: str) -> Adapter | None:
        if topic in self._known:
            return self._known[topic]
        found = next((adapter for filter, adapter in self._filters if matches(filter, topic)), None)
        if len(self._known) >= TOPICS:
            self._known.clear()
        self._known[topic] = found
        return found


class Twins:
    """Recognises the second copy of a message that both sessions were sent.

    Each session brings a topic's messages in the same order. So a message is a copy if the *other* lane has brought the same
    one and this lane has not come to it yet; what only one session holds (published before the other subscribed) is passed
    over when the other goes beyond it, and is never taken for a copy."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self.topics = set(topics)
        self._topics: dict[int, _Twin] = {}
        self.skipped = 0

    def is_copy(self, message: Message, mark: int) -> bool:
        """``mark``: the message's digest."""
        topic = mark >> 32
        twin = self._topics.get(topic)
        if twin is None:
            if len(self._topics) >= TWINS:
                del self._topics[next(iter(self._topics))]
            twin = self._topics[topic] = _Twin()
        if twin.is_copy(message, mark):
            self.skipped += 1
            return True
        return False


class _Twin:
    """One topic: of each lane the marks it has brought lately, and those that the other one has brought and it has not."""

    __slots__ = ("brought", "coming")

    def __init__(self) -> None:
        self.brought: dict[Lane, deque[tuple[int, int]]] = {lane: deque(maxlen=BROUGHT) for lane in LANES}  # with the connection
        self.coming: dict[Lane, deque[tuple[int, float]]] = {lane: deque(maxlen=COPIES) for lane in LANES}

    def is_copy(self, message: Message, mark: int) -> bool:
        lane, now = message.lane, message.monotonic
        brought, coming = self.brought[lane], self.coming[lane]
        if message.redelivered:
            before = next((one for one in brought if one[0] == mark and one[1] < message.connection), None)
            if before is not None:
                # Judged when an earlier connection brought it; should it be a new one, the other session brings it too.
                brought.remove(before)
                brought.append((mark, message.connection))
                return True
        brought.append((mark, message.connection))
        while coming and now - coming[0][1] >= TWIN_WITHIN:
            coming.popleft()
        if any(mark == other for other, _ in coming):
            while coming.popleft()[0] != mark:
                pass
            return True
        if not message.redelivered:
            coming.clear()  # this lane is ahead of the other
        self.coming["rest" if lane == "fire" else "fire"].append((mark, now))
        return False
