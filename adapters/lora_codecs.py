"""Vendors' own JavaScript codecs, for LoRaWAN devices that we have no decoder for. Not an adapter itself.

A folder that the operator supplies (``codecs`` of kinds chirpstack and tts) holds two files a codec:

    acme-th.js     in the form of the TTN device repository and ChirpStack v4 (LoRa Alliance TS013): ``decodeUplink({fPort,
                   bytes, recvTime})`` gives ``{data, warnings, errors}``; as it comes from the vendor, also bundled
    acme-th.toml   what its data mean, because units are not in the codec:
                       profiles = ["Acme TH*"]      # device or profile names, DevEUIs; globs. May be left out
                       readings = [
                         { quantity = "air.temperature", path = "temperature", unit = "°C" },
                         { quantity = "door.open", path = "contact", values = { "open" = 1, "closed" = 0 } },
                       ]
                   fields as those of kind "json" (JMESPath into ``data``, unit, scale, channel, values, required)

Each codec runs in a process of its own (``lora_codec_child.py``), limited in time and memory and without files or network.
A message waits at most ``WALL`` seconds for it, and most take less than a millisecond. What a codec cannot do is a typed
refusal: bad_frame where it says so itself (``errors``), else codec_failed. A codec that did not answer in time is ended and
started anew; after ``STRIKES`` times in a row it is left off for ``PAUSE`` ms. A codec must keep nothing between two calls.

Sources: LoRa Alliance, TS013-1.0.0 Payload Codec API; thethingsindustries.com, "Payload formatters, JavaScript, uplink".
"""

import importlib.util
import json
import os
import select
import subprocess
import sys
import time
import tomllib
import weakref
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from adapters import lora_codec_child
from adapters.decoding import shown
from adapters.fields import PreparedField, ReadingField
from adapters.lora_frame import Frame, Value
from hub.model import Reason
from hub.ports import Malformed, Settings
from hub.quantities import Vocabulary

WALL = 0.25
STRIKES = 3
PAUSE = 600_000
_MOST = 64
_LONGEST = 1 << 20


class CodecMapping(Settings):
    """What stands in a codec's TOML file."""

    profiles: tuple[str, ...] = Field((), description="device or profile names, or DevEUIs, that it is for: globs")
    readings: tuple[ReadingField, ...] = Field(description="what its data mean", min_length=1)


class Codecs:
    """The codecs of one folder. Raises ValueError for a folder that cannot be used, UnknownWord for an unknown quantity."""

    def __init__(self, folder: str, vocabulary: Vocabulary) -> None:
        mappings = _mappings(folder)
        self.profiles = frozenset(mappings)
        self.globs = [(glob.lower(), name) for name, mapping in mappings.items() for glob in mapping.profiles]
        self._codecs = {name: _Codec(name, Path(folder, f"{name}.js"), mapping, vocabulary) for name, mapping in mappings.items()}

    @staticmethod
    def check(folder: str) -> None:
        """Raises ValueError in words for whoever wrote the folder's name."""
        if importlib.util.find_spec("_quickjs") is None:
            raise ValueError("codecs need quickjs-ng, which is not installed: pip install -e '.[codecs]' in Gengfu's folder")
        _mappings(folder)

    @staticmethod
    def names(folder: str) -> tuple[str, ...]:
        return tuple(_mappings(folder))

    def decode(self, name: str, port: int, data: bytes, heard_at: int, now: int) -> Frame:
        """What the codec says of the bytes that the network heard at ``heard_at``. Raises Malformed."""
        return self._codecs[name].decode(port, data, heard_at, now) if name in self._codecs else Frame(partial=True)


def _mappings(folder: str) -> dict[str, CodecMapping]:
    if not Path(folder).is_dir():
        raise ValueError(f"codecs: {folder} is no folder")
    found = {}
    for script in sorted(Path(folder).glob("*.js")):
        table = script.with_suffix(".toml")
        try:
            found[script.stem] = CodecMapping.model_validate(tomllib.loads(table.read_text("utf-8")))
        except FileNotFoundError:
            raise ValueError(f"codecs: {script.name} has no {table.name} beside it that says what its data mean") from None
        except ValidationError as wrong:
            said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong.errors()[:5])
            raise ValueError(f"codecs: {table.name}: {said}") from None
        except (OSError, ValueError) as wrong:
            raise ValueError(f"codecs: {table.name}: {wrong}") from None
    if not found:
        raise ValueError(f"codecs: {folder} holds no .js file")
    if len(found) > _MOST:
        raise ValueError(f"codecs: {len(found)} codecs in {folder}, at most {_MOST} are run")
    return found


class _Codec:
    """One codec: what its data mean, and its process."""

    def __init__(self, name: str, script: Path, mapping: CodecMapping, vocabulary: Vocabulary) -> None:
        self._name = name
        self._fields = [PreparedField(field, vocabulary[field.quantity]) for field in mapping.readings]
        self._process = _Process(script)
        self._strikes = 0
        self._resting_until = 0

    def decode(self, port: int, data: bytes, heard_at: int, now: int) -> Frame:
        if now < self._resting_until:
            raise self._failed(f"did not answer {STRIKES} times in a row and is left off for a while")
        answer = self._ask({"fPort": port, "bytes": data.hex(), "recvTime": heard_at}, now)
        if "failed" in answer:
            raise self._failed(str(answer["failed"]))
        if errors := answer.get("errors"):
            raise Malformed(Reason.BAD_FRAME, f"codec {self._name}: {str(errors)[:200]}")
        told = answer.get("data")
        if type(told) is not dict:
            raise self._failed(f"data is {shown(told)}, expected an object")
        values = []
        for field in self._fields:
            value = field.lookup(told)
            if value is not None:
                values.append(Value(field.quantity, field.convert(value), field.channel))
            elif field.required:
                raise Malformed(Reason.MISSING_FIELD, f"codec {self._name}: {field.path} is not there")
        return Frame(tuple(values), partial=bool(told) and not values)

    def _ask(self, request: dict[str, Any], now: int) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._process.answer(json.dumps(request).encode()))
        except _NotReady:
            raise self._failed("is still starting") from None
        except TimeoutError:
            self._strikes += 1
            if self._strikes >= STRIKES:
                self._strikes, self._resting_until = 0, now + PAUSE
            raise self._failed(f"did not answer within {WALL * 1000:.0f} ms") from None
        self._strikes = 0
        return answer

    def _failed(self, why: str) -> Malformed:
        return Malformed(Reason.CODEC_FAILED, f"codec {self._name}: {why}")


class _NotReady(Exception):
    """The process has been started and is not ready yet: no fault of the message, nor of the codec."""


class _Process:
    """A codec's process, which is started at once, and again when it had to be ended."""

    def __init__(self, script: Path) -> None:
        self._command = [sys.executable, "-I", lora_codec_child.__file__, str(script.resolve())]
        self._ready = False
        self._start()

    def answer(self, request: bytes) -> bytes:
        """The line that answers a request. Raises _NotReady, or TimeoutError where the process had to be ended."""
        deadline = time.monotonic() + WALL
        if self._running.poll() is not None:
            self._start()
        if not self._ready:
            try:
                self._ready = self._line(deadline) == b"ready"
            except TimeoutError:
                raise _NotReady from None
        try:
            os.write(self._to, request + b"\n")
            return self._line(deadline)
        except (TimeoutError, BrokenPipeError):
            self._finish()
            self._start()
            raise TimeoutError from None

    def _start(self) -> None:
        self._running = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            bufsize=0,
            start_new_session=True,  # a Ctrl-C is the hub's to handle
        )
        assert self._running.stdin and self._running.stdout
        self._to, self._from = self._running.stdin.fileno(), self._running.stdout.fileno()
        self._ready = False
        self._finish = weakref.finalize(self, _end, self._running)

    def _line(self, deadline: float) -> bytes:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        got = b""
        while not got.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            part = os.read(self._from, 65536)
            if not part or len(got) > _LONGEST:
                raise TimeoutError  # it has died, or talks without end
            got += part
        return got[:-1]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()
