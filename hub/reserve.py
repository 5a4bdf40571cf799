"""Room kept for alerts: a file that takes up space until the disk is full, and is then given up.

When a write fails for lack of room, readings of the rest lane wait with the broker; fire's journal and the records give the
reserve up and go on. Only once there is room again, for the reserve and as much beside it, do the others.
"""

import logging
import os
import shutil
import threading
from pathlib import Path

from hub.files import sync_folder

NAME = "reserve"
SIZE = 32 << 20
SHARE = 20
"""On a small disk at most one part in this many."""

log = logging.getLogger("gengfu.reserve")


class Reserve:
    """``held``: it is there, and nobody had to give it up. Thread-safe; ``release`` returns when the room is free, whoever
    gave it up."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self.size = min(SIZE, shutil.disk_usage(directory).total // SHARE)
        self.released = 0
        self.held = False
        self._lock = threading.Lock()
        self.keep()

    def free(self) -> int:
        """Bytes that may still be written, besides the reserve."""
        return shutil.disk_usage(self._path.parent).free

    def keep(self) -> None:
        """Takes the room, if there is enough of it."""
        with self._lock:
            self._keep()

    def _keep(self) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size == self.size:
                self.held = True
                return
            if self.free() < 2 * self.size:
                return
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size)
            sync_folder(self._path.parent)
            self.held = True
        except OSError as error:  # no room after all, or a disk that cannot promise any
            self._path.unlink(missing_ok=True)
            log.warning("no room could be reserved for alerts: %s", error)

    def release(self) -> bool:
        """Gives the room up; False if that has happened already."""
        with self._lock:
            if not self.held:
                return False
            self.held = False
            self.released += 1
            self._path.unlink(missing_ok=True)
        log.critical("the disk below %s is full: readings wait with the broker, alerts use the reserve", self._path.parent)
        return True

    def roomy(self) -> bool:
        """Whether readings may be written again; takes the reserve back first."""
        if not self.held:
            self.keep()
        return self.held and self.free() > self.size // 8
