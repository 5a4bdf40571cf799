"""One rule replaced while the engine runs: its own alerts go on, and nothing of any other rule moves."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from hub.directory import Places
from hub.model import Alert, Device, Now, Reading, Space
from hub.ports import Rule
from hub.quantities import Vocabulary
from rules import build
from rules.edit import pieces, replace
from rules.engine import Engine

START = 1_790_000_000_000
SPACES = (Space("5f", "5层", "floor"),)
DEVICES = tuple(Device(id, space="5f", accepted=True) for id in ("d:1", "d:2", "d:3"))
TEMPERATURE = "air.temperature"


def rule(id: str, kind: str = "above", **settings: Any) -> Rule:
    given = {"threshold": 30, "quantity": TEMPERATURE} if kind == "above" else {}
    return build(kind, {"id": id, **given, **settings})


class Bench:
    """An engine whose clock stands where it is told to."""

    def __init__(self, *rules: Rule, devices: Sequence[Device] = DEVICES) -> None:
        self.engine = Engine(rules, Places(SPACES, devices), Vocabulary())
        self.seconds = 0.0
        self.changes: list[tuple[float, str, str]] = []
        self.heard: dict[str, dict[str, Reading]] = {}
        self.engine.restore(None, [], None, self.now)  # as a hub does at its start

    @property
    def now(self) -> Now:
        return Now(START + round(self.seconds * 1000), 1000 + self.seconds)

    def _note(self, alerts: Any) -> None:
        self.changes += [(self.seconds, alert.rule, alert.state) for alert in alerts]

    def at(self, seconds: float) -> None:
        while self.seconds < seconds:
            self.seconds = min(seconds, self.seconds + 0.25)
            self._note(self.engine.tick(self.now))

    def reads(self, value: float, device: str = "d:1", quantity: str = TEMPERATURE) -> None:
        at = self.now.wall
        reading = self.heard.setdefault(device, {})[quantity] = Reading(device, quantity, value, at)
        self._note(self.engine.step(reading, at, self.now))

    def edit(self, id: str, rule: Rule | None) -> None:
        replace(self.engine, id, rule, self.now)

    def goes_live(self, id: str, rule: Rule) -> None:
        """An edit on a hub that remembers what it has heard."""
        for raised in pieces(self.engine, id, rule, lambda: self.now, list(self.heard), lambda one: self.heard[one].values()):
            self._note(raised)

    def open(self, id: str) -> list[Alert]:
        return [alert for alert in self.engine.open_alerts() if alert.rule == id]

    def kept(self, *without: str) -> Any:
        """What a restart would find of all rules but these."""
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.engine.snapshot()), strict=False)
        return [one for part in ("watches", "members") for one in state[part] if one[0] not in without]


def test_other_rules_keep_their_timers_windows_and_alerts() -> None:
    fire = {"each": "floor", "all": [{"kind": "state", "quantity": "fire.smoke"}, {"kind": "above", "quantity": TEMPERATURE, "threshold": 50}]}  # fmt: skip  # noqa: E501
    others = [
        rule("waits", hold_for="60s"),
        rule("mean", "window", quantity=TEMPERATURE, of="max", over="5min", threshold=99),
        rule("fire", "together", **fire),
    ]
    bench = Bench(rule("mine"), *others)
    untouched = Bench(*others)
    for one in (bench, untouched):
        one.at(1)
        one.reads(40)
        one.reads(1, "d:2", "fire.smoke")
        one.at(31)
    before = bench.kept("mine")
    bench.edit("mine", rule("mine", threshold=90, device="d:*"))
    assert bench.kept("mine") == before and before
    for one in (bench, untouched):
        one.at(65)
        one.reads(60, "d:3")
    assert [change for change in bench.changes if change[1] != "mine"] == untouched.changes
    assert (61, "waits", "firing") in untouched.changes and (65, "fire", "firing") in untouched.changes


def test_what_was_judged_is_not_judged_again() -> None:
    bench = Bench(rule("mine"), rule("other"))
    bench.at(10)
    bench.reads(20)
    bench.edit("mine", rule("mine", threshold=25))
    again = Reading("d:1", TEMPERATURE, 28, bench.now.wall)  # of one moment the first reading wins
    assert not bench.engine.step(again, bench.now.wall, bench.now) and not bench.open("mine")


def test_its_own_open_alert_is_judged_by_the_new_version() -> None:
    bench = Bench(rule("mine"))
    bench.at(1)
    bench.reads(40)
    (alert,) = bench.open("mine")
    bench.edit("mine", rule("mine", threshold=50))
    assert bench.open("mine") == [alert]
    bench.at(11)
    bench.reads(45)
    assert bench.changes[-1] == (11, "mine", "resolved") and not bench.open("mine")


def test_a_pending_alert_keeps_the_time_it_has_held() -> None:
    bench = Bench(rule("mine", hold_for="60s"))
    bench.reads(40)
    bench.at(20)
    bench.edit("mine", rule("mine", hold_for="30s"))
    bench.at(29.5)
    assert bench.open("mine")[0].state == "pending"
    bench.at(40)
    assert ("mine", "firing") in [change[1:] for change in bench.changes]


def test_without_its_rule_an_alert_stays_open_for_a_person() -> None:
    for gone in (None, rule("mine", enabled=False), rule("mine", "silent", quantity="*")):
        bench = Bench(rule("mine"), rule("other", threshold=35))
        bench.reads(40)
        (alert,) = bench.open("mine")
        bench.edit("mine", gone)
        bench.at(5)
        bench.reads(10)
        assert bench.open("mine") == [alert] and not bench.open("other")
        assert bench.engine.resolve(alert.id, "li", "rule was dropped", bench.now).state == "resolved"


def test_a_new_rule_sees_the_next_reading() -> None:
    bench = Bench(rule("other"))
    bench.reads(40)
    bench.edit("mine", rule("mine", threshold=20))
    bench.at(1)
    bench.reads(25)
    assert [alert.device for alert in bench.open("mine")] == ["d:1"]


def test_the_conditions_of_a_place_are_remembered() -> None:
    smoke = {"kind": "state", "quantity": "fire.smoke"}
    hot = {"kind": "above", "quantity": TEMPERATURE, "threshold": 50}
    bench = Bench(rule("fire", "together", each="floor", all=[smoke, hot]))
    bench.reads(1, "d:1", "fire.smoke")
    bench.at(5)
    bench.edit("fire", rule("fire", "together", each="floor", all=[smoke, hot], hold_for="10s"))
    bench.at(6)
    bench.reads(60, "d:2")  # the smoke was told before the edit, and is not told again
    bench.at(20)
    assert [change[1:] for change in bench.changes] == [("fire", "pending"), ("fire", "firing")]


def test_a_shorter_silence_is_noticed_at_once() -> None:
    bench = Bench(rule("gone", "silent", quantity="*", at_least="1h"))
    for second in range(0, 60, 10):
        bench.at(second)
        bench.reads(20)
    bench.at(200)
    assert not bench.changes
    bench.edit("gone", rule("gone", "silent", quantity="*", at_least="30s"))
    bench.at(201)
    assert [change[1:] for change in bench.changes] == [("gone", "firing")]


def test_a_rule_that_was_stopped_gets_another_chance() -> None:
    bench = Bench(rule("mine"))
    bench.engine.failed["mine"] = "it broke"
    bench.edit("mine", rule("mine", threshold=20))
    assert not bench.engine.failed


@pytest.mark.parametrize("kind", ["above", "together", "silent"])
def test_readings_come_between_the_pieces_of_an_edit(kind: str) -> None:
    """Two hundred devices, every second one of them breached: its alert goes on, and no other begins."""
    devices = [Device(f"d:{number}", space="5f", accepted=True, interval=10) for number in range(200)]
    bench = Bench(_of(kind, 30), devices=devices)
    for moment in range(30):  # long enough to know how often they speak
        bench.at(float(moment))
        for number, device in enumerate(devices):
            bench.reads(40 if number % 2 else 20, device.id)
    if kind == "silent":
        bench.at(120)
    before = {alert.id for alert in bench.open("mine")}
    assert len(before) == (200 if kind == "silent" else 100)
    turns = 0
    for raised in pieces(bench.engine, "mine", _of(kind, 31), lambda: bench.now):
        bench._note(raised)
        turns += 1
        bench.seconds += 0.001
        for number in range(turns % 3, 200, 3):  # those that have had their turn, and those that have not
            if kind != "silent":
                bench.reads(41 if number % 2 else 21, devices[number].id)
    assert turns > 4, "so many devices are too many for one piece"
    assert {alert.id for alert in bench.open("mine")} == before
    bench.at(bench.seconds + 1)
    for device in devices:
        bench.reads(30.5, device.id)  # above 30, not above 31
    assert not bench.open("mine") and [one[1:] for one in bench.changes].count(("mine", "firing")) == len(before)


def _of(kind: str, threshold: float) -> Rule:
    if kind == "silent":
        return rule("mine", "silent", quantity="air.*", at_least=f"{threshold}s")
    if kind == "together":
        return rule("mine", "together", each="device", all=[{"kind": "above", "quantity": TEMPERATURE, "threshold": threshold}])
    return rule("mine", threshold=threshold)


# --- what is so already -----------------------------------------------------------------------------------------------


def test_what_is_so_already_is_raised_when_the_rule_goes_live() -> None:
    bench = Bench(rule("mine", threshold=50), rule("other", threshold=50))
    bench.reads(40)
    bench.at(10)
    bench.goes_live("mine", rule("mine"))
    (alert,) = bench.open("mine")
    assert (alert.state, alert.stale, alert.value, alert.at) == ("firing", False, 40, START)
    bench.goes_live("new", rule("new", hold_for="60s"))
    assert bench.open("new")[0].state == "pending" and not bench.open("other")
    bench.at(75)
    assert bench.open("new")[0].state == "firing"
    bench.reads(20)
    assert {change[1:] for change in bench.changes[-2:]} == {("mine", "resolved"), ("new", "resolved")}
    bench.goes_live("mine", rule("mine", threshold=31))
    assert len([change for change in bench.changes if change[1] == "mine"]) == 2, "it is over, and stays so"


def test_several_conditions_together_see_what_is_so_already() -> None:
    both = [{"kind": "state", "quantity": "fire.smoke"}, {"kind": "above", "quantity": TEMPERATURE, "threshold": 50}]
    bench = Bench()
    bench.reads(1, "d:1", "fire.smoke")
    bench.reads(60, "d:2")
    bench.at(10)
    bench.goes_live("fire", rule("fire", "together", each="floor", all=both))
    assert [alert.state for alert in bench.open("fire")] == ["firing"]


def test_an_edit_ends_nothing() -> None:
    bench = Bench(rule("mine"))
    bench.reads(40)
    bench.goes_live("mine", rule("mine", threshold=50))
    assert [alert.state for alert in bench.open("mine")] == ["firing"], "it takes a reading to end it"


def test_of_a_device_that_is_silent_nobody_knows() -> None:
    bench = Bench(rule("silent", "silent", quantity="air.*", at_most="60s"))
    bench.reads(40)
    bench.at(100)
    assert bench.open("silent")
    bench.goes_live("mine", rule("mine"))
    assert not bench.open("mine")
    bench.reads(41)
    assert bench.open("mine")


def test_what_was_heard_before_the_hub_began_is_raised_as_stale() -> None:
    bench = Bench()
    bench.heard["d:1"] = {TEMPERATURE: Reading("d:1", TEMPERATURE, 40, START - 3_600_000)}
    bench.goes_live("mine", rule("mine"))
    assert [(alert.state, alert.stale) for alert in bench.open("mine")] == [("firing", True)]


def test_a_call_for_help_that_was_told_is_no_state() -> None:
    bench = Bench()
    bench.reads(1, quantity="safety.sos")
    bench.goes_live("mine", rule("mine", "state", quantity="safety.sos"))
    assert not bench.open("mine")


def test_outside_of_its_hours_it_waits_for_them() -> None:
    bench = Bench()  # it begins at 14:13:20 UTC
    bench.reads(40)
    bench.goes_live("mine", rule("mine", during={"hours": "14:15-15:00"}))
    bench.at(99)
    assert not bench.open("mine")
    bench.at(101)
    assert [alert.state for alert in bench.open("mine")] == ["firing"]


def test_of_the_other_rules_nothing_is_worked_out_again() -> None:
    """Ten thousand rules take half a second to be looked at."""
    bench = Bench(*(rule(f"one{number}", device=f"d:{number}") for number in range(50)), rule("mine"))
    subjects = bench.engine._subjects
    before = subjects._facts + subjects._judges._scopes
    bench.edit("mine", rule("mine", threshold=50))
    bench.edit("day", rule("day", "budget", quantity="energy.active.import.total", threshold=1))
    bench.edit("one7", None)
    after = subjects._facts + subjects._judges._scopes
    assert len({id(one) for one in before} & {id(one) for one in after}) == 2 * 49, "of all but mine and one7"
    assert [one.rule.settings.id for one in after[49:51]] == ["mine", "day"]
    assert bench.engine._subjects.rules["day"].calendar is subjects._calendar  # type: ignore[union-attr]
    for device in ("d:7", "d:8"):
        bench.reads(40, device)
    assert [alert.device for alert in bench.engine.open_alerts() if alert.rule.startswith("one")] == ["d:8"]
