"""Energy on the page of a real hub: what a register counted while nobody heard it is in the sum, and its days are hatched."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, expect

from hub.app import open_store
from hub.config import load
from hub.model import Batch, Reading
from tests.support.brokers import start_mosquitto
from tests.support.browsing import window
from tests.support.hubs import HubProcess
from tests.support.site import site

pytestmark = pytest.mark.browser

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - timedelta(days=5)
METER = """
[[space]]
id = "3"
name = "3幢"
name_en = "Building 3"
kind = "building"
[[device]]
id = "bench:meter"
name = "电表"
space = "3"
[[adapter]]
kind = "json"
topic = "bench/meter"
device = "bench:meter"
readings = [{ quantity = "energy.active.import.total", path = "kwh" }]
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """Two kWh an hour for four days; of the second, from 06:00 to 18:00, nothing was heard."""
    with start_mosquitto(tmp_path) as broker, site(tmp_path, broker, METER, start=False, bench=False) as made:
        store, batch = open_store(load(made.config)), Batch()
        for quarter in range(4 * 96 + 1):
            if 96 + 24 < quarter < 96 + 72:
                continue
            at = round((FIRST + quarter * timedelta(minutes=15)).timestamp() * 1000)
            batch.readings.append(Reading("bench:meter", "energy.active.import.total", 1000 + quarter * 0.5, at))
            batch.received_at.append(at + 500)
        store.append("rest", batch)
        store.close()
        made.hub.start()
        yield made.hub


async def test_missing_is_hatched_and_never_zero(hub: HubProcess, browser: Browser) -> None:
    last = FIRST + timedelta(days=3)
    days = f"period=days&from={FIRST:%Y-%m-%d}&to={last:%Y-%m-%d}"
    async with window(browser, f"{hub.url}/#/reports?{days}&by=building", viewport={"width": 360, "height": 740}) as opened:
        page = opened.page
        await expect(page.locator(".stat strong").first).to_have_text("192\u202fkWh", timeout=30_000)
        chart = page.locator("figure.bars svg")
        await expect(chart.locator("rect.part-1")).to_have_count(4)
        await expect(chart.locator(".lackframe")).to_have_count(1)
        said = []
        await chart.focus()
        for _ in range(4):
            await page.keyboard.press("ArrowRight")
            said.append(await page.locator("figure.bars .readout").inner_text())
        assert ["known" in one for one in said] == [False, True, False, False], said
        assert all("48\u202fkWh" in one for one in said), said
        await expect(page.get_by_role("link", name="电表")).to_be_visible()  # among what is missing
        for kind in ("PDF", "Workbook", "CSV", "JSON"):
            await expect(page.get_by_role("link", name=kind, exact=True)).to_be_visible()
        href = await page.get_by_role("link", name="CSV", exact=True).get_attribute("href")
        answer = await page.request.get(f"{hub.url}{href}")
        assert answer.ok and "192" in await answer.text()
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.locator("select[name=by]").select_option("device")
        await expect(page.locator("tr.group", has_text="电表")).to_have_count(1, timeout=30_000)
        assert opened.mistakes == [] and opened.hosts == {hub.url.split("/")[2]}
