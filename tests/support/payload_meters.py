"""Public payloads of meters and homes as messages: wmbusmeters, Shelly Gen1, Home Assistant, BTHome, SenML, P1, SML, gateways.

What each states is told here a second time, from the documents and not from the adapters; see ``tests/support/payloads.py``.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from hub.model import Reason
from tests.support.captures import build
from tests.support.payload_case import Case, Stated, Vector, payload_bytes

# --- wmbusmeters: README; the units stand in the keys ---------------------------------------------------------------------

_WATER = {"water", "warm water", "cold water"}
_HEAT = {"heat", "heat volume at inlet", "heat/cooling load"}
_WMBUS_ELECTRICITY = {
    "total_kwh": ("energy.active.import.total", 1),
    "total_energy_consumption_kwh": ("energy.active.import.total", 1),
    "positive_total_active_energy_kwh": ("energy.active.import.total", 1),
    "total_energy_production_kwh": ("energy.active.export.total", 1),
    "negative_total_active_energy_kwh": ("energy.active.export.total", 1),
    "total_reactive_energy_consumption_kvarh": ("energy.reactive.import.total", 1),
    "positive_total_reactive_energy_kvarh": ("energy.reactive.import.total", 1),
    "active_consumption_kw": ("power.active", 1000),
    "active_power_overall_kw": ("power.active", 1000),
    "three_phase_total_active_power_kw": ("power.active", 1000),
    "reactive_consumption_kw": ("power.reactive", 1000),
    "reactive_power_overall_kw": ("power.reactive", 1000),
    "three_phase_total_reactive_power_kvar": ("power.reactive", 1000),
    "apparent_consumption_kw": ("power.apparent", 1000),
    "three_phase_total_apparent_power_kva": ("power.apparent", 1000),
    "power_factor": ("power.factor", 1),
    "three_phase_power_factor": ("power.factor", 1),
    "frequency_hz": ("frequency", 1),
}
for _n in (1, 2, 3):
    _WMBUS_ELECTRICITY |= {
        f"current_at_phase_{_n}_a": (f"current.l{_n}", 1),
        f"amperage_at_phase_{_n}_a": (f"current.l{_n}", 1),
        f"current_l{_n}_a": (f"current.l{_n}", 1),
        f"voltage_at_phase_{_n}_v": (f"voltage.l{_n}", 1),
        f"voltage_l{_n}_n_v": (f"voltage.l{_n}", 1),
        f"voltage_{_n}_n_v": (f"voltage.l{_n}", 1),
        f"current_power_consumption_{_n}_kw": (f"power.active.l{_n}", 1000),
        f"current_power_consumption_phase{_n}_kw": (f"power.active.l{_n}", 1000),
        f"active_consumption_l{_n}_kw": (f"power.active.l{_n}", 1000),
        f"active_power_l{_n}_kw": (f"power.active.l{_n}", 1000),
        f"active_power_at_phase_{_n}_kw": (f"power.active.l{_n}", 1000),
        f"power_l{_n}_kw": (f"power.active.l{_n}", 1000),
    }
_WMBUS_HEAT = {
    "total_kwh": "heat.energy.total",
    "total_energy_consumption_kwh": "heat.energy.total",
    "total_heating_kwh": "heat.energy.total",
    "total_heat_energy_kwh": "heat.energy.total",
    "heat_kwh": "heat.energy.total",
    "total_cooling_kwh": "cooling.energy.total",
    "total_cooling_energy_kwh": "cooling.energy.total",
    "total_cooling_consumption_kwh": "cooling.energy.total",
}
_WMBUS_ROOM = {
    "temperature_c": "air.temperature",
    "current_temperature_c": "air.temperature",
    "relative_humidity_rh": "air.humidity",
    "current_relative_humidity_rh": "air.humidity",
}


def wmbusmeters(vectors: list[Vector]) -> Iterator[Case]:
    adapter = build("wmbusmeters", {})
    for vector in vectors:
        body = json.loads(vector["payload"])
        yield Case(vector, adapter, vector["topic"], vector["payload"].encode(), _wmbusmeters(body))


def _wmbusmeters(body: dict[str, Any]) -> list[Stated]:
    media, driver = body["media"], body["meter"]
    found = []
    for key, value in body.items():
        if value is None or isinstance(value, str):
            continue
        if media == "electricity" and key in _WMBUS_ELECTRICITY:
            quantity, factor = _WMBUS_ELECTRICITY[key]
            found.append(Stated(quantity, "", value * factor))
        elif key == "total_m3" and (media in _WATER or driver in ("qwater", "gwfwater", "emerlin868")):
            found.append(Stated("water.volume.total", "", value))
        elif key == "total_m3" and media == "gas":
            found.append(Stated("gas.volume.total", "", value))
        elif (media in _HEAT or driver == "qheatv2") and key in _WMBUS_HEAT:
            found.append(Stated(_WMBUS_HEAT[key], "", value))
        elif media.startswith("cooling") and key == "total_energy_consumption_kwh":
            found.append(Stated("cooling.energy.total", "", value))
        elif media == "room sensor" and key in _WMBUS_ROOM:
            found.append(Stated(_WMBUS_ROOM[key], "", value))
        elif key == "battery_v" or (key == "voltage_v" and media == "water"):
            found.append(Stated("device.battery.voltage", "", value))
        elif key == "battery_pct":
            found.append(Stated("device.battery", "", value))
    if media == "electricity" and body.get("current_power_consumption_kw") is not None:
        produced = body.get("current_power_production_kw") or 0
        found.append(Stated("power.active", "", (body["current_power_consumption_kw"] - produced) * 1000))
    if driver in ("tsd2", "lansensm") and body["status"] in ("OK", "SMOKE"):
        found.append(Stated("fire.smoke", "", body["status"] == "SMOKE"))
    if media == "smoke detector":
        found.append(Stated("fire.fault", "", 0))  # in the vectors none has one
    return found


# --- Shelly Gen1: shelly-api-docs.shelly.cloud/gen1 -----------------------------------------------------------------------


def shelly_gen1(vectors: list[Vector]) -> Iterator[Case]:
    """Answers to HTTP /status are what shellies/<id>/info carries; answers of later generations have nothing of Gen1."""
    for vector in vectors:
        topic, payload = vector["topic"], vector["payload"]
        stated: list[Stated] = []
        if topic.startswith("shellies/"):
            stated = _shelly_topic(topic.split("/"), payload)
        else:
            body = json.loads(payload)
            topic = "shellies/shelly1pm-AABBCC/info"
            stated = _shelly_status(body)
        yield Case(vector, build("shelly_gen1", {}), topic, payload.encode(), stated)


def _shelly_topic(levels: list[str], payload: str) -> list[Stated]:
    if levels[2:] == ["relay", "0"]:
        return [Stated("switch.on", "0", payload == "on")]
    phase, field = levels[3], levels[4]
    if field == "power":
        return [Stated(f"power.active.l{int(phase) + 1}", "", float(payload))]
    quantity = {"total": "energy.active.import.total", "total_returned": "energy.active.export.total", "pf": "power.factor"}[
        field
    ]
    return [Stated(quantity, phase, float(payload) / (1 if field == "pf" else 1000))]


def _shelly_status(body: dict[str, Any]) -> list[Stated]:
    found = []
    for number, meter in enumerate(body.get("meters", [])):
        found.append(Stated("power.active", str(number), meter["power"]))
        if "total" in meter:
            found.append(Stated("energy.active.import.total", str(number), meter["total"] / 60 / 1000))
    for number, meter in enumerate(body.get("emeters", [])):
        found += [
            Stated("power.active", str(number), meter["power"]),
            Stated("voltage", str(number), meter["voltage"]),
            Stated("energy.active.import.total", str(number), meter["total"] / 1000),
            Stated("energy.active.export.total", str(number), meter["total_returned"] / 1000),
        ]
    for kind in ("relays", "lights"):
        found += [Stated("switch.on", str(number), one["ison"]) for number, one in enumerate(body.get(kind, []))]
    for key, probe in body.get("ext_temperature", {}).items():
        found.append(Stated("air.temperature", key, probe["tC"]))
    if "tmp" in body:
        found.append(Stated("device.temperature", "", body["tmp"]["tC"]))
    if "wifi_sta" in body:
        found.append(Stated("device.rssi", "", body["wifi_sta"]["rssi"]))
        found.append(Stated("device.uptime", "", body["uptime"]))
    return found


# --- Home Assistant's discovery: home-assistant.io/integrations/mqtt ------------------------------------------------------

_HA_QUANTITIES = {
    "temperature": "air.temperature",
    "humidity": "air.humidity",
    "atmospheric_pressure": "air.pressure",
    "battery": "device.battery",
}


def homeassistant(vectors: list[Vector]) -> Iterator[Case]:
    """Each config, and then a state of our own on the topic and at the place that it announces."""
    for vector in vectors:
        body = json.loads(vector["payload"])
        adapter = build("homeassistant", {"states": ["zigbee2mqtt/#"]})
        component = vector["topic"].split("/")[1]
        quantity = _HA_QUANTITIES.get(body.get("device_class", "")) if component == "sensor" else None
        if body.get("unit_of_measurement") == "lqi":
            quantity = "device.linkquality"
        key = vector["topic"].split("/")[-2]
        if component == "switch":
            quantity, key = "switch.on", key.replace("switch", "state")
        if quantity is None:
            yield Case(vector, adapter, vector["topic"], vector["payload"].encode())
            continue
        device = body["device"]
        told = {"name": device["name"], "vendor": device["manufacturer"], "model": device["model"]}
        info = {f"ha:{device['identifiers'][0]}": told}
        yield Case(vector, adapter, vector["topic"], vector["payload"].encode(), info=info)
        value, number = ("ON", 1.0) if component == "switch" else (21.5, 21.5)
        state = json.dumps({key: value, "another": 5}).encode()
        yield Case(vector, adapter, body["state_topic"], state, [Stated(quantity, None, number)], whole=True, counts=0)


# --- BTHome v2: bthome.io/format; expected of bthome-ble ------------------------------------------------------------------

_BTHOME = {
    "KEY_BATTERY": "device.battery",
    "KEY_CO2": "air.co2",
    "KEY_CURRENT": "current",
    "KEY_ENERGY": "energy.active.import.total",
    "KEY_GAS": "gas.volume.total",
    "KEY_HUMIDITY": "air.humidity",
    "KEY_PM25": "air.pm25",
    "KEY_POWER": "power.active",
    "KEY_PRESSURE": "air.pressure",
    "KEY_TEMPERATURE": "air.temperature",
    "KEY_WATER": "water.volume.total",
    "KEY_BINARY_MOTION": "motion",
    "KEY_BINARY_OPENING": "door.open",
    "KEY_BINARY_WINDOW": "door.open",
}
_BTHOME_REFUSED = {
    "40feca09": Reason.UNKNOWN_VALUE,  # an object nobody knows
    "4002ca0903bf": Reason.BAD_FRAME,  # cut off
    "44530187": "",  # a text that is no UTF-8: texts are passed over
    "00": Reason.BAD_JSON,  # version 0 is none of the forms
}


def bthome(vectors: list[Vector]) -> Iterator[Case]:
    for vector in vectors:
        adapter = build("bthome", {})
        payload = vector["payload"]
        refused = _BTHOME_REFUSED.get(payload)
        if bytes.fromhex(payload)[0] & 1:
            refused = Reason.BAD_ENCODING  # encrypted, and the key is another's
        stated = []
        for told in vector["expected"]["values"] if not refused else []:
            quantity = _BTHOME.get(told["key"])
            if told["key"] == "KEY_VOLTAGE":  # two bytes of mV are a battery's, of 0.1 V the mains'
                quantity = "voltage" if payload[2:4] == "4a" else "device.battery.voltage"
            if quantity:
                value = {"True": 1.0, "False": 0.0}.get(told["value"])
                stated.append(Stated(quantity, None, float(told["value"]) if value is None else value))
        yield Case(vector, adapter, "bthome/gateway/A4C138112233", payload.encode(), stated, refused=refused or None)


# --- SenML: RFC 8428, sections 4 and 5; the resolved form of each example -------------------------------------------------

_SENML = {"Cel": "air.temperature", "%RH": "air.humidity", "%EL": "device.battery", "V": "voltage", "A": "current"}


def senml(vectors: list[Vector]) -> Iterator[Case]:
    """What an example states is its resolved form, which the RFC gives beside it."""
    adapter = build("senml", {})
    resolved = {vector["src"]["path"].rpartition("/")[2]: vector for vector in vectors}
    for vector in vectors:
        number = re.findall(r"ex\d+", vector["src"]["path"])[-1]
        plain = resolved.get(f"{number}.gen.resolved.json", vector)
        records = json.loads(plain["payload"])
        stated = [Stated(_SENML[one["u"]], None, one["v"]) for one in records if one.get("u") in _SENML and "v" in one]
        if plain is vector and any("bn" in one for one in records):
            stated = [one for one in stated if number == "ex11"]  # its records carry unit and value themselves
        yield Case(vector, adapter, "senml/example", vector["payload"].encode(), stated)


# --- P1 and readouts: P1 Companion Standard 5.0.2; IEC 62056-21 -----------------------------------------------------------


def dsmr(vectors: list[Vector]) -> Iterator[Case]:
    for vector in vectors:
        telegram = payload_bytes(vector)
        if not telegram.startswith(b"/"):  # DLMS frames of a HAN port: no adapter of ours
            yield Case(vector, build("dsmr", {}), "han/raw", telegram)
            continue
        adapter = build("dsmr", {}, zone="Europe/Amsterdam")
        yield Case(vector, adapter, "dsmr/raw", telegram, _telegram(telegram.decode("latin-1")))


def _telegram(text: str) -> list[Stated]:
    values = {}
    for code, value, unit in re.findall(r"1-0:([0-9.]+?)(?:\*255)?\((-?[0-9.]+)\*(\w+)\)", text):
        values[code] = float(value) / (1000 if unit.lower() in ("wh", "varh", "w", "var") else 1)  # in kilo
    found = []
    for code, quantity in (("1.8", "energy.active.import.total"), ("2.8", "energy.active.export.total")):
        if f"{code}.0" in values:
            found.append(Stated(quantity, "", values[f"{code}.0"]))
        else:
            found += [Stated(quantity, n, values[f"{code}.{n}"]) for n in ("1", "2") if f"{code}.{n}" in values]
    if "3.8.0" in values:
        found.append(Stated("energy.reactive.import.total", "", values["3.8.0"]))
    if "1.7.0" in values:
        found.append(Stated("power.active", "", (values["1.7.0"] - values.get("2.7.0", 0)) * 1000))
    if "3.7.0" in values:
        found.append(Stated("power.reactive", "", (values["3.7.0"] - values["4.7.0"]) * 1000))
    for phase in (1, 2, 3):
        taken, given, volts, amperes = (f"{base + 20 * phase}.7.0" for base in (1, 2, 12, 11))
        if taken in values:
            found.append(Stated(f"power.active.l{phase}", "", (values[taken] - values.get(given, 0)) * 1000))
        if volts in values:
            found.append(Stated(f"voltage.l{phase}", "", values[volts]))
        if amperes in values:
            found.append(Stated(f"current.l{phase}", "", values[amperes]))
    for quantity, cubic_metres in re.findall(
        r"0-\d:24\.1\.0\((?:0*)([37])\)[^/!]*?0-\d:24\.2\.[13]\(\w+\)\(([0-9.]+)\*m3\)", text
    ):
        found.append(Stated("gas.volume.total" if quantity == "3" else "water.volume.total", "", float(cubic_metres)))
    return found


# --- SML: BSI TR-03109-1 annex IV; libsml-testing -------------------------------------------------------------------------

_SML_ENTRY = re.compile(
    "7707(?P<code>0100[0-9a-f]{4}00ff)"
    "(?:01|62..|63.{4}|64.{6}|65.{8})"  # status
    "(?:01|726201(?:62..|63.{4}|64.{6}|65.{8})|65.{8})"  # time
    "62(?P<unit>1b|1e|21|23|2c)52(?P<scaler>..)(?P<kind>[56])(?P<length>[2-9])(?P<rest>.{2,16})"
)
_SML = {
    "0100010800ff": ("energy.active.import.total", 1000),
    "0100020800ff": ("energy.active.export.total", 1000),
    "0100100700ff": ("power.active", 1),
    "0100240700ff": ("power.active.l1", 1),
    "0100380700ff": ("power.active.l2", 1),
    "01004c0700ff": ("power.active.l3", 1),
    "0100200700ff": ("voltage.l1", 1),
    "0100340700ff": ("voltage.l2", 1),
    "0100480700ff": ("voltage.l3", 1),
    "01001f0700ff": ("current.l1", 1),
    "0100330700ff": ("current.l2", 1),
    "0100470700ff": ("current.l3", 1),
    "01000e0700ff": ("frequency", 1),
}
_SML_TOLD = {"DZG_DVS-7412.2_jmberg": 356.24}  # libsml-testing, pull request 16


def sml(vectors: list[Vector]) -> Iterator[Case]:
    for vector in vectors:
        stated = []
        for entry in _SML_ENTRY.finditer(vector["payload"]):
            if entry["code"] in _SML:
                quantity, per = _SML[entry["code"]]
                raw = bytes.fromhex(entry["rest"][: 2 * (int(entry["length"]) - 1)])
                scaler = int.from_bytes(bytes.fromhex(entry["scaler"]), "big", signed=True)
                value = int.from_bytes(raw, "big", signed=entry["kind"] == "5") * 10.0**scaler / per
                if quantity == "power.active":
                    value = _SML_TOLD.get(vector["device"], value)
                stated.append(Stated(quantity, "", value))
        yield Case(vector, build("sml", {}), "sml/head", vector["payload"].encode(), stated)


# --- gateways: eddie-energy/eddie, aiida docs -----------------------------------------------------------------------------


def gateways(vectors: list[Vector]) -> Iterator[Case]:
    """Settings and answers of the application itself are none of the four forms."""
    adapter = build("smart_meter_gateways", {})
    for vector in vectors:
        body = json.loads(vector["payload"])
        stated: list[Stated] = []
        if "1-0:1.7.0" in body:
            stated.append(Stated("power.active", "", body["1-0:1.7.0"]["value"]))
        if "1-0:1.8.0" in body:
            stated.append(Stated("energy.active.import.total", "", body["1-0:1.8.0"]["value"] / 1000))
        for one in body.get("Quantity", []):
            kilowatts = one["type"] == "2"
            quantity = "power.active" if kilowatts else "energy.active.import.total"
            stated.append(Stated(quantity, "", one["quantity"] * (1000 if kilowatts else 1)))
        foreign = not ("api_version" in body or "Quantity" in body)
        refused = Reason.WRONG_SHAPE if foreign else None
        yield Case(vector, adapter, "smartmeter/box", vector["payload"].encode(), stated, whole=True, refused=refused)
