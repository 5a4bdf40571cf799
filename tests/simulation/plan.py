"""What will happen, made from the seed before anything does: devices with their true history, people, faults.

All moments are seconds from the beginning of the run; a device's own clock is right and reads ``BASE`` at 0.
"""

from random import Random
from typing import Any, Literal

import msgspec
from msgspec import Struct

BASE = 1_791_169_445_000  # 2026-10-05T03:04:05Z
HOLD = 20.0
"""Seconds for which rule "level-high" must hold."""

Kind = Literal["smoke", "plain", "zig", "level", "care"]

QUANTITY: dict[Kind, str] = {
    "smoke": "fire.smoke", "plain": "fire.smoke", "zig": "fire.smoke", "level": "bench.level", "care": "safety.sos",
}  # fmt: skip

NAME: dict[Kind, str] = {"smoke": "smoke", "plain": "smoke", "zig": "smoke", "level": "level", "care": "sos"}
"""What stands in the payload."""


class Measure(Struct):
    """What a device measured: ``breach`` by the rule that watches it. ``time`` is its own, ms; None where it has no clock."""

    moment: float
    time: int | None
    value: float
    breach: bool


class Maker(Struct):
    """One device. ``smoke`` and ``plain`` speak on the fire lane, ``zig`` and ``care`` on the other one until the hub has
    learned their topics; ``plain`` and ``zig`` have no clock. ``orderly``: sends nothing late, twice or contradicting."""

    kind: Kind
    name: str
    qos: int = 1
    measures: list[Measure] = []

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def topic(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def timed(self) -> bool:
        return self.kind not in ("plain", "zig")

    def payload(self, measure: Measure) -> bytes:
        said: dict[str, Any] = {} if measure.time is None else {"ts": measure.time}
        if self.kind == "level":
            said |= {"level": measure.value, "power": round(measure.moment % 50, 3)}
        elif self.kind == "care":
            said |= {"hr": 70} | ({"sos": 1} if measure.breach else {})
        else:
            said["smoke"] = measure.breach
            if measure.time is not None:
                said["id"] = measure.time  # wants a receipt
        return msgspec.json.encode(said)


class Action(Struct):
    """Something that happens at a moment. ``what`` is a method of the world."""

    moment: float
    what: str
    args: tuple[Any, ...] = ()


class Plan(Struct):
    makers: list[Maker]
    actions: list[Action]
    ends: float
    """Nothing but what follows from what has happened comes after this."""
    small: bool
    """Queues are made so small that they overflow."""
    jumps: bool
    """The hub's wall clock is put forward and back, by less than a minute or, ``wild``, by hours."""
    wild: bool
    window: int
    """Messages the broker sends without a confirmation."""


def make(seed: int) -> Plan:
    random = Random(f"plan {seed}")
    ends = random.uniform(60, 150)
    makers, actions = [], []
    for number in range(random.randint(3, 8)):
        kind: Kind = random.choice(("smoke", "smoke", "plain", "zig", "level", "level", "care"))
        maker = Maker(kind, str(number), qos=0 if kind == "level" and random.random() < 0.2 else 1)
        maker.measures = _history(maker, ends, random)
        makers.append(maker)
        actions += _sendings(maker, ends, random)
    jumps, wild = random.random() < 0.3, random.random() < 0.3
    people = _people(ends, random)
    actions += _faults([action.moment for action in actions], [action.moment for action in people], ends, random)
    if jumps:
        furthest = 3 * 3_600_000 if wild else 50_000
        for _ in range(random.randint(1, 3)):
            actions.append(Action(random.uniform(0, ends), "jump", (random.randint(-furthest, furthest),)))
    actions += people
    actions += _notifiers(ends, random)
    actions.sort(key=lambda action: action.moment)
    return Plan(makers, actions, ends, random.random() < 0.25, jumps, jumps and wild, random.choice((2, 5, 20, 20, 20, 60)))


def _history(maker: Maker, ends: float, random: Random) -> list[Measure]:
    """Regular reports, with stretches of breach; sometimes the device dies, and it may do so while it is burning."""
    period = random.choice((0.5, 2, 4, 7))
    dies = ends if random.random() < 0.6 else random.uniform(ends / 3, ends)
    measures: list[Measure] = []
    moment, breach = random.uniform(0, period), False
    changes = random.uniform(0.05, 0.5)
    while moment < dies and len(measures) < 60:
        breach = random.random() < 0.1 if maker.kind == "care" else (not breach if random.random() < changes else breach)
        value = random.uniform(501, 999) if breach else random.uniform(0, 500)
        time = BASE + round(moment * 1000) if maker.timed else None
        measures.append(Measure(moment, time, round(value, 2) if maker.kind == "level" else float(breach), breach))
        moment += period * random.uniform(0.8, 1.2)
        if random.random() < 0.05:
            moment += random.uniform(0, 40)  # out of reach
        if random.random() < 0.1:
            moment = max(measures[-1].moment + 0.002, moment - period)  # what it sees at once it reports at once
    return measures


def _sendings(maker: Maker, ends: float, random: Random) -> list[Action]:
    """When each measure is sent: at once; after a stretch without a network, in order; late and out of order; again."""
    tidy = random.random() < 0.5 or not maker.timed
    off, on = (sorted(random.uniform(0, ends) for _ in range(2))) if random.random() < 0.3 and maker.timed else (ends, ends)
    actions = []
    for index, measure in enumerate(maker.measures):
        moment = measure.moment + random.uniform(0.0005, 0.001)
        if off < moment < on:
            moment = on + index * 1e-4
        if not tidy and random.random() < 0.1:
            moment += random.uniform(0, 30)
        actions.append(Action(moment, "send", (maker, measure)))
        while maker.timed and random.random() < 0.08:
            actions.append(Action(moment + random.uniform(0.0001, 10), "send", (maker, measure)))
        if not tidy and random.random() < 0.03:
            other = Measure(measure.moment, measure.time, round(measure.value / 3, 2), measure.breach and maker.kind != "level")
            actions.append(Action(moment + random.uniform(0.001, 20), "send", (maker, other)))
        if random.random() < 0.01:
            actions.append(Action(moment + 0.1, "garble", (maker,)))
    return actions


def _faults(sent: list[float], decided: list[float], ends: float, random: Random) -> list[Action]:
    actions = []
    for _ in range(random.randint(1, 4)):  # most often just as something is under way
        what = random.random()
        if what < 0.65:
            moment = random.choice(sent) + random.uniform(0, 0.02)
        elif what < 0.85 and decided:
            moment = random.choice(decided) + random.uniform(0, 0.004)
        else:
            moment = random.uniform(0, ends)
        actions.append(Action(moment, "crash", (random.choice(("kill", "kill", "power", "fault", "stop")),)))
    for _ in range(random.randint(0, 4)):
        actions.append(Action(random.choice(sent) + random.uniform(0, 0.02), "reconnect", (random.choice(("fire", "rest")),)))
    for _ in range(random.randint(0, 2)):
        begins = random.uniform(0, ends)
        actions.append(Action(begins, "slow_disk", (random.choice((0.02, 0.2, 0.8)),)))
        actions.append(Action(begins + random.uniform(1, 20), "slow_disk", (0.0,)))
        actions.append(Action(begins + random.uniform(0, 2), "crash", (random.choice(("kill", "power")),)))
    if random.random() < 0.2:
        actions.append(Action(random.uniform(0, ends), "flood", (random.randint(50, 400),)))
    if random.random() < 0.3:
        actions.append(Action(random.uniform(0, ends), "seal"))
    return actions


def _people(ends: float, random: Random) -> list[Action]:
    """``at random`` among the open alerts of that moment."""
    return [
        Action(random.uniform(0, ends + 5), random.choice(("acknowledge", "acknowledge", "resolve")), (random.random(),))
        for _ in range(random.randint(0, 8))
    ]


def _notifiers(ends: float, random: Random) -> list[Action]:
    actions = []
    for _ in range(random.randint(0, 4)):
        begins = random.uniform(0, ends)
        mood = random.choice(("refuses", "hangs", "raises", "late", "answers_wrongly"))
        actions.append(Action(begins, "mood", ("desk", mood)))
        actions.append(Action(begins + random.uniform(1, 40), "mood", ("desk", "good")))
    return actions
