"""``make red`` (``python -m tests.promises.red [WORD … | --rest]``): sees every test of a promise or a fault fail.

For each guard of ``tests/promises/guards.py`` a copy of the tree loses it, and its tests must fail there. With words, only the
guards or tests that contain one of them; with --rest, those not seen red yet. A guard whose text is no longer in its file, and a
marked test without a guard, are errors. Prints a table; what was seen goes to build/red.out.json, for docs/reliability.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.promises.catalog import marked
from tests.promises.guards import GUARDS, Guard
from tests.promises.page import RED, ROOT

SMOKE = "tests/promises/test_05_stalls.py::test_nothing_else_going_on"
"""Must be green before anything is taken out."""
REST = "--rest"
NO_START = re.compile(r"E .*(SyntaxError|ImportError|NameError|IndentationError|this is a bug).*")


def without_match() -> list[str]:
    """Guards whose text is no longer there, or not only once."""
    return [
        f"{change.file} has {found} times, not once, the text of: {guard.gone}"
        for guard in GUARDS
        for change in guard.changes
        if (found := sum(path.read_text("utf-8").count(change.old) for path in ROOT.glob(change.file))) != 1
    ]


def without_guard() -> list[str]:
    """Marked tests that no guard is named for, and the other way round."""
    guarded = {test for guard in GUARDS for test in guard.tests}
    wrong = [f"no guard is named for {test}" for test in marked() if test not in guarded]
    return wrong + [f"{test} is not a test that is marked" for test in sorted(guarded - marked().keys())]


@contextmanager
def copied() -> Iterator[Path]:
    """The tree as it is, without what is large or made."""
    with tempfile.TemporaryDirectory(prefix="red-") as folder:
        copy = Path(folder) / "tree"
        left_out = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
        shutil.copytree(ROOT, copy, ignore=left_out)
        (copy / ".venv").symlink_to(ROOT / ".venv")
        yield copy


def run(copy: Path, test: str) -> "subprocess.CompletedProcess[str]":
    options = ["-q", "-x", "-p", "no:cacheprovider", "-o", "timeout=150"]
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / "hypothesis"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, test]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, env=environment)


def try_without(copy: Path, guard: Guard, test: str) -> tuple[bool, str]:
    """Whether the test failed without the guard, and how."""
    before = {path: path.read_text("utf-8") for change in guard.changes for path in copy.glob(change.file)}
    try:
        for change in guard.changes:
            for path in copy.glob(change.file):
                path.write_text(path.read_text("utf-8").replace(change.old, change.new), "utf-8")
        ran = run(copy, test)
    finally:
        for path, text in before.items():
            path.write_text(text, "utf-8")
    if broken := NO_START.search(ran.stdout):
        return False, f"THE HUB DOES NOT EVEN START: {broken[0]}"
    if ran.returncode == 1 and "\nFAILED " in ran.stdout:
        complaints = [line[1:].strip() for line in ran.stdout.splitlines() if line.startswith("E  ")]
        return True, complaints[0][:110] if complaints else "failed"
    if " skipped" in ran.stdout.splitlines()[-1]:
        return False, "NOT RUN: skipped here"
    if ran.returncode == 0:
        return False, "STILL GREEN"
    return False, f"NO TEST FAILED, exit code {ran.returncode}: {' '.join((ran.stdout + ran.stderr).split())[-200:]}"


def earlier(pairs: list[tuple[Guard, str]]) -> dict[tuple[str, str], dict[str, object]]:
    """What was seen before, of what is still to be seen."""
    if not RED.exists():
        return {}
    known = {(guard.gone, test) for guard, test in pairs}
    rows = json.loads(RED.read_text("utf-8"))["results"]
    return {(row["without"], row["test"]): row for row in rows if (row["without"], row["test"]) in known}


def main(words: list[str]) -> int:
    if wrong := without_match() + ([] if words else without_guard()):
        print("\n".join(wrong))
        return 1
    pairs = [(guard, test) for guard in GUARDS for test in guard.tests]
    results = earlier(pairs) if words else {}
    if words == [REST]:
        chosen = [(guard, test) for guard, test in pairs if not results.get((guard.gone, test), {}).get("red")]
    else:
        chosen = [pair for pair in pairs if not words or any(word in pair[1] or word in pair[0].gone for word in words)]
    with copied() as copy:
        if (ran := run(copy, SMOKE)).returncode:
            print(f"{SMOKE} fails with all guards in place, so nothing can be seen:\n{ran.stdout[-2000:]}")
            return 1
        for number, (guard, test) in enumerate(chosen, 1):
            began = time.monotonic()
            red, how = try_without(copy, guard, test)
            name = test.partition("::")[2].removeprefix("test_")
            print(f"{number:3}/{len(chosen)} {'red' if red else '!!!'} {time.monotonic() - began:4.0f} s  {name}\n"
                  f"            without: {guard.gone}\n            {how}", flush=True)  # fmt: skip
            when = time.strftime("%Y-%m-%d", time.gmtime())
            results[guard.gone, test] = {"test": test, "without": guard.gone, "red": red, "how": how, "when": when}
            count = sum(bool(one["red"]) for one in results.values())
            RED.parent.mkdir(exist_ok=True)
            said = {"when": when, "red": count, "of": len(pairs), "results": list(results.values())}
            RED.write_text(json.dumps(said, indent=1), "utf-8")
    count = sum(bool(one["red"]) for one in results.values())
    print(f"{count} of {len(pairs)} red")
    return 0 if count == len(pairs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
