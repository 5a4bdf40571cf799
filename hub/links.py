"""Links that acknowledge one alert for one person or one channel, without a login: signed, expiring, used once.

A link names the alert, the person or the channel, its end and a mark of the notice that carried it; the signature is
HMAC-SHA256 under a secret of this hub's own, of which 16 bytes are kept (RFC 2104, section 5). The same notice always carries
the same link, so a message sent twice is still one message.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec

from hub.files import sync_file, sync_folder
from hub.model import Notice

NAME = "link-secret"
LIFE = 24 * 3_600_000
"""How long a link can be used, ms from its notice."""
PATH = "/a/"
SIGNED = 16


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What a link says. ``until`` in s; ``mark`` tells it from every other link. ``channel`` is where it was told, if to no
    person in particular."""

    alert: str
    person: str
    until: int
    mark: str
    channel: str = ""


class LinkRefused(Exception):
    def __init__(self, reason: Literal["forged", "expired", "used"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Links:
    """``public_url``: where people reach the hub; "" makes no links."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._secret = secret
        self._public_url = public_url.rstrip("/")

    def link(self, notice: Notice) -> str:
        if not self._public_url or notice.why == "digest":
            return ""
        mark = _text(self._sign(b"mark:" + notice.id.encode())[:6])
        channel = "" if notice.person else notice.notifier
        ticket = Ticket(notice.alert, notice.person, (notice.created_at + LIFE) // 1000, mark, channel)
        said = msgspec.msgpack.encode(ticket)
        return f"{self._public_url}{PATH}{_text(said + self._sign(said))}"

    def read(self, token: str, now: int) -> Ticket:
        """What the link says, ``now`` in ms. Raises LinkRefused if it was not made here or has ended."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            said, signature = raw[:-SIGNED], raw[-SIGNED:]
            if not hmac.compare_digest(signature, self._sign(said)) or _text(raw) != token:
                raise LinkRefused("forged")
            ticket = msgspec.msgpack.decode(said, type=Ticket)
        except ValueError:
            raise LinkRefused("forged") from None
        if now // 1000 > ticket.until:
            raise LinkRefused("expired")
        return ticket

    def _sign(self, said: bytes) -> bytes:
        return hmac.new(self._secret, said, hashlib.sha256).digest()[:SIGNED]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def secret(directory: Path) -> bytes:
    """This hub's secret, made at the first start and readable by its own user alone."""
    path = directory / NAME
    if path.exists() and len(kept := path.read_bytes()) >= 32:
        return kept
    made = secrets.token_bytes(32)
    draft = directory / f"{NAME}.tmp"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
    sync_file(draft)
    draft.replace(path)
    sync_folder(directory)
    return made
