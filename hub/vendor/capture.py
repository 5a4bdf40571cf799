"""A message as a line of a capture file, which a new format's test starts from.

The layout is the one of ``tests/captures``: topic, payload or hex, received_at, retained, and what is expected of it: here
what the site's format makes of it today, to be checked by hand.
"""

import json
from typing import Any

from hub.model import Message, Reading, Reason, quality_names
from hub.moments import iso
from hub.ports import Adapter, Malformed

TO_DO = "to be filled in: the document, page or field that says so; what is expected is what the hub understands today"


def line(message: Message, adapter: Adapter | None) -> str:
    """One JSON object, without a line break."""
    told: dict[str, Any] = {"topic": message.topic}
    try:
        told["payload"] = message.payload.decode()
    except UnicodeDecodeError:
        told["hex"] = message.payload.hex()
    told["received_at"] = iso(message.received_at)
    if message.retained:
        told["retained"] = True
    try:
        decoded = adapter.decode(message) if adapter is not None else ()
    except Malformed as problem:
        told["refused"] = str(problem.reason)
    except Exception as error:  # noqa: BLE001  the format's fault, and shown as such
        told["refused"] = f"{Reason.ADAPTER_FAILED}: {type(error).__name__}: {error}"
    else:
        told["expected"] = [_entry(item) for item in decoded if isinstance(item, Reading)]
    told["source"] = TO_DO
    return json.dumps(told, ensure_ascii=False)


def _entry(reading: Reading) -> dict[str, Any]:
    entry: dict[str, Any] = {"device": reading.device, "quantity": reading.quantity, "value": reading.value}
    if reading.channel:
        entry["channel"] = reading.channel
    if reading.seq:
        entry["seq"] = reading.seq
    entry["time"] = reading.time
    if reading.network_time is not None:
        entry["network_time"] = reading.network_time
    entry["quality"] = quality_names(reading.quality)
    return entry
