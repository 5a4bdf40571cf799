"""What must hold once all is quiet: what is stored, which alerts there are, who was told."""

from collections import Counter, defaultdict
from itertools import pairwise

from hub.model import Alert, Series
from hub.records import Records
from hub.records_people import PeopleReader
from hub.stores.parquet import ParquetStore
from tests.simulation.life import FLAPPING
from tests.simulation.oracle import Broken, Oracle
from tests.simulation.plan import HOLD, NAME, QUANTITY, Maker, Measure, Plan

FAR = 2**62
HANDLED = 3.0
"""Seconds in which what was handed over is judged and its alert on the slowest disk."""


def judge(oracle: Oracle, plan: Plan, records: Records, people: PeopleReader, store: ParquetStore, silent: set[str]) -> None:
    """``silent``: devices from which nothing has come for so long that somebody must have been told. Raises Broken."""
    alerts = [alert for _, alert in records.alerts(limit=100_000)]
    if {alert.id: alert.revision for alert in alerts} != {id: alert.revision for id, alert in oracle.alerts.items()}:
        raise Broken("the records hold other alerts than were committed")
    by_rule: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule, alert.device].append(alert)
    for maker in plan.makers:
        _stored(oracle, maker, store, plan)
        if oracle.deliveries[maker.id]:
            _episodes(oracle, maker, by_rule, plan)
    for mine in by_rule.values():
        _shown_once(mine)
    for alert in alerts:
        _told(oracle, alert, by_rule[alert.rule, alert.device], records)
    _incidents(oracle, people)
    for device in silent:
        told = any(alert.state == "firing" for alert in by_rule["silent", device])
        if not told and not plan.wild and ("silent", device) not in oracle.closed_by_hand:
            raise Broken(f"nothing is heard of {device}, and nobody was told")
    check_acknowledged(oracle, records)


def check_acknowledged(oracle: Oracle, records: Records) -> None:
    for id, by in oracle.acknowledged.items():
        kept = records.alert(id)
        if kept is None or kept.acknowledged_by != by:
            raise Broken(f"{by} acknowledged {id}, and the records do not know it")


# --- readings ---------------------------------------------------------------------------------------------------------


def _stored(oracle: Oracle, maker: Maker, store: ParquetStore, plan: Plan) -> None:
    quantity = QUANTITY[maker.kind]
    rows = store.rows(Series(maker.id, quantity), -FAR, FAR)
    said = [one for one in oracle.sent[maker.id] if one.index >= 0 and (maker.kind != "care" or "sos" in one.values)]
    if not maker.timed or plan.wild:
        # One by one they cannot be told apart: of each value at least as many as were sent.
        wanted = Counter({(one.key or one.number): one.values[NAME[maker.kind]] for one in reversed(said) if one.qos}.values())
        # A message on both sessions that comes again may be taken for another one in the same bytes.
        if maker.kind == "zig" and not _once(oracle, maker):
            wanted = Counter(wanted.keys())
        missing = wanted - Counter(rows.value.tolist())
        if missing.total() > (oracle.collided[maker.id] if plan.jumps else 0):  # our clock was put back to the same millisecond
            raise Broken(f"{missing.total()} readings of {maker.id} are not stored: {dict(missing)}")
    else:
        found = dict(zip(rows.time.tolist(), rows.value.tolist(), strict=True))
        expected = {one.key[1]: oracle.stored.get((maker.id, quantity, one.key[1])) for one in said if one.key}
        if maker.qos == 0:
            expected = {time: value for time, value in expected.items() if value is not None}
        if len(found) != len(rows.time) or found != expected:
            raise Broken(f"{maker.id} sent {len(expected)} readings, stored are {len(rows.time)}; they differ")
    for one in oracle.sent[maker.id]:
        if one.index < 0 and one.qos and not any(topic == one.topic for topic, _ in oracle.letters):
            raise Broken(f"message {one.number} of {maker.id} could not be read and is not kept")


# --- alerts -----------------------------------------------------------------------------------------------------------


def _runs(measures: list[Measure]) -> list[list[Measure]]:
    """The stretches of breach."""
    runs: list[list[Measure]] = []
    for before, measure in pairwise([None, *measures]):
        assert measure is not None
        if measure.breach:
            if before is not None and before.breach:
                runs[-1].append(measure)
            else:
                runs.append([measure])
    return runs


def _episodes(oracle: Oracle, maker: Maker, by_rule: dict[tuple[str, str], list[Alert]], plan: Plan) -> None:
    rule = {"level": "level-high", "care": "sos"}.get(maker.kind, "smoke")
    alerts = by_rule.get((rule, maker.id), [])
    runs = _runs(maker.measures)
    if maker.qos == 0:
        return
    if runs and not alerts and maker.kind != "level":  # which must hold as well
        raise Broken(f"{maker.id} was in breach, and there is no alert")
    keys = [(one.key, tuple(one.values.items())) for one in oracle.sent[maker.id]]
    contradicts = maker.timed and len({key for key, _ in keys}) != len(set(keys))
    if contradicts or (rule, maker.id) in oracle.closed_by_hand or not all(d.behind for d in oracle.deliveries[maker.id]):
        return  # its history can be read in more than one way
    if plan.wild and not _once(oracle, maker):
        return  # an old reading sent again is told from a new one by its time alone
    if maker.kind == "care":
        runs = [[measure for run in runs for measure in run]] if runs else []
    if maker.timed and not plan.jumps:
        _exactly(maker, alerts, runs)
    else:
        _covered(oracle, maker, alerts, runs)
    still = any(alert.state != "resolved" for alert in alerts)
    last = maker.measures[-1].breach
    if last and not still:
        raise Broken(f"{maker.id} was last in breach, and its alert is over")
    if still and not last and maker.kind != "care" and ((maker.timed and not plan.jumps) or _once(oracle, maker)):
        raise Broken(f"{maker.id} was last clear, and its alert is still open")


def _once(oracle: Oracle, maker: Maker) -> bool:
    """Whether nothing came twice."""
    numbers = [delivery.publication.index for delivery in oracle.deliveries[maker.id] if delivery.publication.index >= 0]
    return len(numbers) == len(set(numbers))


def _exactly(maker: Maker, alerts: list[Alert], runs: list[list[Measure]]) -> None:
    found, expected = sorted(alert.at for alert in alerts), [run[0].time for run in runs]
    if found != expected:
        raise Broken(f"{maker.id}: episodes began at {expected}, alerts at {found}")
    if maker.kind != "level":
        return
    for alert, run in zip(sorted(alerts, key=lambda one: one.at), runs, strict=True):
        if run[-1].moment - run[0].moment > HOLD + 0.001 and alert.raised_at is None:
            raise Broken(f"{maker.id}: the breach at {alert.at} held for more than {HOLD} s and was never raised")


def _covered(oracle: Oracle, maker: Maker, alerts: list[Alert], runs: list[list[Measure]]) -> None:
    """Where a clock is missing or wrong: during every stretch there is an alert; one only, if none of its messages came
    twice."""
    mine = [delivery for delivery in oracle.deliveries[maker.id] if delivery.publication.index >= 0]
    for run in runs:
        numbers = {maker.measures.index(measure) for measure in run}
        moments = [delivery.moment for delivery in mine if delivery.publication.index in numbers]
        if not any(
            oracle.since[alert.id] < max(moments) + HANDLED and min(moments) < oracle.until.get(alert.id, max(moments) + 1)
            for alert in alerts
        ):
            raise Broken(f"{maker.id}: the breach of messages {sorted(numbers)} was never raised")
    if _once(oracle, maker) and len(alerts) != len(runs):
        raise Broken(f"{maker.id}: {len(runs)} episodes, {len(alerts)} alerts")


def _shown_once(alerts: list[Alert]) -> None:
    first = alerts[0]
    if len({alert.at for alert in alerts}) != len(alerts):
        raise Broken(f"{first.device} has two alerts of {first.rule} for one reading")
    if sum(alert.state != "resolved" for alert in alerts) > 1:
        raise Broken(f"{first.device} has two open alerts of {first.rule}")


# --- who was told -----------------------------------------------------------------------------------------------------


def _may_flap(alert: Alert, others: list[Alert]) -> bool:
    """What is not critical and comes back again and again is held back."""
    return alert.severity != "critical" and sum(one.raised_at is not None for one in others) >= FLAPPING


def _incidents(oracle: Oracle, people: PeopleReader) -> None:
    """Each that people were told of is over when its last member is, and its end is told once."""
    for _, incident in people.incidents(limit=10_000):
        firing = [one.id for one in people.members(incident.id) if one.state == "firing"]
        if (incident.state == "resolved") == bool(firing):
            raise Broken(f"incident {incident.id} is {incident.state}, and {len(firing)} of its alerts are firing")
        for receiver in ("desk", "board"):
            ids = oracle.ended.get((receiver, incident.id), set())
            if len(ids) != (incident.state == "resolved" and incident.told_rank >= 0):
                raise Broken(f"{receiver} was told {len(ids)} times that {incident.id} ({incident.cause}) is over")


def _told(oracle: Oracle, alert: Alert, others: list[Alert], records: Records) -> None:
    for _, revision in records.timeline(alert.id):
        if ("mqtt", alert.id, f"r{revision.revision}") not in oracle.told:
            raise Broken(f"revision {revision.revision} of alert {alert.id} was never published")
    if alert.raised_at is not None and not _may_flap(alert, others):
        for receiver in ("desk", "board"):
            ids = oracle.told.get((receiver, alert.id, "begins"), set())
            if len(ids) != 1:
                raise Broken(f"{receiver} was told {len(ids)} times by id of alert {alert.id} ({alert.rule}): {sorted(ids)}")
    # A reminder that has been overtaken by what came after it is not sent any more.
    unsent = [row["id"] for row in records.ledger(alert.id) if row["state"] != "sent" and ":repeat" not in row["id"]]
    if unsent:
        raise Broken(f"the outbox still holds {unsent}")
