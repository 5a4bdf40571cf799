"""Counts what the tests really ran against: brokers, databases and browsers that were started while a test ran.

Seen by Python's own audit events (a process started, a database opened), so no test has to say it. The tests run in worker
processes: each has a ``Witness``, and the ``Tally`` adds up what they saw.
"""

import functools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

MOSQUITTO, NATS, HUB = "mosquitto", "nats-server", "whole hub processes"
SQLITE, DUCKDB, BROWSER = "SQLite", "DuckDB", "Chromium"


class Witness:
    """A pytest plugin of a process that runs tests: which test used what."""

    def __init__(self) -> None:
        self.now = ""  # the test that is running
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        sys.addaudithook(self._audit)
        duckdb.connect = self._counted(duckdb.connect)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["used"] = {what: sorted(tests) for what, tests in self.used.items()}

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.now:
            return
        if event == "subprocess.Popen":
            self._started([os.fsdecode(word) for word in arguments[1]] if not isinstance(arguments[1], str) else [arguments[1]])
        elif event == "sqlite3.connect" and arguments[0] != ":memory:":
            self.used[SQLITE].add(self.now)

    def _started(self, words: list[str]) -> None:
        programs = {Path(word).name for word in words[:3]}
        if MOSQUITTO in programs:
            self.used[MOSQUITTO].add(self.now)
        if NATS in programs:
            self.used[NATS].add(self.now)
        if "gengfu" in programs or words[1:3] == ["-m", "hub"]:
            self.used[HUB].add(self.now)

    def _counted(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(connect)
        def counted(*arguments: Any, **named: Any) -> Any:
            if self.now:
                self.used[DUCKDB].add(self.now)
            return connect(*arguments, **named)

        return counted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.now = item.nodeid
        parameters = " ".join(str(value) for value in getattr(getattr(item, "callspec", None), "params", {}).values())
        fixtures = " ".join(getattr(item, "fixturenames", ()))
        for words, what in ((r"mosquitto", MOSQUITTO), (r"nats", NATS)):  # one that a fixture started for several tests
            if re.search(words, f"{parameters} {fixtures}"):
                self.used[what].add(item.nodeid)
        if item.get_closest_marker("browser"):
            self.used[BROWSER].add(item.nodeid)
        try:
            return (yield)
        finally:
            self.now = ""


class Tally:
    """A pytest plugin of the process that reports. ``broken``: checkers that failed; ``missing``: what the machine lacks."""

    def __init__(self, broken: list[str], missing: list[str], started: float) -> None:
        self.broken = broken
        self.missing = missing
        self.started = started
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        self.skipped: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self.not_run: Counter[str] = Counter()

    def pytest_testnodedown(self, node: Any) -> None:
        for what, tests in getattr(node, "workeroutput", {}).get("used", {}).items():
            self.used[what].update(tests)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.not_run[reason.removeprefix("Skipped: ")] += 1
            self.skipped.add(report.nodeid)
        elif report.when == "call":
            self.outcomes[report.outcome] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        line = terminalreporter.write_line
        ran = sum(self.outcomes.values())
        line("")
        line(f"{ran} tests ran in {time.monotonic() - self.started:.0f} s, checkers included. Against the real thing:")
        for what, version in versions().items():
            line(f"  {len(self.used[what] - self.skipped):5} {what}{f' {version}' if version else ''}")
        for reason, count in sorted(self.not_run.items()):
            terminalreporter.write_line(f"NOT RUN: {count} test{'s' * (count > 1)}: {reason}", yellow=True, bold=True)
        for lack in self.missing:
            terminalreporter.write_line(f"MISSING ON THIS MACHINE: {lack}", yellow=True, bold=True)
        for name in self.broken:
            terminalreporter.write_line(f"FAILED before pytest: {name}", red=True, bold=True)


def versions() -> dict[str, str]:
    chromium = _says("chromium", "--version")
    return {
        MOSQUITTO: _says("mosquitto", "-h"),
        NATS: _says(str(Path(sys.executable).with_name("nats-server")), "-v"),
        SQLITE: sqlite3.sqlite_version,
        DUCKDB: duckdb.__version__,
        BROWSER: chromium,
        HUB: "",
    }


def _says(*words: str) -> str:
    """The first version number in what a program says about itself; where it is not installed, that."""
    program = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not program:
        return "(not installed)"
    said = subprocess.run([program, *words[1:]], capture_output=True, text=True, timeout=30)
    found = re.search(r"\d+(?:\.\d+)+", said.stdout + said.stderr)
    return found[0] if found else "(version unknown)"
