"""``python -m tests``, which ``make test`` calls: everything that must hold, on a machine that is made ready for it.

Installs what the machine lacks, then runs the checkers as named steps, then pytest, which sums up what ran against what.
The exit code is not 0 if anything failed. Further arguments go to pytest.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.tally import Tally

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LONGEST_FILE = 400
COUNTED = ("*.py", "*.js", "*.css", "*.html")


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    missing = machine.make_ready(say)
    broken = [
        name
        for name, check in (
            ("ruff check", command("ruff", "check", "--quiet", ".")),
            ("ruff format", command("ruff", "format", "--check", "--quiet", ".")),
            ("mypy --strict", command("mypy")),
            ("import-linter", command("lint-imports", "--no-logo")),
            (f"no file over {LONGEST_FILE} lines", long_files),
        )
        if not step(name, check)
    ]
    options = ["--color=auto", "-p", "no:cacheprovider"]
    say("pytest: what measures time, alone")
    alone = subprocess.run([sys.executable, "-m", "pytest", *options, "-m", "alone", *arguments], cwd=ROOT).returncode
    if alone not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        broken.append("the tests that run alone")
    say("pytest: the rest")
    # Most tests wait for a broker, a kill or a browser: two processes a core lose no time to each other.
    options += [f"--numprocesses={2 * (os.cpu_count() or 1)}", "--dist=loadgroup", "-m", "not alone"]
    code = int(pytest.main([*options, *arguments], plugins=[Tally(broken, missing, started)]))
    return code or (1 if broken else 0)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def step(name: str, check: Callable[[], str]) -> bool:
    """One line a step; what it complains about follows."""
    began = time.monotonic()
    moving = sys.stdout.isatty()
    if moving:
        sys.stdout.write(f"{name:28} …")
        sys.stdout.flush()
    complaint = check().strip()
    mark = "FAILED" if complaint else "ok"
    say(f"{chr(13) if moving else ''}{name:28} {mark:8} {time.monotonic() - began:5.1f} s")
    for line in complaint.splitlines():
        say(f"    {line}")
    return not complaint


def command(*words: str) -> Callable[[], str]:
    """What it says if it fails, else ''."""

    def check() -> str:
        ran = subprocess.run([str(BIN / words[0]), *words[1:]], cwd=ROOT, capture_output=True, text=True)
        return (ran.stdout + ran.stderr).strip() or f"exit code {ran.returncode}" if ran.returncode else ""

    return check


def long_files() -> str:
    listed = subprocess.run(["git", "ls-files", *COUNTED], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        paths = [path for pattern in COUNTED for path in ROOT.rglob(pattern) if ".venv" not in path.parts]
    else:
        paths = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    lengths = {path: path.read_text("utf-8").count("\n") for path in paths}
    return "\n".join(f"{path.relative_to(ROOT)} has {length} lines" for path, length in lengths.items() if length > LONGEST_FILE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
