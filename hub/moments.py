"""Milliseconds since 1970 UTC, to and from what people and machines write."""

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int | None) -> str | None:
    """ISO 8601 UTC with milliseconds, such as "2026-10-05T03:04:05.678Z"; None stays None."""
    if ms is None:
        return None
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def local_iso(ms: int, zone: tzinfo) -> str:
    """ISO 8601 with the zone's offset at that moment, to the second."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).isoformat(timespec="seconds")
