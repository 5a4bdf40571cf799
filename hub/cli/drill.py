"""``gengfu drill``: asks a running hub for a fire drill, and shows each step as it happens."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import typer

from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, bold, faint, green, out, red

LOOK = 0.2
TIMEOUT = 20.0

SAYS = {
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
}


def register(app: typer.Typer) -> None:
    app.command()(drill)


def drill(
    to_people: bool = typer.Option(False, "--to-people", help="tell everybody that this is a drill, and wait for an answer"),
    by: str = typer.Option("", metavar="NAME", help="who asks for it"),
    config: Path | None = CONFIG,
) -> int:
    """Holds a fire drill.

    A drill device sends an alarm through the broker, and each step of its way is timed: to the hub's own ear, or with --to-people
    to everybody through every channel, marked as a drill. The exit code is 1 if a step failed; the step is named.

    \b
    Example:
      gengfu drill
      gengfu drill --to-people
    """
    from hub.lock import locked

    url = locked(configured(config).directory)
    if not url:
        raise Sorry("no hub is running here; start the hub first, or name its configuration with --config")
    report = _ask(f"{url}/api/v1/drills", {"to_people": to_people, "by": by})
    shown = _Shown()
    while report["state"] == "running":
        shown.update(report)
        time.sleep(LOOK)
        report = _ask(f"{url}/api/v1/drills/{report['id']}")
    shown.update(report)
    shown.clear()
    return _conclude(report)


class _Shown:
    """Prints each step once it is done; on a terminal with a last line that says what is waited for."""

    def __init__(self) -> None:
        self._done: set[tuple[str, str, str]] = set()
        self._waits = sys.stdout.isatty()

    def update(self, report: dict[str, Any]) -> None:
        self.clear()
        for step in report["steps"]:
            key = step["step"], step["notifier"], step["person"]
            if step["state"] in ("ok", "failed") and key not in self._done:
                self._done.add(key)
                out(line(step))
        waiting = [step for step in report["steps"] if step["state"] == "waiting"]
        if self._waits and report["state"] == "running":
            what = _says(waiting[0]) if waiting else "acknowledged by somebody" if report["large"] else "ended"
            sys.stdout.write(faint(f"… not yet {what}"))
            sys.stdout.flush()

    def clear(self) -> None:
        if self._waits:
            sys.stdout.write("\r\033[K")


def _says(step: dict[str, Any]) -> str:
    whom = " ".join(part for part in (step["notifier"], step["person"]) if part)
    return f"{SAYS[step['step']]} {whom}" if whom else SAYS[step["step"]].removesuffix(" by")


def line(step: dict[str, Any]) -> str:
    if step["state"] == "failed":
        return red(f"  FAILED    {_says(step)}: {step['why']}", sys.stdout)
    ms = "" if step["ms"] is None else f"{step['ms']:,} ms"
    return f"{ms:>10}  {_says(step)}"


def _conclude(report: dict[str, Any]) -> int:
    if report["total_ms"] is not None:
        out(bold(f"{report['total_ms']:,} ms") + "  from the device and back to it")
    if report["state"] == "passed":
        out(green("The drill passed."))
        return 0
    out(red(f"The drill failed at: {report['failed']}. {report['why'][:1].upper()}{report['why'][1:]}.", sys.stdout))
    return 1


def _ask(url: str, said: dict[str, Any] | None = None) -> Any:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy: it is this machine
    body = json.dumps(said).encode() if said is not None else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with straight.open(request, timeout=TIMEOUT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Sorry(f"the hub refused it: {error.read().decode('utf-8', 'replace')[:300]}") from error
    except OSError as error:
        raise Sorry(f"the hub does not answer: {getattr(error, 'reason', error)}") from error
