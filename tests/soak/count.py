"""What became of it all: every message and every breach is looked up where it must be."""

import datetime
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hub.model import Series
from hub.stores.parquet import ParquetStore
from hub.stores.parquet_reader import ParquetReader
from tests.soak.load import QUANTITIES, Breach, Ear, Load
from tests.support.hubs import until
from tests.support.site import Site

PATIENCE = 120.0
"""Seconds that whatever is still on its way may take after the load has ended."""

AT_ONCE = 500
"""Series that are looked up with one view of the store."""


class Counts(NamedTuple):
    """``lost`` and ``doubled`` are readings; the others are alerts: by their breach, and by their id on the wire."""

    messages: int
    lost: int
    doubled: int
    alerts: int
    missing: int
    doubled_alerts: int
    untold: int
    unknown: int

    @property
    def good(self) -> bool:
        return not any((self.lost, self.doubled, self.missing, self.doubled_alerts, self.untold, self.unknown))


def counted(made: Site, load: Load, ear: Ear, alarms: list[str]) -> Counts:
    """Ends the load and counts. ``alarms``: devices of which each must have exactly one fire alert."""
    messages = load.finish()
    until(lambda: made.hub.metric("lane_waiting") == 0 and made.hub.metric("lane_backlog") == 0, "all is committed", PATIENCE)
    lost, doubled = readings(made.data, load)
    wanted = Counter({(one.device, one.at) for one in load.breaches})
    found: list[dict[str, str]] = []

    def complete() -> bool:
        found[:] = [alert for alert in made.alerts() if alert["quantity"] in QUANTITIES]
        return len(found) >= len(wanted) + len(alarms)

    patient(complete)
    raised = Counter(
        (alert["device"], ms(alert["at"])) if alert["device"].startswith("bench:") else (alert["device"], 0) for alert in found
    )
    wanted.update((device, 0) for device in alarms)
    ids = {str(alert["id"]) for alert in found}
    patient(lambda: ids <= ear.heard.keys())
    heard = set(ear.heard)
    return Counts(
        messages,
        lost,
        doubled,
        len(found),
        (wanted - raised).total(),
        (raised - wanted).total(),
        len(ids - heard),
        len(heard - ids),
    )


def readings(data: Path, load: Load) -> tuple[int, int]:
    """Readings of both quantities that are lost, and that are there twice. The broker may still be bringing the last ones."""
    lost: dict[Series, int] = {}
    doubled: dict[Series, int] = {}

    def look(series: Series, times: list[int], store: ParquetReader) -> None:
        stored = Counter(store.rows(series, 0, 2**62).time.tolist())
        lost[series] = sum(at not in stored for at in times)
        doubled[series] = stored.total() - len(stored)

    wanted = {Series(f"bench:s{n}", q): times for n, times in enumerate(load.sent) for q in ("bench.level", "power.active")}
    left = list(wanted)

    def complete() -> bool:
        for begin in range(0, len(left), AT_ONCE):
            store = ParquetStore.open_reader(data)
            try:
                for series in left[begin : begin + AT_ONCE]:
                    look(series, wanted[series], store)
            finally:
                store.close()
        left[:] = [series for series in left if lost[series]]
        return not left

    patient(complete)
    return sum(lost.values()), sum(doubled.values())


def delays(made: Site, load: Load, ear: Ear) -> list[float]:
    """Seconds from sending a breach to hearing its alert, sorted."""
    found = {Breach(alert["device"], ms(alert["at"])): str(alert["id"]) for alert in made.alerts()}
    pairs = ((sent, ear.heard.get(found.get(breach, ""))) for breach, sent in load.breaches.items())
    return sorted(heard - sent for sent, heard in pairs if heard is not None)


def patient(condition: Callable[[], bool]) -> None:
    """Waits for the condition, but not for ever: what is missing then is counted."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)


def ms(iso: str) -> int:
    return round(datetime.datetime.fromisoformat(iso).timestamp() * 1000)


def memory(pid: int) -> int:
    """Proportional memory (PSS) of the process and all it has started, bytes."""
    total, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            for thread in Path(f"/proc/{one}/task").iterdir():  # each knows only those it started itself
                left += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    return total
