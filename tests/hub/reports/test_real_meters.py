"""Real meters' messages through their adapters to a report, at least ten totals a format, without one error of units.

Each vendor's message is sent at midnight; the same with its registers advanced by hand (for SML the meter's own later frame) a
day later; the report of that day must be the difference, worked out beside it in the unit the vendor's document states. The
public payloads are no part of the project: where their folder is missing these do not run, and say so; a message of our own
of every format but SML always runs.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from hub.model import Batch, Device, Message, Reading
from hub.quantities import Vocabulary
from tests.hub.reports.helpers import EXPORT, HOUR, IMPORT, Yard, ms
from tests.support import payload_formats
from tests.support.captures import build
from tests.support.payloads import FOLDER, MISSING

WATER, GAS, HEAT, COOLING = "water.volume.total", "gas.volume.total", "heat.energy.total", "cooling.energy.total"
START = ms("2026-10-01")
Edits = list[tuple[str, str]]
Expected = dict[str, str]


def consumed(first: list[Reading], second: list[Reading]) -> dict[str, float | None]:
    """What the day's report says of each quantity of one meter."""
    yard = Yard()
    batch = Batch()
    for readings, time in ((first, START), (second, START + 24 * HOUR)):
        for reading in readings:
            if reading.quantity.endswith(".total"):
                batch.readings.append(replace(reading, time=time))
                batch.received_at.append(time)
    yard.store.append("rest", batch)
    devices = {reading.device for reading in first}
    assert devices == {reading.device for reading in second}
    yard.devices = {id: Device(id, accepted=True) for id in devices}
    rows = yard.rows("2026-10-01", "2026-10-02", by="community")
    units = Vocabulary()
    assert all(row["unit"] == units[row["quantity"]].unit for row in rows)
    return {row["quantity"]: row["value"] for row in rows}


def compare(found: dict[str, float | None], expected: Expected) -> None:
    wanted = {quantity: float(Decimal(value)) for quantity, value in expected.items()}
    assert {quantity: found[quantity] for quantity in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def decoded(adapter: Any, topic: str, payload: bytes) -> list[Reading]:
    return [one for one in adapter.decode(Message(topic, payload, START)) if isinstance(one, Reading)]


def crc16(data: bytes) -> int:
    """CRC-16/ARC, which DSMR 5.0.2, section 6.2, asks for: x16 + x15 + x2 + 1, bits reversed, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def edited(payload: bytes, edits: Edits) -> bytes:
    if payload.startswith(b"{"):
        payload = json.dumps(json.loads(payload), separators=(",", ":")).encode() if b'": ' in payload else payload
    for old, new in edits:
        assert payload.count(old.encode()) >= 1, old
        payload = payload.replace(old.encode(), new.encode())
    signed = re.match(rb"(?s)(/.*!)[0-9A-F]{4}\s*$", payload)  # a P1 telegram with its checksum
    return signed[1] + b"%04X\r\n" % crc16(signed[1]) if signed else payload


# the end of the vector's id; what is changed in it; what the day's report must say, with the arithmetic
TASMOTA: list[tuple[str, Edits, Expected]] = [  # docs/Energy.md and docs/Smart-Meter-Interface.md: Total in kWh
    ("0dfa1a536a", [('"Total":1.310', '"Total":4.810')], {IMPORT: "3.5"}),  # 4.810 - 1.310
    ("305e5def3c", [('"Total":0.170', '"Total":0.423')], {IMPORT: "0.253"}),
    ("35ccd770c1", [('"Total":0.077', '"Total":12.077')], {IMPORT: "12"}),
    ("4bec09e535", [('"Total":40.543', '"Total":41.000')], {IMPORT: "0.457"}),
    ("4c5aaa30d6", [('"Total":0.034', '"Total":0.100')], {IMPORT: "0.066"}),
    ("7ac945359d", [('"Total":196.708', '"Total":200.000')], {IMPORT: "3.292"}),
    ("9b158eff68", [('"Total":0.392', '"Total":1.000')], {IMPORT: "0.608"}),
    ("9f216286f6", [('"Total":381.701', '"Total":390.001')], {IMPORT: "8.3"}),
    ("b40095a0d9", [('"Total":6.294', '"Total":7.294')], {IMPORT: "1"}),
    # two relays: 3.813 - 2.813 = 1, 0.504 - 0.254 = 0.25; together 1.25
    ("cbeaa7c480", [("[2.813,0.254]", "[3.813,0.504]")], {IMPORT: "1.25"}),
    # a meter's optical port: in 2700.0000 - 2687.3687 = 12.6313, out 583.0000 - 582.4569 = 0.5431
    ("4b1b7d61a9", [("2687.3687", "2700.0000"), ("582.4569", "583.0000")], {IMPORT: "12.6313", EXPORT: "0.5431"}),
    ("9286888c9c", [("34507.4761", "34510.4761"), ("14737.1422", "14740.0422")], {IMPORT: "3", EXPORT: "2.9"}),
]
SHELLY: list[tuple[str, Edits, Expected]] = [  # Gen2 API, Switch and EMData: watt-hours
    ("025a901ae7", [("2574466.629", "2586811.629")], {IMPORT: "12.345"}),  # 12,345 Wh
    ("07471b59f6", [('"total":5.125', '"total":1005.125')], {IMPORT: "1"}),
    ("088dd5770c", [("314.801", "314.901")], {IMPORT: "0.0001"}),  # 0.1 Wh
    ("1cb23ae468", [("2589773.39", "2592273.39"), ("1026.61", "1526.61")], {IMPORT: "2.5", EXPORT: "0.5"}),
    ("2bfe7fab15", [("110.046", "860.046")], {IMPORT: "0.75"}),
    # a switch that feeds back counts both directions in total: (12000 - 4500) - (10000 - 4000) = 1500 Wh; 500 Wh back
    ("2c1ac6ba84", [('"total":10000', '"total":12000'), ('"total":4000', '"total":4500')], {IMPORT: "1.5", EXPORT: "0.5"}),
    ("4ab3965323", [('"total_act_energy":0.06', '"total_act_energy":60.06')], {IMPORT: "0.06"}),
    ("b1c4572360", [("314.614", "1314.614")], {IMPORT: "1"}),
    ("b5f9746179", [("2574466.629", "2574467.629")], {IMPORT: "0.001"}),
]
P1: list[tuple[str, Edits, Expected]] = [  # DSMR 5.0.2 and its kin: kWh or Wh, as the telegram says
    ("0044e76dbf", [("006545766*Wh", "006550000*Wh"), ("0(000000058*Wh", "0(000000100*Wh")], {IMPORT: "4.234", EXPORT: "0.042"}),
    # tariffs are added: 5.426 - 4.426 = 1, 2.499 - 2.399 = 0.1; fed in 2.500 - 2.444 = 0.056
    (
        "645c2356c6",
        [("000004.426", "000005.426"), ("000002.399", "000002.499"), ("000002.444", "000002.500")],
        {IMPORT: "1.1", EXPORT: "0.056"},
    ),
    ("75c84451ef", [("000301.548", "000310.000"), ("000000.005", "000001.000")], {IMPORT: "8.452", EXPORT: "0.995"}),
    ("78316b3356", [("00032549.5061662", "00032552.5061662")], {IMPORT: "3"}),
    (
        "84f1ea34ad",
        [("1.8.0(000173.640", "1.8.0(000180.000"), ("2.8.0(000627.177", "2.8.0(000630.177")],
        {IMPORT: "6.36", EXPORT: "3"},
    ),
    ("93c207a203", [("000015.758", "000016.000"), ("000000.011", "000000.111")], {IMPORT: "0.242", EXPORT: "0.1"}),
    (
        "9e26aaa9ed",
        [("00052185.7825309", "00052186.0000309"), ("00019949.3221493", "00019950.3221493")],
        {IMPORT: "0.2175", EXPORT: "1"},
    ),
    ("ac3b5a5d20", [("001581.123", "001591.123"), ("001435.706", "001436.000")], {IMPORT: "10.294"}),  # 10 + 0.294
    ("b90eb87839", [("1.8.1(00001.001", "1.8.1(00001.501")], {IMPORT: "0.5"}),
]
WMBUS: list[tuple[str, Edits, Expected]] = [  # wmbusmeters' README: the unit stands in the key
    ("0c2b7dc651", [('"total_kwh":296', '"total_kwh":300')], {HEAT: "4"}),
    ("12b89694fc", [('"total_m3":17.062', '"total_m3":17.500')], {WATER: "0.438"}),
    ("1b40c9546f", [('"total_m3":43.964', '"total_m3":44.000')], {WATER: "0.036"}),
    ("1f5c482722", [("33861.111111", "33871.111111")], {HEAT: "10"}),
    ("24fd0e8a65", [('"total_m3":904.398', '"total_m3":905.000')], {WATER: "0.602"}),
    ("37b2dfeaa4", [('_consumption_kwh":16302', '_consumption_kwh":16310')], {HEAT: "8"}),
    ("4673621d21", [('_consumption_kwh":229', '_consumption_kwh":230.5')], {IMPORT: "1.5"}),
    ("517428af5b", [('"total_kwh":390.4', '"total_kwh":391.9')], {HEAT: "1.5"}),
    ("aac7002e60", [('_consumption_kwh":0.916', '_consumption_kwh":1')], {IMPORT: "0.084"}),
    ("bff0fbc056", [("723.611111", "733.611111")], {COOLING: "10"}),
    ("e42f568501", [("33370.162", "33371")], {IMPORT: "0.838"}),
]
EDITED = {"tasmota": TASMOTA, "shelly-gen2": SHELLY, "dsmr-p1": P1, "wmbusmeters-json": WMBUS}

# two frames of one meter; the register as its bytes show it, unit 1e (Wh) and scaler ff (a tenth); the difference in kWh
SML: list[tuple[str, str, dict[str, tuple[int, int]]]] = [
    ("053cf2d12c", "1e74761293", {IMPORT: (0x0334B19E, 0x0334B19F)}),  # 1 * 0.1 Wh
    ("d7586c7e9b", "c755bcfc83", {IMPORT: (0x0A472113, 0x0A472D14)}),  # 0xC01 = 3073 * 0.1 Wh = 0.3073 kWh
    ("68dcd3a246", "f7e68e6f8a", {IMPORT: (0x0D637E08, 0x0D637E09)}),
    ("539a380ac6", "2008b695bf", {EXPORT: (0x0133A601, 0x0133CCCB), IMPORT: (0x15BBAA, 0x15BC06)}),  # 9930, 92: 0.993, 0.0092
    ("48f64a54cb", "a016866b02", {EXPORT: (0xE4EE4D, 0xE4EE4E)}),
    ("db2fc1440e", "92356a8470", {IMPORT: (0x1B1021, 0x1B1023)}),
    ("0b4b99836f", "3c88392b07", {IMPORT: (0x08D20349, 0x08D2034A)}),
]
# without its PIN the earlier frame has whole kWh (scaler 3): 0x914 = 2324 kWh, then 0x1677C7A * 0.1 Wh = 2355.929 kWh
WHOLE_KWH = [
    ("8f7ef3a531", "f2473a1dd2", 0x0914, 0x01677C7A),
    ("254142147d", "3998847c51", 0x6458, 0x0F6EEC91),
    ("58c757c366", "1906ac4dc5", 0x07FB, 0x0137C0C8),
]


def vectors(format: str) -> dict[str, dict[str, Any]]:
    if not FOLDER.is_dir():
        pytest.skip(MISSING)
    lines = (FOLDER / format / "vectors.jsonl").read_text("utf-8").splitlines()
    return {vector["id"][-10:]: vector for vector in map(json.loads, lines)}


@pytest.mark.parametrize("format", EDITED)
def test_vendors_messages_to_a_report(format: str) -> None:
    known = vectors(format)
    cases = {case.vector["id"][-10:]: case for case in payload_formats.FORMATS[format].cases(list(known.values()))}
    totals = 0
    for id, edits, expected in EDITED[format]:
        case = cases[id]
        first = decoded(case.adapter, case.topic, case.payload)
        compare(consumed(first, decoded(case.adapter, case.topic, edited(case.payload, edits))), expected)
        totals += len(expected)
    assert totals >= 10


def test_sml_frames_to_a_report() -> None:
    known = vectors("obis-sml")
    totals = 0
    for one, other, registers in SML:
        frames = [bytes.fromhex(known[id]["payload"]) for id in (one, other)]
        for pair in registers.values():
            assert all(f"{raw:x}" in frame.hex() for raw, frame in zip(pair, frames, strict=True))
        found = consumed(*(decoded(build("sml", {}), "sml/m", frame) for frame in frames))
        # value x 10^-1 Wh
        compare(found, {quantity: str(Decimal(after - before) / 10_000) for quantity, (before, after) in registers.items()})
        totals += len(registers)
    for one, other, before, after in WHOLE_KWH:
        frames = [bytes.fromhex(known[id]["payload"]) for id in (one, other)]
        found = consumed(*(decoded(build("sml", {}), "sml/m", frame) for frame in frames))
        compare(found, {IMPORT: str(Decimal(after) / 10_000 - before)})
        totals += 1
    assert totals >= 10


# --- messages of our own --------------------------------------------------------------------------------------------------

TELEGRAM = "/ABC5\\2OWN-1\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(261001000000S)\r\n0-0:96.1.1(4131)\r\n{}!"


def own() -> Iterator[tuple[str, str, bytes, bytes, Expected]]:
    sensor = '{{"Time":"2026-10-01T00:00:00","ENERGY":{{"Total":{},"Power":5}}}}'
    yield "tasmota", "tele/plug/SENSOR", sensor.format("1.250").encode(), sensor.format("3.750").encode(), {IMPORT: "2.5"}
    switch = (
        '{{"src":"shellyplus1pm-aabbccddeeff","method":"NotifyStatus","params":{{"ts":1.0,"switch:0":{{"id":0,"aenergy":{}}}}}}}'
    )
    before, after = (switch.format(f'{{"total":{value}}}').encode() for value in ("1000.5", "3500.5"))
    yield "shelly", "shellyplus1pm-aabbccddeeff/events/rpc", before, after, {IMPORT: "2.5"}
    lines = "1-0:1.8.1(000{}*kWh)\r\n1-0:1.8.2(000{}*kWh)\r\n1-0:2.8.1(000001.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n"
    telegrams = []
    for registers in (("010.000", "020.500"), ("011.250", "021.000")):
        body = TELEGRAM.format(lines.format(*registers)).encode()
        telegrams.append(body + b"%04X\r\n" % crc16(body))
    yield "dsmr", "dsmr/raw", telegrams[0], telegrams[1], {IMPORT: "1.75", EXPORT: "0"}  # 1.25 + 0.5
    water = '{{"media":"water","meter":"multical21","name":"w","id":"76348799","total_m3":{},"timestamp":"2026-10-01T00:00:00Z"}}'
    yield "wmbusmeters", "wmbusmeters/w", water.format("6.408").encode(), water.format("7").encode(), {WATER: "0.592"}


@pytest.mark.parametrize(("kind", "topic", "before", "after", "expected"), list(own()))
def test_our_own_messages_to_a_report(kind: str, topic: str, before: bytes, after: bytes, expected: Expected) -> None:
    adapter = build(kind, {})
    compare(consumed(decoded(adapter, topic, before), decoded(adapter, topic, after)), expected)
