"""E-mail: plain text and HTML over SMTP."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import ClassVar, Literal

import aiosmtplib
from pydantic import Field, field_validator, model_validator

from hub.model import Notice
from hub.notifiers.plain import markup, one_line
from hub.notifiers.words import Spoken, Text, Words
from hub.ports import NotSent
from hub.said import sentence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Email:
    """Sends each notice as an e-mail with a plain and an HTML part; the server's 250 after DATA means accepted.

        [[notifier]]
        id = "email"
        kind = "email"
        host = "smtp.example.org"
        security = "starttls"            # or "tls" (port 465), or "none" for a server on this machine
        username = "gengfu@example.org"
        password_file = "smtp-password"
        sender = "更夫 <gengfu@example.org>"

    It goes to the person's own ``email``, and where no person is told to ``to``. ``Message-ID`` is made of the notice's id,
    so a mail that is sent twice, because the connection broke before the answer, is the same mail to whoever reads it; an alert's
    mails are one thread (``References``). A 4xx answer is tried again, a 5xx to the recipient or the message is final.
    """

    kind: ClassVar[str] = "email"
    concurrency = 2

    class Settings(Spoken):
        host: str = Field(description="the SMTP server")
        port: int | None = Field(None, ge=1, le=65535, description="465 for tls, 587 for starttls, else 25")
        security: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is encrypted")
        ca_file: str | None = Field(None, description="the certificates (PEM) that sign the server's, where the system's do not")
        username: str | None = Field(None, description="where the server asks for one")
        password_file: str | None = Field(None, description="a file with nothing but the password; relative to this file")
        sender: str = Field(description='whom it comes from: "更夫 <gengfu@example.org>"')
        to: tuple[str, ...] = Field((), description="who gets what is told to no person in particular")

        @field_validator("sender", "to")
        @classmethod
        def _addresses(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
            for address in (given,) if isinstance(given, str) else given:
                if not is_address(parseaddr(address)[1]):
                    raise ValueError(f'"{address}" is no e-mail address: write it like "li@example.org"')
            return given

        @model_validator(mode="after")
        def _no_password_in_the_open(self) -> "Email.Settings":
            if (self.username is None) != (self.password_file is None):
                raise ValueError("username and password_file belong together")
            if self.username is not None and self.security == "none" and self.host not in ("127.0.0.1", "localhost", "::1"):
                raise ValueError('the password would cross the network in the open: use security = "starttls" or "tls"')
            return self

    def __init__(self, settings: "Email.Settings", words: Words) -> None:
        self.settings = settings
        self._words = words
        self._password = Path(settings.password_file).read_text("utf-8").strip() if settings.password_file else None

    async def send(self, notice: Notice) -> None:
        await self.deliver(self._message(notice))

    async def deliver(self, message: EmailMessage) -> None:
        """Returns when the server has taken it; raises NotSent."""
        settings = self.settings
        try:
            await aiosmtplib.send(
                message,
                hostname=settings.host,
                port=settings.port,
                username=settings.username,
                password=self._password,
                use_tls=settings.security == "tls",
                start_tls=settings.security == "starttls",
                cert_bundle=settings.ca_file,
                timeout=settings.timeout,
                local_hostname="gengfu",
            )
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotSent(sentence("login_refused", name=settings.host, code=error.code), retry_after=60) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            refused = sentence("recipient_refused", name=settings.host, why=_answer(error.recipients[0]))
            raise NotSent(refused, final=min(codes) >= 500) from error
        except aiosmtplib.SMTPResponseException as error:
            answered = sentence("answered", name=settings.host, status=_answer(error))
            raise NotSent(answered, final=500 <= error.code < 600) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            why = one_line(str(error)) or type(error).__name__
            raise NotSent(sentence("unreached", name=settings.host, why=why)) from error

    def _message(self, notice: Notice) -> EmailMessage:
        given = notice.to.get("email", "")
        if notice.person and not is_address(given):
            raise NotSent(sentence("no_email", person=notice.person), final=True)
        to = [given] if notice.person else list(self.settings.to)
        if not to:
            raise NotSent(sentence("nobody_to_reach", key="to"), final=True)
        text = self._words.say(notice, self.settings.templates)
        message = EmailMessage()
        name, address = parseaddr(self.settings.sender)
        domain = address.partition("@")[2]
        message["From"] = formataddr((name, address)) if name.isascii() else f"{_quoted(name)} <{address}>"
        message["To"] = ", ".join(to)
        message["Subject"] = text.title
        message["Date"] = format_datetime(EPOCH + timedelta(milliseconds=notice.created_at))
        message["Message-ID"] = f"<{_mark(notice.id)}@{domain}>"
        message["References"] = f"<{_mark(notice.alert)}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        if notice.severity == "critical":
            message["Importance"] = "high"
        message.set_content(text.long)
        message.add_alternative(page(text, notice), subtype="html")
        return message

    async def close(self) -> None:
        pass


def is_address(given: str) -> bool:
    return re.fullmatch(r"[^@\s<>,;\"\x00-\x1f\x7f]+@[^@\s<>,;\"\x00-\x1f\x7f]+", given) is not None


def page(text: Text, notice: Notice) -> str:
    """The HTML part: what the plain one says, with nothing to load and nothing to run."""
    colour = {"critical": "#b3261e", "warning": "#8a5300", "info": "#3c5a78"}[notice.severity]
    rows = "\n".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#555">{markup(label)}</td><td>{markup(value)}</td></tr>'
        for label, value in text.facts
    )
    notes = "\n".join(f"<p>{markup(note)}</p>" for note in text.notes)
    link = f'<p><a href="{markup(text.link)}">{markup(text.link)}</a></p>' if text.link else ""
    lang = "zh-CN" if notice.language == "zh" else "en"
    own = f"<p>{markup(text.long)}</p>" if text.own else f"<table>\n{rows}\n</table>\n{notes}\n{link}"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{markup(text.title)}</title></head>\n'
        f'<body style="font-family:sans-serif;line-height:1.5">\n'
        f'<h1 style="font-size:1.2em;color:{colour}">{markup(text.title)}</h1>\n{own}\n</body></html>\n'
    )


def _mark(id: str) -> str:
    """A notice's id as a Message-ID's left side: the same for the same notice."""
    return "gengfu." + hashlib.sha256(id.encode()).hexdigest()[:32]


def _quoted(name: str) -> str:
    return '"' + one_line(name).replace("\\", "").replace('"', "") + '"'


def _answer(error: aiosmtplib.SMTPResponseException) -> str:
    return one_line(f"{error.code} {error.message}", 200)
