"""Which alerts somebody means: by rule, device, place, quantity and severity."""

from collections.abc import Collection
from fnmatch import fnmatchcase

from msgspec import Struct

from hub.model import Alert, Quality, Severity

SAVES_LIVES = ("fire.", "safety.")
SILENCE = ""
"""The quantity of an alert that says nothing is heard of a device."""


class Matcher(Struct, frozen=True):
    """Globs follow fnmatch, case-sensitively. ``space`` also matches what lies inside it; ``severity`` "" matches all."""

    rule: str = "*"
    device: str = "*"
    space: str = "*"
    quantity: str = "*"
    severity: Severity | str = ""

    def matches(self, alert: Alert, spaces: Collection[str]) -> bool:
        """``spaces``: the ids of all that the alert's device lies in."""
        return (
            self.severity in ("", alert.severity)
            and (self.rule == "*" or fnmatchcase(alert.rule, self.rule))
            and (self.device == "*" or fnmatchcase(alert.device, self.device))
            and (self.quantity == "*" or fnmatchcase(alert.quantity, self.quantity))
            and (self.space == "*" or any(fnmatchcase(space, self.space) for space in spaces))
        )


def saves_lives(alert: Alert) -> bool:
    """Critical, or of fire or a person in need: nobody is kept from hearing of it by one person alone."""
    return alert.severity == "critical" or alert.quantity.startswith(SAVES_LIVES)


def is_test(alert: Alert) -> bool:
    """A detector's test, or anything it says while it is being tested."""
    return alert.quantity == "fire.test" or bool(alert.quality & Quality.TEST_MODE)
