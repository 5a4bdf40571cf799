"""What the log tells about the channels people are told through: one line when one begins to fail, one when it works again.

A reason may quote what a receiver answered; people's addresses and whatever a URL holds beyond its host stay out of the log.
"""

import logging
import re
import time
from collections.abc import Callable

from msgspec import Struct

SAY_EVERY = 600.0
"""Seconds between two such warnings about one channel: one that wavers does not fill the log."""

_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#@]*@)?([^\s/?#\"']*)[^\s\"']*", re.I)
_EMAIL = re.compile(r"<?[^\s<>\"':,;]+@[^\s<>\"':,;]+>?")
_PHONE = re.compile(r"(?<![\w.])\+?\d[\d -]{7,}\d(?![\w.])")

log = logging.getLogger("gengfu.delivery")


class _Failing(Struct):
    since: float
    attempts: int = 0
    said: bool = False


class ChannelLog:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: dict[str, _Failing] = {}
        self._said: dict[str, float] = {}

    def failed(self, channel: str, why: str) -> None:
        """An attempt has failed that will be made again."""
        now = self._clock()
        failing = self._failing.setdefault(channel, _Failing(now))
        failing.attempts += 1
        if failing.said or now - self._said.get(channel, -SAY_EVERY) < SAY_EVERY:
            return
        failing.said = True
        self._said[channel] = now
        log.warning("the channel %s does not deliver: %s; what it has to tell is kept and tried again", channel, shown(why))

    def works(self, channel: str) -> None:
        failing = self._failing.pop(channel, None)
        if failing is not None and failing.said:
            lasted = self._clock() - failing.since
            log.warning("the channel %s delivers again, after %.0f s and %d failed attempts", channel, lasted, failing.attempts)


def shown(why: str) -> str:
    """The reason without e-mail addresses, telephone numbers and what a URL holds beyond its host."""
    return _PHONE.sub("[number]", _EMAIL.sub("[address]", _URL.sub(r"\1\2", why)))
