"""Webhook: posts every notice as JSON to an address of yours."""

from typing import ClassVar, Literal

import aiohttp
from pydantic import Field, field_validator

from hub import ports
from hub.model import Notice
from hub.ports import NotSent


class Webhook:
    """Posts each notice as one JSON object to ``url``; any 2xx answer means taken.

        [[notifier]]
        id = "webhook:desk"
        kind: ClassVar[str] = "webhook"
        url = "http://127.0.0.1:9000/alerts"

    The object is the alert as it is published over MQTT, with ``why`` (first, acknowledged, resolved) and ``told`` (the
    person). The header ``Idempotency-Key`` carries the notice's id: the same notice may arrive twice, never with another id.
    A 429 or 503 with ``Retry-After`` is obeyed; other 4xx are final; everything else is tried again.
    """

    kind: ClassVar[str] = "webhook"
    concurrency = 4

    class Settings(ports.Settings):
        url: str = Field(description="where to post, http:// or https://")
        at_least: Literal["info", "warning", "critical"] = Field("info", description="the least severity that is sent")
        timeout: float = Field(10.0, gt=0, le=60, description="seconds to wait for an answer")

        @field_validator("url")
        @classmethod
        def _is_http(cls, url: str) -> str:
            if not url.startswith(("http://", "https://")):
                raise ValueError('must start with "http://" or "https://"')
            return url

    def __init__(self, settings: "Webhook.Settings") -> None:
        self.settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def send(self, notice: Notice) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.settings.timeout))
        headers = {"Idempotency-Key": notice.id}
        try:
            async with self._session.post(self.settings.url, json=notice.body, headers=headers, allow_redirects=False) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
            raise NotSent(f"no answer from {self.settings.url}: {error or type(error).__name__}") from error
        except TimeoutError as error:
            raise NotSent(f"{self.settings.url} did not answer within {self.settings.timeout:g} s") from error
        if 200 <= status < 300:
            return
        wait = float(retry_after) if retry_after.isdigit() else None
        final = 400 <= status < 500 and status not in (408, 425, 429)
        raise NotSent(f"{self.settings.url} answered {status}", retry_after=wait, final=final)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
