"""Captures: messages of a vendor format with what they mean, one JSON object a line in ``tests/captures/{kind}.jsonl``.

A message::

    {"topic": "tele/plug/SENSOR",
     "payload": "{\\"ENERGY\\":{\\"Power\\":91}}",          or "hex": "0aff…" for binary
     "received_at": "2026-01-01T00:00:00Z",              optional; this is the default
     "retained": false,                                  optional
     "expected": [{"device": "tasmota:plug", "quantity": "power.active", "value": 91,
                   "channel": "", "time": "2025-12-31T16:00:00Z", "quality": ["tz_assumed"], "seq": 0}],
     "source": "where the fact comes from: document, page, field"}

- ``expected`` lists every reading the message gives, in any order. ``channel`` is "" and ``seq`` is 0 unless given; ``time``
  (ISO 8601 or milliseconds, or null), ``network_time`` and ``quality`` (names) are compared where given.
- An entry without ``quantity`` is a DeviceInfo: the fields it names are compared. DeviceInfos not listed are allowed.
- ``"partial": true``: readings that are not listed are allowed too.
- ``"refused": "missing_field"`` instead of ``expected``: the reason (hub.model.Reason) the message is refused for.

Messages go through one adapter in their order, so that names and aliases can be told first. A line
``{"adapter_settings": {…}}`` starts a new adapter with these settings from there on; it may also name the site's
``"zone"`` (Asia/Shanghai unless given) and ``"vocabulary"``: a list of the site's own quantities. Values are worked out by
hand from the source, never copied from our own output.
"""

import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hub import plugins
from hub.model import DeviceInfo, Message, Reading, quality_names
from hub.ports import Adapter, Malformed, SiteContext
from hub.quantities import Quantity, Vocabulary

FOLDER = Path(__file__).parents[1] / "captures"
ARRIVAL = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Capture(NamedTuple):
    """One line that is a message, with the adapter it goes to (shared by the lines of one settings line)."""

    where: str
    adapter: Adapter
    message: Message
    line: dict[str, Any]
    fresh: Callable[[], Adapter]  # another adapter of the same settings, as after a restart


def moment(given: str | int) -> int:
    """Milliseconds of an ISO 8601 text or of milliseconds."""
    return given if isinstance(given, int) else round(datetime.fromisoformat(given).timestamp() * 1000)


def build(
    kind: str, settings: dict[str, Any], zone: str = "Asia/Shanghai", vocabulary: list[dict[str, Any]] | None = None
) -> Adapter:
    """A new adapter of that kind, as the hub builds it."""
    words = Vocabulary(
        Quantity(**{"low": -1e12, "high": 1e12, "domain": "device", "en": given["name"], "zh": given["name"], **given})
        for given in vocabulary or []
    )
    plugin = plugins.find("adapters")[kind]
    adapter: Adapter = plugin(plugin.Settings(**settings), SiteContext("test", ZoneInfo(zone), words))
    return adapter


def message_of(line: dict[str, Any], adapter: Adapter) -> Message:
    return Message(
        topic=line["topic"],
        payload=bytes.fromhex(line["hex"]) if "hex" in line else line["payload"].encode(),
        received_at=moment(line.get("received_at", ARRIVAL)),
        lane=adapter.lane,
        retained=line.get("retained", False),
    )


def captures(kind: str) -> Iterator[Capture]:
    """The messages of ``tests/captures/{kind}.jsonl``, each with its adapter. Decode them in order."""
    fresh = partial(build, kind, {})
    adapter: Adapter | None = None
    for count, text in enumerate((FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").split("\n"), 1):
        if not text.strip():
            continue
        line = json.loads(text)
        if "adapter_settings" in line:
            zone, vocabulary = line.get("zone", "Asia/Shanghai"), line.get("vocabulary")
            fresh = partial(build, kind, line["adapter_settings"], zone, vocabulary)
            adapter = fresh()
            continue
        adapter = adapter or fresh()
        yield Capture(f"{kind}.jsonl:{count}", adapter, message_of(line, adapter), line, fresh)


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
    return math.isclose(reading.value, entry["value"], rel_tol=1e-9)
