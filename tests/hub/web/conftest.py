"""A browser, and the web of a made-up hub."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.support.browsing import chromium
from tests.support.fakedrills import FakeDrills
from tests.support.fakeview import FakeView
from tests.support.serving import Web, serving


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(FakeView(), drills=FakeDrills()) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running
