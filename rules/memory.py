"""What a rule remembers of a subject: as the rule has it, and as plain values that are put aside for a restart.

Numbers of which there are many stand in an array, side by side: those of a list lie all over the machine's memory, and with
thousands of subjects each of them is waited for.
"""

from array import array
from itertools import zip_longest
from typing import Any, TypeAlias

Numbers: TypeAlias = "array[float]"


def plain(memory: Any) -> Any:
    """With lists for arrays."""
    return [part.tolist() if isinstance(part, array) else part for part in memory] if isinstance(memory, list) else memory


def like(fresh: Any, saved: Any) -> list[Any]:
    """The inverse. ``fresh``: a new memory of the rule, which tells where it has arrays."""
    made: list[Any] = []
    for own, part in zip_longest(fresh, saved):
        if isinstance(part, list | tuple):
            part = array(own.typecode, part) if isinstance(own, array) else list(part)
        made.append(part)
    return made
