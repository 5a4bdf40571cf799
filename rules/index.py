"""Which rules see a series: asked once for each new series, so it may cost a little, but not with every rule there is."""

from collections.abc import Iterable, Sequence
from fnmatch import translate
from re import Pattern, compile
from typing import Generic, TypeVar

from hub.ports import ReadingRule, SilenceRule

R = TypeVar("R", ReadingRule, SilenceRule)

QUANTITIES = 10_000
"""Quantity names whose rules are kept ready; no vocabulary is larger."""


class Index(Generic[R]):
    """Rules by exact device, by exact space, and the rest by quantity: ten thousand rules for one device each cost a new
    series a look into a table."""

    def __init__(self, rules: Iterable[R]) -> None:
        self._devices: dict[str, list[_Scope[R]]] = {}
        self._spaces: dict[str, list[_Scope[R]]] = {}
        self._rest: list[_Scope[R]] = []
        self._ready: dict[str, list[_Scope[R]]] = {}
        for order, rule in enumerate(rules):
            scope = _Scope(order, rule)
            if not _is_glob(rule.settings.device):
                self._devices.setdefault(rule.settings.device, []).append(scope)
            elif not _is_glob(rule.settings.space):
                self._spaces.setdefault(rule.settings.space, []).append(scope)
            else:
                self._rest.append(scope)

    def matching(self, device: str, quantity: str, spaces: Sequence[str]) -> list[R]:
        """In the order in which the rules were given. ``spaces``: ids of the spaces the device lies in."""
        found = [scope for scope in self._for_quantity(quantity) if scope.has(device, spaces)]
        near = list(self._devices.get(device, ()))
        for space in spaces:
            near.extend(self._spaces.get(space, ()))
        found.extend(scope for scope in near if scope.quantity.match(quantity) and scope.has(device, spaces))
        return [scope.rule for scope in sorted(found, key=lambda scope: scope.order)]

    def _for_quantity(self, quantity: str) -> list["_Scope[R]"]:
        ready = self._ready.get(quantity)
        if ready is None:
            ready = [scope for scope in self._rest if scope.quantity.match(quantity)]
            if len(self._ready) < QUANTITIES:
                self._ready[quantity] = ready
        return ready


class _Scope(Generic[R]):
    __slots__ = ("device", "order", "quantity", "rule", "space")

    def __init__(self, order: int, rule: R) -> None:
        self.order = order
        self.rule: R = rule
        self.quantity = compile(translate(rule.settings.quantity))
        self.device = _pattern(rule.settings.device)
        self.space = _pattern(rule.settings.space)

    def has(self, device: str, spaces: Sequence[str]) -> bool:
        if self.device is not None and not self.device.match(device):
            return False
        return self.space is None or any(self.space.match(space) for space in spaces)


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _pattern(glob: str) -> Pattern[str] | None:
    return None if glob == "*" else compile(translate(glob))
