"""How transactions follow each other: whoever waits for one waits for no other that nobody waits for."""

from pathlib import Path

from hub.committer import Committer
from hub.records import Records, Sent, Work
from tests.support.sessions import until


def mark(number: int) -> Sent:
    return Sent(f"notice-{number}", "sent", 1, number)


async def test_marks_that_an_alert_brings_about_wait_for_the_next_alert(tmp_path: Path) -> None:
    """Each transaction hands something out that leaves a mark, as an alert that has been told does."""
    records = Records(tmp_path / "records.db")
    written: list[int] = []

    def committed(work: Work) -> None:
        written.append(len(work.sent))
        if work.audits:
            committer.gather(urgent=False).sent.append(mark(len(written)))

    failures: list[BaseException] = []
    committer = Committer(records, committed, failures.append)
    for number in range(3):
        committer.gather().audits.append((number, "li", "seen", "a1"))
        await committer.durable()
    assert written == [0, 1, 1]  # the last one's mark gathers still
    await until(lambda: written == [0, 1, 1, 1], what="it is written in the end, though nothing more comes")
    await committer.close()
    records.close()
    assert not failures
