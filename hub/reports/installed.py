"""What people know about the meters behind a series: which stood there since when, what was read off by hand, ratings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hub.ports import Floats, Ints, Rows
from hub.register import HOUR, Limits, Steps, steps

_AROUND = 9  # readings that tell whether a step is a plausible one


class Installed(Struct, frozen=True):
    """A meter that stood there from ``since`` (ms UTC) until the next one. ``start`` and ``end`` are what its register showed
    when it came and went, None where nobody noted it; without a new ``serial`` it is the same meter with another ``factor``
    (current-transformer ratio, 倍率). The first entry's ``since`` may be 0: always."""

    since: int = 0
    serial: str = ""
    start: float | None = None
    end: float | None = None
    factor: float = 1.0


class Register(Struct, frozen=True):
    """What people have said about one series."""

    manual: tuple[tuple[int, float], ...] = ()
    installed: tuple[Installed, ...] = ()
    limits: Limits = Limits()

    @property
    def said(self) -> bool:
        return bool(self.manual or self.installed)

    @property
    def known(self) -> bool:
        return self.said or self.limits != Limits()

    def max_rate(self, edges: Ints) -> float | None:
        """Units per ms that the consumption of any of its meters never exceeds."""
        if self.limits.max_rate is None:
            return None
        factors = [meter.factor for meter in self.installed] or [1.0]
        if self.installed and self.installed[0].since > edges[0]:
            factors.append(1.0)
        return self.limits.max_rate / HOUR * max(factors)


def history(rows: Rows, register: Register) -> Steps:
    """One series' readings and what people have said, cleaned; ``value``, ``low`` and ``high`` times each meter's factor."""
    time, value, quality = _with_manual(rows, register.manual)
    limits = {0: register.limits}
    if not register.installed:
        return steps(_bounds(time), time, value, quality, limits)
    meters = _meters(register.installed)
    cuts = np.searchsorted(time, [meter.since for meter in meters[1:]], "left").tolist()
    parts: list[Steps] = []
    for number, (low, high, meter) in enumerate(zip([0, *cuts], [*cuts, len(time)], meters, strict=True)):
        following = meters[number + 1] if number + 1 < len(meters) else None
        mine = _noted(time[low:high], value[low:high], quality[low:high], meter, following)
        part = steps(_bounds(mine[0]), *mine, limits)
        parts.append(part)
    whole = _scaled(parts[0], meters[0].factor)
    for before, meter, part in zip(meters, meters[1:], parts[1:], strict=False):
        whole = _joined(whole, part, before, meter, register.limits)
    return whole


def _bounds(time: Ints) -> Ints:
    return np.array([0, len(time)])


def _meters(installed: Sequence[Installed]) -> list[Installed]:
    ordered = sorted(installed, key=lambda meter: meter.since)
    return ordered if ordered[0].since <= 0 else [Installed(factor=1.0), *ordered]


def _with_manual(rows: Rows, manual: Sequence[tuple[int, float]]) -> tuple[Ints, Floats, Ints]:
    """What a person read stands instead of what the meter said at the same ms."""
    if not manual:
        return rows.time, rows.value, rows.quality
    said = dict(manual)
    own = ~np.isin(rows.time, np.array(list(said), np.int64))
    time = np.concatenate([rows.time[own], np.array(list(said), np.int64)])
    value = np.concatenate([rows.value[own], np.array(list(said.values()), np.float64)])
    quality = np.concatenate([rows.quality[own], np.zeros(len(said), np.int64)])
    order = np.argsort(time, kind="stable")
    return time[order], value[order], quality[order]


def _noted(time: Ints, value: Floats, quality: Ints, meter: Installed, following: Installed | None) -> tuple[Ints, Floats, Ints]:
    """With what its register showed when it came and when it went."""
    if meter.start is not None:
        time, value, quality = np.insert(time, 0, meter.since), np.insert(value, 0, meter.start), np.insert(quality, 0, 0)
    if meter.end is not None and following is not None:
        time, value, quality = np.append(time, following.since), np.append(value, meter.end), np.append(quality, 0)
    return time, value, quality


def _scaled(part: Steps, factor: float) -> Steps:
    return replace(part, value=part.value * factor, low=part.low * factor, high=part.high * factor)


def _joined(whole: Steps, part: Steps, before: Installed, after: Installed, limits: Limits) -> Steps:
    """Two meters' steps, one after the other, with the step between their nearest readings."""
    scaled = _scaled(part, after.factor)
    if not len(whole.time) or not len(part.time):
        return scaled if len(part.time) else whole
    same = after.serial in ("", before.serial) and after.start is None and before.end is None
    between = _same_meter(whole, part, before, after, limits) if same else _another_meter(whole, part, before, after, limits)
    value, low, high, unbounded, covered, estimated, joined = between
    columns = [np.concatenate(pair) for pair in zip(_columns(whole), _columns(scaled), strict=True)]
    at = len(whole.time)
    for column, given in zip(columns[2:], (value, low, high, unbounded, covered, estimated, joined, True), strict=True):
        column[at] = given
    return Steps(_bounds(columns[0]), *columns)


def _columns(part: Steps) -> list[Any]:
    return [
        part.time, part.register, part.value, part.low, part.high, part.unbounded, part.covered, part.estimated, part.joined,
        part.odd,
    ]  # fmt: skip


_Between = tuple[float, float, float, int, int, int, bool]
"""value, low, high, unbounded, covered, estimated, joined of one step, as in ``Steps``."""


def _another_meter(whole: Steps, part: Steps, before: Installed, after: Installed, limits: Limits) -> _Between:
    length = int(part.time[0] - whole.time[-1])
    if not length:
        return 0.0, 0.0, 0.0, 0, 0, 0, True
    if limits.max_rate is None:
        return 0.0, 0.0, 0.0, 1, 0, 0, False
    return 0.0, 0.0, limits.max_rate / HOUR * length * max(before.factor, after.factor), 0, 0, 0, False


def _same_meter(whole: Steps, part: Steps, before: Installed, after: Installed, limits: Limits) -> _Between:
    """The ratio changed between two readings of one register: what it counted is shared out by time."""
    near = [np.concatenate([old[-_AROUND:], new[:_AROUND]]) for old, new in
            ((whole.time, part.time), (whole.register, part.register))]  # fmt: skip
    again = steps(_bounds(near[0]), near[0], near[1], np.zeros(len(near[0]), np.int64), {0: limits})
    at = np.flatnonzero(again.time == part.time[0])
    if not len(at) or again.time[at[0] - 1] != whole.time[-1]:
        return _another_meter(whole, part, before, after, limits)  # one of the two is misread
    step = int(at[0])
    length = int(part.time[0] - whole.time[-1])
    share = (after.since - int(whole.time[-1])) / length if length else 1.0
    least, most = sorted((before.factor, after.factor))
    value = float(again.value[step]) * (share * before.factor + (1 - share) * after.factor)
    exact = share in (0.0, 1.0)
    low = value if exact else float(again.low[step]) * least
    high = value if exact else float(again.high[step]) * most
    return (
        value, low, high, int(again.unbounded[step]), int(again.covered[step]),
        0 if exact else int(again.covered[step]), bool(again.joined[step]),
    )  # fmt: skip
