"""The page in a real browser, over a made-up hub behind a real server."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from hub.model import Alert
from hub.said import sentence
from hub.steps import steps
from hub.web.static import ROOT
from hub.web.view import Conflict
from rules.waits import STILL_BREACHED
from tests.support.browsing import installed, window
from tests.support.fakecommunity import NASTY
from tests.support.fakeview import FakeView
from tests.support.serving import Web, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not installed(), reason="Chromium is not installed (apt-get install chromium)"),
]

PHONE = {"width": 360, "height": 780}
SMOKE = 'article[data-alert="smoke-3-2-502"]'


def view_of(web: Web) -> FakeView:
    assert isinstance(web.view, FakeView)
    return web.view


async def name_me(page: Page, name: str = "李管家") -> None:
    await page.locator("dialog input").fill(name)
    await page.locator("dialog button[type=submit]").click()


async def test_an_alert_stands_on_top_without_a_reload(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await expect(page.locator("article")).to_have_count(4)
        fire = view_of(web).set_fire()
        card = page.locator(f'article[data-alert="{fire.id}"]')
        await expect(card).to_contain_text("Building 6, entrance 1, flat 301, kitchen")
        await expect(card).to_contain_text("Critical")
        await expect(page).to_have_title(re.compile("2 critical alerts: Building 3"))
        assert await page.locator("link[rel=icon]").get_attribute("href") == "/static/icon-critical.svg"
        await expect(page.locator("a.building.critical")).to_have_count(2, timeout=10_000)  # with the next status
        assert opened.mistakes == []


async def test_acknowledged_by_one_click_and_it_stays(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.locator(SMOKE).get_by_role("button", name="I see to it").click()
        configured = page.locator("dialog").get_by_role("button", name="李管家")
        await expect(configured).to_be_focused()
        await configured.click()  # nothing to write
        await expect(page.locator(SMOKE)).to_contain_text("李管家 sees to it")
        assert view_of(web).alerts_by_id["smoke-3-2-502"].acknowledged_by == "李管家"
        await expect(page).to_have_title("云栖社区")
        # the name was asked once: the next is one click, once the cards stand still again
        await expect(page.locator(".moving")).to_have_count(0)
        await page.locator('article[data-alert="pressure"]').get_by_role("button", name="I see to it").click()
        await expect(page.locator('article[data-alert="pressure"]')).to_contain_text("李管家 sees to it")
        await page.reload()
        await expect(page.locator(SMOKE)).to_contain_text("李管家 sees to it")


async def test_a_critical_alert_is_resolved_only_with_a_reason(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.locator(SMOKE).get_by_role("button", name="Resolve").click()
        await name_me(page)
        await expect(page.locator("dialog")).to_contain_text(f"told again only after {STILL_BREACHED / 60:.0f} minutes")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("dialog [role=alert]")).to_contain_text("Say what it was")
        await page.locator("dialog textarea").fill("Burnt rice")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator(SMOKE)).to_have_count(0)
        assert view_of(web).alerts_by_id["smoke-3-2-502"].reason == "Burnt rice"
        await page.goto(f"{web.url}/#/alerts/smoke-3-2-502")
        await expect(page.locator("header.story")).to_contain_text("resolved by 李管家 · Burnt rice")
        left = f"{STILL_BREACHED / 60 - 1:.0f}|{STILL_BREACHED / 60:.0f}"
        await expect(page.locator("header.story")).to_contain_text(re.compile(f"told again in ({left}) min"))


async def test_a_refusal_of_the_hub_is_said_beside_the_button(
    web: Web, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(id: str, by: str, comment: str) -> Alert:
        raise Conflict(sentence("alert_closed", id=id))

    view = view_of(web)
    async with window(browser, web.url) as opened:
        page = opened.page
        monkeypatch.setattr(view, "acknowledge", refuse)
        await page.locator(SMOKE).get_by_role("button", name="I see to it").click()
        await name_me(page)
        refused = page.locator(f"{SMOKE} .problem")
        await expect(refused).to_contain_text("closed already")
        monkeypatch.undo()
        await view.acknowledge("pressure", "Chen", "")
        await expect(page.locator(".answered", has_text="Chen")).to_have_count(1)
        await expect(refused).to_contain_text("closed already")  # the cards were drawn anew, and it can still be read


async def test_an_alert_page_says_what_to_do(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/alerts/smoke-3-2-502") as opened:
        page = opened.page
        await expect(page.locator("h1")).to_have_text("Building 3, entrance 2, flat 502, kitchen")
        await expect(page.locator(".steps li")).to_have_text([step["en"] for step in steps("fire.smoke")])
        await expect(page.locator(".supplement")).to_contain_text("does not replace it")
        await expect(page.locator(".timeline").nth(1)).to_contain_text("not delivered yet, attempt 3")
        await expect(page.locator(".evidence svg")).to_be_visible()
        assert opened.mistakes == []


async def test_names_from_devices_are_text(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/devices?accepted=false") as opened:
        page = opened.page
        row = page.locator("li.row", has_text="<img src=x onerror=")
        await expect(row).to_contain_text("[U+202E]")
        await expect(row).to_contain_text("[U+000A]=cmd()")
        await row.click()
        await expect(page.locator("h1")).to_contain_text("<img src=x")
        await page.locator("form.accept input[name=place]").fill("Building 3 502 kitchen")
        await page.goto(f"{web.url}/#/refusals/197")
        await expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")
        assert await page.evaluate("window.pwned === undefined")
        assert await page.locator("img, main script").count() == 0
        assert opened.mistakes == []
    assert "\u202e" in NASTY and "\n" in NASTY


async def test_a_new_device_is_accepted(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/devices/zigbee%3A0xdeadbeef00000001") as opened:
        page = opened.page
        form = page.locator("form.accept")
        await form.locator("input[name=name]").fill("Kitchen thermometer")
        await form.locator("input[name=place]").fill("nowhere")
        await form.locator("button[type=submit]").click()
        await expect(form.locator(".problem")).to_contain_text("no such place")
        await form.locator("input[name=place]").fill("Building 3 entrance 2 flat 502 kitchen")
        await form.locator("button[type=submit]").click()
        await expect(page.locator("h1")).to_have_text("Kitchen thermometer")
        await expect(form).to_have_count(0)
        assert view_of(web).devices_by_id["zigbee:0xdeadbeef00000001"].space == "3-2-502-kitchen"


async def test_a_chart_zooms_by_dragging_and_by_keys(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/devices/shelly%3Apump-1") as opened:
        page = opened.page
        chart = page.locator(".plot svg")
        await expect(chart).to_be_visible()
        whole = await chart.locator("text.tick").all_text_contents()
        await chart.hover()  # from here on it is not drawn anew by itself
        box = await chart.bounding_box()
        assert box
        middle = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + box["width"] * 0.5, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
        await page.mouse.up()
        await expect(page.get_by_role("button", name="Zoom out")).to_be_visible()
        assert await chart.locator("text.tick").all_text_contents() != whole
        dragged = await chart.locator("text.tick").all_text_contents()
        await chart.focus()
        await page.keyboard.press("+")
        async with asyncio.timeout(5):
            while await chart.locator("text.tick").all_text_contents() == dragged:
                await asyncio.sleep(0.02)
        await page.get_by_role("button", name="Zoom out").click()
        await expect(page.get_by_role("button", name="Zoom out")).to_have_count(0)


async def test_a_lost_connection_is_said_at_once_and_heals(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await expect(page.locator("#line")).to_be_hidden()
        await web.stop()
        await expect(page.locator("#line")).to_contain_text("Connection lost", timeout=3000)
        fire = view_of(web).set_fire()  # while nobody hears it
        await web.start()
        await expect(page.locator("#line")).to_be_hidden(timeout=10_000)
        await expect(page.locator(f'article[data-alert="{fire.id}"]')).to_be_visible()


async def test_the_language_is_the_browsers_and_can_be_switched(web: Web, browser: Browser) -> None:
    async with window(browser, web.url, locale="zh-CN") as opened:
        page = opened.page
        await expect(page.locator("h1")).to_have_text("3 件待处理")
        await expect(page.locator(SMOKE)).to_contain_text("3幢 2单元 502 厨房")
        await page.get_by_role("button", name="切换为英文").click()
        await expect(page.locator("h1")).to_have_text("3 alerts need you")
        assert await page.locator("html").get_attribute("lang") == "en"
        await page.reload()
        await expect(page.locator("h1")).to_have_text("3 alerts need you")
    async with window(browser, web.url, locale="fr-FR") as opened:
        await expect(opened.page.locator("h1")).to_have_text("3 件待处理")  # the site's own


ROUTES = [
    "/", "/alerts", "/alerts/smoke-3-2-502", "/alerts/silent-5", "/alerts/past-3", "/devices", "/devices/shelly%3Apump-1",
    "/devices/zigbee%3A0xdeadbeef00000001", "/refusals", "/refusals/197", "/refusals/198", "/nowhere",
    "/silences", "/rota", "/drills",
]  # fmt: skip

# Every text outside of <bdi> and translate=no (what came from outside) and figures must have come through the table of words.
UNTRANSLATED = """async () => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const outer = node.parentElement;
    if (outer.closest("bdi, code, .figure, time, noscript, svg, title, [translate=no]")) continue;
    if (/[A-Za-z\\u4e00-\\u9fff]/.test(node.data.replace(/⟦[^⟧]*⟧/g, ""))) found.push(node.data);
  }
  return found;
}"""
MARKED = """async (tables) => {
  const found = await Promise.all(tables.map((name) => import(`/static/${name}`)));
  const words = Object.assign({}, ...found.map((table) => table.words));
  for (const both of Object.values(words)) both[1] = both[1].split(/(\\{\\w+\\}|\\|)/).map((part) =>
    part && !/^[{|]/.test(part) ? `⟦${part}⟧` : part).join("");
}"""


async def test_no_text_goes_round_the_table_of_words(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.evaluate(MARKED, [path.name for path in ROOT.glob("words*.js")])
        await page.get_by_role("button", name="Switch to Chinese").click()
        for route in ROUTES:
            await page.evaluate("(route) => { location.hash = route; }", route)
            await expect(page.locator("main h1").first).to_be_visible()
            await settled(page)
            assert await page.evaluate(UNTRANSLATED) == [], route


async def settled(page: Page) -> None:
    """Nothing is being loaded any more."""
    async with asyncio.timeout(10):
        while await page.get_by_text(re.compile("One moment|稍候")).count():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
async def test_360_pixels_without_sideways_scrolling_and_for_thumbs(web: Web, browser: Browser, language: str) -> None:
    async with window(browser, web.url, viewport=PHONE, locale=language, has_touch=True, is_mobile=True) as opened:
        page = opened.page
        for route in ROUTES:
            await page.evaluate("(route) => { location.hash = route; }", route)
            await expect(page.locator("main h1").first).to_be_visible()
            await settled(page)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, route
            assert await page.evaluate(LOW) == [], route
        assert opened.mistakes == []


# What can be pressed and is lower or narrower than 44 px; of a box to tick the label counts.
LOW = """() => [...document.querySelectorAll("a, button, select, input, summary")]
  .filter((one) => one.checkVisibility() && !one.closest("#skip, svg, .unseen"))
  .map((one) => (one.type === "checkbox" || one.type === "radio" ? one.closest("label") : one))
  .map((one) => [one.className || one.tagName, one.textContent.slice(0, 30), one.getBoundingClientRect()])
  .filter(([, , box]) => box.height < 43.5 || box.width < 24)
  .map(([name, text, box]) => `${name} ${text}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""


# WCAG 2.2, 1.4.3: relative luminance as it defines it, of every text against what is painted behind it.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  let seen = 0;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest(".unseen, #skip, noscript")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element instanceof SVGElement ? element.closest("figure, a, div") : element);
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    seen += 1;
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) poor.push([node.data, ((a + 0.05) / (b + 0.05)).toFixed(2), style.color]);
  }
  return { seen, poor };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_contrast(web: Web, browser: Browser, scheme: Any) -> None:
    async with window(browser, web.url, color_scheme=scheme) as opened:
        page = opened.page
        for route in ROUTES:
            await page.evaluate("(route) => { location.hash = route; }", route)
            await expect(page.locator("main h1").first).to_be_visible()
            await settled(page)
            found = await page.evaluate(CONTRAST)
            assert found["seen"] > 5
            assert found["poor"] == [], route


async def test_everything_has_a_name_and_is_reached_by_keys(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await expect(page.locator("article")).to_have_count(4)
        await page.keyboard.press("Tab")
        await expect(page.locator("#skip")).to_be_focused()
        reached = []
        for _ in range(24):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
        assert all(name.strip() for name in reached)
        assert any(name.startswith("I see to it: Smoke detected, Building 3") for name in reached)
        # the focus stays where it is when something else changes
        await page.locator(SMOKE).get_by_role("button", name="I see to it").focus()
        fire = view_of(web).set_fire()
        await expect(page.locator(f'article[data-alert="{fire.id}"]')).to_be_visible()
        focused = await page.evaluate("document.activeElement.dataset.focus")
        assert focused == "take-smoke-3-2-502"
        await expect(page.locator("#announcer")).to_contain_text("Critical")


async def test_no_other_host_is_asked(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        for route in ROUTES:
            await opened.page.evaluate("(route) => { location.hash = route; }", route)
            await expect(opened.page.locator("main h1").first).to_be_visible()
        await opened.page.goto(f"{web.url}/docs")
        assert opened.hosts == {f"127.0.0.1:{web.port}"}


async def test_sound_after_one_click(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await expect(page.get_by_text("This page may not ring yet")).to_be_visible()
        await page.get_by_role("button", name="Allow sound").click()
        await expect(page.get_by_role("button", name="Sound on")).to_be_visible()
        view_of(web).set_fire()
        await expect(page.locator("article.critical")).to_have_count(2)
        await expect(page.get_by_text("This page may not ring yet")).to_have_count(0)


@pytest.mark.parametrize(("mode", "words"), [("quiet", "All is well"), ("empty", "The lantern is lit")])
async def test_quiet_and_empty_are_designed(browser: Browser, mode: str, words: str) -> None:
    async with serving(FakeView(mode)) as web, window(browser, web.url) as opened:
        await expect(opened.page.locator("h1")).to_contain_text(words)
        assert opened.mistakes == []


async def test_nothing_is_well_while_a_rule_is_stopped(browser: Browser) -> None:
    view = FakeView("quiet")
    view.stopped = ("fire-smoke",)
    async with serving(view) as web, window(browser, web.url) as opened:
        await expect(opened.page.locator("h1")).to_have_text("1 rule has stopped and raises no alerts")
        await expect(opened.page.get_by_role("link", name="fire-smoke")).to_have_attribute("href", "#/rules/fire-smoke")
        assert opened.mistakes == []


async def test_five_thousand_alerts_and_ten_thousand_devices(browser: Browser) -> None:
    async with serving(FakeView("flood")) as web, window(browser, web.url) as opened:
        page = opened.page
        await expect(page.locator("article")).to_have_count(20)
        await expect(page.locator("article").first).to_contain_text("Critical")
        await expect(page.get_by_role("link", name="All 5,004 open alerts")).to_be_visible()
        await page.evaluate("location.hash = '/devices'")
        await expect(page.locator("li.row")).to_have_count(50)
        await page.get_by_role("button", name="Show more").click()
        await expect(page.locator("li.row")).to_have_count(100)
        await page.locator("input[type=search]").fill("Meter 777")
        await expect(page.locator("li.row")).to_have_count(11)  # 777 and 7770 to 7779
