"""Copies a data directory while a hub writes to it, and puts such a copy back.

Every database is copied by SQLite itself from a read-only connection: what was committed when that began is in it. The sealed
files that its journal names are linked first and copied then; if one was replaced meanwhile, the journal is copied anew.
``broker/`` stays out: what the hub has confirmed is in the journals.
"""

import contextlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hub.files import make_folder, sync_file, sync_folder
from hub.journal_reader import JournalReader, JournalUnusable, SealedFile
from hub.model import LANES, Lane
from hub.stores.lanes import journal_path
from hub.stores.sealed import Damaged, check_file

Progress = Callable[[str], None]


class BackupFailed(Exception):
    """Why nothing was backed up or restored, in one sentence."""


def backup(data_directory: Path, to: Path, progress: Progress) -> None:
    """Into the new folder ``to``, or one file when it ends in .tar. It appears when it is complete. Raises BackupFailed."""
    databases = sorted(data_directory.glob("*.db"))
    if not databases:
        raise BackupFailed(f"{data_directory} holds no data: nothing to back up")
    if to.exists():
        raise BackupFailed(f"{to} exists already; name a new folder or .tar file")
    make_folder(to.parent)
    with _said(to), tempfile.TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as unfinished:
        copy = Path(unfinished) / "data"
        copy.mkdir()
        lanes = {journal_path(data_directory, lane).name: lane for lane in LANES}
        for database in databases:
            lane = lanes.get(database.name)
            if lane:
                _copy_lane(data_directory, copy, lane, progress)
            else:
                _copy_database(database, copy / database.name)
                progress(f"{database.name}: copied")
        if to.suffix == ".tar":
            packed = Path(unfinished) / to.name
            with tarfile.open(packed, "w") as tar:
                tar.add(copy, arcname=".")
            sync_file(packed)
            packed.rename(to)
        else:
            for path in (copy / "sealed").rglob("*.parquet"):
                _part_from_original(path)
            copy.rename(to)
        sync_folder(to.parent)
    progress(f"{to}: complete")


def restore(source: Path, data_directory: Path, progress: Progress = lambda _: None) -> None:
    """Puts a backup where no data is. Raises BackupFailed, and then leaves nothing behind."""
    if not source.exists():
        raise BackupFailed(f"{source} does not exist")
    if data_directory.exists() and any(data_directory.iterdir()):
        raise BackupFailed(f"{data_directory} is not empty; move it away first: a restore never overwrites")
    make_folder(data_directory.parent)
    with _said(data_directory), tempfile.TemporaryDirectory(prefix=".restore.", dir=data_directory.parent) as unfinished:
        copy = Path(unfinished) / "data"
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            with tarfile.open(source) as tar:
                tar.extractall(copy, filter="data")
        _check(source, copy, progress)
        for path in copy.rglob("*"):
            if path.is_file():
                sync_file(path)
        if data_directory.exists():
            data_directory.rmdir()
        copy.rename(data_directory)
        sync_folder(data_directory.parent)
    progress(f"{data_directory}: restored")


@contextlib.contextmanager
def _said(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise BackupFailed(f"{target} could not be written: {error}") from error
    except JournalUnusable as error:
        raise BackupFailed(str(error)) from error


def _copy_database(source: Path, target: Path) -> None:
    origin = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    copy = sqlite3.connect(target)
    try:
        origin.backup(copy)  # all pages in one read transaction; writers go on
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, no log beside it
    finally:
        copy.close()
        origin.close()
    sync_file(target)


def _copy_lane(source: Path, copy: Path, lane: Lane, progress: Progress) -> None:
    target = journal_path(copy, lane)
    for _ in range(20):
        target.unlink(missing_ok=True)
        _copy_database(journal_path(source, lane), target)
        files = _files(target, lane)
        progress(f"{target.name}: copied; taking its {len(files)} sealed files")
        gone = [file for file in files if not _take(source / "sealed" / file.path, copy / "sealed" / file.path)]
        lost = [file for file in gone if file in _files(journal_path(source, lane), lane)]
        for file in lost:
            progress(f"sealed/{file.path} is missing on disk; the backup is without it")
        if gone == lost:
            _take(source / "sealed" / f"series-{lane}.parquet", copy / "sealed" / f"series-{lane}.parquet")
            _drop_others(copy / "sealed", lane, {file.path for file in files})
            return
    raise BackupFailed(f"{source / 'sealed'} kept changing; try again")


def _files(journal: Path, lane: Lane) -> list[SealedFile]:
    reader = JournalReader(journal, lane)
    try:
        return [file for state in ("live", "damaged") for file in reader.files(state)]
    finally:
        reader.close()


def _take(source: Path, target: Path) -> bool:
    """False when the file is gone. A link holds on to it at once: sealed files are never changed, only replaced."""
    if target.exists():
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system
            shutil.copyfile(source, target)
            sync_file(target)
    except FileNotFoundError:
        return False
    return True


def _part_from_original(path: Path) -> None:
    """A copy of its own in the place of a link, so that one bad block cannot take both."""
    if path.stat().st_nlink > 1:
        copied = path.with_name(path.name + ".tmp")
        shutil.copyfile(path, copied)
        sync_file(copied)
        copied.replace(path)


def _drop_others(sealed: Path, lane: Lane, wanted: set[str]) -> None:
    """What an earlier round took and the last no longer names."""
    for path in sealed.glob(f"*/*/{lane}-*.parquet"):
        if str(path.relative_to(sealed)) not in wanted:
            path.unlink()


def _check(source: Path, copy: Path, progress: Progress) -> None:
    if not list(copy.glob("*.db")):
        raise BackupFailed(f"{source} is not a backup of Gengfu: it holds no databases")
    for lane in LANES:
        journal = journal_path(copy, lane)
        for file in _files(journal, lane) if journal.exists() else []:
            try:
                check_file(copy / "sealed", file)
            except Damaged as error:
                progress(f"{error}; it is restored as it is, and its readings will be missing")
