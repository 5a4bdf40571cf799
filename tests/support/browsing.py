"""Debian's Chromium, driven by Playwright. Nothing is ever downloaded."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
]


def installed() -> bool:
    return Path(CHROMIUM).exists() or shutil.which("chromium") is not None


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class Window:
    """A page that remembers what went wrong in it and which hosts it asked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.mistakes: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.on("console", lambda said: self.mistakes.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))


@asynccontextmanager
async def window(browser: Browser, url: str, **options: Any) -> AsyncIterator[Window]:
    """``options``: locale, color_scheme, viewport … of the browser's context."""
    context = await browser.new_context(**{"locale": "en-GB", **options})
    try:
        opened = Window(await context.new_page())
        await opened.page.goto(url)
        await opened.page.wait_for_selector("html.up")
        yield opened
    finally:
        await context.close()
