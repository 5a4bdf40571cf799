"""The versions of rules that a hub's records hold, read beside a running hub or without one."""

from pathlib import Path

from hub.records import RecordsReader
from hub.records_rules import Version, read_versions


def stored(directory: Path) -> list[Version]:
    """Of the hub whose data lie there; none where none has run."""
    path = directory / "records.db"
    if not path.exists():
        return []
    reader = RecordsReader(path)
    try:
        return read_versions(reader)
    finally:
        reader.close()
