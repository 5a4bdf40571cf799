"""ChirpStack v4: uplinks as ``application/<id>/device/<dev eui>/event/up``, frames in base64.

The envelope: https://www.chirpstack.io/docs/chirpstack/integrations/events.html. The frames:

Bosch TPS110 (Parking Lot Sensor, Communication Interface - Technical Description): fPort 1, one byte, 1 occupied, 0 free, sent
on a change; fPort 2, a heartbeat of two bytes, the state and the temperature in degrees Celsius (signed).

Yobiiq SD-1001 (Yobiiq's decoder in TheThingsNetwork/lorawan-devices, vendor/yobiiq/sd-1001.js): fPort 8, entries of channel,
type and value: 1 battery in percent, 2 mains power, 3 battery low, 4 fault, 5 smoke, 6 interconnect, 7 test button.
"""

from base64 import b64encode
from collections.abc import Sequence
from random import Random
from struct import pack
from typing import Any
from uuid import UUID

from simulators.building import Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode, iso

PROFILES = {"bay": "Bosch TPS110", "stairsmoke": "Yobiiq SD1001"}


class ChirpStack:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._random = Random(f"{world.seed}/chirpstack")
        self._tenant = self._uuid()
        self._application = self._uuid()
        self._profiles = {kind: self._uuid() for kind in PROFILES}
        self._address = {thing.id: f"{self._random.getrandbits(25):08x}" for thing in things}
        self._frames: dict[str, int] = {}  # a device that was switched on again has joined again and counts from 0
        self._occupied: dict[str, float] = {}

    def hello(self, at: int) -> list[Publication]:
        return []

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        if thing.kind == "bay":
            changed = self._occupied.get(thing.id, truth["parking.occupied"]) != truth["parking.occupied"]
            self._occupied[thing.id] = truth["parking.occupied"]
            port, frame = _bay(truth, changed)
        else:
            port, frame = _smoke(truth)
        count = self._frames.get(thing.id, 0)
        self._frames[thing.id] = count + 1
        topic = f"application/{self._application}/device/{thing.address}/event/up"
        return [Publication(topic, encode(self._uplink(thing, at, count, port, frame)))]

    def lost(self, thing: Thing) -> list[Publication]:
        return []

    def goodbye(self) -> list[Publication]:
        return []

    def _uplink(self, thing: Thing, at: int, count: int, port: int, frame: bytes) -> dict[str, Any]:
        time = iso(at).replace("Z", "+00:00")
        channel = self._random.randrange(8)
        gateway = {
            "gatewayId": "24e124fffef5d9a1",
            "uplinkId": self._random.getrandbits(16),
            "gwTime": time,
            "nsTime": time,
            "rssi": -self._random.randint(60, 112),
            "snr": self._random.randint(-40, 110) / 10,
            "channel": channel,
            "location": {"latitude": 30.27, "longitude": 120.15},
            "context": b64encode(self._random.randbytes(4)).decode(),
            "crcStatus": "CRC_OK",
        }
        return {
            "deduplicationId": self._uuid(),
            "time": time,
            "deviceInfo": {
                "tenantId": self._tenant,
                "tenantName": "Yunqi",
                "applicationId": self._application,
                "applicationName": "yunqi",
                "deviceProfileId": self._profiles[thing.kind],
                "deviceProfileName": PROFILES[thing.kind],
                "deviceName": thing.name,
                "devEui": thing.address,
                "deviceClassEnabled": "CLASS_A",
                "tags": {},
            },
            "devAddr": self._address[thing.id],
            "adr": True,
            "dr": 5,
            "fCnt": count,
            "fPort": port,
            "confirmed": False,
            "data": b64encode(frame).decode(),
            "rxInfo": [gateway],
            "txInfo": {
                "frequency": 486_300_000 + 200_000 * channel,
                "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
            },
        }

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


def _bay(truth: Truth, changed: bool) -> tuple[int, bytes]:
    occupied = int(truth["parking.occupied"])
    if changed:
        return 1, pack(">B", occupied)
    return 2, pack(">Bb", occupied, round(truth["device.temperature"]))


def _smoke(truth: Truth) -> tuple[int, bytes]:
    entries = (
        (1, 0x75, round(truth["device.battery"])),
        (2, 0x0B, 1),
        (3, 0, int(truth["device.battery.low"])),
        (4, 0, int(truth["fire.fault"])),
        (5, 0, int(truth["fire.smoke"])),
        (6, 0, 0),
    )
    return 8, b"".join(map(bytes, entries))
