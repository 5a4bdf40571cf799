"""What one session has asked its broker to send, and what it was granted."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from hub import packets
from hub.packets import Suback
from hub.publisher import LAST_ID

ASK_AGAIN: Final = 60.0  # s until a refused filter is tried again
FILTERS_AT_ONCE: Final = 50

log = logging.getLogger(__name__)


class Subscriptions:
    """``filters`` are wanted; ``granted`` and ``refused`` are those that the broker has answered on this connection.

    ``settled``: it has answered all it was asked when the connection began. What is sent before may never come.
    """

    def __init__(self, filters: Sequence[str]) -> None:
        self.filters: dict[str, None] = {}
        self.want(filters)
        self.granted: set[str] = set()
        self.refused: set[str] = set()
        self.settled = False
        self._asked: dict[int, tuple[list[str], asyncio.Future[None]]] = {}  # SUBSCRIBEs without an answer
        self._id = LAST_ID
        self._again_at = 0.0
        self._write: Callable[[bytes], None] | None = None
        self._version = 4

    def connected(self, write: Callable[[bytes], None], version: int) -> None:
        """Asks for all, also what a kept session knows already: that brings the retained messages up to date."""
        self._write, self._version = write, version
        self._ask(list(self.filters))
        self.settled = not self._asked

    def lost(self) -> None:
        self._write = None
        self.settled = False
        self.granted.clear()
        for _, answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection ended before the broker answered"))
                answer.exception()
        self._asked.clear()

    def want(self, filters: Sequence[str]) -> None:
        """For all later connections. Raises ValueError for a malformed filter."""
        for name in filters:
            packets.check_filter(name)
        self.filters.update(dict.fromkeys(filters))

    async def asked_now(self, filters: Sequence[str]) -> None:
        """Returns when the broker has granted them. Raises ConnectionError when it refuses one or the connection ends first."""
        for answer in self._ask([name for name in filters if name not in self.granted]):
            await answer
        if refused := self.refused.intersection(filters):
            raise ConnectionError(f"the broker refuses to subscribe {', '.join(sorted(refused))}")

    def answered(self, suback: Suback) -> None:
        filters, answer = self._asked.pop(suback.packet_id, ([], None))
        for name, code in zip(filters, suback.codes, strict=False):
            if code >= 0x80:
                self.refused.add(name)
            else:
                self.refused.discard(name)
                self.granted.add(name)
                if code == 0:
                    log.warning("the broker grants %s at QoS 0 only: what it sends while we are away is lost", name)
        self.settled |= not self._asked
        if answer is not None and not answer.done():
            answer.set_result(None)

    def beat(self) -> None:
        """Every few seconds of a connection: what was refused is asked for again, by and by."""
        if self.refused and asyncio.get_running_loop().time() >= self._again_at:
            self._ask(sorted(self.refused))

    def _ask(self, filters: Sequence[str]) -> list["asyncio.Future[None]"]:
        loop, write = asyncio.get_running_loop(), self._write
        assert write is not None
        answers: list[asyncio.Future[None]] = []
        for some in (filters[begin : begin + FILTERS_AT_ONCE] for begin in range(0, len(filters), FILTERS_AT_ONCE)):
            self._id = LAST_ID + 1 + (self._id - LAST_ID) % (65535 - LAST_ID)
            answers.append(loop.create_future())
            self._asked[self._id] = (list(some), answers[-1])
            write(packets.subscribe(self._id, some, version=self._version))
        self._again_at = loop.time() + ASK_AGAIN
        return answers
