"""How fine roll-ups must be for a site: an hour, or 30 or 15 minutes where its zone or its tariffs need it."""

from collections.abc import Iterable
from datetime import datetime
from math import gcd
from zoneinfo import ZoneInfo

from hub.reports.tariffs import Tariff

_FINEST = 15


def bucket_minutes(zone: ZoneInfo, tariffs: Iterable[Tariff] = ()) -> int:
    """Minutes that divide the zone's offsets and every time of day at which a tariff changes; 15 at the least."""
    size = 60
    year = datetime.now(zone).year
    for month in (1, 4, 7, 10):
        offset = datetime(year, month, 1, tzinfo=zone).utcoffset()
        size = gcd(size, round(offset.total_seconds() / 60) if offset else 0)
    for tariff in tariffs:
        for period in tariff.periods:
            for word in period.hours:
                for time in word.split("-"):
                    size = gcd(size, int(time.partition(":")[2]))
    return max(_FINEST, size)
