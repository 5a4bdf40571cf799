"""What the report commands share: the store of a hub that runs or does not, and where a report goes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.cli.service import configured
from hub.cli.shown import Sorry, err, out
from hub.config import Config
from hub.directory import Places
from hub.ports import Store
from hub.reports.closed import Archive
from hub.reports.files import Format, file_name, rendered
from hub.reports.words import Language


class Opened(Struct):
    hub: Config
    store: Store
    places: Places

    @property
    def archive(self) -> Archive:
        return Archive(self.hub.directory)

    def report(self, start: int, end: int, by: str, every: str, full: bool = True) -> dict[str, Any]:
        """Raises ValueError. A bar moves on the terminal where it takes long."""
        from hub.reports.energy import energy_report
        from hub.reports.full import STEPS, full_report

        hub, devices = self.hub, self.places.devices
        about = self.store, devices, self.places, hub.name, hub.zone, start, end, by, every, hub.energy
        if not full:
            return energy_report(*about)
        with bar(len(STEPS)) as done:
            return full_report(*about, done, time.time_ns() // 1_000_000)


@contextmanager
def opened(config: Config | Path | None) -> Iterator[Opened]:
    """What a hub has stored, beside the running hub or without one. Raises Sorry."""
    from hub.journal_reader import JournalUnusable
    from hub.ports import StoreUnavailable
    from hub.records import RecordsReader
    from hub.stores.opening import open_reader

    hub = config if isinstance(config, Config) else configured(config)
    records = hub.directory / "records.db"
    if not records.exists():
        raise Sorry(f"there is nothing in {hub.directory} yet; start the hub first, or name its configuration with --config")
    reader = RecordsReader(records)
    places = Places(reader.spaces(), reader.devices())
    reader.close()
    places.upsert_spaces(hub.spaces)
    places.upsert_devices(hub.devices)
    try:
        store = open_reader(hub.directory, hub.store_kind, hub.store_settings)
    except (JournalUnusable, StoreUnavailable) as error:
        raise Sorry(str(error)) from error
    try:
        yield Opened(hub, store, places)
    except (ValueError, JournalUnusable, StoreUnavailable) as error:
        raise Sorry(str(error)) from error
    finally:
        store.close()


@contextmanager
def bar(steps: int) -> Iterator[Callable[[str], None]]:
    """One line on the terminal, once a second has passed; nothing where nobody watches."""
    began, count = time.monotonic(), 0

    def done(step: str) -> None:
        nonlocal count
        count += 1
        if sys.stderr.isatty() and time.monotonic() - began > 1:
            filled = 24 * count // steps
            sys.stderr.write(f"\r\033[K{'█' * filled}{'·' * (24 - filled)} {step}")
            sys.stderr.flush()

    try:
        yield done
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def deliver(report: dict[str, Any], format: Format, language: Language, to: Path | None) -> None:
    """Text to where it is read, PDF and XLSX into a file that is named. Raises Sorry."""
    from hub.reports.fonts import NoFont

    try:
        content = rendered(report, format, language)
    except NoFont as error:
        raise Sorry(str(error)) from error
    deliver_bytes(content, format, to, file_name(report, format, language))


def deliver_bytes(content: bytes, format: Format, to: Path | None, name: str) -> None:
    if to is None and format in ("csv", "json"):
        out(content.decode().rstrip("\r\n"))
        return
    path = to or Path(name)
    path.write_bytes(content)
    err(f"{path}: {len(content):,} bytes")
