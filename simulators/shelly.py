"""Shelly Gen2 and later: notifications on ``<id>/events/rpc``, the retained ``<id>/online``.

https://shelly-api-docs.shelly.cloud/gen2/General/Notifications and the component pages EM, EMData and Switch: power W,
energy Wh, ``ts`` seconds since 1970 UTC. A NotifyFullStatus is sent on connecting; then NotifyStatus with what changed:
``em:0`` as it is measured, ``emdata:0`` once a minute. Power that is fed back is negative and counts into ``…_ret``.
"""

from collections.abc import Sequence
from typing import Any

from simulators.building import PHASES, Truth, World
from simulators.plan import Thing
from simulators.speech import Publication, encode

_LETTERS = dict(zip(PHASES, "abc", strict=True))
RECORD = 60_000  # ms between EMData records


class Shelly:
    def __init__(self, world: World, things: Sequence[Thing]) -> None:
        self._things = things
        self._recorded: dict[str, int] = {}

    def hello(self, at: int) -> list[Publication]:
        return [Publication(f"{thing.address}/online", b"true", True) for thing in self._things]

    def speak(self, thing: Thing, truth: Truth, at: int) -> list[Publication]:
        first = thing.id not in self._recorded
        minute = at // RECORD
        record = self._recorded.get(thing.id) != minute
        self._recorded[thing.id] = minute
        if thing.kind == "charger":
            status = {"switch:0": _switch(truth, at)}
        else:
            status = {"em:0": _em(truth)}
            if record:
                status["emdata:0"] = _emdata(truth)
        if first:
            mac = thing.address.partition("-")[2].upper()
            status["sys"] = {"mac": mac, "restart_required": False, "unixtime": at // 1000, "uptime": 4}
            status["mqtt"] = {"connected": True}
            return [_notify(thing, "NotifyFullStatus", at, status)]
        # EM and EMData are separate components and notify separately
        return [_notify(thing, "NotifyStatus", at, {name: part}) for name, part in status.items()]

    def lost(self, thing: Thing) -> list[Publication]:
        return [Publication(f"{thing.address}/online", b"false", True)]

    def goodbye(self) -> list[Publication]:
        return []


def _notify(thing: Thing, method: str, at: int, status: dict[str, Any]) -> Publication:
    frame = {"src": thing.address, "dst": f"{thing.address}/events", "method": method, "params": {"ts": at / 1000, **status}}
    return Publication(f"{thing.address}/events/rpc", encode(frame))


def _em(truth: Truth) -> dict[str, Any]:
    status: dict[str, Any] = {"id": 0}
    powers, currents = 0.0, 0.0
    for phase, letter in _LETTERS.items():
        power, volts, amperes = (truth[f"{what}.{phase}"] for what in ("power.active", "voltage", "current"))
        status[f"{letter}_current"] = round(amperes, 3)
        status[f"{letter}_voltage"] = round(volts, 1)
        status[f"{letter}_act_power"] = round(power, 1)
        status[f"{letter}_aprt_power"] = round(volts * amperes, 1)
        status[f"{letter}_pf"] = 1.0
        status[f"{letter}_freq"] = 50.0
        powers += power
        currents += amperes
    status |= {"n_current": None, "total_current": round(currents, 3), "total_act_power": round(powers, 3)}
    return status | {"total_aprt_power": round(abs(powers), 3), "user_calibrated_phase": []}


def _emdata(truth: Truth) -> dict[str, Any]:
    status: dict[str, Any] = {"id": 0}
    for phase, letter in _LETTERS.items():
        status[f"{letter}_total_act_energy"] = _watt_hours(truth, f"energy.active.import.total#{phase}")
        status[f"{letter}_total_act_ret_energy"] = _watt_hours(truth, f"energy.active.export.total#{phase}")
    status["total_act"] = _watt_hours(truth, "energy.active.import.total")
    status["total_act_ret"] = _watt_hours(truth, "energy.active.export.total")
    return status


def _watt_hours(truth: Truth, quantity: str) -> float:
    return round(truth.get(quantity, 0.0) * 1000, 2)


def _switch(truth: Truth, at: int) -> dict[str, Any]:
    by_minute = [round(truth["power.active"] * 1000 / 60, 3)] * 3  # mWh
    return {
        "id": 0,
        "source": "init",
        "output": bool(truth["switch.on"]),
        "apower": round(truth["power.active"], 1),
        "voltage": round(truth["voltage"], 1),
        "freq": 50.0,
        "current": round(truth["current"], 3),
        "aenergy": {
            "total": _watt_hours(truth, "energy.active.import.total"),
            "by_minute": by_minute,
            "minute_ts": at // 60_000 * 60,
        },
        "temperature": {"tC": 41.3, "tF": 106.3},
    }
