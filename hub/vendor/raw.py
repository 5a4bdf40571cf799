"""What stood in a payload, to show beside what was understood."""

from collections.abc import Iterator
from math import isclose
from typing import Any

import msgspec

LONGEST = 120
LEAVES = 200
FACTORS = (1.0, 1e-3, 1e3, 0.1, 10.0, 0.01, 100.0)


def beginning(payload: bytes) -> str:
    """The beginning of a payload on one line: as text, or as hex where it is none."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload[:LONGEST].hex(" ")
    text = "".join(char if char.isprintable() else "·" for char in text[: LONGEST + 1])
    return text[:LONGEST] + "…" if len(text) > LONGEST else text or "nothing"


def beside(payload: bytes, value: float) -> str:
    """``energy_wh = 1500`` for 1.5: the one field of a JSON payload that a value can have come from; "" if that is not clear."""
    if not payload.startswith((b"{", b"[")):
        return ""
    try:
        leaves = list(_leaves(msgspec.json.decode(payload), ""))
    except (ValueError, RecursionError):
        return ""
    for factor in FACTORS:
        found = [(path, number) for path, number in leaves if number and isclose(number * factor, value, rel_tol=1e-9)]
        if len(found) == 1:
            path, number = found[0]
            return f"{path} = {number:.10g}"
        if found:
            return ""
    return ""


def _leaves(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    if depth > 6:
        return
    if isinstance(node, dict):
        for key, inner in list(node.items())[:LEAVES]:
            yield from _leaves(inner, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(node, list):
        for index, inner in enumerate(node[:20]):
            yield from _leaves(inner, f"{path}[{index}]", depth + 1)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, float(node)
