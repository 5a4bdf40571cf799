"""What every adapter stands on: JSON from strangers, numbers, moments, topics. Not an adapter itself.

``parse_object`` and ``parse`` read a payload and refuse what no format may contain:

    empty                                              EMPTY
    larger than ``max_bytes``; ``MAX_KEYS`` keys       TOO_LARGE, before it is parsed
    not UTF-8, UTF-16, a byte order mark, compressed,
    a lone surrogate, U+0000 in a text                 BAD_ENCODING
    truncated, trailing bytes, NaN, Infinity           BAD_JSON
    1e999, an integer of thousands of digits           BAD_NUMBER
    nested beyond ``max_depth``                        TOO_DEEP, before it is parsed
    null, 42, an array (for ``parse_object``)          WRONG_SHAPE

Of duplicate keys the last wins (RFC 8259 section 4 leaves it open; the common parsers agree on the last).

A message of one object and no escapes costs msgspec's own time and three scans for a single byte.
"""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Literal

import msgspec

from hub.model import Quality, Reason
from hub.ports import Malformed

MAX_BYTES = 256 * 1024
MAX_DEPTH = 8
MAX_KEYS = 10_000

TimeUnit = Literal["s", "ms", "us", "ns", "iso"]

_decode = msgspec.json.Decoder().decode
_BACKSLASH, _BRACKET = b"\\["
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # one that never closes goes to the end: never a second look
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")


def parse_object(payload: bytes, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The payload's one JSON object. Raises Malformed as the module's table says. The object itself is depth 1."""
    found = parse(payload, max_depth, max_bytes)
    if type(found) is not dict:
        raise Malformed(Reason.WRONG_SHAPE, f"expected a JSON object, got {shown(found)}")
    return found


def parse(
    payload: bytes, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES, max_keys: int = MAX_KEYS, nul: bool = False
) -> Any:
    """The payload's one JSON value of whatever shape. ``nul`` lets U+0000 in texts through, for formats that carry the
    fixed-width texts of devices. Raises Malformed."""
    if len(payload) > max_bytes:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; this format sends at most {max_bytes}")
    if payload.find(b"{", 1) >= 0 or _BRACKET in payload or len(payload) >= 4 * max_keys:
        _refuse_deep_or_wide(payload, max_depth, max_keys)
    try:
        found = _decode(payload)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _why(payload, error) from None
    if not nul and _BACKSLASH in payload and _NUL.search(payload):
        raise Malformed(Reason.BAD_ENCODING, "U+0000 in a text")
    return found


def _refuse_deep_or_wide(payload: bytes, max_depth: int, max_keys: int) -> None:
    """Looks before the parser does, at the brackets and colons outside of texts."""
    if payload.count(b"{") + payload.count(b"[") <= max_depth and payload.count(b":") < max_keys:
        return
    bare = _STRING.sub(b"", payload)
    if bare.count(b":") >= max_keys:
        raise Malformed(Reason.TOO_LARGE, f"{max_keys} keys or more")
    brackets = bare.translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        brackets = brackets.replace(b"[]", b"")  # one level less, from the inside
    # What is left is deeper; or it never closes, then the parser says what is wrong with it.
    if b"[]" in brackets:
        raise _too_deep(max_depth)


def _too_deep(max_depth: int) -> Malformed:
    return Malformed(Reason.TOO_DEEP, f"nested deeper than {max_depth} levels")


def _why(payload: bytes, error: Exception) -> Malformed:
    """The parser refused: the reason in words a vendor can act on."""
    if not payload.strip():
        return Malformed(Reason.EMPTY, "the payload is empty")
    if payload.startswith(b"\xef\xbb\xbf"):
        return Malformed(Reason.BAD_ENCODING, "begins with a byte order mark; send UTF-8 without one")
    if payload.startswith(b"\x1f\x8b"):
        return Malformed(Reason.BAD_ENCODING, "compressed (gzip); send plain JSON")
    if payload.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in payload[:4]:
        return Malformed(Reason.BAD_ENCODING, "UTF-16 or binary; send UTF-8")
    try:
        payload.decode()
    except UnicodeDecodeError as broken:
        return Malformed(Reason.BAD_ENCODING, f"not UTF-8 at byte {broken.start}")
    if "out of range" in str(error):
        return Malformed(Reason.BAD_NUMBER, "a number that no double can hold")
    if _lone_surrogate(payload):
        return Malformed(Reason.BAD_ENCODING, "half of a surrogate pair in a text")
    return Malformed(Reason.BAD_JSON, str(error))


_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def _lone_surrogate(payload: bytes) -> bool:
    return _SURROGATE.search(_PAIR.sub(b"", payload)) is not None


# --- values -----------------------------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """A value as a sentence for a vendor may show it: its JSON, cut to 40 characters."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    text = repr(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def number(value: Any, what: str) -> float:
    """A JSON number as a finite float; -0.0 becomes 0. ``what`` names the field in the refusal.

    true, null, a text or a structure is WRONG_TYPE; an integer beyond 64 bits is BAD_NUMBER."""
    kind = type(value)
    if kind is float:
        if math.isfinite(value):
            return value + 0.0  # type: ignore[no-any-return]
        raise Malformed(Reason.BAD_NUMBER, f"{what} is {value}")
    if kind is int:
        if -(1 << 63) <= value < 1 << 64:
            return float(value)
        raise Malformed(Reason.BAD_NUMBER, f"{what} is beyond 64 bits")
    raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected a number")


_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def number_or_text(value: Any, what: str) -> float:
    """As ``number``, for formats that put numbers in quotes: "21.5" is 21.5."""
    if type(value) is not str:
        return number(value, what)
    text = value.strip()
    if len(text) > 40 or not _DECIMAL.fullmatch(text):
        raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected a number")
    return number(float(text), what)


def text(value: Any, what: str, longest: int = 256) -> str:
    """A text of 1 to ``longest`` characters, as it is."""
    if type(value) is not str:
        raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected a text")
    if not 0 < len(value) <= longest:
        raise Malformed(Reason.UNKNOWN_VALUE, f"{what} has {len(value)} characters, expected 1 to {longest}")
    return value


def an_object(value: Any, what: str) -> dict[str, Any]:
    """A JSON object; else WRONG_SHAPE."""
    if type(value) is not dict:
        raise Malformed(Reason.WRONG_SHAPE, f"{what} is {shown(value)}, expected an object")
    return value


# --- moments ----------------------------------------------------------------------------------------------------------

Moment = tuple[int | None, int]
"""Milliseconds since 1970 UTC, or None where the device said none or an impossible one, and quality flags."""

_NO_MOMENT: Moment = (None, Quality.CLOCK_SKEW.value)
_LAST_MS = 253_402_300_799_999  # the end of year 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PER_MS = {"us": 1_000, "ns": 1_000_000}


def epoch_ms(value: Any, unit: TimeUnit = "s", what: str = "time") -> Moment:
    """The moment a number of seconds (s), ms, us or ns since 1970 means; in whole milliseconds.

    null is no time. A number that is no moment of 1970 to 9999 gives (None, CLOCK_SKEW): it is for intake to say what
    that costs. Anything else than a number raises Malformed."""
    if type(value) is float and unit == "s" and 0 <= value < 253_402_300_799:
        return round(value * 1000), 0  # the ordinary case
    if value is None:
        return None, 0
    exact: int | float = value if type(value) is int else number(value, what)
    if not -1e19 < exact < 1e22:
        return _NO_MOMENT
    if unit == "s":
        ms = round(exact * 1000)
    elif unit == "ms":
        ms = math.floor(exact)
    else:
        ms = exact // _PER_MS[unit] if type(exact) is int else math.floor(exact / _PER_MS[unit])
    return (ms, 0) if 0 <= ms <= _LAST_MS else _NO_MOMENT


_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(?:[.,]\d+)?)?\s?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)


def iso_ms(value: Any, zone: tzinfo, what: str = "time") -> Moment:
    """The moment an ISO 8601 text means. Without a zone it is local time at the site (TZ_ASSUMED); of a repeated hour the
    first one is meant. A leap second (…:60) is the second after it. "0000-00-00T00:00:00" and the like, from devices
    without a clock: (None, CLOCK_SKEW). A text that is no time at all raises Malformed."""
    if value is None:
        return None, 0
    if type(value) is not str:
        raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected an ISO 8601 text")
    leap = 0
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        shape = _ISO.fullmatch(value)
        if not shape:
            raise Malformed(Reason.WRONG_TYPE, f"{what} is {shown(value)}, expected an ISO 8601 text") from None
        if not (shape[1] or "").startswith(":60"):
            return _NO_MOMENT
        leap = 1000
        try:
            moment = datetime.fromisoformat(value.replace(":60", ":59", 1))
        except ValueError:
            return _NO_MOMENT
    flags = 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
        flags = Quality.TZ_ASSUMED.value
    try:
        ms = (moment - _EPOCH) // _MILLISECOND + leap
    except OverflowError:
        return _NO_MOMENT
    return (ms, flags) if 0 <= ms <= _LAST_MS else _NO_MOMENT


# --- topics -----------------------------------------------------------------------------------------------------------


class TopicTemplate:
    """``tele/fire/{device}``: the MQTT filter to subscribe (``tele/fire/+``) and what a topic says for each placeholder.

    A level may hold a placeholder with text around it (``meter-{device}``), ``+``, or as the last one ``#``. Raises
    ValueError for anything else."""

    def __init__(self, template: str) -> None:
        self.template = template
        levels = template.split("/")
        self.filter = "/".join("+" if "{" in level or "}" in level else level for level in levels)
        self.names = tuple(re.findall(r"\{([^{}]*)\}", template))
        if not all(name.isidentifier() for name in self.names) or re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
            raise ValueError(f'topic "{template}": placeholders are written like {{device}}')
        if len(set(self.names)) < len(self.names):
            raise ValueError(f'topic "{template}" has the same placeholder twice')
        if "" in levels or "#" in template.removesuffix("#") or any("+" in level and level != "+" for level in levels):
            raise ValueError(f'topic "{template}" is not an MQTT topic filter')
        if template.endswith("#") and levels[-1] != "#":
            raise ValueError(f'topic "{template}": # stands alone as the last level')
        self._pattern = re.compile("/".join(_level_pattern(level) for level in levels).replace("/.*", "(?:/.*)?"), re.DOTALL)
        self._match = lru_cache(maxsize=10_000)(self._find)

    def match(self, topic: str) -> dict[str, str] | None:
        """The placeholders' values (never empty), or None where the topic does not fit. Do not change the answer."""
        return self._match(topic)

    def _find(self, topic: str) -> dict[str, str] | None:
        found = self._pattern.fullmatch(topic)
        return found.groupdict() if found else None


_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _level_pattern(level: str) -> str:
    if level == "#":
        return ".*"
    if level == "+":
        return "[^/]*"
    pattern, at = "", 0
    for placeholder in _PLACEHOLDER.finditer(level):
        pattern += re.escape(level[at : placeholder.start()]) + f"(?P<{placeholder[1]}>[^/]+)"
        at = placeholder.end()
    return pattern + re.escape(level[at:])
