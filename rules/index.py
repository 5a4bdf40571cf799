"""Which rules see a series: asked once for each new series, so it may cost a little, but not with every rule there is."""

from collections.abc import Iterable, Sequence
from fnmatch import translate
from re import Pattern, compile
from typing import Generic, TypeVar

from hub.model import Device
from hub.ports import ReadingRule, RuleSettings, SilenceRule

R = TypeVar("R", ReadingRule, SilenceRule)

QUANTITIES = 10_000
"""Quantity names whose rules are kept ready; no vocabulary is larger."""


class Index(Generic[R]):
    """Rules by exact device, by exact space, and the rest by quantity: ten thousand rules for one device each cost a new
    series a look into a table."""

    def __init__(self, rules: Iterable[R], before: "Index[R] | None" = None) -> None:
        """``before``: the one that this takes the place of; what it knows of a rule is not worked out again."""
        self._devices: dict[str, list[_Scope[R]]] = {}
        self._spaces: dict[str, list[_Scope[R]]] = {}
        self._rest: list[_Scope[R]] = []
        self._ready: dict[str, list[_Scope[R]]] = {}
        self._scopes: list[_Scope[R]] = []
        known = {id(scope.rule): scope for scope in before._scopes} if before else {}
        for order, rule in enumerate(rules):
            scope = known.get(id(rule)) or _Scope(rule)
            scope.order = order
            self._scopes.append(scope)
            if scope.one_device:
                self._devices.setdefault(scope.one_device, []).append(scope)
            elif scope.one_space:
                self._spaces.setdefault(scope.one_space, []).append(scope)
            else:
                self._rest.append(scope)

    def matching(
        self, device: str, quantity: str, spaces: Sequence[str], channel: str | None = None, known: Device | None = None
    ) -> list[R]:
        """In the order in which the rules were given. ``spaces``: ids of the spaces the device lies in; ``channel`` None: any;
        ``known``: what is known of the device."""
        found = [scope for scope in self._for_quantity(quantity) if scope.has(device, spaces)]
        near = list(self._devices.get(device, ()))
        for space in spaces:
            near.extend(self._spaces.get(space, ()))
        found.extend(scope for scope in near if scope.quantity.match(quantity) and scope.has(device, spaces))
        found = [scope for scope in found if scope.narrow is None or scope.narrow.has(channel, known)]
        return [scope.rule for scope in sorted(found, key=lambda scope: scope.order)]

    def _for_quantity(self, quantity: str) -> list["_Scope[R]"]:
        ready = self._ready.get(quantity)
        if ready is None:
            ready = [scope for scope in self._rest if scope.quantity.match(quantity)]
            if len(self._ready) < QUANTITIES:
                self._ready[quantity] = ready
        return ready


class _Scope(Generic[R]):
    __slots__ = ("device", "narrow", "one_device", "one_space", "order", "quantity", "rule", "space")

    def __init__(self, rule: R) -> None:
        self.order = 0
        self.rule: R = rule
        self.one_device = "" if _is_glob(rule.settings.device) else rule.settings.device
        self.one_space = "" if _is_glob(rule.settings.space) else rule.settings.space
        self.quantity = compile(translate(rule.settings.quantity))
        self.device = _pattern(rule.settings.device)
        self.space = _pattern(rule.settings.space)
        told = rule.settings
        narrow = any(glob != "*" for glob in (told.channel, told.vendor, told.model, told.tag))
        self.narrow = _Narrow(told) if narrow else None

    def has(self, device: str, spaces: Sequence[str]) -> bool:
        if self.device is not None and not self.device.match(device):
            return False
        return self.space is None or any(self.space.match(space) for space in spaces)


class _Narrow:
    """What few rules ask for: the channel, or what the device is."""

    def __init__(self, settings: RuleSettings) -> None:
        self._channel = _pattern(settings.channel)
        self._vendor = _pattern(settings.vendor)
        self._model = _pattern(settings.model)
        self._tag = _pattern(settings.tag)

    def has(self, channel: str | None, device: Device | None) -> bool:
        if channel is not None and not _fits(self._channel, channel):
            return False
        if not _fits(self._vendor, device.vendor if device else "") or not _fits(self._model, device.model if device else ""):
            return False
        return self._tag is None or any(self._tag.match(tag) for tag in (device.tags if device else ()))


def _fits(pattern: Pattern[str] | None, text: str) -> bool:
    return pattern is None or pattern.match(text) is not None


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _pattern(glob: str) -> Pattern[str] | None:
    return None if glob == "*" else compile(translate(glob))
