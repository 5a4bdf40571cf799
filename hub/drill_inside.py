"""What a drill sees of the hub it is part of, and how it is put together. Implements ``hub.drill.Inside``."""

from dataclasses import dataclass

from msgspec.structs import replace

from hub import drill_report
from hub.drill import Drills
from hub.drill_adapter import DrillAdapter
from hub.drill_rule import RULE
from hub.link import Address
from hub.model import DRILL_DEVICE, Alert, Device
from hub.notices import Roster
from hub.parts import Parts
from hub.records import Work
from hub.said import Said, sentence

LOOKED_AT = 50
NAME = "演练装置 (drill device)"


@dataclass(frozen=True)
class HubInside:
    hub: Parts

    def drill_alert(self) -> Alert | None:
        open_ = self.hub.pipeline.open.values()
        return next((alert for alert in open_ if alert.device == DRILL_DEVICE and alert.rule == RULE), None)

    def refusals(self) -> int:
        return sum(count for (kind, _), count in self.hub.pipeline.refusals.items() if kind == DrillAdapter.kind)

    def deaf(self) -> Said | None:
        away = [(lane, session.fault) for lane, session in self.hub.sessions.items() if not session.connected]
        faults = [sentence("lane_away", lane=lane, why=fault) for lane, fault in away]
        return sentence("all_failed", each=faults) if faults else None

    def rule_off(self) -> Said | None:
        if any(rule.settings.id == RULE and not rule.settings.enabled for rule in self.hub.config.rules):
            return sentence("rule_switched_off", rule=RULE)
        why = self.hub.engine.failed.get(RULE, "")
        return sentence("rule_stopped", rule=RULE, why=why) if why else None

    def stuck(self) -> Said | None:
        if self.hub.committer.full:
            return sentence("disk_full")
        return sentence("disk_stuck") if self.hub.committer.stuck else None

    async def introduce(self) -> None:
        """The drill device is a device like any other, with a name."""
        if (known := self.hub.places.device(DRILL_DEVICE)) is None or not known.name:
            await self.hub.pipeline.register([], [Device(id=DRILL_DEVICE, name=NAME, accepted=True)], RULE)

    def gather(self) -> Work:
        return self.hub.committer.gather(urgent=False)


def drills(hub: Parts, roster: Roster, address: Address, adapter: DrillAdapter) -> Drills:
    """``address``: as the hub itself reaches the broker; the drill device has its own name and password where they are given."""
    given = hub.config.drill
    if given.username:
        address = replace(address, username=given.username, password=given.password)
    made = Drills(lambda: address, hub.config.community, roster, adapter, HubInside(hub), hub.reader, given.wait)
    made.passed_at = next((one.ended_at for one in drill_report.recent(hub.reader, LOOKED_AT) if one.state == "passed"), None)
    hub.pipeline.told.drills = made.notices
    hub.glance.last_drill = lambda: made.passed_at
    return made
