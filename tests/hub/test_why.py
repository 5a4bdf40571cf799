"""Why, at a past moment: a replay of what had arrived by then, of the device and of those it is judged together with."""

from hub.calendar import Calendar
from hub.model import Batch, Device, Quality, Reading, Space
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.stores.memory import MemoryStore
from hub.why import Past, tables, why_then
from rules import build

MINUTE = 60_000
AT = 1_790_000_000_000
SPACES = (Space("3-5f", "5层", "floor"),)
DEVICES = tuple(Device(id, space="3-5f", accepted=True) for id in ("zigbee:smoke", "zigbee:heat"))
HOT = build("above", {"id": "hot", "quantity": "air.temperature", "threshold": 57, "hold_for": "10min"})
FIRE = build(
    "together",
    {
        "id": "fire", "each": "floor",
        "all": [{"kind": "state", "quantity": "fire.smoke"}, {"kind": "above", "quantity": "air.temperature", "threshold": 57}],
    },
)  # fmt: skip


def store() -> MemoryStore:
    """Warm from minute 0, hot from 30, in test mode at 50, smoke at 45."""
    made, batch = MemoryStore(Vocabulary(), Retention()), Batch()
    for minute in range(60):
        at = AT + minute * MINUTE
        quality = int(Quality.TEST_MODE) if minute == 50 else 0
        batch.readings.append(Reading("zigbee:heat", "air.temperature", 60.0 if minute >= 30 else 20.0, at, quality=quality))
        batch.received_at.append(at + 100)
        if minute % 5 == 0:
            batch.readings.append(Reading("zigbee:smoke", "fire.smoke", float(minute >= 45), at))
            batch.received_at.append(at + 200)
    made.append("rest", batch)
    return made


def asked(minute: float) -> dict[str, tuple[bool | None, str, list[str]]]:
    at = AT + round(minute * MINUTE)
    past = Past("zigbee:heat", at, tables([HOT, FIRE]), DEVICES, SPACES, Vocabulary(), Calendar())
    told = why_then(store(), past)
    newest = max((one["received_at"] for one in told["readings"]), default=0)
    assert newest <= at, "what came later was not known then"
    return {one["rule"]: (one["verdict"], one["state"], [why["code"] for why in one["why"]]) for one in told["rules"]}


def test_it_tells_each_rules_verdict_and_what_held_it_back_then() -> None:
    assert asked(20.5) == {"hot": (False, "quiet", ["clear"]), "fire": (False, "quiet", ["clear"])}
    assert asked(35.5) == {"hot": (True, "pending", ["breached", "holding"]), "fire": (True, "quiet", ["breached", "others"])}
    assert asked(46.5) == {"hot": (True, "firing", ["breached"]), "fire": (True, "firing", ["breached"])}
    assert asked(50.5)["hot"] == (True, "firing", ["test_mode", "breached"])


def test_the_readings_come_with_it_the_newest_first() -> None:
    past = Past("zigbee:heat", AT + 51 * MINUTE, tables([HOT]), DEVICES, SPACES, Vocabulary(), Calendar())
    told = why_then(store(), past)
    first = told["readings"][0]
    assert (first["value"], first["received_at"], first["quality"]) == (60.0, AT + 50 * MINUTE + 100, ["test_mode"])
    assert told["readings"][1]["quality"] == [] and len(told["readings"]) == 50
    assert told["at"] == AT + 51 * MINUTE and told["device"] == "zigbee:heat"


def test_a_device_without_a_past_has_no_rules() -> None:
    past = Past("zigbee:none", AT, tables([HOT, FIRE]), DEVICES, SPACES, Vocabulary(), Calendar())
    assert why_then(store(), past)["rules"] == []
