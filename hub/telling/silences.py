"""Silences: for how long nobody is told, of what, by whom and why. Also maintenance and test of a single device.

Only the telling is suppressed: alerts are raised, published and resolved all the same. What is critical, or of fire or a
person in need, is held back only once a second person has agreed. A silence that could hold such alerts says so (``told_anyway``)
until then: whoever leaves the severity out, and silences a rule that turns out to be critical, must not wonder at night.
"""

import re
from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct

from hub.model import Alert
from hub.telling.matching import SAVES_LIVES, Matcher, is_test, saves_lives

Kind = Literal["silence", "maintenance", "test"]
LONGEST = 30 * 86_400_000
"""ms a silence may last; whoever needs it longer says so again."""
AT_MOST = 1_000
"""Silences in force or to come."""


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
        """It may hold back what is critical, or of fire or a person in need, so it asks for a second person."""
        return self.matcher.severity in ("", "critical") or _may_be_of_lives(self.matcher.quantity)

    @property
    def waits_for_second(self) -> bool:
        return self.covers_lives and not self.second

    @property
    def told_anyway(self) -> dict[str, str] | None:
        """What it does not hold back until a second person confirms, in both languages; None if there is nothing such."""
        if not self.waits_for_second:
            return None
        if self.matcher.severity == "critical" or self.matcher.quantity.startswith(SAVES_LIVES):
            return _NOTHING_YET
        if self.matcher.severity == "":
            return _ALL_BUT_LIVES if _may_be_of_lives(self.matcher.quantity) else _ALL_BUT_CRITICAL
        return _ALL_BUT_FIRE


_NOTHING_YET = {
    "en": "It holds nothing back until a second person confirms.",
    "zh": "在第二人确认之前不静默任何警报。",
}
_ALL_BUT_LIVES = {
    "en": "Fire, calls for help and critical alerts are told until a second person confirms; the rest is held back.",
    "zh": "在第二人确认之前，消防、求助与紧急警报仍照常通知；其余已静默。",
}
_ALL_BUT_CRITICAL = {
    "en": "Critical alerts are told until a second person confirms; the rest is held back.",
    "zh": "在第二人确认之前，紧急警报仍照常通知；其余已静默。",
}
_ALL_BUT_FIRE = {
    "en": "Fire and calls for help are told until a second person confirms; the rest is held back.",
    "zh": "在第二人确认之前，消防与求助警报仍照常通知；其余已静默。",
}


def _may_be_of_lives(quantity: str) -> bool:
    """Of a glob: one that begins like them may match them."""
    begins = re.split(r"[*?[]", quantity)[0]
    return any(begins.startswith(domain) or (begins != quantity and domain.startswith(begins)) for domain in SAVES_LIVES)


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
