"""A silence that lets some of its alerts be told all the same says so, in both languages, until a second person confirms."""

from itertools import product

import pytest
from msgspec.structs import replace

from hub.model import SEVERITIES, Alert
from hub.telling.matching import Matcher
from hub.telling.silences import Silence, held

QUANTITIES = ("air.co2", "water.leak", "device.battery", "fire.smoke", "safety.sos", "")
ALERTS = [
    Alert(id="a", rule="r", severity=severity, state="firing", device="d", quantity=quantity)
    for severity, quantity in product(SEVERITIES, QUANTITIES)
]
LIVES = ("fire.", "safety.")
GLOBS = ("*", "air.*", "air.co2", "fire.*", "fire.smoke", "f*", "*.sos", "safety.sos", "[df]*", "fire*")
MATCHERS = [Matcher(quantity=glob, severity=severity) for glob, severity in product(GLOBS, ("", "info", "warning", "critical"))]


@pytest.mark.parametrize("matcher", MATCHERS, ids=lambda one: f"{one.quantity} {one.severity}")
def test_what_it_does_not_hold_back_it_says(matcher: Matcher) -> None:
    silence = Silence(id="s", matcher=matcher, since=0, until=10, by="li", why="work")
    meant = [alert for alert in ALERTS if matcher.matches(alert, ())]
    told = [alert for alert in meant if not held(alert, (), [silence], 5)]
    said = silence.told_anyway
    if told:
        assert said is not None, f"{told[0].severity} of {told[0].quantity} is told, and nobody said so"
        nothing = "nothing back" in said["en"]
        assert nothing == ("不静默任何" in said["zh"]) and (not nothing or len(told) == len(meant))
        for words, zh, which in (
            ("ritical", "紧急", [one for one in told if one.severity == "critical" and not one.quantity.startswith(LIVES)]),
            ("alls for help", "求助", [one for one in told if one.quantity.startswith(LIVES)]),
        ):
            assert nothing or not which or (words in said["en"] and zh in said["zh"]), f"{which[0]} is told"
    else:
        assert said is None, "there is nothing of the kind among all that it means"
    agreed = replace(silence, second="wang")
    assert agreed.told_anyway is None and all(held(alert, (), [agreed], 5) for alert in meant)
