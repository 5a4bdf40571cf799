"""wmbusmeters: wireless and wired M-Bus meters as JSON. See ``WmbusMeters``."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, iso_ms, number, parse_object, shown, text
from hub.model import DeviceInfo, Lane, Message, Quality, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext
from hub.quantities import conversion

Medium = Literal["electricity", "water", "gas", "heat", "cooling", "room", "smoke"]

_IMPORT = "energy.active.import.total"
_PRODUCED = "produced"  # not a quantity: taken off power.active

# The media of EN 13757-7 as wmbusmeters words them.
_MEDIA: dict[str, Medium] = {
    "electricity": "electricity",
    "gas": "gas",
    "water": "water",
    "cold water": "water",
    "warm water": "water",
    "hot water": "water",
    "heat": "heat",
    "heat volume at inlet": "heat",
    "heat volume at outlet": "heat",
    "heat/cooling load": "heat",
    "cooling load volume at inlet": "cooling",
    "cooling load volume at outlet": "cooling",
    "room sensor": "room",
    "smoke detector": "smoke",
}
# Radio converters and the like do not say what they count; these drivers do by what they are made for.
_DRIVERS: dict[str, Medium] = {
    "emerlin868": "water",
    "gwfwater": "water",
    "qwater": "water",
    "qheat": "heat",
    "qheatv2": "heat",
}
# Medium -> a key without its unit -> quantity.
_KEYS: dict[str, dict[str, str]] = {
    "electricity": {
        "total_energy_consumption": _IMPORT,
        "total": _IMPORT,
        "positive_total_active_energy": _IMPORT,
        "total_energy_production": "energy.active.export.total",
        "negative_total_active_energy": "energy.active.export.total",
        "total_reactive_energy_consumption": "energy.reactive.import.total",
        "positive_total_reactive_energy": "energy.reactive.import.total",
        "current_power_consumption": "power.active",
        "active_consumption": "power.active",
        "active_power_overall": "power.active",
        "three_phase_total_active_power": "power.active",
        "power": "power.active",
        "current_power_production": _PRODUCED,
        "reactive_consumption": "power.reactive",
        "reactive_power_overall": "power.reactive",
        "three_phase_total_reactive_power": "power.reactive",
        "apparent_consumption": "power.apparent",
        "three_phase_total_apparent_power": "power.apparent",
        "three_phase_power": "power.factor",  # ..._factor
        "power_factor": "power.factor",
        "frequency": "frequency",
    },
    "water": {"total": "water.volume.total", "voltage": "device.battery.voltage"},
    "gas": {"total": "gas.volume.total"},
    "heat": {
        "total_energy_consumption": "heat.energy.total",
        "total": "heat.energy.total",
        "total_heating": "heat.energy.total",
        "total_heat_energy": "heat.energy.total",
        "heat": "heat.energy.total",
        "total_cooling": "cooling.energy.total",
        "total_cooling_energy": "cooling.energy.total",
        "total_cooling_consumption": "cooling.energy.total",
    },
    "cooling": {"total_energy_consumption": "cooling.energy.total", "total": "cooling.energy.total"},
    "room": {
        "temperature": "air.temperature",
        "current_temperature": "air.temperature",
        "relative_humidity": "air.humidity",
        "current_relative_humidity": "air.humidity",
    },
}
_ANY_MEDIUM = {"battery": "device.battery", "rssi": "device.rssi"}
_PHASE = re.compile(
    r"(current|amperage|voltage|current_power_consumption|active_consumption|active_power|power)_(?:at_phase_|phase|l)?([123])(?:_n)?"
)
_PHASED = {"current": "current", "amperage": "current", "voltage": "voltage"}  # the others are power
_UNITS = {
    "kwh": "kWh",
    "wh": "Wh",
    "mwh": "MWh",
    "mj": "MJ",
    "gj": "GJ",
    "kvarh": "kvarh",
    "w": "W",
    "kw": "kW",
    "kvar": "kvar",
    "var": "var",
    "kva": "kVA",
    "va": "VA",
    "m3": "m3",
    "l": "L",
    "v": "V",
    "a": "A",
    "ma": "mA",
    "hz": "Hz",
    "c": "Cel",
    "f": "°F",
    "k": "K",
    "rh": "%",
    "pct": "%",
    "dbm": "dBm",
    "factor": "1",
}
_IN_KW = {"power.reactive": "kvar", "power.apparent": "kVA"}  # drivers whose unit is kW for want of another

_REPORT_SMOKE = {"lansensm", "tsd2"}
_SMOKE_WORDS = {"OK", "SMOKE", "MANUAL_TEST", "LOW_BATTERY", "POWER_LOW", "BATTERY_LOW"}
_FAULT = re.compile("ERROR|FAULT|FAIL|DEFECT|MALFUNCTION|BREAK|INTERRUPTED|END_OF_LIFE|EOL_REACHED|NO_CONNECTION")
_TAMPER = re.compile("TAMPER|SABOTAGE|FRAUD|SEAL_BROKEN|REMOVED")
_LEAK = re.compile("LEAK|BURST")
_ID = re.compile("[0-9A-Za-z]{1,32}")
_REMEMBERED = 20_000


class WmbusMeters:
    """wmbusmeters (https://wmbusmeters.org): M-Bus meters for water, gas, heat, electricity, and smoke detectors.

    Topic: what its ``shell=`` line publishes to; the manual and the Home Assistant add-on use wmbusmeters/<id or name>.
      shell=mosquitto_pub -q 1 -t wmbusmeters/$METER_ID -m "$METER_JSON"
    The id comes from the payload: wmbus:<id>, the meter's secondary address. name is its label, meter the driver.
    Time: timestamp, UTC with whole seconds, is when the telegram was received: network time. The meters' own clocks
    (meter_datetime, device_datetime: local, without zone or summer time) are left out. No sequence number, no last will: a
    meter that has fallen silent shows by its interval. Two receivers give the same telegram within a second or so of each
    other. A masked or impossible timestamp is clock_skew.

    Units stand at the end of a key: total_m3, total_energy_consumption_kwh, power_kw. null means the telegram did not have
    it, or a sentinel of the meter. A key with another unit of the same kind is converted (calculate_total_mj). What is read
    depends on the medium:
      electricity  total_kwh, total_energy_consumption, positive_total_active_energy: import; …_production, negative_…: export;
                   …reactive_energy_consumption_kvarh; current_power_consumption, active_consumption, power …: power.active,
                   less current_power_production; voltage, current and power of phases 1, 2, 3; frequency; power factor
                   (iEM3000 sends 2 less the factor when it leads: out_of_range). Reactive and apparent power of some
                   drivers are named _kw and mean kvar and kVA.
      water, gas   total_m3; voltage_v of a water meter is its battery
      heat         total_kwh, total_energy_consumption, total_heating, heat; total_cooling…: cooling. Its m3 are the
                   circulating water's, not consumption, and are left out with its power and temperatures
      room sensor  temperature_c, relative_humidity_rh, or those that begin with current_; averages are left out
      all          battery_v, battery_pct, rssi_dbm
    Tariffs, target_…, prev_…, historic…, …_at_set_date are parts or the past of a total, and left out; so are units of
    heat cost allocators. A radio converter or pulse counter does not say its medium: known for the drivers qwater, qheat,
    qheatv2, gwfwater, emerlin868, else set in ``media``.

    status: OK, or flags with a blank between them; current_alarms of izar the same, with commas and "no_alarm".
      POWER_LOW, BATTERY_LOW, LOW_BATTERY…                    device.battery.low
      TAMPER…, SABOTAGE…, …_FRAUD, SEAL_BROKEN, …REMOVED      device.tamper
      …LEAK…, …BURST… of a water meter                        water.leak; LEAKAGE_OR_NO_USAGE does not tell which
      …ERROR, …FAULT, DEFECT, MALFUNCTION, END_OF_LIFE …      device.fault (smoke detector: fire.fault), readings device_fault
    Flags with PREV are of last month. Others (DRY, NO_FLOW) are left out; of a smoke detector each is a fault.
    Smoke: lansensm and tsd2 report SMOKE, lansensm MANUAL_TEST. ei6500 and qsmoke do not: their status says OK while they
    sound, so nothing is said about smoke. Doors (lansendw): OPEN, CLOSED.

    Sources: wmbusmeters README (shell, calculate, static fields), ha-addon/DOCS.md, the fields' info in drivers/src/*.xmq
    (smoke: ei6500, qsmoke, lansensm, tsd2), EN 13757-7 for media and the status byte.
    """

    kind = "wmbusmeters"

    class Settings(AdapterSettings):
        topic: str = Field("wmbusmeters/#", description="the topic filter that wmbusmeters publishes to")
        media: dict[str, Medium] = Field(
            {}, description='what a meter counts that does not say it: { "00010206" = "electricity" }'
        )

        @field_validator("topic")
        @classmethod
        def _is_a_filter(cls, topic: str) -> str:
            TopicTemplate(topic)
            return topic

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.topics = (TopicTemplate(settings.topic).filter,)
        self.lane = settings.lane
        self._zone = site.zone
        self._media = settings.media
        self._told: dict[str, tuple[Any, Any]] = {}

    def decode(self, message: Message) -> Sequence[Decoded]:
        body = parse_object(message.payload)
        identity = body.get("id")
        if identity is None:
            raise Malformed(Reason.MISSING_FIELD, "id is not there")
        if type(identity) is not str or not _ID.fullmatch(identity):
            raise Malformed(Reason.WRONG_TYPE, f"id is {shown(identity)}, expected a meter's address")
        device = f"wmbus:{identity}"
        try:
            return self._telegram(device, identity, body)
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered that must survive."""

    def _telegram(self, device: str, identity: str, body: dict[str, Any]) -> Sequence[Decoded]:
        driver = text(body.get("meter", "unknown"), "meter", 64)
        given = text(body.get("media", "unknown"), "media", 64)
        medium = self._media.get(identity) or _MEDIA.get(given) or _DRIVERS.get(driver) or ""
        time, quality = iso_ms(body.get("timestamp"), self._zone, "timestamp")
        status = _status(body, driver, medium)
        values: dict[str, float] = {}
        for key, value in body.items():
            known = _known(medium, key)
            if known is not None and value is not None:
                values.setdefault(known.quantity, number(number(value, key) * known.factor + known.offset, key))
        produced = values.pop(_PRODUCED, None)
        if produced is not None:
            values["power.active"] = values.get("power.active", 0.0) - produced + 0.0
        if status.get("device.fault") or status.get("fire.fault"):
            quality |= Quality.DEVICE_FAULT
        found: list[Decoded] = [
            Reading(device, quantity, value, None, "", 0, int(quality), time) for quantity, value in (values | status).items()
        ]
        if status.get("fire.test"):
            found = [_under_test(one) for one in found]
        told = (body.get("name"), driver)
        if self._told.get(identity) != told:
            name = text(told[0], "name") if told[0] else None
            found.append(DeviceInfo(device, name=name, model=driver))
            if len(self._told) >= _REMEMBERED:
                del self._told[next(iter(self._told))]
            self._told[identity] = told
        return found


def _under_test(one: Decoded) -> Decoded:
    if not isinstance(one, Reading) or one.quantity != "fire.smoke":
        return one
    quality = one.quality | Quality.TEST_MODE
    return Reading(one.device, one.quantity, one.value, None, "", 0, int(quality), one.network_time)


class _Known(NamedTuple):
    quantity: str
    factor: float
    offset: float


@lru_cache(maxsize=4096)
def _known(medium: str, key: str) -> _Known | None:
    """What a key of that medium means, or None: no unit, another unit than the quantity's, or not of interest."""
    base, _, suffix = key.rpartition("_")
    unit = _UNITS.get(suffix)
    if unit is None:
        return None
    table = _KEYS.get(medium, {})
    quantity = table.get(key) or table.get(base) or _ANY_MEDIUM.get(base)
    phase = _PHASE.fullmatch(base) if medium == "electricity" else None
    if phase:
        quantity = f"{_PHASED.get(phase[1], 'power.active')}.l{phase[2]}"
    if quantity == "device.battery" and unit == "V":
        quantity = "device.battery.voltage"
    if quantity is None:
        return None
    if unit == "kW":
        unit = _IN_KW.get(quantity, unit)
    try:
        factor, offset = conversion(unit, _CANONICAL[quantity])
    except ValueError:  # total_m3 of a heat meter, power_factor of a phase
        return None
    return _Known(quantity, factor, offset)


_CANONICAL = {
    **dict.fromkeys((_IMPORT, "energy.active.export.total", "heat.energy.total", "cooling.energy.total"), "kW.h"),
    "energy.reactive.import.total": "kvar.h", "water.volume.total": "m3", "gas.volume.total": "m3",
    **{f"{name}{phase}": unit for phase in ("", ".l1", ".l2", ".l3") for name, unit in
       (("power.active", "W"), ("voltage", "V"), ("current", "A"))},
    _PRODUCED: "W", "power.reactive": "var", "power.apparent": "V.A", "power.factor": "1", "frequency": "Hz",
    "air.temperature": "Cel", "air.humidity": "%", "device.battery": "%", "device.battery.voltage": "V", "device.rssi": "dBm",
}  # fmt: skip


def _status(body: dict[str, Any], driver: str, medium: str) -> dict[str, float]:
    """The states that the flags of status and current_alarms tell; none where there are no flags."""
    said = [body[key] for key in ("status", "current_alarms") if body.get(key) is not None]
    if not said:
        return {}
    words = " ".join(text(one, "status", 2000) if one else "OK" for one in said).upper().replace(",", " ").split()
    now = [word for word in words if "PREV" not in word]
    fault = any(_FAULT.search(word) for word in now)
    states: dict[str, float] = {
        "device.battery.low": any(word == "POWER_LOW" or "BATTERY" in word for word in now),
        "device.tamper": any(_TAMPER.search(word) for word in now),
    }
    if medium == "water":
        states["water.leak"] = any(_LEAK.search(word) and word != "LEAKAGE_OR_NO_USAGE" for word in now)
    if medium != "smoke":
        states["device.fault"] = fault
    else:
        understood = all(word in _SMOKE_WORDS or _TAMPER.search(word) for word in now)
        states["fire.fault"] = fault or not understood
        if "SMOKE" in now or (driver in _REPORT_SMOKE and understood):
            states["fire.smoke"] = "SMOKE" in now
        if driver == "lansensm":
            states["fire.test"] = "MANUAL_TEST" in now
    if driver == "lansendw" and not {"OPEN", "CLOSED"}.isdisjoint(now):
        states["door.open"] = "OPEN" in now
    return {quantity: float(state) for quantity, state in states.items()}
