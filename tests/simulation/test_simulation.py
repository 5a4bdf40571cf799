"""The core from a seed: 200 runs of load, faults and kills, and proof that the simulation finds what it is there to find."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.world import Failed, simulate

SEEDS = 200
AT_ONCE = 25
ROOT = Path(__file__).resolve().parents[2]
FOUND_BY = {
    "outbox outside the transaction": 38,
    "acknowledged in memory": 95,
    "over before it was told": 29,
    "timers begin anew": 16,
    "the last heard are not missed": 103,
}
"""Seeds that are tried first, to save time; every bug must be found by one of the 200."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The hub complains of all that is done to it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_all_is_well_whatever_happens(first: int) -> None:
    """A failure names its seed; ``python -m tests.simulation --seed N`` shows how it came about."""
    for seed in range(first, first + AT_ONCE):
        simulate(seed)


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_put_in_on_purpose_is_found(bug: str) -> None:
    with BUGS[bug]():
        for seed in [FOUND_BY.get(bug, 0), *range(SEEDS)]:
            try:
                simulate(seed)
            except Failed as failure:
                assert failure.trace
                return
    pytest.fail(f"{SEEDS} seeds did not find that {bug}")


def test_a_seed_is_the_same_run_in_every_process() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "4"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for hashes in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "all is well after" in said[0]
