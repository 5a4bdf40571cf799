"""Tasmota energy meters: ``tele/<topic>/SENSOR``, ``tele/<topic>/STATE``, and the retained last will ``tele/<topic>/LWT``.

Commands and telemetry: https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Power-Monitoring/. ``Time`` is
the device's local time without a zone. A three-phase meter gives arrays, one element a phase; ``Total`` stays the sum
unless SetOption129 splits it. Total, Today and Yesterday are kWh, Power W, ApparentPower VA, ReactivePower var.
"""

from collections.abc import Sequence
from datetime import datetime
from math import sqrt
from random import Random
from typing import Any

from simulators.building import PHASES, Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode

STATE_EVERY = 12  # one STATE for so many SENSOR messages


class Tasmota:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._zone = world.zone
        self._things = things
        self._said: dict[str, int] = {}
        self._since = 0

    def hello(self, at: int) -> list[Publication]:
        self._since = at
        return [Publication(f"tele/{thing.address}/LWT", b"Online", True) for thing in self._things]

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        time = datetime.fromtimestamp(at / 1000, self._zone).strftime("%Y-%m-%dT%H:%M:%S")
        energy: dict[str, Any] = {
            "TotalStartTime": "2023-10-26T00:00:00",
            "Total": round(truth["energy.active.import.total"], 3),
            "Yesterday": round(truth["~yesterday"], 3),
            "Today": round(truth["~today"], 3),
            "Period": 0,
        }
        energy |= _three(truth) if thing.kind == "stairs" else _one(truth)
        said = [Publication(f"tele/{thing.address}/SENSOR", encode({"Time": time, "ENERGY": energy}))]
        count = self._said[thing.id] = self._said.get(thing.id, 0) + 1
        if count % STATE_EVERY == 1:
            said.append(Publication(f"tele/{thing.address}/STATE", encode(self._state(thing, time, at))))
        return said

    def lost(self, thing: Thing) -> list[Publication]:
        return [Publication(f"tele/{thing.address}/LWT", b"Offline", True)]

    def goodbye(self) -> list[Publication]:
        return []

    def _state(self, thing: Thing, time: str, at: int) -> dict[str, Any]:
        up = (at - self._since) // 1000
        signal = Random(f"{thing.id}/{at // 60_000}").randint(-78, -52)
        return {
            "Time": time,
            "Uptime": f"{up // 86400}T{up // 3600 % 24:02d}:{up // 60 % 60:02d}:{up % 60:02d}",
            "UptimeSec": up,
            "Heap": 25,
            "SleepMode": "Dynamic",
            "Sleep": 50,
            "LoadAvg": 19,
            "MqttCount": 1,
            "Wifi": {"AP": 1, "SSId": "yunqi", "RSSI": min(100, 2 * (signal + 100)), "Signal": signal, "LinkCount": 1},
        }


def _shares(power: float) -> tuple[int, int, float]:
    """Apparent and reactive power and the factor of a load at cos phi 0.95."""
    apparent = power / 0.95
    return round(apparent), round(sqrt(apparent**2 - power**2)), 0.95 if power else 0.0


def _one(truth: Truth) -> dict[str, Any]:
    apparent, reactive, factor = _shares(truth["power.active"])
    return {
        "Power": round(truth["power.active"]),
        "ApparentPower": apparent,
        "ReactivePower": reactive,
        "Factor": factor,
        "Voltage": round(truth["voltage"]),
        "Current": round(truth["current"], 3),
    }


def _three(truth: Truth) -> dict[str, Any]:
    shares = [_shares(truth[f"power.active.{phase}"]) for phase in PHASES]
    return {
        "Power": [round(truth[f"power.active.{phase}"]) for phase in PHASES],
        "ApparentPower": [apparent for apparent, _, _ in shares],
        "ReactivePower": [reactive for _, reactive, _ in shares],
        "Factor": [factor for _, _, factor in shares],
        "Frequency": 50,
        "Voltage": [round(truth[f"voltage.{phase}"]) for phase in PHASES],
        "Current": [round(truth[f"current.{phase}"], 3) for phase in PHASES],
    }
