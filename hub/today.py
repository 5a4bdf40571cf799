"""What only the store can tell of today: energy, and the power of the day. Asked in the process that answers from the store, so
nothing here knows the page.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from hub.directory import Places
from hub.moments import EPOCH
from hub.ports import SiteContext, Store
from hub.reports.energy import energy_report

QUARTER = 900_000
POWER = "power.active"
MAIN = "main"
"""The tag of a meter that measures what the community draws from the grid; without one, all meters are added up."""


class Figures(Struct, frozen=True):
    """What only the store can tell; asked for now and then, in the other process."""

    kwh_today: float | None = None
    power_today: Sequence[tuple[int, float]] = ()


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
