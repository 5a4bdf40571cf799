"""The armed map and the why-not, told by stories: what happens, and what the map says then."""

from typing import Any

from hub.model import Device, Reading
from rules import build
from rules.armed import armed
from rules.explain import explain
from rules.reasons import CODES, reason
from tests.support.scenarios import START, VOCABULARY, Player

FILE = {
    "space": [
        {"id": "3-5f", "name": "5层", "kind": "floor", "name_en": "floor 5"},
        {"id": "3-6f", "name": "6层", "kind": "floor", "name_en": "floor 6"},
    ],
    "device": [
        {"id": "zigbee:1", "space": "3-5f", "accepted": True},
        {"id": "zigbee:2", "space": "3-5f", "accepted": True},
        {"id": "zigbee:6", "space": "3-6f", "accepted": True},
    ],
}
SMOKE = {"id": "smoke", "kind": "state", "quantity": "fire.smoke", "severity": "critical"}
FIRE = {
    "id": "fire", "kind": "together", "each": "floor", "severity": "critical", "within": "2min",
    "all": [{"kind": "state", "quantity": "fire.smoke"}, {"kind": "above", "quantity": "air.temperature", "threshold": 57}],
}  # fmt: skip


class Story:
    def __init__(self, *rules: dict[str, Any]) -> None:
        self.player = Player({"rules": list(rules)}, FILE)
        self.rules = [build(one["kind"], {k: v for k, v in one.items() if k != "kind"}, VOCABULARY) for one in rules]
        self.latest: dict[tuple[str, str, str], Reading] = {}
        self.at = 0

    def reads(self, value: float, quantity: str = "fire.smoke", device: str = "zigbee:1", quality: int = 0, **given: Any) -> None:
        reading = Reading(device, quantity, value, START + self.at * 1000, quality=quality)
        reading = Reading(device, quantity, value, given.get("time", reading.time), quality=quality)
        self.player.commit(self.player.engine.step(reading, self.player.wall, self.player.now))
        self.latest[device, quantity, ""] = reading

    def reports(self, device: str, quantity: str, value: float, until: int, every: int = 10) -> None:
        while self.at + every <= until:
            self.go(self.at + every)
            self.reads(value, quantity, device)

    def go(self, second: int) -> None:
        self.at = second
        self.player.go_to(second * 1000)

    def map(self, **more: Any) -> dict[str, tuple[int, int, list[str]]]:
        """Rule -> how many places are armed, how many blind, and the codes of all reasons."""
        told = self.whole(**more)
        return {
            one["rule"]: (
                one["armed"],
                one["blind"],
                sorted({why["code"] for why in one["why"]} | {why["code"] for place in one["places"] for why in place["why"]}),
            )
            for one in told["rules"]
        }

    def whole(self, **more: Any) -> dict[str, Any]:
        places = self.player.places
        about: dict[str, Any] = {"devices": places.devices.values(), "spaces": places.spaces.values(), "latest": self.latest}
        return armed(self.player.engine, self.rules, places, self.player.now, **about | more)

    def why(self, rule: str, device: str = "zigbee:1") -> tuple[bool | None, list[str]]:
        latest = {key[1:]: reading for key, reading in self.latest.items() if key[0] == device}
        told = explain(self.player.engine, self.rules, device, self.player.now, latest)
        one = next(each for each in told["rules"] if each["rule"] == rule)
        return one["verdict"], [why["code"] for why in one["why"]]


# --- the map ----------------------------------------------------------------------------------------------------------


def test_a_detector_that_is_heard_is_armed_and_one_that_fell_silent_is_not() -> None:
    story = Story(SMOKE)
    story.reports("zigbee:1", "fire.smoke", 0, 40)
    assert story.map() == {"smoke": (1, 0, [])}
    story.go(200)  # three intervals of ten seconds are over, and thirty seconds at least
    assert story.map() == {"smoke": (0, 1, ["silent"])}
    assert [one["device"] for one in story.whole()["unheard"]] == ["zigbee:2", "zigbee:6"]
    story.reads(0)
    assert story.map() == {"smoke": (1, 0, [])}


def test_what_blinds_a_rule_as_a_whole() -> None:
    story = Story(SMOKE | {"enabled": False})
    story.reads(0)
    assert story.map() == {"smoke": (0, 0, ["disabled"])}
    story = Story(SMOKE)
    story.reads(0)
    story.player.engine.failed["smoke"] = "it raised"
    assert story.map() == {"smoke": (0, 1, ["stopped"])}


def test_test_mode_faults_offline_and_the_hours_blind_one_device() -> None:
    story = Story(SMOKE)
    story.reads(0, quality=16384)
    story.reads(0, device="zigbee:2", quality=8192)
    assert story.map() == {"smoke": (0, 2, ["device_fault", "test_mode"])}
    story.reads(0, device="zigbee:6")
    story.player.places.upsert_devices([Device("zigbee:6", space="3-6f", accepted=True, online=False)])
    assert story.map() == {"smoke": (0, 3, ["device_fault", "offline", "test_mode"])}
    night = Story(SMOKE | {"during": {"hours": "01:00-02:00"}})  # the story begins at 21:33 in Shanghai
    night.reads(0)
    assert night.map() == {"smoke": (0, 1, ["out_of_hours"])}


def test_a_silence_and_a_persons_closing_are_said() -> None:
    story = Story(SMOKE)
    story.reads(1)
    assert story.map() == {"smoke": (1, 0, [])}, "what fires is armed"
    (alert,) = story.player.engine.open_alerts()
    story.player.engine.resolve(alert.id, "li", "toast", story.player.now)
    assert story.map() == {"smoke": (0, 1, ["excused"])}
    told = story.whole(silenced=lambda rule, device, space: "silenced by li: painting" if space == "3-5f" else "")
    assert [why["en"] for why in told["rules"][0]["places"][0]["why"]][-1] == "Nobody would be told: silenced by li: painting"


def test_a_floor_without_the_quantity_a_rule_needs_is_a_blind_spot() -> None:
    story = Story(FIRE)
    story.reports("zigbee:1", "fire.smoke", 0, 30)
    story.reads(0, device="zigbee:6")
    told = {one["space"]: [why["en"] for why in one["why"]] for one in story.whole()["rules"][0]["places"]}
    lacks = ["No device there measures temperature."]
    assert told == {"3-5f": lacks, "3-6f": lacks}
    story.reads(21, "air.temperature", "zigbee:2")
    assert story.map() == {"fire": (1, 1, ["missing"])}
    story.reports("zigbee:2", "air.temperature", 21, 70)
    story.go(100)  # the detector's last word is 70 s old; it said so every ten seconds
    assert story.map() == {"fire": (0, 2, ["missing", "silent"])}


def test_that_nobody_is_there_needs_all_who_could_say_so() -> None:
    home = {"id": "gas", "kind": "together", "each": "floor", "severity": "critical"}
    story = Story(
        home | {"any": [{"kind": "state", "quantity": "fire.gas"}], "not": {"kind": "state", "quantity": "parking.occupied"}}
    )
    story.reads(0, "fire.gas")
    story.reads(0, "parking.occupied")
    assert story.map(devices=()) == {"gas": (1, 0, [])}
    story.reports("zigbee:2", "parking.occupied", 0, 60)
    story.reads(0, "fire.gas")
    story.reads(0, "parking.occupied")
    story.go(120)
    assert story.map(devices=())["gas"][:2] == (0, 1), "one of two who could say that somebody is there is gone"


# --- why, and why not -------------------------------------------------------------------------------------------------


def test_why_tells_what_held_it_back() -> None:
    elsewhere, off = SMOKE | {"id": "elsewhere", "space": "3-6f"}, SMOKE | {"id": "off", "enabled": False}
    story = Story(SMOKE | {"hold_for": "1min"}, elsewhere, off)
    story.reads(0)
    assert story.why("smoke") == (False, ["clear"])
    story.go(10)
    story.reads(1)
    assert story.why("smoke") == (True, ["breached", "holding"])
    assert story.why("elsewhere") == (None, ["out_of_scope"])
    assert story.why("off") == (None, ["disabled"])
    story.go(20)
    story.reads(0, quality=16384)
    assert story.why("smoke")[1][0] == "test_mode"
    story.reads(0, time=START + 5_000)
    assert story.why("smoke") == (True, ["late", "breached", "holding"])
    story.go(80)
    assert story.why("smoke")[0] is True
    latest = {("fire.smoke", ""): story.latest["zigbee:1", "fire.smoke", ""]}
    told = explain(story.player.engine, story.rules, "zigbee:1", story.player.now, latest)
    assert told["rules"][0]["state"] == "firing" and told["rules"][0]["value"] == 0


def test_why_a_half_alone_is_not_enough() -> None:
    story = Story(FIRE)
    story.reads(1)
    verdict, why = story.why("fire")
    assert verdict is True and why == ["breached", "others", "missing"]
    story.reads(21, "air.temperature", "zigbee:2")
    assert story.why("fire") == (True, ["breached", "others"])
    assert story.why("fire", "zigbee:2") == (False, ["clear"])


def test_every_reason_speaks_both_languages() -> None:
    for code in CODES:
        said = reason(code, "x", "y", hold=60, held=5, left=5)
        assert said["en"] and said["zh"] and "{" not in said["en"] + said["zh"]
        assert any("\u4e00" <= char <= "\u9fff" for char in said["zh"])
