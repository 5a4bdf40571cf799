"""Payloads that are one bare value: ``21.5``, ``on``. Shared by the adapters of such formats; not an adapter itself.

empty, or blanks alone                        EMPTY
longer than it may be                         TOO_LARGE, before it is looked at
not UTF-8, a byte order mark, U+0000          BAD_ENCODING
not the number or word that the topic has     WRONG_TYPE, UNKNOWN_VALUE
a number that no double can hold              BAD_NUMBER
"""

import math
from collections.abc import Mapping

from adapters.decoding import number_or_text, shown
from hub.model import Reason
from hub.ports import Malformed

LONGEST = 64


def plain_text(payload: bytes, longest: int = LONGEST) -> str:
    """The payload as a text without the blanks around it, of 1 to ``longest`` bytes."""
    if len(payload) > longest:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; such a value has at most {longest}")
    try:
        text = payload.decode()
    except UnicodeDecodeError as broken:
        raise Malformed(Reason.BAD_ENCODING, f"not UTF-8 at byte {broken.start}") from None
    if "\x00" in text or text.startswith("\ufeff"):
        raise Malformed(Reason.BAD_ENCODING, "U+0000 or a byte order mark in a text")
    text = text.strip()
    if not text:
        raise Malformed(Reason.EMPTY, "the payload is empty")
    return text


def plain_number(payload: bytes, what: str) -> float:
    """The payload as a decimal number. NaN and Infinity are BAD_NUMBER: printed by devices that have no value."""
    text = plain_text(payload)
    if text.lstrip("+-").lower() in ("nan", "inf", "infinity"):
        raise Malformed(Reason.BAD_NUMBER, f"{what} is {text}")
    return number_or_text(text, what)


def plain_word(payload: bytes, what: str, words: Mapping[str, float]) -> float:
    """What the payload's word means, whatever its capitals; one that ``words`` does not have is UNKNOWN_VALUE."""
    text = plain_text(payload)
    value = words.get(text.lower(), math.nan)
    if math.isnan(value):
        raise Malformed(Reason.UNKNOWN_VALUE, f"{what} is {shown(text)}, expected one of {', '.join(words)}")
    return value
