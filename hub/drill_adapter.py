"""The hub's own drill device. See ``DrillAdapter``."""

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from adapters.decoding import epoch_ms, parse_object
from hub.model import DRILL_DEVICE, Lane, Message, Reading, Reason
from hub.ports import Decoded, Malformed


class DrillAdapter:
    """The alarm of a fire drill, sent by the hub's own drill device through the broker like any detector's.

    Topic: gengfu/<community>/drill. Payload: drill (its id), alarm true or false, at ms since 1970.
    Device: drill:hub. alarm -> device.drill. Nothing else is read, and no real alarm is ever spoken here.

    It is part of the hub, not of the formats: it is on whichever of them are.

    Refused: no drill, alarm or at MISSING_FIELD; another type WRONG_TYPE.
    """

    kind: ClassVar[str] = "drill"
    lane: Lane = "fire"

    def __init__(self, community: str) -> None:
        self.topics: tuple[str, ...] = (f"gengfu/{community}/drill",)
        self.heard: tuple[str, int, int] = ("", 0, 0)  # the last alarm: its drill, when it arrived and when it was decoded, ms

    def decode(self, message: Message) -> Sequence[Decoded]:
        said = parse_object(message.payload)
        for name, kind in (("drill", str), ("alarm", bool), ("at", int)):
            if name not in said:
                raise Malformed(Reason.MISSING_FIELD, f'"{name}" is missing', DRILL_DEVICE)
            if type(said[name]) is not kind:
                raise Malformed(Reason.WRONG_TYPE, f'"{name}" is no {kind.__name__}', DRILL_DEVICE)
        if said["alarm"]:
            self.heard = said["drill"], message.received_at, time.time_ns() // 1_000_000
        at, quality = epoch_ms(said["at"], "ms")
        return [Reading(DRILL_DEVICE, "device.drill", float(said["alarm"]), at, quality=quality)]

    def snapshot(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass
