"""Each service of Apprise: what goes over the wire, against what the service's own documents ask for; and its refusals."""

import base64
import hashlib
import hmac
import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from hub.model import Notice
from hub.notifiers.apprise import Apprise, fit
from hub.notifiers.words import Words
from hub.ports import NotSent
from tests.support.receivers import Sink, certificate, leading_to, sink

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "apprise.json").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = GOLDEN["services"]
NOTICE = msgspec.convert(GOLDEN["notice"], Notice)
WORDS = Words("云栖社区", ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """One server that goes by all their names, with a certificate for each, found by the ordinary way."""
    names = sorted({service["request"]["host"] for service in SERVICES.values()})
    both, authority = certificate(tmp_path_factory.mktemp("tls"), names)
    with pytest.MonkeyPatch.context() as patch, sink(certificate=both) as opened:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        patch.setattr(socket, "getaddrinfo", leading_to({443: opened.port}))
        yield opened


@pytest.fixture(autouse=True)
def forgotten(outside: Sink) -> None:
    outside.requests.clear()
    outside.answer = lambda _: (200, {}, b'{"errcode": 0, "code": 0, "ok": true}')


def notifier(url: str, **settings: Any) -> Apprise:
    return Apprise(Apprise.Settings(url=url, templates=GOLDEN["templates"], **settings), WORDS)


async def send(url: str, notice: Notice = NOTICE) -> None:
    opened = notifier(url)
    try:
        await opened.send(notice)
    finally:
        await opened.close()


@pytest.mark.parametrize("name", SERVICES)
async def test_the_request_is_the_one_the_service_documents(name: str, outside: Sink) -> None:
    service = SERVICES[name]
    outside.answer = lambda _: (200, {}, service["answer"].encode())
    await send(service["url"])
    [request] = outside.requests
    wanted = service["request"]
    assert (request.method, request.host, request.path.rstrip("/") or "/") == (wanted["method"], wanted["host"], wanted["path"])
    assert {header: request.headers.get(header) for header in wanted["headers"]} == wanted["headers"]
    signs = {key: request.query.pop(key)[0] for key in ("timestamp", "sign") if name == "DingTalk"}
    assert request.query == wanted.get("query", {})
    if "form" in wanted:
        assert parse_qs(request.body.decode()) == wanted["form"]
    else:
        assert request.json() == wanted["json"]
    if signs:  # https://open.dingtalk.com/document/orgapp/customize-robot-security-settings
        signed = hmac.new(b"SECabc123", f"{signs['timestamp']}\nSECabc123".encode(), hashlib.sha256).digest()
        assert signs["sign"] == base64.b64encode(signed).decode(), "escaped once: the service does not undo it twice"


@pytest.mark.parametrize(
    ("name", "answer", "wait"),
    [
        ("DingTalk", {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, 600.0),
        ("DingTalk", {"errcode": 310000, "errmsg": "sign not match"}, 60.0),
        ("WeCom", {"errcode": 45009, "errmsg": "api freq out of limit"}, 60.0),
        ("WeCom", {"errcode": 93000, "errmsg": "invalid webhook url"}, 60.0),
        ("Feishu", {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}, 60.0),
        ("Lark", {"code": 9499, "msg": "Bad Request", "data": {}}, 60.0),
    ],
)
async def test_a_refusal_that_comes_as_a_200_is_no_acceptance(name: str, answer: Any, wait: float, outside: Sink) -> None:
    outside.answer = lambda _: (200, {}, json.dumps(answer).encode())
    with pytest.raises(NotSent) as refused:
        await send(SERVICES[name]["url"])
    assert str(answer.get("errcode", answer.get("code"))) in str(refused.value)
    assert (refused.value.retry_after, refused.value.final) == (wait, False)


async def test_a_limit_is_obeyed_for_as_long_as_the_service_says(outside: Sink) -> None:
    outside.answer = lambda _: (429, {"Retry-After": "7"}, b'{"retry_after": 7}')
    with pytest.raises(NotSent) as refused:
        await send(SERVICES["ntfy"]["url"])
    assert refused.value.retry_after == 7.0


async def test_nobody_there_is_said_without_the_token(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", leading_to({443: 9}))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotSent) as refused:
        await send(SERVICES["DingTalk"]["url"])
    assert "ConnectionError" in str(refused.value)
    for secret in ("tok123", "SECabc123"):
        assert secret not in str(refused.value) + caplog.text


async def test_an_urgent_one_rings_and_a_resolved_one_does_not(outside: Sink) -> None:
    await send(SERVICES["ntfy"]["url"], replace(NOTICE, why="resolved"))
    await send(SERVICES["ntfy"]["url"] + "?priority=low")
    assert [request.headers.get("X-Priority") for request in outside.requests] == [None, "low"]


async def test_a_persons_own_number_is_put_into_the_address(outside: Sink) -> None:
    await send("dingtalk://tok123/{phone}", replace(NOTICE, person="li", to={"phone": "13800138000"}))
    assert outside.requests[0].json()["at"]["atMobiles"] == ["13800138000"]
    with pytest.raises(NotSent, match="li has no phone") as refused:
        await send("dingtalk://tok123/{phone}", replace(NOTICE, person="li"))
    assert refused.value.final


def test_a_digest_fits_into_what_the_service_takes() -> None:
    told = [{"why": "first", "severity": "warning", "drill": False, "body": NOTICE.body | {"id": str(n)}} for n in range(100)]
    digest = replace(NOTICE, why="digest", severity="warning", body={"notices": told})
    text = WORDS.say(digest)
    assert text.title.startswith("另有100条：")
    assert len(fit(text, 2048).encode()) <= 2048, "WeCom counts bytes"


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"url": "dingtlak://x"}, 'begins with "dingtlak://"'),
        ({}, "one of the two"),
        ({"url": "ntfy://h/{fone}"}, "unknown placeholder"),
    ],
)
def test_a_wrong_address_is_refused_at_the_start(settings: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError, match="Value error") as refused:
        Apprise.Settings(**settings)
    assert wrong in str(refused.value)
