"""What the hub itself says is Chinese on the Chinese page: a refusal, a drill that failed, a message that did not arrive."""

import pytest
from playwright.async_api import Browser, expect

from hub.telling.matching import Matcher
from hub.web.people_view import SilenceWords
from tests.hub.web.test_page_people import SMOKE, i_am, view_of
from tests.support.browsing import window
from tests.support.serving import Web

pytestmark = pytest.mark.browser


async def test_what_the_hub_says_is_chinese_too(web: Web, browser: Browser) -> None:
    await view_of(web).silence(SilenceWords(Matcher(rule="fire-smoke", space="3"), 0, 60_000, "王工", "动火作业"))
    async with window(browser, f"{web.url}/#/silences", locale="zh-CN") as opened:
        page = opened.page
        await i_am(page, "王工")
        waiting = page.locator("li.silence.waits")
        await waiting.get_by_role("button", name="我确认").click()
        refused = waiting.locator(".problem")
        await expect(refused).to_have_text("没有成功：这条静默正是 王工 申请的：第二人必须是别人")
        await page.goto(f"{web.url}/#/drills")
        await page.locator("li.row", has_text="失败").get_by_role("button").click()
        await expect(page.locator("section.drill .problem")).to_have_text("未通过：对外发布。 MQTT 代理在 5 秒内没有确认警报")
        await page.goto(f"{web.url}/#/alerts/{SMOKE}")
        await expect(page.locator("ol.ledger .quote")).to_have_text("https://chat.example.org 应答 503")
        await page.goto(f"{web.url}/#/alerts/nobody")
        await expect(page.locator("main .problem")).to_contain_text("没有警报 nobody")
        await view_of(web).acknowledge(SMOKE, "link:楼长群", "")
        await page.goto(f"{web.url}/#/")
        await expect(page.locator("article.incident.critical .answered").first).to_have_text("楼长群 里的某人 正在处理")
        await page.goto(f"{web.url}/#/alerts/nobody")
        # Whoever switches the language is answered in it, whatever the browser wants.
        await page.get_by_role("button", name="切换为英文").click()
        await page.goto(f"{web.url}/#/alerts/somebody")
        await expect(page.locator("main .problem")).to_contain_text("there is no alert somebody")
        assert opened.mistakes == []
