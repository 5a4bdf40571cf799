"""The rule that raises drills: on beside all others, like the drill's adapter; a [[rule]] with its id takes its place."""

from collections.abc import Sequence

from hub import plugins
from hub.model import DRILL_DEVICE
from hub.ports import Rule

RULE = "drill"


def with_drill(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    if any(rule.settings.id == RULE for rule in rules):
        return tuple(rules)
    kind = plugins.find("rules")["state"]
    settings = kind.Settings(
        id=RULE,
        severity="critical",
        quantity="device.drill",
        device=DRILL_DEVICE,
        name={"en": "Fire drill", "zh": "消防演练"},
    )
    return (*rules, kind(settings))
