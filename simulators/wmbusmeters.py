"""wmbusmeters: radio water and gas meters as JSON, published by its ``shell=`` hook.

https://wmbusmeters.org, here with ``shell=mosquitto_pub -t wmbusmeters/$METER_MEDIA/$METER_ID -m "$METER_JSON"``. ``total_m3`` is
the register in m3, ``timestamp`` ISO 8601 UTC.
"""

from collections.abc import Sequence
from random import Random

from simulators.building import Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode, iso


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
