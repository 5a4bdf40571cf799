"""What a person asks before a rule goes live: how often would it have fired? Plain data in, plain data out."""

import gc
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from hub.calendar import Calendar
from hub.directory import Places
from hub.model import Device, Space
from hub.ports import Rule, Store
from hub.quantities import Vocabulary
from hub.records_ticks import Tick
from hub.replay.run import Progress, looked_at, run
from hub.replay.tally import Tallies
from hub.stores.arrivals import arrivals
from rules import build
from rules.engine import Engine

Table = dict[str, Any]
BEFORE = ".before"


class Question(Struct, frozen=True):
    """``rule`` and ``against`` are tables as in gengfu.toml, with their ``kind`` and ``id``; ``against``: what it would take the
    place of, or is compared with. ``start`` and ``end``: ms. ``devices`` and ``spaces`` as they are now: where things were is
    not kept. ``ticks``: what the records logged of that time."""

    rule: Table
    start: int
    end: int
    devices: tuple[Device, ...]
    spaces: tuple[Space, ...]
    vocabulary: Vocabulary
    calendar: Calendar
    against: Table | None = None
    ticks: tuple[Tick, ...] = ()


def table_of(rule: Rule) -> Table:
    """A rule as a table again, as it stands in gengfu.toml; durations are in ms."""
    return {"kind": rule.kind, **rule.settings.model_dump(mode="json", by_alias=True, exclude_unset=True)}


def made(table: Table, id: str) -> Rule:
    """The rule, switched on. Raises UnknownWord and ValidationError."""
    settings = {key: value for key, value in table.items() if key not in ("kind", "test")}
    return build(table["kind"], settings | {"id": id, "enabled": True})


def replay(store: Store, question: Question, progress: Callable[[Progress], None] = lambda _: None) -> dict[str, Any]:
    """Runs both rules through the past. For ``hub.queries``: ``await queries.ask(replay, question)``; ``progress`` is for
    whoever runs it in the same process.

    Gives ``from``, ``to`` (ms), ``readings``, ``series``, ``took`` (s), ``rule`` and ``against`` (None without one), each as
    ``hub.replay.tally.Tally.told`` says. Raises UnknownWord and pydantic's ValidationError for a wrong rule."""
    began = time.perf_counter()
    new = made(question.rule, question.rule["id"])
    rules = [new]
    if question.against is not None:
        rules.append(made(question.against, question.against["id"] + BEFORE))
    places = Places(question.spaces, question.devices)
    engine = Engine(rules, places, question.vocabulary, question.calendar)
    tallies = Tallies(engine, [rule.settings.id for rule in rules], question.start, question.end)
    wanted = looked_at(rules, store.series())
    spans = arrivals(store, wanted, question.start, question.end)
    frozen = gc.isenabled()
    gc.disable()  # readings hold no cycles; looking for some costs a third of the time
    try:
        readings = run(engine, wanted, spans, question.ticks, question.end, tallies.changed, progress)
    finally:
        if frozen:
            gc.enable()
    sides = [tallies.of[rule.settings.id].told() for rule in rules]
    for side, table in zip(sides, (question.rule, question.against), strict=False):
        side["rule"] = table["id"] if table else ""
        side["failed"] = engine.failed.get(table["id"] if side is sides[0] else f"{table['id']}{BEFORE}", "") if table else ""
    return {
        "from": question.start,
        "to": question.end,
        "readings": readings,
        "series": len(wanted),
        "took": round(time.perf_counter() - began, 3),
        "rule": sides[0],
        "against": sides[1] if len(sides) > 1 else None,
    }
