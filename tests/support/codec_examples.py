"""A codec's own examples, as the TTN device repository writes them: ``<name>-codec.yaml`` beside ``<name>.js``.

    uplinkDecoder:
      fileName: acme.js
      examples: [{description: …, input: {fPort: 1, bytes: [1, 2]}, output: {data: {…}}}]

YAML 1.2: on, off, yes and no are texts. ``failures(path)`` runs them and says which do not come out as written.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from adapters.lora_codec_child import ask, load


class Example(NamedTuple):
    description: str
    port: int
    octets: bytes
    data: dict[str, Any] | None
    errors: list[str]


def examples(path: Path) -> Iterator[Example]:
    for given in _read(path)["examples"]:
        output = given["output"]
        described, asked = str(given.get("description", "")), given["input"]
        yield Example(described, asked["fPort"], bytes(asked["bytes"]), output.get("data"), list(output.get("errors") or ()))


def failures(path: Path) -> list[str]:
    """A line for every example that the codec answers otherwise."""
    context = load((path.parent / _read(path)["fileName"]).read_text(encoding="utf-8"))
    wrong = []
    for example in examples(path):
        said = json.loads(ask(context, {"fPort": example.port, "bytes": example.octets.hex(), "recvTime": 0}))
        if said.get("data") != example.data or bool(said.get("errors")) != bool(example.errors):
            wrong.append(f"{example.description}: said {said}, expected {example.data}")
    return wrong


def _read(path: Path) -> dict[str, Any]:
    decoder: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["uplinkDecoder"]
    return decoder
