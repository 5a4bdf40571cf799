"""An alert's life, pure: pending -> firing -> resolved. Nothing here reads a clock or remembers anything.

A verdict of None, "cannot tell", changes nothing: silence, stale and missing data never end an alert. Acknowledged is not a
state of its own but something a person has done to an alert, which may be firing or pending.

An alert whose breach ended before it had held for ``hold_for`` is resolved without ever having been raised: its
``raised_at`` stays None. It was shown as pending, so it must be closed as well, but nobody is to be told.
"""

from hashlib import blake2b

from msgspec.structs import replace

from hub.model import Alert, Now
from hub.ports import RuleSettings

BY_EVIDENCE = "evidence"


class UnknownAlert(LookupError):
    def __init__(self, id: str) -> None:
        super().__init__(f'there is no alert "{id}"')


class AlreadyClosed(ValueError):
    def __init__(self, id: str) -> None:
        super().__init__(f'alert "{id}" has been closed already')


class NeedsReason(ValueError):
    def __init__(self) -> None:
        super().__init__("closing a critical alert needs a reason: what was found, what was done")


def identity(rule: str, device: str, quantity: str, channel: str, time: int, seq: int) -> str:
    """20 hexadecimal digits that follow from the rule, the subject and the reading which opened the episode."""
    text = "\x1f".join((rule, device, quantity, channel, str(time), str(seq)))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def advance(alert: Alert, verdict: bool | None, rule: RuleSettings, held: int, now: Now) -> Alert | None:
    """The alert as the verdict changes it, or None where it changes nothing.

    ``held``: ms for which this verdict has been true, in event time between readings and by the monotonic clock without
    them. A new alert comes in as pending with revision 0.
    """
    if verdict is None or alert.state == "resolved":
        return None
    if alert.state == "pending":
        if not verdict:
            return _resolved(alert, BY_EVIDENCE, "it ended before it had held long enough", now)
        if held >= rule.hold_for:
            return replace(alert, state="firing", raised_at=now.wall, revision=alert.revision + 1)
        return replace(alert, revision=1) if alert.revision == 0 else None
    if verdict or alert.event or held < rule.clear_for:
        return None
    return _resolved(alert, BY_EVIDENCE, "", now)


def acknowledged(alert: Alert, by: str, comment: str, now: Now) -> Alert:
    """The first person to answer stands; asked again, the alert comes back as it is. Raises AlreadyClosed."""
    if alert.state == "resolved":
        raise AlreadyClosed(alert.id)
    if alert.acknowledged_at is not None:
        return alert
    return replace(alert, acknowledged_by=by, acknowledged_at=now.wall, comment=comment, revision=alert.revision + 1)


def closed(alert: Alert, by: str, reason: str, now: Now) -> Alert:
    """Closed by a person. Raises AlreadyClosed, and NeedsReason for a critical one without a reason."""
    if alert.state == "resolved":
        raise AlreadyClosed(alert.id)
    if alert.severity == "critical" and not reason.strip():
        raise NeedsReason
    return _resolved(alert, by, reason.strip(), now)


def overtaken(alert: Alert, at: int, now: Now) -> Alert:
    """A breach that became known late, while newer readings (the newest from ``at``) are clear."""
    return replace(_resolved(alert, BY_EVIDENCE, "newer readings are clear", now), last_at=at)


def out_of_hours(alert: Alert, now: Now) -> Alert:
    """Pending when the hours ended in which its breach counts."""
    return _resolved(alert, BY_EVIDENCE, "the hours in which it counts ended before it had held long enough", now)


def silenced(alert: Alert, silent: bool) -> Alert | None:
    """Its device has fallen silent, or has been heard again. It stays as it is."""
    return None if alert.silent == silent else replace(alert, silent=silent, revision=alert.revision + 1)


def seen_again(alert: Alert, at: int, value: float | None) -> Alert:
    """The same event once more, while the alert is open; or a live reading that confirms one raised as stale."""
    return replace(alert, last_at=at, last_value=value, stale=False, revision=alert.revision + 1)


def _resolved(alert: Alert, by: str, reason: str, now: Now) -> Alert:
    return replace(alert, state="resolved", resolved_at=now.wall, resolved_by=by, reason=reason, revision=alert.revision + 1)
