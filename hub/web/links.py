"""The page behind a link in a message: one alert and one button, in Chinese and English, without any script.

Looking acknowledges nothing, so that mail scanners and link previews may look; only the button does.
"""

import html
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import HTMLResponse, Response

from hub.links import PATH, LinkRefused
from hub.said import Said, quoted
from hub.web.guard import POLICY
from hub.web.static import ROOT

STYLE = """\
body{font-family:system-ui,sans-serif;line-height:1.6;max-width:34rem;margin:0 auto;padding:1.5rem;color:#1b1b1b;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.1rem}li{margin:0 0 .5rem}
.critical{color:#b3261e}dt{color:#555;font-size:.9rem}dd{margin:0 0 .6rem}
button{font:inherit;font-weight:600;width:100%;padding:1rem;border:0;border-radius:.6rem;background:#b3261e;color:#fff}
label{display:block;margin:0 0 1rem}input{font:inherit;display:block;width:100%;box-sizing:border-box;padding:.6rem}
.drill{background:#fff3c4;padding:.6rem;border-radius:.4rem}
@media (prefers-color-scheme:dark){body{color:#eee;background:#161616}dt{color:#aaa}.critical{color:#ff8a80}
.drill{background:#4a3b00}}
"""
SENTENCES = {
    "forged": (
        "这个链接无效。请在消息中重新打开它，或打开更夫页面。",
        "This link is not valid. Open it again from the message, or open the page.",
    ),
    "expired": ("这个链接已过期。请打开更夫页面查看报警。", "This link has expired. Open the page to see the alert."),
    "used": ("这个链接已经用过了，报警已确认。", "This link has been used: the alert has been acknowledged."),
    "gone": ("这条报警已不在记录中。", "This alert is no longer in the records."),
    "closed": ("这条报警已经解除，不需要再做什么。", "This alert is resolved; nothing is left to do."),
    "taken": ("已有人在处理：", "Somebody takes care of it already: "),
    "thanks": ("已确认，谢谢。其他人会看到由您处理。", "Acknowledged, thank you. The others see that you take care of it."),
    "thanks_as": ("已确认，谢谢。其他人会看到处理人：", "Acknowledged, thank you. The others see who takes care of it: "),
}
NAME = ("您的名字（可不填）", "Your name (may be left out)")
NAME_LIMIT = 100
STATUS = {"forged": 404, "expired": 410, "used": 410, "gone": 404}
PANEL = ("本消息是对火灾报警控制器的补充，不能代替它。", "This supplements the fire panel and does not replace it.")


class LinkPage(Struct, frozen=True):
    """What the page shows. ``state``: open (with the button), closed, taken, thanks. ``facts``: label and value. ``by``: who
    takes care. ``anybody``: the link was sent to no person in particular, so it asks for a name."""

    state: str
    title: str
    facts: tuple[tuple[str, str], ...]
    critical: bool = False
    fire: bool = False
    drill: bool = False
    person: str = ""
    by: Said = quoted("")
    anybody: bool = False
    steps: Sequence[Mapping[str, str]] = ()


class LinkDesk(Protocol):
    """Both raise LinkRefused; KeyError for an alert that is not there."""

    async def look(self, token: str, opened: bool) -> LinkPage: ...

    async def use(self, token: str, name: str) -> LinkPage:
        """``name``: how somebody called himself, or ""."""
        ...


def router(desk: LinkDesk) -> APIRouter:
    router = APIRouter(prefix=PATH.rstrip("/"), include_in_schema=False)

    @router.get("/-/style.css")
    async def style() -> Response:
        return Response(STYLE, media_type="text/css; charset=utf-8", headers={"cache-control": "max-age=86400"})

    @router.get("/-/icon.svg")
    async def icon() -> Response:
        return Response((ROOT / "icon.svg").read_bytes(), media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})

    @router.get("/{token}")
    async def look(token: str, request: Request) -> Response:
        # A browser says when a person went there; what only fetches does not.
        return await _answer(desk.look(token, request.headers.get("sec-fetch-user") == "?1"))

    @router.post("/{token}")
    async def use(token: str, request: Request) -> Response:
        return await _answer(desk.use(token, _name(await request.body())))

    return router


def _name(form: bytes) -> str:
    """The one field of the form, on one line."""
    try:
        given = parse_qs(form.decode("ascii"), max_num_fields=1, errors="strict").get("name", [""])[0]
    except ValueError:
        return ""
    return " ".join(given.split())[:NAME_LIMIT] if given.isprintable() else ""


async def _answer(page: Awaitable[LinkPage]) -> Response:
    try:
        return HTMLResponse(shown(await page), headers=_HEADERS)
    except LinkRefused as refused:
        return _sentence(refused.reason)
    except KeyError:
        return _sentence("gone")


_HEADERS = {
    "content-security-policy": POLICY.replace("form-action 'none'", "form-action 'self'"),
    "x-robots-tag": "noindex, nofollow",
}


def _sentence(reason: str) -> HTMLResponse:
    return HTMLResponse(_frame(_both(reason), ""), status_code=STATUS[reason], headers=_HEADERS)


def _both(reason: str, more: Said | None = None) -> str:
    zh, en = SENTENCES[reason]
    if more is not None:
        zh, en = zh + html.escape(more.zh), en + html.escape(more.en)
    return f'<p>{zh}</p>\n<p lang="en">{en}</p>\n'


def shown(page: LinkPage) -> str:
    facts = "\n".join(f"<dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd>" for label, value in page.facts)
    parts = [f"<h1{' class=critical' if page.critical else ''}>{html.escape(page.title)}</h1>"]
    if page.drill:
        parts.append('<p class="drill">这是一次演练。<br><span lang="en">This is a drill.</span></p>')
    parts.append(f"<dl>\n{facts}\n</dl>")
    if page.state == "open":
        field = f"<label>{' · '.join(NAME)}<input name=name maxlength={NAME_LIMIT} autocomplete=name></label>"
        asked = field if page.anybody else ""
        parts.append(f'<form method="post">{asked}<button>我来处理 · I take care of it</button></form>')
        parts.append(f"<p>{html.escape(page.person)}</p>" if page.person else "")
    else:
        state = "thanks_as" if page.state == "thanks" and page.anybody else page.state
        parts.append(_both(state, page.by if state in ("taken", "thanks_as") else None))
    if page.steps and page.state != "closed":
        items = "".join(
            f'<li>{html.escape(one["zh"])}<br><span lang="en">{html.escape(one["en"])}</span></li>' for one in page.steps
        )
        parts.append(f'<h2>怎么做 · <span lang="en">What to do</span></h2>\n<ol>{items}</ol>')
    if page.fire:
        parts.append(f'<p>{PANEL[0]}<br><span lang="en">{PANEL[1]}</span></p>')
    return _frame("\n".join(parts), page.title)


def _frame(body: str, title: str) -> str:
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{html.escape(title or "更夫 Gengfu")}</title><link rel="stylesheet" href="{PATH}-/style.css">'
        f'<link rel="icon" href="{PATH}-/icon.svg"></head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body></html>\n"
    )
