"""What the processor counts of this thread in user space: instructions, and the memory it had to wait for (perf_event_open).

Instructions are the same on a quiet and on a busy machine. Misses are not: neighbours share the last cache.
"""

import ctypes
import os
import struct
from typing import NamedTuple

_CALL = {"x86_64": 298, "aarch64": 241}  # perf_event_open
_HARDWARE, _INSTRUCTIONS, _CACHE_MISSES = 0, 1, 3
_GROUP, _NO_KERNEL, _NO_HYPERVISOR = 1 << 3, 1 << 5, 1 << 6
_SIZE = 112  # of perf_event_attr, version 5


class Counts(NamedTuple):
    """``misses``: what the system calls cache-misses; on AMD lines that were not in the core's own two caches."""

    instructions: float
    misses: float


class Counter:
    """Raises OSError where the system or the processor does not let us count."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._files: list[int] = []
        for event in (_INSTRUCTIONS, _CACHE_MISSES):
            wanted = struct.pack("IIQQQQQ", _HARDWARE, _SIZE, event, 0, 0, _GROUP, _NO_KERNEL | _NO_HYPERVISOR)
            first = self._files[0] if self._files else -1
            file = library.syscall(_CALL[os.uname().machine], wanted.ljust(_SIZE, b"\0"), 0, -1, first, 0)
            if file < 0:
                raise OSError(ctypes.get_errno(), f"the processor's counters: {os.strerror(ctypes.get_errno())}")
            self._files.append(file)

    def read(self) -> Counts:
        return Counts(*struct.unpack("3Q", os.read(self._files[0], 24))[1:])

    def close(self) -> None:
        for file in self._files:
            os.close(file)
