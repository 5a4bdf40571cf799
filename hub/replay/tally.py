"""Counts what a rule would have done: how often it would have fired, for how long, on which devices. Plain data out."""

from collections.abc import Sequence
from typing import Any

from hub.model import Alert, Now
from rules.engine import Engine

EPISODES = 500
DEVICES = 200
STRIPES = 96
"""Parts into which the time is cut for a strip: whoever draws it shows how much of each a rule was firing."""
BY_REPLAY = "replay"


class Tally:
    """One rule's side of a replay. Times in ms."""

    def __init__(self, rule: str, start: int, end: int) -> None:
        self.rule = rule
        self._start = start
        self._end = max(end, start + 1)
        self._raised: dict[str, Alert] = {}
        self._episodes: list[dict[str, Any]] = []
        self._devices: dict[tuple[str, str], list[float]] = {}  # device, space -> times fired, ms
        self._stripes = [0.0] * STRIPES
        self._fired_in = [0] * STRIPES
        self.fired = 0
        self.dropped = 0
        self.firing_ms = 0

    def take(self, alert: Alert) -> None:
        if alert.state == "firing" and alert.id not in self._raised:
            self._raised[alert.id] = alert
            self.fired += 1
            self._fired_in[self._stripe(alert.raised_at or alert.at)] += 1
        elif alert.state == "resolved":
            if self._raised.pop(alert.id, None) is not None:
                self._over(alert, alert.resolved_at or alert.at)
            elif alert.raised_at is None:
                self.dropped += 1
            else:  # known late, and over already
                self.fired += 1
                self._over(alert, alert.resolved_at or alert.at)

    def _stripe(self, at: int) -> int:
        return min(max((at - self._start) * STRIPES // (self._end - self._start), 0), STRIPES - 1)

    def _over(self, alert: Alert, until: int, *, still: bool = False) -> None:
        since = alert.raised_at or alert.at
        lasted = max(0, until - since)
        self.firing_ms += lasted
        entry = self._devices.setdefault((alert.device, alert.space), [0, 0])
        entry[0] += 1
        entry[1] += lasted
        width = (self._end - self._start) / STRIPES
        for number in range(self._stripe(since), self._stripe(until) + 1):
            low = self._start + number * width
            self._stripes[number] += max(0.0, min(until, low + width) - max(since, low))
        if len(self._episodes) < EPISODES:
            self._episodes.append(
                {
                    "device": alert.device, "space": alert.space, "quantity": alert.quantity, "channel": alert.channel,
                    "at": alert.at, "raised_at": since, "until": None if still else until, "seconds": lasted / 1000,
                    "value": alert.value, "unit": alert.unit, "event": alert.event, "summary": alert.summary,
                    "place": alert.place,
                }
            )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """``fired`` times, ``seconds`` in all, ``firing`` at the end, ``dropped`` before they had held; ``devices`` by how often
        and how long, ``episodes`` in time; ``strip``: of each part of the time the seconds firing, all devices added up, and
        ``fired_in``: how often it began to."""
        still = list(self._raised.values())
        for alert in still:
            self._over(alert, self._end, still=True)
        self._raised.clear()
        places = {(one["device"], one["space"]): one["place"] for one in self._episodes}
        ordered = sorted(self._devices.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
        return {
            "rule": self.rule,
            "fired": self.fired,
            "dropped": self.dropped,
            "firing": len(still),
            "seconds": self.firing_ms / 1000,
            "device_count": len(ordered),
            "devices": [
                {
                    "device": device,
                    "space": space,
                    "place": places.get((device, space), {}),
                    "fired": int(times),
                    "seconds": ms / 1000,
                }
                for (device, space), (times, ms) in ordered[:DEVICES]
            ],
            "episodes": sorted(self._episodes, key=lambda one: (one["raised_at"], one["device"])),
            "strip": [stripe / 1000 for stripe in self._stripes],
            "fired_in": self._fired_in,
        }


class Tallies:
    """Listens to a replay. What only a person closes is closed at once, or it would count as one for ever."""

    def __init__(self, engine: Engine, rules: Sequence[str], start: int, end: int) -> None:
        self._engine = engine
        self.of = {rule: Tally(rule, start, end) for rule in rules}

    def changed(self, alerts: Sequence[Alert], now: Now) -> None:
        for alert in alerts:
            tally = self.of.get(alert.rule)
            if tally is None:
                continue
            tally.take(alert)
            if alert.event and alert.state == "firing":
                tally.take(self._engine.resolve(alert.id, BY_REPLAY, "an event, counted", now))
