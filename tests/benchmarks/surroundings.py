"""What the machine did meanwhile: how long a sync to disk takes, and the CPU time that others on the host took from us."""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

SYNCS = 300
BYTES = 24_000
"""About what a commit of 500 readings writes."""


def fdatasync_ms(folder: Path | None = None) -> tuple[float, float]:
    """p50 and p99 of appending and syncing, in ms, on the disk of ``folder``."""
    block = os.urandom(BYTES)
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix="gengfu-bench-") as file:
        for _ in range(SYNCS):
            os.write(file.fileno(), block)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def _cpu_ticks() -> tuple[int, int]:
    """All and stolen, since boot: proc(5), /proc/stat."""
    ticks = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return sum(ticks), ticks[7]


class Surroundings:
    """From when it is made until ``told``."""

    def __init__(self) -> None:
        self._before = _cpu_ticks()
        self._syncs = [fdatasync_ms()]

    def told(self) -> dict[str, Any]:
        self._syncs.append(fdatasync_ms())
        total, stolen = (now - then for now, then in zip(_cpu_ticks(), self._before, strict=True))
        return {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[1],
            "fdatasync_p50_ms": statistics.mean(p50 for p50, _ in self._syncs),
            "fdatasync_p99_ms": max(p99 for _, p99 in self._syncs),
            "stolen_percent": 100 * stolen / total if total else 0.0,
        }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "an unnamed processor")


def line(told: dict[str, Any]) -> str:
    return (
        f"{told['cores']} cores, {told['processor']}, load {told['load']:.1f}; "
        f"fdatasync p50 {told['fdatasync_p50_ms']:.2f} ms, p99 {told['fdatasync_p99_ms']:.2f} ms; "
        f"stolen CPU {told['stolen_percent']:.1f} %"
    )
