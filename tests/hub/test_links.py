"""Links in messages: one message, one person, one use; from the message that arrived to the alert that is acknowledged."""

import http.client
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.async_api import Browser, expect

from hub.links import LIFE, LinkRefused, Links, secret
from hub.model import Notice
from hub.steps import steps
from tests.support.brokers import start_mosquitto
from tests.support.browsing import chromium
from tests.support.hubs import until
from tests.support.receivers import sink
from tests.support.site import Site, site, wall

MORE = """
[[space]]
id = "3"
name = "3幢"
kind = "building"
[[device]]
id = "alarm:hall"
space = "3"
[[device]]
id = "alarm:cellar"
space = "3"
[[person]]
id = "li"
name = "李管家"
tell = ["desk"]
[[notifier]]
id = "desk"
kind = "webhook"
url = "http://127.0.0.1:{port}/"
[[notifier]]
id = "楼长群"
kind = "webhook"
url = "http://127.0.0.1:{port}/group"
"""
NOTICE = Notice(
    id="a1:first:desk:li", alert="a1", revision=1, notifier="desk", why="first", created_at=1_700_000_000_123,
    severity="critical", body={}, person="li",
)  # fmt: skip


def token(links: Links, notice: Notice = NOTICE) -> str:
    return links.link(notice).rpartition("/")[2]


def test_a_link_says_what_it_is_for_and_only_until_its_end() -> None:
    links = Links(b"s" * 32, "https://hub.example.org/")
    assert links.link(NOTICE).startswith("https://hub.example.org/a/")
    assert links.link(NOTICE) == links.link(NOTICE), "the same message, however often it is sent"
    ends = NOTICE.created_at + LIFE
    ticket = links.read(token(links), ends)
    assert (ticket.alert, ticket.person, ticket.until) == ("a1", "li", ends // 1000)
    with pytest.raises(LinkRefused, match="expired"):
        links.read(token(links), ends + 1000)
    assert Links(b"s" * 32, "").link(NOTICE) == "", "nowhere to lead to"


def test_a_link_that_was_changed_or_made_elsewhere_is_refused() -> None:
    links = Links(b"s" * 32, "https://hub.example.org")
    good = token(links)
    forged = [good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(good))]
    for one in [*forged, "", "a", "ä", good + "A", good + "=", token(Links(b"t" * 32, "https://hub.example.org"))]:
        with pytest.raises(LinkRefused, match="forged"):
            links.read(one, NOTICE.created_at)


def test_the_secret_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    made = secret(tmp_path)
    assert len(made) == 32
    assert secret(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "link-secret").stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Any]]:
    path = tmp_path_factory.mktemp("links")
    with start_mosquitto(path) as broker, sink() as desk, site(path, broker, MORE.format(port=desk.port), start=False) as made:
        text = made.config.read_text("utf-8")
        made.config.write_text(text.replace("[web]", '[web]\npublic_url = "https://hub.example.org"'), "utf-8")
        made.hub.start()
        yield made, desk


def raised(running: tuple[Site, Any], device: str, to: str = "/") -> tuple[str, str]:
    """An alarm; its alert's id and the path of the link that came with the message ``to`` a person or a group."""
    made, desk = running
    made.client(f"c-{device}").say(f"alarm/{device}", {"ts": wall(), "smoke": True})

    def arrived() -> Any:
        came = [one.json() for one in list(desk.requests) if one.path == to]
        return next((said for said in came if said["device"] == f"alarm:{device}"), None)

    said = until(arrived, "the message arrives")
    return said["id"], urlsplit(said["link"]).path


def told(made: Site, id: str) -> dict[str, Any]:
    """The first notice of each channel."""
    rows = made.hub.get(f"/api/v1/alerts/{id}")["told"]
    return {row["notifier"]: row for row in rows if row["why"] == "first"}


def ask(
    made: Site, method: str, path: str, host: str = "hub.example.org", form: bytes = b"", **headers: str
) -> tuple[int, str, dict[str, str]]:
    """As whoever stands in front of the hub passes it on."""
    connection = http.client.HTTPConnection(urlsplit(made.hub.url).netloc, timeout=10)
    try:
        connection.request(method, path, body=form if method == "POST" else None, headers={"Host": host, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def test_looking_acknowledges_nothing_and_the_button_does_once(running: tuple[Site, Any]) -> None:
    made, _ = running
    id, path = raised(running, "one")
    for _ in range(3):  # a mail scanner, a preview, a person
        status, page, headers = ask(made, "GET", path)
        assert status == 200
        assert "有烟雾" in page and "I take care of it" in page and "<script" not in page
        assert all(said in page for step in steps("fire.smoke") for said in step.values()), "what to do, in both languages"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == ""
    row = told(made, id)["desk"]
    assert (row["person"], row["state"], row["acknowledged_at"]) == ("李管家", "accepted", None)
    status, page, _ = ask(made, "POST", path)
    assert (status, "已确认" in page, "Acknowledged" in page) == (200, True, True)
    assert all(said in page for step in steps("fire.smoke") for said in step.values()), "and after pressing it still"
    row = told(made, id)["desk"]
    assert row["state"] == "acknowledged"
    assert row["created_at"] <= row["tried_at"] <= row["accepted_at"] <= row["acknowledged_at"], "the ledger's times"
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == "li"
    for method in ("GET", "POST"):
        status, page, _ = ask(made, method, path)
        assert (status, "已经用过" in page, "has been used" in page) == (410, True, True)


def test_a_link_is_used_once_also_after_a_restart(running: tuple[Site, Any]) -> None:
    made, _ = running
    id, path = raised(running, "two")
    assert ask(made, "POST", path)[0] == 200
    made.hub.kill()
    made.hub.start()
    assert ask(made, "POST", path)[0] == 410
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == "li"


def test_it_answers_for_all_that_the_message_told_of(running: tuple[Site, Any]) -> None:
    """Two detectors of one building are one incident: whoever takes care of the second has heard of the first."""
    made, _ = running
    first, _ = raised(running, "hall")
    second, path = raised(running, "cellar")
    assert ask(made, "POST", path)[0] == 200
    taken = {one["id"]: one["acknowledged_by"] for one in made.alerts(state="open")}
    assert (taken[first], taken[second]) == ("li", "li")


def test_from_a_group_it_was_somebody_of_that_group(running: tuple[Site, Any]) -> None:
    """Nobody knows who pressed it; the others of the group see that somebody has, and everybody else sees where."""
    made, _ = running
    id, path = raised(running, "six", "/group")
    assert "Your name" in ask(made, "GET", path)[1]
    status, page, _ = ask(made, "POST", path)
    assert (status, "处理人：楼长群 里的某人" in page, "takes care of it: somebody in 楼长群" in page) == (200, True, True)
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == "link:楼长群"
    until(lambda: told(made, id)["楼长群"]["state"] == "acknowledged", "the ledger says so")
    assert told(made, id)["desk"]["acknowledged_at"] is None
    status, page, _ = ask(made, "GET", path)
    assert (status, "已有人在处理：楼长群 里的某人" in page, "<form" in page) == (200, True, False)


def test_in_a_group_somebody_may_say_his_name(running: tuple[Site, Any]) -> None:
    made, _ = running
    for device, form, by in (
        ("seven", urlencode({"name": " 陈  工 "}), "陈 工"),
        ("eight", urlencode({"name": "<b>x"}), "<b>x"),
        ("nine", urlencode({"name": "a\nb"}), "link:楼长群"),
        ("ten", "name=%ff", "link:楼长群"),
        ("eleven", "name=a&name=b&x=y", "link:楼长群"),
    ):
        id, path = raised(running, device, "/group")
        status, page, _ = ask(made, "POST", path, form=form.encode())
        assert (status, "<b>" in page) == (200, False)
        assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == by, form
    id, path = raised(running, "twelve")
    assert ask(made, "POST", path, form=b"name=" + b"x" * 2_100)[0] == 413
    assert ask(made, "POST", path, form=urlencode({"name": "Chen"}).encode())[0] == 200
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == "li", "whose link it is stays"


def test_what_cannot_be_acknowledged_any_more_says_so(running: tuple[Site, Any]) -> None:
    made, _ = running
    id, path = raised(running, "three")
    made.hub.post(f"/api/v1/alerts/{id}/acknowledge", {"by": "wang", "comment": ""})
    status, page, _ = ask(made, "POST", path)
    assert (status, "wang" in page, "<form" in page) == (200, True, False)
    made.hub.post(f"/api/v1/alerts/{id}/resolve", {"by": "wang", "reason": "试验"})
    assert "is resolved" in ask(made, "GET", path)[1]
    assert ask(made, "GET", path[:-3] + "AAA")[0] == 404
    assert "This link is not valid" in ask(made, "GET", "/a/nothing")[1]


def test_by_the_public_name_only_links_can_be_reached(running: tuple[Site, Any]) -> None:
    made, _ = running
    for path in ("/", "/api/v1/alerts", "/metrics", "/docs", "/static/main.js"):
        assert ask(made, "GET", path)[0] == 421
    assert ask(made, "GET", "/a/-/style.css")[0] == 200
    assert ask(made, "GET", "/a/x", host="evil.example.org")[0] == 421


def test_whether_a_person_looked_is_known_from_the_browser(running: tuple[Site, Any]) -> None:
    made, _ = running
    id, path = raised(running, "four")
    ask(made, "GET", path)
    assert made.hub.get(f"/api/v1/alerts/{id}")["receipt"]["seen_at"] is None
    ask(made, "GET", path, "hub.example.org", b"", **{"Sec-Fetch-User": "?1"})
    until(lambda: made.hub.get(f"/api/v1/alerts/{id}")["receipt"]["seen_at"], "somebody has looked")
    assert told(made, id)["desk"]["state"] == "seen", "and it was the one who was told"


@pytest.fixture
async def browser() -> Any:
    async with chromium() as opened:
        yield opened


@pytest.mark.browser
async def test_the_button_works_in_a_browser_without_script(running: tuple[Site, Any], browser: Browser) -> None:
    made, _ = running
    id, path = raised(running, "five")
    context = await browser.new_context(java_script_enabled=False, locale="en")
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text))
    await page.goto(made.hub.url + path)
    await page.get_by_role("button").click()
    await expect(page.get_by_text("Acknowledged, thank you")).to_be_visible()
    assert made.hub.get(f"/api/v1/alerts/{id}")["alert"]["acknowledged_by"] == "li"
    assert wrong == [], "nothing the page's own policy forbids"
    await context.close()
