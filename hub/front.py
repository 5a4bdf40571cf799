"""The web of a hub, wired: the page, its API, and who answers what."""

from urllib.parse import urlsplit

from fastapi import FastAPI

from hub.parts import Parts
from hub.rulebook.desk import RuleDesk
from hub.rulebook.saving import Saving
from hub.rulebook.watching import Watching
from hub.web.api import create_app
from hub.web.guard import host_name


def front(hub: Parts) -> FastAPI:
    config, book, desk, queries = hub.config, hub.book, hub.desk, hub.queries
    clock, recorded = desk.clock, desk.recorded
    desk.in_force = lambda: book.rules
    saving = Saving(book, hub.pipeline, hub.plugged.names, clock)
    return create_app(
        desk,
        links=hub.link_desk,
        drills=hub.drills,
        public=host_name(urlsplit(config.web.public_url).netloc),
        reports=hub.bookkeeper,
        rules=RuleDesk(config, book, saving, desk, hub.reader, queries, clock),
        watch=Watching(config, book, hub.pipeline, hub.glance, hub.reader, recorded, queries, clock),
    )
