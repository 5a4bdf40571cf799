"""The armed map: which critical rules could not fire right now, and why. Plain data, both languages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from hub.model import Device, Now, Quality, Reading, Space
from hub.ports import Directory, Rule
from rules.condition import Node
from rules.engine import Engine
from rules.explain import held_back, lacking
from rules.group import Group, Part
from rules.loading import conditions
from rules.reasons import Reason, reason
from rules.together import Together
from rules.watch import Watch

Silenced = Callable[[str, Device | None, str], str]
"""Of a rule's id, a device and a space: what keeps people from being told ("silenced by li: painting"); "" for none."""
Latest = Mapping[tuple[str, str, str], Reading]
"""The newest reading of a device's quantity and channel."""
BLINDING = ("silent", "offline", "out_of_hours", "excused", "no_profile", "not_seen")
"""Reasons for which a rule could not fire now. That something holds or is being cleared is none."""


def nobody(rule: str, device: Device | None, space: str) -> str:
    return ""


def armed(
    engine: Engine,
    rules: Sequence[Rule],
    directory: Directory,
    now: Now,
    devices: Iterable[Device] = (),
    spaces: Iterable[Space] = (),
    latest: Latest | None = None,
    silenced: Silenced = nobody,
    severity: str = "critical",
) -> dict[str, Any]:
    """``rules``: all that are configured; ``devices`` and ``spaces``: all that are known; ``latest``: see Latest.

    Gives ``at`` (ms), ``rules`` and ``unheard``. Each rule of that severity with ``rule``, ``kind``, ``name``, ``why`` (reasons
    that blind it as a whole), ``armed`` and ``blind`` (how many places), and ``places``: ``device`` (or ""), ``space``,
    ``quantity``, ``channel``, ``place`` {en, zh}, ``armed``, ``why``. The blind ones come first. ``unheard``: accepted devices
    from which nothing has ever come: nobody knows what they would be watched for. A place that fires counts as armed."""
    latest = latest or {}
    devices, spaces = list(devices), list(spaces)
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        if rule.settings.severity != severity:
            continue
        running = engine._subjects.rules.get(rule.settings.id)
        found = _groups(engine, running, directory, devices, spaces, now, silenced) if isinstance(running, Together) else []
        by_rule[rule.settings.id] = found
    for key, series in engine._subjects.series.items():
        for watch in series.watches:
            if isinstance(watch, Watch) and watch.settings.id in by_rule and not watch.adrift:
                by_rule[watch.settings.id].append(_series(watch, key, directory, latest.get(key), now, silenced))
    for device, presence in engine._subjects.presences.items():
        for watch in presence.watches.values():
            if watch.settings.id in by_rule:
                by_rule[watch.settings.id].append(_series(watch, (device, "", ""), directory, None, now, silenced))
    told = [_rule(engine, rule, by_rule[rule.settings.id]) for rule in rules if rule.settings.id in by_rule]
    told.sort(key=lambda one: (not one["why"], -one["blind"], one["rule"]))
    heard = engine._subjects.presences
    return {
        "at": now.wall,
        "rules": told,
        "unheard": [
            {
                "device": one.id,
                "name": one.name,
                "space": one.space,
                "place": directory.place(one.id),
                "why": [reason("never_heard")],
            }
            for one in devices
            if one.accepted and one.id not in heard
        ],
    }


def _rule(engine: Engine, rule: Rule, places: list[dict[str, Any]]) -> dict[str, Any]:
    settings = rule.settings
    why: list[Reason] = []
    if not settings.enabled:
        why.append(reason("disabled"))
    elif settings.id in engine.failed:
        why.append(reason("stopped", engine.failed[settings.id]))
    places.sort(key=lambda one: (one["armed"], one["device"], one["space"]))
    blind = sum(not one["armed"] for one in places)
    return {
        "rule": settings.id, "kind": rule.kind, "name": dict(settings.name), "why": why,
        "armed": 0 if why else len(places) - blind, "blind": len(places) if why else blind, "places": places,
    }  # fmt: skip


def _place(
    key: tuple[str, str, str], space: str, place: dict[str, str], why: list[Reason], told: str, firing: bool
) -> dict[str, Any]:
    if told:
        why = [*why, reason("silenced", told)]
    device, quantity, channel = key
    return {
        "device": device, "quantity": quantity, "channel": channel, "space": space, "place": place,
        "armed": firing or not why, "why": why,
    }  # fmt: skip


def _series(
    watch: Watch, key: tuple[str, str, str], directory: Directory, reading: Reading | None, now: Now, silenced: Silenced
) -> dict[str, Any]:
    known = directory.device(key[0])
    path = directory.path(key[0])
    why = [one for one in held_back(watch, now) if one["code"] in BLINDING]
    if watch.own is None:
        why.append(reason("no_profile"))
    if known is not None and known.online is False and not watch.by_clock:
        why.append(reason("offline"))
    if reading is not None and reading.quality & Quality.TEST_MODE and not watch.settings.test_mode:
        why.append(reason("test_mode"))
    elif reading is not None and reading.quality & Quality.STUCK:
        why.append(reason("stuck"))
    elif reading is not None and reading.quality & Quality.DEVICE_FAULT:
        why.append(reason("device_fault"))
    space = path[-1].id if path else ""
    told = silenced(watch.settings.id, known, space)
    return _place(key, space, directory.place(key[0]), why, told, watch.firing)


# --- several conditions in one place ----------------------------------------------------------------------------------


def _groups(
    engine: Engine, rule: Together, directory: Directory, devices: list[Device], spaces: list[Space], now: Now, silenced: Silenced
) -> list[dict[str, Any]]:
    """Every place of the rule's kind in which there is a device, also those where nothing has been heard of its conditions."""
    groups = engine._subjects.groups
    inside = {subject for one in devices if (subject := rule.subject(one.id, directory.path(one.id))) is not None}
    if rule.each == "device":  # one that has nothing the rule is about is none of its business
        inside = set()
    named = {group.subject for group in groups if group.together is rule and any(group.members)}
    known = {space.id for space in spaces}
    wanted = named | {subject for subject in inside if subject[0] in known and _covers(rule, subject[0], directory, devices)}
    return [_group(groups.group(rule, subject), directory, now, silenced) for subject in sorted(wanted)]


def _covers(rule: Together, space: str, directory: Directory, devices: list[Device]) -> bool:
    """Whether the rule's own scope lets it look at this place at all."""
    around = next((directory.path(one.id) for one in devices if any(each.id == space for each in directory.path(one.id))), ())
    return any(fnmatchcase(each.id, one.settings.space) for each in around for one in conditions(rule))


def _group(group: Group, directory: Directory, now: Now, silenced: Silenced) -> dict[str, Any]:
    troubles = [[_trouble(member, group, now) for member in part] for part in group.members]
    able = [any(not trouble for trouble in part) for part in troubles]
    sure = [bool(part) and not any(part) for part in troubles]
    why = [one for one in held_back(group, now) if one["code"] in BLINDING]
    if not _can(group.node, able, sure, True):
        for number, part in enumerate(troubles):
            if not part:
                why += lacking(group, number, now)
            elif not (able[number] and sure[number]):
                about = group.together.leaves[number].settings.quantity
                why += [reason(trouble) | {"quantity": about} for trouble in dict.fromkeys(part) if trouble]
    alone = group.together.each == "device"
    device, space = (group.subject[0], "") if alone else ("", group.subject[0])
    place = directory.place(device) if alone else directory.space_place(space)
    known = directory.device(device) if alone else None
    return _place((device, "", ""), space, place, why, silenced(group.settings.id, known, space), group.firing)


def _trouble(member: Part, group: Group, now: Now) -> str:
    """Why nothing is to be expected of it. That it has said nothing for longer than ``within`` is none: it speaks when something
    happens."""
    if member.presence is not None and member.presence.silent:
        return "silent"
    return "frozen" if group.fresh(member, group.event_time, now.monotonic, True) == "frozen" else ""


def _can(node: Node, able: list[bool], sure: list[bool], become: bool) -> bool:
    """Whether it could come true (or false): a condition comes true by one device that is heard, false only by all of them."""
    if node.join == "leaf":
        return able[node.leaf] if become else sure[node.leaf]
    if node.join == "not":
        return _can(node.parts[0], able, sure, not become)
    every = (node.join == "all") is become
    return (all if every else any)(_can(part, able, sure, become) for part in node.parts)
