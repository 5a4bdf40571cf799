"""The first watch, as a newcomer has it: clone, ``make demo``, and the page shows the community and then the fire.

The clone is of what is committed. Its screenshot is kept in build/.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browsing import chromium, window
from tests.support.hubs import ROOT, until

INSTALL = 400.0
LISTED = 90.0
FIRE = 40.0
DOMAINS = ("energy", "parking", "fire", "health")


class Demo:
    """``make demo`` in a clone, as a process group of its own; what it says is in ``log``."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        self.log = clone.parent / "demo.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Returns the page's address once it is announced."""
        before = self.log.stat().st_size if self.log.exists() else 0
        environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONUNBUFFERED"}}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["make", "demo"], cwd=self.clone, env=environment, stdout=log, stderr=log, start_new_session=True
            )

        def address() -> str:
            said = self.log.read_bytes()[before:].decode()
            assert self.process is not None
            assert self.process.poll() is None, f"the demo ended: {said[-3000:]}"
            found = re.search(r"keeps watch over .*?(http://\S+)", said)
            return found[1] if found else ""

        return str(until(address, "the demo announces its page", INSTALL))

    def hub(self) -> int:
        """The process id of the hub itself."""
        return int(re.findall(r'"pid": (\d+)', (self.clone / "data" / "hub.lock").read_text())[0])

    def others(self) -> list[int]:
        """The broker and whatever the hub has started."""
        children = Path(f"/proc/{self.hub()}/task/{self.hub()}/children").read_text().split()
        broker = json.loads((self.clone / "data" / "broker" / "nats-server.pid").read_text())
        return [int(pid) for pid in children] + [broker["pid"]]

    def kill_hub(self) -> None:
        os.kill(self.hub(), signal.SIGKILL)
        assert self.process is not None
        self.process.wait(30)

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole group."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def demo(directory: Path) -> Iterator[Demo]:
    clone = directory / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)], check=True)
    made = Demo(clone)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.interrupt()


async def kept(page: Page, address: str, path: str) -> list[dict[str, object]]:
    answer = await page.request.get(f"{address}/api/v1/{path}")
    items: list[dict[str, object]] = (await answer.json())["items"]
    return items


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_newcomer_sees_the_fire_and_what_he_acknowledged_stays_acknowledged(tmp_path: Path) -> None:
    with demo(tmp_path) as made:
        address = made.start()
        started = time.monotonic()
        async with chromium() as browser, window(browser, f"{address}/#/devices", locale="en-US") as opened:
            page = opened.page
            while True:
                counts = {domain: len(await kept(page, address, f"devices?limit=200&domain={domain}")) for domain in DOMAINS}
                devices = len(await kept(page, address, "devices?limit=200"))
                if devices >= 60 and all(counts.values()):
                    break
                assert time.monotonic() - started < LISTED, f"{devices} devices, by domain {counts}"
                await page.wait_for_timeout(500)
            await expect(page.locator("main")).to_contain_text(re.compile(r"50 of (1\d\d|[6-9]\d)"), timeout=10_000)
            await page.goto(f"{address}/")
            await page.evaluate("window.notReloaded = true")

            fire = page.locator("article.incident.critical").first
            left = LISTED + FIRE - (time.monotonic() - started)
            await expect(fire).to_contain_text("Building 3, entrance 2, flat 502, kitchen", timeout=left * 1000)
            await expect(page.locator("article.incident").first).to_contain_text("kitchen")
            assert await page.evaluate("window.notReloaded"), "it came without a reload"
            build = ROOT / "build"
            build.mkdir(exist_ok=True)
            await page.screenshot(path=build / "demo-fire.png")

            await expect(page.locator("article.incident.moving")).to_have_count(0)  # a card that has just moved takes no click
            await fire.get_by_role("button").first.click()
            await page.locator("dialog input").fill("Li")
            await page.locator("dialog button.primary").click()
            await expect(page.locator("article.incident.critical.taken")).to_contain_text("Li", timeout=10_000)
            [alert] = [one for one in await kept(page, address, "alerts?severity=critical") if one["rule"] == "fire-smoke"]

            made.kill_hub()
            address = made.start()
            await page.goto(f"{address}/#/alerts")
            [again] = [one for one in await kept(page, address, "alerts?severity=critical") if one["rule"] == "fire-smoke"]
            assert (again["id"], again["acknowledged_by"]) == (alert["id"], "Li")
            await page.screenshot(path=build / "demo-restarted.png")
        processes = [made.hub(), *made.others()]
        assert made.interrupt() in (0, -signal.SIGINT), "make itself ends by the signal it was sent"
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "nothing is left behind", 20)
        said = made.log.read_text()
        assert "Traceback" not in said
        assert len(re.findall(r"\d+ devices speak", said)) == 2, "each start says once who speaks"
