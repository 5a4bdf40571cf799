"""docs/reliability.md, from a run of the tests."""

import datetime
import json
import os
import statistics
import tempfile
from pathlib import Path

import pytest

from tests.promises.catalog import FAULTS, PROMISES, marked
from tests.promises.guards import GUARDS
from tests.support.site import sync_a_page
from tests.support.tally import versions

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
RED = ROOT / "build" / "red.out.json"
SOAK = ROOT / "build" / "soak.out.json"
HEAD = """\
# Reliability: what is promised, and what shows it

Written by `make promises` from a run of {when}; not by hand. {machine}. Your figures will differ: run it.

Each test runs a whole hub against real brokers, disks and receivers, and injects the fault. "Fire" is the time from a fire
message's first byte at the broker to its alert on the wire; at p99 it must be at most 100 ms or, where the machine itself is
slower, three times the broker's echo and two fsyncs of the same run. "Seen red without" is what was taken out of the hub to see
the test fail: `make red` does it again, in a copy. {red}

`make soak` kills and cuts at random under load, and watches memory for an hour; `make simulate` runs the core against a disk
and a broker that do their worst, from a seed; `make test` runs all of this page's tests among the others.

The hub supplements a certified fire panel; it does not replace one. Most of today's devices read no receipts: of those, a
message lost on its way shows only when the device falls silent.
"""
NOT_RUN = "**not run**"


class Seen:
    """A pytest plugin: outcome, seconds and figures of every test, whatever its parameters."""

    def __init__(self) -> None:
        self.outcome: dict[str, str] = {}
        self.figures: dict[str, list[str]] = {}
        self.seconds = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0]
        self.seconds += report.duration
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.outcome[test] = f"{NOT_RUN}: {reason.removeprefix('Skipped: ')}"
        elif report.failed:
            self.outcome[test] = "**failed**"
        elif report.when == "call":
            self.outcome.setdefault(test, "")
        if report.when == "call":
            self.figures.setdefault(test, []).extend(f"{name}: {value}" for name, value in report.user_properties)


def page(seen: Seen) -> str:
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [HEAD.format(when=when, machine=machine(), red=red()), "", "## Promises", ""]
    lines += ["| # | promise | test | last figures | seen red without |", "|---|---|---|---|---|"]
    for number, words in PROMISES.items():
        tests = [test for test, shown in marked().items() if number in shown.promises]
        lines += rows([str(number), words], tests, seen)
    lines += ["", "## Faults", "", "| injected | expected | test | last figures | seen red without |", "|---|---|---|---|---|"]
    for fault, expected in FAULTS.items():
        tests = [test for test, shown in marked().items() if fault in shown.faults]
        lines += rows([fault, expected], tests, seen)
    lines += soak()
    bad = sum(bool(outcome) for outcome in seen.outcome.values())
    lines += ["", f"{len(seen.outcome)} tests in {seen.seconds:.0f} s, {bad} failed or not run.", ""]
    return "\n".join(lines)


def rows(heads: list[str], tests: list[str], seen: Seen) -> list[str]:
    """One row a test; what they have in common stands in the first."""
    if not tests:
        return [f"| {' | '.join(heads)} | | {NOT_RUN}: no test is marked with it | |"]
    made = []
    for test in tests:
        file, _, name = test.partition("::")
        figures = "<br>".join(one for one in [seen.outcome.get(test, NOT_RUN), *seen.figures.get(test, ())] if one) or "held"
        without = "; ".join(guard.gone for guard in GUARDS if test in guard.tests)
        made.append(f"| {' | '.join(heads)} | [`{name.removeprefix('test_')}`](../{file}) | {cell(figures)} | {cell(without)} |")
        heads = ["" for _ in heads]
    return made


def cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def machine() -> str:
    """Processors, memory, how long the disk takes, and which programs."""
    text = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    with tempfile.TemporaryDirectory() as folder:
        syncs = sorted(sync_a_page(Path(folder) / "page") * 1e3 for _ in range(300))
    programs = ", ".join(f"{name} {version}".strip() for name, version in versions().items() if not name.startswith("Chrom"))
    disk = f"fdatasync of a page p50 {statistics.median(syncs):.2f}, p99 {syncs[296]:.2f} ms"
    return f"{os.cpu_count()} x {models[0] if models else 'processor'}, {memory:.0f} GB, {disk}; {programs}"


def red() -> str:
    if not RED.exists():
        return "It was not run on this machine."
    found = json.loads(RED.read_text("utf-8"))
    return f"Last on {found['when']}: {found['red']} of {found['of']} red."


def soak() -> list[str]:
    """The last soak's table, if there was one here."""
    if not SOAK.exists():
        return ["", "## Soak", "", f"{NOT_RUN} on this machine: `make soak`."]
    found = json.loads(SOAK.read_text("utf-8"))
    lines = ["", "## Soak", "", f"Of {found['began']}, {found['rate']:g} messages a second at QoS 1, seed {found['seed']}.", ""]
    lines += ["| fault | injected | messages | lost | doubled | alerts | missing | doubled | untold | recovery |"]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    for row in found["rows"]:
        counts = [str(value) for value in (row["counts"] or {}).values()][:7] or ["?"] * 7
        recovery = row["recovery"] + ("" if row["good"] else f" **not good** {row['wrong']}")
        lines.append(f"| {row['fault']} | {row['injected']} | {' | '.join(counts)} | {recovery} |")
    return lines
