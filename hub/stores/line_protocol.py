"""Readings as line protocol, the language that InfluxDB and VictoriaMetrics take.

Layout (https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/): ``measurement,tag=text field=value
time``. Tags are device, quantity and channel; fields are ``value`` (float), ``received_at`` (ms), and ``seq`` and ``quality``
(integers) where they are not 0. Of all this only ``value``, the time and two or three integers change from line to line, so
the front of a series' lines is made once.

The servers know a point by its tags and time; a reading is known by its sequence number as well. Several readings of one
series in the same ms therefore have *places* 0, 1, 2 … there: InfluxDB keeps a place as nanoseconds, VictoriaMetrics, whose
times are whole ms, as the tag ``place``.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from msgspec import Struct

from hub.columns import Columns
from hub.model import Series

_NS = 1_000_000
PLACES = _NS
"""As many readings of one series have room in one ms."""
_SPECIAL, _ESCAPED = re.compile("[,= ]"), r"\\\g<0>"
_NONE = "-"


class Named(Struct, frozen=True):
    """A series with the domain it is kept under."""

    series: Series
    domain: str


def text(word: str) -> str:
    """A word as the text of a tag, unescaped: what no tag can hold (control characters, a backslash) as %XX, "" as "-"."""
    if not word:
        return _NONE
    if word == _NONE:
        return "%2D"
    return "".join(quote(letter, safe="") if letter in "%\\" or not letter.isprintable() else letter for letter in word)


def word(tag: str) -> str:
    """The inverse of ``text``."""
    return "" if tag == _NONE else unquote(tag)


def tags(**words: str) -> str:
    return "".join(f",{name}={_SPECIAL.sub(_ESCAPED, text(word))}" for name, word in words.items())


class Lines:
    """Makes lines. ``bucket`` is a tag for VictoriaMetrics, which has no databases; None for InfluxDB."""

    def __init__(self, bucket: str | None) -> None:
        self._bucket = bucket
        self._fronts: dict[tuple[Named, int], str] = {}

    def of(self, columns: Columns, places: Sequence[int], names: Sequence[Named]) -> list[str]:
        """One line a reading; ``columns.series`` counts in ``names``, and every value is finite."""
        found: list[str] = []
        rows = zip(*(column.tolist() for column in columns), places, strict=True)
        bucket, front = self._bucket, self._front
        for series, time, seq, received_at, value, quality, place in rows:
            more = (f",seq={seq}i" if seq else "") + (f",quality={quality}i" if quality else "")
            if bucket is None:
                found.append(f"{front(names[series], 0)}{value!r},received_at={received_at}i{more} {time * _NS + place}")
            else:
                found.append(f"{front(names[series], place)}{value!r},received_at={received_at}i{more} {time}")
        return found

    def mark(self, journal: str, at: int, sent: int) -> str:
        """That this journal was sent up to here; ``at`` in ms."""
        if self._bucket is None:
            return f"gengfu_sent{tags(journal=journal)} batch={sent}i {at * _NS}"
        return f"gengfu_sent{tags(bucket=self._bucket, journal=journal)} batch={sent}i {at}"

    def _front(self, named: Named, place: int) -> str:
        made = self._fronts.get((named, place))
        if made is None:
            series = named.series
            words = {"device": series.device, "quantity": series.quantity, "channel": series.channel}
            if self._bucket is None:
                made = f"{named.domain}{tags(**words)} value="
            else:
                further = {"place": str(place)} if place else {}
                made = f"gengfu{tags(bucket=self._bucket, domain=named.domain, **words, **further)} value="
            self._fronts[named, place] = made
        return made
