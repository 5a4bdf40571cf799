"""Why, and why not, for the page: what each rule makes of a device now, or made of it at a past moment.

Now is asked of the live engine (``rules.explain.explain``), on the hub's own loop: it takes as long as one device has rules. A
past moment is a replay of that device's stored readings, and of those it is judged together with, up to then; ask it through
``hub.queries``: ``await queries.ask(why_then, past)``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from hub.calendar import Calendar
from hub.directory import Places
from hub.model import Device, Now, Reading, Series, Space, quality_names
from hub.ports import Rule, Store
from hub.quantities import Vocabulary
from hub.records_ticks import Tick
from hub.replay.question import Table, table_of
from hub.replay.run import run
from hub.stores.arrivals import Span, arrivals
from rules import build
from rules.engine import Engine
from rules.explain import explain
from rules.together import Together

BACK = 2 * 86_400_000
READINGS = 50


class Past(Struct, frozen=True):
    """One device at one moment, ``at`` in ms. ``rules`` as tables with ``kind`` and ``id`` (``tables``); ``back``: how long
    before the engine begins, ms: windows and budgets that are longer cannot tell."""

    device: str
    at: int
    rules: tuple[Table, ...]
    devices: tuple[Device, ...]
    spaces: tuple[Space, ...]
    vocabulary: Vocabulary
    calendar: Calendar
    ticks: tuple[Tick, ...] = ()
    back: int = BACK


def tables(rules: Sequence[Rule]) -> tuple[Table, ...]:
    return tuple(table_of(rule) for rule in rules)


def why_then(store: Store, past: Past) -> dict[str, Any]:
    """What ``rules.explain.explain`` tells, as of that moment, with ``readings``: the device's newest ones that had arrived by
    then, the newest first, each with ``quantity``, ``channel``, ``value``, ``time``, ``received_at`` (ms) and ``quality``."""
    rules = [build(one["kind"], {key: value for key, value in one.items() if key != "kind"}) for one in past.rules]
    places = Places(past.spaces, past.devices)
    engine = Engine(rules, places, past.vocabulary, past.calendar)
    beside = {past.device, *_neighbours(rules, places, past.device)}
    wanted = [one for one in store.series() if one.device in beside]
    log = _Log(wanted, past.device)
    spans = arrivals(store, wanted, past.at - past.back, past.at + 1)
    ticks = [tick for tick in past.ticks if tick.at <= past.at]
    run(engine, wanted, log.noted(spans), ticks, past.at, lambda alerts, now: None)
    now = Now(past.at, past.at / 1000)
    newest = list(reversed(log.newest))
    latest = {(one.quantity, one.channel): one for one, _ in log.newest}
    told = explain(engine, rules, past.device, now, latest)
    told["readings"] = [
        {
            "quantity": one.quantity, "channel": one.channel, "value": one.value, "time": one.time, "received_at": arrival,
            "quality": quality_names(one.quality),
        }
        for one, arrival in newest[:READINGS]
    ]  # fmt: skip
    return told


def _neighbours(rules: Sequence[Rule], places: Places, device: str) -> Iterator[str]:
    """Devices that are judged together with it, in one place."""
    for rule in rules:
        if not isinstance(rule, Together) or rule.each == "device":
            continue
        subject = rule.subject(device, places.path(device))
        if subject is not None:
            yield from (other for other in places.devices if rule.subject(other, places.path(other)) == subject)


class _Log:
    """Keeps the newest readings of one device on their way into the engine, in order of arrival."""

    def __init__(self, wanted: Sequence[Series], device: str) -> None:
        self._wanted = wanted
        self._numbers = [number for number, one in enumerate(wanted) if one.device == device]
        self.newest: list[tuple[Reading, int]] = []

    def noted(self, spans: Iterator[Span]) -> Iterator[Span]:
        for span in spans:
            mine = span.columns.take(np.isin(span.columns.series, self._numbers))
            last = mine.take(np.arange(max(0, mine.rows - READINGS), mine.rows))
            of_each = [np.flatnonzero(mine.series == number)[-1:] for number in self._numbers]
            kept = mine.take(np.unique(np.concatenate([*of_each, np.arange(mine.rows - last.rows, mine.rows)])))
            for row in range(kept.rows):
                one = self._wanted[int(kept.series[row])]
                reading = Reading(
                    one.device, one.quantity, float(kept.value[row]), int(kept.time[row]), one.channel, int(kept.seq[row]),
                    int(kept.quality[row]),
                )  # fmt: skip
                self.newest.append((reading, int(kept.received_at[row])))
            yield span
