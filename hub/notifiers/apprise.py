"""Chat and push services through Apprise: DingTalk, WeCom, Feishu, Telegram, ntfy and some 150 others.

Apprise blocks and says only yes or no. So it works in threads of its own, and what the service answered is read beside it:
DingTalk, WeCom and Feishu refuse with a 200.
"""

import asyncio
import importlib
import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import msgspec
from pydantic import Field, model_validator

from hub.model import Notice
from hub.notifiers.http import refusal
from hub.notifiers.plain import chat, one_line
from hub.notifiers.words import Spoken, Text, Words, check_template, filled
from hub.ports import NotSent
from hub.said import sentence

THREADS = 2
RATES = {
    "dingtalk": "20/min",  # more, and the robot is mute for ten minutes
    "wecombot": "20/min",
    "feishu": "100/min",
    "lark": "100/min",
    "tgram": "20/min",  # to one group
    "slack": "1/s",
    "discord": "30/min",
    "ntfys": "12/min",  # ntfy.sh: one in five seconds, after a burst
}
"""What the services allow by their own documents; another ``rate`` may be given."""
BYTES = {"wecombot": 2048}
"""The longest text in bytes, where Apprise counts characters."""
CODES = {
    "dingtalk": "errcode", "wecombot": "errcode", "feishu": "code", "lark": "code", "schan": "code", "pushdeer": "code",
    "pushdeers": "code",
}  # fmt: skip
"""Where services put their refusal into a 200; 0 is none."""
URGENT = {
    "ntfy": "priority=max", "ntfys": "priority=max", "gotify": "priority=emergency", "gotifys": "priority=emergency",
    "bark": "level=critical", "barks": "level=critical",
}  # fmt: skip
"""What makes a telephone ring that is set to silent, for critical alerts, where the address says nothing itself."""
TOO_FAST = {130101: 600.0, 45009: 60.0, 11232: 60.0}
"""DingTalk's, WeCom's and Feishu's codes for a limit that was passed: seconds to wait."""
MISTAKE_WAIT = 60.0


class Apprise:
    """Tells people through one of Apprise's services; its answer, read for what it means, is the acceptance.

        [[notifier]]
        id = "dingtalk"
        kind = "apprise"
        url_file = "dingtalk-url"        # a file with the one line, because it holds the token; or url = "…"

    The line, for instance:

        dingtalk://SECRET@TOKEN          钉钉 custom robot, signed (加签); TOKEN is what follows access_token=
        wecombot://KEY                   企业微信 group robot; KEY is what follows key=
        feishu://TOKEN                   飞书 custom bot; TOKEN is the last part of its address
        tgram://BOT_TOKEN/CHAT_ID        Telegram
        ntfys://ntfy.sh/TOPIC            ntfy; ntfy://host/TOPIC for a server of your own

    All others: https://github.com/caronc/apprise/wiki. ``{phone}`` and ``{email}`` in it stand for the person's. Each service's
    limit (DingTalk: 20 a minute) is kept; what is small and does not fit comes gathered, what is critical has room kept free.
    """

    kind: ClassVar[str] = "apprise"
    concurrency = THREADS

    class Settings(Spoken):
        url: str = Field("", description="Apprise's address of the service; it holds secrets, so better url_file")
        url_file: str | None = Field(None, description="a file with nothing but that address; relative to this file")

        @model_validator(mode="after")
        def _loads(self) -> "Apprise.Settings":
            if bool(self.url) == bool(self.url_file):
                raise ValueError("write url or url_file: one of the two")
            try:
                url = address(self)
            except ValueError:
                return self  # whoever reads the configuration has said it, with its line; __init__ raises
            check_template(url, ("phone", "email"))
            opened(filled(url, {"phone": "+8613800000000", "email": "li@example.org"}, _quoted), self.timeout)
            return self

    def __init__(self, settings: "Apprise.Settings", words: Words) -> None:
        self.settings = settings
        self._words = words
        self._url = address(settings)
        self._scheme = self._url.partition("://")[0].lower()
        self.default_rate = RATES.get(self._scheme, "")
        self._threads = ThreadPoolExecutor(THREADS, f"apprise-{self._scheme}")
        self._mine = threading.local()

    async def send(self, notice: Notice) -> None:
        for name in ("phone", "email"):
            if f"{{{name}}}" in self._url and not notice.to.get(name):
                who = notice.person or sentence("nobody_in_particular")
                raise NotSent(sentence("no_address", person=who, what=name), final=True)
        url = filled(self._url, notice.to, _quoted)
        if notice.severity == "critical" and notice.why != "resolved" and not notice.drill:
            url = urgent(url, self._scheme)
        text = self._words.say(notice, self.settings.templates)
        try:
            async with asyncio.timeout(3 * self.settings.timeout):  # its connecting, its waiting and its reading
                await asyncio.get_running_loop().run_in_executor(self._threads, self._send, url, text, notice.severity)
        except TimeoutError as error:
            raise NotSent(sentence("answered_nothing", name=self._scheme, seconds=3 * self.settings.timeout)) from error

    def _send(self, url: str, text: Text, severity: str) -> None:
        if getattr(self._mine, "url", None) != url:
            self._mine.service, self._mine.url = opened(url, self.settings.timeout), url
        service = self._mine.service
        EAR.heard.answers = []
        title = chat(text.title)
        limit = min(service.body_maxlen, BYTES.get(self._scheme, service.body_maxlen)) - len(title.encode()) - 8
        kind = {"critical": "failure", "warning": "warning"}.get(severity, "info")
        body = fit(text, limit)
        taken = service.notify(body=body, title=title, notify_type=kind, body_format="text", overflow="upstream")
        judge(self._scheme, taken, EAR.heard.answers)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def address(settings: Apprise.Settings) -> str:
    """Apprise's address. Raises ValueError where its file cannot be read."""
    if not settings.url_file:
        return settings.url
    try:
        return Path(settings.url_file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ValueError(f"its file cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from None


def urgent(url: str, scheme: str) -> str:
    setting = URGENT.get(scheme, "")
    if not setting or setting.partition("=")[0] + "=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{setting}"


def _quoted(given: str) -> str:
    return quote(given, safe="")


def opened(url: str, timeout: float) -> Any:
    """The service, with our limits instead of Apprise's. Raises ValueError; the text never shows the address."""
    for name in ("apprise", "urllib3.connectionpool"):  # both write addresses, with their tokens, into the log
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    library = importlib.import_module("apprise")  # half a second: only where it is used
    asset = library.AppriseAsset(
        app_id="Gengfu", app_desc="Gengfu", app_url="", image_url_mask="", image_url_logo="", storage_mode="memory"
    )
    service = library.Apprise.instantiate(url, asset=asset)
    if service is None:
        scheme = url.partition("://")[0]
        raise ValueError(f'Apprise cannot read this address, which begins with "{scheme[:20]}://": see `gengfu kinds apprise`')
    service.request_rate_per_sec = 0  # the rate is the delivery's affair
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    service.redirects = False
    if (signed := getattr(service, "get_signature", None)) is not None:  # DingTalk's: Apprise 2.2 escapes it twice
        service.get_signature = lambda: tuple(unquote(part) for part in signed())
    for plugin in type(service).__mro__:
        module = sys.modules[plugin.__module__]
        if plugin.__module__.startswith("apprise.plugins.") and hasattr(module, "requests"):
            module.requests = EAR.on(module.requests)  # type: ignore[attr-defined]
    return service


class Ear:
    """Stands before ``requests`` in a service's module and remembers what was answered in this thread."""

    def __init__(self) -> None:
        self.heard = threading.local()
        self._library: Any = None

    def on(self, library: Any) -> "Ear":
        if library is not self:
            self._library = library
        return self

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        if name not in ("get", "post", "put", "patch", "delete", "request"):
            return found
        return self._listening(found)

    def _listening(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def listening(*args: Any, **kwargs: Any) -> Any:
            answers = getattr(self.heard, "answers", [])
            try:
                answer = call(*args, **kwargs)
            except self._library.RequestException as error:
                answers.append(error)
                raise
            answers.append(answer)
            return answer

        return listening


EAR = Ear()


def judge(scheme: str, taken: bool, answers: list[Any]) -> None:
    """Returns if the service took the message; raises NotSent for everything else."""
    last = answers[-1] if answers else None
    if isinstance(last, Exception):
        raise NotSent(sentence("unreached", name=scheme, why=type(last).__name__))
    if last is not None and not 200 <= last.status_code < 300:
        problem = refusal(scheme, last.status_code, last.headers.get("Retry-After", "").partition(".")[0])
        if last.status_code in (401, 403, 404):  # a mistake of ours that somebody may put right
            problem = NotSent(problem.why, retry_after=MISTAKE_WAIT)
        raise problem
    if not taken:
        raise NotSent(sentence("not_taken", name=scheme))
    if scheme not in CODES or last is None:
        return
    try:
        said = msgspec.json.decode(last.content[:65_536])
    except msgspec.DecodeError:
        raise NotSent(sentence("no_json", name=scheme)) from None
    code = said.get(CODES[scheme], said.get("StatusCode")) if isinstance(said, dict) else None
    if code != 0:
        what = one_line(str(said.get("errmsg") or said.get("msg") or "")) if isinstance(said, dict) else ""
        wait = TOO_FAST.get(code, MISTAKE_WAIT) if isinstance(code, int) else MISTAKE_WAIT
        raise NotSent(sentence("refused_with", name=scheme, field=CODES[scheme], code=code, why=what), retry_after=wait)


def fit(text: Text, limit: int) -> str:
    """The long text in at most ``limit`` bytes: first its lines are shortened, then left out from the end; the link stays."""
    lines = text.long.split("\n")
    for longest in (300, 60, 30):
        said = "\n".join(line if text.link and text.link in line else chat(one_line(line, longest)) for line in lines)
        if len(said.encode()) <= limit:
            return said
    while len(said.encode()) > limit and len(lines) > 1:
        last = next((n for n in range(len(lines) - 1, -1, -1) if not (text.link and text.link in lines[n])), 0)
        del lines[last]
        said = "\n".join(line if text.link and text.link in line else chat(one_line(line, 30)) for line in [*lines, "…"])
    return said
