"""``gengfu import``: tables as people write them, and what becomes of a bad line."""

import json
from pathlib import Path

import msgspec
import pytest

from hub.cli.importing import _pieces
from hub.lock import Lock
from hub.model import Device, Space
from hub.records import Records
from tests.support.asking import TABLE, Ask, ask, records, sentence

__all__ = ["ask"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_import(ask: Ask, tmp_path: Path, encoding: str, separator: str) -> None:
    table = TABLE.replace(",", separator).replace("\n", "\r\n")
    (tmp_path / "devices.csv").write_bytes(table.encode(encoding))
    code, out, err = ask("import", "devices.csv")
    assert (code, err) == (0, "")
    assert out == f"3 places and 2 devices imported into {tmp_path / 'data'}.\n"
    spaces, devices = records(tmp_path / "data")
    assert spaces["3-502"] == Space("3-502", "502", "flat", "3", "330106001")
    assert devices["tasmota:meter-7"] == Device(
        "tasmota:meter-7", "电表", "3-502", accepted=True, factor=20.0, tags=("main", "paid")
    )
    assert devices["zigbee:0x01"].space == "3-502-k"


def test_import_leaves_what_is_known(ask: Ask, tmp_path: Path) -> None:
    known = Device("zigbee:0x01", name="烟感", vendor="Heiman", model="HS1SA", first_seen=5, factor=2.0)
    store = Records(tmp_path / "data" / "records.db")
    store.upsert_devices([known])
    store.upsert_spaces([Space("a", "A", "flat", code="330")])
    store.close()
    (tmp_path / "t.csv").write_text("device,space\nzigbee:0x01,a\n")
    assert ask("import", "t.csv")[0] == 0
    (tmp_path / "t.csv").write_text("space,space_name\na,B\n")
    assert ask("import", "t.csv")[0] == 0
    spaces, devices = records(tmp_path / "data")
    assert devices["zigbee:0x01"] == Device(
        "zigbee:0x01", "烟感", "a", vendor="Heiman", model="HS1SA", accepted=True, factor=2.0, first_seen=5
    )
    assert spaces["a"] == Space("a", "B", "flat", code="330")


BAD = [
    ("3-9,9,4,flat,,,,,", 'parent "4" is nowhere'),
    ("3-9,9,3,flatt,,,,,", 'kind: "flatt" is not one of'),
    ("3-9,,,,,x:1,,twice,", 'factor "twice" is no number'),
    ("3-502,,,,,x:1,,-1,", "factor: -1.0 is wrong: it should be greater than 0"),
    ("3-503,,,,,x:1,,,", 'space "3-503" is nowhere; did you mean "3-502"?'),
    ("3-502,,,,,meter 7,,,", "device: "),
    ("3-502,,,,,zigbee:0x01,,,", '"zigbee:0x01" is on line 5 already'),
    ("3-502,503,,,,,,,", '"3-502" is described differently on line 3'),
    (",,,,,,Meter,,", "it names neither a space nor a device"),
    (",Kitchen,,,,x:1,,,", "fill in space"),
    ("a b,A,,,,,,,", "space: "),
    ("7,7,8,flat,,,,,\n8,8,7,flat,,,,,", '"7" lies inside itself'),
]


@pytest.mark.parametrize(("row", "said"), BAD)
def test_a_bad_line_is_told_and_nothing_is_imported(ask: Ask, tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(TABLE + row + "\n")
    code, out, err = ask("import", "t.csv")
    assert (code, out) == (1, "")
    assert err.startswith("t.csv line 6: ")
    assert said in err.splitlines()[0]
    assert "nothing is imported" in err.splitlines()[-1]
    assert not (tmp_path / "data" / "records.db").exists()

    code, out, err = ask("import", "t.csv", "--skip-bad")
    assert code == 0
    assert "3 places and 2 devices imported" in out
    assert "left out" in out
    assert len(records(tmp_path / "data")[0]) == 3


def test_every_bad_line_is_told_and_what_stands_on_it(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'space,space_name,kind,parent,device\na,A,castle,,\nb,"B\nsecond line",flat,a,\nb,,,,x:1\n\n,,,,y 1\nc,C,,,z:1\n'
    )
    _, _, err = ask("import", "t.csv")
    assert [line.split(":")[0] for line in err.splitlines()[:-1]] == [f"t.csv line {line}" for line in (2, 3, 5, 7)]
    assert "4 lines are wrong" in err
    assert ask("import", "t.csv", "--skip-bad")[0] == 0
    spaces, devices = records(tmp_path / "data")
    assert (list(spaces), list(devices)) == (["c"], ["z:1"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "is empty; its first line is the head"),
        ("spice,device\n", 'unknown column "spice"; did you mean "space"?'),
        ("name,factor\n", "neither space nor device"),
        ("space,space\n", "twice"),
        ('device\n"x:1\n', "this is no CSV"),
        ("device\nx:1,y\n", "line 2: it has more cells"),
        (b"device\n\xff\xff\xff\n", "neither UTF-8 nor GBK"),
    ],
)
def test_what_is_no_table(ask: Ask, tmp_path: Path, table: str | bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    assert said in sentence(ask("import", "t.csv"))


def test_import_while_a_hub_holds_the_folder_but_does_not_answer(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("space,space_name\na,A\n")
    lock = Lock(tmp_path / "data")
    try:
        assert "just starting" in sentence(ask("import", "t.csv"))
        lock.tell("http://127.0.0.1:9")
        assert "http://127.0.0.1:9 does not answer" in sentence(ask("import", "t.csv"))
    finally:
        lock.release()
    assert not (tmp_path / "data" / "records.db").exists()


def test_what_is_sent_to_a_running_hub_comes_in_pieces_it_takes() -> None:
    """The hub takes no request over 64 KiB. Places come before what lies in them."""
    spaces = [Space(f"room-{number}", "厨" * 150, parent="flat") for number in range(300)]
    devices = [Device(f"x:{number}", "烟" * 200, accepted=True) for number in range(300)]
    pieces = [json.loads(piece) for piece in _pieces(spaces, devices) if len(piece) < 64 * 1024]
    assert len(pieces) > 1
    assert [msgspec.convert(each, Space) for piece in pieces for each in piece["spaces"]] == spaces
    assert [msgspec.convert(each, Device) for piece in pieces for each in piece["devices"]] == devices
    last_place = max(number for number, piece in enumerate(pieces) if piece["spaces"])
    assert not any(piece["devices"] for piece in pieces[:last_place])
    assert list(_pieces([], [])) == []
