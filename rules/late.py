"""A reading older than what has been judged: it ends nothing, and raises what nobody knew of."""

from collections.abc import Sequence

from hub.model import Alert, Now, Reading
from rules import lifecycle
from rules.standing import Standing


def judge(watch: Standing, reading: Reading, time: int, received_at: int, now: Now) -> Sequence[Alert]:
    if watch.memory is not None:
        return ()  # a window cannot be judged in hindsight
    verdict = watch.judge(reading, False, None)
    if verdict is None:
        return ()
    if not verdict:
        if watch.late_from is not None and time > watch.late_from:
            watch.late_from = None
        return ()
    if watch.alert is not None:
        watch.began = min(watch.began, time)
        return ()
    if watch.hours is not None and not watch.hours.open(time):
        return ()
    if watch.excused is not None or any(episode.began <= time <= episode.ended for episode in watch.closed):
        return ()
    if watch.settings.hold_for:
        watch.late_from = time if watch.late_from is None else min(watch.late_from, time)
        if time - watch.late_from < watch.settings.hold_for:
            return ()
    watch.late_from = None
    changed = watch._open(reading.value, reading.seq, reading.quality, time, received_at, now, stale=True, late=True)
    if changed and watch.verdict is False and not watch.event:
        over = lifecycle.overtaken(changed[0], watch.newest, now)
        watch._end(watch.newest)
        return (*changed, over)
    return changed
