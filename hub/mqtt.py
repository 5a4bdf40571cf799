"""A session with an MQTT broker, kept for ever: subscribed, reconnected, each message confirmed when the hub says so.

The hub has two, one a lane. Each is a persistent session (3.1.1: clean session 0; 5: clean start 0, kept for 7 days), QoS 1, so
that what is not confirmed is the broker's to keep and to send again. A thin reader of our own, because no client for Python
keeps up with QoS 1 and lets us confirm after a commit, in groups.
"""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final

from hub import packets
from hub.link import Address, Link, Loss, parse_url, trust
from hub.model import Lane, Message, Now
from hub.packets import Connack, Disconnect, Puback, Suback
from hub.publisher import Full, NotPublished, Publisher
from hub.subscriptions import Subscriptions
from hub.wire import Other, Reader, Refused

__all__ = ["Address", "Full", "NotPublished", "Refused", "Session", "Unusable", "parse_url"]

log = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 30.0
STABLE: Final = 5.0
"""Seconds a connection must last, and three times the delay before it, to count as one that holds."""
USUAL_WINDOW: Final = 20  # mosquitto's max_inflight_messages

# CONNACK, 3.1.1 table 3.1 and 5 section 3.2.2.2: what trying again does not change.
_HOPELESS: Final = {
    0x01: "does not speak this version of MQTT; set version under [mqtt] to the other one",
    0x84: "does not speak this version of MQTT; set version under [mqtt] to the other one",
    0x02: "refuses the client id; set another client_id under [mqtt]",
    0x85: "refuses the client id; set another client_id under [mqtt]",
    0x04: "refuses the username or the password",
    0x86: "refuses the username or the password",
    0x05: "refuses us: not authorized; check username and password",
    0x87: "refuses us: not authorized; check username and password",
    0x8A: "has banned this client",
    0x8C: "wants another method of authentication",
}
_TAKEN_OVER: Final = 0x8E


class Unusable(Exception):
    """The session can never work as it is configured; the text says why and what to do."""


class Session:
    """One lane's session. Everything here runs on the event loop; nothing is thread-safe.

    ``on_messages`` gets what one read of at most 32 KiB brought, in order of arrival; ``on_refused`` what is larger than
    ``largest`` bytes or has a topic MQTT does not allow. If one of them raises, ``run`` does.

    ``window``: how many unconfirmed messages this broker is known to allow. It begins at 20, mosquitto's default, and grows
    with what the broker sends: whoever commits at a share of it never stalls. With ``most_unconfirmed`` (MQTT 5 tells it to
    the broker) the session stops reading by itself until some are confirmed.

    ``forgotten`` counts reconnects at which the broker knew nothing of us: what it had confirmed to devices may be lost.

    ``granted`` and ``refused`` are the filters as the broker answered on this connection.
    """

    def __init__(
        self,
        address: Address,
        client_id: str,
        lane: Lane,
        filters: Sequence[str],
        on_messages: Callable[[list[Message]], None],
        on_refused: Callable[[Refused], None],
        *,
        clock: Callable[[], Now],
        random: Random,
        keepalive: int = 20,
        most_unconfirmed: int = 4096,
        largest: int = 1 << 20,
        publishes: int = 10_000,
        clean: bool = False,
    ) -> None:
        self.address = address
        self.client_id = client_id
        self.lane: Lane = lane
        self.keepalive = keepalive
        self.window = USUAL_WINDOW
        self.connected = False
        self.subscriptions = Subscriptions(filters)
        self.granted, self.refused = self.subscriptions.granted, self.subscriptions.refused
        self.received = 0
        self.confirmed = 0
        self.repeated = 0
        self.reconnects = 0
        self.forgotten = 0
        self.last_error = ""
        self.publisher = Publisher(publishes)
        self._on_messages = on_messages
        self._on_refused = on_refused
        self._clock = clock
        self._random = random
        self._most_unconfirmed = min(most_unconfirmed, 65535)
        self._largest = largest
        self._clean = clean  # no session is kept: for whoever only looks
        self._link: Link | None = None
        self._connection = 0
        self._ever = False  # let in, once
        self._delay = FIRST_DELAY
        self._since = 0.0  # when the broker let us in
        self._short = 0  # connections in a row that the broker closed before they were STABLE
        self._paused = False
        self._closing = asyncio.Event()
        self._said = ""

    # --- what the hub does with it ------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Messages handed out and not confirmed."""
        return len(self._link.reader.unconfirmed) if self._link else 0

    @property
    def published(self) -> int:
        return self.publisher.published

    @property
    def fault(self) -> str:
        """What is wrong now, in one sentence; "" if nothing is."""
        if self._short >= 3:
            return (
                f"the broker at {self.address.shown} keeps closing the connection soon after letting us in: "
                f'is another client using the client id "{self.client_id}"?'
            )
        if not self.connected:
            return f"not connected to the broker at {self.address.shown}: {self.last_error or 'still connecting'}"
        if self.refused:
            return f"the broker refuses to subscribe {', '.join(sorted(self.refused))}"
        return ""

    def confirm(self, messages: Iterable[Message]) -> None:
        """Confirms them to the broker. Those of an earlier connection are passed over: the broker sends them again."""
        link = self._link
        if link is None or not self.connected:
            return
        unconfirmed, connection = link.reader.unconfirmed, self._connection
        ids = [m.packet_id for m in messages if m.connection == connection and m.packet_id in unconfirmed]
        if ids:
            unconfirmed.difference_update(ids)
            link.write(packets.confirm(ids))
            self.confirmed += len(ids)
            self._throttle(link)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "asyncio.Future[None]":
        """Publishes with QoS 1 and repeats it over reconnects until the broker has confirmed it, which is when the future is
        done. It fails with NotPublished if the broker will not have it. Raises Full, and ValueError for a bad topic."""
        return self.publisher.publish(topic, payload, retain)

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Adds filters, for this connection and all later ones; returns when the broker has granted them.

        Raises ValueError for a malformed filter, ConnectionError when there is no connection or it ends first, or a filter is
        refused: then they are asked for again by and by.
        """
        self.subscriptions.want(filters)
        if self._link is None or not self.connected:
            raise ConnectionError(self.fault)
        await self.subscriptions.asked_now(filters)

    def pause(self) -> None:
        """Stops reading: the broker keeps what comes. Its answers to our publishes and subscriptions are not heard either."""
        self._paused = True
        if self._link is not None and self.connected:
            self._throttle(self._link)

    def resume(self) -> None:
        self._paused = False
        if self._link is not None and self.connected:
            self._throttle(self._link)

    async def close(self) -> None:
        """Says goodbye after what was written has gone out; ``run`` returns. The broker keeps the session."""
        self._closing.set()
        if self._link is not None:
            await self._link.close()

    async def run(self) -> None:
        """Connects, and connects again for ever, with a jittered delay of 0.1 s growing to 30 s.

        Ends when it is cancelled or closed. Raises Unusable if the configuration can never work: a CA file that is not
        there, or a broker that refuses the first connection for a reason that trying again does not change.
        """
        try:
            context = trust(self.address)
        except OSError as error:
            raise Unusable(f'the CA file "{self.address.ca_file}" cannot be used: {error.strerror or error}') from error
        try:
            while not self._closing.is_set():
                loss = await self._live(context)
                if self._closing.is_set():
                    return
                self._settle()
                if self._since and loss.by_broker:
                    self._short += 1
                self._say(loss.why)
                try:
                    async with asyncio.timeout(self._delay * self._random.uniform(0.5, 1)):
                        await self._closing.wait()
                except TimeoutError:
                    self._delay = min(self._delay * 2, LONGEST_DELAY)
        finally:
            self.publisher.close()

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _live(self, context: ssl.SSLContext | None) -> Loss:
        """One connection from its beginning to its end."""
        address = self.address
        self._connection += 1
        self._since = 0.0
        self.window = USUAL_WINDOW
        reader = Reader(version=address.version, limit=self._largest, lane=self.lane, connection=self._connection)
        link = self._link = Link(reader, self.keepalive, self._clock, self._take, self._beat)
        hello = packets.connect(
            self.client_id,
            version=address.version,
            keepalive=self.keepalive,
            username=address.username,
            password=address.password,
            clean=self._clean,
            receive_maximum=self._most_unconfirmed,
        )
        loss = Loss("the hub ended it")
        try:
            try:
                await link.open(address, context, hello)
            except TimeoutError:
                loss = Loss(f"no connection within {self.keepalive} s")
            except ssl.SSLCertVerificationError as error:
                loss = Loss(
                    f"its certificate is not trusted: {error.verify_message}; check ca_file, the host's name and the clock"
                )
            except OSError as error:
                loss = Loss(_plain(error))
            except UnicodeError as error:
                raise Unusable(f'"{address.host}" is not a host name') from error
            else:
                loss = await link.ended  # outside of the handlers: what the hub's own callbacks raise is not a loss
        finally:
            self.connected = False
            self.repeated += reader.repeated
            self.publisher.lost(loss.by_broker)
            self.subscriptions.lost()
            await link.close()
            self._link = None
        return loss

    def _take(self, messages: list[Message], others: list[Other]) -> None:
        """What one read brought. The broker's answers first: they may be what lets the messages in."""
        link = self._link
        assert link is not None
        refused: list[Refused] = []
        for other in others:
            match other:
                case Refused():
                    refused.append(other)
                case Connack() if not link.welcomed:
                    self._connack(link, other)
                case Puback():
                    self.publisher.confirmed(other.packet_id, other.code)
                case Suback():
                    self.subscriptions.answered(other)
                    if self.refused:
                        self._say(self.fault)
                case Disconnect():
                    self._disconnect(link, other)
                case Connack():
                    link.lose(Loss("the broker broke the MQTT protocol: a second CONNACK"))
        if not (messages or refused):
            return
        if not link.welcomed:
            link.lose(Loss("the broker broke the MQTT protocol: a PUBLISH before CONNACK"))
            return
        self.received += len(messages) + len(refused)
        self.window = max(self.window, self.in_flight)
        self._throttle(link)
        if messages:
            self._on_messages(messages)
        for one in refused:
            self._on_refused(one)

    def _connack(self, link: Link, connack: Connack) -> None:
        if connack.code:
            why = _HOPELESS.get(connack.code, "")
            text = f"the broker at {self.address.shown} {why or f'refuses us (reason 0x{connack.code:02x})'}"
            text += f": {connack.reason}" if connack.reason else ""
            if why and not self._ever:
                raise Unusable(text)
            link.lose(Loss(text))
            return
        link.welcomed = True
        if connack.keepalive is not None:  # MQTT 5: then it is the broker's that counts
            link.keepalive = connack.keepalive or self.keepalive
        if self._ever:
            self.reconnects += 1
            self.forgotten += not connack.session_present
        news = "" if connack.session_present else "; it knew nothing of us: if it did once, what it confirmed meanwhile is lost"
        log.info("%s session: connected to the broker at %s%s", self.lane, self.address.shown, news if self._ever else "")
        self._said = ""
        self._ever = self.connected = True
        self._since = asyncio.get_running_loop().time()
        self.subscriptions.connected(link.write, self.address.version)
        self.publisher.connected(
            link.write, self.address.version, connack.receive_maximum, connack.maximum_packet, connack.session_present
        )
        self._throttle(link)

    def _disconnect(self, link: Link, said: Disconnect) -> None:
        why = f"the broker ended the connection (reason 0x{said.code:02x}{': ' + said.reason if said.reason else ''})"
        if said.code == _TAKEN_OVER:
            self._short = max(self._short, 3)  # no need to guess
            why = f'another client has taken over the client id "{self.client_id}"'
        link.lose(Loss(why, by_broker=True))

    def _throttle(self, link: Link) -> None:
        link.pause(self._paused or len(link.reader.unconfirmed) >= self._most_unconfirmed)

    def _beat(self) -> None:
        """Every few seconds of a connection."""
        self._settle()
        if self.connected:
            self.subscriptions.beat()

    def _settle(self) -> None:
        """A connection that has held long enough makes the next delay short again. Longer than three of our delays, or two
        hubs with one client id would take the session from each other for ever."""
        if self._since and asyncio.get_running_loop().time() - self._since > max(STABLE, 3 * self._delay):
            self._delay = FIRST_DELAY
            self._short = 0

    def _say(self, why: str) -> None:
        """Remembers what went wrong, and logs it once for each row of failures."""
        if why != self._said:
            log.warning("%s session: %s", self.lane, why)
        self.last_error = self._said = why


def _plain(error: OSError) -> str:
    """What the system says of it: asyncio's own words are "Connect call failed ('127.0.0.1', 1)"."""
    if error.errno and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)
