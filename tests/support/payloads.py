"""Runs public vendor payloads (a folder beside the project, never part of it) through the adapters, as real life would:
lists of devices before their states, topics as documented, one decoder for each model.

``python -m tests.support.payloads [DIR]`` prints the table. DIR is ../shared/payloads beside the repository unless given
or set as GENGFU_PAYLOADS. A vector is a line of ``<format>/vectors.jsonl``: topic, payload, and what its source says of it.
"""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.model import DeviceInfo, Message, Reading
from hub.ports import Adapter, Malformed
from hub.routing import matches
from tests.support import payload_values as values
from tests.support.captures import ARRIVAL, build
from tests.support.payload_values import Stated

FOLDER = Path(os.environ.get("GENGFU_PAYLOADS") or Path(__file__).parents[2].parent / "shared" / "payloads")

Vector = dict[str, Any]


@dataclass
class Outcome:
    """What became of one format's vectors."""

    format: str
    vectors: int = 0
    elsewhere: int = 0  # on topics that the adapter does not subscribe
    readings: int = 0
    compared: int = 0
    equal: int = 0
    described: int = 0  # devices whose name, vendor or model came out as stated
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # untyped exceptions, differences, negatives that were taken


def run(folder: Path = FOLDER) -> list[Outcome]:
    """The outcome of every format that the folder has."""
    return [_run(folder, name, cases) for name, cases in _FORMATS.items() if (folder / name).is_dir()]


def table(outcomes: list[Outcome]) -> str:
    heads = ("vectors", "not ours", "readings", "compared", "equal", "described", "wrong")
    lines = [f"{'format':14}" + "".join(f"{head:>10}" for head in heads) + "  refused"]
    for one in outcomes:
        refused = ", ".join(f"{count} {reason}" for reason, count in sorted(one.refused.items())) or "none"
        counts = (one.vectors, one.elsewhere, one.readings, one.compared, one.equal, one.described, len(one.wrong))
        lines.append(f"{one.format:14}" + "".join(f"{count:>10}" for count in counts) + f"  {refused}")
    return "\n".join(lines)


@dataclass
class Case:
    """One message on its way: to which adapter, and what it must give. ``whole``: and no other reading."""

    vector: Vector
    adapter: Adapter
    topic: str
    payload: bytes
    stated: list[Stated] = field(default_factory=list)
    whole: bool = False
    time: int | None = None
    seq: int | None = None
    info: dict[str, Any] = field(default_factory=dict)
    counts: int = 1  # vectors in this message


def _run(folder: Path, name: str, cases: Callable[[list[Vector]], Iterator[Case]]) -> Outcome:
    outcome = Outcome(name)
    lines = (folder / name / "vectors.jsonl").read_text(encoding="utf-8").splitlines()
    for case in cases([json.loads(line) for line in lines]):
        outcome.vectors += case.counts
        if not any(matches(filter, case.topic) for filter in case.adapter.topics):
            outcome.elsewhere += case.counts
            continue
        where = f"{case.vector['id']} {case.topic}"
        try:
            decoded = case.adapter.decode(Message(case.topic, case.payload, ARRIVAL))
        except Malformed as refusal:
            outcome.refused[refusal.reason] += 1
            if case.stated:
                outcome.wrong.append(f"{where}: refused, {refusal.reason}: {refusal.detail}")
            continue
        except Exception as broken:  # noqa: BLE001 - an untyped exception is what this looks for
            outcome.wrong.append(f"{where}: {broken!r}")
            continue
        if _negative(case.vector):
            outcome.wrong.append(f"{where}: the source calls it invalid, and it was taken")
        _compare(case, where, list(decoded), outcome)
    return outcome


def _negative(vector: Vector) -> bool:
    return any(vector.get(mark) is False for mark in ("valid", "checksum_ok", "crc_ok")) or vector.get("should") == "fail"


def _compare(case: Case, where: str, decoded: list[object], outcome: Outcome) -> None:
    readings = [one for one in decoded if type(one) is Reading]
    outcome.readings += len(readings)
    left = list(readings)
    for stated in case.stated:
        outcome.compared += 1
        found = next((one for one in left if _is(one, stated)), None)
        if found is None:
            outcome.wrong.append(f"{where}: no {stated} among {left}")
        elif (case.time is not None and found.network_time != case.time) or (case.seq is not None and found.seq != case.seq):
            outcome.wrong.append(f"{where}: {found}, expected time {case.time} and number {case.seq}")
        else:
            outcome.equal += 1
            left.remove(found)
    if case.whole and left:
        outcome.wrong.append(f"{where}: nobody stated {left}")
    for device, told in case.info.items():
        info = next((one for one in decoded if type(one) is DeviceInfo and one.device == device), None)
        if info is not None and all(getattr(info, key) == value for key, value in told.items()):
            outcome.described += 1
        else:
            outcome.wrong.append(f"{where}: {device} is {info}, expected {told}")


def _is(reading: Reading, stated: Stated) -> bool:
    if reading.quantity != stated.quantity or (stated.channel is not None and reading.channel != stated.channel):
        return False
    return abs(reading.value - stated.value) <= 1e-9 * max(1.0, abs(stated.value))


# --- one function a format: its vectors as messages -----------------------------------------------------------------------


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _zigbee2mqtt(vectors: list[Vector]) -> Iterator[Case]:
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
                time = _ms(payload["last_seen"])
        yield Case(vector, adapter, topic, vector["payload"].encode(), stated, whole=vector["domain"] == "state", time=time)


def _described(device: dict[str, Any]) -> dict[str, str]:
    definition = device["definition"]
    return {"name": device["friendly_name"], "vendor": definition["vendor"], "model": definition["model"]}


def _units(device: dict[str, Any]) -> dict[str, str]:
    exposes = (device["definition"] or {}).get("exposes", [])
    return {one["property"]: one["unit"] for one in exposes if "unit" in one and "property" in one}


_LORA_DECODERS = {"Parking_Lot_Sensor": "bosch-tps110", "SD1001": "yobiiq-sd1001"}


def _chirpstack(vectors: list[Vector]) -> Iterator[Case]:
    """The vectors share a DevEUI and a profile name, so each model has an adapter told which decoder to take."""
    adapters: dict[str, Adapter] = {}
    for vector in vectors:
        name = _LORA_DECODERS.get(vector["device"], "")
        if name not in adapters:
            adapters[name] = build("chirpstack", {"decoders": {"*": name} if name else {}})
        body = json.loads(vector["payload"])
        stated = values.chirpstack(body, vector["device"], vector.get("expected"))
        eui = body["deviceInfo"]["devEui"]
        info = {f"lora:{eui}": {"name": body["deviceInfo"]["deviceName"]}} if stated else {}
        case = Case(vector, adapters[name], vector["topic"], vector["payload"].encode(), stated, whole=True, info=info)
        case.time, case.seq = _ms(body["time"]), body.get("fCnt", 0)
        yield case


def _theengs(vectors: list[Vector]) -> Iterator[Case]:
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


def _tasmota(vectors: list[Vector]) -> Iterator[Case]:
    """%topic% stands for any name; STATUS* for the number of its content: 10 the sensors alone, 0 everything at once."""
    adapters = {start: build("tasmota", {"full_topic": full}) for start, full in _FULL_TOPICS.items()}
    for vector in vectors:
        body = json.loads(vector["payload"])
        status = "STATUS10" if list(body) == ["StatusSNS"] else "STATUS0"
        topic = vector["topic"].partition(" ")[0].replace("%topic%", "plug").replace("STATUS*", status)
        adapter = next(adapter for start, adapter in adapters.items() if topic.startswith(start))
        stated = values.tasmota(body) if any(matches(filter, topic) for filter in adapter.topics) else []
        yield Case(vector, adapter, topic, vector["payload"].encode(), stated)


def _shelly(vectors: list[Vector]) -> Iterator[Case]:
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


_FORMATS: dict[str, Callable[[list[Vector]], Iterator[Case]]] = {
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly-gen2": _shelly,
    "chirpstack-v4": _chirpstack,
    "theengs-ble": _theengs,
}

if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else FOLDER
    if not given.is_dir():
        sys.exit(f"{given} is missing: give the folder of payloads, or set GENGFU_PAYLOADS")
    results = run(given)
    print(table(results))
    for one in results:
        for line in one.wrong:
            print(f"wrong: {line}")
    sys.exit(any(one.wrong for one in results))
