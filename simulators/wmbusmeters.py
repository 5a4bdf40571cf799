"""wmbusmeters: radio water and gas meters as JSON, published by its ``shell=`` hook.

https://wmbusmeters.org, here with ``shell=mosquitto_pub -t wmbusmeters/$METER_MEDIA/$METER_ID -m "$METER_JSON"``. ``total_m3`` is
the register in m3, ``timestamp`` ISO 8601 UTC. The hub reads it with the declarative JSON adapter (``MAPPING``).
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from simulators.building import Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode, iso

MAPPING: list[dict[str, Any]] = [
    {
        "kind": "json",
        "topic": f"wmbusmeters/{media}/{{id}}",
        "device": "wmbus:{id}",
        "time": {"path": "timestamp", "unit": "iso"},
        "readings": [
            {"quantity": f"{media}.volume.total", "path": "total_m3", "unit": "m3", "required": True},
            {"quantity": "device.rssi", "path": "rssi_dbm", "unit": "dBm"},
        ],
    }
    for media in ("water", "gas")
]
"""What belongs under [[adapter]] in gengfu.toml for these meters."""


class WmbusMeters:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._world = world

    def hello(self, at: int) -> list[Publication]:
        return []

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        telegram = {
            "media": thing.kind,
            "meter": thing.model,
            "name": thing.address,
            "id": thing.address,
            "status": "OK",
            "total_m3": round(truth[f"{thing.kind}.volume.total"], 3),
            "timestamp": iso(at)[:19] + "Z",
            "device": "rtlwmbus[00000001]",
            "rssi_dbm": Random(f"{thing.id}/{at // 60_000}").randint(-95, -60),
        }
        return [Publication(f"wmbusmeters/{thing.kind}/{thing.address}", encode(telegram))]

    def lost(self, thing: Thing) -> list[Publication]:
        return []

    def goodbye(self) -> list[Publication]:
        return []
