"""From an alert to a person, on the page: who is told, assign, notes, not over, silences, the rota, drills."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from hub.telling.matching import Matcher
from hub.web.people_view import SilenceWords
from hub.web.static import ROOT
from tests.hub.web.test_page import MARKED, PHONE, UNTRANSLATED, settled
from tests.support.browsing import window
from tests.support.fakedrills import MS
from tests.support.fakeview import FakeView
from tests.support.serving import Web, serving

pytestmark = pytest.mark.browser

SMOKE = "smoke-3-2-502"


def view_of(web: Web) -> FakeView:
    assert isinstance(web.view, FakeView)
    return web.view


async def i_am(page: Page, name: str) -> None:
    await page.evaluate("(name) => localStorage.setItem('gengfu.name', name)", name)


async def go(page: Page, route: str) -> None:
    await page.evaluate("(route) => { location.hash = route; }", route)
    await expect(page.locator("main h1").first).to_be_visible()
    await settled(page)


async def test_a_card_says_who_has_been_told_and_who_is_next(web: Web, browser: Browser) -> None:
    async with window(browser, web.url) as opened:
        page = opened.page
        fire = view_of(web).set_fire()
        card = page.locator(f'article[data-alert="{fire.id}"]')
        await expect(card).to_contain_text("Told: 李管家 (has looked), 王工 (on its way)")
        await expect(card).to_contain_text(re.compile(r"Next: 王工 in (2|1) min"))
        await i_am(page, "li")  # an id, as a link of a message leaves it
        await card.get_by_role("button", name="I see to it").click()
        await expect(card).to_contain_text("李管家 sees to it")
        await expect(card).not_to_contain_text("Next:")
        assert opened.mistakes == []


@pytest.mark.parametrize("route", [f"#/alerts/{SMOKE}", "#/incidents/"])
async def test_an_open_alert_follows_the_reminders_that_go_out(web: Web, browser: Browser, route: str) -> None:
    """No alert changes with a reminder; the page shows it all the same, and what comes after it."""
    reminded: list[str] = []

    async def story(route: Any) -> None:
        given = await (await route.fetch()).json()
        given["next"] = {"at": later(240 if reminded else 3), "people": ["王工"], "again": True}
        await route.fulfill(json=given | {"told": given["told"] + [{**given["told"][0], "why": "repeat"} for _ in reminded]})

    async def alert(route: Any) -> None:
        given = await (await route.fetch()).json()
        await route.fulfill(json=given | {"told": given["told"] + [{**given["told"][0], "why": "repeat"} for _ in reminded]})

    async with window(browser, web.url) as opened:
        page = opened.page
        await page.route("**/api/v1/incidents/*", story)
        await page.route(f"**/api/v1/alerts/{SMOKE}", alert)
        incident = (await (await page.request.get(f"{web.url}/api/v1/alerts/{SMOKE}/people")).json())["incident"]
        await go(page, route if SMOKE in route else route + incident)
        await expect(page.locator("header.story")).to_contain_text(re.compile(r"Told again: 王工 (in \d s|now)"))
        await expect(page.locator("ol.ledger")).not_to_contain_text("repeated")
        reminded.append("王工")
        await expect(page.locator("header.story")).to_contain_text(re.compile("Told again: 王工 in [34] min"), timeout=15_000)
        await expect(page.locator("ol.ledger")).to_contain_text("repeated")
        assert opened.mistakes == []


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_what_is_held_back_says_why(web: Web, browser: Browser) -> None:
    async def silenced(route: Any) -> None:
        story = await (await route.fetch()).json()
        await route.fulfill(json=story | {"held": {"silence": 1}, "told": [], "ladder": [], "next": None})

    async with window(browser, web.url) as opened:
        await opened.page.route("**/api/v1/incidents/*", silenced)
        await opened.page.reload()
        card = opened.page.locator(f'article[data-alert="{SMOKE}"]')
        await expect(card).to_contain_text("Nobody is being told: silenced")


async def test_assign_write_and_say_that_it_is_not_over(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/alerts/{SMOKE}", viewport=PHONE) as opened:
        page = opened.page
        await i_am(page, "Chen")
        await page.get_by_role("button", name="Assign").focus()
        await page.keyboard.press("Enter")
        await page.locator("dialog select").select_option("wang")
        await page.locator("dialog textarea").fill("take the key")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("header.story")).to_contain_text("Assigned to 王工")
        timeline = page.locator("ol.timeline").first
        await expect(timeline).to_contain_text("Assigned by Chen")
        await expect(timeline).to_contain_text("王工 · take the key")
        await page.get_by_role("button", name="What was done").click()
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("dialog [role=alert]")).to_have_text("Write at least a word.")
        await page.locator("dialog textarea").fill("aired the kitchen")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.locator("dialog button[type=submit]").click()
        await expect(timeline).to_contain_text("aired the kitchen")
        # the ledger: how far each notice got, and when (160 ms and 42 s after the alert)
        ledger = page.locator("ol.ledger li.seen")
        await expect(ledger).to_contain_text(re.compile(r"李管家.*delivered after 0\.2 s.*looked at after 42 s"))
        await view_of(web).resolve(SMOKE, "Chen", "burnt rice")
        await page.get_by_role("button", name="It is not over").click()
        await page.locator("dialog textarea").fill("smoke again")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("header.story")).to_contain_text("It goes on from an earlier alert")
        await expect(page.locator("header.story")).to_contain_text("Open")
        await page.get_by_role("link", name="an earlier alert").click()
        await expect(page.locator("header.story")).to_contain_text("the alert after it")
        assert opened.mistakes == []


async def test_frozen_evidence_stands_with_its_limit(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/alerts/pressure") as opened:
        page = opened.page
        await expect(page.locator(".evidence .limit")).to_have_count(1)
        frozen = await page.locator(".plot svg").get_attribute("aria-label")
        assert frozen and "last 388" in frozen  # the alert's own reading is the last that is frozen
        await page.get_by_role("button", name="Until now").click()
        await expect(page.locator(".plot svg")).not_to_have_attribute("aria-label", frozen)


async def test_a_silence_of_fire_waits_for_a_second_person(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/alerts/{SMOKE}") as opened:
        page = opened.page
        await i_am(page, "李管家")
        await page.get_by_role("button", name="Silence this").click()
        await expect(page.locator("dialog")).to_contain_text("until a second person has confirmed")
        await page.get_by_role("button", name="30 min").click()
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("dialog [role=alert]")).to_contain_text("Say why")
        await page.locator("dialog textarea").fill("grinding work")
        await page.locator("dialog button[type=submit]").click()
        waiting = page.locator("li.silence.waits")
        await expect(waiting).to_contain_text("grinding work by 李管家")
        await expect(waiting).to_contain_text("It holds nothing back until a second person confirms. May confirm: 王工.")
        await expect(waiting).to_contain_text(re.compile(r"· Building 3, entrance 2, flat 502, kitchen !? ?Critical"))
        await expect(waiting).to_contain_text("30 min left")
        await waiting.get_by_role("button", name="I confirm").click()
        await expect(waiting.locator(".problem")).to_contain_text("must be somebody else")
        await i_am(page, "王工")
        await waiting.get_by_role("button", name="I confirm").click()
        await expect(page.locator("li.silence")).to_contain_text("confirmed by 王工")
        [made] = await view_of(web).silences()
        assert (made.second, made.until - made.since, made.matcher.severity) == ("王工", 30 * 60_000, "critical")
        # another one, of a rule in a place; and its end
        await page.get_by_role("button", name="New silence").click()
        await page.locator("dialog input[name=where]").fill("Building 5")
        await page.locator("dialog select[name=rule]").select_option("fire-water-low")
        await page.locator("dialog textarea").fill("pump service")
        await page.locator("dialog button[type=submit]").click()
        new = page.locator("li.silence", has_text="pump service")
        await expect(new).to_contain_text("fire-water-low · Building 5")
        await expect(new).to_contain_text("critical alerts are told until a second person confirms; the rest is held back")
        await new.get_by_role("button", name="End it now").click()
        await expect(page.locator("section", has=page.get_by_role("heading", name="Over"))).to_contain_text("pump service")
        assert opened.mistakes == []


async def test_the_rota_shows_its_holes_and_takes_a_swap(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/rota", viewport=PHONE) as opened:
        page = opened.page
        await expect(page.locator("ol.rota > li")).to_have_count(14)
        await expect(page.locator("ol.rota > li").nth(1)).to_contain_text("00:00–08:00 nobody")
        await expect(page.locator("main > div p.hole")).to_contain_text(re.compile("1[34] holes in the next 14 days"))
        await expect(page.locator("main")).to_contain_text("after 2 minwhoever is on duty")
        await i_am(page, "Chen")
        await page.locator("ol.rota > li").nth(2).get_by_role("button").click()
        await page.locator("dialog select[name=person]").select_option("wang")
        await page.locator("dialog select[name=instead_of]").select_option("li")
        await page.locator("dialog button[type=submit]").click()
        await expect(page.locator("ul.plain").first).to_contain_text("王工 instead of 李管家 by Chen")
        await expect(page.locator("ol.rota > li").nth(2)).to_contain_text("swapped")
        assert opened.mistakes == []


async def test_a_small_drill_is_run_and_its_steps_add_up(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/drills") as opened:
        page = opened.page
        await i_am(page, "Chen")
        await page.locator("li.row", has_text="Failed").get_by_role("button").click()
        await expect(page.locator("section.drill")).to_contain_text("It failed at: Announced.")
        await page.get_by_role("button", name="Run a small drill").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("section.drill .head")).to_contain_text("Under way")
        await expect(page.locator("section.drill .head")).to_contain_text("Passed")
        shown = [int(text.split()[0]) for text in await page.locator("ol.drill-bars").first.locator(".tail").all_text_contents()]
        assert shown == list(MS.values())
        await expect(page.locator("section.drill .total")).to_contain_text(f"{sum(MS.values())} ms")
        drawn = await page.locator("ol.drill-bars").first.locator("rect").all()
        widths = [float(await one.get_attribute("width") or 0) for one in drawn]
        assert sum(widths[1:]) == pytest.approx(100)  # one after the other, they fill the way


async def test_an_incident_and_the_dialogs_have_all_their_words(web: Web, browser: Browser) -> None:
    view = view_of(web)
    view.burn("6", 12)
    await view.silence(SilenceWords(Matcher(rule="fire-smoke", space="6"), 0, 60_000, "li", "work"))
    incident = next(one for one in (await view.incidents(state="firing")).items if one.members == 12)
    async with window(browser, web.url, viewport=PHONE) as opened:
        page = opened.page
        await i_am(page, "Chen")
        await page.evaluate(MARKED, [path.name for path in ROOT.glob("words*.js")])
        await page.get_by_role("button", name="Switch to Chinese").click()
        for route in ("/", f"/incidents/{incident.id}", "/silences"):
            await go(page, route)
            assert await page.evaluate(UNTRANSLATED) == [], route
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, route
        opening = [(f"/alerts/{SMOKE}", n) for n in range(4)] + [("/silences", 0), ("/rota", 1), ("/drills", 1)]
        for route, number in opening:
            await go(page, route)
            await page.locator("main button").nth(number if "alerts" not in route else number + 2).click()
            await expect(page.locator("dialog")).to_be_visible()
            assert await page.evaluate(UNTRANSLATED) == [], (route, number)
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog")).to_have_count(0)
        await page.get_by_role("button", name="开始人员演练").click()
        await expect(page.locator("dialog").get_by_role("button", name="开始演练")).to_be_visible()
        await go(page, "/rota")  # what is asked belongs to the page it was asked on
        await expect(page.locator("dialog")).to_have_count(0)


async def test_without_rota_silences_and_drills(browser: Browser) -> None:
    async with serving(FakeView("empty")) as web, window(browser, web.url) as opened:
        empty = {"/silences": "Everything is told", "/drills": "Drills are not set up", "/rota": "There is no duty rota"}
        for route, words in empty.items():
            await go(opened.page, route)
            await expect(opened.page.locator("p.empty")).to_have_text(words)
        assert opened.mistakes == []


async def test_an_open_list_of_devices_follows_an_alert(web: Web, browser: Browser) -> None:
    async with window(browser, f"{web.url}/#/devices?search=6-1") as opened:
        row = opened.page.locator("li.row", has_text="Building 6, entrance 1, flat 301, kitchen")
        await opened.page.locator("input[type=search]").fill("Building 6, entrance 1, flat 301")
        await expect(row).to_have_count(1)
        await row.locator("a").focus()
        view_of(web).set_fire()
        await expect(row).to_contain_text("Smoke detected")
        assert await row.locator("a").evaluate("one => one === document.activeElement")
