"""Clocks that show local time and say no zone. Shared by the adapters of such formats; not an adapter itself."""

from datetime import datetime, tzinfo

from adapters.decoding import Moment
from hub.model import Quality

_SKEW: Moment = (None, Quality.CLOCK_SKEW.value)


def local_ms(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: tzinfo, received_at: int) -> Moment:
    """The moment a device's local clock means, by the site's zone (TZ_ASSUMED). Of an hour that comes twice the one nearer
    to the arrival is meant. What no calendar has gives (None, CLOCK_SKEW)."""
    try:
        first = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return _SKEW
    ms = round(first.timestamp() * 1000)
    other = round(first.replace(fold=1).timestamp() * 1000)
    if abs(other - received_at) < abs(ms - received_at):
        ms = other
    return ms, Quality.TZ_ASSUMED.value
