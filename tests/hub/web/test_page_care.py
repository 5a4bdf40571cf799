"""What the page owes somebody in a hurry: plain words when it fails itself, and no click on what was not meant."""

import pytest
from playwright.async_api import Browser, Route, expect

from tests.support.browsing import installed, window
from tests.support.serving import Web

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not installed(), reason="Chromium is not installed (apt-get install chromium)"),
]

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
