"""Webhook: posts every notice as JSON to an address of yours, signed if you like."""

import hashlib
import hmac
import time
from pathlib import Path
from typing import ClassVar

import msgspec
from pydantic import Field, field_validator

from hub.model import Notice
from hub.notifiers.http import Poster
from hub.notifiers.words import Spoken, Words

_encode = msgspec.json.Encoder().encode


class Webhook:
    """Posts each notice as one JSON object to ``url``; any 2xx answer means taken.

        [[notifier]]
        id = "webhook:desk"
        kind = "webhook"
        url = "http://127.0.0.1:9000/alerts"
        secret_file = "webhook-secret"   # left out: not signed

    The object is the alert as it is published over MQTT, with ``why`` (first, repeat, escalated, acknowledged, resolved),
    ``told`` (the person), ``drill`` where it is one, and ``link`` where it can be acknowledged. What did not fit ``rate``
    comes as one object with ``why`` = digest and ``notices``.

    The header ``Idempotency-Key`` carries the notice's id: the same notice may arrive twice, never with another id. With a
    secret, ``Gengfu-Signature: t=SECONDS,v1=HEX`` is the HMAC-SHA256, under the secret, of the seconds since 1970, a full stop
    and the body as it was sent; refuse what is older than five minutes. A 429 or 503 with ``Retry-After`` is obeyed; other
    4xx are final; everything else is tried again.
    """

    kind: ClassVar[str] = "webhook"
    concurrency = 4

    class Settings(Spoken):
        url: str = Field(description="where to post, http:// or https://")
        secret_file: str | None = Field(None, description="a file with the secret it is signed with; relative to this file")

        @field_validator("url")
        @classmethod
        def _is_http(cls, url: str) -> str:
            return http_url(url)

    def __init__(self, settings: "Webhook.Settings", words: Words | None = None) -> None:
        self.settings = settings
        self._words = words
        self._secret = Path(settings.secret_file).read_bytes().strip() if settings.secret_file else b""
        self._poster = Poster(settings.url, settings.timeout)

    async def send(self, notice: Notice) -> None:
        said = dict(notice.body)
        if notice.drill:
            said["drill"] = True
        if self._words is not None and (text := self._words.say(notice, self.settings.templates)):
            said["text"] = text.short
            if text.link:
                said["link"] = text.link
        body = _encode(said)
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id}
        if self._secret:
            headers["Gengfu-Signature"] = signature(self._secret, int(time.time()), body)
        await self._poster.post("POST", self.settings.url, data=body, headers=headers)

    async def close(self) -> None:
        await self._poster.close()


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """ "t=1791169445,v1=…": HMAC-SHA256 over the seconds, a full stop and the body."""
    return f"t={seconds},v1={hmac.new(secret, b'%d.' % seconds + body, hashlib.sha256).hexdigest()}"


def http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError('must start with "http://" or "https://"')
    return url
