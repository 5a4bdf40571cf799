"""OwnTracks: phones as pendants. See ``OwnTracks``."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from adapters.decoding import TopicTemplate, epoch_ms, number, parse_object, shown
from hub.model import DeviceInfo, Lane, Message, Reading, Reason
from hub.ports import AdapterSettings, Decoded, Malformed, SiteContext

_ELSEWHERE = (
    "beacon", "card", "cmd", "configuration", "dump", "encrypted", "request", "status", "transition", "waypoint", "waypoints",
)  # fmt: skip


class OwnTracks:
    """The OwnTracks apps (https://owntracks.org): whether a person's phone is on line and charged, and the steps it counted.

    Topics: ``base`` (owntracks)/<user>/<device>: _type location and lwt; …/step: _type steps. What else the apps publish
    (event, beacon, dump, waypoint, cmd, info) is not subscribed; such a _type on these topics says nothing here.
    Device: owntracks:<user>.<device>.

    location: batt % -> device.battery; that it was sent says that the phone is on line. lwt, the last will: off line.
    steps: steps from ``from`` to ``to`` -> health.steps (no counter: periods overlap); -1 means that the phone does not count.
    ubatt (trackers of Queclink) V -> device.battery.voltage.

    POSITION IS NOT STORED, nor regions, networks (SSID, BSSID), altitude and speed: where a person is, is theirs. Refused
    messages are kept as dead letters for a vendor to see; there a position may be in it. "encrypted" cannot be read.

    Time: seconds UTC. A location's tst is that of its fix, which may be hours older than the message: created_at, where there is
    one, goes first. lwt's tst is when the app connected, not when it was lost: the arrival counts.
    Availability: lwt, else three times the learned interval. Locations are retained by the broker: at a restart of the hub the
    last one comes again (stale_retained).
    Refused: no _type or no tst MISSING_FIELD, an unknown _type UNKNOWN_VALUE.

    Sources: owntracks/booklet docs/tech/json.md.
    """

    kind = "owntracks"

    class Settings(AdapterSettings):
        base: str = Field("owntracks", description="what the topics begin with")

        @field_validator("base")
        @classmethod
        def _fits(cls, base: str) -> str:
            if TopicTemplate(f"{base}/x").names:
                raise ValueError(f'base "{base}" is plain levels, like "owntracks"')
            return base

    topics: tuple[str, ...]
    lane: Lane

    def __init__(self, settings: Settings, site: SiteContext) -> None:
        self.lane = settings.lane
        self._location = TopicTemplate(f"{settings.base}/{{user}}/{{device}}")
        self._step = TopicTemplate(f"{settings.base}/{{user}}/{{device}}/step")
        self.topics = (self._location.filter, self._step.filter)

    def decode(self, message: Message) -> Sequence[Decoded]:
        names = self._location.match(message.topic) or self._step.match(message.topic)
        if names is None:
            raise Malformed(Reason.BAD_TOPIC, "not a topic of OwnTracks that is read here")
        device = f"owntracks:{names['user']}.{names['device']}"
        try:
            return self._read(parse_object(message.payload), device, message)
        except Malformed as refusal:
            refusal.device = device
            raise

    def snapshot(self) -> None:
        return None

    def restore(self, state: Any) -> None:
        """Nothing is remembered between messages."""

    def _read(self, body: dict[str, Any], device: str, message: Message) -> Sequence[Decoded]:
        match body.get("_type"):
            case None:
                raise Malformed(Reason.MISSING_FIELD, "no _type")
            case "location":
                return self._phone(body, device, message)
            case "lwt":
                return (DeviceInfo(device, online=False),)
            case "steps":
                return self._steps(body, device)
            case kind if kind in _ELSEWHERE:
                return ()
            case kind:
                raise Malformed(Reason.UNKNOWN_VALUE, f"_type is {shown(kind)}")

    def _phone(self, body: dict[str, Any], device: str, message: Message) -> Sequence[Decoded]:
        if "tst" not in body:
            raise Malformed(Reason.MISSING_FIELD, "location without tst")
        field = "created_at" if body.get("created_at") is not None else "tst"
        time, flags = epoch_ms(body[field], "s", field)
        found: list[Decoded] = [] if message.retained else [DeviceInfo(device, online=True)]
        for field, quantity in (("batt", "device.battery"), ("ubatt", "device.battery.voltage")):
            if body.get(field) is not None:
                found.append(Reading(device, quantity, number(body[field], field), time, quality=flags))
        return found

    def _steps(self, body: dict[str, Any], device: str) -> Sequence[Decoded]:
        if "steps" not in body:
            raise Malformed(Reason.MISSING_FIELD, "no steps")
        steps = number(body["steps"], "steps")
        time, flags = epoch_ms(body.get("to", body.get("tst")), "s", "to")
        return (Reading(device, "health.steps", steps, time, quality=flags),) if steps >= 0 else ()
