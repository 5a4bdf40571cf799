"""The HTTP API over a made-up hub, through a real server."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import aiohttp
import pytest

from hub.web.guard import POLICY, host_name
from hub.web.shapes import iso
from tests.support.fakeview import FakeView
from tests.support.serving import Web, serving

Client = aiohttp.ClientSession


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(FakeView()) as running:
        yield running


@pytest.fixture
async def client(web: Web) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(web.url, timeout=aiohttp.ClientTimeout(10)) as session:
        yield session


async def got(client: Client, path: str, status: int = 200) -> Any:
    async with client.get(path) as response:
        assert response.status == status, await response.text()
        if status >= 400:
            assert response.content_type == "application/problem+json"
        return await response.json(content_type=None)


async def posted(client: Client, path: str, body: Any, status: int = 200, **headers: str) -> Any:
    async with client.post(path, json=body, headers=headers) as response:
        assert response.status == status, await response.text()
        return await response.json(content_type=None)


# Expected texts worked out by hand: 1970 + ms; year 1 and 9999 are where the calendar ends.
@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (10**18, "9999-12-31T23:59:59.999Z"),
        (-(10**18), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_iso_utc_with_milliseconds(ms: int, text: str) -> None:
    assert iso(ms) == text


async def test_service_pages(client: Client, web: Web) -> None:
    assert await got(client, "/healthz") == {"status": "ok"}
    assert await got(client, "/readyz") == {"status": "ready", "disabled": []}
    view = web.view
    assert isinstance(view, FakeView)
    view.missing = ["The broker at mqtt://127.0.0.1:1883 does not answer."]
    problem = await got(client, "/readyz", 503)
    assert problem["detail"] == view.missing[0]
    async with client.get("/metrics") as response:
        assert "gengfu_page_clients 0" in await response.text()


async def test_docs_need_no_other_host(client: Client) -> None:
    async with client.get("/docs") as response:
        page = await response.text()
    assert "POST /api/v1/alerts/{id}/acknowledge" in page
    assert "https://" not in page
    assert "<script" not in page
    assert "`" not in page
    assert "ListOut" not in page and "AlertOut<" not in page
    assert '<a href="#List">list</a> of <a href="#AlertOut">Alert</a>' in page
    paths = (await got(client, "/openapi.json"))["paths"]
    promised = ["devices", "devices/{id}", "spaces", "readings", "alerts", "alerts/{id}/acknowledge", "alerts/{id}/resolve"]
    promised += ["silences", "rules", "reports/energy", "dead-letters", "stream"]
    assert [path for path in promised if f"/api/v1/{path}" not in paths] == []


async def test_every_example_of_the_docs_is_answered(client: Client) -> None:
    """One for every GET; what it asks for may not exist here, but it is understood."""
    async with client.get("/docs") as response:
        page = await response.text()
    examples = [unescape(found) for found in re.findall(r"curl (?:-N )?'([^']+)'", page)]
    paths = (await got(client, "/openapi.json"))["paths"]
    assert len(examples) == sum("get" in methods for methods in paths.values())
    for url in examples:
        assert url.startswith("http://127.0.0.1:")
        async with client.get("/" + url.split("/", 3)[3]) as response:
            assert response.status in (200, 404), url
            if response.status == 404:
                assert "ID-OF" in url or "zigbee:" in url or url.endswith("/1"), url


async def test_open_alerts_come_worst_first_and_in_pages(client: Client) -> None:
    first = await got(client, "/api/v1/alerts?state=open&limit=3")
    assert [one["severity"] for one in first["items"]] == ["critical", "warning", "warning"]
    assert [bool(one["acknowledged_by"]) for one in first["items"]] == [False, False, True]
    rest = await got(client, f"/api/v1/alerts?state=open&limit=3&cursor={first['next_cursor']}")
    assert [one["severity"] for one in rest["items"]] == ["info"]
    assert rest["next_cursor"] is None
    smoke = first["items"][0]
    contract = ["id", "rule", "severity", "state", "acknowledged_by", "device", "place", "quantity", "value", "unit", "at"]
    assert all(name in smoke for name in [*contract, "received_at", "raised_at", "summary"])
    assert smoke["place"]["en"] == "Building 3, entrance 2, flat 502, kitchen"


async def test_an_alert_tells_its_story(client: Client) -> None:
    story = await got(client, "/api/v1/alerts/smoke-3-2-502")
    assert story["alert"]["id"] == "smoke-3-2-502"
    assert story["changes"][0]["what"] == "firing"
    assert [one["sent_at"] is None for one in story["told"]] == [False, True]
    assert story["rule"]["kind"] == "state"


async def test_acknowledge_and_resolve(client: Client) -> None:
    taken = await posted(client, "/api/v1/alerts/smoke-3-2-502/acknowledge", {"by": "李管家", "comment": "去看"})
    assert (taken["acknowledged_by"], taken["comment"]) == ("李管家", "去看")
    refused = await posted(client, "/api/v1/alerts/smoke-3-2-502/resolve", {"by": "李管家", "reason": "  "}, 422)
    assert "reason" in refused["detail"]
    done = await posted(client, "/api/v1/alerts/smoke-3-2-502/resolve", {"by": "李管家", "reason": "油烟"})
    assert (done["state"], done["reason"]) == ("resolved", "油烟")
    again = await posted(client, "/api/v1/alerts/smoke-3-2-502/resolve", {"by": "李管家", "reason": "x"}, 409)
    assert again["title"] == "Conflict"


async def test_what_cannot_be_understood_is_told_in_plain_words(client: Client) -> None:
    where = "/api/v1/alerts/smoke-3-2-502/resolve"
    assert "reson: nothing is called so" in (await posted(client, where, {"by": "李管家", "reson": "油烟"}, 422))["detail"]
    assert "by: it is missing" in (await posted(client, where, {"reason": "油烟"}, 422))["detail"]
    assert "by: it is empty" in (await posted(client, where, {"by": "", "reason": "油烟"}, 422))["detail"]


KEPT = {
    "alert",
    "reading",
    "status",
    "from",
    "docs",
    "next",
    "critical",
    "pending",
    "firing",
    "resolved",
    "open",
    "cursor",
    "quantity",
}
"""Names of the interface that stay as they are in every language."""


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/nothing", 404, "/nothing"),
        ("/static/nothing.js", 404, "nothing.js"),
        ("/static/..%2fapi.py", 404, "there is nothing"),
        ("/api/v1/alerts/nobody", 404, "nobody"),
        ("/api/v1/devices/nobody", 404, "nobody"),
        ("/api/v1/alerts?limit=0", 422, "limit"),
        ("/api/v1/alerts?limit=100000", 422, "limit"),
        ("/api/v1/alerts?state=burning", 422, "state"),
        ("/api/v1/alerts?cursor=x", 422, "cursor"),
        ("/api/v1/dead-letters/x", 422, "id"),
        ("/api/v1/readings?device=shelly:pump-1", 422, "quantity"),
        ("/api/v1/readings?device=shelly:pump-1&quantity=voltage&from=2026-01-01&to=2026-01-02", 404, "voltage"),
        ("/api/v1/stream?kinds=gossip", 422, "gossip"),
        ("/api/v1/alerts/x/acknowledge", 405, "GET"),
        ("/api/v1/reports/energy?month=2026-13", 422, "2026-13"),
    ],
)
async def test_every_error_is_a_problem_with_a_sentence(client: Client, path: str, status: int, word: str) -> None:
    problem = await got(client, path, status)
    assert problem["status"] == status
    assert word in problem["detail"]
    assert problem["title"] and problem["type"]
    async with client.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}) as response:
        chinese = await response.json(content_type=None)
    assert (response.status, response.headers["Content-Language"]) == (status, "zh")
    assert re.search("[\u4e00-\u9fff]", chinese["detail"]) and chinese["code"] == problem["code"]
    foreign = set(re.findall("[a-z]{4,}", chinese["detail"])) - set(re.findall("[a-z]{4,}", path)) - KEPT
    assert not foreign, "no English in the Chinese sentence but names"


async def test_a_mistake_of_ours_is_a_problem_too_and_tells_nothing(client: Client, web: Web, caplog: Any) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("secret")

    web.view.overview = broken  # type: ignore[method-assign]
    async with client.get("/api/v1/overview") as response:
        assert response.status == 500
        assert response.headers["content-security-policy"] == POLICY
        assert "secret" not in await response.text()
    assert "secret" in caplog.text


async def test_readings_rows_and_buckets(client: Client) -> None:
    where = "/api/v1/readings?device=shelly:pump-1&quantity=fire.water.pressure"
    day = "&from=2026-03-05T00:00:00Z&to=2026-03-05T01:00:00Z"
    rows = await got(client, f"{where}{day}&limit=100")
    assert len(rows["items"]) == 100
    rest = await got(client, f"{where}{day}&limit=100&cursor={rows['next_cursor']}")
    assert [len(rest["items"]), rest["next_cursor"]] == [20, None]  # one hour of readings every 30 s: 120
    assert rows["items"][-1]["time"] < rest["items"][0]["time"]
    assert set(rows["items"][0]) == {"time", "value", "seq", "received_at", "quality"}
    buckets = await got(client, f"{where}{day}&every=10min")
    assert [one["count"] for one in buckets["items"]] == [20] * 6
    assert all(one["min"] <= one["mean"] <= one["max"] for one in buckets["items"])
    # without a zone it is the site's (UTC+8): the same hour
    local = await got(client, f"{where}&from=2026-03-05T08:00:00&to=2026-03-05T09:00:00&every=1h")
    assert local["items"][0]["time"] == "2026-03-05T00:00:00.000Z"
    for wrong in ("every=1ms", "every=soon", "every=0s"):
        assert "every" in (await got(client, f"{where}{day}&{wrong}", 422))["detail"]
    assert "ends before" in (await got(client, f"{where}&from=2026-03-06T00:00:00Z&to=2026-03-05T00:00:00Z", 422))["detail"]


async def test_devices_search_and_accept(client: Client) -> None:
    found = await got(client, "/api/v1/devices?search=502%20厨房")
    assert found["items"][0]["worst"] == "critical"
    new = await got(client, "/api/v1/devices?accepted=false")
    (device,) = new["items"]
    path = f"/api/v1/devices/{device['id']}/accept"
    assert "there is no place" in (await posted(client, path, {"space": "moon"}, 422))["detail"]
    accepted = await posted(client, path, {"space": "3-2-502-hall", "name": "温度计"})
    assert (accepted["accepted"], accepted["place"]["en"]) == (True, "Building 3, entrance 2, flat 502, hall")
    assert (await got(client, "/api/v1/devices?accepted=false"))["items"] == []


async def test_a_dead_letter_keeps_its_bytes(client: Client, web: Web) -> None:
    (letter,) = (await got(client, "/api/v1/dead-letters?limit=1"))["items"]
    whole = await got(client, f"/api/v1/dead-letters/{letter['id']}")
    assert whole["payload_base64"] == "eyJzbW9rZSI6IHRydQ=="  # base64 of {"smoke": tru, worked out with coreutils


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "", "[::1", "user@evil.example"])
async def test_another_name_for_our_address_is_refused(client: Client, host: str) -> None:
    async with client.get("/", headers={"Host": host}) as response:
        assert response.status in (400, 421)


def test_host_names() -> None:
    given = {"127.0.0.1:80": "127.0.0.1", "[::1]:80": "::1", "LocalHost": "localhost", "a.": "a", "": "", "[::1": ""}
    assert {host: host_name(host) for host in given} == given


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_nobody_else_can_acknowledge(client: Client, web: Web, headers: dict[str, str], status: int) -> None:
    path = "/api/v1/alerts/smoke-3-2-502/acknowledge"
    sent = {"Content-Type": "application/json", **headers}
    async with client.post(path, data=json.dumps({"by": "x"}), headers=sent) as response:
        assert response.status == status
    assert (await got(client, "/api/v1/alerts/smoke-3-2-502"))["alert"]["acknowledged_by"] == ""


async def test_our_own_page_may_and_too_much_may_not(client: Client, web: Web) -> None:
    path = "/api/v1/alerts/smoke-3-2-502/acknowledge"
    await posted(client, path, {"by": "x", "comment": "y" * 70_000}, 413)
    await posted(client, path, {"by": ""}, 422)
    await posted(client, path, {"by": "x", "colour": "red"}, 422)
    await posted(client, path, {"by": "x"}, 200, Origin=web.url)


async def test_an_import_may_be_long(client: Client, web: Web) -> None:
    devices = [{"id": f"csv:{number:05d}", "name": "电表" * 5, "space": "garage"} for number in range(2000)]
    taken = await posted(client, "/api/v1/import", {"spaces": [], "devices": devices})
    assert taken == {"spaces": 0, "devices": 2000}
    assert (await got(client, "/api/v1/devices/csv:01999"))["space"] == "garage"
    wrong = await posted(client, "/api/v1/import", {"spaces": [{"id": 5}]}, 422)
    assert "imported" in wrong["detail"]


async def test_security_headers_everywhere(client: Client) -> None:
    for path in ("/", "/static/app.css", "/api/v1/alerts", "/nothing"):
        async with client.get(path) as response:
            policy = response.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["referrer-policy"] == "no-referrer"


class Line:
    """Reads server-sent events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> tuple[str, str, Any]:
        """(kind, id, data)"""
        fields: dict[str, str] = {}
        while True:
            line = (await self._response.content.readline()).decode().rstrip("\n")
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                return fields["event"], fields.get("id", ""), json.loads(fields["data"])


async def test_stream_tells_changes_and_resumes(client: Client, web: Web) -> None:
    view = web.view
    assert isinstance(view, FakeView)
    async with client.get("/api/v1/stream?kinds=alert,status") as response:
        assert response.content_type == "text/event-stream"
        line = Line(response)
        kind, _, hello = await line.next()
        assert (kind, hello["resync"], hello["open"]["critical"]) == ("status", False, 1)
        fire = view.set_fire()
        kind, first_id, seen = await line.next()
        assert (kind, seen["id"], seen["place"]["zh"]) == ("alert", fire.id, "6幢 1单元 301 厨房")
    await view.acknowledge(fire.id, "王工", "")
    await view.resolve(fire.id, "王工", "误报")
    async with client.get("/api/v1/stream", headers={"Last-Event-ID": first_id}) as response:
        line = Line(response)
        events = [await line.next() for _ in range(3)]
        assert [kind for kind, _, _ in events] == ["status", "alert", "alert"]
        assert events[0][1] == ""  # its id is not told before what was missed
        assert [data["revision"] for _, _, data in events[1:]] == [2, 3]
    async with client.get("/api/v1/stream?after=17") as response:
        _, _, hello = await Line(response).next()
        assert hello["resync"] is True
    assert [path for path in ("x", "-1", "9" * 30) if (await _hello(client, path))["resync"]] == ["9" * 30]


async def _hello(client: Client, after: str) -> Any:
    async with client.get("/api/v1/stream", params={"after": after}) as response:
        return (await Line(response).next())[2]


async def test_a_client_that_leaves_is_forgotten(client: Client, web: Web) -> None:
    import asyncio

    response = await client.get("/api/v1/stream")
    await Line(response).next()
    assert web.view.feed.clients == 1
    response.close()
    async with asyncio.timeout(5):
        while web.view.feed.clients:
            await asyncio.sleep(0.01)
