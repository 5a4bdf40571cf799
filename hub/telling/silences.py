"""Silences: for how long nobody is told, of what, by whom and why. Also maintenance and test of a single device.

Only the telling is suppressed: alerts are raised, published and resolved all the same. What is critical, or of fire or a
person in need, is held back only once a second person has agreed.
"""

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct

from hub.model import Alert
from hub.telling.matching import Matcher, is_test, saves_lives

Kind = Literal["silence", "maintenance", "test"]
LONGEST = 30 * 86_400_000
"""ms a silence may last; whoever needs it longer says so again."""
AT_MOST = 1_000
"""Silences in force or to come."""


class SameForTwo(ValueError):
    def __init__(self, by: str) -> None:
        super().__init__(f"{by} asked for this silence: the second person must be somebody else")


class Silence(Struct, frozen=True, kw_only=True):
    """``since`` and ``until`` in ms. ``kind``: maintenance and test are for one device."""

    id: str
    matcher: Matcher
    since: int
    until: int
    by: str
    why: str
    kind: Kind = "silence"
    second: str = ""  # who agreed that fire and what is critical are silenced too
    second_at: int | None = None
    ended_by: str = ""
    ended_at: int | None = None

    def active(self, wall: int) -> bool:
        return self.ended_at is None and self.since <= wall < self.until

    def over(self, wall: int) -> bool:
        return self.ended_at is not None or wall >= self.until

    @property
    def covers_lives(self) -> bool:
        """It may hold back what saves lives, so it asks for a second person."""
        quantity, severity = self.matcher.quantity, self.matcher.severity
        lives = quantity == "*" or quantity.startswith(("fire", "safety"))
        return severity == "critical" or (lives and severity in ("", "warning", "info"))

    @property
    def waits_for_second(self) -> bool:
        return self.covers_lives and not self.second


def same_person(one: str, other: str, names: dict[str, str]) -> bool:
    """``names``: what the configured people are called, by id; either may be given."""

    def known(given: str) -> str:
        said = given.strip().casefold()
        return next((id for id, name in names.items() if said in (id.casefold(), name.strip().casefold())), said)

    return known(one) == known(other)


def held(alert: Alert, spaces: Collection[str], silences: Iterable[Silence], wall: int) -> str:
    """Why nobody is to be told: test, maintenance, silence; "" where nothing keeps it back."""
    if is_test(alert):
        return "test"
    for silence in silences:
        if silence.active(wall) and (silence.second or not saves_lives(alert)) and silence.matcher.matches(alert, spaces):
            return silence.kind
    return ""
