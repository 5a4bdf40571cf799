"""Each notifier against its golden request, received by a real server on loopback."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from hub import plugins
from hub.model import Notice
from hub.notifiers.gateway import Sms
from hub.notifiers.mqtt import MqttNotifier
from hub.notifiers.webhook import Webhook
from hub.notifiers.words import Words
from hub.ports import NotSent
from tests.support.receivers import sink

GOLDEN = Path(__file__).parents[1] / "golden"
OWN = {"webhook", "mqtt", "email", "apprise"}
"""Compared in tests of their own: a signature, a publish, a mail, another library's requests. Any other is compared here."""
WORDS = Words("云栖社区", ZoneInfo("Asia/Shanghai"), lambda notice: f"https://hub.example.org/a/{notice.alert}")


def golden(kind: str) -> Any:
    return json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", sorted(plugins.find("hub.notifiers")))
def test_every_notifier_has_its_request_written_down(kind: str) -> None:
    assert golden(kind)["notice"]["severity"]


@asynccontextmanager
async def opened(notifier: Any) -> AsyncIterator[Any]:
    try:
        yield notifier
    finally:
        await notifier.close()


async def test_webhook(tmp_path: Path) -> None:
    wanted = golden("webhook")
    (tmp_path / "secret").write_text("whsec-1\n")
    with sink() as receiver:
        url = wanted["settings"]["url"].replace("{url}", f"http://127.0.0.1:{receiver.port}")
        settings = Webhook.Settings(url=url, secret_file=str(tmp_path / "secret"))
        async with opened(Webhook(settings, WORDS)) as notifier:
            await notifier.send(msgspec.convert(wanted["notice"], Notice))
    [request] = receiver.requests
    assert (request.method, request.path) == (wanted["request"]["method"], wanted["request"]["path"])
    assert {name: request.headers[name] for name in wanted["request"]["headers"]} == wanted["request"]["headers"]
    assert request.json() == wanted["request"]["json"]
    at, signed = (part.partition("=")[2] for part in request.headers["Gengfu-Signature"].split(","))
    assert abs(time.time() - int(at)) < 60
    assert signed == hmac.new(b"whsec-1", f"{at}.".encode() + request.body, hashlib.sha256).hexdigest()


async def test_a_drill_is_marked_for_machines_too() -> None:
    with sink() as receiver:
        async with opened(Webhook(Webhook.Settings(url=f"http://127.0.0.1:{receiver.port}/"), WORDS)) as notifier:
            await notifier.send(replace(msgspec.convert(golden("webhook")["notice"], Notice), drill=True))
    assert receiver.requests[0].json()["drill"] is True
    assert receiver.requests[0].json()["text"].startswith("【演练】")


async def test_mqtt() -> None:
    wanted = golden("mqtt")
    published: list[tuple[str, Any]] = []

    def publish(topic: str, payload: bytes) -> "asyncio.Future[None]":
        published.append((topic, json.loads(payload)))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    await MqttNotifier("yunqi", publish).send(msgspec.convert(wanted["notice"], Notice))
    assert published == [(wanted["publish"]["topic"], wanted["publish"]["json"])]


@pytest.mark.parametrize("kind", sorted(set(plugins.find("hub.notifiers")) - OWN))
async def test_it_sends_the_request_that_is_written_down(kind: str, tmp_path: Path) -> None:
    given = golden(kind)
    plugin = plugins.find("hub.notifiers")[kind]
    with sink(lambda _: (200, {}, json.dumps(given.get("answer", {})).encode())) as receiver:
        table = json.loads(json.dumps(given["settings"]).replace("{url}", f"http://127.0.0.1:{receiver.port}"))
        if "secret" in given:
            (tmp_path / "secret").write_text(given["secret"] + "\n")
            table["secret_file"] = str(tmp_path / "secret")
        settings = plugin.Settings.model_validate(table)
        async with opened(plugin(settings, WORDS)) as notifier:
            await notifier.send(msgspec.convert(given["notice"], Notice))
    [request] = receiver.requests
    wanted = given["request"]
    assert (request.method, request.path, request.query) == (wanted["method"], wanted["path"], wanted.get("query", {}))
    assert {name: request.headers[name] for name in wanted.get("headers", {})} == wanted.get("headers", {})
    assert (parse_qs(request.body.decode()) if "form" in wanted else request.json()) == wanted.get("form", wanted.get("json"))


async def test_a_gateway_that_answers_200_and_refuses_has_not_taken_it() -> None:
    with sink(lambda _: (200, {}, b'{"Code": "isv.BUSINESS_LIMIT_CONTROL"}')) as receiver:
        table = {"url": f"http://127.0.0.1:{receiver.port}/", "json": {"to": "{phone}"}, "success": "Code == 'OK'"}
        async with opened(Sms(Sms.Settings.model_validate(table), WORDS)) as notifier:
            with pytest.raises(NotSent, match="did not take it") as refused:
                await notifier.send(msgspec.convert(golden("sms")["notice"], Notice))
            assert not refused.value.final
            with pytest.raises(NotSent, match="li has no telephone number") as refused:
                await notifier.send(replace(msgspec.convert(golden("sms")["notice"], Notice), to={}))
            assert refused.value.final


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"json": {"to": ["{fone}"]}}, 'unknown placeholder "{fone}"; did you mean "phone"?'),
        ({"json": {"a": "b"}, "form": {"a": "b"}}, "keep one of the two"),
        ({"success": "Code =="}, "no JMESPath"),
        ({"headers": {"A": "{seecret}"}}, 'did you mean "secret"?'),
    ],
)
def test_a_wrong_request_is_refused_at_the_start(table: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match="Value error") as refused:
        Sms.Settings.model_validate({"url": "http://127.0.0.1/"} | table)
    assert wrong in str(refused.value)
