"""What the configuration says of energy: what meters are for, what energy costs, what it emits, who gets reports by mail."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct
from pydantic import Field

from hub.ports import Settings
from hub.reports.tariffs import Tariff

Role = Literal["main", "sub", "pv", "battery", "heat_pump", "ev", "common"]
ROLES: tuple[Role, ...] = get_args(Role)


class Duty(Struct, frozen=True):
    """What a meter is for. ``measures``: the id of the space whose whole supply it measures (a main meter), '' for the space
    it is in; ``party``: who pays for what it counts, such as an owner or a tenant."""

    role: Role = "sub"
    measures: str = ""
    party: str = ""


class EnergySection(Settings):
    files: tuple[str, ...] = Field((), description="files with [[tariff]] and [[emission]] tables; relative to this file")
    rest: Literal["own", "by_use", "equal"] = Field(
        "own",
        description="what a main meter counted and no sub-meter: a line of its own, or shared by use or equally",
    )


class DeviceDuty(Settings):
    """The keys of a [[device]] that only reports know."""

    role: Literal["main", "sub", "pv", "battery", "heat_pump", "ev", "common"] = Field(
        "sub", description="what a meter is for; a main meter measures the whole supply of a space"
    )
    measures: str = Field("", description="the id of the space a main meter measures; the one it is in if left out")
    party: str = Field("", description="who pays for what it counts: an owner, a tenant", max_length=120)


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
