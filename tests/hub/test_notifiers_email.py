"""E-mail against a real SMTP server: what arrives, encrypted and not, and every way it can refuse."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from msgspec.structs import replace
from pydantic import ValidationError

from hub.model import Notice
from hub.notifiers.email import Email
from hub.ports import NotSent
from tests.hub.test_notifiers import WORDS, golden
from tests.support.receivers import certificate

NOTICE = msgspec.convert(golden("email")["notice"], Notice)


class Post:
    """What the server does with each mail; ``answers`` in their order, then 250."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.answers: list[str] = []
        self.refuse = ""
        self.encrypted = False

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        self.encrypted = session.ssl is not None
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "drop":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return answer

    def read(self, index: int = 0) -> EmailMessage:
        content = self.mails[index].content
        assert isinstance(content, bytes)
        message: Any = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        return message


@asynccontextmanager
async def server(post: Post, **how: Any) -> AsyncIterator[dict[str, Any]]:
    running = await asyncio.get_running_loop().create_server(lambda: SMTP(post, hostname="sink", **how), "127.0.0.1", 0)
    try:
        port = running.sockets[0].getsockname()[1]
        yield {"host": "127.0.0.1", "port": port, "security": "none", "sender": "更夫 <gengfu@example.org>", "timeout": 5.0}
    finally:
        running.close()


@pytest.fixture
def post() -> Post:
    return Post()


async def send(settings: dict[str, Any], notice: Notice = NOTICE) -> None:
    await Email(Email.Settings(**settings), WORDS).send(notice)


async def test_the_mail_is_the_one_written_down(post: Post) -> None:
    wanted = golden("email")["request"]
    async with server(post) as at:
        await send(at)
        await send(at)
    assert (post.mails[0].mail_from, post.mails[0].rcpt_tos) == (wanted["mail_from"], wanted["rcpt_to"])
    mail = post.read()
    assert {name: mail[name] for name in wanted["headers"]} == wanted["headers"]
    parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
    for kind, name in (("text/plain", "plain"), ("text/html", "html")):
        assert [line for line in wanted[name] if line not in parts[kind]] == []
    assert "<script" not in parts["text/html"] and "src=" not in parts["text/html"], "nothing to run, nothing to load"
    assert mail["Message-ID"] == post.read(1)["Message-ID"], "the same notice is the same mail"
    assert mail["Message-ID"] != mail["References"]


async def test_names_cannot_add_headers_or_markup(post: Post) -> None:
    evil = '"><img src=x onerror=alert(1)>\r\nBcc: all@example.org'
    async with server(post) as at:
        await send(at, replace(NOTICE, body=NOTICE.body | {"summary": {"zh": evil}, "place": evil}))
    mail = post.read()
    assert mail["Bcc"] is None
    assert "<img" not in {part.get_content_type(): part.get_content() for part in mail.iter_parts()}["text/html"]
    assert post.mails[0].rcpt_tos == ["li@example.org"]


@pytest.mark.fault("mail: SMTP 451, and a drop after DATA")
async def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(post: Post) -> None:
    post.answers = ["451 try again later", "554 no"]
    async with server(post) as at:
        with pytest.raises(NotSent, match="451 try again later") as busy:
            await send(at)
        with pytest.raises(NotSent, match="554 no") as refused:
            await send(at)
        post.refuse = "550 no such user"
        with pytest.raises(NotSent, match="refuses the recipient: 550") as nobody:
            await send(at)
        post.refuse = "450 greylisted"
        with pytest.raises(NotSent, match="450 greylisted") as later:
            await send(at)
    assert [one.value.final for one in (busy, refused, nobody, later)] == [False, True, True, False]


@pytest.mark.fault("mail: SMTP 451, and a drop after DATA")
async def test_a_connection_that_breaks_before_the_answer_is_tried_again_as_the_same_mail(post: Post) -> None:
    post.answers = ["drop"]
    async with server(post) as at:
        with pytest.raises(NotSent, match=r"no answer from 127\.0\.0\.1") as broken:
            await send(at)
        assert not broken.value.final
        await send(at)
    assert post.read(0)["Message-ID"] == post.read(1)["Message-ID"], "whoever got both can see that they are one"


async def test_starttls_with_login_and_nothing_in_the_open(post: Post, tmp_path: Path) -> None:
    both, authority = certificate(tmp_path, ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    (tmp_path / "password").write_text("s3cret\n")

    def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"gengfu", b"s3cret"))

    async with server(post, tls_context=context, require_starttls=True, auth_required=True, authenticator=login) as at:
        with pytest.raises(NotSent, match=r"no answer from|answered 530"):
            await send(at)
        at |= {"host": "localhost", "security": "starttls", "username": "gengfu", "password_file": str(tmp_path / "password")}
        with pytest.raises(NotSent, match="certificate"):
            await send(at)
        await send(at | {"ca_file": str(authority)})
    assert post.encrypted and len(post.mails) == 1


async def test_nobody_to_write_to_is_final(post: Post) -> None:
    async with server(post) as at:
        with pytest.raises(NotSent, match="li has no e-mail address") as missing:
            await send(at, replace(NOTICE, to={}))
        with pytest.raises(NotSent, match="nobody to reach"):
            await send(at, replace(NOTICE, person=""))
        await send(at | {"to": ["desk@example.org", "night@example.org"]}, replace(NOTICE, person=""))
    assert missing.value.final
    assert post.mails[0].rcpt_tos == ["desk@example.org", "night@example.org"]


async def test_a_server_that_hangs_is_given_up_after_its_time() -> None:
    hung = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = hung.sockets[0].getsockname()[1]
    with pytest.raises(NotSent, match=r"no answer from 127\.0\.0\.1"):
        await send({"host": "127.0.0.1", "port": port, "security": "none", "sender": "a@b.c", "timeout": 0.2})
    hung.close()


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"sender": "nobody"}, "is no e-mail address"),
        ({"sender": "a@b.c", "username": "x"}, "belong together"),
        ({"sender": "a@b.c", "username": "x", "password_file": "p", "security": "none"}, "in the open"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Email.Settings(host="smtp.example.org", **table)
