"""The drill device: an MQTT client of its own, with credentials of its own, that knows nothing of the hub it tests.

One connection a drill: that a device can connect at all is part of what is tried.
"""

import asyncio
import secrets
import ssl
import time
from types import TracebackType
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from hub.link import Address
from hub.said import Said, quoted, sentence

PATIENCE = 5.0
"""Seconds for each answer of the broker."""


class DeviceFailed(Exception):
    """The broker did not do its part in ``step``; the sentence says how."""

    def __init__(self, step: str, why: Said) -> None:
        super().__init__(why)
        self.step = step


def wall() -> int:
    return time.time_ns() // 1_000_000


class DrillDevice:
    """Use it in ``async with``. ``alarm`` returns when the broker has confirmed it; ``heard`` is when the alert of the alarm at
    that time came back over MQTT, ms."""

    def __init__(self, address: Address, community: str) -> None:
        self._address = address
        self._topic = f"gengfu/{community}/drill"
        self._answers = f"gengfu/{community}/drills"
        self._loop = asyncio.get_running_loop()
        version = MQTTv5 if address.version == 5 else MQTTv311
        name = f"gengfu-drill-{secrets.token_hex(4)}"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version)
        if address.username:
            self._client.username_pw_set(address.username, address.password or None)
        if address.tls:
            self._client.tls_set(ca_certs=address.ca_file or None, cert_reqs=ssl.CERT_REQUIRED)
        self._client.connect_timeout = PATIENCE
        self._happened: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._heard: dict[str, asyncio.Future[int]] = {}

    async def __aenter__(self) -> "DrillDevice":
        client = self._client
        client.on_connect = lambda _c, _d, _f, reason, _p: self._tell("connected", 0, reason)
        client.on_connect_fail = lambda _c, _d: self._tell("connected", 0, None)
        client.on_subscribe = lambda _c, _d, id, reasons, _p: self._tell("subscribed", id, reasons)
        client.on_publish = lambda _c, _d, id, _r, _p: self._tell("published", id, wall())
        client.on_message = self._message
        client.connect_async(self._address.host, self._address.port, keepalive=30)
        await asyncio.to_thread(client.loop_start)  # it waits for its thread, and the hub must not
        try:
            silent = DeviceFailed("published", sentence("broker_silent", where=self._address.shown))
            reason = await self._wait("connected", 0, silent)
            if reason is None:
                raise silent
            if reason.is_failure:
                raise DeviceFailed("published", sentence("broker_refuses", why=quoted(str(reason))))
            _, id = client.subscribe(self._answers, qos=1)
            deaf = DeviceFailed("heard", sentence("broker_deaf", seconds=PATIENCE))
            reasons = await self._wait("subscribed", id or 0, deaf)
            if any(one.is_failure for one in reasons):
                raise DeviceFailed("heard", sentence("broker_forbids", topic=self._answers))
        except BaseException:
            await self._gone()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._gone()

    async def _gone(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def alarm(self, drill: str, on: bool, at: int) -> int:
        """When the broker confirmed it, ms. Raises DeviceFailed."""
        payload = msgspec.json.encode({"drill": drill, "alarm": on, "at": at})
        said = self._client.publish(self._topic, payload, qos=1)
        unconfirmed = DeviceFailed("confirmed", sentence("alarm_unconfirmed", seconds=PATIENCE))
        confirmed: int = await self._wait("published", said.mid, unconfirmed)
        return confirmed

    def heard(self, alert: str) -> "asyncio.Future[int]":
        """When the firing alert came back, ms."""
        return self._heard.setdefault(alert, self._loop.create_future())

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        at = wall()
        try:
            said = msgspec.json.decode(message.payload)
        except msgspec.DecodeError:
            return  # not the hub's: anyone may publish there
        if isinstance(said, dict) and said.get("state") == "firing":
            self._loop.call_soon_threadsafe(self._came, str(said.get("id")), at)

    def _came(self, alert: str, at: int) -> None:
        if not (known := self.heard(alert)).done():
            known.set_result(at)

    def _future(self, what: str, id: int) -> "asyncio.Future[Any]":
        return self._happened.setdefault((what, id), self._loop.create_future())

    def _tell(self, what: str, id: int, result: Any) -> None:
        def told() -> None:
            if not (future := self._future(what, id)).done():
                future.set_result(result)

        self._loop.call_soon_threadsafe(told)

    async def _wait(self, what: str, id: int, otherwise: DeviceFailed) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._future(what, id)
        except TimeoutError:
            raise otherwise from None
