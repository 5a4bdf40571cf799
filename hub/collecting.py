"""Keeps the garbage collector away from what stays.

A full collection walks over every object that may hold others: half a second for 50,000 devices, with the loop standing. What
has survived one is set aside (frozen) when it is much: that is a site that has grown. What little comes and goes is not, for
what is set aside is never looked at again, and would never be freed if it died in a circle.
"""

import gc
from typing import Literal

MUCH = 50_000
"""Objects; to walk over so many takes some 5 ms."""


def start() -> None:
    """Once everything is in place."""
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_after)


def stop() -> None:
    if _after in gc.callbacks:
        gc.callbacks.remove(_after)
    gc.unfreeze()


def _after(phase: Literal["start", "stop"], info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2 and len(gc.get_objects(2)) >= MUCH:
        gc.freeze()
