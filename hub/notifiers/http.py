"""Posting over HTTP, for every notifier that does: what an answer means, and how long one may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.ports import NotSent
from hub.said import sentence

if TYPE_CHECKING:
    import aiohttp

KEPT = 64 * 1024
"""Bytes of an answer that are read; the rest is left."""


class Poster:
    """One session of one notifier. ``name`` is what errors call the receiver: never an address with a secret in it."""

    def __init__(self, name: str, timeout: float) -> None:
        import aiohttp  # 8 MB, for those who have a notifier that posts; at the start, not with the first alert  # noqa: F401

        self._name = name
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(self, method: str, url: str, **how: Any) -> bytes:
        """The answer's body, if it was a 2xx. Raises NotSent: final for a 4xx but 408, 425 and 429."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        try:
            async with self._session.request(method, url, allow_redirects=False, **how) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
                body = await answer.content.read(KEPT)
        except TimeoutError as error:
            raise NotSent(sentence("answered_nothing", name=self._name, seconds=self._timeout)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotSent(sentence("unreached", name=self._name, why=_shown(error))) from error
        if not 200 <= status < 300:
            raise refusal(self._name, status, retry_after)
        return body

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def refusal(name: str, status: int, retry_after: str) -> NotSent:
    """What a status other than 2xx means: tried again, later, or never."""
    wait = float(retry_after) if retry_after.isdigit() else None
    final = 400 <= status < 500 and status not in (408, 425, 429)
    return NotSent(sentence("answered", name=name, status=status), retry_after=wait, final=final)


def _shown(error: Exception) -> str:
    """Without the address: it may carry a token."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return type(error).__name__ if isinstance(error, aiohttp.InvalidURL) else str(error) or type(error).__name__
