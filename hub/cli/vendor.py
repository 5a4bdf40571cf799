"""``gengfu vendor check`` and ``gengfu capture``: hear a vendor's live traffic, beside the hub and without touching it."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from hub.cli.service import CONFIG, configured
from hub.cli.shown import Sorry, bold, count, err, faint, green, out, red, table
from hub.config import Config, site_context
from hub.model import Message
from hub.mqtt import Address, Unusable, parse_url
from hub.packets import check_filter
from hub.routing import Routes
from hub.vendor.capture import line as capture_line
from hub.vendor.faults import FAULTS, Finding, score
from hub.vendor.listen import NotHeard, listen, retained
from hub.vendor.page import html as page
from hub.vendor.watch import Line, Watch
from hub.wire import Refused

KEPT_LINES = 2_000
BAR = 30

TOPIC = typer.Option(..., "--topic", metavar="FILTER", help="what to hear, as an MQTT filter in quotes: 'acme/#'")

vendors = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(vendors, name="vendor")
    app.command()(capture)


@vendors.callback()
def vendor() -> None:
    """Helps a vendor to connect.

    \b
    Example:
      gengfu vendor check --topic 'acme/#'
    """


@vendors.command()
def check(
    topic: str = TOPIC,
    minutes: float = typer.Option(5.0, "--minutes", metavar="N", min=0.01, max=1440, help="how long; Ctrl-C ends it too"),
    html: Path | None = typer.Option(None, "--html", metavar="FILE", help="also write the report to this file, to be shared"),
    config: Path | None = CONFIG,
) -> int:
    """Watches a vendor's traffic and tells what would go wrong.

    Line by line what the configured formats understood or refused and why, then what would go wrong later, and a score.
    The hub is not disturbed and need not run. The exit code is 0 if nothing was found, else 1.

    \b
    Example:
      gengfu vendor check --topic 'acme/#' --minutes 5 --html report.html
    """
    found = configured(config)
    address = _broker(found, topic)
    watch = Watch(_adapters(found), found.vocabulary, found.retention)
    kept: list[Line] = []
    bar = _Bar(minutes * 60)

    def show(lines: list[Line]) -> None:
        bar.clear()
        for line in lines:
            out(shown(line))
        kept.extend(lines[: KEPT_LINES - len(kept)])
        sys.stdout.flush()

    async def work(until: asyncio.Event) -> None:
        ready = _ready(topic, f"for {minutes:g} min")
        heard: Callable[[Message], None] = lambda message: show(watch.take(message))  # noqa: E731
        refused: Callable[[Refused], None] = lambda one: show(watch.refuse(one))  # noqa: E731
        await listen(address, [topic], heard, refused, ready, until, minutes * 60, bar.draw)
        bar.clear()
        await retained(address, [topic], watch.take_retained)

    begun = time.time()
    _run(work)
    if not watch.messages:
        raise Sorry(_nothing(topic, address))
    findings = watch.findings()
    if not watch.readings and not findings:
        raise Sorry(f"{count(watch.messages, 'message')} on {topic}, but no measurement in any: there is nothing to judge yet")
    tell(watch, findings)
    if html is not None:
        when = datetime.fromtimestamp(begun, UTC).astimezone(found.zone).strftime("%Y-%m-%d %H:%M %Z")
        html.write_text(page(watch, kept, topic, when, (time.time() - begun) / 60), "utf-8")
        out(f"The report is in {html}.")
    return 1 if findings else 0


def capture(
    topic: str = TOPIC,
    minutes: float = typer.Option(1.0, "--minutes", metavar="N", min=0.01, max=1440, help="how long; Ctrl-C ends it too"),
    config: Path | None = CONFIG,
) -> None:
    """Writes what is heard as a capture file.

    One message a line, as the test of a new format needs it, with what the hub makes of it today: to be checked by hand.

    \b
    Example:
      gengfu capture --topic 'acme/#' --minutes 1 > acme.jsonl
    """
    found = configured(config)
    address = _broker(found, topic)
    pairs = [(plugin(settings, site_context(found)), settings) for plugin, settings in found.adapters]
    routes = Routes([adapter for adapter, _ in pairs])
    said: list[object] = [None]
    heard: dict[str, int] = {}
    bar = _Bar(minutes * 60)

    def hear(message: Message) -> None:
        bar.clear()
        adapter = routes.adapter(message.topic)
        if adapter is not None and adapter is not said[0]:
            said[0] = adapter
            settings = next(settings for each, settings in pairs if each is adapter)
            out(_settings(found, settings))
        kind = adapter.kind if adapter else "no format"
        heard[kind] = heard.get(kind, 0) + 1
        out(capture_line(message, adapter))
        sys.stdout.flush()

    def refuse(refused: Refused) -> None:
        bar.clear()
        err(f"left out: {refused.reason}: {refused.detail}, on {refused.message.topic}")

    async def work(until: asyncio.Event) -> None:
        ready = _ready(topic, f"for {minutes:g} min")
        await listen(address, [topic], hear, refuse, ready, until, minutes * 60, bar.draw)
        bar.clear()

    _run(work)
    if not heard:
        raise Sorry(_nothing(topic, address))
    err(f"{count(sum(heard.values()), 'message')}: {', '.join(f'{number} {kind}' for kind, number in heard.items())}.")
    if len(heard) > 1:
        err("A capture file belongs to one format: narrow --topic, or sort the lines into one file each.")


def _nothing(topic: str, address: Address) -> str:
    return f"nothing was heard on {topic} at {address.shown}: is the device sending, to this broker and under this topic?"


def _adapters(config: Config) -> list[Any]:
    site = site_context(config)
    return [plugin(settings, site) for plugin, settings in config.adapters]


def _settings(config: Config, settings: Any) -> str:
    """The line that a capture file begins with: the format's settings, and what the site adds to the vocabulary."""
    import json

    from hub.quantities import Vocabulary

    built_in = Vocabulary()
    own = [
        {field: getattr(each, field) for field in ("name", "unit", "shape", "low", "high", "domain", "en", "zh")}
        for each in config.vocabulary
        if each.name not in built_in
    ]
    told = {"adapter_settings": settings.model_dump(mode="json", exclude_defaults=True), "zone": str(config.zone)}
    return json.dumps({**told, "vocabulary": own} if own else told, ensure_ascii=False)


def _broker(config: Config, topic: str) -> Address:
    try:
        check_filter(topic)
    except ValueError as error:
        raise Sorry(str(error)) from error
    mqtt = config.mqtt
    if mqtt is None:
        from hub.broker import PrivateBroker

        url = PrivateBroker(config.directory / "broker").running_url()
        if not url:
            raise Sorry(f"no broker is configured under [mqtt], and the hub's own is not running in {config.directory}")
        return parse_url(url)
    return Address(
        mqtt.host,
        mqtt.port,
        mqtt.tls,
        mqtt.username or "",
        mqtt.password or "",
        str(mqtt.ca_file or ""),
        5 if mqtt.version == "5" else 4,
    )


def _run(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs it; Ctrl-C and SIGTERM set its event. What the session logs is said here in one sentence instead."""

    async def main() -> None:
        until = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, ValueError, RuntimeError):  # not in the main thread: nobody signals us
                loop.add_signal_handler(number, until.set)
        await work(until)

    logging.getLogger("hub.mqtt").setLevel(logging.CRITICAL)
    try:
        asyncio.run(main())
    except (NotHeard, Unusable) as problem:
        raise Sorry(str(problem)) from problem


def _ready(topic: str, how_long: str) -> Callable[[], None]:
    return lambda: err(f"Listening to {topic} {how_long}; Ctrl-C ends it earlier.")


def shown(line: Line) -> str:
    moment = datetime.fromtimestamp(line.at / 1000).astimezone().strftime("%H:%M:%S")
    text = _harmless(f"{line.topic}: {line.text}")
    paint = {"refused": lambda said: red(said, sys.stdout), "told": faint, "unread": bold}.get(line.how, str)
    return f"{moment} {line.how:10} {paint(text)}"


def _harmless(text: str) -> str:
    """Nothing that a device sends may steer the terminal."""
    return "".join(char if char.isprintable() else "·" for char in text)


def tell(watch: Watch, findings: list[Finding]) -> None:
    out()
    refused = sum(watch.refusals.values())
    out(
        f"{count(watch.messages, 'message')}, {count(watch.readings, 'reading')}, {count(len(watch.devices), 'device')}, "
        f"{refused} refused{_by_reason(watch)}."
    )
    made = score(findings)
    if findings:
        out()
        rows = [(one.fault, _harmless(one.subject), f"{one.count:,}", _harmless(one.detail)) for one in findings]
        for text in table(("fault", "device", "times", "what"), rows, frozenset({2})):
            out(text)
        out()
        for name, _ in made.parts:
            out(f"{name}: {FAULTS[name].en}; {FAULTS[name].remedy_en}. {FAULTS[name].zh}；{FAULTS[name].remedy_zh}。")
        out()
    else:
        out(green("Nothing was found. 未发现问题。"))
    out(bold(f"Score {made.points} of 100{f' ({made.made_up})' if made.parts else ''}."))
    if watch.unconfirmed:
        some = f"{watch.unconfirmed:,} of {count(watch.messages, 'message')}"
        out(f"{some} came with QoS 0: what is lost on the way is not sent again.")
        out(f"{watch.messages:,} 条报文中 {watch.unconfirmed:,} 条用 QoS 0 发送：途中丢失的不会重发。")
    if watch.forgotten:
        out(f"{watch.forgotten:,} findings or devices more than are remembered.")


def _by_reason(watch: Watch) -> str:
    named = ", ".join(f"{number} {reason}" for reason, number in watch.refusals.most_common())
    return f" ({named})" if named else ""


class _Bar:
    """How far the watch has come, on the last line of a terminal; nothing where nobody watches."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._shown = False

    def draw(self, passed: float) -> None:
        if sys.stderr.isatty():
            done = min(BAR, round(BAR * passed / self._seconds))
            sys.stderr.write(f"\r{'█' * done}{'░' * (BAR - done)} {passed / 60:.1f} of {self._seconds / 60:g} min")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._shown = False
