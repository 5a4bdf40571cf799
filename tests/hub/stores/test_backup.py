"""A backup while the hub writes, and back again."""

import sqlite3
import threading
from pathlib import Path

import pytest

from hub.model import Now, Series
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.stores.backup import BackupFailed, backup, restore
from hub.stores.parquet import ParquetStore
from tests.support.readings import DAY, HOUR, MINUTE, T0, batch, power

METER = Series("meter", "power.active")


def open_store(folder: Path) -> ParquetStore:
    return ParquetStore(folder, Vocabulary(), Retention(), clock=lambda: T0)


def values(folder: Path) -> list[float]:
    store = open_store(folder)
    try:
        found: list[float] = store.rows(METER, 0, 2**62).value.tolist()
        return found
    finally:
        store.close()


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_while_a_writer_appends_and_seals(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    store = open_store(data)
    with sqlite3.connect(data / "records.db") as records:
        records.execute("CREATE TABLE alerts(id)")
        records.execute("INSERT INTO alerts VALUES ('a1')")
    records.close()
    (data / "broker").mkdir()
    (data / "broker" / "secret.db").write_text("stays out")
    stop, written = threading.Event(), [0]

    def write() -> None:
        step = 0
        while not stop.is_set():
            number = written[0]
            store.append("rest", batch(*[power(number + row, T0 + (number + row) * MINUTE) for row in range(200)]))
            written[0] = number + 200
            step += 1
            if step % 3 == 0:
                store.maintain(Now(T0 + step * HOUR, 0), seal_all=True)

    writer = threading.Thread(target=write)
    writer.start()
    while written[0] < 3000 and writer.is_alive():
        stop.wait(0.01)
    at_start = written[0]
    said: list[str] = []
    try:
        backup(data, tmp_path / "backups" / name, said.append)
    finally:
        stop.set()
        writer.join()
        store.close()
    assert at_start >= 3000
    assert any("journal-rest.db: copied" in line for line in said) and said[-1].endswith("complete")
    restore(tmp_path / "backups" / name, tmp_path / "again")
    found = values(tmp_path / "again")
    assert len(found) >= at_start
    assert found == list(range(len(found)))
    with sqlite3.connect(tmp_path / "again" / "records.db") as records:
        assert records.execute("SELECT id FROM alerts").fetchall() == [("a1",)]
    records.close()
    assert not list((tmp_path / "again").rglob("secret*"))
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [name]


def test_files_replaced_in_the_middle_of_it(tmp_path: Path) -> None:
    """Between the copy of the journal and the first file, the parts it names are merged and removed."""
    store = open_store(tmp_path / "data")
    for number in range(3):
        store.append("rest", batch(power(number, T0 + number)))
        store.maintain(Now(T0, 0), seal_all=True)
    said: list[str] = []

    def replaced(line: str) -> None:
        said.append(line)
        if "taking its 3 sealed files" in line:
            store.maintain(Now(T0 + 2 * DAY, 0))
            store.maintain(Now(T0 + 2 * DAY + MINUTE, 0))

    backup(tmp_path / "data", tmp_path / "copy", replaced)
    store.close()
    assert any("taking its 1 sealed files" in line for line in said)
    assert len(list((tmp_path / "copy").rglob("rest-*.parquet"))) == 1
    assert values(tmp_path / "copy") == [0, 1, 2]


def test_a_backup_shares_no_block_with_the_original(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data")
    store.append("rest", batch(power(1, T0), power(2, T0 + DAY)))
    store.maintain(Now(T0, 0), seal_all=True)
    store.close()
    backup(tmp_path / "data", tmp_path / "copy", lambda _: None)
    for path in (tmp_path / "data" / "sealed").rglob("*.parquet"):
        path.write_bytes(b"gone")
    restore(tmp_path / "copy", tmp_path / "again")
    assert values(tmp_path / "again") == [1, 2]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data")
    store.append("rest", batch(power(1, T0)))
    store.close()
    backup(tmp_path / "data", tmp_path / "copy", lambda _: None)
    with pytest.raises(BackupFailed, match="exists already"):
        backup(tmp_path / "data", tmp_path / "copy", lambda _: None)
    with pytest.raises(BackupFailed, match="is not empty"):
        restore(tmp_path / "copy", tmp_path / "data")
    assert values(tmp_path / "data") == [1]


def test_what_is_not_there_or_no_backup(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackupFailed, match="holds no data"):
        backup(tmp_path / "empty", tmp_path / "copy", lambda _: None)
    with pytest.raises(BackupFailed, match="does not exist"):
        restore(tmp_path / "nowhere", tmp_path / "again")
    with pytest.raises(BackupFailed, match="not a backup"):
        restore(tmp_path / "empty", tmp_path / "again")
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(BackupFailed):
        restore(tmp_path / "text.tar", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "text.tar"]
