"""What was counted between moments on steady days, from the readings around each of them alone."""

import numpy as np

from hub.ports import Floats, Ints
from hub.rolled import Moments

Figures = tuple[Floats, Floats, Floats, Floats, Floats]


def between(moments: Moments, edges: Ints, rates: Floats) -> Figures:
    """[series, edges - 1] each: value, low, high, completeness and estimated, as in ``Intervals``. ``rates``: the most each
    series' meter can count, units per ms, or infinity."""
    since, step, before, after = moments.since, moments.step, moments.before, moments.after
    shape = (len(since), len(edges) - 1)
    none, all = np.broadcast_to(0.0, shape), np.broadcast_to(1.0, shape)
    if not step.any():
        value = np.diff(before, axis=1)
        return value, value, value, all, none
    length = np.diff(edges)
    rise = after - before
    value = np.diff(before + since / np.maximum(step, 1) * rise, axis=1)
    until: Ints = (step[:, :-1] - since[:, :-1]).astype(np.int64)  # from the beginning to the first reading
    rest: Ints = since[:, 1:].astype(np.int64)
    shared = until + rest
    inside = shared <= length
    counted = before[:, 1:] - after[:, :-1]
    low = np.where(inside, np.maximum(counted, 0.0), 0.0)
    most = rates[:, None]
    if np.isfinite(rates).any():
        start, end = (np.minimum(part, _within(most, time)) for part, time in ((rise[:, :-1], until), (rise[:, 1:], rest)))
        high = np.where(inside, counted + start + end, np.minimum(rise[:, 1:], most * length))
    else:
        high = np.where(inside, counted + rise[:, :-1] + rise[:, 1:], rise[:, 1:])
    return value, np.minimum(low, value), np.maximum(high, value), all, np.where(inside, shared, length) / length


def _within(most: Floats, time: Ints) -> Floats:
    return np.where(time > 0, most * np.maximum(time, 1), 0.0)
