"""One hub a data directory. The lock is the operating system's: it ends with the process, even one that is killed."""

import fcntl
import json
import os
from pathlib import Path
from typing import TextIO

NAME = "hub.lock"


class Locked(Exception):
    """Another hub works on this directory; the text says which."""


class Lock:
    """Holds the directory until ``release`` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = (directory / NAME).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            about = _about(self._file.read())
            self._file.close()
            who = f" (process {about['pid']}, page {about['url']})" if about else ""
            raise Locked(
                f"another Gengfu works on {directory}{who}; stop it, or give this one another [data] directory"
            ) from None

    def tell(self, url: str) -> None:
        """Writes who holds the directory and where its page is."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def locked(directory: Path) -> str | None:
    """The page of the hub that works on this directory; None if none does. "" while that one is still starting."""
    path = directory / NAME
    if not path.exists():
        return None
    with path.open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return str(_about(file.read()).get("url", ""))
    return None


def _about(text: str) -> dict[str, object]:
    try:
        about = json.loads(text)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
