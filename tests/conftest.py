"""What every test may use."""

import pytest

from tests.support.tally import Witness


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Witness())
