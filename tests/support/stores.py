"""A store of any kind for a test, the servers' too:

@pytest.mark.parametrize("kind", stores.KINDS)
def test_x(kind: str, tmp_path: Path, servers: Servers) -> None:
    with stores.opened(kind, tmp_path, servers(kind)) as store:
        store.append("rest", batch(...))
        stores.settle(store)    # all of it is where it stays: sealed, or on the server
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from hub.model import Now
from hub.ports import Retention, Store
from hub.quantities import Vocabulary
from hub.stores.influxdb import InfluxStore
from hub.stores.memory import MemoryStore
from hub.stores.parquet import ParquetStore
from tests.support import timeseries_servers
from tests.support.readings import T0
from tests.support.timeseries_servers import Server

SERVERS = [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in timeseries_servers.KINDS]
KINDS = ["memory", "parquet", *SERVERS]


def open_store(
    kind: str,
    folder: Path,
    server: Server | None = None,
    retention: Retention | None = None,
    clock: Callable[[], int] = lambda: T0,
    vocabulary: Vocabulary | None = None,
) -> Store:
    """``server``: of that kind, running; each store has a bucket of its own there, and sends only when ``settle`` asks for it."""
    vocabulary, retention = vocabulary or Vocabulary(), retention or Retention()
    if kind == "memory":
        return MemoryStore(vocabulary, retention, clock)
    if server is None:
        return ParquetStore(folder, vocabulary, retention, clock=clock)
    words = {**server.settings, "bucket": uuid4().hex, "send_every": 3_600_000}
    return InfluxStore(folder, vocabulary, retention, InfluxStore.Settings.model_validate(words), clock=clock)


@contextmanager
def opened(kind: str, folder: Path, server: Server | None = None) -> Iterator[Store]:
    with closing(open_store(kind, folder, server)) as store:
        yield store


def settle(store: Store, now: int = T0) -> None:
    store.maintain(Now(now, 0), seal_all=True)
