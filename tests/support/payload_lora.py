"""Public LoRaWAN payloads as messages: ChirpStack, The Things Stack, and codecs' examples sent through ChirpStack. What they
mean is told a second time, from the sources' own results and the fields' documentation. See ``tests/support/payloads.py``.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hub.ports import Adapter
from tests.support.captures import build
from tests.support.payload_case import Case, Stated, Vector
from tests.support.payload_lora_values import meaning

EUI = "0004a30b00af0001"


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def model(vector: Vector) -> str:
    """The model as people write it into a device profile: "Netvox RA02A"."""
    vendor = vector.get("vendor") or ("Milesight" if "Milesight" in vector["src"]["repo"] else "PNI PlacePod")
    return f"{vendor.replace('milesight-iot', 'Milesight')} {vector.get('device', '').replace('_', ' ')}".strip()


Told = dict[str, Any]


def converted(expected: Told | None) -> list[Told]:
    """The values of a ThingsBoard converter's result, of each moment."""
    told = (expected or {}).get("telemetry") or []
    return [one.get("values", {}) for one in (told if isinstance(told, list) else [told])]


def signal(gateways: list[Told]) -> list[Stated]:
    """At the gateway that heard it best."""
    if not gateways:
        return []
    best = max(gateways, key=lambda gateway: gateway["rssi"])
    return [Stated("device.rssi", "", best["rssi"]), Stated("device.snr", "", best["snr"])]


def _case(vector: Vector, adapter: Adapter, topic: str, body: Told, moments: list[Told], more: list[Stated]) -> Case:
    """``moments``: what the source states, the present first, then what was measured earlier."""
    case = Case(vector, adapter, topic, json.dumps(body).encode(), stated=list(more))
    for count, told in enumerate(moments):
        found = meaning(model(vector), told, earlier=count > 0)
        case.stated += found.stated
        case.disputed += found.disputed
        case.untold += found.untold
    return case


def chirpstack(vectors: list[Vector]) -> Iterator[Case]:
    """The vectors share a DevEUI and a profile name, both of the collection; so each is given its model as its profile."""
    adapter = build("chirpstack", {})
    for count, vector in enumerate(vectors):
        body = json.loads(vector["payload"])
        about = body["deviceInfo"]
        old = about["devEui"]
        about["devEui"] = f"{EUI[:12]}{count:04x}"
        about["deviceProfileName"] = model(vector)
        more = signal(body.get("rxInfo", []))
        if "batteryLevel" in body:
            more.append(Stated("device.battery", "", body["batteryLevel"]))
        case = _case(
            vector, adapter, vector["topic"].replace(old, about["devEui"]), body, converted(vector.get("expected")), more
        )
        if case.stated:
            case.info = {f"lora:{about['devEui']}": {"name": about["deviceName"]}}
            case.time, case.seq = milliseconds(body["time"]), body.get("fCnt", 0)
        yield case


def things_stack(vectors: list[Vector]) -> Iterator[Case]:
    """As ChirpStack, the model as brand and model of the device repository. Placeholders in the documentation's topics are
    filled with the payload's own ids."""
    adapter = build("tts", {})
    for count, vector in enumerate(vectors):
        body = json.loads(vector["payload"])
        ids = body.get("end_device_ids", {})
        uplink = body.get("uplink_message", {})
        if "dev_eui" in ids:
            ids["dev_eui"] = f"{EUI[:12]}{count:04x}".upper()
        brand, _, name = model(vector).partition(" ")
        if uplink:
            uplink["version_ids"] = {"brand_id": brand, "model_id": name}
        more = signal(uplink.get("rx_metadata", []))
        for measured in uplink.get("normalized_payload", []):
            if "temperature" in measured.get("air", {}):
                more.append(Stated("air.temperature", "", measured["air"]["temperature"]))
        topic = vector["topic"].replace("{application id}@{tenant id}", "app1@ttn")
        topic = topic.replace("{device id}", ids.get("device_id", "dev1"))
        case = _case(vector, adapter, topic, body, converted(vector.get("expected")), more)
        case.seq = uplink.get("f_cnt", 0)
        heard = uplink.get("received_at", body.get("received_at"))
        case.time = milliseconds(heard) if heard else None
        yield case


def codecs(vectors: list[Vector]) -> Iterator[Case]:
    """A codec's examples, port and bytes, as ChirpStack would publish them. One that the codec refuses must give nothing."""
    adapter = build("chirpstack", {})
    for count, vector in enumerate(vectors):
        eui = f"{EUI[:12]}{count:04x}"
        body = {
            "time": "2026-01-01T00:00:00Z",
            "deviceInfo": {"devEui": eui, "deviceProfileName": model(vector), "deviceName": f"d{count}"},
            "fPort": vector.get("f_port", 1),
            "fCnt": 1,
            "data": b64encode(bytes.fromhex(vector["payload"])).decode(),
        }
        case = _case(vector, adapter, f"application/a/device/{eui}/event/up", body, _told(vector), [])
        case.whole = "errors" in (vector["expected"] if isinstance(vector["expected"], dict) else {}) and not case.stated
        yield case


def _told(vector: Vector) -> list[Told]:
    """What the codec is said to give, as flat objects: the present, then its history."""
    expected = vector["expected"]
    if isinstance(expected, list):  # PlacePod: one object an entry, named after type and channel
        return [{key: value for entry in expected for key, value in entry.items()}]
    data = expected.get("data", expected)
    return [flat(data), *data.get("history", [])] if isinstance(data, dict) else []


def flat(data: Told) -> Told:
    """Nested objects as ``outer.inner``; {"value": 1, "unit": …} as its value."""
    found: Told = {}
    for key, value in data.items():
        if isinstance(value, dict) and "value" in value:
            found[key] = value["value"]
        elif isinstance(value, dict):
            found |= {f"{key}.{inner}": each for inner, each in flat(value).items()}
        else:
            found[key] = value
    return found
