"""The seeded community: same seed, same world; registers that are the integral of the power and never fall."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from hub.quantities import Vocabulary
from simulators import loads
from simulators.building import KWH, World, history, registry
from simulators.cars import CarPark
from simulators.curves import DAY, INSTALLED, MONTH, Curve, Day

NOON = int(datetime(2026, 3, 5, 4, tzinfo=UTC).timestamp()) * 1000  # 12:00 in Shanghai, a Thursday
HOUR = 3_600_000
REGISTERS = ("energy.", "water.", "gas.")


@pytest.fixture(scope="module")
def world() -> World:
    return World(7)


def test_the_same_seed_is_the_same_world() -> None:
    one, again, other = World(7), World(7), World(8)
    assert one.things == again.things
    assert one.spaces == again.spaces
    for mine, same in zip(one.things, again.things, strict=True):
        assert one.truth(mine, NOON) == again.truth(same, NOON)
    assert {thing.id for thing in one.things} != {thing.id for thing in other.things}


def test_it_does_not_matter_in_what_order_one_asks(world: World) -> None:
    """A restarted simulator asks for a moment only; one that ran has asked for every moment before."""
    ran = World(7)
    for hour in range(48):
        for thing in ran.things:
            ran.truth(thing, NOON + hour * HOUR)
    later = NOON + 49 * HOUR
    assert [ran.truth(thing, later) for thing in ran.things] == [World(7).truth(thing, later) for thing in world.things]


def test_at_least_sixty_devices_of_four_domains(world: World) -> None:
    vocabulary = Vocabulary()
    domains: Counter[str] = Counter()
    for thing in world.things:
        told = {
            vocabulary.domain(quantity) for quantity in world.truth(thing, NOON) if "#" not in quantity and quantity[0] != "~"
        }
        domains.update(told)
    assert len(world.things) >= 60
    assert len({thing.id for thing in world.things}) == len(world.things)
    assert all(domains[domain] >= 10 for domain in ("energy", "parking", "fire", "health"))


def test_every_quantity_is_in_the_vocabulary_and_plausible(world: World) -> None:
    vocabulary = Vocabulary()
    for thing in world.things:
        for name, value in world.truth(thing, NOON).items():
            if name[0] != "~":
                quantity = vocabulary[name.partition("#")[0]]
                assert quantity.low <= value <= quantity.high, (thing, name, value)


def test_registers_never_fall(world: World) -> None:
    times = [NOON - 40 * 24 * HOUR, *range(NOON - 26 * HOUR, NOON + 2 * HOUR, 7 * 60_000), NOON + 300 * 24 * HOUR]
    for thing in world.things:
        told = [world.truth(thing, at) for at in times]
        for name in told[0]:
            if name.startswith(REGISTERS):
                values = [truth[name] for truth in told]
                assert all(earlier <= later for earlier, later in pairwise(values)), (thing, name)
                assert values[0] < values[-1] or "import" in name or thing.kind == "main"  # a house feeds nothing in


@pytest.mark.parametrize("kind", ["meter", "stairs", "main", "plug", "charger", "pv"])
def test_energy_is_the_integral_of_power(world: World, kind: str) -> None:
    """Sampled each second over 40 minutes: the trapezoids' sum is the register's step. Blocks start between two samples,
    so each of the few edges may cost one sample of its height."""
    thing = next(thing for thing in world.things if thing.kind == kind)
    start, seconds = NOON + 6 * HOUR, 2400
    powers = [world.truth(thing, start + second * 1000)["power.active"] for second in range(seconds + 1)]
    joules = sum((left + right) / 2 for left, right in pairwise(powers))
    register = "energy.active.export.total" if kind == "pv" else "energy.active.import.total"
    step = world.truth(thing, start + seconds * 1000)[register] - world.truth(thing, start)[register]
    sign = -1 if kind == "pv" else 1
    assert step == pytest.approx(sign * joules / KWH, rel=2e-3, abs=1e-6)


def test_a_day_by_arithmetic() -> None:
    """100 W all day with 1 kW from 08:00 to 09:30: 2.4 kWh and 1.5 kWh. The ripple adds nothing over whole waves."""
    curve = Curve(lambda day: Day([100.0] * 25, [(8 * 3600, 9.5 * 3600, 1000.0)]), ripple=20.0, wave=96.0)
    midnight = (INSTALLED + 3 * MONTH + 5) * DAY
    assert (curve.integral(midnight + DAY) - curve.integral(midnight)) / KWH == pytest.approx(3.9)
    assert curve.today(midnight + 9 * 3600 + 1e-9) / KWH == pytest.approx(0.9 + 1.0, abs=1e-3)
    assert curve.level(midnight + 24) == pytest.approx(100)  # a quarter of the wave: cos is 0
    assert curve.level(midnight + 8.5 * 3600) == pytest.approx(1100)  # 30,600 s is 318.75 waves
    assert curve.integral(INSTALLED * DAY) == 0
    assert curve.today(midnight + 24) == pytest.approx(2400 + 20 * 96 / 6.2832, abs=0.01)  # a quarter of the wave, upwards
    assert curve.level(midnight) == pytest.approx(120)


def test_a_ripple_that_does_not_fit_the_day_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of times"):
        Curve(lambda day: Day([1.0, 1.0]), wave=97.0)


def test_the_house_uses_what_its_flats_use(world: World) -> None:
    main = next(thing for thing in world.things if thing.kind == "main" and thing.space == "3")
    metered = [thing for thing in world.things if thing.kind == "meter" and thing.space.startswith("3-")]
    assert len(metered) == 6
    assert world.truth(main, NOON)["power.active"] > sum(world.truth(thing, NOON)["power.active"] for thing in metered)


def test_no_sun_at_night() -> None:
    sun = loads.solar(7, 8 * 3600)
    for at in range((INSTALLED + 400) * DAY, (INSTALLED + 403) * DAY, 120):
        if loads.elevation(at - 8 * 3600) < -2:
            assert sun.level(at) == 0, at
        if loads.elevation(at - 8 * 3600) > 5:
            assert 0 < sun.level(at) < 1000


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime(2026, 6, 21, 4, tzinfo=UTC), 90 - 30.27 + 23.44),  # solstice, culmination about 12:00 local mean time
        (datetime(2026, 12, 21, 4, tzinfo=UTC), 90 - 30.27 - 23.44),
        (datetime(2026, 3, 20, 22, tzinfo=UTC), 0.0),  # equinox, sunrise at six
    ],
)
def test_the_sun_stands_where_the_almanac_says(when: datetime, expected: float) -> None:
    assert loads.elevation(when.timestamp()) == pytest.approx(expected, abs=1.0)


def test_bays_conserve_cars() -> None:
    """No bay holds two cars, no car stands in two bays, and what has come and not gone is what stands there."""
    park = CarPark(7, own=10, shared=10)
    for day in range(INSTALLED + MONTH, INSTALLED + MONTH + 7):
        stays = park.stays(day)
        assert all(stay.arrives < stay.leaves <= DAY for stay in stays)
        for second in range(0, DAY, 600):
            now = [stay for stay in stays if stay.arrives <= second < stay.leaves]
            assert len({stay.bay for stay in now}) == len(now) == len({stay.car for stay in now})
            assert park.standing(day * DAY + second) == {stay.bay: stay.car for stay in now}
            come = sum(stay.arrives <= second for stay in stays)
            gone = sum(stay.leaves <= second for stay in stays)
            assert come - gone == len(now)
        at_night = park.standing(day * DAY)
        assert {car for car in at_night.values() if car.startswith("resident")} == set(at_night.values())


def test_a_car_charges_only_where_it_stands() -> None:
    park = CarPark(7, own=10, shared=10)
    charger = park.charger(0)
    charged = 0
    for second in range((INSTALLED + 30) * DAY, (INSTALLED + 37) * DAY, 60):
        if charger.level(second) > 100:
            charged += 1
            assert 0 in park.standing(second)
    assert charged > 60


def test_steps_begin_again_at_midnight_and_only_then(world: World) -> None:
    band = next(thing for thing in world.things if thing.kind == "band")
    midnight = NOON + 12 * HOUR
    assert world.truth(band, midnight - 1000)["health.steps.total"] > 500
    assert world.truth(band, midnight)["health.steps.total"] == 0
    day = [world.truth(band, at)["health.steps.total"] for at in range(midnight, midnight + 24 * HOUR, 600_000)]
    assert day == sorted(day)


def test_the_registry_knows_all_but_three_strangers(world: World) -> None:
    spaces, devices = registry(7)
    known = {device.id for device in devices}
    assert len(world.things) - len(known) == 3
    names = {space.id: space for space in spaces}
    kitchen = names["3-2-502-kitchen"]
    assert (kitchen.name, kitchen.name_en) == ("3幢2单元502 厨房", "Building 3, entrance 2, flat 502, kitchen")
    for space in spaces:
        assert space.name and space.name_en
        assert not space.parent or space.parent in names
    for device in devices:
        assert device.accepted and device.name and device.space in names
    assert any("<b>" in device.name for device in devices)
    assert {device.space for device in devices if "main" in device.tags} == {"1", "2", "3", "4"}, "else flats count twice"
    assert {device.tags for device in devices if device.name.endswith("屋顶光伏")} == {("pv_feed_in",)}
    assert {device.space for device in devices if device.name.endswith("屋顶光伏")} == {"yunqi"}, "not behind a main meter"


def test_history_joins_the_live_curve(world: World) -> None:
    readings = list(history(world, NOON - 2 * HOUR, NOON, 30 * 60_000))
    assert [reading.time for reading in readings] == sorted(reading.time or 0 for reading in readings)
    assert {reading.time for reading in readings} == set(range(NOON - 2 * HOUR, NOON, 30 * 60_000))
    registered = {thing.id: thing for thing in world.things if thing.registered}
    vocabulary = Vocabulary()
    for reading in readings:
        assert vocabulary[reading.quantity].name == reading.quantity
        now = world.truth(registered[reading.device], NOON)[reading.quantity]
        if reading.quantity.startswith(REGISTERS):
            assert reading.value <= now + 1e-3
    assert {vocabulary.domain(reading.quantity) for reading in readings} == {"energy", "parking"}


def test_a_thousand_devices_when_asked() -> None:
    world = World(7, devices=1000)
    assert 1000 <= len(world.things) < 1010
    assert len({thing.id for thing in world.things}) == len(world.things)
    assert len({(thing.voice, thing.address) for thing in world.things}) == len(world.things)
    assert world.things[:100] == World(7).things[:100]
