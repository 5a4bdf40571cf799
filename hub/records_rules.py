"""Rules that people edited on the page, in the records: every version, who saved it and why.

Table ``rule_versions``. A version is the TOML text of one [[rule]]; one without text says that the file's rule counts again.
"""

from msgspec import Struct
from sqlalchemy import Column, Index, Integer, String, Table, select, text

from hub.records import RecordsReader, Work, metadata

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

_INSERT = "INSERT INTO rule_versions (rule, number, at, by, why, toml) VALUES (?, ?, ?, ?, ?, ?)"


class Version(Struct, frozen=True):
    """``number`` counts from 1 for each rule; ``at`` ms; ``toml`` "": what the page said is taken back."""

    rule: str
    number: int
    at: int
    by: str
    why: str
    toml: str


def put_version(work: Work, version: Version) -> None:
    row = (version.rule, version.number, version.at, version.by, version.why, version.toml)
    work.more.setdefault(_INSERT, []).append(row)


def read_versions(reader: RecordsReader) -> list[Version]:
    """All, by rule and number; none where no hub has made the table yet."""
    if not reader._all(text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rule_versions'")):
        return []
    rows = reader._all(select(versions).order_by(versions.c.rule, versions.c.number))
    return [Version(row["rule"], row["number"], row["at"], row["by"], row["why"], row["toml"]) for row in rows]
