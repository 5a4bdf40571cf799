"""What a seal leaves behind in memory, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hubs import ROOT

MOST = 8.0
"""MB that may stay; DuckDB alone keeps 12 for the next time, if it is let."""

SEAL = """
import sys, threading
import numpy as np
from pathlib import Path
from hub import memory
from hub.columns import Columns
from hub.journal_reader import SealedFile
from hub.stores.sealed import SealedFiles

memory.keep_little()

def anonymous():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024

def seal(files, number, rows=125_000):
    dice = np.random.default_rng(number)
    times = 1_700_000_000_000 + np.arange(rows)
    nothing = np.zeros(rows, np.int64)
    columns = Columns(dice.integers(0, 20_000, rows), times, nothing, times, dice.random(rows), nothing)
    blobs = [columns.take(np.arange(rows)[at : at + 5_000]).encode() for at in range(0, rows, 5_000)]
    columns = Columns.concat(map(Columns.decode, blobs)).first_wins()
    files.write(SealedFile(number, "rest", "energy", "2026-03-05", 0, 0, 0, 0, 0, 0), columns)

def all_seals():
    files = SealedFiles(Path(sys.argv[1]))
    before = anonymous()
    for number in range(3):
        seal(files, number)
        files.rest()
    print(anonymous() - before)

thread = threading.Thread(target=all_seals)
thread.start()
thread.join()
"""


def test_what_a_seal_needed_goes_back_to_the_system(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("NOT RUN: only Linux says in /proc what memory a process holds: what a seal gives back")
    ran = subprocess.run([sys.executable, "-c", SEAL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < MOST
