"""One server of each kind for all tests of stores and reports, started when the first one needs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support import timeseries_servers
from tests.support.timeseries_servers import Server, start_server

Servers = Callable[[str], Server | None]
"""The server of that kind, running; None for a store that needs none."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def get(kind: str) -> Server | None:
            if kind in timeseries_servers.KINDS and kind not in started:
                started[kind] = stack.enter_context(start_server(kind, tmp_path_factory.mktemp("server")))
            return started.get(kind)

        yield get
