"""``gengfu replay``: how often a rule would have fired, had it been there."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import typer

from hub.cli.language import LANGUAGE, Asked, chosen
from hub.cli.service import CONFIG
from hub.cli.shown import Sorry, bold, faint, green, out, table, width
from hub.config import Config
from hub.ports import Rule
from hub.said import Language, said_by

BARS = " ▁▂▃▄▅▆▇█"
SHOWN = 12
WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "no rule": 'there is no rule "{rule}"{hint}',
        "did you mean": '; did you mean "{rule}"?',
        "which rules": "; `gengfu check` counts them, and a file is named with its .toml",
        "one period": "say either --since, or --from and --to",
        "which period": "say which time: --since 30d, or --from 2026-10-01 --to 2026-11-01",
        "as it is": "{rule}, as it is",
        "read": "{low} to {high} ({zone}): {readings:,} readings of {series:,} series in {took:.1f} s",
        "head": "would have fired|in all|longest|devices|not held|still firing",
        "quiet": "It would have been quiet.",
        "device": "device",
        "place": "place",
        "more": "and {n:,} more devices",
        "times": "{n:,} in {span}",
        "units": " d| h| min| s",
        "moment": "< 1 s",
    },
    "zh": {
        "no rule": "没有规则“{rule}”{hint}",
        "did you mean": "；您是要“{rule}”吗？",
        "which rules": "；`gengfu check` 会列出规则的数目，文件须带上 .toml",
        "one period": "请只用 --since，或只用 --from 与 --to",
        "which period": "请指明时段：--since 30d，或 --from 2026-10-01 --to 2026-11-01",
        "as it is": "{rule}（现行）",
        "read": "{low} 至 {high}（{zone}）：{took:.1f} 秒读完 {series:,} 个序列的 {readings:,} 条读数",
        "head": "会报警|合计|最长|设备数|未持续满|仍在报警",
        "quiet": "期间不会有任何警报。",
        "device": "设备",
        "place": "位置",
        "more": "另有 {n:,} 台设备",
        "times": "{n:,} 次，共 {span}",
        "units": " 天| 小时| 分钟| 秒",
        "moment": "不足 1 秒",
    },
}


def register(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    rule: str = typer.Argument(metavar="RULE", help="the id of a rule of the configuration, or a file with one [[rule]]"),
    since: str = typer.Option("", "--since", metavar="DURATION", help="the time up to now: 30d, 12h"),
    start: str = typer.Option("", "--from", metavar="DATE", help="from this day (2026-10-01) or moment (2026-10-01T08:00)"),
    end: str = typer.Option("", "--to", metavar="DATE", help="up to but not including this day or moment"),
    against: str = typer.Option(
        "", "--against", metavar="RULE", help="what it is shown beside; left out: the configuration's rule with its id"
    ),
    format: Literal["table", "json"] = typer.Option("table", help="table for people, json for programs"),
    language: Asked | None = LANGUAGE,
    config: Path | None = CONFIG,
) -> None:
    """Tries a rule on the stored past.

    Runs the live engine over what is stored, in the order in which it arrived, and shows how often the rule would have
    fired, for how long and on which devices, beside the rule it would replace. Nothing is changed and nobody is told; a
    running hub is not disturbed. Devices are taken where they are now; what people closed then is not taken into account.

    \b
    Example:
      gengfu replay battery-low --since 30d
      gengfu replay new-rule.toml --from 2026-10-01 --to 2026-11-01 --against battery-low --language zh
    """
    from hub.cli.reporting import opened
    from hub.records import RecordsReader
    from hub.records_ticks import read_ticks
    from hub.replay.question import Question, table_of
    from hub.replay.question import replay as answer

    spoken = chosen(language)
    with opened(config) as found:
        hub = found.hub
        wanted = _rule(rule, hub, spoken)
        other = _rule(against, hub, spoken) if against else _replaced(rule, wanted, hub)
        low, high = _period(since, start, end, hub.zone, spoken)
        records = RecordsReader(hub.directory / "records.db")
        ticks = tuple(read_ticks(records, low, high))
        records.close()
        question = Question(
            table_of(wanted), low, high, tuple(found.places.devices.values()), tuple(found.places.spaces.values()),
            hub.vocabulary, hub.calendar, table_of(other) if other else None, ticks,
        )  # fmt: skip
        with _bar(f"{wanted.settings.id}") as moved:
            told = answer(found.store, question, lambda progress: moved(progress.share))
    out(json.dumps(told, ensure_ascii=False, indent=2) if format == "json" else "\n".join(page(told, hub.zone, spoken)))


# --- what is asked ----------------------------------------------------------------------------------------------------


def _rule(named: str, hub: Config, language: Language) -> Rule:
    """Raises Sorry and ConfigErrors."""
    from hub.config.one_rule import read_rule
    from hub.quantities import nearest_word

    if named.endswith(".toml") or Path(named).is_file():
        return read_rule(Path(named), hub.vocabulary)
    known = {each.settings.id: each for each in hub.rules}
    if named not in known:
        close = nearest_word(named, known)
        hint = WORDS[language]["did you mean"].format(rule=close) if close else WORDS[language]["which rules"]
        raise Sorry(WORDS[language]["no rule"].format(rule=named, hint=hint))
    return known[named]


def _replaced(named: str, rule: Rule, hub: Config) -> Rule | None:
    """The configured rule of the same id, where another one is tried."""
    same = next((each for each in hub.rules if each.settings.id == rule.settings.id), None)
    return None if same is rule else same


def _period(since: str, start: str, end: str, zone: ZoneInfo, language: Language) -> tuple[int, int]:
    from hub.quantities import duration_ms
    from hub.reports.period import Words, parse_period

    now = time.time_ns() // 1_000_000
    try:
        if since and (start or end):
            raise ValueError(WORDS[language]["one period"])
        if since:
            return now - duration_ms(since), now
        if not (start or end):
            raise ValueError(WORDS[language]["which period"])
        return parse_period(Words(start, end, "", False), zone, now)
    except ValueError as error:
        raise Sorry(said_by(error).speak(language)) from error


@contextmanager
def _bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)


# --- what is shown ----------------------------------------------------------------------------------------------------


def page(told: dict[str, Any], zone: ZoneInfo, language: Language) -> list[str]:
    """The answer of ``hub.replay.question.replay`` for a terminal."""
    words = WORDS[language]
    sides = [told["rule"]] + ([told["against"]] if told["against"] else [])
    names = [told["rule"]["rule"]]
    if len(sides) > 1:
        before = sides[1]["rule"]
        names.append(words["as it is"].format(rule=before) if before == names[0] else before)
    low, high = (datetime.fromtimestamp(told[key] / 1000, zone) for key in ("from", "to"))
    period = {"low": f"{low:%Y-%m-%d %H:%M}", "high": f"{high:%Y-%m-%d %H:%M}", "zone": zone.key}
    lines = [bold(names[0]), words["read"].format(**period, **{key: told[key] for key in ("readings", "series", "took")}), ""]
    for name, side in zip(names, sides, strict=True):
        if side["failed"]:
            lines.append(f"{name}: {side['failed']}")
    head = ["", *words["head"].split("|")]
    lines += table(head, [_row(name, side, language) for name, side in zip(names, sides, strict=True)], frozenset(range(1, 7)))
    lines += ["", *_strips(names, sides, low, high)]
    if any(side["devices"] for side in sides):
        lines += ["", *_devices(names, sides, language)]
    else:
        lines += ["", green(words["quiet"])]
    return lines


def _row(name: str, side: dict[str, Any], language: Language) -> list[str]:
    longest = max((one["seconds"] for one in side["episodes"]), default=0)
    numbers = side["fired"], side["device_count"], side["dropped"], side["firing"]
    fired, devices, dropped, firing = (f"{number:,}" if number else "–" for number in numbers)
    return [name, fired, spoken(side["seconds"], language), spoken(longest, language), devices, dropped, firing]


def _strips(names: list[str], sides: list[dict[str, Any]], low: datetime, high: datetime) -> Iterator[str]:
    """How much of the time it was firing, over the period: the same scale for both, a dot where it was quiet."""
    most = max((max(side["strip"]) for side in sides), default=0)
    wide = max(width(name) for name in names)
    stripes = len(sides[0]["strip"])
    for name, side in zip(names, sides, strict=True):
        strip = "".join(_block(seconds, fired, most) for seconds, fired in zip(side["strip"], side["fired_in"], strict=True))
        yield f"{name}{' ' * (wide - width(name))}  {strip}"
    middle = low + (high - low) / 2
    dates = [f"{moment:%m-%d}" if high - low >= _TWO_DAYS else f"{moment:%H:%M}" for moment in (low, middle, high)]
    half = stripes // 2 - len(dates[0]) - len(dates[1]) // 2
    rest = stripes - len(dates[0]) - half - len(dates[1]) - len(dates[2])
    yield faint(" " * (wide + 2) + dates[0] + " " * half + dates[1] + " " * rest + dates[2])


_TWO_DAYS = timedelta(days=2)


def _block(seconds: float, fired: int, most: float) -> str:
    if not seconds and not fired:
        return "·"
    return BARS[max(1, round(seconds / most * (len(BARS) - 1)))] if most else BARS[1]


def _devices(names: list[str], sides: list[dict[str, Any]], language: Language) -> list[str]:
    by_where = [{(one["device"], one["space"]): one for one in side["devices"]} for side in sides]
    order = list(dict.fromkeys(where for found in by_where for where in found))
    rows = []
    for where in order[:SHOWN]:
        place = next((found[where]["place"].get(language, "") for found in by_where if where in found), "")
        cells = [_cell(found.get(where), language) for found in by_where]
        rows.append([where[0] or where[1], place if place != where[0] else "", *cells])
    words = WORDS[language]
    lines = table([words["device"], words["place"], *names], rows, frozenset(range(2, 2 + len(names))))
    more = max(side["device_count"] for side in sides) - SHOWN
    return [*lines, faint(words["more"].format(n=more))] if more > 0 else lines


def _cell(one: dict[str, Any] | None, language: Language) -> str:
    return WORDS[language]["times"].format(n=one["fired"], span=spoken(one["seconds"], language)) if one else "–"


def spoken(seconds: float, language: Language) -> str:
    """ "3 h 20 min", "45 s", "2 d 4 h"; "3 小时 20 分钟"."""
    units = WORDS[language]["units"].split("|")
    left = round(seconds)
    words: list[str] = []
    for size, unit in zip((86_400, 3_600, 60, 1), units, strict=True):
        if left >= size and len(words) < 2:
            words.append(f"{left // size}{unit}")
            left %= size
        elif words:
            break
    return " ".join(words) or ("–" if not seconds else WORDS[language]["moment"])
