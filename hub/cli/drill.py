"""``gengfu drill``: asks a running hub for a fire drill, and shows each step as it happens."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import typer

from hub.cli.language import LANGUAGE, Asked, chosen
from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, bold, faint, green, out, red
from hub.said import Language, named

LOOK = 0.2
TIMEOUT = 20.0

STEPS: dict[Language, dict[str, str]] = {
    "en": {
        "published": "sent by the drill device",
        "confirmed": "confirmed by the broker",
        "received": "received by the hub",
        "decoded": "decoded by the adapter",
        "decided": "raised by the rule",
        "committed": "on disk",
        "announced": "published as an alert",
        "heard": "heard again by the device",
        "told": "accepted by",
        "seen": "seen by somebody",
        "acknowledged": "acknowledged by",
    },
    "zh": {
        "published": "设备发出",
        "confirmed": "代理确认",
        "received": "中枢收到",
        "decoded": "解析",
        "decided": "规则判定",
        "committed": "警报存盘",
        "announced": "对外发布",
        "heard": "设备收到回传",
        "told": "通知",
        "seen": "有人查看",
        "acknowledged": "应答",
    },
}
SAYS: dict[Language, dict[str, str]] = {
    "en": {
        "failed": "  FAILED    {step}: {why}",
        "waits": "… not yet {step}",
        "somebody": "acknowledged by somebody",
        "ended": "ended",
        "total": "from the device and back to it",
        "passed": "The drill passed.",
        "failed at": "The drill failed at: {code}. {why}.",
        "refused": "the hub refused it: {why}",
        "away": "the hub does not answer: {why}",
        "no hub": "no hub is running here; start the hub first, or name its configuration with --config",
    },
    "zh": {
        "failed": "  失败      {step}：{why}",
        "waits": "… 等待：{step}",
        "somebody": "有人应答",
        "ended": "结束",
        "total": "从设备报警到回传",
        "passed": "演练通过。",
        "failed at": "演练失败，止步于：{step}（{code}）。{why}。",
        "refused": "中枢拒绝：{why}",
        "away": "中枢没有应答：{why}",
        "no hub": "这里没有运行中的中枢；请先启动它，或用 --config 指明它的配置",
    },
}


def register(app: typer.Typer) -> None:
    app.command()(drill)


def drill(
    to_people: bool = typer.Option(False, "--to-people", help="tell everybody that this is a drill, and wait for an answer"),
    by: str = typer.Option("", metavar="NAME", help="who asks for it"),
    language: Asked | None = LANGUAGE,
    config: Path | None = CONFIG,
) -> int:
    """Holds a fire drill.

    A drill device sends an alarm through the broker, and each step of its way is timed: to the hub's own ear, or with --to-people
    to everybody through every channel, marked as a drill. The exit code is 1 if a step failed; the step is named.

    \b
    Example:
      gengfu drill
      gengfu drill --to-people --language zh
    """
    from hub.lock import locked

    spoken = chosen(language)
    url = locked(configured(config).directory)
    if not url:
        raise Sorry(SAYS[spoken]["no hub"])
    report = _ask(f"{url}/api/v1/drills", spoken, {"to_people": to_people, "by": by})
    shown = _Shown(spoken)
    while report["state"] == "running":
        shown.update(report)
        time.sleep(LOOK)
        report = _ask(f"{url}/api/v1/drills/{report['id']}", spoken)
    shown.update(report)
    shown.clear()
    return conclude(report, spoken)


class _Shown:
    """Prints each step once it is done; on a terminal with a last line that says what is waited for."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._done: set[tuple[str, str, str]] = set()
        self._waits = sys.stdout.isatty()

    def update(self, report: dict[str, Any]) -> None:
        self.clear()
        for step in report["steps"]:
            key = step["step"], step["notifier"], step["person"]
            if step["state"] in ("ok", "failed") and key not in self._done:
                self._done.add(key)
                out(line(step, self._language))
        waiting = [step for step in report["steps"] if step["state"] == "waiting"]
        if self._waits and report["state"] == "running":
            words = SAYS[self._language]
            otherwise = words["somebody"] if report["large"] else words["ended"]
            what = _says(waiting[0], self._language) if waiting else otherwise
            sys.stdout.write(faint(words["waits"].format(step=what)))
            sys.stdout.flush()

    def clear(self) -> None:
        if self._waits:
            sys.stdout.write("\r\033[K")


def _says(step: dict[str, Any], language: Language) -> str:
    name = STEPS[language][step["step"]]
    person = named(step["person"], {}).speak(language)
    whom = " ".join(part for part in (step["notifier"], person) if part)
    return f"{name} {whom}" if whom else name.removesuffix(" by")


def line(step: dict[str, Any], language: Language) -> str:
    says = _says(step, language)
    if step["state"] == "failed":
        return red(SAYS[language]["failed"].format(step=says, why=step["why"]), sys.stdout)
    ms = "" if step["ms"] is None else f"{step['ms']:,} ms"
    return f"{ms:>10}  {says}"


def conclude(report: dict[str, Any], language: Language) -> int:
    """Says how it went; the exit code."""
    words = SAYS[language]
    if report["total_ms"] is not None:
        out(bold(f"{report['total_ms']:,} ms") + f"  {words['total']}")
    if report["state"] == "passed":
        out(green(words["passed"]))
        return 0
    why = f"{report['why'][:1].upper()}{report['why'][1:]}"
    step = STEPS[language][report["failed"]].removesuffix(" by")
    out(red(words["failed at"].format(step=step, code=report["failed"], why=why), sys.stdout))
    return 1


def _ask(url: str, language: Language, said: dict[str, Any] | None = None) -> Any:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy: it is this machine
    body = json.dumps(said).encode() if said is not None else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", "Accept-Language": language})
    try:
        with straight.open(request, timeout=TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Sorry(SAYS[language]["refused"].format(why=_detail(error.read()))) from error
    except OSError as error:
        raise Sorry(SAYS[language]["away"].format(why=getattr(error, "reason", error))) from error


def _detail(answer: bytes) -> str:
    """The sentence of a refusal (RFC 9457), or what came instead of one."""
    try:
        return str(json.loads(answer)["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace")[:300]
