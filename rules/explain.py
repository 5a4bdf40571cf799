"""Why, and why not: what each rule makes of one device at this moment, and what holds it back. Plain data, both languages."""

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from hub.model import Now, Quality, Reading
from hub.ports import Rule
from rules.engine import Engine
from rules.group import Group, Part
from rules.loading import conditions
from rules.member import Member
from rules.reasons import Reason, reason
from rules.subjects import NO_SIGN_OF_LIFE, Tracked
from rules.watch import Watch

Latest = Mapping[tuple[str, str], Reading]
"""The newest reading that arrived of each of a device's quantities and channels."""
_SECOND_HAND = int(Quality.STALE_RETAINED | Quality.DUPLICATE)


def explain(engine: Engine, rules: Sequence[Rule], device: str, now: Now, latest: Latest) -> dict[str, Any]:
    """``rules``: all that are configured, also those that are switched off.

    Gives ``device``, ``at`` (ms) and ``rules``: for each that saw the device ``sees`` true with ``quantity``, ``channel``,
    ``value``, ``verdict`` (true, false, or None for cannot tell), ``threshold``, ``state`` (quiet, pending, firing), ``alert``
    (its id) and ``why``; for each that did not, though it is about a quantity the device has, ``sees`` false and ``why``."""
    subjects = engine._subjects
    presence = subjects.presences.get(device)
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    keys = [*(presence.series if presence else ()), *((device, quantity, "") for quantity in NO_SIGN_OF_LIFE)]
    for key in keys:
        series = subjects.series.get(key)
        if series is None:
            continue
        reading = latest.get(key[1:])
        for watch in series.watches:
            seen.add(watch.settings.id)
            what = _member(watch, now) if isinstance(watch, Member) else _watch(watch, now)
            what["why"] = [*_odd(watch, reading), *what["why"]]
            found.append(_about(watch, key, reading) | what)
    for watch in presence.watches.values() if presence else ():
        seen.add(watch.settings.id)
        found.append(_about(watch, (device, "", ""), None) | _silence(watch, engine, presence, now))
    quantities = {quantity for quantity, _ in latest}
    for rule in rules:
        if rule.settings.id not in seen and any(_is_about(one, quantities) for one in conditions(rule)):
            found.append(_unseen(engine, rule))
    order = {"firing": 0, "pending": 1}
    found.sort(key=lambda one: (not one["sees"], order.get(one["state"], 2), one["rule"]))
    return {"device": device, "at": now.wall, "rules": found}


def _is_about(rule: Rule, quantities: set[str]) -> bool:
    return any(fnmatchcase(quantity, rule.settings.quantity) for quantity in quantities)


def _about(watch: Watch | Part, key: tuple[str, str, str], reading: Reading | None) -> dict[str, Any]:
    judge = watch.leaf if isinstance(watch, Member) else watch.own or watch.rule
    return {
        "rule": watch.settings.id, "kind": watch.group.rule.kind if isinstance(watch, Member) else watch.rule.kind,
        "severity": watch.settings.severity, "name": dict(watch.settings.name), "sees": True, "quantity": key[1],
        "channel": key[2], "value": reading.value if reading else None, "at": reading.time if reading else None,
        "threshold": judge.threshold,
    }  # fmt: skip


def _unseen(engine: Engine, rule: Rule) -> dict[str, Any]:
    settings = rule.settings
    why = reason("disabled") if not settings.enabled else reason("out_of_scope")
    if settings.id in engine.failed:
        why = reason("stopped", engine.failed[settings.id])
    return {
        "rule": settings.id, "kind": rule.kind, "severity": settings.severity, "name": dict(settings.name), "sees": False,
        "quantity": settings.quantity, "channel": "", "value": None, "at": None, "threshold": None, "verdict": None,
        "state": "quiet", "alert": None, "why": [why],
    }  # fmt: skip


def _odd(watch: Watch | Part, reading: Reading | None) -> list[Reason]:
    """What kept the newest reading from counting."""
    if reading is None:
        return []
    if reading.quality & Quality.TEST_MODE and not watch.settings.test_mode:
        return [reason("test_mode")]
    if reading.quality & _SECOND_HAND:
        return [reason("second_hand")]
    if reading.time is not None and reading.time < watch.newest:
        return [reason("late")]
    if reading.quality & Quality.STUCK:
        return [reason("stuck")]
    return [reason("device_fault")] if reading.quality & Quality.DEVICE_FAULT else []


def _watch(watch: Watch, now: Now) -> dict[str, Any]:
    why: list[Reason] = []
    alert = watch.alert
    verdict = watch.verdict
    if watch.waiting is not None:
        verdict = True  # it holds, but does not count now
    if watch.own is None:
        why.append(reason("no_profile"))
    elif watch.newest < 0 and alert is None:
        why.append(reason("not_seen"))
    else:
        why.append(reason("cannot_tell" if verdict is None else "breached" if verdict else "clear"))
    return {"verdict": verdict, **_state(watch, now), "why": why + held_back(watch, now)}


def _state(watch: Watch, now: Now) -> dict[str, Any]:
    return {"state": watch.alert.state if watch.alert else "quiet", "alert": watch.alert.id if watch.alert else None}


def held_back(watch: Watch, now: Now) -> list[Reason]:
    """What keeps a watch from firing, or from ending, at this moment."""
    why: list[Reason] = []
    held = now.monotonic - watch.started
    if watch.alert is not None and not watch.firing:
        why.append(reason("holding", hold=watch.settings.hold_for / 1000, held=held))
    elif watch.clearing:
        why.append(reason("clearing", hold=watch.settings.clear_for / 1000, held=held))
    if watch.hours is not None and not watch.hours.open(now.wall):
        why.append(reason("out_of_hours"))
    if watch.excused is not None and now.monotonic < watch.excused:
        why.append(reason("excused", left=_minutes(watch.excused - now.monotonic)))
    if watch.presence is not None and watch.presence.silent and not watch.by_clock:
        why.append(reason("silent"))
    return why


def _member(member: Part, now: Now) -> dict[str, Any]:
    """A condition of a rule that has several: what it says, and what the others do."""
    group = member.group
    known = group.known(group.event_time, now.monotonic, by_clock=False)
    whole = group.node.judge(known).verdict
    trouble = group.fresh(member, group.event_time, now.monotonic, False)
    mine = member.verdict if not trouble else None
    why = [reason("cannot_tell" if mine is None else "breached" if mine else "clear")]
    if trouble and trouble != "missing":
        why = [reason(trouble)]
    if mine and not whole:
        why.append(reason("others"))
        why += [one for number in range(len(known)) if known[number].verdict is None for one in lacking(group, number, now)]
    return {"verdict": mine, **_state(group, now), "why": why + held_back(group, now)}


def lacking(group: Group, number: int, now: Now) -> list[Reason]:
    """Why one condition of a group cannot tell."""
    leaf = group.together.leaves[number]
    glob = leaf.settings.quantity
    known = group.vocabulary.get(glob)
    en, zh = (known.en, known.zh) if known else (glob, glob)
    members = group.members[number]
    if not members:
        return [reason("missing", en, zh)]
    troubles = dict.fromkeys(group.fresh(member, group.event_time, now.monotonic, True) for member in members)
    return [
        reason("missing_word", en, zh) if trouble == "missing" else reason(trouble) | {"quantity": glob}
        for trouble in troubles
        if trouble
    ]


def _minutes(seconds: float) -> float:
    """Whole minutes, as people count them."""
    return math.ceil(seconds / 60) * 60 if seconds >= 60 else seconds


def _silence(watch: Watch, engine: Engine, presence: Tracked | None, now: Now) -> dict[str, Any]:
    assert presence is not None
    device = engine._directory.device(presence.device)
    interval = presence.interval(device.interval if device else None)
    ago = now.monotonic - presence.heard
    wait = watch.wait(interval)
    why = [reason("breached")] if watch.verdict else []
    if not watch.verdict and wait != float("inf"):
        why = [reason("clear"), reason("waiting", hold=wait, held=max(0.0, ago))]
    return {"verdict": bool(watch.verdict), **_state(watch, now), "why": why + held_back(watch, now)}
