"""What must hold at every step, judged by what devices truly sent and by what is truly on the disk.

It shares no code with the hub: what a breach is, when an episode begins and what counts as evidence is written down here a
second time, as simply as it can be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

from hub.model import Alert, Batch, Message, Notice
from hub.receipts import Receipt
from hub.records import Work
from tests.simulation.broker import Broker, Publication
from tests.simulation.plan import HOLD, Plan

SLACK = 12.0
"""Seconds by which a hold time may be late: the engine looks again every ten while a device is silent, and after a restart
waits two for what the broker holds."""


class Broken(AssertionError):
    """An invariant does not hold."""


class Delivery(Struct):
    """A publication as it was handed to the hub."""

    life: int
    moment: float
    publication: Publication
    received_at: int
    behind: bool
    """All the device had to say before it had been confirmed, or handed over in the same life."""


BEGINS = ("first", "joined", "reopened", "flapping")
"""Why people hear of an alert for the first time."""
CLEAR = {"smoke": ("smoke", 0.0), "level-high": ("level", 500.0), "power-high": ("power", 20.0)}
"""What a device says, and the greatest value that ends the rule's alert."""


class Oracle:
    def __init__(self, broker: Broker, plan: Plan) -> None:
        self._broker = broker
        self._plan = plan
        self.life = 0
        self.starts: list[float] = []
        self.sent: defaultdict[str, list[Publication]] = defaultdict(list)
        self.deliveries: defaultdict[str, list[Delivery]] = defaultdict(list)
        self.stored: dict[tuple[str, str, int], float] = {}  # device, quantity, time -> the value that was on disk first
        self.settled: defaultdict[str, set[int]] = defaultdict(set)  # device -> what has been confirmed of its history
        self.collided: Counter[str] = Counter()  # device -> readings with a time that one on disk has already
        self.arrived: set[tuple[str, int]] = set()  # device, arrival: readings on disk
        self.letters: set[tuple[str, int]] = set()  # topic, arrival: refused messages on disk
        self.alerts: dict[str, Alert] = {}  # as on disk
        self.since: dict[str, float] = {}  # when each came to the disk
        self.until: dict[str, float] = {}  # and when that it is resolved
        self.announced: dict[str, int] = {}
        self.told: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)  # receiver, alert, why -> ids of notices
        self.ended: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # receiver, incident -> ids of notices
        self.acknowledged: dict[str, str] = {}
        self.closing: set[str] = set()  # alerts that a person asked to close
        self.closed_by_hand: set[tuple[str, str]] = set()  # rule and device

    # --- as it happens --------------------------------------------------------------------------------------------------

    def handed(self, message: Message, publication: Publication, moment: float) -> None:
        mine = self.deliveries[publication.device]
        known = self.settled[publication.device] | {one.publication.index for one in mine if one.life == self.life}
        behind = known.issuperset(range(publication.index))
        mine.append(Delivery(self.life, moment, publication, message.received_at, behind))

    def written(self, batch: Batch) -> None:
        for reading, arrival in zip(batch.readings, batch.received_at, strict=True):
            assert reading.time is not None
            key = (reading.device, reading.quantity, reading.time)
            self.collided[reading.device] += key in self.stored
            self.stored.setdefault(key, reading.value)
            self.arrived.add((reading.device, arrival))
        for letter in batch.dead_letters:
            self.letters.add((letter.topic, letter.at))

    def committed(self, work: Work, moment: float) -> None:
        for alert, _ in work.alerts:
            before = self.alerts.get(alert.id)
            if before is not None and before.revision >= alert.revision:
                continue  # the records keep the newer one
            self.alerts[alert.id] = alert
            self.since.setdefault(alert.id, moment)
            if alert.state == "resolved" and (before is None or before.state != "resolved"):
                self.until[alert.id] = moment
                self._evidence(alert, moment)
            if alert.raised_at is not None and (before is None or before.raised_at is None):
                self._raised(alert, moment)

    def found(self, alerts: Iterable[Alert], moment: float) -> None:
        """What a start finds on the disk counts as committed, even if its commit did not come to its end."""
        for alert in alerts:
            kept = self.alerts.get(alert.id)
            if kept is None or kept.revision < alert.revision:
                self.alerts[alert.id] = alert
                self.since.setdefault(alert.id, moment)

    def confirming(self, message: Message, publication: Publication, open_alerts: Iterable[Alert]) -> None:
        """Confirmed is durable: what it says, or another copy of it is still the broker's."""
        self.settled[publication.device].add(publication.index)
        if publication.qos == 0 or self._broker.copies(publication) > 1:
            return
        device = publication.device
        mine = [delivery.received_at for delivery in self.deliveries[device] if delivery.publication is publication]
        if publication.index < 0:
            durable = any((publication.topic, arrival) in self.letters for arrival in mine)
        else:
            time = publication.key[1] if publication.key else None
            durable = any((device, q, time) in self.stored for q in _QUANTITIES) or any(
                (device, arrival) in self.arrived for arrival in mine
            )
            for alert in open_alerts:
                if alert.device == device and alert.at == time and alert.id not in self.alerts:
                    raise Broken(f"message {publication.number} of {device} was confirmed before alert {alert.id} was on disk")
        if not durable:
            raise Broken(f"message {publication.number} of {device} was confirmed before it was on disk")

    def receipts(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            if (receipt.device, "fire.smoke", receipt.id) not in self.stored and not self._plan.wild:
                raise Broken(f"{receipt.device} was told that {receipt.id} has arrived before it was on disk")

    def announce(self, alert: Alert) -> None:
        kept = self.alerts.get(alert.id)
        if kept is None or kept.revision < alert.revision:
            raise Broken(f"alert {alert.id} was shown before it was on disk")
        before = self.announced.get(alert.id, 0)
        if alert.revision <= before:
            raise Broken(f"alert {alert.id} was shown again: revision {alert.revision} after {before}")
        self.announced[alert.id] = alert.revision

    def heard(self, receiver: str, notice: Notice) -> None:
        kept = self.alerts.get(notice.alert)
        if kept is None or kept.revision < notice.revision:
            raise Broken(f"{receiver} was told of {notice.alert} before it was on disk")
        joined = notice.body.get("joined") or {"named": []}
        for alert in {notice.alert, *(one["id"] for one in joined["named"])}:
            self.told[receiver, alert, "begins" if notice.why in BEGINS else notice.why].add(notice.id)
        if notice.why in ("resolved", "calm"):
            self.ended[receiver, notice.body["incident"]["id"]].add(notice.id)

    def published(self, alert: str, revision: int) -> None:
        kept = self.alerts.get(alert)
        if kept is None or kept.revision < revision:
            raise Broken(f"{alert} was published before it was on disk")
        self.told["mqtt", alert, f"r{revision}"].add("")

    def look(self, open_alerts: Iterable[Alert], moment: float) -> None:
        """Now and then: no timer has begun anew."""
        for alert in open_alerts:
            if alert.state != "pending" or alert.id not in self.since or moment - self.starts[-1] < 3.5:
                continue
            if self._plan.jumps and self.since[alert.id] < self.starts[-1]:
                continue  # how long it was down, nobody can tell
            heard = [delivery.moment for delivery in self.deliveries[alert.device]]
            speaks = moment - heard[-1] < 20 and all(b - a < 28 for a, b in pairwise(heard) if b > moment - SLACK)
            if speaks and moment - self.since[alert.id] > HOLD + SLACK:
                raise Broken(f"alert {alert.id} has been pending since {self.since[alert.id]:.3f}: its timer has begun anew")

    # --- why an alert may change ----------------------------------------------------------------------------------------

    def _evidence(self, alert: Alert, moment: float) -> None:
        if alert.resolved_by != "evidence":
            if alert.id not in self.closing:
                raise Broken(f"alert {alert.id} was resolved by {alert.resolved_by}, who did not do that")
            self.closed_by_hand.add((alert.rule, alert.device))
            return
        mine = self.deliveries[alert.device]
        opened = next((n for n, delivery in enumerate(mine) if delivery.received_at == alert.received_at), 0)
        if alert.event or not any(self._shows_clear(alert, delivery, n >= opened) for n, delivery in enumerate(mine)):
            raise Broken(f"alert {alert.id} ({alert.rule} of {alert.device}) was resolved without evidence: {alert.reason!r}")

    def _shows_clear(self, alert: Alert, delivery: Delivery, after: bool) -> bool:
        """``after``: it was handed over after what opened the alert. By the device's clock, if it and ours can be trusted."""
        said = delivery.publication
        if said.index < 0:
            return alert.rule == "silent" and delivery.moment >= self.since.get(alert.id, 0)
        if alert.rule == "silent":
            return alert.id not in self.since or delivery.moment >= self.since[alert.id] - 1
        name, limit = CLEAR[alert.rule]
        if said.values.get(name, limit + 1) > limit:
            return False
        later = said.key is not None and said.key[1] > alert.at
        return (after or later) if said.key is None or self._plan.wild else later

    def _raised(self, alert: Alert, moment: float) -> None:
        if alert.rule != "level-high" or alert.stale:
            return  # one that became known late has held by the device's clock
        opening = [
            delivery.moment for delivery in self.deliveries[alert.device] if delivery.publication.key == (alert.device, alert.at)
        ]
        held = [
            delivery.publication.key[1] - alert.at
            for delivery in self.deliveries[alert.device]
            if delivery.publication.key and delivery.publication.values["level"] > CLEAR["level-high"][1]
        ]
        began = min(opening, default=moment)
        if self._plan.jumps and began < self.starts[-1]:
            return
        if max(held, default=0) < HOLD * 1000 and moment - began < HOLD:
            raise Broken(f"alert {alert.id} of {alert.device} was raised before it had held for {HOLD} s")


_QUANTITIES = ("fire.smoke", "bench.level", "power.active", "safety.sos", "health.heart_rate")
