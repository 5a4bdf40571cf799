"""A rule that is new sees what is so already, though the device says nothing more: doors and detectors speak on change only."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.calendar import Calendar
from hub.directory import Places
from hub.ports import Rule
from hub.rehearsal import Player, act
from rules import build
from tests.support.scenarios import VOCABULARY

DOOR = {"kind": "state", "id": "door", "quantity": "door.open"}


class Hub(Player):
    """Its rules change from one start to the next, as somebody edits them."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.tables = list(rules)
        super().__init__(
            self._build, Places(), VOCABULARY, Calendar(ZoneInfo("Asia/Shanghai")), "door.open", "zigbee:door", tick=1000
        )

    def _build(self) -> list[Rule]:
        return [build(one["kind"], {k: v for k, v in one.items() if k != "kind"}, VOCABULARY) for one in self.tables]

    def plays(self, story: str) -> None:
        act(self, story, "door")


def test_a_door_that_stood_open_before_there_was_a_rule() -> None:
    hub = Hub()
    hub.plays("0s reads 1")
    hub.tables.append(DOOR)
    hub.plays(
        """
        1h     restarts after 10s
        3612s  waits               => firing stale
        2h     restarts after 10s
        3h     waits
        3h     reads 1             => confirmed
        4h     reads 0             => resolved
        5h     restarts after 10s
        6h     waits
        """
    )
    assert [alert.at for alert in hub.disk.values()] == [hub.start], "it is told since when"


def test_a_limit_that_is_lowered_below_what_is() -> None:
    high = {"kind": "above", "id": "door", "quantity": "air.co2", "threshold": 1500}
    hub = Hub(high)
    hub.plays("0s reads 1200 of air.co2")
    hub.tables[:] = [high | {"threshold": 1000, "hold_for": "10min"}]
    hub.plays(
        """
        30s    restarts after 10s
        42s    waits               => pending stale
        643s   waits               => firing stale
        """
    )


def test_what_a_person_has_closed_stays_closed() -> None:
    hub = Hub(DOOR)
    hub.plays(
        """
        0s     reads 1             => firing
        30s    reads 1
        1min   li resolves: seen to  => resolved by li
        """
    )
    hub.tables[:] = [DOOR | {"severity": "critical"}]
    hub.plays(
        """
        30min  restarts after 10s
        1h     waits
        """
    )


def test_what_the_broker_held_is_newer() -> None:
    hub = Hub()
    hub.plays("0s reads 1")
    hub.tables.append(DOOR)
    hub.plays(
        """
        1h     restarts after 10s
        3611s  reads 0
        2h     waits
        """
    )


@pytest.mark.parametrize("flag", ["retained", "flagged test_mode"])
def test_what_was_no_news_then_is_none_now(flag: str) -> None:
    hub = Hub()
    hub.plays(f"0s reads 1 {flag}")
    hub.tables.append(DOOR)
    hub.plays("1min restarts after 10s\n2min waits")


def test_what_is_older_than_anybody_remembers_is_left_alone() -> None:
    hub = Hub()
    hub.plays("0s reads 1")
    hub.tables.append(DOOR)
    hub.plays("1min restarts after 8d\n192h waits\n193h waits")


def test_a_rule_of_the_night_raises_it_at_night() -> None:
    hub = Hub()  # it begins at 22:13:20
    hub.plays("0s reads 1")
    hub.tables.append(DOOR | {"during": {"hours": "23:00-06:00"}})
    hub.plays(
        """
        1min   restarts after 10s
        23:00  waits               => firing
        """
    )
