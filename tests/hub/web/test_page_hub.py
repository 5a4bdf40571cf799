"""The page of a real hub: a detector's smoke over a real broker, from the first screen to the alert's own, where it ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.brokers import start_mosquitto
from tests.support.browsing import chromium, window
from tests.support.hubs import HubProcess, until
from tests.support.site import Site, site

pytestmark = pytest.mark.browser

DETECTOR = "0x00158d0001a2b3c4"
KITCHEN = f"""
[[space]]
id = "3"
name = "3幢"
name_en = "Building 3"
kind = "building"
[[space]]
id = "3-kitchen"
name = "厨房"
name_en = "kitchen"
kind = "room"
parent = "3"
[[device]]
id = "zigbee:{DETECTOR}"
name = "厨房烟感"
space = "3-kitchen"
[[adapter]]
kind = "zigbee2mqtt"
"""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Site]:
    with start_mosquitto(tmp_path) as broker, site(tmp_path, broker, KITCHEN, bench=False) as made:
        yield made


def open_alerts(hub: HubProcess) -> list[str]:
    return [one["id"] for one in hub.get("/api/v1/alerts?state=open")["items"]]


async def test_an_alert_from_the_detector_to_its_end(made: Site) -> None:
    hub = made.hub
    smoke = {"smoke": True, "battery": 91, "linkquality": 120}
    await asyncio.to_thread(made.client().say, f"zigbee2mqtt/{DETECTOR}", smoke)
    await asyncio.to_thread(until, lambda: open_alerts(hub), "the smoke is an open alert", 15)
    async with chromium() as browser, window(browser, hub.url) as opened:
        page = opened.page
        card = page.locator("article.incident.critical")
        await expect(card).to_have_count(1)
        await card.locator("h3 a").click()
        await expect(page.locator("h1")).to_have_text("Building 3, kitchen")
        await expect(page.locator(".steps li")).to_have_count(4)
        await expect(page.locator(".supplement")).to_contain_text("supplements the certified fire panel")
        await expect(page.locator("ol.timeline").first).to_contain_text("Raised")
        await expect(page.locator("main .problem")).to_have_count(0)
        await page.get_by_role("button", name="Resolve").click()
        await page.locator("dialog input").fill("Li")
        await page.locator("dialog button[type=submit]").click()
        await page.locator("dialog textarea").fill("Burnt rice")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("header.story")).to_contain_text("resolved by Li · Burnt rice")
        await expect(page.locator("ol.timeline").first).to_contain_text("Resolved by Li")
        # the history finds it by several words people use, in any order, and by the device's name
        await page.goto(f"{hub.url}/#/alerts")
        field = page.locator("input[type=search]")
        for words in ("smoke building kitchen", "厨房烟感 3幢"):
            await field.fill("kitchen bathroom")
            await expect(page.locator("li.row")).to_have_count(0)
            await field.fill(words)
            await expect(page.locator("li.row")).to_have_count(1)
        await field.fill("")
        await page.locator("li.row a").click()
        await page.get_by_role("button", name="It is not over").click()
        await page.locator("dialog textarea").fill("smoke again")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("header.story")).to_contain_text("It goes on from an earlier alert")
        await page.get_by_role("button", name="I see to it").click()
        await expect(page.locator("header.story")).to_contain_text("Li sees to it")
        await page.get_by_role("button", name="Silence this").click()
        await page.locator("dialog textarea").fill("the cook is at it")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("li.silence.waits")).to_contain_text("the cook is at it by Li")
        for route, words in (("/rota", "There is no duty rota"), ("/drills", "drill")):
            await page.goto(f"{hub.url}/#{route}")
            await expect(page.locator("main")).to_contain_text(words)
        assert opened.mistakes == []
    assert len(open_alerts(hub)) == 1
