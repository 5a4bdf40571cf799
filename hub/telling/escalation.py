"""The ladder an alert climbs until somebody acknowledges it: who is told at once, who after how long, how often again."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from msgspec import Struct

from hub.model import Person, Severity
from hub.telling.duty import Rota

EVERYBODY = "everybody"
KEEPER = "keeper"
"""Whoever looks after a space the alert lies in (管家)."""
TEAM = "team:"
DUTY = "duty"
"""Whoever is on duty, in any team."""


class Step(Struct, frozen=True):
    """``after``: seconds since the incident was first told at this severity. ``tell``: people's ids, "keeper", "duty",
    "team:NAME" or "everybody"."""

    after: float
    tell: tuple[str, ...] = (EVERYBODY,)


class Ladder(Struct, frozen=True):
    """``repeat``: seconds after which all who were told are told again, None never. ``accepted_within``: seconds within which
    some channel of each person must have taken the notice, else the next step is told at once; None: no matter."""

    steps: tuple[Step, ...] = (Step(0.0),)
    repeat: float | None = None
    accepted_within: float | None = None


PLAIN = Ladder()
CRITICAL = Ladder(repeat=300.0, accepted_within=60.0)
WITH_ROTA = Ladder((Step(0.0, (KEEPER,)), Step(120.0, (DUTY,)), Step(300.0, (EVERYBODY,))), repeat=300.0, accepted_within=60.0)
Ladders: TypeAlias = dict[Severity, Ladder]
DEFAULTS: Ladders = {"critical": CRITICAL}
DEFAULTS_WITH_ROTA: Ladders = {"critical": WITH_ROTA}


def ladder(ladders: Ladders, severity: Severity) -> Ladder:
    return ladders.get(severity, PLAIN)


def meant(targets: Sequence[str], people: Sequence[Person], spaces: Collection[str], rota: Rota, at: int) -> list[str]:
    """The ids of the people whom a step means at ``at`` ms, each once, in order. ``spaces``: all that the alert lies in."""
    found: dict[str, None] = {}
    for target in targets:
        for person in _meant(target, people, spaces, rota, at):
            found.setdefault(person)
    known = {person.id for person in people}
    return [id for id in found if id in known]


def _meant(target: str, people: Sequence[Person], spaces: Collection[str], rota: Rota, at: int) -> list[str]:
    special: dict[str, Callable[[], list[str]]] = {
        EVERYBODY: lambda: [person.id for person in people],
        KEEPER: lambda: [person.id for person in people if any(space in spaces for space in person.spaces)],
        DUTY: lambda: [id for team in rota.teams for id in rota.on_duty(team, at)],
    }
    if target in special:
        return special[target]()
    if target.startswith(TEAM):
        return rota.on_duty(target.removeprefix(TEAM), at)
    return [target]
