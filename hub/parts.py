"""What a running hub is made of, for those who look at all of it: its figures, its web, its drills.

``hub.app.Hub`` is one. It is written down here so that they need not know who wires it.
"""

from typing import Protocol

from hub.bookkeeper import Bookkeeper
from hub.committer import Committer
from hub.config import Config
from hub.delivery import Delivery
from hub.desk import Desk
from hub.directory import Places
from hub.disabled import Plugged
from hub.drill import Drills
from hub.evidence import Evidence
from hub.fire_tcp import FireTcp
from hub.glance import Glance
from hub.heartbeat import Heartbeat
from hub.lane import LaneWork
from hub.link_desk import LinkDesk
from hub.model import Lane
from hub.mqtt import Session
from hub.outside import Outside
from hub.pipeline import Pipeline
from hub.queries import Here, Queries
from hub.records_people import PeopleReader
from hub.reserve import Reserve
from hub.rulebook.book import Book
from hub.stores.opening import AnyStore
from hub.upkeep import Upkeep
from hub.watchdog import Watchdog
from hub.web.feed import Feed
from rules.engine import Engine


class Parts(Protocol):
    """All there once the hub has started; ``fire_tcp`` and ``heartbeat`` are None where nobody asked for them."""

    config: Config
    reader: PeopleReader
    reserve: Reserve
    store: AnyStore
    upkeep: Upkeep
    places: Places
    feed: Feed
    glance: Glance
    outside: Outside
    book: Book
    plugged: Plugged
    watchdog: Watchdog
    engine: Engine
    committer: Committer
    lanes: dict[Lane, LaneWork]
    pipeline: Pipeline
    sessions: dict[Lane, Session]
    fire_tcp: FireTcp | None
    drills: Drills
    delivery: Delivery
    heartbeat: Heartbeat | None
    queries: Queries | Here
    evidence: Evidence
    desk: Desk
    link_desk: LinkDesk
    bookkeeper: Bookkeeper
