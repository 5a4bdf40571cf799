"""Vendors' JavaScript codecs: what they say becomes readings; what they do wrong is a typed refusal, and the hub goes on.

The codecs are written here. Each runs in the process the hub would run it in.
"""

import gc
import json
import os
import shutil
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters import lora_codecs
from hub.model import Message, Reading
from hub.ports import Adapter, Malformed
from hub.quantities import UnknownWord
from tests.support.captures import ARRIVAL, build
from tests.support.codec_examples import examples, failures

EUI = "0004a30b00ad0001"
TOPIC = f"application/a/device/{EUI}/event/up"
GOOD = """
function decodeUplink(input) {
  if (input.fPort === 9) return {errors: ["unknown FPort"]};
  var seen = input.recvTime.getTime();
  return {data: {t: ((input.bytes[0] << 8 | input.bytes[1]) << 16 >> 16) / 10, contact: input.bytes[2] ? "open" : "shut",
                 deep: {hum: input.bytes[3]}, seen: seen, nothing: 0 / 0}, warnings: ["cold"]};
}
"""
MEANING = """
profiles = ["Acme TH*"]
readings = [
  { quantity = "air.temperature", path = "t", unit = "°C" },
  { quantity = "door.open", path = "contact", values = { open = 1, shut = 0 } },
  { quantity = "air.humidity", path = "deep.hum", channel = "inside" },
  { quantity = "air.pressure", path = "nothing" },
]
"""
Folder = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def write(meaning: str = MEANING, **codecs: str) -> str:
        for name, source in codecs.items():
            (tmp_path / f"{name}.js").write_text(source)
            (tmp_path / f"{name}.toml").write_text(meaning)
        return str(tmp_path)

    return write


def send(adapter: Adapter, data: bytes, profile: str = "Acme TH1", port: int = 1, at: int = ARRIVAL) -> list[Reading]:
    body = {
        "time": "2025-12-31T23:59:58Z",
        "deviceInfo": {"devEui": EUI, "deviceProfileName": profile},
        "fPort": port,
        "fCnt": 7,
        "data": b64encode(data).decode(),
    }
    decoded = adapter.decode(Message(TOPIC, json.dumps(body).encode(), at))
    return [found for found in decoded if isinstance(found, Reading)]


def refusal(adapter: Adapter, **how: Any) -> tuple[str, str]:
    with pytest.raises(Malformed) as refused:
        send(adapter, b"\x00\xeb\x01\x32", **how)
    assert refused.value.device == f"lora:{EUI}"
    return refused.value.reason, refused.value.detail


def ready(adapter: Adapter, **how: Any) -> None:
    """Waits until the codec's process has started, however busy the machine is."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            send(adapter, b"\x00\xeb\x01\x32", **how)
        except Malformed as refused:
            if "still starting" in refused.detail:
                continue
        return
    pytest.fail("the codec's process does not start")


def test_what_a_codec_says_becomes_readings(folder: Folder) -> None:
    adapter = build("chirpstack", {"codecs": folder(acme=GOOD)})
    ready(adapter)
    found = send(adapter, b"\xff\x38\x01\x32")
    assert [(one.quantity, one.value, one.channel, one.seq, one.quality) for one in found] == [
        ("air.temperature", -20.0, "", 7, 0),  # 0xff38 is -200
        ("door.open", 1.0, "", 7, 0),
        ("air.humidity", 50.0, "inside", 7, 0),
    ]


@pytest.mark.parametrize("settings", [{"decoders": {EUI: "acme"}}, {"decoders": {"*kitchen*": "acme"}}])
def test_a_site_chooses_a_codec_like_a_decoder(folder: Folder, settings: dict[str, Any]) -> None:
    adapter = build("chirpstack", {"codecs": folder(acme=GOOD), **settings})
    ready(adapter, profile="Kitchen")
    assert send(adapter, b"\x00\xeb\x00\x32", profile="my kitchen 2")[0].quantity == "air.temperature"


def test_the_codecs_own_errors_are_a_bad_frame(folder: Folder) -> None:
    adapter = build("chirpstack", {"codecs": folder(acme=GOOD)})
    ready(adapter)
    reason, detail = refusal(adapter, port=9)
    assert (reason, "unknown FPort" in detail) == ("bad_frame", True)


RAISES = {
    "throws": ("throw new Error('bytes are ' + input.bytes.length)", "bytes are 4"),
    "loops": ("for (;;) {}", "interrupted"),
    "loops_in_a_pattern": ("return /(a+)+$/.test('a'.repeat(40) + 'b')", "interrupted"),
    "bomb": ("var a = []; for (;;) a.push(new Array(1e5).fill(7))", "out of memory"),
    "long_text": ("return {data: {t: 'x'.repeat(2e7)}}", "more than|out of memory"),
    "recurses": ("return decodeUplink(input)", "call stack"),
    "requires": ("return {data: {t: require('fs').readFileSync('/etc/passwd')}}", "require"),
    "opens": ("return {data: {t: std.open('/etc/passwd', 'r').readAsString()}}", "std"),
    "asks_the_system": ("return {data: {t: os.exec(['id'])}}", "os"),
    "process": ("return {data: {t: process.env}}", "process"),
    "fetches": ("return {data: {t: fetch('http://127.0.0.1:1/')}}", "fetch"),
    "imports": ("return import('/etc/passwd')", "data is null"),
    "says_nothing": ("", "no object"),
    "says_a_number": ("return 42", "no object"),
    "says_an_array": ("return {data: [1]}", "data is an array"),
    "circular": ("var a = {}; a.a = a; return {data: a}", "circular"),
}


def test_whatever_a_codec_does_is_a_typed_refusal(folder: Folder) -> None:
    """All of them in one hub, beside one that works: it answers after each of them as before."""
    sources = {name: f"function decodeUplink(input) {{ {body} }}" for name, (body, _) in RAISES.items()}
    adapter = build(
        "chirpstack", {"codecs": folder(**sources, good=GOOD), "decoders": {name: name for name in (*sources, "good")}}
    )
    ready(adapter, profile="good")
    for name, (_, words) in RAISES.items():
        ready(adapter, profile=name)
        started = time.monotonic()
        reason, detail = refusal(adapter, profile=name)
        assert time.monotonic() - started < 2, name
        assert reason == "codec_failed", (name, detail)
        assert any(word in detail for word in words.split("|")) or "did not answer" in detail, (name, detail)
        assert len(send(adapter, b"\x00\xeb\x01\x32", profile="good")) == 3, name


def test_one_that_the_engine_cannot_stop_is_ended_and_left_off(folder: Folder) -> None:
    """Sorting an array of four thousand million holes never looks at the clock: only the end of its process ends it."""
    stuck = "function decodeUplink(input) { var a = []; a.length = 4e9; return {data: {t: a.sort().length}}; }"
    adapter = build("chirpstack", {"codecs": folder(stuck=stuck, good=GOOD), "decoders": {"stuck": "stuck", "good": "good"}})
    ready(adapter, profile="good")
    details: list[str] = []
    deadline = time.monotonic() + 60
    while not details or "left off" not in details[-1]:
        assert time.monotonic() < deadline, details
        started = time.monotonic()
        details.append(refusal(adapter, profile="stuck")[1])
        assert time.monotonic() - started < 4 * lora_codecs.WALL
        assert len(send(adapter, b"\x00\xeb\x01\x32", profile="good")) == 3
    assert sum("did not answer within" in detail for detail in details) == lora_codecs.STRIKES
    assert "left off" in refusal(adapter, profile="stuck", at=ARRIVAL + lora_codecs.PAUSE - 1)[1]
    assert "left off" not in refusal(adapter, profile="stuck", at=ARRIVAL + lora_codecs.PAUSE)[1]


def test_a_codec_that_will_not_load_says_so_with_every_message(folder: Folder) -> None:
    adapter = build("chirpstack", {"codecs": folder(broken="function decodeUplink(", old="function Decode(port, bytes) {}")})
    for name, words in (("broken", "SyntaxError"), ("old", "decodeUplink")):
        told = build("chirpstack", {"codecs": folder(), "decoders": {"*": name}})
        ready(told)
        assert words in refusal(told)[1]
    assert adapter.snapshot() is None


def test_a_bundled_codec_runs_as_it_comes(folder: Folder) -> None:
    """Vendors bundle: a function is handed the global object, where there are no exports, and puts its own there."""
    bundled = """(function (root, factory) {
      if (typeof exports === 'object' && typeof module === 'object') module.exports = factory();
      else { var a = factory(); for (var i in a) (typeof exports === 'object' ? exports : root)[i] = a[i]; }
    })(this, () => ({decodeUplink: input => ({data: {t: input.bytes.length}})}));"""
    adapter = build("chirpstack", {"codecs": folder(bundled=bundled)})
    ready(adapter)
    assert [one.value for one in send(adapter, b"\x00\x01\x02")] == [3.0]


def processes_of(folder: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if folder.encode() in command:
            found.append(int(process.name))
    return found


def test_the_process_is_confined_and_ends_with_its_adapter(folder: Folder) -> None:
    where = folder(acme=GOOD)
    adapter = build("chirpstack", {"codecs": where})
    ready(adapter)
    (pid,) = processes_of(where)
    limits = {line[:25].strip(): line[25:].split()[0] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    assert (limits["Max open files"], limits["Max file size"], limits["Max processes"]) == ("3", "0", "0")
    assert int(limits["Max address space"]) <= 512 << 20
    assert Path(f"/proc/{pid}/environ").read_bytes() == b""
    del adapter
    gc.collect()
    assert processes_of(where) == []


def test_a_codec_that_died_is_started_again(folder: Folder) -> None:
    where = folder(acme=GOOD)
    adapter = build("chirpstack", {"codecs": where})
    ready(adapter)
    os.kill(processes_of(where)[0], 9)
    ready(adapter)
    assert len(send(adapter, b"\x00\xeb\x01\x32")) == 3


@pytest.mark.parametrize(
    ("meaning", "words"),
    [
        ("readings = []", "readings"),
        ("readings = [{ quantity = 'air.temperature', paht = 't' }]", "paht"),
        ("readings = 1", "readings"),
        ("readings = [", "acme.toml"),
        ("readings = [{ quantity = 'air.temperature', path = 't[' }]", "JMESPath"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_in_words(folder: Folder, meaning: str, words: str) -> None:
    with pytest.raises((ValidationError, ValueError)) as refused:
        build("chirpstack", {"codecs": folder(meaning, acme=GOOD)})
    assert words in str(refused.value)


def test_a_folder_that_is_wrong_is_refused_in_words(folder: Folder, tmp_path: Path) -> None:
    for settings, words in (
        ({"codecs": str(tmp_path / "none")}, "is no folder"),
        ({"codecs": str(tmp_path)}, "holds no .js file"),
    ):
        with pytest.raises(ValidationError, match=words):
            build("chirpstack", settings)
    where = folder(acme=GOOD)
    with pytest.raises(ValidationError, match='did you mean "acme"'):
        build("chirpstack", {"codecs": where, "decoders": {"*": "acne"}})
    with pytest.raises(UnknownWord, match=r"air\.temperature"):
        build("chirpstack", {"codecs": folder("readings = [{ quantity = 'air.temprature', path = 't' }]", acme=GOOD)})
    (tmp_path / "acme.toml").unlink()
    with pytest.raises(ValidationError, match=r"no acme\.toml beside it"):
        build("chirpstack", {"codecs": where})
    shutil.rmtree(where)


def test_without_the_engine_the_remedy_is_said(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match="pip install"):
        build("chirpstack", {"codecs": folder(acme=GOOD)})


CODEC_YAML = """
uplinkDecoder:
  fileName: acme.js
  examples:
    - description: the relay's words are texts, whatever YAML 1.1 made of them
      input: {fPort: 1, bytes: [1, 0x10]}
      output: {data: {relay: on, lamp: off, day: yes, id: "0010", n: 16}, warnings: [], errors: []}
    - description: one that is wrong
      input: {fPort: 2, bytes: [2]}
      output: {data: {relay: off}}
"""


def test_a_codecs_own_examples_are_run_as_yaml_1_2(tmp_path: Path) -> None:
    source = """function decodeUplink(input) {
      var on = input.bytes[0] ? "on" : "off";
      return {data: input.fPort === 2 ? {relay: on} : {relay: on, lamp: "off", day: "yes", id: "0010", n: input.bytes[1]}};
    }"""
    (tmp_path / "acme.js").write_text(source)
    (tmp_path / "acme-codec.yaml").write_text(CODEC_YAML)
    found = list(examples(tmp_path / "acme-codec.yaml"))
    assert found[0].data == {"relay": "on", "lamp": "off", "day": "yes", "id": "0010", "n": 16}
    (wrong,) = failures(tmp_path / "acme-codec.yaml")
    assert "one that is wrong" in wrong
