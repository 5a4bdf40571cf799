"""Promise 15: an alert is closed by evidence or by a person with a reason, never by silence, staleness or missing data.

That no path in the rules does so is shown for every kind by the stories in tests/scenarios; here a real detector dies.
"""

from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Site, site, wall

SILENT = """
[[rule]]
id = "level-silent"
kind = "silent"
quantity = "bench.level"
at_least = "2s"
at_most = "2s"
severity = "warning"
"""


def one(made: Site, rule: str) -> dict[str, object]:
    found: list[dict[str, object]] = [alert for alert in made.alerts() if alert["rule"] == rule]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.promise(15)
def test_a_sensor_that_dies_while_firing_is_still_firing_and_now_also_silent(
    tmp_path: Path, broker: Broker, figure: Figure
) -> None:
    with site(tmp_path, broker, SILENT) as made:
        device = made.client()
        device.say("bench/m", {"ts": wall(), "level": 900, "power": 1})
        until(lambda: made.alerts(state="firing"), "it fires")
        until(lambda: len(made.alerts(state="firing")) == 2, "it is missed", 10)
        until(lambda: one(made, "level-high")["silent"], "and its alert says so")
        device.say("alarm/other", {"ts": wall(), "smoke": False})  # another one's good news
        device.say("bench/m", b'{"level":')  # what cannot be read
        device.say("bench/m", {"ts": wall() - 60_000, "level": 1, "power": 1})  # what is older than the breach
        device.publish("bench/m", {"ts": wall(), "level": 1, "power": 1}, retain=True)  # live: this one is evidence
        until(lambda: one(made, "level-high")["state"] == "resolved", "only a newer clear reading ends it")
        assert one(made, "level-high")["resolved_by"] == "evidence"

        device.say("bench/m", {"ts": wall(), "level": 900, "power": 1})
        [again] = until(lambda: [a for a in made.alerts(state="firing") if a["rule"] == "level-high"], "it fires again")
        made.hub.kill()
        made.hub.start()  # a restart brings the retained clear reading once more: old news
        until(
            lambda: [a for a in made.alerts(state="firing") if a["id"] == again["id"] and a["silent"]], "it is missed again", 15
        )
        status, said = made.hub.post(f"/api/v1/alerts/{again['id']}/resolve", {"by": "li"})
        assert status == 422, said
        status, closed = made.hub.post(f"/api/v1/alerts/{again['id']}/resolve", {"by": "li", "reason": "battery flat, replaced"})
        assert (status, closed["state"], closed["resolved_by"]) == (200, "resolved", "li")
        figure("closed by silence, staleness or missing data", 0)
