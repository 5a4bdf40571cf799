"""LoRaWAN through whichever network: one frame is one reading, one device one device."""

import json
from base64 import b64encode

import pytest

from hub.intake import Intake
from hub.model import Message, Reading, Series
from hub.ports import Adapter, Retention
from hub.quantities import Vocabulary
from tests.support.captures import ARRIVAL, build

EUI = "0004a30b00ae0001"
OCCUPIED, FREE = b"\x8a", b"\x0a"


def chirpstack(
    adapter: Adapter, data: bytes, counter: int, after: float = 0, gateway: str = "g1", rssi: int = -80, eui: str = EUI
) -> list[Reading]:
    body = {
        "deduplicationId": f"{gateway}-{after}",
        "time": f"2025-12-31T23:{50 + int(after) // 60:02}:{after % 60:09.6f}Z",
        "deviceInfo": {"devEui": eui, "deviceProfileName": "Nwave NPS405"},
        "fPort": 1,
        "fCnt": counter,
        "data": b64encode(data).decode(),
        "rxInfo": [{"gatewayId": gateway, "rssi": rssi, "snr": 5}],
    }
    return readings(adapter, f"application/{gateway}/device/{eui}/event/up", body)


def things_stack(adapter: Adapter, data: bytes, counter: int) -> list[Reading]:
    uplink = {"f_port": 1, "f_cnt": counter, "frm_payload": b64encode(data).decode(), "received_at": "2025-12-31T23:50:00Z"}
    body = {"end_device_ids": {"device_id": "nwave-nps405-1", "dev_eui": EUI.upper()}, "uplink_message": uplink}
    return readings(adapter, "v3/yunqi@ttn/devices/nwave-nps405-1/up", body)


def readings(adapter: Adapter, topic: str, body: object) -> list[Reading]:
    decoded = adapter.decode(Message(topic, json.dumps(body).encode(), ARRIVAL))
    return [found for found in decoded if isinstance(found, Reading)]


class Store:
    """What intake lets through, as a store keeps it: the first of an identity wins."""

    def __init__(self) -> None:
        self.intake = Intake(Vocabulary(), Retention())
        self.rows: dict[tuple[Series, int | None, int], float] = {}

    def take(self, given: list[Reading]) -> None:
        for one in given:
            reading = self.intake.accept(one, Message("t", b"", ARRIVAL))
            if reading is not None:
                series = Series(reading.device, reading.quantity, reading.channel)
                self.rows.setdefault((series, reading.time, reading.seq), reading.value)

    def values(self, quantity: str) -> list[float]:
        return [value for (series, _, _), value in self.rows.items() if series.quantity == quantity]


def test_a_frame_heard_by_two_gateways_at_two_moments_is_one_reading() -> None:
    store, adapter = Store(), build("chirpstack", {})
    store.take(chirpstack(adapter, OCCUPIED, 41, 0, "g1", -80))
    store.take(chirpstack(adapter, OCCUPIED, 41, 1.5, "g2", -70))  # a slow backhaul
    store.take(chirpstack(adapter, OCCUPIED, 41, 0, "g1", -80))  # the same through a second integration
    assert store.values("parking.occupied") == [1.0]
    assert store.values("device.rssi") == [-80.0], "the first one's signal"
    assert store.intake.duplicates == 6


def test_a_frame_through_two_networks_is_one_reading() -> None:
    """The same moment and counter, two adapters: the identity does not know the network."""
    store = Store()
    store.take(chirpstack(build("chirpstack", {}), OCCUPIED, 41))
    store.take(things_stack(build("tts", {}), OCCUPIED, 41))
    assert store.values("parking.occupied") == [1.0]


@pytest.mark.parametrize(
    ("second", "counter", "after"),
    [(OCCUPIED, 42, 1), (FREE, 41, 1), (OCCUPIED, 41, 180)],
    ids=["the next counter", "other bytes", "later than a copy can be"],
)
def test_what_differs_is_another_reading(second: bytes, counter: int, after: float) -> None:
    store, adapter = Store(), build("chirpstack", {})
    store.take(chirpstack(adapter, OCCUPIED, 41))
    store.take(chirpstack(adapter, second, counter, after))
    assert len(store.values("parking.occupied")) == 2


def test_a_device_that_joins_anew_begins_anew() -> None:
    store, adapter = Store(), build("chirpstack", {})
    store.take(chirpstack(adapter, OCCUPIED, 1, 0))
    join = {"time": "2025-12-31T23:50:20Z", "deviceInfo": {"devEui": EUI}}
    readings(adapter, f"application/g1/device/{EUI}/event/join", join)
    store.take(chirpstack(adapter, OCCUPIED, 1, 30))
    assert len(store.values("parking.occupied")) == 2


def test_what_is_remembered_of_a_copy_is_bounded() -> None:
    """A thousand frames of one device, and those of other devices, push the first one out; it is then read as it comes."""
    adapter = build("chirpstack", {})
    chirpstack(adapter, OCCUPIED, 1)
    for counter in range(2, 6):
        chirpstack(adapter, OCCUPIED, counter)
    (again, *_) = chirpstack(adapter, OCCUPIED, 1, 2)
    assert again.network_time is not None
    assert again.network_time % 60_000 == 2000
