"""What an alert says in a line a manager understands, in English and Chinese."""

from hub.ports import Rule
from hub.quantities import Quantity

_SIGNS = {
    "1": "", "Cel": "°C", "[ppm]": "ppm", "kW.h": "kWh", "kvar.h": "kvarh", "m3": "m³", "V.A": "VA", "mm[Hg]": "mmHg",
    "ug/m3": "µg/m³",
}  # fmt: skip
_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))


def figure(value: float, unit: str) -> str:
    """A value as it is read aloud: "5210 W", "38.6 °C", "15%"."""
    number = f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:.0f}"
    sign = _SIGNS.get(unit, unit)
    return f"{number}{sign}" if sign in ("", "%") or sign.startswith("/") else f"{number} {sign}"


def span(ms: int) -> str:
    """A duration as people write it: "90s" stays "90 s", "60s" is "1 min"."""
    size, name = next(pair for pair in _SPANS if ms % pair[0] == 0)
    return name if ms == size else f"{ms // size} {name}"


def summary(rule: Rule, quantity: Quantity, value: float | None, place: dict[str, str]) -> dict[str, str]:
    """ "Smoke in 3幢2单元502 厨房", "3幢2单元502 厨房 有烟雾"; for levels with the value that opened it."""
    said = rule.words(quantity) | {language: text for language, text in rule.settings.name.items() if text}
    shown = figure(value, quantity.unit) if value is not None and quantity.shape in ("gauge", "counter") else ""
    en = f"{said['en']} ({shown})" if shown else said["en"]
    zh = f"{said['zh']}（{shown}）" if shown else said["zh"]
    return {"en": f"{en} in {place['en']}", "zh": f"{place['zh']} {zh}"}
