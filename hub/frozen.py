"""The readings before an alert, taken from the store: in the process that answers from it, so nothing here knows the records."""

from msgspec import Struct

from hub.model import Series
from hub.ports import Store

BEFORE = 600_000
"""ms before the alert."""
POINTS = 600
"""Readings of one series, the last ones."""
SERIES = 8

Wanted = tuple[str, list[tuple[str, str, str]], int]
"""An alert's id, its series (device, quantity, channel), and its moment, ms."""


class Frozen(Struct, frozen=True):
    """The readings of one series in the minutes before an alert, as they were then: (time ms, value, quality), ascending."""

    device: str
    quantity: str
    channel: str
    points: list[tuple[int, float, int]]


def before(store: Store, wanted: list[Wanted]) -> list[list[Frozen]]:
    """For each alert: the readings of its series up to its own moment. An empty quantity means all of the device."""
    return [[_frozen(store, series, end) for one in subjects for series in _series(store, *one)] for _, subjects, end in wanted]


def _series(store: Store, device: str, quantity: str, channel: str) -> list[Series]:
    return [Series(device, quantity, channel)] if quantity else store.series(_literal(device))[:SERIES]


def _literal(device: str) -> str:
    """A device's id where a glob is taken."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in device)


def _frozen(store: Store, series: Series, end: int) -> Frozen:
    rows = store.rows(series, end - BEFORE, end + 1)
    columns = (rows.time[-POINTS:].tolist(), rows.value[-POINTS:].tolist(), rows.quality[-POINTS:].tolist())
    return Frozen(series.device, series.quantity, series.channel, list(zip(*columns, strict=True)))
