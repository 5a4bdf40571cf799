"""What is missing, for people: meters that lack the same time together, then by place, in the order of time; never a page."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hub.reports.words import Language, clock, plain, quantity_name, reading_order, word

LINES = 16
"""Printed at most."""
NAMED = 3
"""So many meters are named one by one; more are counted."""

Gap = Mapping[str, Any]


class Line(NamedTuple):
    """``known``: the share of the meters' time between ``start`` and ``end`` (as people write them) that is known."""

    who: str
    what: str
    start: str
    end: str
    known: float


def lines(gaps: Sequence[Gap], language: Language) -> tuple[list[Line], Sequence[Gap]]:
    """``gaps`` as in a full report -> what is printed, and the gaps that are not."""
    groups = _together(gaps, lambda gap: (gap["start"], gap["end"]))
    if len(groups) > LINES:  # gaps of many shapes: those that many meters share, and the rest by place
        shared = [group for group in groups if len(_devices(group)) > NAMED]
        single = [gap for group in groups if len(_devices(group)) <= NAMED for gap in group]
        groups = shared + _together(single, lambda gap: (gap["place"],))
    groups.sort(key=lambda group: -sum(gap["missing_ms"] for gap in group))
    shown = sorted(groups[:LINES], key=lambda group: (_start(group), _end(group), reading_order(_who(group, language))))
    return [_line(group, language) for group in shown], [gap for group in groups[LINES:] for gap in group]


def _together(gaps: Sequence[Gap], key: Any) -> list[list[Gap]]:
    found: dict[tuple[str, ...], list[Gap]] = defaultdict(list)
    for gap in gaps:
        found[key(gap)].append(gap)
    return list(found.values())


def _line(group: Sequence[Gap], language: Language) -> Line:
    quantities = {gap["quantity"] for gap in group}
    what = quantity_name(quantities.pop(), language) if len(quantities) == 1 else word("several", language)
    start, end = _start(group), _end(group)
    length = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000
    registers = len({(gap["device"], gap["quantity"]) for gap in group})
    known = 1 - sum(gap["missing_ms"] for gap in group) / (length * registers)
    return Line(_who(group, language), what, clock(start), clock(end), max(known, 0.0))


def _who(group: Sequence[Gap], language: Language) -> str:
    devices = _devices(group)
    comma, colon = ("、", "：") if language == "zh" else (", ", ": ")
    if len(devices) <= NAMED:
        return comma.join(sorted(devices.values(), key=reading_order))
    places = Counter(place for _, place in {(gap["device"], _place(gap, language)) for gap in group})
    said = word("meters", language).format(count=len(devices))
    ordered = sorted(places, key=reading_order)
    if len(ordered) == 1:
        return f"{ordered[0]}{colon}{said}"
    return f"{said}{colon}{comma.join(f'{place} {places[place]}' for place in ordered)}"


def _place(gap: Gap, language: Language) -> str:
    return plain((gap["place_en"] if language == "en" else "") or gap["place"]) or word("no_group", language)


def _devices(group: Sequence[Gap]) -> dict[str, str]:
    return {gap["device"]: plain(gap["name"] or gap["device"]) for gap in group}


def _start(group: Sequence[Gap]) -> str:
    return str(min((gap["start"] for gap in group), key=datetime.fromisoformat))


def _end(group: Sequence[Gap]) -> str:
    return str(max((gap["end"] for gap in group), key=datetime.fromisoformat))
