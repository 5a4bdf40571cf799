#!/usr/bin/env python3
"""Makes Gengfu's own environment in .venv: ``python3 deploy/install.py [--dev]``; ``make demo`` and ``make test`` call it.

Runs with whatever python3 the machine has, so that even an old one can say what is missing: this file parses on Python 3.6.
Every failure is one sentence with the remedy and exit code 1; pip's own words are kept in .venv/install.log.
"""

# ruff: noqa: T201

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

WANTED = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
NEEDED_MB = {"core": 500, "dev": 900}
AGAIN = "run the same command again"
DISK_FULL = f"the disk is full: make room in {ROOT} and {AGAIN}."


class Failed(Exception):
    """The one sentence."""


def main(arguments: "list[str]") -> int:
    try:
        if sys.version_info < WANTED:
            run_with_a_newer_python(arguments)
        install("dev" if "--dev" in arguments else "core")
    except Failed as failure:
        return say(str(failure), 1)
    except KeyboardInterrupt:
        return say(f"stopped; to go on, {AGAIN}.", 130)
    except OSError as error:
        return say(DISK_FULL if error.errno == errno.ENOSPC else f"{error.filename or ROOT}: {error.strerror}.", 1)
    return 0


def say(sentence: str, code: int) -> int:
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{clear}gengfu: {sentence}", file=sys.stderr)
    return code


def run_with_a_newer_python(arguments: "list[str]") -> None:
    check = f"import sys; sys.exit(sys.version_info < {WANTED})"
    for name in NEWER:
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", check], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            os.execv(path, [path, str(Path(__file__).resolve()), *arguments])
    found = ".".join(str(part) for part in sys.version_info[:3])
    raise Failed(
        f"it needs Python 3.11 or newer and found {found}: install one, such as python3.12, "
        "or name one you have with make PYTHON=/path/to/python3.12 demo."
    )


def install(what: str) -> None:
    started = time.monotonic()
    require_venv_module()
    require_room(NEEDED_MB[what])
    lock = ROOT / ("requirements-dev.lock" if what == "dev" else "requirements.lock")
    progress = Progress(len(re.findall(r"^[A-Za-z0-9][\w.-]*==", lock.read_text("utf-8"), re.M)))
    if not venv_works():
        make_venv()
    markers = [VENV / "installed"] + ([VENV / "installed-dev"] if what == "dev" else [])
    for marker in markers:
        if marker.exists():
            marker.unlink()
    with LOG.open("w", encoding="utf-8") as log:
        pip(log, progress, ["--require-hashes", "-r", str(lock)])
        progress.show("Gengfu itself")
        pip(log, progress, ["--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    for marker in markers:
        marker.touch()
    progress.done(f"Installed in {time.monotonic() - started:.0f} s: {megabytes(VENV):.0f} MB in .venv")


def require_venv_module() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python3.{sys.version_info[1]}-venv"
        raise Failed(f"Python's venv module is missing: install it with apt-get install {package}, and {AGAIN}.") from None


def require_room(needed: float) -> None:
    free = shutil.disk_usage(str(ROOT)).free / 1e6
    needed -= megabytes(VENV)
    if free < needed:
        raise Failed(f"the disk is full: it needs {needed:.0f} MB in {ROOT} and there are {free:.0f} MB.")


def venv_works() -> bool:
    """Half a .venv, or one whose Python has gone, is made anew."""
    check = f"import pip, sys; sys.exit(sys.version_info < {WANTED} or sys.prefix == sys.base_prefix)"
    try:
        return subprocess.call([str(PYTHON), "-I", "-c", check], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(str(VENV))
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        said = made.stdout.decode("utf-8", "replace")
        raise Failed(DISK_FULL if "No space left" in said else f"Python could not make {VENV}: {last_line(said)}")


def pip(log: "IO[str]", progress: "Progress", arguments: "list[str]") -> None:
    environment = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV"):
        environment.pop(name, None)
    command = [str(PYTHON), "-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off", *arguments]
    log.write("$ " + " ".join(command) + "\n")
    log.flush()
    said = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as running:
        assert running.stdout is not None
        for raw in running.stdout:
            line = raw.decode("utf-8", "replace")
            log.write(line)
            said += line
            progress.follow(line)
    if running.returncode:
        raise Failed(why_pip_failed(said))


# What pip says -> the sentence; the first that fits counts.
CAUSES = (
    (r"No space left on device|Errno 28", DISK_FULL),
    (
        r"DO NOT MATCH THE HASHES",
        "a package came that is not the one that was tested (its hash differs): empty pip's cache with "
        f".venv/bin/pip cache purge and {AGAIN}.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "the package index's certificate is not trusted: behind a proxy of your own, name its certificate in PIP_CERT.",
    ),
    (
        r"NewConnectionError|ConnectTimeout|Read ?[Tt]imed? ?[Oo]ut|Max retries|ProxyError|name resolution|RemoteDisconnected"
        r"|Network is unreachable|Connection (?:refused|reset|broken)|ConnectionError|IncompleteRead",
        "no network: the index of Python packages cannot be reached; connect this machine, or name a mirror in "
        f"PIP_INDEX_URL, and {AGAIN}.",
    ),
    (r"Permission denied|Errno 13", f"no permission to write in {ROOT}: run it as the owner of that folder."),
)


def why_pip_failed(said: str) -> str:
    for sign, sentence in CAUSES:
        if re.search(sign, said):
            return sentence
    missing = re.search(r"No matching distribution found for (\S+)", said)
    if missing:
        version = ".".join(str(part) for part in sys.version_info[:2])
        return (
            f"there is no package {missing.group(1)} for Python {version} on this kind of machine: "
            "use another Python, such as make PYTHON=python3.12 demo."
        )
    errors = [line[7:] for line in said.splitlines() if line.startswith("ERROR: ")] or [last_line(said)]
    return f"pip failed ({errors[0].rstrip('.')}): all it said is in {LOG}."


def last_line(text: str) -> str:
    return ([line.strip() for line in text.splitlines() if line.strip()] or ["it did not say why"])[-1]


def megabytes(folder: Path) -> float:
    """What the files in a folder hold together; 0 if there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


class Progress:
    """One line that moves on a terminal; where nobody watches, only its beginning and its end."""

    def __init__(self, total: int) -> None:
        self.moving = sys.stdout.isatty()
        self.started = time.monotonic()
        self.total = total
        self.count = 0
        if self.moving:
            self.show("a fresh .venv")
        else:
            print("Installing Gengfu into .venv", flush=True)

    def follow(self, line: str) -> None:
        """A line of pip's."""
        name = re.match(r"\s*(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
        if name:
            self.count += 1
            self.show(name.group(1))
        elif line.startswith("Installing collected packages"):
            self.show("unpacking")

    def show(self, text: str) -> None:
        if self.moving:
            filled = min(24, 24 * self.count // max(self.total, 1))
            bar = "█" * filled + "·" * (24 - filled)
            print(f"\r\033[KInstalling {bar} {time.monotonic() - self.started:3.0f} s  {text[:32]}", end="", flush=True)

    def done(self, text: str) -> None:
        print(("\r\033[K" if self.moving else "") + text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
