"""Who may speak to the web while there is no login: this machine's own browser, on the hub's own page.

A page elsewhere could point its own name at our address (DNS rebinding) or make the browser post to us (CSRF). So the Host
must be one of our names, and whatever changes something must be JSON, small, and come from our own origin.
"""

import logging
from collections.abc import Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.links import PATH
from hub.said import Said, sentence, wanted
from hub.web.problems import problem

_log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
BODY_LIMIT = 64 * 1024
FORM_LIMIT = 2048  # a name
IMPORT, IMPORT_LIMIT = "/api/v1/import", 8 * 1024 * 1024  # some 30,000 devices

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def host_name(given: str) -> str:
    """The name in "name:port", "[::1]:8080" or "name"; '' where there is none."""
    try:
        return (urlsplit(f"//{given}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class Guard:
    """``public``: the name in links that are sent to people; by it only those can be opened."""

    def __init__(self, app: ASGIApp, names: Collection[str], public: str = "") -> None:
        self._app = app
        self._names = LOOPBACK | {name.lower() for name in names}
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=_raw(message))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        language = wanted(Headers(scope=scope).get("accept-language", ""))
        refused = self._refusal(scope)
        if refused:
            status, why = refused
            await problem(status, why, language)(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Exception:
            if started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await problem(500, sentence("mistake"), language)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, Said] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if scope["path"].startswith(PATH) and host_name(host) in self._names | {self._public}:
            # The link is the permission: no page elsewhere can know it, so a plain form may post it.
            said = headers.get("content-length") or "0"
            small = said.isdigit() and int(said) <= FORM_LIMIT and "transfer-encoding" not in headers
            return None if small else (413, sentence("long_button"))
        if host_name(host) not in self._names:
            return 421, sentence("other_name")
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, sentence("own_page")
        if origin is None and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, sentence("own_page")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, sentence("send_json")
        length = headers.get("content-length")
        if length is None or not length.isdigit():
            return 411, sentence("say_length")
        limit = IMPORT_LIMIT if scope["path"] == IMPORT else BODY_LIMIT
        if int(length) > limit:
            return 413, sentence("long_request", limit=limit)
        return None


def _raw(message: Message) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    message["headers"] = list(message["headers"])
    return message
