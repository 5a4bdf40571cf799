"""Every message in tests/captures/{kind}.jsonl gives what its line says; the format of a line: tests/support/captures.py."""

from typing import Any

import pytest

from hub import plugins
from hub.model import DeviceInfo, Reading, quality_names
from hub.ports import Malformed
from tests.support.captures import FOLDER, Capture, captures, moment

KINDS = sorted(plugins.find("adapters"))
FILES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_captures(kind: str) -> None:
    assert kind in FILES, f'adapter "{kind}" has no tests/captures/{kind}.jsonl'
    lines = [capture.line for capture in captures(kind)]
    values = [entry for line in lines for entry in line.get("expected", []) if "quantity" in entry]
    assert len(values) >= 10, f"{kind}.jsonl states {len(values)} values; work out at least 10 by hand"
    for line in lines:
        assert ("expected" in line) != ("refused" in line), line
        assert line.get("source"), f"no source: {line}"


@pytest.mark.parametrize("kind", FILES)
def test_captures_mean_what_they_say(kind: str) -> None:
    assert kind in KINDS, f"{kind}.jsonl belongs to no adapter"
    for capture in captures(kind):
        wrong = differences(capture)
        assert not wrong, "\n".join([capture.where, *wrong])


def differences(capture: Capture) -> list[str]:
    """What the adapter gives that the line does not say, and the reverse."""
    line = capture.line
    try:
        decoded = list(capture.adapter.decode(capture.message))
    except Malformed as refusal:
        if refusal.reason == line.get("refused"):
            return []
        return [f"refused: {refusal.reason}: {refusal.detail}"]
    if "refused" in line:
        return [f"not refused ({line['refused']}) but {decoded}"]
    readings = [found for found in decoded if isinstance(found, Reading)]
    infos = [found for found in decoded if isinstance(found, DeviceInfo)]
    wrong = []
    for entry in line["expected"]:
        if "quantity" not in entry:
            if not any(all(getattr(info, field) == told for field, told in entry.items()) for info in infos):
                wrong.append(f"missing {entry}; told {infos}")
            continue
        found = next((reading for reading in readings if _same(reading, entry)), None)
        if found is None:
            wrong.append(f"missing {entry}")
        else:
            readings.remove(found)
    if not line.get("partial"):
        wrong += [f"not expected: {reading}" for reading in readings]
    elif wrong:
        wrong += [f"given: {reading}" for reading in readings]
    return wrong


def _same(reading: Reading, entry: dict[str, Any]) -> bool:
    key = (reading.device, reading.quantity, reading.channel, reading.seq)
    if key != (entry["device"], entry["quantity"], entry.get("channel", ""), entry.get("seq", 0)):
        return False
    for field in ("time", "network_time"):
        if field in entry:
            told = entry[field]
            if getattr(reading, field) != (told if told is None else moment(told)):
                return False
    if "quality" in entry and sorted(entry["quality"]) != sorted(quality_names(reading.quality)):
        return False
    return reading.value == pytest.approx(entry["value"], rel=1e-9, abs=1e-12)
