"""Where devices are and what they are called, in memory: the answer to "which kitchen?".

It is filled from the records and the configuration and changed only by the pipeline.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from hub.model import Device, DeviceInfo, Space

UNKNOWN_LIMIT = 100_000
"""Devices nobody announced that are remembered; beyond it their readings are still stored and judged."""


class Places:
    """Implements ``ports.Directory``. ``last_seen`` (ms) is kept apart from the frozen devices: it changes all the time."""

    def __init__(self, spaces: Iterable[Space] = (), devices: Iterable[Device] = ()) -> None:
        self.spaces = {space.id: space for space in spaces}
        self.devices = {device.id: device for device in devices}
        self.last_seen = {device.id: device.last_seen for device in self.devices.values() if device.last_seen}
        self.not_remembered = 0
        self._paths: dict[str, tuple[Space, ...]] = {}

    def device(self, id: str) -> Device | None:
        return self.devices.get(id)

    def name(self, device: str) -> str:
        """What people call it; its id where it has no name."""
        entry = self.devices.get(device)
        return (entry.name if entry else "") or device

    def path(self, device: str) -> Sequence[Space]:
        """The spaces a device lies in, outermost first."""
        known = self._paths.get(device)
        if known is None:
            entry = self.devices.get(device)
            known = self._paths[device] = self.space_path(entry.space) if entry else ()
        return known

    def space_path(self, id: str) -> tuple[Space, ...]:
        path: list[Space] = []
        while (space := self.spaces.get(id)) and space not in path:
            path.insert(0, space)
            id = space.parent
        return tuple(path)

    def place(self, device: str) -> dict[str, str]:
        """Words a stranger can follow, without the community itself; the device's name or id where nobody has said."""
        path = [space for space in self.path(device) if space.kind != "community"]
        if not path:
            entry = self.devices.get(device)
            name = entry.name if entry and entry.name else device
            return {"en": name, "zh": name}
        return _words(path)

    def space_place(self, id: str) -> dict[str, str]:
        """The same of a space; the community's own name for the community, the id for an unknown one."""
        path = self.space_path(id)
        return _words([space for space in path if space.kind != "community"] or path or [Space(id, id)])

    def upsert_spaces(self, spaces: Iterable[Space]) -> None:
        self.spaces.update((space.id, space) for space in spaces)
        self._paths.clear()

    def upsert_devices(self, devices: Iterable[Device]) -> None:
        for device in devices:
            self.devices[device.id] = device
            self._paths.pop(device.id, None)

    def seen(self, id: str, now: int) -> Device | None:
        """Notes that a device was heard; returns it when it is new and should be recorded."""
        self.last_seen[id] = now
        if id in self.devices:
            return None
        if len(self.devices) >= UNKNOWN_LIMIT:
            self.not_remembered += 1
            del self.last_seen[id]
            return None
        device = self.devices[id] = Device(id=id, first_seen=now, last_seen=now)
        return device

    def told(self, info: DeviceInfo, now: int) -> Device | None:
        """Takes what a format says about a device; returns it when something changed."""
        before = self.devices.get(info.device)
        known = before or Device(id=info.device, first_seen=now)
        after = replace(
            known,
            # A name given by a person or the import stays; a device's own name fills the blank.
            name=known.name or info.name or "",
            vendor=info.vendor or known.vendor,
            model=info.model or known.model,
            online=info.online if info.online is not None else known.online,
            interval=info.interval or known.interval,
        )
        if after == before or (before is None and len(self.devices) >= UNKNOWN_LIMIT):
            return None
        self.devices[info.device] = after
        return after


def _words(path: Sequence[Space]) -> dict[str, str]:
    if any(space.kind == "flat" for space in path):
        path = [space for space in path if space.kind != "floor"]  # a flat's number tells its floor
    return {
        "en": _joined([space.name_en or space.name for space in path], ", "),
        "zh": _joined([space.name for space in path], ""),
    }


def learned(known: Device | None, device: Device) -> Device:
    """A device as somebody has entered it, with what it has told about itself."""
    if known is None:
        return device
    return replace(
        device,
        vendor=device.vendor or known.vendor,
        model=device.model or known.model,
        online=known.online,
        first_seen=known.first_seen,
        interval=device.interval or known.interval,
    )


def _joined(names: Sequence[str], by: str) -> str:
    """Outermost first. A name that already begins with what lies around it ("3幢2单元502" in "3幢2单元") stands alone."""
    words = ""
    for name in names:
        if not words or _begins_with(name, words):
            words = name
        else:
            both_plain = not by and words[-1:].isascii() and name[:1].isascii()
            words += (by or (" " if both_plain else "")) + name
    return words


def _begins_with(name: str, start: str) -> bool:
    if not name.startswith(start):
        return False
    rest = name[len(start) :]
    return not (start[-1:].isdigit() and rest[:1].isdigit())
