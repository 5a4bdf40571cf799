"""Conditions joined by all, any and not, in a logic with three values: true, false, cannot tell (Kleene).

Cannot tell is None. ``all`` is false as soon as one part is false, ``any`` true as soon as one is true, whatever the others
are; otherwise one part that cannot tell makes the whole unable to tell. A condition that is known also tells since when, so
that the moment at which it came true does not depend on the order in which readings arrive.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

JOINS = ("all", "any", "not")
DEEPEST = 8
MOST = 32
"""Conditions in one rule."""

Join = Literal["all", "any", "not", "leaf"]


class Known(Struct, frozen=True):
    """What is known of a condition. ``since``: event time, ms, at which it became so; 0 where it cannot tell."""

    verdict: bool | None
    since: int = 0


UNKNOWN = Known(None)


class Node(Struct, frozen=True):
    """``leaf``: the number of a condition on readings; the joins have parts."""

    join: Join
    parts: tuple["Node", ...] = ()
    leaf: int = -1

    def judge(self, leaves: Sequence[Known]) -> Known:
        """``leaves``: what is known of each condition on readings, by its number."""
        if self.join == "leaf":
            return leaves[self.leaf]
        if self.join == "not":
            known = self.parts[0].judge(leaves)
            return UNKNOWN if known.verdict is None else Known(not known.verdict, known.since)
        return joined([part.judge(leaves) for part in self.parts], self.join == "all")

    def reasons(self, leaves: Sequence[Known]) -> Iterator[int]:
        """The numbers of the conditions that make it what it is: of a true ``any`` the true ones, and so on."""
        if self.join == "leaf":
            yield self.leaf
            return
        mine = self.judge(leaves).verdict
        for part in self.parts:
            if self.join == "not" or part.judge(leaves).verdict is mine:
                yield from part.reasons(leaves)


def joined(parts: Iterable[Known], every: bool) -> Known:
    """``every``: all of them; else any. True since the last of all came true, or the first of any; false likewise."""
    deciding: list[int] = []
    agreeing: list[int] = []
    unknown = False
    for part in parts:
        if part.verdict is None:
            unknown = True
        elif part.verdict is not every:
            deciding.append(part.since)
        else:
            agreeing.append(part.since)
    if deciding:
        return Known(not every, min(deciding))
    return UNKNOWN if unknown or not agreeing else Known(every, max(agreeing))


class Wrong(ValueError):
    """A condition that cannot be read; the text says where and what is right."""


def read(table: Mapping[str, Any], leaves: list[dict[str, Any]], where: str = "", depth: int = 0) -> Node:
    """The tree of a table with ``all``, ``any`` and ``not`` (joined by all where there are several), or of a condition with its
    ``kind``. Fills ``leaves`` with the conditions' tables. Raises Wrong."""
    if depth > DEEPEST:
        raise Wrong(f"{where}: conditions are nested more than {DEEPEST} deep")
    joins = [name for name in JOINS if table.get(name) not in (None, (), [], {})]
    if "kind" in table:
        if joins:
            raise Wrong(f'{where}: a condition has either a kind or "{joins[0]}", not both')
        if len(leaves) >= MOST:
            raise Wrong(f"{where}: more than {MOST} conditions in one rule")
        leaves.append({"where": where, **table})
        return Node("leaf", leaf=len(leaves) - 1)
    if where and (strange := [key for key in table if key not in JOINS]):
        raise Wrong(f'{where}: "{strange[0]}" needs a "kind" beside it, or write all, any or not')
    if not joins:
        raise Wrong(f"{where or 'together'}: say which conditions: all = [ … ], any = [ … ] or not = {{ … }}")
    nodes = [_join(name, table[name], leaves, f"{where}, {name}" if where else name, depth) for name in joins]
    return nodes[0] if len(nodes) == 1 else Node("all", tuple(nodes))


def _join(name: str, given: Any, leaves: list[dict[str, Any]], where: str, depth: int) -> Node:
    if name == "not":
        if not isinstance(given, Mapping):
            raise Wrong(f"{where}: write it as one condition: not = {{ kind = … }}")
        return Node("not", (read(given, leaves, where, depth + 1),))
    if not isinstance(given, list | tuple) or not all(isinstance(one, Mapping) for one in given):
        raise Wrong(f"{where}: write it as a list of conditions: {name} = [ {{ kind = … }}, … ]")
    parts = tuple(read(one, leaves, f"{where} {number}", depth + 1) for number, one in enumerate(given, 1))
    return Node("all" if name == "all" else "any", parts)
