"""The vocabulary: every quantity the hub understands, with its one canonical unit.

A quantity is named ``domain.thing[.qualifier]``. Its unit is a UCUM code (https://ucum.org/ucum), its shape says how it is
to be read, and its plausible range says outside of what a value is kept but flagged ``out_of_range``.

Shapes:
    gauge    a level at a moment (power, temperature)
    counter  only ever grows until it is reset (a meter's register)
    state    0 or 1, or a small code; holds until the next one (occupied, smoke)
    event    something that happened; closed by a person only (a fall, an SOS)
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

Shape = Literal["gauge", "counter", "state", "event"]
Domain = Literal["energy", "parking", "fire", "health", "device"]

DOMAINS: tuple[Domain, ...] = ("energy", "parking", "fire", "health", "device")


class Quantity(Struct, frozen=True):
    """One entry of the vocabulary. ``low`` and ``high`` bound what is plausible, both inclusive, in ``unit``."""

    name: str
    unit: str
    shape: Shape
    low: float
    high: float
    domain: Domain
    en: str
    zh: str


def nearest_word(word: str, known: Iterable[str]) -> str:
    """The known word that is closest, one that differs only in capitals before any other; '' if none is close."""
    words = list(known)
    same = [each for each in words if each.casefold() == word.casefold()]
    return (same or get_close_matches(word, words, n=1, cutoff=0.5) or [""])[0]


class UnknownWord(ValueError):
    """A quantity or unit that the vocabulary does not have; ``nearest`` is the closest word it does have, or ''."""

    def __init__(self, what: str, word: str, known: Iterable[str]) -> None:
        self.word = word
        self.nearest = nearest_word(word, known)
        hint = f'; did you mean "{self.nearest}"?' if self.nearest else ""
        super().__init__(f'unknown {what} "{word}"{hint}')


def _phases(name: str, unit: str, low: float, high: float, en: str, zh: str) -> list[Quantity]:
    return [
        Quantity(f"{name}.l{phase}", unit, "gauge", low, high, "energy", f"{en} L{phase}", f"{zh} L{phase}")
        for phase in (1, 2, 3)
    ]


def _state(name: str, domain: Domain, en: str, zh: str) -> Quantity:
    return Quantity(name, "1", "state", 0, 1, domain, en, zh)


_BUILT_IN: tuple[Quantity, ...] = (
    # energy: registers
    Quantity("energy.active.import.total", "kW.h", "counter", 0, 1e10, "energy", "energy imported", "正向有功电量"),
    Quantity("energy.active.export.total", "kW.h", "counter", 0, 1e10, "energy", "energy exported", "反向有功电量"),
    Quantity("energy.reactive.import.total", "kvar.h", "counter", 0, 1e10, "energy", "reactive energy", "无功电量"),
    Quantity("energy.pv.total", "kW.h", "counter", 0, 1e10, "energy", "solar energy", "光伏发电量"),
    Quantity("water.volume.total", "m3", "counter", 0, 1e8, "energy", "water", "用水量"),
    Quantity("gas.volume.total", "m3", "counter", 0, 1e8, "energy", "gas", "用气量"),
    Quantity("heat.energy.total", "kW.h", "counter", 0, 1e9, "energy", "heat", "用热量"),
    Quantity("cooling.energy.total", "kW.h", "counter", 0, 1e9, "energy", "cooling", "用冷量"),
    # energy: levels
    Quantity("power.active", "W", "gauge", -1e7, 1e7, "energy", "power", "有功功率"),
    *_phases("power.active", "W", -1e7, 1e7, "power", "有功功率"),
    Quantity("power.reactive", "var", "gauge", -1e7, 1e7, "energy", "reactive power", "无功功率"),
    Quantity("power.apparent", "V.A", "gauge", -1e7, 1e7, "energy", "apparent power", "视在功率"),
    Quantity("power.factor", "1", "gauge", -1, 1, "energy", "power factor", "功率因数"),
    Quantity("power.pv", "W", "gauge", -1e3, 1e7, "energy", "solar power", "光伏功率"),
    Quantity("voltage", "V", "gauge", 0, 1500, "energy", "voltage", "电压"),
    *_phases("voltage", "V", 0, 1500, "voltage", "电压"),
    Quantity("current", "A", "gauge", -1e4, 1e4, "energy", "current", "电流"),
    *_phases("current", "A", -1e4, 1e4, "current", "电流"),
    Quantity("frequency", "Hz", "gauge", 0, 500, "energy", "frequency", "频率"),
    Quantity("switch.on", "1", "state", 0, 1, "energy", "switched on", "开关"),
    Quantity("battery.soc", "%", "gauge", 0, 100, "energy", "storage charge", "储能电量"),
    # parking
    _state("parking.occupied", "parking", "bay occupied", "车位占用"),
    Quantity("parking.spaces.free", "1", "gauge", 0, 1e5, "parking", "free bays", "空闲车位"),
    Quantity("parking.spaces.total", "1", "gauge", 0, 1e5, "parking", "bays", "车位总数"),
    Quantity("charger.power", "W", "gauge", -5e5, 5e5, "parking", "charging power", "充电功率"),
    Quantity("charger.energy.total", "kW.h", "counter", 0, 1e9, "parking", "charged energy", "充电电量"),
    _state("charger.connected", "parking", "car plugged in", "已插枪"),
    # fire
    _state("fire.smoke", "fire", "smoke", "烟雾"),
    _state("fire.heat", "fire", "heat", "高温"),
    _state("fire.co", "fire", "carbon monoxide", "一氧化碳"),
    _state("fire.gas", "fire", "gas leak", "燃气泄漏"),
    _state("fire.alarm", "fire", "fire alarm", "火警"),
    _state("fire.fault", "fire", "detector fault", "探测器故障"),
    _state("fire.test", "fire", "detector test", "探测器测试"),
    _state("fire.shielded", "fire", "detector shielded", "屏蔽"),
    _state("fire.supervised", "fire", "supervisory signal", "监管"),
    _state("fire.started", "fire", "fire equipment started", "启动"),
    _state("fire.feedback", "fire", "fire equipment feedback", "反馈"),
    _state("fire.delayed", "fire", "fire equipment delayed", "延时"),
    _state("fire.duty.waiting", "fire", "duty check not answered yet", "查岗待应答"),
    Quantity("fire.unreadable", "1", "event", 0, 1, "fire", "unreadable fire message", "无法识别的消防报文"),
    Quantity("fire.water.pressure", "kPa", "gauge", 0, 4000, "fire", "fire water pressure", "消防水压"),
    Quantity("fire.water.level", "m", "gauge", 0, 330, "fire", "fire water level", "消防水位"),
    Quantity("fire.gas.level", "%[LEL]", "gauge", 0, 100, "fire", "gas concentration", "可燃气体浓度"),
    Quantity("fire.co.level", "[ppm]", "gauge", 0, 10000, "fire", "carbon monoxide level", "一氧化碳浓度"),
    Quantity("fire.smoke.level", "1", "gauge", 0, 1e6, "fire", "smoke density", "烟雾浓度"),
    # wearables and care
    Quantity("health.heart_rate", "/min", "gauge", 20, 300, "health", "heart rate", "心率"),
    Quantity("health.spo2", "%", "gauge", 50, 100, "health", "blood oxygen", "血氧"),
    Quantity("health.temperature", "Cel", "gauge", 30, 45, "health", "body temperature", "体温"),
    Quantity("health.steps.total", "1", "counter", 0, 1e9, "health", "steps", "步数"),
    Quantity("health.steps", "1", "gauge", 0, 1e6, "health", "steps of a period", "时段步数"),
    Quantity("health.respiratory_rate", "/min", "gauge", 3, 80, "health", "breathing rate", "呼吸频率"),
    Quantity("health.glucose", "mmol/L", "gauge", 0.5, 40, "health", "blood glucose", "血糖"),
    Quantity("health.weight", "kg", "gauge", 0, 400, "health", "weight", "体重"),
    Quantity("health.blood_pressure.systolic", "mm[Hg]", "gauge", 40, 300, "health", "systolic pressure", "收缩压"),
    Quantity("health.blood_pressure.diastolic", "mm[Hg]", "gauge", 20, 200, "health", "diastolic pressure", "舒张压"),
    Quantity("safety.sos", "1", "event", 0, 1, "health", "call for help", "呼救"),
    Quantity("safety.fall", "1", "event", 0, 1, "health", "fall", "跌倒"),
    # the device itself and the room it is in
    Quantity("device.battery", "%", "gauge", 0, 100, "device", "battery", "电池"),
    Quantity("device.battery.voltage", "V", "gauge", 0, 100, "device", "battery voltage", "电池电压"),
    _state("device.battery.low", "device", "battery low", "电量低"),
    _state("device.tamper", "device", "tampered with", "防拆"),
    _state("device.online", "device", "online", "在线"),
    _state("device.drill", "device", "drill", "演练"),
    _state("device.fault", "device", "device fault", "设备故障"),
    Quantity("device.rssi", "dBm", "gauge", -200, 20, "device", "signal", "信号强度"),
    Quantity("device.snr", "dB", "gauge", -100, 100, "device", "signal to noise", "信噪比"),
    Quantity("device.linkquality", "1", "gauge", 0, 255, "device", "link quality", "链路质量"),
    Quantity("device.uptime", "s", "counter", 0, 1e11, "device", "uptime", "运行时间"),
    Quantity("device.temperature", "Cel", "gauge", -60, 200, "device", "device temperature", "设备温度"),
    Quantity("air.temperature", "Cel", "gauge", -60, 80, "device", "temperature", "温度"),
    Quantity("air.humidity", "%", "gauge", 0, 100, "device", "humidity", "湿度"),
    Quantity("air.co2", "[ppm]", "gauge", 0, 50000, "device", "carbon dioxide", "二氧化碳"),
    Quantity("air.pressure", "hPa", "gauge", 300, 1200, "device", "air pressure", "气压"),
    Quantity("air.pm25", "ug/m3", "gauge", 0, 5000, "device", "PM2.5", "PM2.5"),
    Quantity("light.illuminance", "lx", "gauge", 0, 200000, "device", "light", "照度"),
    _state("door.open", "device", "door open", "门开"),
    _state("motion", "device", "motion", "有人活动"),
    _state("water.leak", "device", "water leak", "漏水"),
)

# (dimension, factor, offset): canonical = value * factor + offset, within one dimension.
# Spellings that vendors use stand beside the UCUM code.
_UNITS: dict[str, tuple[str, float, float]] = {
    "W": ("power", 1, 0), "kW": ("power", 1e3, 0), "MW": ("power", 1e6, 0), "mW": ("power", 1e-3, 0),
    "var": ("reactive", 1, 0), "kvar": ("reactive", 1e3, 0), "VAr": ("reactive", 1, 0), "kVAr": ("reactive", 1e3, 0),
    "V.A": ("apparent", 1, 0), "VA": ("apparent", 1, 0), "kVA": ("apparent", 1e3, 0),
    "kW.h": ("energy", 1, 0), "kWh": ("energy", 1, 0), "Wh": ("energy", 1e-3, 0), "W.h": ("energy", 1e-3, 0),
    "MWh": ("energy", 1e3, 0), "GJ": ("energy", 1e3 / 3.6, 0), "MJ": ("energy", 1 / 3.6, 0), "J": ("energy", 1 / 3.6e6, 0),
    "W.min": ("energy", 1 / 6e4, 0), "kvar.h": ("reactive_energy", 1, 0), "kvarh": ("reactive_energy", 1, 0),
    "varh": ("reactive_energy", 1e-3, 0),
    "V": ("voltage", 1, 0), "mV": ("voltage", 1e-3, 0), "kV": ("voltage", 1e3, 0),
    "A": ("current", 1, 0), "mA": ("current", 1e-3, 0), "Hz": ("frequency", 1, 0),
    "m3": ("volume", 1, 0), "m³": ("volume", 1, 0), "L": ("volume", 1e-3, 0), "l": ("volume", 1e-3, 0),
    "Cel": ("temperature", 1, 0), "°C": ("temperature", 1, 0), "C": ("temperature", 1, 0), "K": ("temperature", 1, -273.15),
    "[degF]": ("temperature", 5 / 9, -160 / 9), "°F": ("temperature", 5 / 9, -160 / 9), "F": ("temperature", 5 / 9, -160 / 9),
    "%": ("ratio", 1, 0), "1": ("one", 1, 0), "": ("one", 1, 0), "[ppm]": ("ppm", 1, 0), "ppm": ("ppm", 1, 0),
    "kPa": ("kpa", 1, 0), "Pa": ("kpa", 1e-3, 0), "MPa": ("kpa", 1e3, 0), "bar": ("kpa", 100, 0), "hPa": ("kpa", 0.1, 0),
    "mbar": ("kpa", 0.1, 0), "mm[Hg]": ("mmhg", 1, 0), "mmHg": ("mmhg", 1, 0),
    "/min": ("rate", 1, 0), "bpm": ("rate", 1, 0), "dBm": ("dbm", 1, 0), "dB": ("db", 1, 0),
    "s": ("time", 1, 0), "ms": ("time", 1e-3, 0), "min": ("time", 60, 0), "h": ("time", 3600, 0), "d": ("time", 86400, 0),
    "m": ("length", 1, 0), "cm": ("length", 0.01, 0), "mm": ("length", 0.001, 0), "%[LEL]": ("lel", 1, 0), "%LEL": ("lel", 1, 0),
    "kg": ("mass", 1, 0), "g": ("mass", 1e-3, 0), "lb": ("mass", 0.45359237, 0),
    "mmol/L": ("glucose", 1, 0), "mg/dL": ("glucose", 10 / 180.156, 0),  # of glucose, 180.156 g/mol
    "lx": ("light", 1, 0), "lux": ("light", 1, 0), "ug/m3": ("dust", 1, 0), "µg/m³": ("dust", 1, 0),
}  # fmt: skip


def conversion(unit: str, canonical: str) -> tuple[float, float]:
    """Factor and offset that turn a value in ``unit`` into ``canonical``: ``value * factor + offset``.

    Raises UnknownWord for a unit nobody has heard of, ValueError for one of another dimension.
    """
    if unit == canonical:
        return 1.0, 0.0
    if unit not in _UNITS:
        raise UnknownWord("unit", unit, _UNITS)
    if canonical not in _UNITS:
        raise UnknownWord("unit", canonical, _UNITS)
    dimension, factor, offset = _UNITS[unit]
    target, target_factor, target_offset = _UNITS[canonical]
    if dimension != target:
        raise ValueError(f'"{unit}" cannot be turned into "{canonical}"')
    return factor / target_factor, (offset - target_offset) / target_factor


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|w|y)")
_DURATION_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_557_600_000}


def duration_ms(text: str) -> int:
    """Milliseconds of "500ms", "30s", "10min", "2h", "1d", "10y" (a year is 365.25 days). Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a duration; write it like "30s", "10min", "2h" or "1d"')
    return round(float(match[1]) * _DURATION_MS[match[2]])


def known_units() -> tuple[str, ...]:
    """Every spelling of a unit that ``conversion`` takes."""
    return tuple(unit for unit in _UNITS if unit)


class Vocabulary:
    """The built-in quantities and a site's own additions."""

    def __init__(self, additions: Iterable[Quantity] = ()) -> None:
        self._by_name = {quantity.name: quantity for quantity in (*_BUILT_IN, *additions)}

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Quantity]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of that name; raises UnknownWord with the nearest one."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownWord("quantity", name, self._by_name) from None

    def get(self, name: str) -> Quantity | None:
        return self._by_name.get(name)

    def domain(self, name: str) -> Domain:
        """The domain a quantity is stored under; what nobody declared belongs to the device."""
        quantity = self._by_name.get(name)
        return quantity.domain if quantity else "device"
