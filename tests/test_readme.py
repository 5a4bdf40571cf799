"""The README is true: every path it names exists, every command parses, every make target is there."""

import re
import subprocess
from pathlib import Path

import pytest

from hub.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", README) + re.findall(r"```sh\n(.*?)```", README, re.S)
TOP = ("hub/", "adapters/", "rules/", "simulators/", "deploy/", "tests/", "docs/", "pyproject.toml")


def test_every_path_exists() -> None:
    paths = [code for code in CODE if code.startswith(TOP)] + re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_make_target_exists() -> None:
    targets = {target for code in CODE for target in re.findall(r"\bmake ([a-z-]+)", code)}
    assert {"demo", "test"} <= targets
    for target in targets:
        ran = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("command", sorted({word for code in CODE for word in re.findall(r"\bgengfu ([a-z]+)", code)}))
def test_every_command_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "Example" in capsys.readouterr().out
