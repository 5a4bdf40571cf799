"""What captures cannot say: settings that are wrong, memory over a restart, and the times that networks tell."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from hub.intake import Intake
from hub.model import DeviceInfo, Message, Reading, quality_names
from hub.ports import Adapter, Retention
from hub.quantities import Vocabulary
from tests.support.captures import ARRIVAL, build

SMOKE = "0x00158d00aa110001"
LIST = [{"ieee_address": SMOKE, "friendly_name": "hall", "type": "EndDevice", "power_source": "Battery", "definition": None}]


def send(adapter: Adapter, topic: str, body: object) -> list[object]:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(adapter.decode(Message(topic, payload, ARRIVAL)))


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("zigbee2mqtt", {"base": "zigbee2mqtt/#"}, "base"),
        ("zigbee2mqtt", {"base": "/zigbee2mqtt"}, "base"),
        ("chirpstack", {"decoders": {"*": "bosch-tps111"}}, 'did you mean "bosch-tps110"'),
        ("chirpstack", {"topic": "application/+/device/{eui}/event/up"}, "{event}"),
        ("theengs", {"topic": "home/+/BTtoMQTT/{mac}"}, "{gateway}"),
        ("theengs", {"call_buttons": ["AA:BB:CC:DD:EE:FF"]}, "ble:a4c138112233"),
    ],
)
def test_wrong_settings_are_refused_in_words(kind: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        build(kind, settings)
    assert words in str(refusal.value)


def test_zigbee_names_outlive_a_restart() -> None:
    first = build("zigbee2mqtt", {})
    send(first, "zigbee2mqtt/bridge/devices", LIST)
    send(first, "zigbee2mqtt/bridge/groups", [{"friendly_name": "lamps"}])
    second = build("zigbee2mqtt", {})
    second.restore(json.loads(json.dumps(first.snapshot())))
    (smoke,) = send(second, "zigbee2mqtt/hall", {"smoke": True})
    assert isinstance(smoke, Reading)
    assert (smoke.device, smoke.quality) == (f"zigbee:{SMOKE}", 0)
    assert send(second, "zigbee2mqtt/lamps", {"state": "ON"}) == []


def test_a_renamed_zigbee_device_is_the_same_device() -> None:
    adapter = build("zigbee2mqtt", {})
    send(adapter, "zigbee2mqtt/bridge/devices", LIST)
    (before,) = send(adapter, "zigbee2mqtt/hall", {"smoke": True})
    send(adapter, "zigbee2mqtt/bridge/devices", [{**LIST[0], "friendly_name": "stairs"}])
    (after,) = send(adapter, "zigbee2mqtt/stairs", {"smoke": True})
    assert before == after


def test_availability_waits_for_the_name_and_is_bounded() -> None:
    adapter = build("zigbee2mqtt", {})
    send(adapter, "zigbee2mqtt/hall/availability", b"offline")
    for count in range(999):
        send(adapter, f"zigbee2mqtt/stranger{count}/availability", b"online")
    assert [told.online for told in send(adapter, "zigbee2mqtt/bridge/devices", LIST) if isinstance(told, DeviceInfo)] == [False]
    other = build("zigbee2mqtt", {})
    send(other, "zigbee2mqtt/hall/availability", b"offline")
    for count in range(1000):
        send(other, f"zigbee2mqtt/stranger{count}/availability", b"online")
    assert [told.online for told in send(other, "zigbee2mqtt/bridge/devices", LIST) if isinstance(told, DeviceInfo)] == [None]


DAY = 86_400_000
CHIRP = "application/a/device/0011223344556677/event/up"


def at_zigbee(said: object) -> list[object]:
    body = {"smoke": True} if said is None else {"smoke": True, "last_seen": said}
    return send(build("zigbee2mqtt", {}), f"zigbee2mqtt/{SMOKE}", body)


def at_chirpstack(said: object) -> list[object]:
    body: dict[str, Any] = {"deviceInfo": {"devEui": "0011223344556677"}, "fPort": 1, "data": "AQ==", "rxInfo": []}
    settings = {"decoders": {"*": "bosch-tps110"}}
    return send(build("chirpstack", settings), CHIRP, body if said is None else {**body, "time": said})


@pytest.mark.parametrize(
    ("decode", "said", "time", "flags"),
    [
        # ARRIVAL is 2026-01-01T00:00:00Z; what is no moment a network can mean gives the time of arrival, and a flag
        (at_zigbee, None, ARRIVAL, ["missing_time"]),
        (at_zigbee, ARRIVAL - 1234, ARRIVAL - 1234, []),
        (at_zigbee, ARRIVAL - DAY, ARRIVAL - DAY, []),
        (at_zigbee, 0, ARRIVAL, ["missing_time"]),
        (at_zigbee, -1, ARRIVAL, ["missing_time", "clock_skew"]),
        (at_zigbee, ARRIVAL // 1000, ARRIVAL, ["missing_time"]),  # seconds for milliseconds: 1970
        (at_zigbee, ARRIVAL * 1_000_000, ARRIVAL, ["missing_time", "clock_skew"]),  # nanoseconds
        (at_zigbee, 4_294_967_296_000, ARRIVAL, ["missing_time"]),  # 2106
        (at_zigbee, "9999-12-31T23:59:59.999Z", ARRIVAL, ["missing_time"]),
        (at_zigbee, ARRIVAL + 600_000, ARRIVAL, ["missing_time"]),
        (at_zigbee, "2025-12-31T23:00:00.5", ARRIVAL - 9 * 3_600_000 + 500, ["tz_assumed"]),  # of Asia/Shanghai
        (at_zigbee, "2026-01-01T07:00:00+08:00", ARRIVAL - 3_600_000, []),  # whole seconds, an hour old
        (at_zigbee, "2026-01-01T08:00:00+08:00", ARRIVAL, ["missing_time"]),  # whole seconds, just now
        (at_chirpstack, None, ARRIVAL, ["missing_time"]),
        (at_chirpstack, "2025-12-31T23:59:59.987654321Z", ARRIVAL - 13, []),
        (at_chirpstack, "1970-01-01T00:00:00Z", ARRIVAL, ["missing_time"]),
        (at_chirpstack, "2106-02-07T06:28:16Z", ARRIVAL, ["missing_time"]),
        (at_chirpstack, "2025-12-31T23:59:60Z", ARRIVAL, []),  # a leap second is the second after it
        (at_chirpstack, "2026-01-01T00:10:00Z", ARRIVAL, ["missing_time"]),
    ],
)
def test_a_networks_time(decode: Any, said: object, time: int, flags: list[str]) -> None:
    given = next(one for one in decode(said) if isinstance(one, Reading))
    assert given.time is None, "a network's time is not the device's"
    reading = Intake(Vocabulary(), Retention()).accept(given, Message("t", b"", ARRIVAL))
    assert reading is not None
    assert reading.time == time
    assert sorted(set(quality_names(reading.quality)) - {"late"}) == sorted(flags)
