"""Promise 14: an alert nobody acknowledges climbs to the next person; "HTTP 200" is not "seen".

A whole hub, receivers that answer over HTTP, a ladder in seconds. When the steps come to the quarter of a second is shown with
a clock of the test's own in tests/telling/escalation.toml; here they come in order, not early, and once each.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import Sink, Site, site, wall

PEOPLE = ("li", "wang", "chen")
CONFIG = """
[[space]]
id = "3"
name = "3幢"
kind = "building"
[[device]]
id = "alarm:hall"
space = "3"
[[device]]
id = "alarm:cellar"
space = "3"
[[duty]]
person = "wang"
[[escalation]]
severity = "critical"
repeat = "10s"
accepted_within = "20s"
steps = [{ tell = ["keeper"] }, { after = "AFTER", tell = ["duty"] }, { after = "LAST", tell = ["everybody"] }]
"""


class Told(Sink):
    """A person's receiver that notes when it was told what."""

    def __init__(self, person: str, status: int = 200) -> None:
        super().__init__(self._answer)
        self.person = person
        self.status = status
        self.heard: list[tuple[float, dict[str, Any]]] = []

    def _answer(self, notice: dict[str, Any], key: str) -> int:
        self.heard.append((time.monotonic(), notice))
        return self.status

    def why(self) -> list[str]:
        return [notice["why"] for _, notice in self.heard]

    def at(self, why: str) -> float:
        moment: float = until(lambda: [at for at, notice in self.heard if notice["why"] == why], f"{self.person} is told: {why}")[
            0
        ]
        return moment

    @property
    def config(self) -> str:
        spaces = 'spaces = ["3"]' if self.person == "li" else ""
        return (
            f'[[person]]\nid = "{self.person}"\nname = "{self.person}"\ntell = ["webhook:{self.person}"]\n{spaces}\n'
            f'[[notifier]]\nid = "webhook:{self.person}"\nkind = "webhook"\nurl = "http://127.0.0.1:{self.port}/"\n'
        )


@contextmanager
def ladder(path: Path, broker: Broker, after: str, last: str, status: int = 200) -> Iterator[tuple[Site, dict[str, Told]]]:
    told = {person: Told(person, status if person == "li" else 200) for person in PEOPLE}
    more = "".join(one.config for one in told.values()) + CONFIG.replace("AFTER", after).replace("LAST", last)
    try:
        with site(path, broker, more) as made:
            yield made, told
    finally:
        for one in told.values():
            one.close()


def burn(made: Site, device: str = "hall") -> str:
    made.client(device).say(f"alarm/{device}", {"ts": wall(), "smoke": True})
    [alert] = until(lambda: [one for one in made.alerts(state="firing") if one["device"] == f"alarm:{device}"], "the alert")
    return str(alert["id"])


@pytest.mark.promise(14)
def test_nobody_answers_and_the_next_person_is_told_until_one_does(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with ladder(tmp_path, broker, "2s", "4s") as (made, told):
        id = burn(made)
        first = told["li"].at("first")
        steps = [told["wang"].at("escalated") - first, told["chen"].at("escalated") - first]
        figure("the next steps of 2 s and 4 s came after", ", ".join(f"{step:.2f} s" for step in steps))
        assert steps[0] > 1.7, "not before its time, though li's receiver answered 200"
        assert steps[1] > 3.7
        until(lambda: all("repeat" in one.why() for one in told.values()), "everybody is reminded", 30)
        [incident] = made.hub.get("/api/v1/incidents?state=firing")["items"]
        story = made.hub.get(f"/api/v1/incidents/{incident['id']}")
        assert [(rung["tell"], rung["people"], rung["done"]) for rung in story["ladder"]] == [
            (["keeper"], ["li"], True), (["duty"], ["wang"], True), (["everybody"], ["li", "wang", "chen"], True),
        ]  # fmt: skip
        made.hub.post(f"/api/v1/alerts/{id}/acknowledge", {"by": "chen", "comment": "on my way"})
        until(lambda: all("acknowledged" in one.why() for one in told.values()), "all who were told hear who takes care")
        before = [one.why() for one in told.values()]
        story = made.hub.get(f"/api/v1/incidents/{incident['id']}")
        assert story["ladder"] == []
        ledger = {(one["person"], one["why"]) for one in story["told"]}
        assert ledger >= {
            ("li", "first"),
            ("wang", "escalated"),
            ("chen", "escalated"),
            ("li", "repeat"),
            ("chen", "acknowledged"),
        }
        time.sleep(11)  # longer than a reminder takes
        assert [one.why() for one in told.values()] == before, "nobody is told again once somebody has answered"
        assert all(one.why().count("escalated") <= 1 and one.why().count("first") <= 1 for one in told.values())


@pytest.mark.promise(14)
def test_a_notice_that_cannot_be_delivered_climbs_at_once(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with ladder(tmp_path, broker, "10min", "20min", status=404) as (made, told):
        burn(made)
        waited = told["wang"].at("escalated") - told["li"].at("first")
        figure("told the next person after the first one's receiver answered 404", f"{waited:.2f} s")
        assert waited < 20, "long before its 10 minutes"
        assert told["chen"].heard == []


@pytest.mark.promise(14)
def test_the_ladder_goes_on_after_kill_9(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with ladder(tmp_path, broker, "6s", "10min") as (made, told):
        burn(made)
        first = told["li"].at("first")
        until(lambda: any(row["sent_at"] for row in told_of(made)), "it is marked")
        made.hub.kill()
        time.sleep(1)
        made.hub.start()
        waited = told["wang"].at("escalated") - first
        figure("a step of 6 s over a kill -9 of 1 s came after", f"{waited:.2f} s")
        assert waited > 5.5
        assert told["li"].why().count("first") == 1, "nothing that was sent is sent again"
        burn(made, "cellar")
        until(lambda: "joined" in told["li"].why(), "the incident goes on: another detector joins it")


def told_of(made: Site) -> list[dict[str, Any]]:
    [incident] = made.hub.get("/api/v1/incidents?state=firing")["items"]
    found: list[dict[str, Any]] = made.hub.get(f"/api/v1/incidents/{incident['id']}")["told"]
    return found
