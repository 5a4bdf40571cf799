"""Watches what a vendor sends: what the site's formats make of it, and what would go wrong later. Pure: no clock, no I/O.

A format's own habits are not held against its devices: only formats that carry a time are asked for one, and only devices
that have an MQTT session of their own are asked for a last will.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from hub.intake import AHEAD, EARLIEST, LATE_AFTER, Intake, TooOld
from hub.model import DeviceInfo, Message, Quality, Reading, Reason, quality_names
from hub.ports import Adapter, Malformed, Retention
from hub.quantities import Vocabulary
from hub.routing import Routes, fault
from hub.vendor.faults import FAULTS, Finding
from hub.vendor.habits import Device, says_available
from hub.vendor.raw import beginning, beside
from hub.wire import Refused

MOST = 20_000
"""Devices, topics and findings that are remembered; more are counted in ``forgotten``."""
DAY = 86_400_000

TIMED = frozenset(("json", "senml", "tasmota", "chirpstack", "tts", "wmbusmeters", "openmhealth", "fhir", "gb26875", "dsmr"))
"""Formats whose messages carry a time."""
CONNECTED = frozenset(("json", "senml", "tasmota", "shelly", "shelly_gen1", "meokon"))
"""Formats of devices that speak MQTT themselves, so that a last will is theirs to set."""

OWN_FAULT = {Reason.ID_MISMATCH: "id_mismatch", Reason.TOO_LARGE: "too_large", Reason.BAD_TOPIC: "topic"}
"""Refusals that are a fault of their own."""


HALF_HOUR = 1_800_000
NEAR = 120_000  # ms: so near to whole half hours a difference is a time zone's, not a drift


def _zone(off: int) -> str:
    """A hint where a clock is off (ms) by what a time zone is."""
    halves = round(off / HALF_HOUR)
    if not 2 <= halves <= 28 or abs(off - halves * HALF_HOUR) > NEAR:
        return ""
    return f", which is {halves / 2:g} h: is local time sent as UTC, or UTC as local time?"


class Line(NamedTuple):
    """One thing to show. ``how``: understood | told | refused | unread."""

    at: int
    topic: str
    how: str
    text: str


class Watch:
    def __init__(self, adapters: Sequence[Adapter], vocabulary: Vocabulary, retention: Retention) -> None:
        self._routes = Routes(adapters)
        self._vocabulary = vocabulary
        self._intake = Intake(vocabulary, retention)
        self._found: dict[tuple[str, str], Finding] = {}
        self.devices: dict[str, Device] = {}
        self._available: set[str] = set()  # levels of topics that say online or offline
        self.messages = 0
        self.readings = 0
        self.unconfirmed = 0  # messages that came with QoS 0
        self.forgotten = 0
        self.refusals: Counter[str] = Counter()

    # --- what is heard ------------------------------------------------------------------------------------------------

    def take(self, message: Message) -> list[Line]:
        """What one message gives to show."""
        self.messages += 1
        self.unconfirmed += message.qos == 0
        topic = message.topic
        self._topic(topic)
        adapter = self._routes.adapter(topic)
        if adapter is None:
            return self._unread(message)
        try:
            decoded = list(adapter.decode(message))
        except Malformed as problem:
            return [self._refused(message, problem.reason, problem.detail, problem.device)]
        except Exception as error:  # noqa: BLE001  the format's fault, and shown as such
            return [self._refused(message, Reason.ADAPTER_FAILED, f"{type(error).__name__}: {error}", "")]
        lines = []
        for item in decoded:
            if isinstance(item, Reading):
                lines.append(self._reading(item, message, adapter.kind))
            elif isinstance(item, DeviceInfo):
                if item.online is not None and (device := self._device(item.device, adapter.kind)):
                    device.available = True
                words = ("online" if item.online else "offline") if item.online is not None else "described"
                lines.append(Line(message.received_at, topic, "told", f"{item.device} is {words}"))
        if not lines:
            if says_available(message.payload):
                self._says_available(topic)
            lines.append(Line(message.received_at, topic, "told", f"{adapter.kind}: no measurement in it"))
        return lines

    def take_retained(self, message: Message) -> None:
        """A message the broker has kept, asked for at the end: what was retained while we watched comes without a mark."""
        adapter = self._routes.adapter(message.topic)
        if adapter is None:
            return
        try:
            decoded = adapter.decode(message)
        except Malformed:
            return  # it was refused, and counted, when it came live
        for item in decoded:
            if isinstance(item, Reading) and item.quantity != "device.online":
                self._add("retained", item.device, f"{message.topic} is kept by the broker with {item.quantity}")

    def refuse(self, refused: Refused) -> list[Line]:
        """A message that was refused before any format saw it."""
        self.messages += 1
        return [self._refused(refused.message, refused.reason, refused.detail, "")]

    # --- what was found -----------------------------------------------------------------------------------------------

    def findings(self) -> list[Finding]:
        """Everything found so far, in the order of FAULTS, then by device."""
        found = dict(self._found)
        for device in self.devices.values():
            said: list[tuple[str, str]] = []
            if device.kind in CONNECTED and not device.available and device.name not in self._available:
                said.append(("no_availability", "no message said that it is online or offline"))
            if device.kind in TIMED and (gap := device.irregular()):
                said.append(("irregular", gap))
            if gap := device.gap():
                said.append(("sequence_gap", gap))
            if stuck := device.stuck():
                said.append(("stuck", stuck))
            if wrong := device.energy_against_power():
                said.append(("unit", wrong))
            for name, detail in said:
                found.setdefault((name, device.id), Finding(name, device.id, detail))
        order = list(FAULTS)
        return sorted(found.values(), key=lambda finding: (order.index(finding.fault), finding.subject))

    # --- one message --------------------------------------------------------------------------------------------------

    def _reading(self, given: Reading, message: Message, kind: str) -> Line:
        self.readings += 1
        device = self._device(given.device, kind)
        online = given.quantity == "device.online"
        if device is not None:
            device.available = device.available or online
        quality = given.quality
        if message.retained:
            quality |= Quality.STALE_RETAINED
            if not online:
                self._add("retained", given.device, f"{message.topic} is kept by the broker with {given.quantity}")
        elif not message.redelivered and not online:
            quality = self._judge(given, message, kind, device)
        quantity = self._vocabulary.get(given.quantity)
        value = f"{given.value:.10g}"
        unit = quantity.unit if quantity and quantity.unit != "1" else ""
        channel = f" [{given.channel}]" if given.channel else ""
        flags = f"  ({', '.join(quality_names(quality))})" if quality else ""
        raw = beside(message.payload, given.value)
        text = f"{given.device}{channel} {given.quantity} {value} {unit}".rstrip() + (f"  from {raw}" if raw else "") + flags
        return Line(message.received_at, message.topic, "understood", text)

    def _judge(self, given: Reading, message: Message, kind: str, device: Device | None) -> int:
        """Notes what is odd about a live reading; gives its quality flags."""
        name, what = given.device, given.quantity
        self._time(given, message, kind)
        time = given.time
        told = time if time is not None and EARLIEST <= time <= message.received_at + AHEAD else None
        if device is not None:
            newest = device.newest.get((what, given.channel), 0)
            if told is not None and told < newest:
                self._add("out_of_order", name, f"{what} is {(newest - told) / 1000:g} s older than the one before")
            device.heard(given, told, message.received_at, self._vocabulary.get(what))
        try:
            reading = self._intake.accept(given, message)
        except TooOld as old:
            return old.reading.quality
        if reading is None:
            self._add("duplicate", name, f"{what} comes again with the same time")
            return given.quality | Quality.DUPLICATE
        for flag, fault_name, detail in (
            (Quality.UNIT_ASSUMED, "unit", f"nothing says the unit of {what}"),
            (Quality.COUNTER_RESET, "counter_falls", f"{what} falls to {given.value:.10g}"),
            (Quality.OUT_OF_RANGE, "out_of_range", f"{what} is {given.value:.10g}"),
            (Quality.QOS0, "qos0", f"{what} comes with QoS 0"),
        ):
            if reading.quality & flag:
                self._add(fault_name, name, detail)
        return reading.quality

    def _time(self, given: Reading, message: Message, kind: str) -> None:
        time, now, name = given.time, message.received_at, given.device
        if time is None:
            if given.quality & Quality.CLOCK_SKEW:
                self._add("epoch", name, "the time is no moment of 1970 to 9999; are milliseconds sent for seconds?")
            elif kind in TIMED and given.network_time is None:
                self._add("no_time", name, f"{given.quantity} comes without a time")
        elif time < EARLIEST:
            hint = "; are seconds sent for milliseconds?" if abs(time * 1000 - now) < DAY else ""
            self._add("epoch", name, f"the time is before 2015{hint}")
        elif abs(time // 1000 - now) < DAY:
            self._add("epoch", name, "milliseconds are sent for seconds")
        elif time > now + AHEAD:
            self._add("clock_ahead", name, f"{(time - now) / 1000:,.0f} s ahead of ours{_zone(time - now)}")
        elif time < now - LATE_AFTER:
            self._add("clock_behind", name, f"{(now - time) / 1000:,.0f} s behind ours{_zone(now - time)}")

    def _refused(self, message: Message, reason: Reason, detail: str, device: str) -> Line:
        self.refusals[str(reason)] += 1
        if device in self.devices:
            self.devices[device].last_seq = 0  # its number was not read: the next one leaves no gap
        self._add(OWN_FAULT.get(reason, "refused"), device or message.topic, f"{reason}: {detail}")
        return Line(message.received_at, message.topic, "refused", f"{reason}: {detail}  in {beginning(message.payload)}")

    def _unread(self, message: Message) -> list[Line]:
        if says_available(message.payload):
            self._says_available(message.topic)
            return [Line(message.received_at, message.topic, "told", f"says {beginning(message.payload)}")]
        if message.topic.startswith("$") or not message.payload:
            return []
        self._add("unread", message.topic, "no [[adapter]] asks for this topic")
        return [Line(message.received_at, message.topic, "unread", f"no format takes this topic: {beginning(message.payload)}")]

    def _says_available(self, topic: str) -> None:
        if len(self._available) < MOST:
            self._available.update(topic.split("/"))

    def _topic(self, topic: str) -> None:
        if wrong := fault(topic) or ("the topic has a space" if any(char.isspace() for char in topic) else ""):
            self._add("topic", topic, wrong)

    def _device(self, id: str, kind: str) -> Device | None:
        device = self.devices.get(id)
        if device is None:
            if len(self.devices) >= MOST:
                self.forgotten += 1
                return None
            device = self.devices[id] = Device(id, kind)
        return device

    def _add(self, name: str, subject: str, detail: str) -> None:
        known = self._found.get((name, subject))
        if known is not None:
            known.count += 1
        elif len(self._found) < MOST:
            self._found[name, subject] = Finding(name, subject, detail)
        else:
            self.forgotten += 1
