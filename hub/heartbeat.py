"""Tells a checker outside that the hub lives, so that its death is noticed by somebody else.

A GET to an address of yours, such as a healthchecks.io or Uptime Kuma push URL, as long as the hub really keeps watch: one
that hears no broker, or cannot write, stays silent, and the checker calls. What the checker is to allow is two or three
times ``every``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

PATIENCE = 10.0
"""Seconds the checker may take to answer."""

log = logging.getLogger("gengfu.heartbeat")


class Heartbeat:
    """``sent`` were answered with 2xx, ``failed`` were not, ``held`` were not sent because something was missing."""

    def __init__(self, url: str, every: float, missing: Callable[[], Sequence[str]]) -> None:
        self._url = url
        self._every = every
        self._missing = missing
        self.sent = 0
        self.failed = 0
        self.held = 0
        self._trouble = ""

    async def run(self) -> None:
        """Until cancelled."""
        import aiohttp

        patience = aiohttp.ClientTimeout(total=min(PATIENCE, self._every))
        async with aiohttp.ClientSession(timeout=patience) as session:
            while True:
                if self._missing():
                    self.held += 1
                else:
                    self._note(await self._beat(session))
                await asyncio.sleep(self._every)

    async def _beat(self, session: aiohttp.ClientSession) -> str:
        """What went wrong; "" if nothing did."""
        import aiohttp

        try:
            async with session.get(self._url, allow_redirects=False) as answer:
                return "" if 200 <= answer.status < 300 else f"the checker answered {answer.status}"
        except TimeoutError:
            return "the checker does not answer"
        except (aiohttp.ClientError, OSError) as error:
            return f"the checker cannot be reached: {error or type(error).__name__}"

    def _note(self, trouble: str) -> None:
        self.sent += not trouble
        self.failed += bool(trouble)
        if trouble != self._trouble:  # once for each row of failures
            log.warning("heartbeat: %s", trouble or "the checker answers again")
        self._trouble = trouble
