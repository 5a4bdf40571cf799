"""``gengfu`` asked in a folder of its own, and what it left in the records."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli import main
from hub.model import Device, Space
from hub.records import RecordsReader

Ask = Callable[..., tuple[int, str, str]]

TABLE = """space,space_name,parent,kind,code,device,name,factor,tags
3,3幢,,building,,,,,
3-502,502,3,flat,330106001,,,,
3-502,,,,,tasmota:meter-7,电表,20,main paid
3-502-k,厨房,3-502,room,,zigbee:0x01,烟感,,
"""


def records(directory: Path) -> tuple[dict[str, Space], dict[str, Device]]:
    reader = RecordsReader(directory / "records.db")
    try:
        return {space.id: space for space in reader.spaces()}, {device.id: device for device in reader.devices()}
    finally:
        reader.close()


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command in a folder of its own; gives the exit code, and what it said on stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def sentence(answer: tuple[int, str, str]) -> str:
    code, _, said = answer
    assert code == 1, answer
    assert "Traceback" not in said
    assert said.count("\n") == 1, said
    return said.strip()
