"""Questions to a store that tell of the process that answers; nothing else is imported here, for it would be there."""

import os
import signal
import sys

from hub.ports import Store


def about(store: Store) -> tuple[int, int, set[str]]:
    """The process, how nice it is, and what it has loaded."""
    return os.getpid(), os.getpriority(os.PRIO_PROCESS, 0), set(sys.modules)


def refuse(store: Store, word: str) -> None:
    raise ValueError(word)


def hang(store: Store) -> None:
    signal.pause()
