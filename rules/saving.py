"""What the engine puts aside for a restart: all at once, or in pieces, so that fifty thousand devices do not hold up a reading.

A piece bears the moment it was taken at. Waits in it are carried on to the heartbeat, from which a restart counts them."""

from collections.abc import Callable, Iterator
from typing import Any

from hub.model import Now
from rules import keep
from rules.subjects import Kept, Key, Subjects, Tracked
from rules.watch import Watch

REMEMBERED = 7 * 86_400_000
"""How long, in ms, an episode that is over is kept."""
WATCHES, DEVICES = 200, 1_000
"""In one piece: about half a millisecond of work."""

Held = Watch | tuple[tuple[str, Key], Kept]


def whole(subjects: Subjects, now: Now) -> dict[str, Any]:
    """Plain values."""
    return {
        "watches": _watches(subjects, _held(subjects), now),
        "devices": _devices(list(subjects.presences.values())),
        "members": subjects.groups.snapshot(now.monotonic),
    }


def pieces(subjects: Subjects, now: Callable[[], Now]) -> Iterator[dict[str, Any]]:
    """The same in pieces; the last one has the members. ``now``: the moment of the newest reading or tick, asked each time."""
    held, presences = _held(subjects), list(subjects.presences.values())
    for start in range(0, len(held), WATCHES):
        moment = now()
        yield {"at": moment.wall, "watches": _watches(subjects, held[start : start + WATCHES], moment)}
    for start in range(0, len(presences), DEVICES):
        yield {"at": now().wall, "devices": _devices(presences[start : start + DEVICES])}
    yield {"at": now().wall, "members": subjects.groups.snapshot(now().monotonic)}


def joined(parts: list[dict[str, Any]], heartbeat: int | None) -> dict[str, Any]:
    """What ``pieces`` took apart, as ``whole`` would have had it at the heartbeat; ``since``: when the first was taken."""
    state: dict[str, Any] = {"watches": [], "devices": {}, "members": (), "since": min(part["at"] for part in parts)}
    for part in parts:
        passed = ((heartbeat or part["at"]) - part["at"]) / 1000
        for entry in part.get("watches", ()):
            saved = entry[-1]
            if saved["alert"]:
                saved["elapsed"] = max(0.0, saved["elapsed"] + passed)
            if saved["excused"] is not None:
                saved["excused"] -= passed
            state["watches"].append(entry)
        state["devices"].update(part.get("devices", ()))
        if "members" in part:
            state |= {name: value for name, value in part.items() if name != "at"}
            state["members_at"] = part["at"]
    return state


def _held(subjects: Subjects) -> list[Held]:
    return [*subjects.notable, *subjects.kept.items()]


def _watches(subjects: Subjects, held: list[Held], now: Now) -> list[Any]:
    found = []
    for one in held:
        if isinstance(one, tuple):
            place, kept = one
            if place in subjects.kept:
                if kept.saved and _remembers(kept.saved, now):
                    found.append((place[0], *place[1], kept.saved))
                continue
            watch = subjects.find(*place)  # it has been revived while the others were put aside
            if watch is None:
                continue
        else:
            watch = one
        saved = keep.snapshot(watch, now.monotonic)
        if saved and _remembers(saved, now):
            found.append((watch.settings.id, *watch.subject, saved))
        elif watch.memory is None and watch.hours is None:
            subjects.notable.pop(watch, None)
    return found


def _devices(presences: list[Tracked]) -> dict[str, Any]:
    return {one.device: one.snapshot() for one in presences if one.quantities or one.watches}


def _remembers(saved: dict[str, Any], now: Now) -> bool:
    since = now.wall - REMEMBERED
    held = saved["alert"] or saved["memory"] or saved["excused"] or saved.get("waiting") is not None
    return bool(held) or any(end > since for _, end, _ in saved["closed"])
