"""``python -m tests.simulation``, which ``make simulate`` calls: many seeds over two processes, or one with its trace.

    python -m tests.simulation --seeds 20000      a progress bar; a seed that fails is printed with what led there
    python -m tests.simulation --seed 4711        that one again, with its whole trace
    python -m tests.simulation --seed 4711 --bug "resolved on silence"

The exit code is 1 if a seed failed.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from itertools import islice

from tests.simulation.planted import BUGS
from tests.simulation.world import Failed, simulate

CHUNK = 20
SHOWN = 40
"""Lines of the trace that are printed with a failure."""
WIDTH = 40
FAILURES = 20
"""Failures after which it is no use to go on."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="this one only, with its trace")
    parser.add_argument("--bug", choices=list(BUGS), help="with this bug put into the hub on purpose")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the hub complains of all that is done to it
    with BUGS[given.bug]() if given.bug else nullcontext():
        return one(given.seed) if given.seed is not None else many(given.first, given.seeds, given.jobs)


def one(seed: int) -> int:
    try:
        world = simulate(seed)
    except Failed as failure:
        print("\n".join([*failure.trace, str(failure)]))
        return 1
    print("\n".join([*world.trace, f"seed {seed}: all is well after {world.oracle.life} lives"]))
    return 0


def run(seeds: range) -> list[tuple[int, str, list[str]]]:
    """The seeds that failed, each with why and the end of its trace. In a process of its own."""
    logging.disable(logging.CRITICAL)
    failed = []
    for seed in seeds:
        try:
            simulate(seed)
        except Failed as failure:
            failed.append((seed, str(failure), failure.trace[-SHOWN:]))
    return failed


def many(first: int, number: int, jobs: int) -> int:
    began = time.monotonic()
    chunks = [range(begin, min(begin + CHUNK, first + number)) for begin in range(first, first + number, CHUNK)]
    done = failures = 0
    with ProcessPoolExecutor(jobs) as pool:
        for chunk, failed in zip(chunks, _as_asked(pool, chunks, jobs), strict=False):
            done += len(chunk)
            for seed, why, trace in failed:
                failures += 1
                print("\r" + " " * (WIDTH + 60) + "\r" + "\n".join([*trace, why]))
                print(f"again: python -m tests.simulation --seed {seed}\n")
            _show(done, number, failures, time.monotonic() - began)
            if failures >= FAILURES:
                print(f"\n{failures} failures: that is enough.")
                pool.shutdown(cancel_futures=True)
                return 1
    print(f"\n{done} seeds, {failures} failed, {time.monotonic() - began:.0f} s")
    return 1 if failures else 0


def _as_asked(pool: ProcessPoolExecutor, chunks: list[range], jobs: int) -> Iterator[list[tuple[int, str, list[str]]]]:
    """In order, and never more than a few chunks ahead."""
    waiting = iter(chunks)
    ahead = [pool.submit(run, chunk) for chunk in islice(waiting, jobs * 2)]
    while ahead:
        yield ahead.pop(0).result()
        ahead += [pool.submit(run, chunk) for chunk in islice(waiting, 1)]


def _show(done: int, number: int, failures: int, took: float) -> None:
    if not sys.stdout.isatty() and done < number and done % (CHUNK * 10):
        return
    bar = "#" * (done * WIDTH // number)
    left = took / done * (number - done)
    line = f"{bar:.<{WIDTH}} {done}/{number}, {failures} failed, {done / took:.0f} seeds/s, {left:.0f} s left "
    print(f"\r{line}" if sys.stdout.isatty() else line, end="" if sys.stdout.isatty() else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
