"""OpenMQTTGateway and Theengs Gateway: Bluetooth advertisements, decoded, on ``home/<gateway>/BTtoMQTT/<address>``.

https://docs.openmqttgateway.com/use/ble.html; the properties of each model: https://decoder.theengs.io/devices/devices.html.
A Mi Band or Amazfit (``MB/SW``) tells the steps since midnight and, while it measures, ``act_bpm``. There is no time: a
gateway publishes when it hears.
"""

from collections.abc import Sequence
from random import Random

from simulators.building import Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode


class Theengs:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._gateways = sorted({_gateway(thing) for thing in things})

    def hello(self, at: int) -> list[Publication]:
        return [Publication(f"home/{gateway}/LWT", b"online", True) for gateway in self._gateways]

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        compact = thing.address.upper()
        mac = ":".join(compact[index : index + 2] for index in range(0, 12, 2))
        heard = {
            "id": mac,
            "mac_type": 0,
            "adv_type": 0,
            "rssi": Random(f"{thing.id}/{at // 10_000}").randint(-92, -55),
            "brand": thing.vendor,
            "model": "Mi Band/Smart Watch",
            "model_id": thing.model,
            "type": "BODY",
            "acts": True,
            "track": True,
            "steps": round(truth["health.steps.total"]),
            "act_bpm": round(truth["health.heart_rate"]),
            "device": "Xiaomi/Amazfit Tracker",
            "mac": mac,
        }
        return [Publication(f"home/{_gateway(thing)}/BTtoMQTT/{compact}", encode(heard))]

    def lost(self, thing: Thing) -> list[Publication]:
        return []

    def goodbye(self) -> list[Publication]:
        return []


def _gateway(thing: Thing) -> str:
    """One listens in each house."""
    return f"OMG_{thing.space.split('-')[0]}"
