"""What the suite needs of the machine besides Python: real brokers, a browser, a C compiler. Installed if we may."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / ".venv" / "apt.log"


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True).stdout.strip())


def compose() -> list[str]:
    """The command of docker compose, a plugin or a program by itself; empty where there is neither."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and subprocess.run([*plugin, "version"], capture_output=True).returncode == 0:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else []


# Debian's package -> whether what it brings is there, and what will not run without it
NEEDED: dict[str, tuple[Callable[[], bool], str]] = {
    "mosquitto": (_command("mosquitto"), "every test against mosquitto"),
    "influxdb": (_command("influxd"), "every test against InfluxDB"),
    "victoria-metrics": (_command("victoria-metrics"), "every test against VictoriaMetrics"),
    "chromium": (_command("chromium"), "every test in a browser"),
    "fonts-noto-cjk": (_chinese_font, "Chinese in printed reports and screenshots"),
    "libmosquitto-dev": (lambda: Path("/usr/include/mosquitto.h").exists(), "the benchmark's C echo"),
    "gcc": (_command("gcc"), "the benchmark's C echo"),
    "strace": (_command("strace"), "kills at the Nth write"),
    "poppler-utils": (_command("pdftoppm"), "a look at the printed reports"),
    "gnumeric": (_command("ssconvert"), "the workbooks' formulas, by a real spreadsheet"),
    "faketime": (_command("faketime"), "jumps of the wall clock"),
    "docker-compose": (lambda: bool(compose()), "what docker compose says of compose.yaml"),
    "systemd": (_command("systemd-analyze"), "what systemd says of gengfu.service"),
}


def lacking() -> list[str]:
    return [package for package, (is_there, _) in NEEDED.items() if not is_there()]


def make_ready(say: Callable[[str], None]) -> list[str]:
    """Installs what is missing where we may; says loudly, and returns, what will not run for lack of it."""
    missing = lacking()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        began = time.monotonic()
        say(f"installing {', '.join(missing)}")
        if not _apt("update") or not _apt("install", "-y", "--no-install-recommends", *missing):
            say(f"    apt-get failed; what it said is in {LOG}")
        say(f"    {time.monotonic() - began:.0f} s")
        missing = lacking()
    for package in missing:
        say(f"!!! {package} is missing, so this does not run: {NEEDED[package][1]} (apt-get install {package})")
    return [f"{package}: {NEEDED[package][1]}" for package in missing]


def _apt(*words: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with LOG.open("a", encoding="utf-8") as log:
        try:
            return subprocess.run(["apt-get", "-q", *words], stdout=log, stderr=log, env=environment, timeout=400).returncode == 0
        except subprocess.TimeoutExpired:
            return False
