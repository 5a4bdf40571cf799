"""Bugs put into the hub on purpose: the simulation is worth what it finds. Each is a context in which the hub has the bug."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from hub.committer import Committer
from hub.lane import LaneWork
from hub.model import Alert, Message
from hub.pipeline import Pipeline
from hub.records import Records, RecordsReader, Work
from hub.records_people import PeopleReader
from hub.telling.telling import Kept, Telling
from rules import keep, lifecycle
from rules.engine import Engine


@contextmanager
def confirmed_before_committed() -> Iterator[None]:
    took = LaneWork.took

    def early(self: LaneWork, message: Message) -> None:
        took(self, message)
        if self.source is not None:
            self.source.confirm([message])

    with patch.object(LaneWork, "took", early):
        yield


@contextmanager
def confirmed_before_the_alert() -> Iterator[None]:
    """The readings are on disk, the alert that came of them perhaps not."""
    with patch.object(LaneWork, "alerted", lambda self: None):
        yield


@contextmanager
def outbox_outside_the_transaction() -> Iterator[None]:
    def commit(self: Records, work: Work) -> None:
        notices, work.notices = work.notices, []
        with self._connection.begin():
            self._commit(self._connection, work)
        work.notices = notices
        later = Work()
        later.notices = notices
        with self._connection.begin():
            self._commit(self._connection, later)

    with patch.object(Records, "commit", commit):
        yield


@contextmanager
def resolved_on_silence() -> Iterator[None]:
    def silenced(alert: Alert, silent: bool) -> Alert | None:
        if not silent:
            return None
        return replace(alert, state="resolved", resolved_by="evidence", resolved_at=1, revision=alert.revision + 1)

    with patch.object(lifecycle, "silenced", silenced):
        yield


@contextmanager
def timers_begin_anew() -> Iterator[None]:
    """At a restart a pending alert begins to wait as if it were new."""
    reopen = keep._reopen

    def anew(watch: Any, alert: Alert, saved: Any, down: float, now: Any) -> None:
        reopen(watch, alert, saved, down, now)
        watch.started = now.monotonic
        if alert.state == "pending":
            watch.timers.set(watch, now.monotonic + watch.settings.hold_for / 1000)

    with patch.object(keep, "_reopen", anew):
        yield


@contextmanager
def closed_alerts_forgotten_by_a_restart() -> Iterator[None]:
    with patch.object(RecordsReader, "open_and_recent", lambda self, since: []):
        yield


@contextmanager
def acknowledged_in_memory() -> Iterator[None]:
    """A person is answered before what he decided is on disk."""

    async def by_hand(self: Pipeline, alert: Alert, by: str, what: str, now: Any) -> Alert:
        before = self.open.get(alert.id)
        if before is None or before.revision != alert.revision:
            self._changed([alert], None, None, now)
        return alert

    with patch.object(Pipeline, "_by_hand", by_hand):
        yield


@contextmanager
def told_once_at_most() -> Iterator[None]:
    """What was queued when the hub died is not told after it."""
    with patch.object(RecordsReader, "unsent", lambda self, limit=0: []):
        yield


@contextmanager
def incidents_forgotten_by_a_restart() -> Iterator[None]:
    with patch.object(PeopleReader, "telling", lambda self: Kept()):
        yield


@contextmanager
def over_before_it_was_told() -> Iterator[None]:
    """What fires and is over within one interval of its incident is told to nobody."""
    ends = Telling._ends

    def quietly(self: Telling, group: Any, now: Any, why: str = "resolved") -> Any:
        group.untold.clear()
        return ends(self, group, now, why)

    with patch.object(Telling, "_ends", quietly):
        yield


@contextmanager
def alerts_shown_before_committed() -> Iterator[None]:
    start = Committer._start

    def early(self: Committer) -> None:
        if not self._busy and not self._work.empty():
            work = self._work
            start(self)
            self._committed(work)
        else:
            start(self)

    with patch.object(Committer, "_start", early):
        yield


@contextmanager
def the_last_heard_are_not_missed() -> Iterator[None]:
    """A device first heard just before the hub died may fall silent without anyone being told."""
    with patch.object(Engine, "expect", lambda self, heard, now: None):
        yield


@contextmanager
def waits_for_a_commit_that_failed() -> Iterator[None]:
    """After a commit has failed the process never comes to its end."""
    with patch.object(LaneWork, "_broken", property(lambda self: False, lambda self, value: None), create=True):
        yield


BUGS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__.replace("_", " "): bug
    for bug in (
        confirmed_before_committed,
        confirmed_before_the_alert,
        outbox_outside_the_transaction,
        resolved_on_silence,
        timers_begin_anew,
        closed_alerts_forgotten_by_a_restart,
        acknowledged_in_memory,
        told_once_at_most,
        incidents_forgotten_by_a_restart,
        over_before_it_was_told,
        alerts_shown_before_committed,
        the_last_heard_are_not_missed,
        waits_for_a_commit_that_failed,
    )
}
