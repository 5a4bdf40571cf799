"""What goes on and off without end is told once, and again when it is calm."""

from collections import OrderedDict, deque

from msgspec import Struct

from hub.model import Alert

Subject = tuple[str, str, str, str]
SUBJECTS = 50_000
"""Subjects remembered; the one that was raised longest ago makes room."""


class Limits(Struct, frozen=True):
    """``after`` raises ``within`` seconds are flapping; it is calm after ``calm`` seconds without another."""

    after: int = 3
    within: float = 600.0
    calm: float = 600.0


def subject(alert: Alert) -> Subject:
    return alert.rule, alert.device, alert.quantity, alert.channel


class Flapping:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._raised: OrderedDict[Subject, deque[float]] = OrderedDict()
        self.now: dict[Subject, float] = {}  # what flaps -> when it was last raised, monotonic seconds

    def raised(self, alert: Alert, monotonic: float) -> bool:
        """Notes that it was raised; whether it has just begun to flap."""
        key = subject(alert)
        times = self._raised.setdefault(key, deque(maxlen=max(self.limits.after, 1)))
        self._raised.move_to_end(key)
        if len(self._raised) > SUBJECTS:
            self.now.pop(self._raised.popitem(last=False)[0], None)
        times.append(monotonic)
        if key in self.now:
            self.now[key] = monotonic
            return False
        if self.limits.after > 1 and len(times) == self.limits.after and monotonic - times[0] <= self.limits.within:
            self.now[key] = monotonic
            return True
        return False

    def flaps(self, alert: Alert) -> bool:
        return subject(alert) in self.now

    def calmed(self, monotonic: float) -> list[Subject]:
        """What has been calm for long enough since the last call."""
        calm = [key for key, last in self.now.items() if monotonic - last >= self.limits.calm]
        for key in calm:
            del self.now[key]
            self._raised.pop(key, None)
        return calm
