"""What a [[device]] says of its register: ratings, the meters that stood there, what somebody read off."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from hub.config.reader import Reader
from hub.register import Limits
from hub.reports.installed import Installed, Register
from hub.reports.period import ms
from hub.reports.setup import DeviceDuty

_KEYS = ("max_rate", "rolls_at", "meters", "readings")


def zone(reader: Reader) -> ZoneInfo:
    """The site's; its default where the one written down is wrong, which is said elsewhere."""
    site = reader.data.get("site")
    try:
        return ZoneInfo(str(site["time_zone"]) if isinstance(site, Mapping) else "Asia/Shanghai")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("Asia/Shanghai")


def register(item: Mapping[str, Any], site: ZoneInfo) -> Register:
    """Empty where the keys are wrong, which is said elsewhere. ``Installed.factor`` is relative to the device's."""
    try:
        said = DeviceDuty.model_validate({key: item[key] for key in _KEYS if key in item})
    except ValidationError:
        return Register()
    usual = item.get("factor", 1.0)
    usual = float(usual) if isinstance(usual, int | float) and usual > 0 else 1.0
    return Register(
        manual=tuple((moment(reading.at, site), reading.value) for reading in said.readings),
        installed=tuple(
            Installed(moment(meter.since, site), meter.serial, meter.start, meter.end, (meter.factor or usual) / usual)
            for meter in said.meters
        ),
        limits=Limits(said.max_rate, said.rolls_at),
    )


def are_sound(reader: Reader) -> None:
    site = zone(reader)
    for index, item in reader.items("device"):
        meters = register(item, site).installed
        for place, (before, after) in enumerate(pairwise(meters)):
            if after.since <= before.since:
                message = "it was put in before the one above it: write the meters in order, each but the first with its since"
                reader.wrong(("device", index, "meters", place + 1), reader.called("device", index), message)


def moment(text: str, site: ZoneInfo) -> int:
    when = datetime.fromisoformat(text)
    return ms(when if when.tzinfo else when.replace(tzinfo=site))
