"""Public payloads of home automation as messages: Zigbee2MQTT, Tasmota, Shelly, Theengs. See ``tests/support/payloads.py``."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hub.routing import matches
from tests.support import payload_values as values
from tests.support.captures import build
from tests.support.payload_case import Case, Stated, Vector


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def zigbee2mqtt(vectors: list[Vector]) -> Iterator[Case]:
    """First the list of devices, made of its elements, then the states of those devices."""
    adapter = build("zigbee2mqtt", {})
    elements = [vector for vector in vectors if vector["topic"].startswith("zigbee2mqtt/bridge/device")]
    devices = [json.loads(vector["payload"]) for vector in elements]
    info = {
        f"zigbee:{one['ieee_address']}": {
            "name": one["friendly_name"],
            **{key: one["definition"][key] for key in ("vendor", "model")},
        }
        for one in devices
        if one["definition"]
    }
    body = ("[" + ",".join(vector["payload"] for vector in elements) + "]").encode()
    yield Case(elements[0], adapter, "zigbee2mqtt/bridge/devices", body, info=info, counts=len(elements))
    units = {one["friendly_name"]: _units(one) for one in devices}
    for vector in vectors:
        topic, payload = vector["topic"], json.loads(vector["payload"])
        if vector in elements:
            continue
        stated: list[Stated] = []
        time = None
        if vector["domain"] == "state":
            stated = values.zigbee2mqtt(payload, units.get(topic.partition("/")[2], {}))
            timed = [one for one in stated if one.quantity not in ("motion", "switch.on")]
            if "last_seen" in payload and len(timed) == len(stated):
                time = ms(payload["last_seen"])
        yield Case(vector, adapter, topic, vector["payload"].encode(), stated, whole=vector["domain"] == "state", time=time)


def _units(device: dict[str, Any]) -> dict[str, str]:
    exposes = (device["definition"] or {}).get("exposes", [])
    return {one["property"]: one["unit"] for one in exposes if "unit" in one and "property" in one}


def theengs(vectors: list[Vector]) -> Iterator[Case]:
    """The vectors are the decoder's part; id and rssi are what the gateway puts before it."""
    adapter = build("theengs", {})
    for count, vector in enumerate(vectors):
        body = json.loads(vector["payload"])
        mac = body.get("mac", "")
        if not re.fullmatch("([0-9A-F]{2}:){5}[0-9A-F]{2}", mac):  # none, or one made unreadable by the collection
            mac = body["mac"] = f"C8:0F:10:AA:{count >> 8:02X}:{count & 255:02X}"
        passing = body.get("prmac") or body["type"] == "RMAC"
        stated = [] if passing else [Stated("device.rssi", "hall", -70), *values.theengs(body)]
        payload = json.dumps({"id": mac, "rssi": -70, **body}).encode()
        yield Case(vector, adapter, f"home/hall/BTtoMQTT/{mac.replace(':', '')}", payload, stated, whole=True)


_FULL_TOPICS = {
    "emoncms/": "emoncms/ch2i/factory/%topic%/%prefix%/",
    "tele/plugs/": "%prefix%/plugs/%topic%/",
    "": "%prefix%/%topic%/",
}


def tasmota(vectors: list[Vector]) -> Iterator[Case]:
    """%topic% stands for any name; STATUS* for the number of its content: 10 the sensors alone, 0 everything at once."""
    adapters = {start: build("tasmota", {"full_topic": full}) for start, full in _FULL_TOPICS.items()}
    for vector in vectors:
        body = json.loads(vector["payload"])
        status = "STATUS10" if list(body) == ["StatusSNS"] else "STATUS0"
        topic = vector["topic"].partition(" ")[0].replace("%topic%", "plug").replace("STATUS*", status)
        adapter = next(adapter for start, adapter in adapters.items() if topic.startswith(start))
        stated = values.tasmota(body) if any(matches(filter, topic) for filter in adapter.topics) else []
        yield Case(vector, adapter, topic, vector["payload"].encode(), stated)


def shelly(vectors: list[Vector]) -> Iterator[Case]:
    """Answers to RPC calls are put into the notification that carries the same over MQTT."""
    adapter = build("shelly", {"prefix": "+"})
    aiida = build("shelly", {"prefix": "aiida/+"})
    for count, vector in enumerate(vectors):
        body = json.loads(vector["payload"])
        if vector["topic"].endswith("/events/rpc"):
            yield Case(vector, aiida, vector["topic"], vector["payload"].encode(), values.shelly(body["params"]))
            continue
        source = vector.get("device_info", {}).get("id", f"shellyplus1pm-aabbccddee{count:02x}").lower()
        if "Cover.GetStatus" in vector["topic"]:
            body = {"cover:0": body}
        elif "output" in body:
            body = {"switch:0": body}
        elif "act_power" in body:
            body = {"em1:0": body}
        notification = {"src": source, "dst": f"{source}/events", "method": "NotifyFullStatus", "params": body}
        yield Case(vector, adapter, f"{source}/events/rpc", json.dumps(notification).encode(), values.shelly(body))
