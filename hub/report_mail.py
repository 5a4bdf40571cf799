"""A report as an e-mail with its files, through the site's own e-mail notifier's server."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from mimetypes import guess_type
from typing import Literal

from hub.config import Config
from hub.model import Person
from hub.notifiers.email import Email
from hub.notifiers.words import Words
from hub.ports import NotSent
from hub.reports.words import plain

__all__ = ["Mailer", "NotSent"]

_SUBJECT: dict[Literal["en", "zh"], str] = {"en": "{site}: energy report {month}", "zh": "{site}：{month} 能源报告"}
_TEXT: dict[Literal["en", "zh"], str] = {
    "en": "The energy report of {site} for {month} is attached. It is preliminary until it is closed; late readings may still "
    "change it, and the report says what is missing.\n",
    "zh": "附件为 {site} {month} 的能源报告。结账之前仅供参考：迟到的读数可能使其变化，缺失的数据在报告中注明。\n",
}


def mailer(config: Config, words: Words) -> "Mailer | None":
    """Through the first [[notifier]] of kind "email"; None without one."""
    settings = next((each.settings for each in config.notifiers if isinstance(each.settings, Email.Settings)), None)
    return Mailer(Email(settings, words)) if isinstance(settings, Email.Settings) else None


class Mailer:
    def __init__(self, email: Email) -> None:
        self._email = email

    async def send(self, person: Person, site: str, month: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Returns when the server has taken it; raises NotSent."""
        await self._email.deliver(self.message(person, site, month, files))

    def message(self, person: Person, site: str, month: str, files: Sequence[tuple[str, bytes]]) -> EmailMessage:
        words = {"site": plain(site), "month": month}
        sender = self._email.settings.sender
        domain = parseaddr(sender)[1].partition("@")[2]
        message = EmailMessage()
        message["From"] = sender
        message["To"] = person.email
        message["Subject"] = _SUBJECT[person.language].format(**words)
        message["Date"] = formatdate()
        # the same report twice, because the answer was lost, is one mail to whoever reads it
        message["Message-ID"] = f"<report.{month}.{files[0][0]}.{person.id}@{domain}>".encode("ascii", "replace").decode()
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_TEXT[person.language].format(**words))
        for name, content in files:
            kind, _, exact = (guess_type(name)[0] or "application/octet-stream").partition("/")
            message.add_attachment(content, maintype=kind, subtype=exact, filename=name)
        return message
