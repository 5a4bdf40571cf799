"""What the page says first, and what it does not say twice."""

import pytest
from playwright.async_api import Browser, Route, expect

from tests.support.browsing import window
from tests.support.fakeview import FakeView
from tests.support.serving import Web

pytestmark = pytest.mark.browser


async def test_a_device_in_trouble_says_that_first(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/devices") as opened:
        first = opened.page.locator("li.row").first
        await expect(first).to_contain_text("Critical")
        await expect(first.locator(".detail")).to_have_text("Smoke detected")
        low = opened.page.locator("li.row", has_text="Fire water pressure is low")
        await expect(low.locator(".detail")).to_contain_text("now 380")


async def test_new_devices_wait_to_be_accepted(web: Web, browser: Browser) -> None:
    assert isinstance(web.view, FakeView)
    new = [one.id for one in web.view.devices_by_id.values() if not one.accepted]
    assert new
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.get_by_role("link", name="to be accepted").click()
        await expect(page.locator("li.row")).to_have_count(len(new))
        await expect(page.locator("li.row .tag")).to_have_text(["New"] * len(new))
        for id in new:
            await web.view.accept(id, "", "")
        await page.goto(f"{web.url}/#/")
        await expect(page.get_by_role("link", name="to be accepted")).to_have_count(0, timeout=10_000)


async def test_a_building_calms_down_when_somebody_sees_to_everything_in_it(web: Web, browser: Browser) -> None:
    assert isinstance(web.view, FakeView)
    async with window(browser, web.url) as opened:
        tile = opened.page.locator("a.building.critical")
        ground = "element => getComputedStyle(element).backgroundColor"
        await expect(tile).to_contain_text("devices")
        assert await tile.evaluate(ground) == "rgb(179, 32, 26)"
        await web.view.acknowledge("smoke-3-2-502", "Li", "")
        await expect(opened.page.locator("a.building.critical.taken")).to_have_count(1, timeout=10_000)
        await expect(tile).to_contain_text("Critical")
        assert await tile.evaluate(ground) == "rgba(0, 0, 0, 0)"


async def test_one_impossible_reading_does_not_flatten_the_chart(web: Web, browser: Browser) -> None:
    """The pressure of the pump lies between 300 and 700 kPa; the vocabulary allows 0 to 4,000."""

    async def with_a_wild_one(route: Route) -> None:
        page = await (await route.fetch()).json()
        page["items"][len(page["items"]) // 2].update(max=40_000, mean=9_000)
        await route.fulfill(json=page)

    async with window(browser, web.url) as opened:
        page = opened.page
        await page.route("**/api/v1/readings?*quantity=fire.water.pressure*", with_a_wild_one)
        await page.goto(f"{web.url}/#/devices/shelly%3Apump-1?quantity=fire.water.pressure")
        await expect(page.locator(".plot .wild title")).to_have_text("40,000\u202fkPa · implausible")
        ticks = await page.locator(".plot text.tick").all_text_contents()
        scale = [int(tick.replace(",", "")) for tick in ticks if tick.replace(",", "").isdigit()]
        assert scale and max(scale) <= 1000


async def test_no_frame_around_the_whole_page(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        await page.locator("nav a", has_text="Devices").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        assert await page.locator("main").evaluate("main => getComputedStyle(main).outlineStyle") == "none"


async def test_a_single_channel_and_a_name_for_a_place_are_not_said(web: Web, browser: Browser) -> None:
    async def one_channel(route: Route) -> None:
        card = await (await route.fetch()).json()
        card["place"] = {"en": card["name"], "zh": card["name"]}
        card["latest"] = [
            {"device": card["id"], "quantity": name, "channel": channel, "value": 5, "unit": "W", "time": None, "quality": []}
            for name, channel in (("power.active", "0"), ("charger.power", "0"), ("charger.power", "1"))
        ]
        await route.fulfill(json=card)

    async with window(browser, web.url) as opened:
        page = opened.page
        await page.route("**/api/v1/devices/shelly%3Apump-1", one_channel)
        await page.goto(f"{web.url}/#/devices/shelly%3Apump-1")
        tiles = page.locator("button.tile .faint")
        await expect(tiles).to_have_count(3)
        said = [text.rpartition(" · ") for text in await tiles.all_text_contents()]
        assert [channel for _, mark, channel in said if mark] == ["0", "1"]
        head = await page.locator("header.story").inner_text()
        name = await page.locator("h1").inner_text()
        assert head.count(name) == 1
