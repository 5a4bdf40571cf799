"""What the C library does with memory that is free again: it goes back to the system.

glibc keeps it by default: once a big array has been freed, arrays of that size come from the heap ever after, where small
objects that live on hold up what lies before them; and each thread begins a heap of its own. A seal then leaves tens of MB that
nobody uses. Other C libraries do not know these settings and need none.
"""

import contextlib
import ctypes
import functools

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # malloc.h
_BIG = 256 << 10
"""Bytes from which on an array has pages of its own, which go when it goes. A batch of 5,000 readings stays below."""
_ARENAS = 2


@functools.cache
def _library() -> ctypes.CDLL | None:
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
            return library
    return None


def keep_little() -> None:
    """To be called once, before there are threads."""
    if (library := _library()) is not None:
        library.mallopt(_MMAP_THRESHOLD, _BIG)
        library.mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Returns free pages to the system: some ms, without the interpreter, after much has been freed."""
    if (library := _library()) is not None:
        library.malloc_trim(0)
