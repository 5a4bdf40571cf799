"""The Parquet store on disk: restarts, kills, other processes, damage, compaction."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from hub.journal_reader import JournalUnusable
from hub.model import Now, Reading, Series
from hub.ports import Retention, Store
from hub.quantities import Vocabulary
from hub.stores.parquet import ParquetStore
from tests.support.readings import DAY, HOUR, MINUTE, T0, batch, dead_letter, power, refused

METER = Series("meter", "power.active")
ROOT = Path(__file__).resolve().parents[3]


def open_store(folder: Path, now: int = T0, retention: Retention | None = None) -> ParquetStore:
    return ParquetStore(folder, Vocabulary(), retention or Retention(), clock=lambda: now)


def values(store: Store) -> list[float]:
    found: list[float] = store.rows(METER, 0, 2**62).value.tolist()
    return found


def sealed(folder: Path) -> list[str]:
    """Every file below the sealed folder but the lists of names."""
    root = folder / "sealed"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.parent != root)


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(1, T0), power(2, T0 + DAY)))
    store.maintain(Now(T0, 0), seal_all=True)
    store.append("rest", batch(power(3, T0 + 2 * DAY), power(9, T0)))
    store.append("fire", batch(Reading("smoke", "fire.smoke", 1, T0)))
    store.append("fire", refused([dead_letter(T0)]))
    latest, letters = store.latest(), store.dead_letters()
    store.close()
    for _ in range(2):
        store = open_store(tmp_path)
        assert values(store) == [1, 2, 3]
        assert (store.latest(), store.dead_letters()) == (latest, letters)
        store.maintain(Now(T0, 0), seal_all=True)
        store.close()
    store = open_store(tmp_path)
    store.append("fire", refused([dead_letter(T0)]))
    assert len({letter.id for letter in store.dead_letters()}) == 2
    store.close()


def test_parts_become_a_day_and_days_a_month(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for hour in range(0, 48, 6):
        store.append("rest", batch(power(hour, T0 + hour * HOUR), Reading("bay", "parking.occupied", 1, T0 + hour * HOUR)))
        store.maintain(Now(T0 + hour * HOUR, 0), seal_all=True)
    # of each domain: the first day in one file since 02:00, its parts removed; the second day's four parts
    assert len(sealed(tmp_path)) == 2 * (1 + 4)
    store.maintain(Now(T0 + 3 * DAY, 0))
    assert len(sealed(tmp_path)) == 2 * (1 + 4 + 1)  # a reader may still hold the old list
    store.maintain(Now(T0 + 3 * DAY + MINUTE, 0))
    assert [path.rsplit("/", 1)[0] for path in sealed(tmp_path)] == [
        "energy/2026-03-02", "energy/2026-03-03", "parking/2026-03-02", "parking/2026-03-03",
    ]  # fmt: skip
    store.maintain(Now(T0 + 40 * DAY, 0))
    store.maintain(Now(T0 + 40 * DAY + MINUTE, 0))
    assert [path.rsplit("/", 1)[0] for path in sealed(tmp_path)] == ["energy/2026-03", "parking/2026-03"]
    assert values(store) == list(range(0, 48, 6))
    store.close()


def test_a_trickle_of_late_readings_does_not_rewrite_the_month_each_time(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(0, T0), power(1, T0 + DAY)))
    store.maintain(Now(T0 + 2 * DAY, 0), seal_all=True)
    later = T0 + 60 * DAY
    store.maintain(Now(later, 0))
    [month] = store._writers["rest"].reader.files()
    assert month.period == "2026-03"
    for number in range(3):
        store.append("rest", batch(power(10 + number, T0 + number + 1)))
        store.maintain(Now(later + number * HOUR, 0), seal_all=True)
    assert month in store._writers["rest"].reader.files()
    assert values(store) == [0, 10, 11, 12, 1]
    store.maintain(Now(later + 2 * DAY, 0))
    [merged] = store._writers["rest"].reader.files()
    assert (merged.period, merged.rows) == ("2026-03", 5)
    assert values(store) == [0, 10, 11, 12, 1]
    store.close()


def test_it_seals_by_itself_when_full_or_old(tmp_path: Path) -> None:
    few = ParquetStore.Settings(seal_readings=100, seal_after=HOUR)
    store = ParquetStore(tmp_path, Vocabulary(), Retention(), few, clock=lambda: T0)
    store.append("rest", batch(*[power(row, T0 + row) for row in range(99)]))
    store.maintain(Now(T0 + MINUTE, 0))
    assert store.counts()["unsealed_readings"] == 99
    store.append("rest", batch(power(99, T0 + 99)))
    store.maintain(Now(T0 + MINUTE, 0))
    assert store.counts()["unsealed_readings"] == 0
    store.append("rest", batch(power(100, T0 + 100)))
    store.maintain(Now(T0 + HOUR - 1, 0))
    assert store.counts()["unsealed_readings"] == 1
    store.maintain(Now(T0 + HOUR, 0))
    assert store.counts()["unsealed_readings"] == 0
    assert values(store) == list(range(101))
    store.close()


def test_anything_that_reads_parquet_reads_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] d*ta folder"
    store = open_store(folder)
    store.append("rest", batch(power(2.5, T0 + 5, "m\u4e2d'1", "l1", 7), arrived=T0 + 9))
    store.maintain(Now(T0, 0), seal_all=True)
    store.close()
    [file] = sealed(folder)
    assert file == "energy/2026-03-02/rest-0000000001.parquet"
    os.chdir(folder / "sealed")  # so that no name needs quoting
    try:
        found = duckdb.execute(
            "SELECT device, quantity, channel, domain, epoch_ms(time), seq, epoch_ms(time) + delay, value, quality "
            f"FROM '{file}' JOIN 'series-rest.parquet' USING (series)"
        ).fetchall()
        types = duckdb.execute(f"SELECT name, converted_type FROM parquet_schema('{file}') WHERE name = 'time'").fetchall()
    finally:
        os.chdir(ROOT)
    assert found == [("m\u4e2d'1", "power.active", "l1", "energy", T0 + 5, 7, T0 + 9, 2.5, 0)]
    assert types == [("time", "TIMESTAMP_MILLIS")]


def test_a_damaged_file_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(tmp_path)
    for day in range(3):
        store.append("rest", batch(power(day, T0 + day * DAY), power(day + 0.5, T0 + day * DAY + 1)))
    store.maintain(Now(T0, 0), seal_all=True)
    second = tmp_path / "sealed" / sealed(tmp_path)[1]
    content = bytearray(second.read_bytes())
    content[-20] ^= 0xFF  # in the footer: DuckDB cannot open it
    second.write_bytes(bytes(content))
    assert values(store) == [0, 0.5, 2, 2.5]
    assert "is damaged and left out" in caplog.text
    store.maintain(Now(T0 + 60 * DAY, 0))  # the month is made of what is whole; the damaged file stays for a person to see
    assert store.counts()["damaged_files"] == 1
    store.maintain(Now(T0 + 60 * DAY, 0))
    assert [file.period for file in store._writers["rest"].reader.files()] == ["2026-03"]
    assert values(store) == [0, 0.5, 2, 2.5]
    assert second.exists()
    store.close()


def test_a_missing_file_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(0, T0), power(1, T0 + DAY)))
    store.maintain(Now(T0, 0), seal_all=True)
    (tmp_path / "sealed" / sealed(tmp_path)[0]).unlink()
    assert values(store) == [1]
    assert "is missing and left out" in caplog.text
    store.close()


def test_the_newest_readings_outlive_the_loss_of_their_record(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(1, T0), power(2, T0 + DAY), power(5, T0, "other")))
    store.maintain(Now(T0, 0), seal_all=True)
    store.append("rest", batch(power(3, T0 + 2 * DAY)))
    latest = store.latest()
    store._writers["rest"]._connection.execute("UPDATE facts SET crc = crc + 1 WHERE name = 'latest'")
    assert store.latest() == latest
    store.maintain(Now(T0, 0), seal_all=True)
    assert store.latest() == latest
    store.close()


def test_sealed_files_without_their_journal_are_not_guessed_at(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(1, T0)))
    store.maintain(Now(T0, 0), seal_all=True)
    store.close()
    (tmp_path / "journal-rest.db").unlink()
    with pytest.raises(JournalUnusable, match="restore it from a backup, or move the sealed folder away"):
        open_store(tmp_path)
    with pytest.raises(JournalUnusable, match="has the hub been started"):
        ParquetStore.open_reader(tmp_path / "elsewhere")


READER = """
import sys
from pathlib import Path
import duckdb
from hub.stores.parquet import ParquetStore
from tests.hub.stores.test_parquet import METER
folder = Path(sys.argv[1])
reader = ParquetStore.open_reader(folder)
print("ready", flush=True)
seen, asked = 0, 0
for line in sys.stdin:
    rows = reader.rows(METER, 0, 2**62).value.tolist()
    assert rows == list(range(len(rows))), rows[:10]
    assert len(rows) >= max(seen, int(line)), (len(rows), seen, int(line))  # what was committed before the question is there
    seen, asked = len(rows), asked + 1
    files = [str(path) for path in (folder / "sealed").glob("energy/*/*.parquet")]
    if files:
        try:
            distinct = "SELECT count(*) FROM (SELECT DISTINCT series, time, seq FROM read_parquet(?))"
            assert duckdb.execute(distinct, [files]).fetchone()[0] >= 0
        except duckdb.IOException:
            pass  # a file listed above was replaced: those who list files themselves ask again
    print(seen, flush=True)
"""


def test_another_process_reads_while_this_one_writes_and_seals(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append("rest", batch(power(0, T0)))
    child = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdin and child.stdout
    assert child.stdout.readline() == "ready\n"
    stop, written = threading.Event(), [1]

    def write() -> None:
        while not stop.is_set():
            number = written[0]
            store.append("rest", batch(*[power(number + row, T0 + (number + row) * MINUTE) for row in range(100)]))
            written[0] = number + 100

    def seal() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            store.maintain(Now(T0 + step * 6 * HOUR, 0), seal_all=True)

    threads = [threading.Thread(target=write), threading.Thread(target=seal)]
    for thread in threads:
        thread.start()
    try:
        asked, seen, deadline = 0, 0, time.monotonic() + 60
        while (asked < 25 or seen < 2000) and time.monotonic() < deadline:
            child.stdin.write(f"{written[0]}\n")
            child.stdin.flush()
            answer = child.stdout.readline()
            assert answer, "the reader failed"
            asked, seen = asked + 1, int(answer)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    child.communicate("", timeout=30)
    assert child.returncode == 0
    assert seen >= 2000
    assert values(store) == list(range(written[0]))
    store.close()


MAINTAINER = """
import os, sys
from pathlib import Path
from hub.model import Now
from tests.hub.stores.test_parquet import *
store = open_store(Path(sys.argv[1]))
number = len(values(store))
print(number, flush=True)
step = 0
while True:
    store.append("rest", batch(*[power(number + row, T0 + (number + row) * HOUR) for row in range(30)]))
    number += 30
    os.write(1, b"%d\\n" % number)
    step += 1
    store.maintain(Now(T0 + step * 20 * DAY, 0), seal_all=True)
"""


def test_twenty_kills_while_it_seals_and_compacts(tmp_path: Path) -> None:
    """No reading confirmed is lost, none is there twice, no file is left that no journal knows."""
    confirmed = 0
    for kill in range(20):
        child = subprocess.Popen([sys.executable, "-c", MAINTAINER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
        assert child.stdout
        assert int(child.stdout.readline()) >= confirmed
        for _ in range(kill % 3 + 1):
            confirmed = int(child.stdout.readline())
        threading.Event().wait(0.003 * (kill * 7 % 20))  # somewhere else within a maintenance each time
        child.kill()
        rest = child.stdout.read()  # communicate() would leave out what the reader has taken already
        child.stdout.close()
        child.wait(30)
        confirmed = max([confirmed, *(int(line) for line in rest.split(b"\n")[:-1])])
        if kill % 4 == 3:
            store = open_store(tmp_path)
            found = values(store)
            assert found == list(range(len(found)))
            assert len(found) - confirmed in (0, 30)
            confirmed = len(found)
            known = {file.path for state in ("live", "dead") for file in store._writers["rest"].reader.files(state)}
            assert set(sealed(tmp_path)) <= known
            assert {file.path for file in store._writers["rest"].reader.files()} <= set(sealed(tmp_path))
            store.close()
    assert confirmed >= 20 * 30


def maintain_once(folder: Path) -> None:
    """The child of the next test: seals, makes a day file of each day, and forgets what is old; says what is durable."""
    store = open_store(folder, retention=Retention(fire=DAY))
    for step in range(1, 4):
        store.append("rest", batch(power(60 + step, T0 + (60 + step) * HOUR)))
        os.write(1, b"%d\n" % (60 + step))
        store.maintain(Now(T0 + 3 * DAY + step * 2 * MINUTE, 0), seal_all=True)
    store.close()


@pytest.mark.promise(1)
@pytest.mark.fault("killed at any write of sealing and compaction")
@pytest.mark.slow
def test_killed_at_any_write(tmp_path: Path) -> None:
    """kill -9 at the Nth write, sync, rename or unlink of one maintenance, for Ns spread over all of them."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: kills at the Nth write were NOT tested")
    start = tmp_path / "start"
    store = open_store(start)
    for hour in range(60):
        store.append("rest", batch(power(hour, T0 + hour * HOUR), Reading("smoke", "fire.smoke", 0, T0 + hour * HOUR)))
        if hour % 20 == 19:
            store.maintain(Now(T0 + hour * HOUR, 0), seal_all=True)
    store.close()
    calls = "pwrite64,write,fsync,fdatasync,rename,unlink,ftruncate"
    module = "tests.hub.stores.test_parquet"

    def run(folder: Path, *inject: str) -> tuple[Counter[str], list[int]]:
        """How often one thread made each call, at most (strace counts threads and calls apart), and what it said."""
        code = f"from pathlib import Path; import {module} as module; module.maintain_once(Path({str(folder)!r}))"
        log = tmp_path / "strace.log"
        command = ["strace", "-f", "-o", str(log), "-e", f"trace={calls}", *inject, sys.executable, "-c", code]
        ran = subprocess.run(command, cwd=ROOT, timeout=60, stdout=subprocess.PIPE)
        assert ran.returncode == (-signal.SIGKILL if inject else 0)
        made = Counter(tuple(line.partition("(")[0].split()) for line in log.read_text().splitlines() if "(" in line)
        most: Counter[str] = Counter()
        for (_, call), number in made.items():
            most[call] = max(most[call], number)
        return most, [int(number) for number in ran.stdout.split()]

    shutil.copytree(start, tmp_path / "whole")
    most, _ = run(tmp_path / "whole")
    assert {"pwrite64", "fsync", "fdatasync", "rename", "unlink"} <= set(most)
    # not the very last of each: how often a thread is asked varies by a few
    points = [(call, number) for call, last in most.items() for number in sorted({1, last // 3 + 1, 3 * last // 4 or 1})]
    points += [("rename", number) for number in range(1, most["rename"])]  # each file of a seal is there from its rename on
    for call, number in sorted(set(points)):
        kill = f"{call}-{number}"
        folder = tmp_path / kill
        shutil.copytree(start, folder)
        _, confirmed = run(folder, "-e", f"inject={call}:signal=KILL:when={number}")
        store = open_store(folder)
        for again in (False, True):
            found = values(store)
            assert found[:60] == list(range(60)), kill
            assert found[60:] in (confirmed, [*confirmed, 61 + len(confirmed)]), kill
            if again:
                break
            store.maintain(Now(T0 + 4 * DAY, 0), seal_all=True)
            store.maintain(Now(T0 + 4 * DAY + MINUTE, 0))
        assert set(sealed(folder)) == {file.path for file in store._writers["rest"].reader.files()}, kill
        store.close()
