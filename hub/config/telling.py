"""How people are told: [telling], [[duty]], [[swap]], [[escalation]] and [[inhibit]]."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hub.calendar import Calendar
from hub.config.reader import Reader
from hub.config.words import nearest
from hub.during import During
from hub.model import Person, Severity
from hub.ports import Duration, Settings
from hub.telling import escalation, inhibition
from hub.telling.duty import Rota, Shift, Swap
from hub.telling.escalation import DUTY, EVERYBODY, KEEPER, TEAM, Ladder, Ladders, Step
from hub.telling.flapping import Limits
from hub.telling.inhibition import Inhibit
from hub.telling.matching import Matcher
from hub.telling.voice import Plan

LISTS = ("duty", "swap", "escalation", "inhibit")
AHEAD = 14
"""Days for which the rota is looked at for holes, from today."""
HOLES = 3

Team = Annotated[str, Field(pattern=r"^[^\s:,]{1,60}$")]


def _day(given: str) -> str:
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        raise ValueError(f'"{given}" is no day: write it like "2026-10-01"') from None


class TellingSection(Settings):
    critical_updates: Duration = Field(
        5_000, description="more critical alerts of an incident are told once in this time", ge=1000
    )
    updates: Duration = Field(60_000, description="the same for all others", ge=1000)
    flaps_after: int = Field(3, description="raised so often is flapping: held back, unless critical; 0 never", ge=0, le=100)
    flaps_within: Duration = Field(600_000, description="within this time", ge=1000)
    calm_after: Duration = Field(600_000, description="it is calm again after so long without another", ge=1000)


class DutySection(Settings):
    person: str = Field(description="the id of a [[person]]")
    team: Team = Field("duty", description="a rota of its own; steps tell it as team:NAME")
    during: During = Field(During.model_validate({}), description="days, hours and holidays, as in a rule")


class SwapSection(Settings):
    day: Annotated[str, AfterValidator(_day)] = Field(description="the day on which the shift begins, like 2026-10-01")
    person: str = Field(description="who takes it")
    instead_of: str = Field(description="whose shift it was")
    team: Team | Literal[""] = Field("", description="only in this team; all if left out")


class StepSection(Settings):
    after: Duration = Field(0, description="counted from the first notice; left out: at once")
    tell: tuple[str, ...] = Field(description='people\'s ids, "keeper", "duty", "team:NAME" or "everybody"', min_length=1)


class EscalationSection(Settings):
    severity: Literal["info", "warning", "critical"] = Field("critical", description="of the alerts that climb this ladder")
    steps: tuple[StepSection, ...] = Field(description="who is told when, the first at once", min_length=1, max_length=20)
    repeat: Duration | None = Field(
        None,
        description="when all who were told are told again; left out: critical every 5 min, others never",
        ge=10_000,
    )
    accepted_within: Duration | None = Field(
        None,
        description="a person reached by nothing until then: the next step at once; critical 1min if left out",
        ge=1000,
    )


class MatcherSection(Settings):
    rule: str = Field("*", description="glob over rules")
    device: str = Field("*", description="glob over devices")
    space: str = Field("*", description="glob over spaces; what lies inside one belongs to it")
    quantity: str = Field("*", description='glob over quantities; "" is an alert that nothing is heard of a device')
    severity: Literal["", "info", "warning", "critical"] = Field("", description="only this one")


class InhibitSection(Settings):
    cause: MatcherSection = Field(description="the alerts that explain others")
    explains: MatcherSection = Field(description="the alerts that need not be told while a cause is firing; never critical ones")
    tags: tuple[str, ...] = Field((), description="only causes of devices with one of these tags")
    within: Literal["space", "building", "community"] = Field("space", description="how far it explains: inside the cause's own")
    grace: Duration = Field(30_000, description="after the cause's end; what is firing then is told", ge=0)


def read(reader: Reader, calendar: Calendar) -> Plan:
    """The plan, as far as it can be read; what is wrong is told to the reader."""
    telling = reader.table("telling", TellingSection) or TellingSection.model_validate({})
    duty = reader.each("duty", DutySection)
    swaps = reader.each("swap", SwapSection)
    teams = {item.get("team", "duty") for _, item in reader.items("duty")}
    _people(reader)
    shifts = [Shift(one.person, one.team, one.during) for one in duty]
    rota = Rota(calendar, shifts, [Swap(one.day, one.person, one.instead_of, one.team, "gengfu.toml") for one in swaps])
    return Plan(
        rota,
        _ladders(reader, teams),
        (*inhibition.DEFAULTS, *(_inhibit(index, one) for index, one in reader.numbered("inhibit", InhibitSection))),
        Limits(telling.flaps_after, telling.flaps_within / 1000, telling.calm_after / 1000),
        telling.critical_updates / 1000,
        telling.updates / 1000,
    )


def _inhibit(index: int, section: InhibitSection) -> Inhibit:
    cause, explains = Matcher(**section.cause.model_dump()), Matcher(**section.explains.model_dump())
    return Inhibit(f"inhibit {index + 1}", cause, explains, section.tags, False, section.within, section.grace / 1000)


def _ladders(reader: Reader, teams: set[object]) -> Ladders:
    ladders: Ladders = dict(escalation.DEFAULTS_WITH_ROTA if teams else escalation.DEFAULTS)
    first: dict[Severity, int] = {}
    for index, section in reader.numbered("escalation", EscalationSection):
        at, key = ("escalation", index), f"escalation {section.severity}"
        if section.severity in first:
            line = reader.document.lines.get(("escalation", first[section.severity]))
            reader.wrong(at, key, f"there is a ladder for {section.severity} already, on line {line}: keep one")
        first.setdefault(section.severity, index)
        for number, step in enumerate(section.steps):
            before = section.steps[number - 1].after if number else 0
            if not number and step.after:
                reader.wrong((*at, "steps", 0, "after"), key, "the first step is told at once: leave its after out")
            elif step.after < before:
                reader.wrong(
                    (*at, "steps", number, "after"), key, f"step {number + 1} comes before the one above it: put it first"
                )
            for target in step.tell:
                _target(reader, (*at, "steps", number, "tell"), key, target, teams)
        critical = section.severity == "critical"
        repeat = section.repeat if section.repeat is not None else (300_000 if critical else None)
        within = section.accepted_within if section.accepted_within is not None else (60_000 if critical else None)
        ladders[section.severity] = Ladder(
            tuple(Step(step.after / 1000, step.tell) for step in section.steps), _seconds(repeat), _seconds(within)
        )
    return ladders


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _target(reader: Reader, at: tuple[str | int, ...], key: str, target: str, teams: set[object]) -> None:
    people = _ids(reader)
    known = [EVERYBODY, KEEPER, DUTY, *(f"{TEAM}{team}" for team in sorted(map(str, teams))), *people]
    if target == DUTY and not teams:
        reader.wrong(at, key, '"duty" is whoever is on duty, and there is no [[duty]]: write one')
    elif target not in known:
        what = "a team without [[duty]]" if target.startswith(TEAM) else "no [[person]]"
        reader.wrong(at, key, f'"{target}" is {what}{nearest(target, known) or "; there are " + ", ".join(known)}')


def _people(reader: Reader) -> None:
    people = _ids(reader)
    for name, keys in (("duty", ("person",)), ("swap", ("person", "instead_of"))):
        for index, item in reader.items(name):
            for key in keys:
                who = item.get(key)
                if isinstance(who, str) and who not in people:
                    hint = nearest(who, people) or "; write one with that id"
                    reader.wrong((name, index, key), f"{name} {index + 1}", f'"{who}" is no [[person]]{hint}')


def _ids(reader: Reader) -> list[str]:
    return [item["id"] for _, item in reader.items("person") if isinstance(item.get("id"), str)]


def notes(plan: Plan, people: tuple[Person, ...], notifiers: set[str], today: date) -> Iterator[str]:
    """What is not wrong, but leaves people untold: hours without anybody on duty, people whom nothing reaches."""
    targets = {target for ladder in plan.ladders.values() for step in ladder.steps for target in step.tell}
    for team in plan.rota.teams:
        if DUTY not in targets and f"{TEAM}{team}" not in targets and EVERYBODY not in targets:
            yield f'duty: no step of a ladder tells the team "{team}"'
        holes = plan.rota.holes(team, today, AHEAD)
        shown = [f"{begin:%a %Y-%m-%d %H:%M} to {end:%a %H:%M}" for begin, end in holes[:HOLES]]
        if holes:
            more = f" and {len(holes) - HOLES} more" if len(holes) > HOLES else ""
            yield f'duty: nobody of "{team}" is on duty {", ".join(shown)}{more} in the next {AHEAD} days'
    if KEEPER in targets and not any(person.spaces for person in people):
        yield 'escalation: "keeper" is told, and no [[person]] has spaces: the ladder begins with its next step'
    on_duty = {shift.person for shift in plan.rota.shifts} | {swap.person for swap in plan.rota.swaps}
    for person in people:
        if (person.id in on_duty or person.id in targets) and not notifiers.intersection(person.tell):
            yield f"person {person.id}: they are on a ladder or on duty, and no [[notifier]] reaches them"
