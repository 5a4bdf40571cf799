"""What only the store can tell: today's energy and power, and the bays before the hub was started. Asked in the process that
answers from the store, so nothing here knows the page.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec import Struct

from hub.directory import Places
from hub.moments import EPOCH
from hub.ports import SiteContext, Store
from hub.reports.energy import energy_report

QUARTER = 900_000
HOUR = 3_600_000
FIVE_MINUTES = 300_000
POWER = "power.active"
OCCUPIED = "parking.occupied"
MAIN = "main"
"""The tag of a meter that measures what the community draws from the grid; without one, all meters are added up."""


class Figures(Struct, frozen=True):
    """What only the store can tell; asked for now and then, in the other process."""

    kwh_today: float | None = None
    power_today: Sequence[tuple[int, float]] = ()


class Parked(Struct, frozen=True):
    """The bays before the hub was started. ``taken``: how many, every five minutes, ms; ``turned``: when in its last hour one was
    taken (True) or left, ms."""

    taken: Sequence[tuple[int, float]] = ()
    turned: Sequence[tuple[int, bool]] = ()


def grid_meters(places: Places) -> list[str]:
    """The accepted devices whose power is the community's: those tagged ``main``, else all."""
    accepted = [device for device in places.devices.values() if device.accepted]
    return sorted(device.id for device in [d for d in accepted if MAIN in d.tags] or accepted)


def midnight(now: int, site: SiteContext) -> int:
    """The start of the site's day, ms."""
    local = datetime.fromtimestamp(now / 1000, site.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((local - EPOCH).total_seconds() * 1000)


def figures(store: Store, places: Places, meters: Sequence[str], site: SiteContext, now: int) -> Figures:
    """Today's energy and the power of the day in quarter hours, each the mean over the quarter summed over the meters."""
    start = midnight(now, site)
    chosen = {id: places.devices[id] for id in meters}
    report = energy_report(store, chosen, places, site.community, site.zone, start, now, by="community", every="total")
    imported = [row["value"] for row in report["rows"] if row["quantity"] == "energy.active.import.total"]
    known = [value for value in imported if value is not None]
    total: dict[int, float] = {}
    powers = [series for series in store.series(quantity=POWER) if series.device in chosen]
    whole = {series.device for series in powers if not series.channel}
    for series in powers:
        if not series.channel or series.device not in whole:
            buckets = store.buckets(series, start, now, QUARTER)
            for at, mean in zip(buckets.start.tolist(), buckets.mean.tolist(), strict=True):
                total[at] = total.get(at, 0.0) + mean * chosen[series.device].factor
    return Figures(sum(known) if known else None, sorted(total.items()))


def parked(store: Store, start: int, started: int) -> Parked:
    """From ``start`` on, by what had arrived when the hub was ``started``, ms."""
    marks = np.arange(start, started, FIVE_MINUTES)
    taken, heard = np.zeros(len(marks)), np.zeros(len(marks))
    turned: list[tuple[int, bool]] = []
    since = min(start, started - HOUR)
    for series in store.series(quantity=OCCUPIED):
        if series.channel:
            continue
        rows = store.rows(series, since, started)
        had_arrived = rows.received_at < started
        times, states = rows.time[had_arrived], rows.value[had_arrived] > 0
        before = store.before(series, since)
        if before is not None:
            times, states = np.append(since, times), np.append(before.value > 0, states)
        at = np.searchsorted(times, marks, "right") - 1
        known = at >= 0
        heard += known
        taken[known] += states[at[known]]
        changed = np.flatnonzero(states[1:] != states[:-1]) + 1
        turned += zip(times[changed].tolist(), states[changed].tolist(), strict=True)
    counted = [(when, number) for when, number, any_heard in zip(marks.tolist(), taken.tolist(), heard, strict=True) if any_heard]
    return Parked(counted, sorted(turn for turn in turned if turn[0] > started - HOUR))
