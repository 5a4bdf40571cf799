"""Plays the stories of tests/scenarios/*.toml; tests/rules/test_scenarios.py tells how they are written."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.calendar import Calendar
from hub.directory import Places
from hub.during import DAYS
from hub.model import Alert, Device, Now, Quality, Reading, Space
from hub.quantities import Quantity, Vocabulary, duration_ms
from rules import build, load_defaults
from rules.engine import Engine

START = 1_790_000_000_000  # 2026-09-21 13:33:20 UTC; any moment would do
HEARTBEAT = 10_000
DAY = 86_400_000
VOCABULARY = Vocabulary([Quantity("bench.level", "1", "gauge", 0, 1e6, "device", "level", "水平")])
WORDS = re.compile(r"(?P<at>(?:(?:mon|tue|wed|thu|fri|sat|sun) )?\S+)\s+(?P<what>.*?)(?:\s*=>\s*(?P<expected>.*))?$")
READS = re.compile(
    r"reads (?P<value>\S+)(?: of (?P<quantity>\S+))?(?: by (?P<device>\S+))?(?: on (?P<channel>\S+))?"
    r"(?: at (?P<time>\S+))?(?: number (?P<seq>\d+))?"
    r"(?: every (?P<every>\S+) until (?P<until>\S+))?(?P<undated> undated)?(?P<retained> retained)?(?P<repeated> redelivered)?"
    r"(?: flagged (?P<flags>\S+))?"
)


class WrongStory(AssertionError):
    pass


def stories(path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(name, scenario, file) of each scenario of a file."""
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    for scenario in file["scenario"]:
        yield scenario["name"], scenario, file


class Player:
    """The hub around an engine: a clock that can jump, alerts on disk, a snapshot with every heartbeat."""

    def __init__(self, scenario: dict[str, Any], file: dict[str, Any]) -> None:
        self.tables = scenario.get("rules", [scenario["rule"]] if "rule" in scenario else [])
        self.defaults = scenario.get("defaults", [])
        self.places = Places(
            [Space(**space) for space in file.get("space", [])],
            [Device(**device) for device in file.get("device", [])],
        )
        self.quantity = scenario.get("quantity", self.tables[0].get("quantity", "") if self.tables else "")
        self.device = scenario.get("device", "bench:1")
        site = {**file, **scenario}
        zone = ZoneInfo(site.get("zone", "Asia/Shanghai"))
        calendar = {name: [date.fromisoformat(day) for day in days] for name, days in site.get("calendar", {}).items()}
        self.calendar = Calendar(zone, **calendar)
        self.tick = duration_ms(site.get("tick", "250ms"))
        begins = site.get("begins")
        self.start = round(datetime.fromisoformat(begins).replace(tzinfo=zone).timestamp() * 1000) if begins else START
        self.newest: dict[tuple[str, str, str], tuple[Reading, int]] = {}  # of each series, as in the store
        self.wall = self.start
        self.elapsed = 0  # ms since the story began
        self.booted = -1_000_000  # where this boot's monotonic clock began
        self.disk: dict[str, Alert] = {}
        self.state: bytes | None = None
        self.heartbeat: int | None = None
        self.said: list[tuple[int, str]] = []
        self.engine = self.new_engine()
        self.engine.await_devices(self.places.devices.values(), self.now)

    def new_engine(self) -> Engine:
        rules = [rule for rule in load_defaults(VOCABULARY) if rule.settings.id in self.defaults]
        for table in self.tables:
            settings = {key: value for key, value in table.items() if key != "kind"}
            rules.append(build(table["kind"], {"id": table["kind"], **settings}, VOCABULARY))
        return Engine(rules, self.places, VOCABULARY, self.calendar)

    @property
    def now(self) -> Now:
        return Now(self.wall, (self.elapsed - self.booted) / 1000)

    # --- the clock ---

    def go_to(self, elapsed: int) -> None:
        while self.elapsed < elapsed:
            beats = self.elapsed // HEARTBEAT
            self._pass(min(self.tick, elapsed - self.elapsed))
            self.commit(self.engine.tick(self.now))
            if self.elapsed // HEARTBEAT != beats:
                self.beat()

    def moment(self, text: str) -> int:
        """ms of the story: "10s" since it began, "22:00" when it next is that late, "fri 22:00" when next on a Friday."""
        match = re.fullmatch(r"(?:(\w{3}) )?(\d\d):(\d\d)", text)
        if not match:
            return duration_ms(text)
        zone = self.calendar.zone
        here = datetime.fromtimestamp((self.start + self.elapsed) / 1000, zone)
        for days in range(8):
            day = here.date() + timedelta(days=days)
            then = datetime(day.year, day.month, day.day, int(match[2]), int(match[3]), tzinfo=zone)
            if then.timestamp() >= here.timestamp() and match[1] in (None, DAYS[day.weekday()]):
                return round(then.timestamp() * 1000) - self.start
        raise WrongStory(f'there is no "{text}"')

    def _pass(self, ms: int) -> None:
        self.elapsed += ms
        self.wall += ms

    def beat(self) -> None:
        self.state = msgspec.msgpack.encode(self.engine.snapshot())
        self.heartbeat = self.wall

    def restart(self, down: int, *, forgetting: bool) -> None:
        """Killed as with -9: what is left are the alerts on disk and the last heartbeat's snapshot."""
        self._pass(down)
        self.booted = self.elapsed - 5_000
        self.engine = self.new_engine()
        state = msgspec.msgpack.decode(self.state) if self.state and not forgetting else None
        self.engine.restore(state, list(self.disk.values()), None if forgetting else self.heartbeat, self.now)
        self.engine.expect(self.newest.values(), self.now)
        self.engine.await_devices(self.places.devices.values(), self.now)

    # --- what happens ---

    def commit(self, changed: Any) -> None:
        for alert in changed:
            before = self.disk.get(alert.id)
            if alert.revision != (before.revision + 1 if before else 1):
                raise WrongStory(f"alert {alert.id}: revision {alert.revision} after {before and before.revision}")
            if before and before.state == "resolved":
                raise WrongStory(f"alert {alert.id} was changed after it had been closed")
            self.disk[alert.id] = alert
            self.said.append((self.elapsed, told(before, alert)))

    def read(self, match: re.Match[str]) -> None:
        every = duration_ms(match["every"]) if match["every"] else 0
        until = self.moment(match["until"]) if match["until"] else self.elapsed
        while True:
            self.read_once(match)
            if not every or self.elapsed + every > until:
                return
            self.go_to(self.elapsed + every)

    def read_once(self, match: re.Match[str]) -> None:
        quality = 0
        for flag in (match["flags"] or "").split(","):
            quality |= Quality[flag.upper()] if flag else 0
        if match["undated"]:
            quality |= Quality.MISSING_TIME
        if match["retained"]:
            quality |= Quality.STALE_RETAINED
        if match["repeated"]:
            quality |= Quality.DUPLICATE
        # A device's clock is right: it is not the hub's that may jump.
        time = self.wall if match["undated"] else self.start + (self.told(match["time"]) if match["time"] else self.elapsed)
        device, quantity, channel = match["device"] or self.device, match["quantity"] or self.quantity, match["channel"] or ""
        reading = Reading(device, quantity, float(match["value"]), time, channel, int(match["seq"] or 0), quality)
        self.commit(self.engine.step(reading, self.wall, self.now, stale=bool(match["retained"])))
        key = (device, quantity, channel)
        if key not in self.newest or time > (self.newest[key][0].time or 0):
            self.newest[key] = (reading, self.wall)

    def told(self, text: str) -> int:
        if text.startswith("-"):
            return -duration_ms(text[1:])
        moment = self.moment(text)
        return moment - DAY if ":" in text and moment > self.elapsed else moment  # "at 22:00": when it last was

    def do(self, what: str) -> None:
        if match := READS.fullmatch(what):
            self.read(match)
        elif match := re.fullmatch(r"restarts after (\S+)( forgetting)?", what):
            self.restart(duration_ms(match[1]), forgetting=bool(match[2]))
        elif match := re.fullmatch(r"clock jumps (-?)(\S+)", what):
            self.wall += duration_ms(match[2]) * (-1 if match[1] else 1)
        elif match := re.fullmatch(r"(\w+) acknowledges", what):
            for alert in self.engine.open_alerts():
                self.commit([self.engine.acknowledge(alert.id, match[1], "", self.now)])
        elif match := re.fullmatch(r"(\w+) resolves(?:: (.*))?", what):
            for alert in self.engine.open_alerts():
                self.commit([self.engine.resolve(alert.id, match[1], match[2] or "", self.now)])
        elif match := re.fullmatch(r"(\S+) moves to (\S+)", what):
            self.places.upsert_devices([Device(id=match[1], space=match[2], accepted=True)])
            self.engine.directory_changed()
        else:
            raise WrongStory(f'nobody knows how to do "{what}"')


def told(before: Alert | None, after: Alert) -> str:
    """What a change looks like from outside, in one word or two."""
    if after.state == "resolved":
        word = "dropped" if after.raised_at is None else "resolved"
        if after.resolved_by != "evidence":
            word += f" by {after.resolved_by}"
    elif before is None or before.state != after.state:
        word = after.state + (" stale" if after.stale else "")
    elif after.acknowledged_by != before.acknowledged_by:
        word = f"acknowledged by {after.acknowledged_by}"
    elif after.silent != before.silent:
        word = "silent" if after.silent else "heard"
    else:
        word = "confirmed" if before.stale and not after.stale else "again"
    return f"{after.rule}: {word}"


def play(scenario: dict[str, Any], file: dict[str, Any]) -> Player:
    """Raises WrongStory with the line where the engine did something else."""
    player = Player(scenario, file)
    rules = [*player.defaults, *(table.get("id", table["kind"]) for table in player.tables)]
    for line in filter(str.strip, scenario["story"].splitlines()):
        match = WORDS.fullmatch(line.strip())
        if not match:
            raise WrongStory(f'cannot read the line "{line.strip()}"')
        expected = [
            part.strip() if ":" in part else f"{rules[0]}: {part.strip()}"
            for part in (match["expected"] or "").split(",")
            if part.strip()
        ]
        player.said.clear()
        player.go_to(player.moment(match["at"]))
        waited = list(player.said)
        if match["what"] != "waits":
            if waited:
                raise WrongStory(f"before “{line.strip()}”: {waited}")
            player.do(match["what"])
        elif any(at < player.elapsed - max(1000, player.tick) for at, _ in waited):
            raise WrongStory(f"sooner than “{line.strip()}”: {waited}")
        got = [word for _, word in player.said]
        if got != expected:
            raise WrongStory(f"“{line.strip()}”\n  expected {expected}\n  got      {got}")
    return player
