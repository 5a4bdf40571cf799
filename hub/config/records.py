"""A checked configuration, as the rest of the hub sees it."""

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.calendar import Calendar
from hub.config.rule_tests import RuleTest
from hub.model import Device, Person, Space
from hub.ports import Retention, Rule, Settings, SilenceRule, SiteContext
from hub.quantities import Vocabulary
from hub.reports.setup import Energy
from hub.telling.duty import Rota
from hub.telling.voice import Plan

DEMO = "demo.toml"
"""The demo's configuration, which it writes into its data directory."""


class Mqtt(Struct, frozen=True):
    """A broker that is already there. ``client_id`` begins the names of the hub's two sessions; it must be nobody else's."""

    url: str
    host: str
    port: int
    tls: bool
    client_id: str
    version: Literal["3.1.1", "5"] = "3.1.1"
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None

    def __repr__(self) -> str:  # a password must not reach a log
        return f"Mqtt({self.url})"


class Web(Struct, frozen=True):
    """Where the page is served. Port 0: any that is free. ``public_url``: how people reach it, for links in messages."""

    host: str
    port: int
    public_url: str = ""


class FireTcp(Struct, frozen=True):
    """Where fire alarm devices connect (GB/T 26875.3). ``allow``: networks; empty for all that can reach it. Port 0: any."""

    host: str
    port: int
    allow: tuple[str, ...] = ()


class Heartbeat(Struct, frozen=True):
    """Who outside is told that the hub lives; ``every`` in seconds."""

    url: str
    every: float


class Drill(Struct, frozen=True):
    """``every``: seconds between two small drills, None for none; ``wait``: seconds for an acknowledgement of a large one. The
    drill device's own credentials; "" for the hub's."""

    every: float | None = None
    wait: float = 600.0
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:  # a password must not reach a log
        return f"Drill(every={self.every})"


class NotifierEntry(Struct, frozen=True):
    id: str
    kind: str
    settings: Settings


class Config(Struct, frozen=True):
    """Everything gengfu.toml says, with the defaults for what it leaves out. ``mqtt`` None: the hub starts its own broker."""

    path: Path | None
    community: str
    name: str
    zone: ZoneInfo
    directory: Path
    retention: Retention
    mqtt: Mqtt | None
    web: Web
    store_kind: str
    store_settings: Any
    vocabulary: Vocabulary
    spaces: tuple[Space, ...]
    devices: tuple[Device, ...]
    people: tuple[Person, ...]
    notifiers: tuple[NotifierEntry, ...]
    adapters: tuple[tuple[type[Any], Settings], ...]
    rules: tuple[Rule | SilenceRule, ...]
    calendar: Calendar = Calendar()
    tests: tuple[RuleTest, ...] = ()  # the stories that rules carry
    fire_tcp: FireTcp | None = None  # None: no TCP listener
    heartbeat: Heartbeat | None = None
    drill: Drill = Drill()
    energy: Energy = Energy()
    telling: Plan = Plan(Rota(Calendar()))


def site_context(config: Config) -> SiteContext:
    return SiteContext(config.community, config.zone, config.vocabulary, config.calendar)
