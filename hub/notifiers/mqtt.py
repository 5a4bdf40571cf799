"""MQTT: publishes every change of an alert on ``gengfu/{community}/alerts/{severity}``."""

from asyncio import Future
from collections.abc import Callable
from typing import ClassVar

import msgspec

from hub import ports
from hub.model import Notice
from hub.ports import NotSent
from hub.said import sentence

Publisher = Callable[[str, bytes], "Future[None]"]

_encode = msgspec.json.Encoder().encode


class MqttNotifier:
    """Publishes every change of every alert as one JSON object, QoS 1, not retained, on
    ``gengfu/{community}/alerts/{severity}``. It is always there and needs no configuration.

    Alerts of drills go to ``gengfu/{community}/drills`` instead, so that no siren follows them. Taken means that the broker has
    confirmed it.
    """

    kind: ClassVar[str] = "mqtt"
    concurrency = 200

    class Settings(ports.Settings):
        pass

    def __init__(self, community: str, publish: Publisher) -> None:
        self._prefix = f"gengfu/{community}/alerts/"
        self._drills = f"gengfu/{community}/drills"
        self._publish = publish

    async def send(self, notice: Notice) -> None:
        said = {key: value for key, value in notice.body.items() if key not in ("why", "told")}
        topic = self._drills if notice.drill else self._prefix + notice.severity
        try:
            await self._publish(topic, _encode(said))
        except ConnectionError as error:
            raise NotSent(sentence("not_taken_because", name=sentence("the_broker"), why=str(error))) from error

    async def close(self) -> None:
        pass
