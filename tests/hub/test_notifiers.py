"""Each notifier against its golden request, received by a real server on loopback."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from hub import plugins
from hub.model import Notice
from hub.notifiers.mqtt import MqttNotifier

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(kind: str) -> Any:
    return json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", sorted(plugins.find("hub.notifiers")))
def test_every_notifier_has_its_request_written_down(kind: str) -> None:
    assert golden(kind)["notice"]["severity"]


async def test_webhook() -> None:
    wanted = golden("webhook")
    seen: list[web.Request] = []

    async def take(request: web.Request) -> web.Response:
        await request.read()
        seen.append(request)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    plugin = plugins.find("hub.notifiers")["webhook"]
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    notifier = plugin(plugin.Settings(url=wanted["settings"]["url"].replace("{url}", url)))
    await notifier.send(msgspec.convert(wanted["notice"], Notice))
    await notifier.close()
    [request] = seen
    assert (request.method, request.path) == (wanted["request"]["method"], wanted["request"]["path"])
    assert {name: request.headers[name] for name in wanted["request"]["headers"]} == wanted["request"]["headers"]
    assert await request.json() == wanted["request"]["json"]
    await runner.cleanup()


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
