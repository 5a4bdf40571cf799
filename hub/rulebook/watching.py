"""Why a rule did or did not fire, and which critical rules could not fire now. Part of ``hub.web.rules.Rulebook``."""

from collections.abc import Callable
from typing import Any

from hub.config import Config
from hub.glance import Glance
from hub.model import Now, Reading, quality_names
from hub.pipeline import Pipeline
from hub.queries import Here, Queries
from hub.records import RecordsReader
from hub.records_ticks import read_ticks
from hub.rulebook.armed_map import ArmedMap
from hub.rulebook.book import Book
from hub.said import sentence
from hub.web.view import NotFound, Refused
from hub.why import BACK, Past, tables, why_then
from rules.explain import explain

JUST_NOW = 5_000
"""ms for which a moment is now."""

Recorded = Callable[..., Any]


class Watching:
    """``recorded`` asks the records in a thread of their own."""

    def __init__(
        self,
        config: Config,
        book: Book,
        pipeline: Pipeline,
        glance: Glance,
        records: RecordsReader,
        recorded: Recorded,
        queries: Here | Queries,
        clock: Callable[[], Now],
    ) -> None:
        self._config = config
        self._book = book
        self._pipeline = pipeline
        self._glance = glance
        self._records = records
        self._recorded = recorded
        self._queries = queries
        self._clock = clock
        self._map = ArmedMap(book, pipeline, clock)

    async def why(self, device: str, at: int | None) -> dict[str, Any]:
        """Of a device, now or at a moment in the past, ms."""
        now = self._clock()
        places = self._pipeline.places
        newest = self._glance.latest(device)
        if places.device(device) is None and not newest:
            raise NotFound(sentence("no_device", id=device))
        if at is not None and at > now.wall + JUST_NOW:
            raise Refused(sentence("not_yet"))
        if at is None or at > now.wall - JUST_NOW:
            told = explain(
                self._pipeline.engine, self._book.rules, device, now, {(one.quantity, one.channel): one for one in newest}
            )
            told["readings"] = [_reading(one) for one in sorted(newest, key=lambda one: -(one.time or 0))]
            return told | {"place": places.place(device), "live": True}
        past = Past(
            device=device,
            at=at,
            rules=tables(self._book.rules),
            devices=tuple(places.devices.values()),
            spaces=tuple(places.spaces.values()),
            vocabulary=self._config.vocabulary,
            calendar=self._config.calendar,
            ticks=tuple(await self._recorded(read_ticks, self._records, at - BACK, at + 1)),
        )
        then: dict[str, Any] = await self._queries.ask(why_then, past)
        return then | {"place": places.place(device), "live": False}

    async def armed(self) -> dict[str, Any]:
        return await self._map.ask()


def _reading(one: Reading) -> dict[str, Any]:
    return {
        "quantity": one.quantity, "channel": one.channel, "value": one.value, "time": one.time, "received_at": None,
        "quality": quality_names(one.quality),
    }  # fmt: skip
