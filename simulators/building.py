"""One seeded world: what is true in the community at any moment. Pure and deterministic; no I/O.

``World(seed).truth(thing, at)`` is the truth that a device tells in its vendor's words, in the hub's quantities and units:
``{"power.active": 412.0, "energy.active.import.total": 5120.4}``. A register is a function of absolute time, so it goes on
where it was when the simulator is started again. Times are milliseconds since 1970-01-01 UTC.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from math import cos, pi, sin
from random import Random
from zoneinfo import ZoneInfo

from hub.model import Device, Reading, Space
from simulators import loads
from simulators.cars import CarPark
from simulators.curves import DAY, Curve
from simulators.plan import ENTRANCES, FLATS, FLOORS, HOUSES, METERED, OWN_BAYS, SHARED_BAYS, SOLAR, Plan, Thing
from simulators.wearers import Wearer

Truth = dict[str, float]
"""Quantity to value in its canonical unit. A key with ``#`` belongs to one phase (``…total#l1``); one that begins with
``~`` is something only the vendor's format asks for (energy so far today)."""

PHASES = ("l1", "l2", "l3")
KWH = 3.6e6  # joules
PAST = ("main", "pv", "meter", "stairs", "plug", "charger", "water", "gas", "bay")


class World:
    """The community. ``zone`` is an IANA name; the world runs on its standard time all year. ``devices`` asks for at least
    that many things."""

    def __init__(self, seed: int = 7, zone: str = "Asia/Shanghai", devices: int = 0) -> None:
        self.seed = seed
        self.zone = ZoneInfo(zone)
        winter = datetime(2024, 1, 1, tzinfo=self.zone).utcoffset()
        self.offset = winter.total_seconds() if winter else 0.0
        plan = Plan(seed, devices)
        self.spaces: list[Space] = plan.spaces
        self.things: list[Thing] = plan.things
        self.cars = CarPark(seed, OWN_BAYS, SHARED_BAYS)
        self._bays = {thing.id: bay for bay, thing in enumerate(thing for thing in self.things if thing.kind == "bay")}
        self._tell: dict[str, Callable[[Thing, float], Truth]] = {
            "main": self._main, "stairs": self._stairs, "pv": self._pv, "meter": self._meter, "plug": self._plug,
            "charger": self._charger, "water": self._volume, "gas": self._volume, "bay": self._bay, "smoke": self._smoke,
            "stairsmoke": self._stairsmoke, "co": self._co, "climate": self._climate, "contact": self._contact,
            "band": self._band, "sos": self._sos, "radar": self._radar,
        }  # fmt: skip
        self._parents = {space.id: space.parent for space in self.spaces}
        self._curve: Callable[[str], Curve] = cache(self._make_curve)
        self._wearer: Callable[[str], Wearer] = cache(lambda name: Wearer(seed, name))
        self._started: Callable[[str], float] = cache(lambda id: Random(f"{seed}/register/{id}").uniform(200, 6000))
        self._battery: Callable[[str], float] = cache(lambda id: float(Random(f"{seed}/battery/{id}").randint(61, 100)))

    def local(self, at: int) -> float:
        """Seconds of the community's standard time since 1970."""
        return at / 1000 + self.offset

    def truth(self, thing: Thing, at: int) -> Truth:
        return self._tell[thing.kind](thing, self.local(at))

    def inside(self, space: str, outer: str) -> bool:
        """Whether ``space`` is ``outer`` or lies in it."""
        while space and space != outer:
            space = self._parents.get(space, "")
        return space == outer

    # --- energy -------------------------------------------------------------------------------------------------------

    def _make_curve(self, name: str) -> Curve:
        what, _, where = name.partition(":")
        match what:
            case "flat":
                return loads.household(self.seed, where, people=Random(f"{self.seed}/people/{where}").choice((1, 2, 2, 3, 4)))
            case "stairs":
                return loads.stairs(self.seed, where)
            case "sun":
                return loads.solar(self.seed, self.offset)
            case "fridge":
                return loads.cycling(self.seed, where, watts=110.0, every=45, share=0.35)
            case "charger":
                return self.cars.charger(int(where))
            case "gas":
                return loads.tap(self.seed, name, litres_a_day=900)
            case _:
                return loads.tap(self.seed, name, litres_a_day=320)

    def _flat(self, space: str) -> Curve:
        """A flat's curve. Houses beyond the demo's own live like one of its metered flats, to be cheap by the thousand."""
        house = int(space.split("-")[0])
        if house > HOUSES:
            types = HOUSES * ENTRANCES * len(METERED)
            number = Random(f"{self.seed}/{space}").randrange(types)
            floor, flat = METERED[number % len(METERED)]
            space = f"{number % HOUSES + 1}-{number % ENTRANCES + 1}-{floor}{flat:02d}"
        return self._curve(f"flat:{space}")

    @cache  # noqa: B019  one world lives as long as its process
    def _phases(self, house: str) -> tuple[tuple[Curve, ...], ...]:
        """What hangs on each phase of a house's supply: every flat, metered or not, and the stairs."""
        flats = [
            f"{house}-{entrance}-{floor}{flat:02d}"
            for entrance in range(1, ENTRANCES + 1)
            for floor in range(1, FLOORS + 1)
            for flat in range(1, FLATS + 1)
        ]
        return tuple(
            (*(self._flat(flat) for flat in flats[phase::3]), self._curve(f"stairs:{house}/{phase}")) for phase in range(3)
        )

    def _three(self, thing: Thing, at: float, phases: tuple[tuple[Curve, ...], ...]) -> Truth:
        truth: Truth = {"power.active": 0.0, "energy.active.import.total": 0.0, "~today": 0.0, "~yesterday": 0.0}
        midnight = at // DAY * DAY
        for phase, curves in zip(PHASES, phases, strict=True):
            power = sum(curve.level(at) for curve in curves)
            energy = sum(curve.integral(at) for curve in curves) / KWH + self._started(f"{thing.id}/{phase}")
            volts = self._volts(phase, at)
            truth[f"power.active.{phase}"] = power
            truth[f"voltage.{phase}"] = volts
            truth[f"current.{phase}"] = power / volts
            truth[f"energy.active.import.total#{phase}"] = energy
            truth["power.active"] += power
            truth["energy.active.import.total"] += energy
            truth["~today"] += sum(curve.today(at) for curve in curves) / KWH
            truth["~yesterday"] += sum(curve.today(midnight - 1e-3) for curve in curves) / KWH
        return truth

    def _main(self, thing: Thing, at: float) -> Truth:
        return self._three(thing, at, self._phases(thing.space)) | {"energy.active.export.total": 0.0}

    def _stairs(self, thing: Thing, at: float) -> Truth:
        return self._three(thing, at, tuple((curves[-1],) for curves in self._phases(thing.space)))

    def _pv(self, thing: Thing, at: float) -> Truth:
        """A roof feeds in: power is negative, the exported register grows."""
        peak = SOLAR[int(thing.space.split("-")[0])]
        sun = self._curve("sun:")
        power = sun.level(at) * peak
        truth: Truth = {"power.active": 0.0 - power, "energy.active.export.total": 0.0, "energy.active.import.total": 0.0}
        for phase in PHASES:
            volts = self._volts(phase, at)
            exported = sun.integral(at) * peak / 3 / KWH
            truth[f"power.active.{phase}"] = 0.0 - power / 3
            truth[f"voltage.{phase}"] = volts
            truth[f"current.{phase}"] = power / 3 / volts
            truth[f"energy.active.import.total#{phase}"] = 0.0
            truth[f"energy.active.export.total#{phase}"] = exported
            truth["energy.active.export.total"] += exported
        return truth

    def _metered(self, thing: Thing, at: float, curve: Curve) -> Truth:
        power, volts = curve.level(at), self._volts(thing.id, at)
        return {
            "power.active": power,
            "voltage": volts,
            "current": power / volts,
            "energy.active.import.total": self._started(thing.id) + curve.integral(at) / KWH,
            "~today": curve.today(at) / KWH,
            "~yesterday": curve.today(at // DAY * DAY - 1e-3) / KWH,
        }

    def _meter(self, thing: Thing, at: float) -> Truth:
        return self._metered(thing, at, self._flat(thing.space))

    def _plug(self, thing: Thing, at: float) -> Truth:
        return self._metered(thing, at, self._curve(f"fridge:{thing.space}")) | {"switch.on": 1.0}

    def _charger(self, thing: Thing, at: float) -> Truth:
        bay = next(self._bays[other.id] for other in self.things if other.kind == "bay" and other.space == thing.space)
        return self._metered(thing, at, self._curve(f"charger:{bay}")) | {"switch.on": 1.0}

    def _volume(self, thing: Thing, at: float) -> Truth:
        litres = self._curve(f"{thing.kind}:{thing.space}").integral(at)
        return {f"{thing.kind}.volume.total": self._started(thing.id) / 10 + litres / 1000}

    def _volts(self, where: str, at: float) -> float:
        phase = Random(where).uniform(0, 2 * pi)
        return 229.5 + 2.2 * sin(at / 611 + phase) + 0.4 * sin(at / 23 + 2 * phase)

    # --- parking, fire, care ------------------------------------------------------------------------------------------

    def _bay(self, thing: Thing, at: float) -> Truth:
        occupied = self._bays[thing.id] in self.cars.standing(at)
        return {"parking.occupied": float(occupied), "device.temperature": round(loads.outdoors(self.seed, at))}

    def _indoors(self, space: str, at: float) -> float:
        liked = Random(f"{self.seed}/warmth/{space}").uniform(20.5, 24.0)
        return liked + 0.12 * (loads.outdoors(self.seed, at) - 17) + 0.15 * sin(at / 300)

    def _cell(self, thing: Thing) -> Truth:
        return {"device.battery": self._battery(thing.id), "device.battery.low": 0.0}

    def _smoke(self, thing: Thing, at: float) -> Truth:
        still = {"fire.smoke": 0.0, "fire.fault": 0.0, "fire.test": 0.0}
        return {**still, "air.temperature": self._indoors(thing.space, at), **self._cell(thing)}

    def _stairsmoke(self, thing: Thing, at: float) -> Truth:
        return {"fire.smoke": 0.0, "fire.fault": 0.0, "fire.test": 0.0, **self._cell(thing)}

    def _co(self, thing: Thing, at: float) -> Truth:
        return {"fire.co": 0.0, **self._cell(thing)}

    def _climate(self, thing: Thing, at: float) -> Truth:
        humidity = 52 + 8 * cos(2 * pi * at / DAY) + 2 * sin(at / 900)
        battery = self._battery(thing.id)
        return {"air.temperature": self._indoors(thing.space, at), "air.humidity": humidity, "device.battery": battery}

    def _contact(self, thing: Thing, at: float) -> Truth:
        door = self._curve(f"door:{thing.space}")  # the tap's draws serve as the door's openings
        return {"door.open": float(door.level(at) > 0), **self._cell(thing)}

    def _band(self, thing: Thing, at: float) -> Truth:
        wearer = self._wearer(thing.id)
        return {"health.heart_rate": float(wearer.heart_rate(at)), "health.steps.total": float(wearer.steps(at))}

    def _sos(self, thing: Thing, at: float) -> Truth:
        return {"safety.sos": 0.0, "device.battery": self._battery(thing.id)}

    def _radar(self, thing: Thing, at: float) -> Truth:
        return {"safety.fall": 0.0, "motion": float(6 < at % DAY / 3600 < 22)}


def registry(seed: int = 7, zone: str = "Asia/Shanghai", devices: int = 0) -> tuple[list[Space], list[Device]]:
    """The places, and the devices that a person has registered; three more will turn up by themselves."""
    world = World(seed, zone, devices)
    return world.spaces, [
        Device(
            id=thing.id,
            name=thing.name,
            # What a roof makes goes to the grid on a line of its own, beside the house's main meter.
            space=world.spaces[0].id if thing.kind == "pv" else thing.space,
            vendor=thing.vendor,
            model=thing.model,
            accepted=True,
            interval=thing.interval,
            # else what flats use would be counted twice, and what a roof feeds in would come from nowhere
            tags={"main": ("main",), "pv": ("pv_feed_in",)}.get(thing.kind, ()),
        )
        for thing in world.things
        if thing.registered
    ]


def history(world: World, start: int, end: int, step: int) -> Iterator[Reading]:
    """What the registered meters and bays would have told every ``step`` ms in ``start <= time < end``, in order of time;
    the same curves that the live simulator goes on with. Simulated, like everything here: nothing was measured."""
    things = [thing for thing in world.things if thing.registered and thing.kind in PAST]
    for at in range(start, end, step):
        for thing in things:
            for quantity, value in world.truth(thing, at).items():
                if quantity[0] != "~" and "#" not in quantity and quantity.startswith(_KEPT):
                    channel = _CHANNELS.get(thing.voice, "")
                    yield Reading(device=thing.id, quantity=quantity, value=round(value, 3), time=at, channel=channel)


_CHANNELS = {"shelly": "0"}  # a Shelly's component number, as its live readings carry it
_KEPT = ("power.active", "energy.", "water.", "gas.", "parking.")
