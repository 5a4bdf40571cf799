"""Which adapter a topic belongs to, and which topics both sessions carry.

The most specific filter wins, so that ``tele/fire/{device}`` of a site's own mapping goes before an adapter's ``tele/#``.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from hub.model import Lane
from hub.ports import Adapter

LONGEST_TOPIC = 1024
DEEPEST_TOPIC = 32
TOPICS = 200_000
TWINS = 50_000
TWIN_WITHIN = 60.0
COPIES = 100


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

    A message counts as a twin only when the *other* lane brought the same one, once for each time it did: so a message that
    just one session holds (published before the other subscribed) is never taken for a copy."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self.topics = set(topics)
        self._single: dict[tuple[Lane, int], deque[float]] = {}
        self.skipped = 0

    def is_copy(self, lane: Lane, mark: int, now: float) -> bool:
        """``now`` in monotonic seconds: after ``TWIN_WITHIN`` a copy is no longer waited for."""
        other = self._single.get(("rest" if lane == "fire" else "fire", mark))
        if other and now - other[0] < TWIN_WITHIN:
            other.popleft()
            if not other:
                del self._single["rest" if lane == "fire" else "fire", mark]
            self.skipped += 1
            return True
        if len(self._single) >= TWINS:
            del self._single[next(iter(self._single))]
        mine = self._single.setdefault((lane, mark), deque(maxlen=COPIES))
        while mine and now - mine[0] >= TWIN_WITHIN:
            mine.popleft()
        mine.append(now)
        return False
