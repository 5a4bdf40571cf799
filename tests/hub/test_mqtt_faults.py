"""The session when something is wrong: refused, frozen, taken over, garbled, or wrongly configured."""

import asyncio
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from hub.model import Message
from hub.mqtt import Unusable, parse_url
from tests.support.brokers import HOST, KINDS, Broker, start_broker, start_mosquitto
from tests.support.sessions import Listener, client, listening, publish, until


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with start_broker(request.param, tmp_path) as running:
        yield running


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path) as running:
        yield running


async def run_to_its_end(listener: Listener) -> None:
    await asyncio.wait_for(listener.session.run(), 10)


@pytest.mark.fault("broker frozen")
async def test_a_frozen_broker_is_noticed_within_twice_the_keepalive(broker: Broker) -> None:
    async with listening(broker.url, "tele/#", keepalive=2) as listener:
        broker.freeze()
        frozen = time.monotonic()
        await until(lambda: not listener.session.connected, 6)
        assert time.monotonic() - frozen <= 4
        await until(lambda: "silent" in listener.session.last_error, 1)
        await until(lambda: "answered CONNECT" in listener.session.last_error, 6)
        broker.thaw()
        await listener.subscribed()
        await publish(broker.url, ("tele/a", "x"))
        await until(lambda: listener.messages)


async def test_an_idle_session_is_kept_alive(broker: Broker) -> None:
    async with listening(broker.url, "tele/#", keepalive=1) as listener:
        await asyncio.sleep(3)
        assert listener.session.connected
        assert listener.session.reconnects == 0


async def test_a_subscription_mosquitto_refuses_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.subscriptions.ASK_AGAIN", 0.5)
    access = {
        "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True},
        "roles": [{"rolename": "all", "acls": [{"acltype": "subscribePattern", "topic": "open/#", "allow": True}]}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "all"}], "clients": []}],
        "anonymousGroup": "all",
    }
    rules = tmp_path / "access.json"
    rules.write_text(json.dumps(access))
    rules.chmod(0o666)
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    extra = [f"plugin {plugin}", f"plugin_opt_config_file {rules}"]
    with start_mosquitto(tmp_path, extra=extra) as broker:
        async with listening(broker.url, "open/#", "closed/#", keepalive=1, confirming=True) as listener:
            session = listener.session
            assert (session.granted, session.refused) == ({"open/#"}, {"closed/#"})
            assert session.fault == "the broker refuses to subscribe closed/#"
            with pytest.raises(ConnectionError, match="refuses to subscribe closed/too"):
                await session.subscribe(["closed/too"])
            await publish(broker.url, ("open/a", "x"))
            await until(lambda: listener.messages)
            asked = session.subscriptions._id
            await until(lambda: session.subscriptions._id >= asked + 2)
            assert session.reconnects == 0


async def test_more_subscriptions_than_nats_holds_are_refused_and_said(tmp_path: Path) -> None:
    with start_broker("nats", tmp_path) as broker:
        async with listening(broker.url, *[f"fire/{n}" for n in range(135)]) as listener:
            assert len(listener.session.granted) == 131  # 65535 // 500
            assert "refuses to subscribe fire/131, fire/132, fire/133, fire/134" in listener.session.fault


async def test_a_wrong_password_ends_the_first_start_with_a_plain_sentence(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, username="hub", password="right") as broker:
        async with listening(broker.url, "tele/#"):
            pass
        with pytest.raises(Unusable, match=r"the broker at mqtt://127\.0\.0\.1:\d+ refuses .*password") as raised:
            await run_to_its_end(Listener(broker.url.replace("right", "wrong"), ["tele/#"]))
        assert "wrong" not in str(raised.value)


async def test_a_password_that_changes_later_is_a_fault_but_not_the_end(tmp_path: Path) -> None:
    with start_mosquitto(tmp_path, username="hub", password="first") as broker:
        async with listening(broker.url, "tele/#") as listener:
            broker.stop()
            with start_mosquitto(tmp_path / "other", port=broker.port, username="hub", password="second"):
                await until(lambda: "password" in listener.session.fault)
                assert listener.task is not None
                assert not listener.task.done()
            broker.restart()
            await listener.subscribed()


async def test_nats_does_not_speak_mqtt_5_and_that_is_said(tmp_path: Path) -> None:
    with start_broker("nats", tmp_path) as broker, pytest.raises(Unusable, match="does not speak this version of MQTT"):
        await run_to_its_end(Listener(broker.url, ["tele/#"], version=5))


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of our own, a server certificate for 127.0.0.1 by it, and another CA."""
    place = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=place, check=True, capture_output=True)

    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.pem")  # fmt: skip
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", "broker.key", "-out", "broker.csr")
    (place / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "broker.pem")  # fmt: skip
    for file in place.iterdir():
        file.chmod(0o644)
    return place


async def test_tls_with_our_own_ca_and_a_password(tmp_path: Path, certificates: Path) -> None:
    tls = (certificates / "broker.pem", certificates / "broker.key")
    with start_mosquitto(tmp_path, tls=tls, username="hub", password="p@ss:/?#", max_inflight=0) as broker:
        assert broker.url.startswith("mqtts://")
        ca_file = certificates / "ca.pem"
        async with listening(broker.url, "tele/#", ca_file=ca_file, confirming=True) as listener:
            context = ssl.create_default_context(cafile=ca_file)
            async with aiomqtt.Client(HOST, broker.port, username="hub", password="p@ss:/?#", tls_context=context) as other:
                for number in range(200):
                    await other.publish("tele/a", b"%d" % number + b"." * 1000, qos=1)
            await until(lambda: len(listener.messages) == 200)
            await asyncio.wait_for(listener.session.publish("out", b"x"), 5)
            broker.kill()
            broker.restart()
            await until(lambda: listener.session.reconnects == 1)


async def test_a_certificate_we_do_not_trust_is_said_and_tried_again(tmp_path: Path, certificates: Path) -> None:
    with start_mosquitto(tmp_path, tls=(certificates / "broker.pem", certificates / "broker.key")) as broker:
        listener = Listener(broker.url, ["tele/#"], ca_file=certificates / "stranger.pem")
        listener.task = asyncio.create_task(listener.session.run())
        await until(lambda: "certificate is not trusted" in listener.session.last_error)
        assert not listener.session.connected
        await listener.close()


async def test_a_ca_file_that_is_no_good_ends_it(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for ca_file in (tmp_path / "missing.pem", empty):
        with pytest.raises(Unusable, match=f'the CA file "{ca_file}" cannot be used'):
            await run_to_its_end(Listener("mqtts://127.0.0.1:1", ["tele/#"], ca_file=ca_file))


# --- the client id is taken -------------------------------------------------------------------------------------------


@pytest.mark.fault("our client id is taken")
@pytest.mark.parametrize("version", [4, 5])
async def test_two_with_one_client_id_say_so_and_do_not_fight(mosquitto: Broker, version: int) -> None:
    async with listening(mosquitto.url, "tele/#", version=version) as one:
        other = Listener(mosquitto.url, ["tele/#"], version=version)
        other.task = asyncio.create_task(other.session.run())
        try:
            await until(lambda: "hub-under-test" in one.session.fault and "hub-under-test" in other.session.fault, 20)
            before = one.session.reconnects + other.session.reconnects
            await asyncio.sleep(4)
            # Each has waited three times; its next delays are at least 0.4, 0.8, 1.6 and 3.2 s.
            assert one.session.reconnects + other.session.reconnects - before <= 6
        finally:
            await other.close()


@pytest.mark.fault("our client id is taken")
async def test_one_that_comes_back_at_once_does_not_make_us_hurry(mosquitto: Broker) -> None:
    async def insist() -> None:
        while True:
            try:
                async with client(mosquitto.url, identifier="hub-under-test", clean_session=False) as other:
                    async for _ in other.messages:
                        pass
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    async with listening(mosquitto.url, "tele/#") as listener:
        rival = asyncio.create_task(insist())
        try:
            await until(lambda: "another client" in listener.session.fault, 20)
            await asyncio.sleep(5)
            assert listener.session.reconnects <= 8  # 0.1, 0.2, 0.4, 0.8, 1.6, 3.2 s apart
        finally:
            rival.cancel()
            await asyncio.gather(rival, return_exceptions=True)


# --- a broker that is none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "broke the MQTT protocol"),
        (b"\x20\x02\x00\x00\x34\x05\x00\x01a\x00\x01", "broke the MQTT protocol: a PUBLISH with QoS 2"),
        (b"\x20\x02\x00\x00\x20\x02\x00\x00", "broke the MQTT protocol: a second CONNACK"),
        (b"\x30\x03\x00\x01a", "broke the MQTT protocol: a PUBLISH before CONNACK"),
        (b"\x20\x02\x00\x03", "refuses us (reason 0x03)"),
        (b"", "closed the connection"),
        (b"\x20\x03\x00\x00\x00\xe0\x01\x8e", 'taken over the client id "hub-under-test"'),
    ],
)
async def test_whatever_answers_the_session_says_it_and_tries_again(answer: bytes, said: str) -> None:
    calls = 0

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read(2)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answering, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    listener = Listener(f"mqtt://{HOST}:{port}", ["tele/#"], version=5 if b"\x8e" in answer else 4)
    listener.task = asyncio.create_task(listener.session.run())
    try:
        await until(lambda: calls >= 3)
        assert said in listener.session.last_error
        assert listener.messages == []
    finally:
        await listener.close()
        server.close()


async def test_nobody_there() -> None:
    listener = Listener("mqtt://127.0.0.1:1", ["tele/#"])
    listener.task = asyncio.create_task(listener.session.run())
    await until(lambda: listener.session.last_error)
    assert "Connection refused" in listener.session.fault
    await listener.close()


async def test_what_the_pipeline_raises_ends_the_session(mosquitto: Broker) -> None:
    """Even an OSError, such as a full disk: it is not a lost connection."""
    listener = Listener(mosquitto.url, ["tele/#"])

    def full(_: list[Message]) -> None:
        raise OSError(28, "No space left on device")

    listener.session._on_messages = full
    running = asyncio.create_task(listener.session.run())
    await listener.subscribed()
    await publish(mosquitto.url, ("tele/a", "x"))
    with pytest.raises(OSError, match="No space left"):
        await asyncio.wait_for(running, 5)


# --- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "username", "password"),
    [
        ("mqtt://broker", "mqtt://broker:1883", "", ""),
        ("mqtts://broker/", "mqtts://broker:8883", "", ""),
        ("mqtt://li:a%40b%2Fc@10.0.0.7:18830", "mqtt://10.0.0.7:18830", "li", "a@b/c"),
        ("mqtt://[::1]:1884", "mqtt://[::1]:1884", "", ""),
    ],
)
def test_urls(url: str, shown: str, username: str, password: str) -> None:
    address = parse_url(url)
    assert (address.shown, address.username, address.password) == (shown, username, password)
    assert "a@b/c" not in repr(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://broker", 'begins with "http"'),
        ("broker:1883", 'begins with "broker"'),
        ("mqtt://", "names no host"),
        ("mqtt://broker:99999", "cannot be read"),
        ("mqtt://broker/topic", "goes on after the port"),
        ("mqtt://li:a#b@broker", "goes on after the port|cannot be read"),
        ("mqtt://:secret@broker", "no user"),
    ],
)
def test_urls_that_are_none_are_refused_in_plain_words(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        parse_url(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "a/#/b", "a#", "a/b+", "+a/b", "a\0"])
def test_filters_that_mqtt_does_not_allow(name: str) -> None:
    options: dict[str, Any] = {"client_id": "x"}
    with pytest.raises(ValueError, match="filter"):
        Listener("mqtt://127.0.0.1", [name], **options)
