"""What every test may use."""

import os

import pytest

from tests.support.tally import Witness

os.environ["LC_ALL"] = "C.UTF-8"  # a command speaks as the terminal does, and whose that is must not matter


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Witness())


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser"):
        from tests.support.browsing import installed  # brings Playwright, which nobody else needs

        if not installed():
            pytest.skip("NOT RUN: Chromium is missing (apt-get install chromium): nobody has looked at the page")
