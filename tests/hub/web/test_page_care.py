"""What the page owes somebody in a hurry: plain words when it fails itself, and no click on what was not meant."""

import asyncio

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, Route, expect

from tests.support.browsing import window
from tests.support.fakeview import FakeView
from tests.support.serving import Web

pytestmark = pytest.mark.browser

SMOKE = 'article[data-alert="smoke-3-2-502"]'


async def test_a_word_of_a_newer_hub_does_not_break_the_alert(web: Web, browser: Browser) -> None:
    async def newer(route: Route) -> None:
        story = await (await route.fetch()).json()
        story["told"][0]["why"] = "serenaded"
        story["changes"][0]["what"] = "painted"
        await route.fulfill(json=story)

    async with window(browser, web.url) as opened:
        page = opened.page
        await page.route("**/api/v1/alerts/smoke-3-2-502", newer)
        await page.locator(f"{SMOKE} h3 a").click()
        await expect(page.locator("ol.timeline").nth(0)).to_contain_text("painted")
        await expect(page.locator("ol.timeline").nth(1)).to_contain_text("serenaded")
        await expect(page.locator(".steps li")).to_have_count(4)
        assert opened.mistakes == []


async def test_a_mistake_of_the_page_is_said_in_plain_words(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        broken = {"alert": {"id": "smoke-3-2-502", "device": "d:1"}}
        await page.route("**/api/v1/alerts/smoke-3-2-502", lambda route: route.fulfill(json=broken))
        await page.locator(f"{SMOKE} h3 a").click()
        await expect(page.locator("main .problem")).to_contain_text("Load it again; the hub itself goes on watching")
        assert "undefined" not in await page.locator("main").inner_text()
        assert len(opened.mistakes) == 1, "told to the console"


# A click on a new card's button, in the very moment in which the card has come to stand there.
CLICK_AS_IT_MOVES = """() => new Promise((done) => {
  new MutationObserver((_, watching) => {
    const button = document.querySelector("article[data-alert^=fire-] .buttons button:last-child");
    if (!button) return;
    watching.disconnect();
    const box = button.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const where = hit.closest("article")?.dataset.alert;
    hit.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 }));
    done([where, hit.closest("button") !== null, document.querySelectorAll("dialog").length]);
  }).observe(document.querySelector("section.wrong"), { childList: true, subtree: true });
})"""


async def test_a_click_does_not_hit_a_card_that_has_just_moved_under_it(web: Web, browser: Browser) -> None:
    assert isinstance(web.view, FakeView)
    async with window(browser, web.url, viewport={"width": 1280, "height": 900}) as opened:
        page = opened.page
        await page.evaluate("localStorage.setItem('gengfu.name', 'Li')")
        await expect(page.locator("article")).to_have_count(4)
        watching = page.evaluate(CLICK_AS_IT_MOVES)
        asking = asyncio.ensure_future(watching)
        await page.evaluate("1")  # the observer is set before the fire
        fire = web.view.set_fire()
        where, button, dialogs = await asking
        assert (where, button, dialogs) == (fire.id, True, 0), "the new card's button is under the pointer, and does not listen"
        card = page.locator(f'article[data-alert="{fire.id}"]')
        await expect(page.locator(".moving")).to_have_count(0, timeout=3000)
        await card.get_by_role("button", name="Resolve").click()
        await expect(page.locator("dialog h2")).to_contain_text("Resolve: ")


async def test_a_key_needs_no_waiting(web: Web, browser: Browser) -> None:
    assert isinstance(web.view, FakeView)
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.evaluate("localStorage.setItem('gengfu.name', 'Li')")
        await page.locator('article[data-alert="pressure"]').get_by_role("button", name="I see to it").focus()
        fire = web.view.set_fire()
        await expect(page.locator(f'article[data-alert="{fire.id}"]')).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(page.locator('article[data-alert="pressure"]')).to_contain_text("Li sees to it")


@pytest.mark.parametrize(
    ("alert", "first"),
    [("smoke-3-2-502", "Burnt cooking, aired"), ("sos", "Spoke to them, they are fine"), ("pressure", "Repaired")],
)
async def test_the_ready_reasons_fit_the_alert(web: Web, browser: Browser, alert: str, first: str) -> None:
    assert isinstance(web.view, FakeView)
    smoke = web.view.alerts_by_id["smoke-3-2-502"]
    web.view.put(replace(smoke, id="sos", quantity="safety.sos", revision=9))
    async with window(browser, f"{web.url}/#/alerts/{alert}") as opened:
        page = opened.page
        await page.evaluate("localStorage.setItem('gengfu.name', 'Li')")
        await page.get_by_role("button", name="Resolve").click()
        await page.locator("dialog .chip").first.click()
        assert await page.locator("dialog textarea").input_value() == first
        assert await page.get_by_role("button", name="Burnt cooking").count() == (alert == "smoke-3-2-502")


async def test_the_place_is_said_once(web: Web, browser: Browser) -> None:
    """The rules put the place into their words (rules/words.py); beside the place those stand without it."""
    assert isinstance(web.view, FakeView)
    smoke = web.view.alerts_by_id["smoke-3-2-502"]
    en, zh = smoke.place["en"], smoke.place["zh"]
    web.view.put(replace(smoke, summary={"en": f"Smoke in {en}", "zh": f"{zh} 有烟雾"}, revision=9))
    for locale, said, where in (("en-GB", "Smoke", en), ("zh-CN", "有烟雾", zh)):
        async with window(browser, web.url, locale=locale) as opened:
            card = opened.page.locator(SMOKE)
            await expect(card.locator(".summary")).to_have_text(said)
            assert (await card.inner_text()).count(where) == 1


async def test_the_value_is_said_once(web: Web, browser: Browser) -> None:
    """The rules put the value that opened an alert in brackets behind their words."""
    assert isinstance(web.view, FakeView)
    low = web.view.alerts_by_id["pressure"]
    en, zh = low.place["en"], low.place["zh"]
    web.view.put(replace(low, summary={"en": f"Low (388.2 kPa) in {en}", "zh": f"{zh} 过低（388.2 kPa）"}, revision=9))
    for locale, said in (("en-GB", "Low"), ("zh-CN", "过低")):
        async with window(browser, web.url, locale=locale) as opened:
            card = opened.page.locator('article[data-alert="pressure"]')
            await expect(card.locator(".summary")).to_have_text(said)
            await expect(card.locator(".measured")).to_contain_text("388")
