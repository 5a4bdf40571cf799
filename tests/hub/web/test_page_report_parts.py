"""The lower half of the energy page on a real hub: who pays what, which tap never rests, and what is closed; in both languages.

Last month, by hand, of h hours (672 to 744): the main meter counts 10 kWh an hour at 0.50, flat 502 2 kWh, flat 601 3 kWh. So the
bill is 5.00 h, of which 502 pays 1.00 h, 601 1.50 h, and 2.50 h are of nobody's meter. One water meter counts 20 L every hour,
one 100 L from 08:00 to 20:00 only.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, expect

from hub.app import open_store
from hub.config import load
from hub.model import Batch, Reading
from hub.reports.closed import Archive
from tests.support.brokers import start_mosquitto
from tests.support.browsing import installed, window
from tests.support.hubs import ROOT, HubProcess
from tests.support.site import site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("report_parts"),
    pytest.mark.skipif(
        not installed(), reason="NOT RUN: Chromium is missing (apt-get install chromium): no report was looked at"
    ),
]

ZONE = ZoneInfo("Asia/Shanghai")
END = datetime.now(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
BEGIN = (END - timedelta(days=1)).replace(day=1)
HOURS = round((END - BEGIN) / timedelta(hours=1))
POWER, WATER = "energy.active.import.total", "water.volume.total"
SITE = """
[[space]]
id = "yunqi"
name = "云栖社区"
name_en = "Yunqi"
kind = "community"
[[space]]
id = "502"
name = "502室"
name_en = "flat 502"
kind = "flat"
parent = "yunqi"
[[space]]
id = "601"
name = "601室"
name_en = "flat 601"
kind = "flat"
parent = "yunqi"
[[device]]
id = "bench:main"
name = "总表"
space = "yunqi"
role = "main"
measures = "yunqi"
[[device]]
id = "bench:f502"
name = "502电表"
space = "502"
party = "王芳"
[[device]]
id = "bench:f601"
name = "601电表"
space = "601"
party = "Smith & Sons"
[[device]]
id = "bench:tap"
name = "502水表"
space = "502"
[[device]]
id = "bench:dry"
name = "601水表"
space = "601"
[[tariff]]
id = "flat"
name = { en = "one price", zh = "单一电价" }
price = 0.5
"""


def registers(hour: int) -> dict[tuple[str, str], float]:
    days, rest = divmod(hour, 24)
    by_day = 12 * days + min(max(rest - 8, 0), 12)
    return {
        ("bench:main", POWER): 10.0 * hour,
        ("bench:f502", POWER): 2.0 * hour,
        ("bench:f601", POWER): 3.0 * hour,
        ("bench:tap", WATER): 0.02 * hour,
        ("bench:dry", WATER): 0.1 * by_day,
    }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """Last month was closed, by flat, and once more after flat 601 was found to have used 1 kWh more."""
    path = tmp_path_factory.mktemp("reports")
    with start_mosquitto(path) as broker, site(path, broker, SITE, start=False, bench=False) as made:
        store, batch = open_store(load(made.config)), Batch()
        for hour in range(HOURS + 1):
            at = round((BEGIN + hour * timedelta(hours=1)).timestamp() * 1000)
            for (device, quantity), shown in registers(hour).items():
                batch.readings.append(Reading(device, quantity, shown, at))
                batch.received_at.append(at + 500)
        store.append("rest", batch)
        store.close()
        made.hub.start()
        close = ["-m", "hub", "report", "close", "--month", f"{BEGIN:%Y-%m}", "--by", "room", "--config", str(made.config)]
        subprocess.run([sys.executable, *close], check=True, capture_output=True, cwd=ROOT, timeout=60)
        archive = Archive(made.data)
        report = json.loads(archive.file(archive.every()[0].id, "report.json"))
        next(row for row in report["rows"] if (row["group"], row["quantity"]) == ("601", POWER))["value"] += 1
        text = json.dumps({**report, "revision": "another"}).encode()
        archive.close(f"{BEGIN:%Y-%m}", json.loads(text), {"report.json": text}, round(datetime.now(ZONE).timestamp() * 1000))
        yield made.hub


def yuan(amount: float) -> str:
    return f"¥{amount:,.2f}"


async def cells(page: Page, heading: str) -> list[list[str]]:
    """Of the table below a heading."""
    table = page.locator("section", has=page.get_by_role("heading", name=heading)).locator("table")
    await expect(table).to_have_count(1, timeout=30_000)
    rows = await table.locator("tbody tr, tfoot tr").all()
    return [[" ".join(cell.split()) for cell in await row.locator("td").all_inner_texts()] for row in rows]


WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


async def test_split_nights_and_closed_in_english(hub: HubProcess, browser: Browser) -> None:
    async with window(browser, f"{hub.url}/#/reports?period=last&by=room", viewport=WIDE) as opened:
        page = opened.page
        assert await cells(page, "Cost by party · electricity") == [
            ["Smith & Sons", yuan(1.5 * HOURS), f"{3 * HOURS:,} kWh 30%"],
            ["王芳", yuan(1.0 * HOURS), f"{2 * HOURS:,} kWh 20%"],
            ["not sub-metered", yuan(2.5 * HOURS), f"{5 * HOURS:,} kWh 50%"],
            ["Total", yuan(5.0 * HOURS), f"{10 * HOURS:,} kWh 100%"],
        ]
        assert "not sub-metered" in [row[0] for row in await cells(page, "In figures")]
        nights = HOURS // 24
        assert await cells(page, "Least flow at night") == [
            ["502水表 Water", "never came to rest: look for a leak", "20 L/h", str(nights)],
            ["601水表 Water", "came to rest", "0 L/h", str(nights)],
        ]
        [newer, [period, by, _, files, code]] = await cells(page, "Closed reports")
        assert newer[0] == f"{BEGIN:%B %Y} · number 2 figures that are not as before: 1"
        await page.get_by_text("figures that are not as before").click()
        change = page.locator("details li")
        await expect(change).to_have_text(f"601 · electricity: {3 * HOURS:,} → {3 * HOURS + 1:,}")
        assert (period, by, len(code)) == (f"{BEGIN:%B %Y}", "flat", 8)
        assert files == "PDF English · PDF Chinese · Workbook English · Workbook Chinese · CSV · JSON"
        link = page.get_by_role("link", name="CSV", exact=True).last
        answer = await page.request.get(f"{hub.url}{await link.get_attribute('href')}")
        assert answer.ok and f",{2.0 * HOURS},kW.h" in await answer.text()
        assert opened.mistakes == []


async def test_split_nights_and_closed_in_chinese_on_a_phone(hub: HubProcess, browser: Browser) -> None:
    async with window(browser, f"{hub.url}/#/reports?period=last&by=room", viewport=PHONE, locale="zh-CN") as opened:
        page = opened.page
        rows = await cells(page, "费用分摊 · 用电量")
        assert [row[0] for row in rows] == ["Smith & Sons", "王芳", "未分表计量", "合计"]
        assert [row[1] for row in rows[-2:]] == [yuan(2.5 * HOURS), yuan(5.0 * HOURS)]
        rows = await cells(page, "夜间最小流量")
        assert [row[:3] for row in rows] == [
            ["502水表 用水", "整夜未归零，请查漏", "20 L/h"],
            ["601水表 用水", "正常", "0 L/h"],
        ]
        [_, [period, by, *_]] = await cells(page, "已结账报告")
        assert (period, by) == (f"{BEGIN.year}年{BEGIN.month}月", "住户")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert opened.mistakes == []


COSTS = """async () => {
  const { paid, together } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+$/, "reportwords.js"));
  const row = (cost, low, high) => ({ cost, cost_low: low, cost_high: high, currency: "CNY", cost_completeness: 1 });
  const sum = together([row(166.78, 166.78, 259.78), row(10, 10, 10), { cost: null }]);
  return [[51.65, 51.65], [51.64, 51.66], [51.65, 80], [51.65, null], [null, null]]
    .map(([low, high]) => paid(51.65, low, high, "CNY")).concat(paid(sum.cost, sum.cost_low, sum.cost_high, sum.currency));
}"""


async def test_a_cost_within_bounds_is_a_range(hub: HubProcess, browser: Browser) -> None:
    async with window(browser, f"{hub.url}/#/reports?period=last&by=room", viewport=PHONE) as opened:
        written = ["¥51.65", "≈ ¥51.65", "¥51.65 – ¥80.00", "≥ ¥51.65", "¥51.65 + unknown", "¥176.78 – ¥269.78"]
        assert await opened.page.evaluate(COSTS) == written
        # the main meter's 10 kWh an hour at 0.50, and nothing else has a price
        assert (await cells(opened.page, "How the cost came about"))[-1][-1] == yuan(5.0 * HOURS)


SMALL = """async () => {
  const { amount, litres } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+$/, "reportwords.js"));
  return [amount(0.002, "m3"), amount(0.0002, "m3"), amount(0, "m3"), litres(0.002), litres(0.00004), litres(4e-6), litres(0)];
}"""


async def test_a_little_is_not_shown_as_nothing(hub: HubProcess, browser: Browser) -> None:
    async with window(browser, f"{hub.url}/#/reports?period=last&by=room", viewport=PHONE) as opened:
        said = [text.replace("\u202f", " ") for text in await opened.page.evaluate(SMALL)]
        assert said == ["0.002 m³", "< 0.001 m³", "0 m³", "2 L/h", "0.04 L/h", "< 0.01 L/h", "0 L/h"]
