"""Plays stories: what is told of a rule, line by line, against the engine itself.

A story is a text with one moment a line:

    10s   reads 510               => pending
    70s   waits                   => firing

At the left the time since it began, then what happens, and behind the arrow what the hub must say because of it;
``tests/rules/test_scenarios.py`` tells all that can happen. A rule carries such stories itself, as
``[[rule.test]]`` with ``name`` and ``story``; ``gengfu check`` plays them.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from msgspec import Struct

from hub.calendar import Calendar
from hub.directory import Places
from hub.during import DAYS
from hub.model import Alert, Device, Now, Quality, Reading, Space
from hub.ports import Rule, RuleSettings
from hub.quantities import Vocabulary, duration_ms
from rules.engine import Engine
from rules.loading import conditions

START = 1_790_000_000_000  # 2026-09-21 13:33:20 UTC; any moment would do
HEARTBEAT = 10_000
DAY = 86_400_000
TICK = 250
LONGEST = 2_000_000
"""Ticks of one story: five days at four a second."""
WORDS = re.compile(r"(?P<at>(?:(?:mon|tue|wed|thu|fri|sat|sun) )?\S+)\s+(?P<what>.*?)(?:\s*=>\s*(?P<expected>.*))?$")
READS = re.compile(
    r"reads (?P<value>\S+)(?: of (?P<quantity>\S+))?(?: by (?P<device>\S+))?(?: on (?P<channel>\S+))?"
    r"(?: at (?P<time>\S+))?(?: number (?P<seq>\d+))?"
    r"(?: every (?P<every>\S+) until (?P<until>\S+))?(?P<undated> undated)?(?P<retained> retained)?(?P<repeated> redelivered)?"
    r"(?: flagged (?P<flags>\S+))?"
)


class WrongStory(AssertionError):
    """The engine did something else than the story tells, or the story cannot be read; the text says which line."""


class Player:
    """The hub around an engine: a clock that can jump, alerts on disk, a snapshot with every heartbeat."""

    def __init__(
        self,
        rules: Callable[[], Sequence[Rule]],
        places: Places,
        vocabulary: Vocabulary,
        calendar: Calendar,
        quantity: str,
        device: str,
        start: int = START,
        tick: int = TICK,
    ) -> None:
        """``rules`` makes them anew for each start; ``quantity`` and ``device`` are meant where a line names none; ``start`` and
        ``tick`` in ms."""
        self._rules = rules
        self._vocabulary = vocabulary
        self.places = places
        self.calendar = calendar
        self.quantity = quantity
        self.device = device
        self.start = start
        self.tick = tick
        self.newest: dict[tuple[str, str, str], tuple[Reading, int]] = {}  # of each series, as in the store
        self.stored: list[tuple[tuple[str, str, str], Reading, int]] = []  # with its arrival
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
        return Engine(self._rules(), self.places, self._vocabulary, self.calendar)

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
        remembering = set(self.engine.remembering())
        for key, reading, arrival in self.stored:
            if not forgetting and self.heartbeat is not None and arrival >= self.heartbeat and key in remembering:
                self.engine.warm(reading)
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
        self.store(reading)

    def store(self, reading: Reading) -> None:
        key = (reading.device, reading.quantity, reading.channel)
        self.stored.append((key, reading, self.wall))
        if key not in self.newest or (reading.time or 0) > (self.newest[key][0].time or 0):
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


class Site(Struct, frozen=True):
    """What a rule finds where it is at work."""

    spaces: Sequence[Space]
    devices: Sequence[Device]
    vocabulary: Vocabulary
    calendar: Calendar


def rehearse(
    rule: Rule,
    story: str,
    site: Site,
    quantity: str | None = None,
    device: str | None = None,
    begins: int | None = None,
    tick: int = TICK,
) -> None:
    """Plays one story of a site's own rule, alone. Where a line names no device, one is meant that the rule sees: ``device``, or
    one made for it. Raises WrongStory."""
    places = Places(site.spaces, site.devices)
    names = [each.name for each in site.vocabulary]
    glob = conditions(rule)[0].settings.quantity
    meant = quantity or next((name for name in names if fnmatchcase(name, glob)), glob)
    if device is None:
        made = _in_scope(conditions(rule)[0].settings, site.spaces)
        places.upsert_devices([made])
        device = made.id
    player = Player(lambda: [rule], places, site.vocabulary, site.calendar, meant, device, begins or START, tick)
    act(player, story, rule.settings.id)


def _in_scope(settings: RuleSettings, spaces: Sequence[Space]) -> Device:
    """A device that a rule of that scope sees."""
    inside = next((space.id for space in spaces if settings.space != "*" and fnmatchcase(space.id, settings.space)), "")
    named = {name: _plain(getattr(settings, name)) for name in ("vendor", "model", "tag")}
    tags = (named["tag"],) if settings.tag != "*" else ()
    id = "test:1" if settings.device == "*" else _plain(settings.device)
    return Device(id, space=inside, vendor=named["vendor"], model=named["model"], accepted=True, tags=tags)


def _plain(glob: str) -> str:
    return re.sub(r"\[(.).*?\]", r"\1", glob).replace("*", "1").replace("?", "1")


def act(player: Player, story: str, first: str) -> None:
    """Plays it line by line. ``first``: the rule that is meant where the words behind an arrow name none. Raises WrongStory with
    the line where the engine did something else."""
    for line in filter(str.strip, story.splitlines()):
        match = WORDS.fullmatch(line.strip())
        if not match:
            raise WrongStory(f'cannot read the line "{line.strip()}"')
        expected = [
            part.strip() if ":" in part else f"{first}: {part.strip()}"
            for part in (match["expected"] or "").split(",")
            if part.strip()
        ]
        player.said.clear()
        player.go_to(_soon_enough(player, line, match["at"]))
        waited = list(player.said)
        if match["what"] != "waits":
            if waited:
                raise WrongStory(f"before “{line.strip()}” it said {_said([word for _, word in waited], first)}")
            try:
                player.do(match["what"])
            except (ValueError, KeyError) as error:
                raise WrongStory(f"“{line.strip()}”: {error}") from None
        elif any(at < player.elapsed - max(1000, player.tick) for at, _ in waited):
            raise WrongStory(f"sooner than “{line.strip()}” it said {_said([word for _, word in waited], first)}")
        got = [word for _, word in player.said]
        if got != expected:
            raise WrongStory(f"“{line.strip()}”: expected {_said(expected, first)}, but it said {_said(got, first)}")


def _said(words: list[str], first: str) -> str:
    return ", ".join(word.removeprefix(f"{first}: ") for word in words) or "nothing"


def _soon_enough(player: Player, line: str, text: str) -> int:
    try:
        moment = player.moment(text)
    except ValueError as error:
        raise WrongStory(f"“{line.strip()}”: {error}") from None
    if moment > LONGEST * player.tick:
        raise WrongStory(f"“{line.strip()}”: too far ahead to be played; give the story a longer tick, such as 1min")
    return moment
