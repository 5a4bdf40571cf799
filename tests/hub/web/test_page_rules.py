"""Rules on the page of a real hub: edited with the keyboard, refused at the field, tried on the past, saved, and gone back to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.hub.test_rulebook import alerts, levels, say
from tests.support.browsing import window
from tests.support.hubs import until
from tests.support.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Site]:
    with levels(tmp_path) as made:
        yield made


async def no_wider_than_the_screen(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_a_rule_is_edited_tried_saved_and_gone_back_to(made: Site, browser: Browser) -> None:
    hub = made.hub
    say(made, "a", 600)
    until(lambda: alerts(hub, "level-high"), "600 is above 500")
    phone = {"width": 360, "height": 740}
    async with window(browser, f"{hub.url}/#/rules", viewport=phone) as opened:
        page = opened.page
        await page.get_by_role("link", name="level-high").focus()
        await page.keyboard.press("Enter")
        limit = page.get_by_label("Limit", exact=True)
        await expect(limit).to_have_value("500")

        # wrong, and refused at its field with the nearest right word; it cannot be saved
        quantity = page.get_by_label("What is measured", exact=True)
        await quantity.fill("bench.levl")
        problem = page.locator("#wrong-quantity")
        await expect(problem).to_contain_text('did you mean "bench.level"?')
        await expect(quantity).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("What the change is for").fill("too nervous")
        await page.get_by_role("button", name="Save and use it").click()
        await expect(page.locator(".saving .problem")).to_be_visible()
        assert hub.get("/api/v1/rulebook/rules/level-high")["versions"] == []

        # put right; the text follows the form, the form the text
        await quantity.fill("bench.level")
        await limit.fill("700")
        await expect(problem).to_be_hidden()
        await page.get_by_role("button", name="As TOML").press("Enter")
        text = page.get_by_label("TOML", exact=True)
        await expect(text).to_have_value('[[rule]]\nid = "level-high"\nkind = "above"\nseverity = "critical"\n'
            'quantity = "bench.level"\nthreshold = 700\n')  # fmt: skip
        await text.fill((await text.input_value()).replace("700", "650"))
        await expect(page.locator(".fine")).to_be_visible()
        await page.get_by_role("button", name="As a form").press("Enter")
        await expect(limit).to_have_value("650")

        await page.get_by_role("button", name="Try it on the past").press("Enter")
        sides = page.locator(".side .big")
        await expect(sides).to_have_text(["0", "1"], timeout=30_000)
        await no_wider_than_the_screen(page)

        await page.get_by_role("button", name="Save and use it").press("Enter")
        await page.get_by_label("Name", exact=True).fill("Li")
        await page.keyboard.press("Enter")
        await expect(page.locator(".versions strong").first).to_have_text("Version 1, Li")
        await page.locator(".versions summary").first.click()
        await expect(page.locator(".diff del")).to_have_text(["- threshold = 500\n"])
        await expect(page.locator(".diff ins")).to_have_text(["+ threshold = 650\n"])
        assert hub.get("/api/v1/rulebook/rules/level-high")["versions"][0]["why"] == "too nervous"

        # in Chinese: what is missing names its field, why and where nobody watches have their words
        await page.get_by_role("button", name="Switch to Chinese").click()
        await expect(page.locator(".versions strong").first).to_have_text("第 1 版，Li")
        await page.goto(f"{hub.url}/#/why?device=bench:a")
        await expect(page.locator(".verdict").first).to_contain_text("正在报警")
        await no_wider_than_the_screen(page)
        await page.goto(f"{hub.url}/#/armed")
        await expect(page.locator(".armed .big")).to_contain_text("盲区")
        await no_wider_than_the_screen(page)
        assert opened.mistakes == [] and opened.hosts == {hub.url.split("/")[2]}
