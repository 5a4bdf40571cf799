"""``python -m tests.support.screenshot``: takes the README's picture of the page, from a running demo with its kitchen fire.

Writes docs/page.png (wide, Chinese, light) and docs/phone.png (a phone at night, English, dark). Takes about two minutes.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.support.browsing import chromium, window
from tests.support.hubs import ROOT, HubProcess

DOCS = ROOT / "docs"


async def take(browser: Browser, url: str, name: str, **options: object) -> None:
    async with window(browser, url, **options) as opened:
        await opened.page.locator("article.incident.critical").first.wait_for(timeout=150_000)
        await opened.page.locator("svg").first.wait_for()
        await expect(opened.page.locator(".moving")).to_have_count(0)  # its buttons listen
        await opened.page.screenshot(path=DOCS / name)


async def pictures(url: str) -> None:
    async with chromium() as browser:
        wide = {"width": 1280, "height": 800}
        await take(browser, url, "page.png", locale="zh-CN", color_scheme="light", viewport=wide)
        phone = {"width": 390, "height": 844}
        await take(browser, url, "phone.png", locale="en-GB", color_scheme="dark", viewport=phone)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        config = directory / "gengfu.toml"
        config.write_text('[site]\ncommunity = "yunqi"\nname = "云栖社区"\n[web]\nlisten = "127.0.0.1:0"\n', encoding="utf-8")
        with HubProcess(config, directory / "data", "demo", "--config", str(config)) as hub:
            hub.start()
            asyncio.run(pictures(hub.url))


if __name__ == "__main__":
    main()
