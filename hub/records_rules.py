"""Rules that people edited on the page, in the records: every version, who saved it and why.

Table ``rule_versions``. A version is the TOML text of one [[rule]]; one without text says that the file's rule counts again.
"""

from collections import Counter

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Integer, String, Table, select, text

from hub.model import DRILL_DEVICE
from hub.records import RecordsReader, Work, alerts, metadata

versions = Table(
    "rule_versions",
    metadata,
    Column("rule", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("why", String, nullable=False),
    Column("toml", String, nullable=False),
    Index("rule_versions_by_time", "at"),
)

COUNTED = 100_000
_INSERT = "INSERT INTO rule_versions (rule, number, at, by, why, toml) VALUES (?, ?, ?, ?, ?, ?)"


class Version(Struct, frozen=True):
    """``number`` counts from 1 for each rule; ``at`` ms; ``toml`` "": what the page said is taken back."""

    rule: str
    number: int
    at: int
    by: str
    why: str
    toml: str


class _Raised(Struct):
    """What is read of an alert to count it."""

    rule: str
    raised_at: int | None = None


_raised = msgspec.msgpack.Decoder(_Raised).decode


def put_version(work: Work, version: Version) -> None:
    row = (version.rule, version.number, version.at, version.by, version.why, version.toml)
    work.more.setdefault(_INSERT, []).append(row)


def read_versions(reader: RecordsReader) -> list[Version]:
    """All, by rule and number; none where no hub has made the table yet."""
    if not reader.rows(text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rule_versions'")):
        return []
    rows = reader.rows(select(versions).order_by(versions.c.rule, versions.c.number))
    return [Version(row["rule"], row["number"], row["at"], row["by"], row["why"], row["toml"]) for row in rows]


def raised_by_rule(reader: RecordsReader, since: int) -> dict[str, int]:
    """How many alerts of each rule were raised since then, ms; the newest 100,000 are counted, drills are not."""
    query = select(alerts.c.body).where(alerts.c.changed_at >= since, alerts.c.device != DRILL_DEVICE)
    counted: Counter[str] = Counter()
    for row in reader.rows(query.order_by(alerts.c.seq.desc()).limit(COUNTED)):
        one = _raised(row["body"])
        if one.raised_at is not None and one.raised_at >= since:
            counted[one.rule] += 1
    return dict(counted)
