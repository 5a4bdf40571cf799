"""What a cause explains is not told by itself: a gateway that is offline explains the fifty meters behind it.

Nothing critical is ever explained away. When the cause ends, what is explained has ``grace`` to recover; whatever is
still firing then is told.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from msgspec import Struct, field

from hub.model import Alert, Space
from hub.telling.matching import SILENCE, Matcher

Within = Literal["space", "building", "community"]
OFFLINE = (SILENCE, "device.online")
"""Quantities of alerts that say a device is out of reach."""


class Inhibit(Struct, frozen=True):
    """``tags``: of the cause's device, any of them; empty for all. ``within``: how far the explanation goes: the cause's own
    space and all inside it, its building, or everywhere. ``grace``: seconds after the cause's end."""

    name: str
    cause: Matcher = Matcher()
    explains: Matcher = Matcher()
    tags: tuple[str, ...] = ()
    offline_only: bool = False  # it explains only that devices are out of reach
    within: Within = "space"
    grace: float = 30.0


DEFAULTS = (
    Inhibit("gateway", Matcher(quantity=SILENCE), tags=("gateway",), offline_only=True),
    Inhibit("gateway", Matcher(quantity="device.online"), tags=("gateway",), offline_only=True),
    Inhibit("mains", Matcher(quantity=SILENCE), tags=("mains",), offline_only=True),
    Inhibit("mains", Matcher(quantity="device.online"), tags=("mains",), offline_only=True),
    Inhibit("mains", Matcher(quantity="voltage.*"), tags=("mains",), offline_only=True),
)
"""A device tagged ``gateway`` or ``mains`` that is out of reach, or mains without voltage, explains silence around it."""


class Cause(Struct):
    """A firing alert that explains others in ``space`` ("" everywhere). ``ended``: monotonic seconds."""

    alert: str
    inhibit: Inhibit
    space: str
    ended: float | None = None


class Causes(Struct):
    """The causes there are now, and those that ended a moment ago."""

    inhibits: tuple[Inhibit, ...] = DEFAULTS
    known: dict[tuple[str, int], Cause] = field(default_factory=dict)

    def fires(self, alert: Alert, path: Sequence[Space], tags: Collection[str]) -> bool:
        """Notes what this alert explains; whether it explains anything."""
        spaces = {space.id for space in path}
        found = False
        for number, inhibit in enumerate(self.inhibits):
            if inhibit.tags and not any(tag in tags for tag in inhibit.tags):
                continue
            if inhibit.cause.matches(alert, spaces):
                scope = _scope(inhibit.within, path)
                if scope is not None:
                    self.known[alert.id, number] = Cause(alert.id, inhibit, scope)
                    found = True
        return found

    def ends(self, alert: str, monotonic: float) -> None:
        for (id, _), cause in self.known.items():
            if id == alert:
                cause.ended = monotonic

    def tick(self, monotonic: float) -> None:
        gone = [
            key for key, cause in self.known.items() if cause.ended is not None and monotonic - cause.ended > cause.inhibit.grace
        ]
        for key in gone:
            del self.known[key]

    def explain(self, alert: Alert, spaces: Collection[str]) -> str:
        """The alert that explains this one; "" for none."""
        if alert.severity == "critical" or not self.known:
            return ""
        return next(self._causes(alert, spaces), "")

    def _causes(self, alert: Alert, spaces: Collection[str]) -> Iterator[str]:
        own = {id for id, _ in self.known}
        if alert.id in own:
            return
        for cause in self.known.values():
            inhibit = cause.inhibit
            if (
                (not inhibit.offline_only or alert.quantity in OFFLINE)
                and (not cause.space or cause.space in spaces)
                and inhibit.explains.matches(alert, spaces)
            ):
                yield cause.alert


def _scope(within: Within, path: Sequence[Space]) -> str | None:
    """None: where the cause is, nobody has said, so it explains nothing."""
    if within == "community":
        return ""
    if within == "building":
        path = [space for space in path if space.kind == "building"]
    return path[-1].id if path else None
