"""Runs an engine over stored readings, in the order in which they arrived, with the ticks of the clock between them.

Time is what it was: a reading is judged at its arrival. Ticks that the hub logged come when they came. Beside them the clock
ticks whenever something falls due, a second late: a live hub ticks four times a second, so whatever it did is in the log first.
"""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from math import inf

from msgspec import Struct

from hub.model import Alert, Now, Quality, Reading, Series
from hub.ports import Rule
from hub.records_ticks import Tick
from hub.stores.arrivals import Span
from rules.engine import Engine
from rules.loading import conditions
from rules.subjects import Series as Watched

GRACE = 1.0
LOOK_AGAIN = 3600.0
"""Seconds after which a device is looked at again for silence. Live it is a minute; but what the live engine found is logged."""

Changed = Callable[[Sequence[Alert], Now], None]


class Slot:
    __slots__ = ("series",)

    def __init__(self) -> None:
        self.series: Watched | None = None


class Progress(Struct):
    """``share`` of the past that has been run through, 0 to 1; ``readings`` so far."""

    share: float = 0.0
    readings: int = 0


class Clock:
    """Ticks an engine. ``changed`` hears of everything a tick brings about."""

    def __init__(self, engine: Engine, ticks: Sequence[Tick], changed: Changed) -> None:
        self._engine = engine
        self._ticks = [*ticks, Tick(at=2**62, after=2**62)]
        self._number = 0
        self._changed = changed
        self.now = 0  # ms

    def until(self, arrival: float) -> float:
        """Ticks all that comes before what arrives then, ms. Returns the arrival before which nothing more will."""
        engine = self._engine
        while True:
            logged = self._ticks[self._number]
            due = (engine.next_due() + GRACE) * 1000
            if logged.after < arrival and (logged.at <= due or due >= arrival):
                self._number += 1
                self._tick(logged.at, logged.silent)
            elif due < arrival:
                self._tick(-int(-due // 1), ())
            else:
                return min(due, float(logged.after))

    def _tick(self, at: int, silent: Sequence[str]) -> None:
        self.now = max(self.now, at)
        now = Now(self.now, self.now / 1000)
        if changed := self._engine.tick(now, silent):
            self._changed(changed, now)


def run(
    engine: Engine,
    wanted: Sequence[Series],
    spans: Iterable[Span],
    ticks: Sequence[Tick],
    until: int,
    changed: Changed,
    progress: Callable[[Progress], None] = lambda _: None,
) -> int:
    """Plays ``spans`` of the series ``wanted``; ``changed`` hears of every change. Goes on ticking until that moment, ms.
    Returns how many readings there were."""
    engine.look_again = LOOK_AGAIN
    clock = Clock(engine, ticks, changed)
    slots = [(*series_of, Slot()) for series_of in ((one.device, one.quantity, one.channel) for one in wanted)]
    told = Progress()
    step, next_due = engine.step, engine.next_due
    retained = int(Quality.STALE_RETAINED)
    bound = -inf
    for span in spans:
        columns = span.columns
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for number, time, seq, received_at, value, quality in rows:
            if received_at > bound:
                bound = clock.until(received_at)
            if received_at > clock.now:
                clock.now = received_at
            device, quantity, channel, slot = slots[number]
            now = Now(clock.now, clock.now / 1000)
            reading = Reading(device, quantity, value, time, channel, seq, quality)
            if moved := step(reading, received_at, now, stale=quality & retained != 0, slot=slot):
                changed(moved, now)
            bound = min(bound, (next_due() + GRACE) * 1000)
        told.readings += columns.rows
        told.share = span.share
        progress(told)
    clock.until(until)
    return told.readings


def looked_at(rules: Sequence[Rule], every: Iterable[Series]) -> list[Series]:
    """The series that these rules look at, of all there are: those they judge, and, where they need to know whether a device
    has fallen silent, all of such a device."""
    every = list(every)
    scopes = {(one.settings.quantity, one.settings.device) for rule in rules for one in conditions(rule)}

    def seen(one: Series) -> bool:
        return any(fnmatchcase(one.quantity, quantity) and fnmatchcase(one.device, device) for quantity, device in scopes)

    alone = [one for one in every if seen(one)]
    if not any(needs_silence(rule) for rule in rules):
        return alone
    devices = {one.device for one in alone}
    return [one for one in every if one.device in devices]


def needs_silence(rule: Rule) -> bool:
    """Whether it matters that nothing is heard of a device: for the rule itself, or because something must hold."""
    settings = rule.settings
    return bool(hasattr(rule, "wait") or hasattr(rule, "leaves") or settings.hold_for or settings.clear_for or settings.during)
