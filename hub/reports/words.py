"""The words of printed reports, in both languages, and how numbers, days and spans are written."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from hub.quantities import Vocabulary

Language = Literal["en", "zh"]

FULL = 0.9995
"""A share from which on nothing worth telling is missing."""

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Energy report", "zh": "能源报告"},
    "period": {"en": "Period", "zh": "统计周期"},
    "revision": {"en": "Revision", "zh": "版本"},
    "closed": {"en": "closed on {day}", "zh": "{day} 结账"},
    "preliminary": {"en": "preliminary: not closed", "zh": "未结账，仅供参考"},
    "has_examples": {
        "en": "With EXAMPLE prices or factors, see below: not to be paid by.",
        "zh": "含示例电价或因子（见下文），不得据此收费。",
    },
    "at_a_glance": {"en": "At a glance", "zh": "总览"},
    "used": {"en": "electricity used", "zh": "总用电量"},
    "role_missing": {"en": "more fed in than made: a role is missing", "zh": "上网多于发电：有表计未设用途"},
    "grid": {"en": "from the grid", "zh": "电网购电"},
    "solar": {"en": "solar yield", "zh": "光伏发电"},
    "own_solar": {"en": "solar used here", "zh": "光伏自用"},
    "always": {"en": "at any time", "zh": "长期有效"},
    "since": {"en": "since {start}", "zh": "自 {start} 起"},
    "before": {"en": "to {end}, exclusive", "zh": "至 {end}（不含）"},
    "until": {"en": "{start} to {end}, exclusive", "zh": "{start} 至 {end}（不含）"},
    "tiers_known": {
        "en": "What was used before in the tiers' month or year is known for {share} of the time: "
        "the cost lies between {low} and {high}.",
        "zh": "阶梯周期内此前用量的完整率为 {share}，费用介于 {low} 与 {high} 之间。",
    },
    "no_bound": {"en": "no bound", "zh": "无上限"},
    "no_bound_below": {"en": "no lower bound", "zh": "无下限"},
    "earlier_use": {"en": "use before: known", "zh": "阶梯此前用量完整率"},
    "within_bounds": {"en": "known within bounds", "zh": "仅知其范围"},
    "tiers_least": {"en": "surcharge of tiers, at least", "zh": "阶梯加价（至少）"},
    "cost_low": {"en": "Cost at least", "zh": "费用下限"},
    "cost_high": {"en": "Cost at most", "zh": "费用上限"},
    "fed_in": {"en": "fed in", "zh": "余电上网"},
    "charged": {"en": "into batteries", "zh": "储能充电"},
    "discharged": {"en": "out of batteries", "zh": "储能放电"},
    "efficiency": {"en": "battery efficiency", "zh": "储能效率"},
    "self_consumption": {"en": "self-consumption", "zh": "光伏自用率"},
    "autarky": {"en": "autarky", "zh": "能源自给率"},
    "zero_carbon": {"en": "zero-carbon share", "zh": "零碳能源利用比例"},
    "co2": {"en": "carbon dioxide", "zh": "二氧化碳排放"},
    "heat_pumps": {"en": "heat pumps, electricity", "zh": "热泵用电"},
    "heat_factor": {"en": "heat per kWh of electricity", "zh": "热泵能效（热/电）"},
    "cars": {"en": "charging of cars", "zh": "汽车充电"},
    "peak": {"en": "highest quarter hour", "zh": "最大需量（15分钟）"},
    "base": {"en": "base load", "zh": "基础负荷"},
    "mean": {"en": "mean power", "zh": "平均负荷"},
    "load_factor": {"en": "load factor", "zh": "负荷率"},
    "cost": {"en": "cost", "zh": "费用"},
    "amount": {"en": "amount", "zh": "金额"},
    "total": {"en": "Total", "zh": "合计"},
    "subtotal": {"en": "sum of the rows", "zh": "各行合计"},
    "known_rows": {"en": "known rows; main meter unknown", "zh": "已知各行之和（总表未知）"},
    "whole": {"en": "main meter, repeated in its parts", "zh": "总表（与分表重复，不计入合计）"},
    "rest": {"en": "not sub-metered", "zh": "未分表计量"},
    "rest_shared": {"en": "not sub-metered, shared above", "zh": "未分表计量（已分摊至上列各方）"},
    "no_group": {"en": "common, or no place", "zh": "公共或未归属"},
    "group": {"en": "Group", "zh": "分组"},
    "from": {"en": "From", "zh": "起"},
    "to": {"en": "To", "zh": "止"},
    "quantity": {"en": "What", "zh": "项目"},
    "value": {"en": "Value", "zh": "用量"},
    "unit": {"en": "Unit", "zh": "单位"},
    "low": {"en": "At least", "zh": "下限"},
    "high": {"en": "At most", "zh": "上限"},
    "completeness": {"en": "Known", "zh": "完整率"},
    "estimated": {"en": "Estimated", "zh": "估算"},
    "price": {"en": "Price", "zh": "单价"},
    "line": {"en": "Position", "zh": "计费项"},
    "party": {"en": "Party", "zh": "业主/租户"},
    "share": {"en": "Share", "zh": "占比"},
    "tiers": {"en": "surcharge of tiers", "zh": "阶梯加价"},
    "demand": {"en": "demand", "zh": "需量电费"},
    "standing": {"en": "standing charge", "zh": "基本费"},
    "flat": {"en": "by use", "zh": "按用量"},
    "by_day": {"en": "Day by day", "zh": "逐日用电"},
    "by_month": {"en": "Month by month", "zh": "逐月用电"},
    "partly": {"en": "not wholly known", "zh": "数据不全"},
    "profile": {"en": "Mean day", "zh": "典型日负荷"},
    "workday": {"en": "Monday to Friday", "zh": "周一至周五"},
    "weekend": {"en": "weekend", "zh": "周末"},
    "consumption": {"en": "Consumption and cost", "zh": "用量与费用"},
    "lines": {"en": "How the cost came about", "zh": "费用构成"},
    "demands": {"en": "Demand", "zh": "需量"},
    "compare": {"en": "Comparison", "zh": "同比环比"},
    "previous": {"en": "Period before", "zh": "上期"},
    "compared": {
        "en": "Counted until {end}; the period before is {start} – {until}.",
        "zh": "统计至 {end}；上期为 {start} – {until}。",
    },
    "last_year": {"en": "Year before", "zh": "去年同期"},
    "change": {"en": "Change", "zh": "变化"},
    "nights": {"en": "Least flow at night, 02:00-05:00", "zh": "夜间最小流量（2-5时）"},
    "leak": {"en": "never came to rest: look for a leak", "zh": "整夜未归零，请查漏"},
    "no_leak": {"en": "came to rest", "zh": "正常"},
    "night_count": {"en": "Nights", "zh": "夜数"},
    "split": {"en": "Cost by party", "zh": "费用分摊"},
    "sources": {"en": "Prices and factors", "zh": "电价与排放因子"},
    "how": {"en": "How the figures came about", "zh": "数据说明"},
    "missing": {"en": "What is missing", "zh": "缺失数据"},
    "example": {"en": "EXAMPLE, not real", "zh": "示例，非实际"},
    "meters": {"en": "{count} meters", "zh": "{count} 块表"},
    "whose": {"en": "Meters", "zh": "表计"},
    "several": {"en": "several", "zh": "多项"},
    "not_printed": {
        "en": "{count} shorter gaps of {meters} meters are not printed; the report as JSON lists every one.",
        "zh": "另有 {meters} 块表的 {count} 段较短缺失未列出，JSON 格式的报告中逐段列出。",
    },
    "nothing_missing": {"en": "Nothing is missing: every interval was measured.", "zh": "无缺失，全部为实测数据。"},
    "unknown": {"en": "unknown", "zh": "未知"},
    "page": {"en": "page", "zh": "第"},
    "hour_axis": {"en": "hour of the day", "zh": "时刻"},
    "made": {"en": "Gengfu", "zh": "更夫"},
}

HOW: dict[Language, tuple[str, ...]] = {
    "en": (
        "Consumption is the difference of each meter's register between two moments, times its transformer ratio. A reading "
        "between two moments is interpolated; the share of such time is stated. What is not known is left empty, never zero.",
        "'Known' is the share of the time between readings that follow each other closely. A register goes on counting in a "
        "gap: what lies within a row is in its value. The truth lies between 'at least' and 'at most'.",
        "What lies behind a main meter is part of it and counted once. 'Not sub-metered' is what the main meter counted and "
        "no meter behind it did. Rows add up to the total.",
        "Costs are worked out in decimals, meter by meter, and rounded half up to the cent once they are added up. A cost is "
        "empty where the consumption is unknown, and a range where what it depends on is only known within bounds. What is not "
        "sub-metered costs the main meter's cost less its parts'; with solar power behind it, other prices or standing charges "
        "that can be below zero.",
        "Demand is the mean power of a quarter hour. The base load is what 95 % of the quarter hours exceed; the load factor "
        "is the mean power over the highest.",
        "Used = grid + solar + out of batteries − into batteries − fed in. Self-consumption = (solar − fed in) / solar. "
        "Autarky = (used − grid) / used.",
        "Zero-carbon share = (solar − fed in + zero-carbon part of grid and heat by the factor table) / all energy used "
        "(electricity, heat, gas at 10.81 kWh/m³). No binding definition was found; this one is Gengfu's.",
    ),
    "zh": (
        "用量为每块表两个时刻示数之差乘以倍率。两次读数之间的时刻按线性插值，并注明其时间占比。未知的数据留空，绝不记为零。",
        "“完整率”为读数连续的时间占比。表计在通信中断期间仍在累计，中断若完全落在某一行内，其用量已计入该行。真实值介于“下限”与“上限”之间。",
        "总表之后的分表属于总表，只计一次。“未分表计量”为总表计得而各分表未计得的部分。各行之和等于合计。",
        "费用按十进制逐表计算，累加后一次四舍五入到分。用量未知时费用留空；所依据的数据只知范围时，费用也写成范围。"
        "未分表计量的费用为总表费用减去各分表费用；总表后有光伏、单价不同或有基本费时可能为负。",
        "需量为15分钟平均功率。基础负荷为95%的15分钟时段所超过的功率；负荷率为平均功率与最大需量之比。",
        "总用电量 = 购电 + 光伏 + 储能放电 − 储能充电 − 上网。"
        "光伏自用率 =（光伏 − 上网）/ 光伏。能源自给率 =（总用电量 − 购电）/ 总用电量。",
        "零碳能源利用比例 =（光伏 − 上网 + 按因子表计的零碳购电与购热）/ "
        "全部用能（电、热、燃气按10.81 kWh/m³折算）。未查到强制性定义，此为更夫的定义。",
    ),
}

_UNITS = {"kW.h": "kWh", "m3": "m³", "kvar.h": "kvarh"}
_SIGNS = {"CNY": "¥", "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
_NAMES: dict[str, dict[str, str]] = {
    **{quantity.name: {"en": quantity.en, "zh": quantity.zh} for quantity in Vocabulary()},
    "energy.active.import.total": {"en": "electricity", "zh": "用电量"},
    "energy.active.export.total": {"en": "electricity fed in", "zh": "上网电量"},
    "energy.pv.total": {"en": "solar yield", "zh": "光伏发电量"},
}
_OVERRIDING = {  # marks that turn text around or hide: shown as what they are
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0x061C,
}  # fmt: skip


def word(key: str, language: Language) -> str:
    return WORDS[key][language]


def quantity_name(name: str, language: Language) -> str:
    return _NAMES.get(name, {}).get(language, name)


def unit_name(unit: str) -> str:
    return _UNITS.get(unit, unit)


def plain(text: str) -> str:
    """A name that somebody else chose, on one line, with what would turn or hide its letters made visible."""
    return "".join(
        f"\\u{ord(char):04x}" if ord(char) in _OVERRIDING else " " if not char.isprintable() else char for char in text
    ).strip()


def number(value: float | None, places: int = 1, unknown: str = "–") -> str:
    """A little is not written as nothing."""
    if value is None:
        return unknown
    if value and not round(value, places):
        return f"{'<' if value > 0 else '> −'} {10**-places:.{places}f}".replace("− ", "−")
    return f"{value:,.{places}f}"


def share(value: float | None, places: int = 1) -> str:
    return "–" if value is None else f"{value:.{places}%}"


def amount(value: float | None, currency: str) -> str:
    if value is None:
        return "–"
    sign = _SIGNS.get(currency, f"{currency} ")
    return f"−{sign}{-value:,.2f}" if value < 0 else f"{sign}{value:,.2f}"


def group_name(row: Mapping[str, Any], language: Language) -> str:
    """What a row is called."""
    known = plain(str((row.get("name_en") if language == "en" else "") or row.get("name") or row.get("group") or ""))
    name = known or word("no_group", language)
    part = row.get("part")
    if part == "rest":
        return f"{known} · {word('rest', language)}" if known else word("rest", language)
    return f"{name} · {word('whole', language)}" if part == "whole" else name


def reading_order(text: str) -> list[tuple[bool, int, str]]:
    """Sorts as people count: meter 9 stands before meter 10."""
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", text) if part]


def in_reading_order(rows: Iterable[Mapping[str, Any]], language: Language) -> list[Mapping[str, Any]]:
    """Rows by what people read; those without a name come last."""
    return sorted(rows, key=lambda row: (not (row["name"] or row["group"]), reading_order(group_name(row, language))))


def main_lacks(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a main meter is unknown, so that what the rows add up to is not what the whole used."""
    return any(row["part"] == "rest" and row["value"] is None for row in rows)


def period_name(start: str, end: str, language: Language) -> str:
    """ "October 2026", "1 October 2026", or the first and the last day, of two moments in ISO 8601."""
    first, after = datetime.fromisoformat(start), datetime.fromisoformat(end)
    midnight = not any((first.hour, first.minute, after.hour, after.minute))
    if not midnight:
        return f"{start[:16].replace('T', ' ')} – {end[:16].replace('T', ' ')}"
    last = after.replace(tzinfo=None) - timedelta(days=1)
    if first.day == after.day == 1 and (last.year, last.month) == (first.year, first.month):
        return f"{first:%B %Y}" if language == "en" else f"{first.year}年{first.month}月"
    if first.date() == last.date():
        return day_name(first, language)
    return f"{day_name(first, language)} – {day_name(last, language)}"


def clock(moment: str) -> str:
    """An ISO 8601 moment as people write it: "2026-10-01 18:15"."""
    return moment[:16].replace("T", " ")


def validity(tariff: Mapping[str, Any], language: Language) -> str:
    """When a tariff's version holds."""
    if tariff["valid_from"] == "1970-01-01":  # nobody said since when
        key = "before" if tariff["valid_to"] else "always"
        return word(key, language).format(end=tariff["valid_to"])
    key = "until" if tariff["valid_to"] else "since"
    return word(key, language).format(start=tariff["valid_from"], end=tariff["valid_to"])


def day_name(day: datetime, language: Language) -> str:
    return f"{day.day} {day:%b %Y}" if language == "en" else f"{day.year}年{day.month}月{day.day}日"
