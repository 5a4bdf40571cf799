"""What the configuration says of energy: what meters are for, what energy costs, what it emits, who gets reports by mail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, get_args

from msgspec import Struct
from pydantic import AfterValidator, Field

from hub.ports import Settings
from hub.reports.installed import Register
from hub.reports.tariffs import Tariff

Role = Literal["main", "sub", "pv", "pv_feed_in", "battery", "heat_pump", "ev", "common"]
ROLES: tuple[Role, ...] = get_args(Role)


class Duty(Struct, frozen=True):
    """What a meter is for. "pv" makes what the site uses first, "pv_feed_in" feeds all it makes into the grid (全额上网).
    ``measures``: the id of the space whose whole supply it measures (a main meter), '' for the space it is in; ``party``: who
    pays for what it counts, such as an owner or a tenant; ``register``: what people know of its register, of the one for imports
    where it has two."""

    role: Role = "sub"
    measures: str = ""
    party: str = ""
    register: Register = Register()


def _when(given: str) -> str:
    try:
        datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f'"{given}" is not a day or a moment; write it like "2026-10-01" or "2026-10-01T08:00"') from None
    return given


When = Annotated[str, AfterValidator(_when)]
"""A day or a moment, in the site's zone if it has no offset of its own."""


class InstalledMeter(Settings):
    """One of the meters that stood there, in order of ``since``."""

    since: When = Field("1970-01-02", description="when it was put in; left out for the first")
    serial: str = Field("", description="its number; the same or none: the same meter with another factor")
    start: float | None = Field(None, description="what its register showed when it was put in")
    end: float | None = Field(None, description="what its register showed when it was taken out")
    factor: float | None = Field(None, description="its current-transformer ratio (倍率); the device's if left out", gt=0)


class ReadOff(Settings):
    at: When = Field(description="when somebody read the register")
    value: float = Field(description="what it showed")


class EnergySection(Settings):
    files: tuple[str, ...] = Field((), description="files with [[tariff]] and [[emission]] tables; relative to this file")
    rest: Literal["own", "by_use", "equal"] = Field(
        "own",
        description="what a main meter counted and no sub-meter: a line of its own, or shared by use or equally",
    )


class DeviceDuty(Settings):
    """The keys of a [[device]] that only reports know."""

    role: Literal["main", "sub", "pv", "pv_feed_in", "battery", "heat_pump", "ev", "common"] = Field(
        "sub", description="what a meter is for; a main meter measures the whole supply of a space"
    )
    measures: str = Field("", description="the id of the space a main meter measures; the one it is in if left out")
    party: str = Field("", description="who pays for what it counts: an owner, a tenant", max_length=120)
    max_rate: float | None = Field(
        None, description="the most its register can count in an hour (kWh, m3); what is faster is no consumption", gt=0
    )
    rolls_at: float | None = Field(None, description="where its register starts again at 0: 100000 for five digits", gt=0)
    meters: tuple[InstalledMeter, ...] = Field((), description="the meters that stood there, where one was replaced")
    readings: tuple[ReadOff, ...] = Field((), description="what somebody read off the register")


DUTY = frozenset(DeviceDuty.model_fields)


class Emission(Settings):
    """A line of the factor table: what one unit of a quantity emits."""

    quantity: str = Field(description="what it is about, such as energy.active.import.total")
    kg_per_unit: float = Field(description="kg of carbon dioxide per unit (kWh, m3)", ge=0)
    zero_carbon: float = Field(0.0, description="the share of it that counts as zero-carbon energy", ge=0, le=1)
    year: int = Field(description="the year the factor is about", ge=1990, le=2100)
    source: str = Field(description="the document it stands in, and its date", min_length=1, max_length=500)
    example: bool = Field(False, description="true: unchecked; every report says so")


class ReportMail(Settings):
    """A report sent by e-mail when a month is over."""

    to: tuple[str, ...] = Field(description="the ids of the persons; each gets it in their own language", min_length=1)
    by: Literal["community", "building", "unit", "room", "device", "party", "space"] = Field(
        "building", description="what a row stands for"
    )
    every: Literal["day", "week", "month", "total"] = Field("month", description="into which spans the month is cut")
    day: int = Field(3, description="of the month after: late readings have come by then", ge=1, le=28)
    hour: int = Field(8, description="local time", ge=0, le=23)
    formats: tuple[Literal["pdf", "xlsx", "csv"], ...] = Field(("pdf", "xlsx"), description="what is attached", min_length=1)


class Energy(Struct, frozen=True):
    """Everything the configuration says of energy. ``rest``: what becomes of what a main meter counted and no sub-meter: a
    line of its own, or shared by use, or equally."""

    duties: Mapping[str, Duty] = {}
    tariffs: tuple[Tariff, ...] = ()
    emissions: tuple[Emission, ...] = ()
    mails: tuple[ReportMail, ...] = ()
    rest: Literal["own", "by_use", "equal"] = "own"
