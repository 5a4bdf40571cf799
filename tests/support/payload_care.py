"""Public payloads of fire alarm systems, watches and care as messages. See ``tests/support/payloads.py``.

What they mean is told a second time here, from the documents: GB/T 26875.3-2011 8.2.1, Meokon V3.0 tables 1-3, traccar's decoders
of watches, the schemas of Open mHealth, the OwnTracks booklet, LOINC and UCUM.
"""

import binascii
import json
from collections.abc import Iterator
from typing import Any

from tests.support.captures import build
from tests.support.payload_case import Case, Stated, Vector, negative, payload_bytes

# --- fire ---------------------------------------------------------------------------------------------------------------

_COMPONENT = {2: "fire.fault", 3: "fire.shielded", 4: "fire.supervised", 5: "fire.started", 6: "fire.feedback", 7: "fire.delayed"}
_TRANSMITTER = {2: "", 3: "mains", 4: "battery", 5: "uplink", 6: "line"}


def gb26875(vectors: list[Vector]) -> Iterator[Case]:
    """A component's state as the collector read it; of the heartbeat with a state of 1: all is well."""
    adapter = build("gb26875", {})
    for vector in vectors:
        told = vector.get("expected", {})
        stated = []
        if "component_status" in told:
            state = told["component_status"]
            assert told["component_type"] == 0  # of no kind: fire.alarm
            stated = [Stated("fire.alarm", "", state >> 1 & 1), Stated("fire.fault", "power", state >> 8 & 1)]
            stated += [Stated(quantity, "", state >> bit & 1) for bit, quantity in _COMPONENT.items()]
        elif "type flag 0x15" in vector.get("description", ""):
            stated = [Stated("fire.test", "", 0), Stated("fire.alarm", "", 0)]
            stated += [Stated("fire.fault", channel, 0) for channel in _TRANSMITTER.values()]
        info = {}
        if "description" in told:
            system = f"{told['system_type']}.{told['system_addr']}"
            info = {f"gb26875:hall-{system}-{told['component_addr_hex']}": {"name": told["description"]}}
        yield Case(vector, adapter, "gb26875/hall", payload_bytes(vector), stated, whole=True, info=info)


_MEOKON_ALARMS = (
    ("fire.supervised", "low"), ("fire.supervised", "high"), ("device.battery.low", ""), ("fire.fault", "sensor"),
    ("fire.fault", "hardware"),
)  # fmt: skip


def meokon(vectors: list[Vector]) -> Iterator[Case]:
    adapter = build("meokon", {})
    for vector in vectors:
        told = vector["expected"]
        pressures = [told["pressure_mpa"], *told["buffer_mpa"]]
        stated = [Stated("fire.water.pressure", "", value * 1000) for value in pressures]
        stated += [Stated("device.battery", "", told["battery_pct"]), Stated("device.rssi", "", told["rssi_dbm"])]
        stated += [Stated(*names, told["alarm_bits"] >> bit & 1) for bit, names in enumerate(_MEOKON_ALARMS)]
        yield Case(vector, adapter, vector["topic"], vector["payload"].encode(), stated, whole=True)


# --- watches ------------------------------------------------------------------------------------------------------------

_WATCH_TESTS = {
    '"bloodOxygen", 98': Stated("health.spo2", "", 98),
    "Position.PREFIX_TEMP + 1, 35.29": Stated("health.temperature", "", 35.29),
    "Position.PREFIX_TEMP + 1, 36.5": Stated("health.temperature", "", 36.5),
    "Position.KEY_ALARM, Position.ALARM_SOS": Stated("safety.sos", "", 1),
    "Position.KEY_ALARM, Position.ALARM_REMOVING": Stated("device.tamper", "", 1),
}


def watches(vectors: list[Vector]) -> Iterator[Case]:
    """Three protocols in one collection; of the third (positions alone) nothing is read here."""
    adapters = {"watch": build("watch", {}), "minifinder2": build("minifinder", {})}
    for vector in vectors:
        if vector["protocol"] == "watch":
            stated = _watch(vector)
            yield Case(vector, adapters["watch"], "watch/gateway", payload_bytes(vector), stated, whole=True)
        elif vector["protocol"] == "minifinder2":
            frame = payload_bytes(vector)
            # In one frame the source has put other letters into a name, and left the checksum.
            edited = int.from_bytes(frame[4:6], "little") != binascii.crc_hqx(frame[8:], 0)
            stated = [] if edited else _pendant(frame)
            refused = "bad_frame" if edited else None
            yield Case(vector, adapters["minifinder2"], "minifinder/gateway", frame, stated, whole=True, refused=refused)
        else:
            yield Case(vector, adapters["watch"], f"{vector['protocol']}/gateway", payload_bytes(vector))


def _watch(vector: Vector) -> list[Stated]:
    """By traccar's expression: date, time, validity, latitude … 13 battery, 14 steps, 16 state."""
    fields = vector["payload"].strip("[]").split("*")[-1].split(",")
    test = _WATCH_TESTS.get(vector["expected"]["args"] or "")
    if fields[0][:2] not in ("UD", "AL", "WT"):
        lk = fields[0] == "LK" and len(fields) == 4
        found = [Stated("health.steps.total", "", float(fields[1])), Stated("device.battery", "", float(fields[3]))] if lk else []
        return [test] if test else found
    state = int(fields[16], 16)
    found = [
        Stated("device.battery", "", float(fields[13])),
        Stated("health.steps.total", "", float(fields[14])),
        Stated("device.battery.low", "", state & 1 or state >> 17 & 1),
        Stated("device.tamper", "", state >> 20 & 1),
    ]
    found += [Stated("safety.sos", "", 1)] if state >> 16 & 1 else []
    found += [Stated("safety.fall", "", 1)] if state >> 21 & 3 else []
    assert test is None or test in found
    return found


def _pendant(frame: bytes) -> list[Stated]:
    """Keys: length, key, value; see traccar's Minifinder2ProtocolDecoder."""
    found = []
    at = 9
    while frame[8] == 1 and at < len(frame):
        key, value = frame[at + 1], frame[at + 2 : at + 1 + frame[at]]
        at += 1 + frame[at]
        if key == 0x24:
            found.append(Stated("device.battery", "", value[7]))
        elif key == 0x30:
            found.append(Stated("health.steps.total", "", int.from_bytes(value[4:8], "little")))
        elif key == 0x02:
            bits = int.from_bytes(value[:4], "little")
            found.append(Stated("device.battery.low", "", bits & 1))
            found += [Stated("safety.fall", "", 1)] if bits >> 2 & 1 else []
            found += [Stated("safety.sos", "", 1)] if bits >> 12 & 1 else []
        elif key == 0x40 and value[4] > 1:
            found.append(Stated("health.heart_rate", "", value[4]))
        elif key == 0x14:
            found.append(Stated("device.battery", "", value[0]))
            found.append(Stated("device.battery.voltage", "", int.from_bytes(value[1:3], "little") / 1000))
    return found


# --- care ---------------------------------------------------------------------------------------------------------------

_OMH = {
    "heart_rate": "health.heart_rate",
    "respiratory_rate": "health.respiratory_rate",
    "oxygen_saturation": "health.spo2",
    "body_temperature": "health.temperature",
    "body_weight": "health.weight",
    "blood_glucose": "health.glucose",
    "systolic_blood_pressure": "health.blood_pressure.systolic",
    "diastolic_blood_pressure": "health.blood_pressure.diastolic",
    "step_count": "health.steps",
}
_OMH_READ = {name.replace("_", "-") for name in _OMH if "blood_pressure" not in name} | {"blood-pressure", "data-point", "header"}


def openmhealth(vectors: list[Vector]) -> Iterator[Case]:
    """Bodies are put into a data point, headers before an empty body. Negatives of schemas that are not read do not take part."""
    adapter = build("openmhealth", {})
    for vector in vectors:
        given = json.loads(vector["payload"])
        schema = {"namespace": vector["namespace"], "name": vector["schema"], "version": vector["version"]}
        header = {"id": vector["id"], "creation_date_time": "2025-12-31T00:00:00Z", "schema_id": schema}
        point = {"data-point": given, "header": {"header": given, "body": {}}}.get(
            vector["schema"], {"header": header, "body": given}
        )
        ours = vector["schema"] in _OMH_READ or not negative(vector)
        stated = _omh(given) if vector["schema"] in _OMH_READ and not negative(vector) else []
        yield Case(vector, adapter, "omh/wang" if ours else "omh/not/read", json.dumps(point).encode(), stated, whole=True)


def _omh(body: dict[str, Any]) -> list[Stated]:
    found = []
    for field, quantity in _OMH.items():
        if field in body:
            measured = body[field] if isinstance(body[field], dict) else {"value": body[field], "unit": "steps"}
            value = measured["value"]
            if measured["unit"] == "F":
                value = (value - 32) / 1.8
            elif measured["unit"] == "mg/dL":
                value = value / 18.0156
            found.append(Stated(quantity, body.get("descriptive_statistic", ""), value))
    return found


def owntracks(vectors: list[Vector]) -> Iterator[Case]:
    adapter = build("owntracks", {})
    for vector in vectors:
        body = json.loads(vector["payload"])
        stated = [Stated("device.battery", "", body["batt"])] if "batt" in body else []
        topic = body.get("topic", "owntracks/wang/phone")
        yield Case(vector, adapter, topic, vector["payload"].encode(), stated, whole=True)


_LOINC = {
    "8310-5": ("health.temperature", "Cel", 1.0),
    "29463-7": ("health.weight", "[lb_av]", 0.45359237),
    "15074-8": ("health.glucose", "mmol/L", 1.0),
    "8480-6": ("health.blood_pressure.systolic", "mm[Hg]", 1.0),
    "8462-4": ("health.blood_pressure.diastolic", "mm[Hg]", 1.0),
}


def fhir(vectors: list[Vector]) -> Iterator[Case]:
    adapter = build("fhir", {})
    for vector in vectors:
        body = json.loads(vector["payload"])
        stated = []
        for part in [body, *body.get("component", [])] if body["status"] == "final" else []:
            for coding in part["code"].get("coding", []):
                if coding.get("system") == "http://loinc.org" and coding["code"] in _LOINC and "valueQuantity" in part:
                    quantity, unit, factor = _LOINC[coding["code"]]
                    assert part["valueQuantity"]["code"] == unit
                    stated.append(Stated(quantity, "", part["valueQuantity"]["value"] * factor))
        yield Case(vector, adapter, "fhir/observation", vector["payload"].encode(), stated, whole=True)
