"""Payloads that are binary frames, as they are or written out in hexadecimal digits. Shared by the adapters of such formats;
not an adapter itself.

empty, or blanks alone                        EMPTY
longer than it may be                         TOO_LARGE, before it is looked at
an odd number of hexadecimal digits           BAD_FRAME
"""

import re

from hub.model import Reason
from hub.ports import Malformed

_HEX = re.compile(rb"[0-9A-Fa-f\s]+")


def frame_bytes(payload: bytes, longest: int) -> bytes:
    """The frame's own bytes. ``longest``: of the payload, so of hexadecimal text where a gateway sends that. A format's frames
    must begin with a byte that is no digit."""
    if not payload.strip():
        raise Malformed(Reason.EMPTY, "the payload is empty")
    if len(payload) > longest:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; this format sends at most {longest}")
    if not _HEX.fullmatch(payload):
        return payload
    try:
        return bytes.fromhex(payload.decode("ascii"))
    except ValueError:
        raise Malformed(Reason.BAD_FRAME, "an odd number of hexadecimal digits") from None
