"""The armed map: which critical rules could not fire right now, and why. Plain data, both languages."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

from hub.model import Device, Now, Quality, Reading, Space
from hub.ports import Directory, Rule
from rules.condition import Node
from rules.engine import Engine
from rules.explain import held_back, lacking
from rules.group import Group, Part
from rules.loading import conditions
from rules.reasons import Reason, reason
from rules.subjects import Key
from rules.together import Together
from rules.watch import Watch

Silenced = Callable[[str, Device | None, str], str]
"""Of a rule's id, a device and a space: what keeps people from being told ("silenced by li: painting"); "" for none."""
BLINDING = ("silent", "offline", "out_of_hours", "excused", "no_profile", "not_seen")
"""Reasons for which a rule could not fire now. That something holds or is being cleared is none."""
AT_ONCE, LOOKED_AT = 50, 500
"""In one piece: places, or things that may be none; about a millisecond of work."""


class Latest(Protocol):
    """The newest reading of a device's quantity and channel; a mapping by these is one."""

    def get(self, key: Key, /) -> Reading | None: ...


def nobody(rule: str, device: Device | None, space: str) -> str:
    return ""


def armed(*given: Any, **more: Any) -> dict[str, Any]:
    """``pieces`` at once."""
    work = pieces(*given, **more)
    while True:
        try:
            next(work)
        except StopIteration as done:
            told: dict[str, Any] = done.value
            return told


def pieces(
    engine: Engine,
    rules: Sequence[Rule],
    directory: Directory,
    now: Now,
    devices: Iterable[Device] = (),
    spaces: Iterable[Space] = (),
    latest: Latest | None = None,
    silenced: Silenced = nobody,
    severity: str = "critical",
) -> Generator[None, None, dict[str, Any]]:
    """In pieces, for ten thousand detectors are too many for one turn; readings may come in between.

    ``rules``: all that are configured; ``devices`` and ``spaces``: all that are known; ``latest``: see Latest.

    Gives ``at`` (ms), ``rules`` and ``unheard``. Each rule of that severity with ``rule``, ``kind``, ``name``, ``why`` (reasons
    that blind it as a whole), ``armed`` and ``blind`` (how many places), and ``places``: ``device`` (or ""), ``space``,
    ``quantity``, ``channel``, ``place`` {en, zh}, ``armed``, ``why``. The blind ones come first. ``unheard``: accepted devices
    from which nothing has ever come: nobody knows what they would be watched for. A place that fires counts as armed."""
    newest: Latest = {} if latest is None else latest
    subjects = engine._subjects
    wanted = [rule for rule in rules if rule.settings.severity == severity]
    able: dict[str, list[dict[str, Any]]] = {rule.settings.id: [] for rule in wanted}
    blind: dict[str, list[dict[str, Any]]] = {rule.settings.id: [] for rule in wanted}

    def note(id: str, place: dict[str, Any]) -> None:
        (able if place["armed"] else blind)[id].append(place)

    running = [current for one in wanted if isinstance(current := subjects.rules.get(one.settings.id), Together)]
    devices = list(devices)
    if running:
        site = _Site(list(spaces))
        yield from site.look(devices, directory)
        for whole in running:
            for number, subject in enumerate((yield from _subjects(engine, whole, site)), 1):
                if subjects.rules.get(whole.settings.id) is whole:  # it may be edited meanwhile
                    note(whole.settings.id, _group(subjects.groups.group(whole, subject), directory, now, silenced))
                if number % AT_ONCE == 0:
                    yield
    for number, (key, series) in enumerate(list(subjects.series.items()), 1):
        for watch in series.watches:
            if isinstance(watch, Watch) and watch.settings.id in able and not watch.adrift:
                note(watch.settings.id, _series(watch, key, directory, newest.get(key), now, silenced))
        if number % AT_ONCE == 0:
            yield
    for number, (device, presence) in enumerate(list(subjects.presences.items()), 1):
        for watch in presence.watches.values():
            if watch.settings.id in able:
                note(watch.settings.id, _series(watch, (device, "", ""), directory, None, now, silenced))
        if number % AT_ONCE == 0:
            yield
    told = []
    for rule in wanted:
        blind[rule.settings.id].sort(key=lambda one: (one["device"], one["space"]))
        yield
        told.append(_rule(engine, rule, able[rule.settings.id], blind[rule.settings.id]))
    told.sort(key=lambda one: (not one["why"], -one["blind"], one["rule"]))
    unheard = []
    for number, one in enumerate(devices, 1):
        if one.accepted and one.id not in subjects.presences:
            place, why = directory.place(one.id), [reason("never_heard")]
            unheard.append({"device": one.id, "name": one.name, "space": one.space, "place": place, "why": why})
        if number % AT_ONCE == 0:
            yield
    return {"at": now.wall, "rules": told, "unheard": unheard}


def _rule(engine: Engine, rule: Rule, able: list[dict[str, Any]], blind: list[dict[str, Any]]) -> dict[str, Any]:
    settings = rule.settings
    why: list[Reason] = []
    if not settings.enabled:
        why.append(reason("disabled"))
    elif settings.id in engine.failed:
        why.append(reason("stopped", engine.failed[settings.id]))
    places = blind + able
    return {
        "rule": settings.id, "kind": rule.kind, "name": dict(settings.name), "why": why,
        "armed": 0 if why else len(able), "blind": len(places) if why else len(blind), "places": places,
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


class _Site:
    """Which devices lie where."""

    def __init__(self, spaces: list[Space]) -> None:
        self.known = {space.id for space in spaces}
        self.paths: list[tuple[str, Sequence[Space]]] = []
        self.around: dict[str, Sequence[Space]] = {}  # of a space: what one of its devices lies in

    def look(self, devices: list[Device], directory: Directory) -> Iterator[None]:
        for number, one in enumerate(devices, 1):
            path = directory.path(one.id)
            self.paths.append((one.id, path))
            for space in path:
                self.around.setdefault(space.id, path)
            if number % LOOKED_AT == 0:
                yield


def _subjects(engine: Engine, rule: Together, site: _Site) -> Generator[None, None, list[Key]]:
    """Every place of the rule's kind in which there is a device, also those where nothing has been heard of its conditions. Of a
    device that has nothing the rule is about it is none of its business."""
    wanted: dict[Key, None] = {}
    for number, group in enumerate(engine._subjects.groups, 1):
        if group.together is rule and any(group.members):
            wanted[group.subject] = None
        if number % LOOKED_AT == 0:
            yield
    for number, (device, path) in enumerate(site.paths if rule.each != "device" else (), 1):
        subject = rule.subject(device, path)
        if subject is not None and subject not in wanted and subject[0] in site.known and _covers(rule, subject[0], site):
            wanted[subject] = None
        if number % LOOKED_AT == 0:
            yield
    return sorted(wanted)


def _covers(rule: Together, space: str, site: _Site) -> bool:
    """Whether the rule's own scope lets it look at this place at all."""
    return any(fnmatchcase(each.id, one.settings.space) for each in site.around.get(space, ()) for one in conditions(rule))


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
