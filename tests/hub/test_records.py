"""The records: all of a transaction or nothing, and nothing twice."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.model import Alert, Device, Notice, Space
from hub.records import Records, RecordsFailed, RecordsReader, Sent, Work

ALERT = Alert(id="a1", rule="smoke", severity="critical", state="firing", device="d:1", summary={"en": "Smoke"})
NOTICE = Notice(
    id="a1:first:w:", alert="a1", revision=1, notifier="w", why="first", created_at=7, severity="critical", body={"id": "a1"}
)


def work(*alerts: Alert, notices: tuple[Notice, ...] = ()) -> Work:
    made = Work()
    made.alerts = [(alert, 100 + alert.revision) for alert in alerts]
    made.notices = list(notices)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_an_alert_and_its_notices_are_read_back_by_another_connection(path: Path) -> None:
    records = Records(path)
    records.commit(work(ALERT, replace(ALERT, revision=2, acknowledged_by="li"), notices=(NOTICE,)))
    reader = RecordsReader(path)
    assert reader.alert("a1") == replace(ALERT, revision=2, acknowledged_by="li")
    assert [(at, alert.revision) for at, alert in reader.timeline("a1")] == [(101, 1), (102, 2)]
    assert reader.unsent() == [NOTICE]
    assert reader.ledger("a1")[0]["state"] == "queued"


def test_what_is_committed_again_changes_nothing(path: Path) -> None:
    records = Records(path)
    records.commit(work(ALERT, replace(ALERT, revision=2, state="resolved"), notices=(NOTICE,)))
    done = work()
    done.sent = [Sent(NOTICE.id, "sent", 1, 9)]
    records.commit(done)
    records.commit(work(ALERT, notices=(NOTICE,)))
    assert records.alert("a1") == replace(ALERT, revision=2, state="resolved")
    assert records.unsent() == []
    assert len(records.alerts()) == 1


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    records = Records(path)
    bad = work(ALERT)
    bad.notices = [replace(NOTICE, id=None)]
    with pytest.raises(Exception, match="NOT NULL"):
        records.commit(bad)
    assert records.alert("a1") is None
    records.commit(work(ALERT))
    assert records.alert("a1") == ALERT


def test_open_and_recent(path: Path) -> None:
    records = Records(path)
    old = replace(ALERT, id="old", state="resolved")
    records.commit(work(ALERT, old, replace(old, id="new", revision=50)))
    assert [alert.id for alert in records.open_and_recent(since=150)] == ["a1", "new"]


def test_alerts_are_paged_newest_first_and_filtered(path: Path) -> None:
    records = Records(path)
    records.commit(work(*(replace(ALERT, id=f"a{n}", severity="info" if n % 2 else "critical") for n in range(10))))
    first = records.alerts(limit=4)
    assert [alert.id for _, alert in first] == ["a9", "a8", "a7", "a6"]
    assert [alert.id for _, alert in records.alerts(limit=4, before=first[-1][0])] == ["a5", "a4", "a3", "a2"]
    assert [alert.id for _, alert in records.alerts(severity="info", limit=2)] == ["a9", "a7"]


def test_places_devices_states_and_the_heartbeat(path: Path) -> None:
    records = Records(path)
    made = Work()
    made.spaces = {"s": Space("s", "厨房")}
    made.devices = {"d": Device("d", "烟感", "s", tags=("main",))}
    made.states = {"engine": b"\x81\xa1a\x01"}
    made.topics = ["t/1", "t/1"]
    made.heartbeat = 5
    records.commit(made)
    reader = RecordsReader(path)
    assert reader.spaces() == [Space("s", "厨房")]
    assert reader.devices() == [Device("d", "烟感", "s", tags=("main",))]
    assert reader.state("engine") == {"a": 1}
    assert reader.state("nothing") is None
    assert (reader.topics(), reader.heartbeat()) == (["t/1"], 5)


@pytest.mark.fault("newer schema")
def test_a_newer_schema_is_refused_in_a_sentence(path: Path) -> None:
    Records(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(RecordsFailed, match="newer Gengfu"):
        Records(path)


@pytest.mark.promise(3)
@pytest.mark.promise(5)
def test_one_notifier_that_is_stuck_hides_no_other(path: Path) -> None:
    records = Records(path)
    stuck = [replace(NOTICE, id=f"a{number}", notifier="stuck", created_at=number) for number in range(5)]
    records.commit(work(ALERT, notices=(*stuck, NOTICE)))
    assert [notice.id for notice in records.unsent(limit=3)] == ["a0", "a1", "a2", NOTICE.id]


def test_when_a_notice_was_handed_out_first_stays(path: Path) -> None:
    records = Records(path)
    records.commit(work(ALERT, notices=(NOTICE,)))
    for sent in (Sent(NOTICE.id, "queued", 1, 50, "busy", 40), Sent(NOTICE.id, "sent", 2, 90, "", 80)):
        done = work()
        done.sent = [sent]
        records.commit(done)
    [row] = records.ledger("a1")
    assert (row["taken_at"], row["changed_at"], row["state"]) == (40, 90, "sent")


@pytest.mark.fault("older schema")
def test_an_older_schema_is_brought_up_to_date_and_keeps_everything(path: Path) -> None:
    records = Records(path)
    records.commit(work(ALERT, notices=(NOTICE,)))
    records.close()
    with sqlite3.connect(path) as old:  # what version 1 did not have
        old.execute("ALTER TABLE outbox DROP COLUMN taken_at")
        old.execute("ALTER TABLE outbox DROP COLUMN began_at")
        old.execute("DROP INDEX audit_by_subject")
        old.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    old.close()
    for _ in range(2):
        records = Records(path)
        assert records.alert("a1") == ALERT
        assert records.unsent() == [NOTICE]
        assert records.ledger("a1")[0]["taken_at"] == records.ledger("a1")[0]["began_at"] == 0
        assert records.seen("a1") is None
        records.close()


def test_a_commit_leaves_the_file_alone_and_the_log_is_copied_beside(path: Path) -> None:
    """SQLite itself would copy it in the middle of a commit, every 1,000 pages."""
    records = Records(path)
    before = path.read_bytes()
    for number in range(300):
        made = work(replace(ALERT, id=f"a{number}"))
        made.states = {f"s{number}": bytes(4096)}
        records.commit(made)
    assert path.with_name("records.db-wal").stat().st_size > 1000 * 4096
    assert path.read_bytes() == before
    records.checkpoint()
    alone = path.with_name("alone.db")
    alone.write_bytes(path.read_bytes())
    assert sqlite3.connect(alone).execute("SELECT count(*) FROM alerts").fetchone() == (300,)
    records.commit(work(ALERT))  # and the log begins anew
    size = path.with_name("records.db-wal").stat().st_size
    for number in range(100):
        records.commit(work(replace(ALERT, id=f"b{number}")))
    assert path.with_name("records.db-wal").stat().st_size == size
    records.close()
