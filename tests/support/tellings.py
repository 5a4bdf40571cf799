"""Plays the stories of tests/telling/*.toml: who is told of what, at which moment. tests/hub/test_telling.py tells how they
are written."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from hub.calendar import Calendar
from hub.directory import Places
from hub.during import During
from hub.model import Alert, Device, Notice, Now, Person, Quality, Space
from hub.notices import Receiver, Roster
from hub.quantities import duration_ms
from hub.telling.duty import Rota, Shift, Swap
from hub.telling.escalation import Ladder, Ladders, Step
from hub.telling.flapping import Limits
from hub.telling.inhibition import DEFAULTS, Inhibit
from hub.telling.matching import Matcher
from hub.telling.silences import Kind, Silence
from hub.telling.telling import Kept, Telling
from hub.telling.voice import Plan

TICK = 250
WORDS = re.compile(r"(?P<at>\S+)\s+(?P<what>.*?)(?:\s*=>\s*(?P<expected>.*))?$")


def stories(path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(name, story, file) of each story of a file."""
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    for story in file["story"]:
        yield story["name"], story, file


def ladders(tables: list[dict[str, Any]]) -> Ladders:
    return {
        table["severity"]: Ladder(
            tuple(Step(duration_ms(step["after"]) / 1000, tuple(step["tell"])) for step in table["steps"]),
            duration_ms(table["repeat"]) / 1000 if "repeat" in table else None,
            duration_ms(table["accepted_within"]) / 1000 if "accepted_within" in table else None,
        )
        for table in tables
    }


class Player:
    """The way to a person with a clock of its own; what is on disk survives a restart, nothing else does."""

    def __init__(self, story: dict[str, Any], file: dict[str, Any]) -> None:
        given = {**file, **story}
        self.zone = ZoneInfo("Asia/Shanghai")
        begins = datetime.fromisoformat(given.get("begins", "2026-10-14 10:00")).replace(tzinfo=self.zone)
        self.wall = round(begins.timestamp() * 1000)
        self.elapsed = 0
        self.booted = -50_000
        self.places = Places(
            [Space(**space) for space in given.get("space", [])],
            [Device(**device | {"tags": tuple(device.get("tags", ()))}) for device in given.get("device", [])],
        )
        self.people = tuple(self._person(one) for one in given.get("person", []))
        ways = [Receiver(way, given.get("least", {}).get(way, "info")) for person in self.people for way in person.tell]
        self.roster = Roster(self.people, (*ways, *(Receiver(id) for id in given.get("machines", []))))
        calendar = Calendar(self.zone, map(date.fromisoformat, given.get("holidays", [])), ())
        shifts = [Shift(one["person"], one.get("team", "duty"), During(**one.get("during", {}))) for one in given.get("duty", [])]
        self.plan = Plan(
            Rota(calendar, shifts, [Swap(**one) for one in given.get("swap", [])]),
            ladders(given["escalation"]) if "escalation" in given else Plan(Rota(calendar)).ladders,
            tuple(self._inhibit(one) for one in given.get("inhibit", [])) or DEFAULTS,
            Limits(**given.get("flapping", {})),
        )
        self.alerts: dict[str, Alert] = {}
        self.newest: dict[str, str] = {}  # device -> its newest alert
        self.disk: dict[str, bytes] = {}
        self.silences: dict[str, Silence] = {}
        self.unsent: dict[str, Notice] = {}
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.said: list[str] = []
        self.promised: dict[str, tuple[int, set[str]]] = {}
        self.ids: set[str] = set()
        self.telling = Telling(self.roster, self.places, self.plan)

    @staticmethod
    def _person(table: dict[str, Any]) -> Person:
        id = table["id"]
        return Person(id, id, tuple(table.get("tell", [f"phone:{id}"])), spaces=tuple(table.get("spaces", ())))

    @staticmethod
    def _inhibit(table: dict[str, Any]) -> Inhibit:
        more = {key: table[key] for key in ("within", "grace", "offline_only") if key in table}
        cause, explains = Matcher(**table.get("cause", {})), Matcher(**table.get("explains", {}))
        return Inhibit("story", cause, explains, tuple(table.get("tags", ())), **more)

    @property
    def now(self) -> Now:
        return Now(self.wall, (self.elapsed - self.booted) / 1000)

    # --- the story ------------------------------------------------------------------------------------------------------

    def play(self, line: str) -> None:
        found = WORDS.match(line)
        assert found, line
        self.go_to(duration_ms(found["at"]) if found["at"] != "0s" else 0)
        if found["what"]:
            self.do(found["what"])
            self.promise()
        expected = sorted(one.strip() for one in (found["expected"] or "").split(",") if one.strip() not in ("", "nobody"))
        said, self.said = sorted(self.said), []
        assert said == expected, f"{line!r}: told {said or 'nobody'}"

    def go_to(self, elapsed: int) -> None:
        while self.elapsed < elapsed:
            step = min(TICK, elapsed - self.elapsed)
            self.elapsed += step
            self.wall += step
            promised = {id: promise for id, promise in self.promised.items() if promise[0] <= self.elapsed}
            notices = self.telling.tick(self.now)
            if not self.failing and not self.hanging:
                self.keeps(promised, notices)
            self.hear(notices)
            self.promise()

    def promise(self) -> None:
        """What the page says will happen next: incident -> when, whom."""
        following = {group.incident.id: self.telling.voice.next(group, self.now) for group in self.telling.groups}
        self.promised = {
            id: (self.elapsed + one[0] - self.wall, {way.notifier for way in one[1]}) for id, one in following.items() if one
        }

    def keeps(self, promised: dict[str, tuple[int, set[str]]], notices: list[Notice]) -> None:
        """Reminders and steps come when they were promised, to those who were, and no others do."""
        told: dict[str, set[str]] = {}
        for notice in notices:
            if notice.why in ("repeat", "escalated") and "joined" not in notice.body:
                told.setdefault(notice.body["incident"]["id"], set()).add(notice.notifier)
        told = {id: whom for id, whom in told.items() if id in self.promised}  # others were held back until now
        assert told == {id: whom for id, (_, whom) in promised.items()}, f"{self.elapsed} ms: not what was promised"

    def do(self, what: str) -> None:
        words = what.split()
        match words:
            case [device, "fires", *more]:
                self.fire(device, more)
            case [device, "resolves"]:
                alert = self.alerts[self.newest[device]]
                self.change(replace(alert, state="resolved", resolved_at=self.wall, resolved_by="evidence"))
            case [device, "is", "acknowledged", "by", who]:
                alert = self.alerts[self.newest[device]]
                self.change(replace(alert, acknowledged_by=who, acknowledged_at=self.wall))
            case ["silence", matcher, "for", long, *second]:
                key, value = matcher.split("=")
                self.silence("silence", Matcher(**{key: value}), long, second[1] if second else "")
            case [device, "is", "in", "test", "for", long]:
                self.silence("test", Matcher(device=device), long, "wang")
            case ["restart"]:
                self.restart()
            case ["restart", "after", long]:
                self.elapsed += duration_ms(long)
                self.wall += duration_ms(long)
                self.restart()
            case ["clock", "jumps", by]:
                self.wall += -duration_ms(by[1:]) if by.startswith("-") else duration_ms(by)
            case [way, "fails"]:
                self.failing.add(way)
            case [way, "hangs"]:
                self.hanging.add(way)
            case _:
                raise AssertionError(f"a story does not say {what!r}")

    def fire(self, device: str, more: list[str]) -> None:
        given = dict(zip(more[::2], more[1::2], strict=True))
        quantity = given.get("of", "fire.smoke")
        quantity = "" if quantity == "silence" else quantity
        path = self.places.path(device)
        severity: Any = given.get("as", "critical")
        alert = Alert(
            id=f"{device}/{len(self.alerts)}", rule=given.get("rule", quantity or "silent"), severity=severity,
            state="firing", device=device, quantity=quantity, space=path[-1].id if path else "", at=self.wall,
            pending_since=self.wall, raised_at=self.wall, place=self.places.place(device),
            quality=Quality.TEST_MODE if "flagged" in given else 0,
        )  # fmt: skip
        self.newest[device] = alert.id
        self.change(alert)

    def change(self, alert: Alert) -> None:
        before = self.alerts.get(alert.id)
        alert = replace(alert, revision=before.revision + 1 if before else 1)
        self.alerts[alert.id] = alert
        self.hear(self.telling.changed(before, alert, self.now))

    def silence(self, kind: Kind, matcher: Matcher, long: str, second: str) -> None:
        until = self.wall + duration_ms(long)
        made = Silence(
            id=str(matcher), matcher=matcher, since=self.wall, until=until, by="li", why="work", kind=kind, second=second
        )
        self.silences[made.id] = self.telling.silences[made.id] = made
        self.telling.look_again()

    def restart(self) -> None:
        self.booted = self.elapsed - 5_000
        self.telling = Telling(self.roster, self.places, self.plan)
        self.telling.silences.update(self.silences)
        kept = msgspec.msgpack.decode(self.disk["kept"], type=Kept) if self.disk else Kept()
        open_ones = [one for one in kept.incidents if one.state != "resolved"]
        known = {one.id for one in open_ones}
        members = [one for one in kept.members if one.incident in known]
        self.telling.restore(Kept(open_ones, members), list(self.alerts.values()), self.unsent.values(), self.now)

    # --- what comes of it -----------------------------------------------------------------------------------------------

    def hear(self, notices: Any) -> None:
        """A transaction: what is told and what is kept of it."""
        kept = self.telling.drain()
        old = msgspec.msgpack.decode(self.disk["kept"], type=Kept) if self.disk else Kept()
        incidents = {one.id: one for one in old.incidents} | {one.id: one for one in kept.incidents}
        members = {one.alert: one for one in old.members} | {one.alert: one for one in kept.members}
        if kept.incidents or kept.members:
            self.disk["kept"] = msgspec.msgpack.encode(Kept(list(incidents.values()), list(members.values())))
        for notice in notices:
            assert notice.id not in self.ids, f"{notice.id} was made twice"
            self.ids.add(notice.id)
            joined = notice.body.get("joined") if notice.why in ("joined", "repeat") else None
            count = f" {joined['count']}" if joined else ""
            self.said.append(f"{notice.person or notice.notifier} {notice.why}{count}")
            if notice.notifier in self.hanging:
                self.unsent[notice.id] = notice
            else:
                self.telling.sent(notice.id, "failed" if notice.notifier in self.failing else "sent")
