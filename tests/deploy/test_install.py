"""deploy/install.py, run for real in folders of its own; what a machine can lack is taken from it, never mocked."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "deploy" / "install.py"

BACKEND = """
import zipfile, pathlib
def _wheel(directory):
    name = "gengfu-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("gengfu_here.pth", str(pathlib.Path(__file__).parent))
        wheel.writestr("gengfu-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: gengfu\\nVersion: 0.1.0\\n")
        wheel.writestr("gengfu-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("gengfu-0.1.0.dist-info/RECORD", "")
    return name
def build_editable(directory, config_settings=None, metadata_directory=None): return _wheel(directory)
def build_wheel(directory, config_settings=None, metadata_directory=None): return _wheel(directory)
"""


def wheel(folder: Path) -> str:
    """A tiny package for the lock file; returns its SHA-256."""
    path = folder / "lantern-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lantern.py", "LIT = True\n")
        archive.writestr("lantern-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lantern\nVersion: 1.0\n")
        archive.writestr("lantern-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("lantern-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small repository: the real installer, one locked package, a build backend without dependencies."""
    root = tmp_path / "house"
    (root / "deploy").mkdir(parents=True)
    shutil.copy(INSTALL, root / "deploy")
    (root / "wheels").mkdir()
    lock = f"lantern==1.0 \\\n    --hash=sha256:{wheel(root / 'wheels')}\n"
    (root / "requirements.lock").write_text(lock)
    (root / "requirements-dev.lock").write_text(lock)
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "gengfu"\nversion = "0.1.0"\n'
    )
    return root


def environment(house: Path, **changes: str) -> dict[str, str]:
    """Without this machine's pip settings; packages come from the folder beside the lock, and from nowhere else."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    here = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house / "wheels"), "PIP_RETRIES": "1"}
    return {**plain, **here, **changes}


def run(house: Path, *arguments: str, python: str = sys.executable, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [python, str(house / "deploy" / "install.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(house, **changes), timeout=120)


def only_sentence(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode == 1, answer.stderr
    lines = answer.stderr.strip().splitlines()
    assert len(lines) == 1, answer.stderr
    assert lines[0].startswith("gengfu: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in answer.stdout + answer.stderr
    return lines[0]


def test_it_installs_and_says_how_long_and_how_big(house: Path) -> None:
    first = run(house, "--dev")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Installing Gengfu into .venv\nInstalled in ")
    assert first.stdout.rstrip().endswith("MB in .venv")
    assert len(first.stdout.splitlines()) == 2, "pip's noise belongs into the log"
    assert "lantern" in (house / ".venv" / "install.log").read_text()
    assert (house / ".venv" / "installed").exists()
    assert (house / ".venv" / "installed-dev").exists()
    check = [str(house / ".venv" / "bin" / "python"), "-c", "import lantern, backend"]
    assert subprocess.run(check, timeout=30).returncode == 0

    # again, and again with half of it gone
    assert run(house).returncode == 0
    shutil.rmtree(house / ".venv" / "lib")
    mended = run(house)
    assert mended.returncode == 0, mended.stderr
    assert subprocess.run(check, timeout=30).returncode == 0


def test_a_failed_install_leaves_no_mark_of_success(house: Path) -> None:
    assert run(house).returncode == 0
    (house / "requirements.lock").write_text("absent==1.0 --hash=sha256:" + "0" * 64 + "\n")
    sentence = only_sentence(run(house))
    assert "there is no package absent==1.0 for Python" in sentence
    assert not (house / ".venv" / "installed").exists()


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.9", "3.10"])
def test_an_old_python_says_so(house: Path, version: str) -> None:
    """Debian 11 has 3.9, Ubuntu 22.04 has 3.10: the real ones where this machine has them, else ours taken for one."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if found:
        answer = run(house, python=str(found[0]), PATH="/nowhere")
    else:
        major, minor = version.split(".")
        old = (
            f"import sys, runpy; sys.version_info = ({major}, {minor}, 0); runpy.run_path({str(INSTALL)!r}, run_name='__main__')"
        )
        command = [sys.executable, "-c", old]
        answer = subprocess.run(command, capture_output=True, text=True, env=environment(house, PATH="/nowhere"), timeout=60)
    sentence = only_sentence(answer)
    assert f"needs Python 3.11 or newer and found {version}." in sentence
    assert "make PYTHON=/path/to/python3.12 demo" in sentence


def test_it_parses_on_python_3_6() -> None:
    ast.parse(INSTALL.read_text("utf-8"), feature_version=(3, 6))


def test_an_old_python_hands_over_to_a_newer_one_on_the_path(house: Path, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    (path / "python3.13").write_text("#!/bin/sh\nexit 127\n")  # a stub that starts nothing, as pyenv's shims may be
    (path / "python3.12").symlink_to(sys.executable)
    (path / "python3.13").chmod(0o755)
    old = "import sys, runpy; sys.version_info = (3, 9, 2); sys.argv = ['install.py']; runpy.run_path(%r, run_name='__main__')"
    command = [sys.executable, "-c", old % str(house / "deploy" / "install.py")]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment(house, PATH=f"{path}:/bin"), timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert (house / ".venv" / "installed").exists()


def test_without_the_venv_module(house: Path, tmp_path: Path) -> None:
    """As Debian ships Python without python3-venv: ensurepip cannot be imported."""
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "ensurepip.py").write_text("raise ModuleNotFoundError(\"No module named 'ensurepip'\")\n")
    sentence = only_sentence(run(house, PYTHONPATH=str(tmp_path / "lacking")))
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in sentence


def test_without_a_network(house: Path) -> None:
    changes = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": ""}
    sentence = only_sentence(run(house, **changes))
    assert "no network" in sentence
    assert "run the same command again" in sentence
    assert "Connection refused" in (house / ".venv" / "install.log").read_text()


def test_a_package_that_is_not_the_tested_one(house: Path) -> None:
    (house / "requirements.lock").write_text("lantern==1.0 --hash=sha256:" + "0" * 64 + "\n")
    assert "its hash differs" in only_sentence(run(house))


def test_a_full_disk(house: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(small)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here ({mounted.stderr.strip()}): a full disk was NOT tested")
    try:
        shutil.copytree(house, small / "house")
        sentence = only_sentence(run(small / "house"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert "the disk is full" in sentence
